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
    memory.py      what was freed goes back to the system
    derived.py     pictures to look at and to keep, made when first asked for
    archive.py     a ZIP that is sent as it is made
    store.py       all sessions, in memory and in a bounded folder
    session.py     one session: its results, and how it is written down
    folder.py      the files of one session
    place.py       where sessions lie, for good or for now; whose folder it is
    files.py       the page's own files, packed and cached
    recipe.py      the command line and the Python lines of a result
    monitoring.py  what `/metrics` tells
    limits.py      every bound
    static/        the page; no build step, nothing from outside

This package needs the extra ``studio``.
"""
