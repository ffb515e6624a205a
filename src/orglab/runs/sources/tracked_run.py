"""What a reader of a tracker's files is given, and what it returns.

A reader is a module, or an object, with `is_file(path)`, which tells by its name whether a file may be one of the
tracker's, and `find_runs(file)`, which returns the runs in it, or None if what is in it is not of the tracker, so that
another is asked.  What it reads may come from anybody, so each reader bounds what it holds in memory, counts with
`file.take` what it does, and raises `NotReadableError` for a file that is not valid.  A reader whose tracker keeps its
runs elsewhere than in the folder of the command has `find_places(environment, folder)` too.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from orglab.errors import NotReadableError
from orglab.git import Repository

_STEPS = 10_000_000


class Room:
    """How much work may still be done to read what trackers wrote: in steps, each of about a microsecond.

    Attributes:
        left: How many steps.
    """

    def __init__(self) -> None:
        """Begin with all of it."""
        self.left = _STEPS
        self._where: Path | None = None

    def take(self, path: Path, steps: int) -> None:
        """Count some steps.

        Args:
            path: The file that they are for.
            steps: How many.

        Raises:
            NotReadableError: There are too many, and none is counted; each time it is the same sentence.
        """
        if steps > self.left:
            self._where = self._where or path
            raise NotReadableError(
                f"The metrics file {self._where} takes too much work to read; "
                "the rest of it, and of what other trackers wrote, was not read."
            )
        self.left -= steps


@dataclass(frozen=True)
class TrackerFile:
    """A file of a tracker, and the run whose metrics are looked for in it.

    Attributes:
        repository: The repository, out of which no link that git tracks is followed; None if there is none.
        path: The file.
        run_id: The id of our run, with which a tracker may have tagged its own.
        began: When that run began, in seconds since the epoch; what the tracker began earlier is not of it.
        process: The id of the process of its command, on this machine; None if that is not known.
        room: How much work may still be done, for all files of the run together.
    """

    repository: Repository | None
    path: Path
    run_id: str
    began: float
    process: int | None = None
    room: Room = field(default_factory=Room)

    def take(self, steps: int = 1) -> None:
        """Count steps of work.

        Raises:
            NotReadableError: There are too many.
        """
        self.room.take(self.path, steps)


class TrackedRun(NamedTuple):
    """A run as a tracker has it.

    Attributes:
        tracker: The name of the tracker, such as `wandb`.
        id: The id of the run there; None if it has none.
        read: Returns its rows, oldest first: metrics by name, with `step` where there is one.  What is no number is
            left out, and what is in an object is joined to its name, `val.acc`.
        is_history: Whether these are values over time, not only final ones.
        is_ours: Whether the tracker says that it was in our run, so that it is no other's that went on meanwhile.
    """

    tracker: str
    id: str | None
    read: Callable[[], Iterable[Mapping[str, object]]]
    is_history: bool = True
    is_ours: bool = False
