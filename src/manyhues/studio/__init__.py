"""The studio: see, choose and steer colourings in a browser, over an API that serves programs too.

::

    server.py    one uvicorn process; stops gracefully
    app.py       the application: pages, errors, metrics, life cycle
    guard.py     what every request has to pass: host, origin, token, size
    draw.py      routes that draw: colorize, vary, blend, hints
    results.py   routes that show: sessions, pictures, downloads
    work.py      what a job does, step by step, with the model
    lanes.py     bounded queues, one thread each; jobs and their events
    store.py     sessions and results, in memory and in a bounded folder
    recipe.py    the command line and the Python lines of a result
    models.py    what the API says, typed
    static/      the page; no build step, nothing from outside

This package needs the extra ``studio``.
"""
