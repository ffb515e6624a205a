"""The index: what was read of log, journal and git, kept so that it need not be read again.

It is a cache.  Nothing is in it alone, every answer is the same without it, and on any doubt it is made anew.

    where       the file it lies in, and which file systems are not to be trusted
    store       that file: asked, changed, doubted, dropped
    freshness   whether a file is still the one that was read
    contents    what a list shows, as columns; `building` reads it, `current` keeps it current
    forms       an experiment whole, as a page shows it
    answers     a log that is not read: its index answers, or declines
    known       what git knows of an experiment
    kept        small things that others derive and keep
    query, documents, ranking, pieces, searching    full-text search

Its modules import little: what answers from the index is started for every command.
"""


class Declined(Exception):  # noqa: N818 - it is no error: the answer is had another way
    """The index cannot answer: it is not there, or of other bytes, or does not hold what is asked."""
