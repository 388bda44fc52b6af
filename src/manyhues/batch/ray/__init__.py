"""Batches past one machine: the same colouring, dealt out by Ray Data. See docs/scale.md.

::

    source     folders, URLs, parquet shards  ->  items to colour
    store      where results go: a local folder or an object store, one whole file at a time
    journal    one row for each input, in batches while a run goes on, at its end one parquet table
    worker     colours a batch of items: what each Ray actor keeps warm
    run        the driver: plan, skip what is done, start Ray, collect reports
"""
