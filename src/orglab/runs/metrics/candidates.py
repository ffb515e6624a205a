"""Decide whether a file that a run wrote holds its metrics, and which rows of it are from this run.

A file that the user named does.  Another does if it looks like it, because a configuration, a data set or a list of
predictions is made of numbers too; `docs/reference/runs.md` has the rule.
"""

import glob
import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from orglab.errors import NotReadableError
from orglab.git import Repository
from orglab.git.inside import open_inside
from orglab.git.path_pattern import expand_path
from orglab.runs.metrics.directions import find_direction
from orglab.runs.metrics.reading import read_metrics
from orglab.runs.metrics.values import Row, find_step, find_step_name, is_not_finite, is_step_name
from orglab.runs.results import Stamp, read_stamp

SUFFIXES = (".json", ".jsonl", ".ndjson", ".csv", ".tsv")
"""What the names of files end in that may hold metrics."""
_SPEAKING = frozenset({
    "metric", "metrics", "result", "results", "score", "scores", "log", "logs", "history", "eval", "evaluation",
    "summary", "stats", "losses", "progress", "state", "report", "performance", "benchmark",
})  # fmt: skip
_OTHER = frozenset({
    "arg", "args", "arguments", "config", "configs", "configuration", "cfg", "conf", "hparam", "hparams",
    "hyperparameters", "hyperparams", "index", "lock", "manifest", "matrix", "confusion", "embeddings", "logits",
    "options", "package", "param", "params", "parameters", "pred", "preds", "predictions", "prediction", "schema",
    "settings", "split", "splits", "submission", "tokenizer", "tokens", "vocab",
})  # fmt: skip
_CHECKPOINT = re.compile(r"(?i)checkpoints?[-_]?\d+|ckpt[-_]?\d+")
_NUMBERS = 200  # more numbers in a row are data
_TAIL = 4096
_MATCHES = 1000


class Mark(NamedTuple):
    """A file before a run.

    Attributes:
        stamp: Its state.
        tail: Its last bytes, by which a file that was added to is told from one that was written anew.
    """

    stamp: Stamp
    tail: bytes


def mark_files(repository: Repository | None, paths: Iterable[Path]) -> dict[Path, Mark]:
    """Return the state of those files that exist; the last bytes of those that may be added to."""
    marks = {}
    for path in paths:
        stamp = read_stamp(path)
        if stamp is not None:
            is_whole = path.suffix.lower() == ".json"
            tail = b"" if is_whole else _read_part(repository, path, max(0, stamp.size - _TAIL), stamp.size)
            marks[path] = Mark(stamp, tail)
    return marks


def _read_part(repository: Repository | None, path: Path, start: int, end: int) -> bytes:
    try:
        with open_inside(repository, path) as file:
            file.seek(start)
            return file.read(end - start)
    except OSError:
        return b""


def find_matches(repository: Repository | None, pattern: str, folder: Path) -> list[Path]:
    """Return the files that a path or pattern such as `out/*.json` names, or else the path itself.

    Args:
        repository: The repository of the folder; None if there is none.
        pattern: The path or pattern.
        folder: The folder that it is relative to.
    """
    path = folder / pattern
    if os.path.lexists(path) or not glob.has_magic(pattern):
        return [path]
    found = islice(expand_path(repository, path), _MATCHES)
    return sorted(one for one in found if os.path.isfile(one))  # noqa: PTH113 - raises no error


def find_start(repository: Repository | None, path: Path, mark: Mark | None) -> int:
    """Return the byte at which the rows of this run begin.

    That is 0, unless the run added rows to a file that it found, whose steps they do not continue.
    """
    if mark is None or not mark.tail or path.suffix.lower() == ".json":
        return 0
    size = mark.stamp.size
    now = read_stamp(path)
    if now is None or now.size <= size or _read_part(repository, path, size - len(mark.tail), size) != mark.tail:
        return 0
    last_line = size - len(mark.tail) + mark.tail.rstrip(b"\r\n").rfind(b"\n") + 1
    try:
        steps = [find_step(row) for row in islice(read_metrics(repository, path, last_line), 2)] if last_line else []
    except NotReadableError:
        return size
    is_continued = len(steps) == 2 and None not in steps and steps[0] < steps[1]  # type: ignore[operator]  # noqa: PLR2004 - two rows
    return 0 if is_continued else size


def is_candidate(path: Path) -> bool:
    """Return whether a file may hold metrics, by its name."""
    return path.suffix.lower() in SUFFIXES and _OTHER.isdisjoint(_split_words(path))


def _split_words(path: Path) -> set[str]:
    """Return the words in the name of a file: `trainer_state` and `trainerState` have two."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", path.stem)}


def drop_checkpoints(paths: Sequence[Path]) -> list[Path]:
    """Return files without those of all but the newest of the checkpoints `checkpoint-500`, `checkpoint-1000`, ..."""
    newest: dict[str, tuple[int, Path]] = {}
    for path in paths:
        stamp = read_stamp(path)
        key = "/".join(part for part in path.parts if not _CHECKPOINT.fullmatch(part))
        newest[key] = max(newest.get(key, (0, path)), (stamp.mtime if stamp is not None else 0, path))
    return [path for path in paths if path in {kept for _, kept in newest.values()}]


def find_first_row(
    repository: Repository | None, path: Path, start: int, settings: Mapping[str, str], *, is_named: bool, is_new: bool
) -> int | None:
    """Return the number of the first row of a file that is a metric of this run, or None if it holds no metrics.

    Args:
        repository: The repository of the run; None if there is none.
        path: The file.
        start: The byte at which its rows begin.
        settings: The setting `metrics`, which names metrics too.
        is_named: Whether the user named the place, so that its numbers may have any names.
        is_new: Whether `start` is known to be after the rows of earlier runs.
    """
    speaks = not _SPEAKING.isdisjoint(_split_words(path)) or find_direction(path.stem, settings) is not None
    try:
        rows = read_metrics(repository, path, start)
        known = _KnownNames(settings, are_all=is_named or speaks)
        if rows.is_history:
            return _find_beginning(rows, known, speaks=speaks, is_new=is_new)
        return 0 if any(map(known.has_metrics, rows)) else None
    except NotReadableError:
        return None


class _KnownNames:
    """Tells the names of metrics from others; `are_all` takes any name for one."""

    def __init__(self, settings: Mapping[str, str], *, are_all: bool) -> None:
        self._settings = settings
        self._are_all = are_all

    def has_metrics(self, row: Row) -> bool:
        """Return whether a row has a metric, and not so many numbers that it is data."""
        names = keep_numbers(row)
        return len(names) <= _NUMBERS and (
            any(not is_step_name(name) for name in names) if self._are_all else self.has_known(row)
        )

    def has_known(self, row: Row) -> bool:
        """Return whether a row has a number with a direction."""
        return any(find_direction(name, self._settings) is not None for name in keep_numbers(row))


def _find_beginning(rows: Iterable[Row], known: _KnownNames, *, speaks: bool, is_new: bool) -> int | None:
    """Return the number of the row of a history at which this run begins, or None if it is no history of metrics."""
    first = count = 0
    is_found = is_stepless = has_text = False
    last = (-math.inf, -math.inf)
    for count, row in enumerate(rows, 1):
        is_found = is_found or known.has_metrics(row)
        is_stepless = is_stepless or find_step_name(row) is None
        has_text = has_text or any(isinstance(value, str) and not is_not_finite(value) for value in row.values())
        if len(row) > _NUMBERS or (is_stepless and count > 1 and (has_text or not speaks or not known.has_known(row))):
            return None
        if (step := find_step(row)) is not None:
            # Only together with the epoch: within it, the step may begin again.
            epoch = row.get("epoch")
            now = (epoch if isinstance(epoch, int | float) else last[0], step)
            first = first if is_new or now >= last else count - 1
            last = now
    if is_stepless and not is_new:
        first = max(0, count - 1)  # the others may be those of earlier runs
    return first if is_found else None


def keep_numbers(row: Row) -> Row:
    """Return the numbers of a row, NaN and infinity included."""
    return {name: value for name, value in row.items() if not isinstance(value, str) or is_not_finite(value)}


def skip_rows(rows: Iterable[Row], first: int) -> Iterator[Row]:
    """Yield the numbers of the rows from `first` on."""
    return filter(None, map(keep_numbers, islice(rows, first, None)))
