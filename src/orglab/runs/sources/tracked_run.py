"""What a reader of a tracker's files is given, and what it returns.

A reader is a module with `is_file(path)`, which tells by its name whether a file may be one of the tracker's, and
`find_runs(file)`, which returns the runs in it.  What it reads may come from anybody, so each reader bounds what it
holds in memory, and raises `NotReadableError` for a file that is not valid.  A module whose tracker keeps its runs
elsewhere than in the folder of the command has `find_places(environment, folder)` too.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from orglab.git import Repository
from orglab.runs.metrics.values import Row


class TrackerFile(NamedTuple):
    """A file of a tracker, and the run whose metrics are looked for in it.

    Attributes:
        repository: The repository, out of which no link that git tracks is followed; None if there is none.
        path: The file.
        run_id: The id of our run, with which a tracker may have tagged its own.
        began: When that run began, in seconds since the epoch; what the tracker began earlier is not of it.
        process: The id of the process of its command, on this machine; None if that is not known.
    """

    repository: Repository | None
    path: Path
    run_id: str
    began: float
    process: int | None = None


class TrackedRun(NamedTuple):
    """A run as a tracker has it.

    Attributes:
        tracker: The name of the tracker, such as `wandb`.
        id: The id of the run there; None if it has none.
        read: Returns its rows, oldest first: metrics by name, with `step` where there is one.
        is_history: Whether these are values over time, not only final ones.
        is_ours: Whether the tracker says that it was in our run, so that it is no other's that went on meanwhile.
    """

    tracker: str
    id: str | None
    read: Callable[[], Iterator[Row]]
    is_history: bool = True
    is_ours: bool = False
