"""Find which run wrote a file, if several were going on at the same time.

A run names places: its results paths, and the files and folders in its command, as in `--out r/2`.  A file belongs to
the run that names it, or the nearest folder above it; to none if another run names it as closely.
"""

import contextlib
import os
import shlex
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path

from orglab.runs.job import Job
from orglab.runs.pending import RECORD
from orglab.runs.record import Run
from orglab.runs.record_reader import read_run
from orglab.runs.results import Stamp, find_root
from orglab.runs.storage import PENDING, RUNS, list_paths

_WORDS = 200  # of a command
_LONGEST = 4096  # a longer word is not a path


def find_named_paths(argv: Sequence[str], folder: Path) -> list[Path]:
    """Return the files and folders that a command names, except its folder and what contains that.

    Args:
        argv: The command.
        folder: The folder that it runs in.
    """
    found: dict[Path, None] = {}
    for word in _split_words(argv[1:]):
        if 0 < len(word) < _LONGEST and "\0" not in word:
            path = Path(os.path.normpath(folder / word))
            if path not in (folder, *folder.parents) and os.path.lexists(path):
                found[path] = None
    return list(found)


def _split_words(arguments: Sequence[str]) -> Iterator[str]:
    """Yield the words of a command, those of a script after `-c`, and the values in `--out=r/2` and `out=r/2`."""
    for argument in arguments[:_WORDS]:
        words = [argument]
        if " " in argument and len(argument) < _LONGEST:
            script = shlex.shlex(argument, posix=True, punctuation_chars=True)
            script.whitespace_split = True
            with contextlib.suppress(ValueError):
                words = list(islice(script, _WORDS))
        for word in words:
            yield word
            if "=" in word:
                yield word.partition("=")[2]


def _find_simultaneous_runs(job: Job, began: Stamp) -> list[Run]:
    """Return the other runs of this repository that went on while the job did.

    Such a run is still pending, or its record was written to since the job began; the other records are not read.

    Args:
        job: The run.
        began: The state of its record when the command was started.
    """
    if job.home is not None:
        return []  # nobody else writes to a working tree of its own
    own = read_run(job.record.folder)
    own_began = own.began_at if own is not None else None
    pending = list_paths(job.log.top, PENDING)
    found = []
    for name, folder in list_paths(job.log.top, RUNS).items():
        if name == job.record.id or not (name in pending or _is_written_since(folder, began)):
            continue
        run = read_run(Path(folder))
        if run is None or run.is_foreign or run.worktree is not None:
            continue
        if run.status == "running" or (run.ended_at is not None and own_began is not None and run.ended_at > own_began):
            found.append(run)
    return found


def _is_written_since(folder: str, began: Stamp) -> bool:
    """Return whether the record in a folder was written to since another one was."""
    try:
        return os.lstat(f"{folder}/{RECORD}").st_mtime_ns >= began.ctime
    except OSError:
        return False


def _find_places(run: Run, base: Path) -> list[Path]:
    """Return the places that a recorded run names.

    Args:
        run: The run.
        base: The base of the paths in its record.
    """
    results = run.fields.get("results")
    paths = [base / path for path in (results if isinstance(results, list) else ()) if isinstance(path, str)]
    folder = Path(os.path.normpath(base / (run.cwd or ".")))
    return [*(find_root(Path(os.path.normpath(path))) for path in paths), *find_named_paths(run.argv, folder)]


def _measure_closeness(path: Path, places: Iterable[Path]) -> int:
    """Return how closely places name a file: the number of parts of the nearest one; 0 if none contains it."""
    return max((len(place.parts) for place in places if path == place or place in path.parents), default=0)


class Attribution:
    """Tells which files a run wrote, and which another run that was going on at the same time.

    Attributes:
        results: The results paths of the run.
        named: The other files and folders that its command names.
    """

    def __init__(self, job: Job, began: Stamp | None) -> None:
        """Take a job whose command has ended, and the state of its record when the command was started."""
        self.results = [find_root(Path(os.path.normpath(path))) for path in job.watch.paths]
        self.named = find_named_paths(job.request.argv, job.folder)
        self._job = job
        self._began = began

    @cached_property
    def simultaneous(self) -> list[Run]:
        """The other runs that went on at the same time."""
        return _find_simultaneous_runs(self._job, self._began) if self._began is not None else []

    @cached_property
    def _other_places(self) -> list[list[Path]]:
        return [_find_places(run, self._job.base) for run in self.simultaneous]

    def is_own(self, path: Path) -> bool | None:
        """Return whether the run wrote a file that is new; None if another run may have written it."""
        own = _measure_closeness(path, [*self.results, *self.named])
        other = max((_measure_closeness(path, places) for places in self._other_places), default=-1)
        return None if other == own else other < own

    def is_result(self, path: Path) -> bool:
        """Return whether a file is under the results paths."""
        return _measure_closeness(path, self.results) > 0
