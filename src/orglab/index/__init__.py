"""The index: what was read of log, journal and git, kept so that it need not be read again.

It is a cache.  Nothing is in it alone, every answer is the same without it, and on any doubt it is made anew.

    where       the file it lies in, and which file systems are not to be trusted
    store       that file: asked, changed, doubted, dropped
    freshness   whether a file is still the one that was read
    kept        small things that others derive and keep

Its modules import little: what answers from the index is started for every command.
"""
