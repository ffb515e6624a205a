"""Remove what old or large runs have left behind: outputs, histories of metrics, and files in ORGLAB_OUT.

The records stay, so that every run still counts, and `why` still answers.
"""

import contextlib
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from orglab import clock
from orglab.errors import OrglabError, UsageError
from orglab.git.private_files import is_real_folder
from orglab.log.log import LogFile
from orglab.runs.assignment import append_event
from orglab.runs.log_runs import LogRuns
from orglab.runs.pending import RECORD
from orglab.runs.record import Run
from orglab.runs.storage import PENDING, list_entries

_UNITS = {"": 1, "K": 1000, "M": 1000**2, "G": 1000**3, "T": 1000**4}


class PrunableRun(NamedTuple):
    """A run with files that can be removed.

    Attributes:
        run: The run.
        size: The size of these files in bytes.
    """

    run: Run
    size: int


def find_prunable(log: LogFile, older: str | None, larger: str | None) -> list[PrunableRun]:
    """Return the runs of a log that have ended, are in the log, and have files that can be removed, oldest first.

    Args:
        log: The log.
        older: The day before which they ended, in any form that `--since` accepts, such as `90d`; None for any.
        larger: The size that their files have at least, such as `100MB`; None for any.

    Raises:
        UsageError: Neither is given, or one is not valid.
    """
    if older is None and larger is None:
        raise UsageError("Name what to remove: --older 90d, --larger 100MB, or both.")
    day = clock.parse_since(older, clock.now().date()) if older is not None else None
    least = parse_size(larger) if larger is not None else 1
    pending = list_entries(log.top, PENDING)
    found = []
    for run in LogRuns(log).all:
        if run.id in pending or run.is_going_on or (day is not None and run.noted_at.date() >= day):
            continue
        size = sum(_measure(path) for path in _find_files(run))
        if size >= max(least, 1):
            found.append(PrunableRun(run, size))
    return found


def prune_runs(prunable: Sequence[PrunableRun]) -> int:
    """Remove the files of runs other than their records, and return how many bytes that has freed."""
    freed = 0
    for run, _ in prunable:
        if not run.is_foreign:
            with contextlib.suppress(OrglabError):  # then the files are just gone
                append_event(run, "pruned", {"pruned": clock.now().astimezone().isoformat(timespec="seconds")})
        for path in _find_files(run):
            size = _measure(path)
            with contextlib.suppress(OSError):
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                else:
                    path.unlink()
                freed += size
    return freed


def parse_size(text: str) -> int:
    """Return a size in bytes.

    Args:
        text: A number with KB, MB, GB or TB, or of bytes: `100MB`, `1.5 GB`.

    Raises:
        UsageError: `text` is not a size.
    """
    match = re.fullmatch(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)\s*([KMGT]?)B?", text.strip().upper())
    if match is None:
        raise UsageError(f"{text!r} is not a size; write 500KB, 100MB or 1.5GB.")
    return int(float(match[1]) * _UNITS[match[2]])


def _find_files(run: Run) -> Iterator[Path]:
    """Yield what can be removed from the folder of a run: not the record, and not the marks of copied files.

    If the folder is a link, nothing can: its files are others'.
    """
    if not is_real_folder(run.folder):
        return
    with contextlib.suppress(OSError), os.scandir(run.folder) as entries:
        yield from sorted(Path(entry.path) for entry in entries if entry.name != RECORD and entry.name[0] != ".")


def _measure(path: Path) -> int:
    """Return the size of a file, or of all files below a folder, in bytes."""
    paths = [path]
    for parent, _, names in os.walk(path):
        paths += (Path(parent, name) for name in names)
    total = 0
    for one in paths:
        with contextlib.suppress(OSError):
            total += one.lstat().st_size if one.is_symlink() or not one.is_dir() else 0
    return total
