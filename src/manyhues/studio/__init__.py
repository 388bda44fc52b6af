"""The studio: see, choose and steer colourings in a browser, over an API that serves programs too.

::

    server.py      one uvicorn process; stops gracefully
    app.py         the application: pages, errors, life cycle
    routes/        what it answers, one file a group of paths; schema.py is what it says, typed
    guard.py       what every request has to pass: host, origin, token, size
    hub.py         the parts, wired: store, queues, jobs
    jobs.py        a drawing as a job, step by step
    actions/       what can be done: one file an action, with its body, call, recipe and label
    lanes.py       bounded queues, one thread each; jobs and their events
    derived.py     pictures to look at and to keep, made when first asked for
    store.py       sessions and results, in memory and in a bounded folder
    folder.py      the files of one session
    recipe.py      the command line and the Python lines of a result
    monitoring.py  what `/metrics` tells
    limits.py      every bound
    static/        the page; no build step, nothing from outside

This package needs the extra ``studio``.
"""
