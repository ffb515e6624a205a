"""Reading the files of a run within bounds: regular files only, JSON that every program can take, ids that have a time.

A record may come from another machine, or with an archive, so nothing in it is taken for granted.
"""

import contextlib
import datetime
import json
import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from orglab import clock
from orglab.git.hashed_file import HashedFile, LeftOut
from orglab.git.private_files import open_regular
from orglab.runs.cluster.scheduler import SchedulerJob
from orglab.runs.metrics.values import Extremes
from orglab.runs.parameters.arguments import Value
from orglab.runs.source_folders import Source

RECORD_BYTES = 16_000_000
"""The most that is read of a record of this clone, and of a line; that of another clone is smaller (`runs.sync`)."""
_DEEPEST = 32
_NAME = 200  # characters of the name of a tracker, and of an id there
_LARGEST = 1 << 62  # whole number
_ESCAPED = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
_INVALID = re.compile("[\0\ud800-\udfff]")
_INVALID_WORD = re.compile("[\0\ud800-\udc7f\udd00-\udfff]")
_ID = re.compile(r"((?:19[789]|20|21)\d+-\d{6})-[0-9a-f]{4,16}")


class TrackerId(NamedTuple):
    """A run of a tracker.

    Attributes:
        tracker: The name of the tracker, such as `wandb`.
        id: The id of the run there; None if it has none.
    """

    tracker: str
    id: str | None


def is_run_id(name: str) -> bool:
    """Return whether a name is the id of a run: a time from 1970 to 2199, and hexadecimal digits."""
    match = _ID.fullmatch(name) if len(name) < 40 and name.isascii() else None  # noqa: PLR2004 - 16 for the time, 16 for the suffix
    return match is not None and _parse_id_time(match[1]) is not None


def read_id_time(name: str) -> datetime.datetime:
    """Return the time in the id of a run, for a record without times."""
    return _parse_id_time(name[:15]) or clock.now()


def _parse_id_time(text: str) -> datetime.datetime | None:
    try:
        return datetime.datetime.fromisoformat(text.replace("-", "T"))  # strptime would import the locale
    except ValueError:
        return None


def open_file(path: Path) -> BinaryIO:
    """Open a regular file for reading; neither the file nor its folder may be a symbolic link.

    Raises:
        OSError: It cannot be opened, or it is something else.
    """
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        return os.fdopen(open_regular(path.name, dir_fd=folder), "rb")
    finally:
        os.close(folder)


def read_lines(path: Path, most: int | None = None) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects of a JSON Lines file; invalid lines, such as a last one cut off, are skipped.

    Args:
        path: The file.
        most: How many bytes to read; None for all.
    """
    try:
        with open_file(path) as file:
            lines: Iterable[bytes] = (
                iter(partial(file.readline, RECORD_BYTES), b"") if most is None else file.read(most).splitlines()
            )
            for line in lines:
                value = parse_line(line)
                if value is not None:
                    yield value
    except OSError:
        return


def parse_line(line: bytes) -> dict[str, Any] | None:
    """Return the JSON object in a line, or None if there is none, or it is nested too deeply.

    Strings are valid text: NUL and lone surrogates, which no file and no command can take, become U+FFFD.  But bytes of
    the command that are no UTF-8 stay as they are (PEP 383), so that it can be repeated.
    """
    text = line.decode("utf-8", "replace")
    try:
        value = json.loads(text)
        if _ESCAPED.search(text) or text.count("[") + text.count("{") > _DEEPEST:
            value = _clean(value, _DEEPEST, "argv")
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _clean(value: Any, depth: int, bytewise: str = "", name: str = "") -> Any:  # noqa: ANN401 - any JSON
    """Return JSON with valid strings.

    Args:
        value: The JSON.
        depth: How deep it may be nested.
        bytewise: The name of the field whose strings may hold bytes that are no UTF-8.
        name: The name of the field that has the value.

    Raises:
        ValueError: It is nested too deeply.
    """
    if isinstance(value, str):
        return (_INVALID_WORD if name and name == bytewise else _INVALID).sub("\ufffd", value)
    if not isinstance(value, dict | list):
        return value
    if depth == 0:
        raise ValueError(value)
    if isinstance(value, list):
        return [_clean(one, depth - 1, bytewise, name) for one in value]
    return {_clean(key, depth): _clean(one, depth - 1, bytewise if not name else "", key) for key, one in value.items()}


def read_number(value: object) -> float | None:
    """Return a number of a record, an int or a float, if it is finite as a float; None if it is something else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return value if math.isfinite(value) else None
    except OverflowError:
        return None


def read_whole(value: object) -> int | None:
    """Return a whole number of a record, if a size, a count or a process can have it; None otherwise."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _LARGEST else None


def read_hashed_files(value: object) -> tuple[HashedFile, ...]:
    """Return the files that a field of a record describes; one that lacks something is left out."""
    files = []
    for file in value if isinstance(value, list) else ():
        with contextlib.suppress(KeyError, TypeError):
            if (size := read_whole(file["size"])) is not None:
                files.append(HashedFile(str(file["path"]), str(file["sha256"]), size))
    return tuple(files)


def read_left_out(value: object) -> tuple[LeftOut, ...]:
    """Return the files, other than environments, that a field of a record says were left out of a snapshot."""
    found = [one for one in (value if isinstance(value, list) else ()) if isinstance(one, dict)]
    return tuple(
        LeftOut(
            str(one.get("path")),
            str(one.get("reason")),
            read_whole(one.get("size")),
            sha256 if isinstance(sha256 := one.get("sha256"), str) else None,
        )
        for one in found
        if one.get("reason") != "environment"
    )


def read_job(fields: Mapping[str, Any]) -> SchedulerJob | None:
    """Return the job of a scheduler in a record; None if there is none."""
    name, scheduler, array, restarts = (fields.get(key) for key in ("id", "scheduler", "array", "restarts"))
    if not isinstance(name, str) or not isinstance(scheduler, str):
        return None
    return SchedulerJob(scheduler, name, read_whole(array), read_whole(restarts) or 0)


def read_trackers(value: object) -> tuple[TrackerId, ...]:
    """Return the runs of trackers that a field of a record names."""
    found = [one for one in (value if isinstance(value, list) else ()) if isinstance(one, dict)]
    return tuple(
        TrackerId(tracker[:_NAME], name[:_NAME] if isinstance(name := one.get("id"), str) else None)
        for one in found
        if isinstance(tracker := one.get("tracker"), str)
    )


def read_moment(value: object) -> datetime.datetime | None:
    """Return a time of a record, with the offset of the machine that made the run; None if it is something else."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.datetime.fromisoformat(value)
        moment.astimezone()
    except (ValueError, OverflowError):
        return None
    return moment


def to_local(moment: datetime.datetime | None) -> datetime.datetime | None:
    """Return a recorded time in the local time of this machine."""
    return moment.astimezone().replace(tzinfo=None) if moment is not None and moment.tzinfo else moment


def read_extremes(values: Mapping[str, Any]) -> dict[str, Extremes]:
    """Return the smallest and the largest values of metrics; a metric that lacks one is left out."""
    found = {}
    for name, pair in values.items():
        with contextlib.suppress(KeyError, TypeError, ValueError):
            numbers = [number for end in ("min", "max") for number in map(read_number, pair[end]) if number is not None]
            found[name] = Extremes(*numbers)
    return found


def read_values(values: Mapping[str, object]) -> dict[str, Value]:
    """Return those of some values of a record that a parameter can have."""
    return {
        name: value
        for name, value in values.items()
        if isinstance(value, str | bool) or (isinstance(value, int | float) and read_number(value) is not None)
    }


def read_sources(value: object) -> tuple[Source, ...]:
    """Return the folders of source that a field of a record describes."""
    found = [one for one in (value if isinstance(value, list) else ()) if isinstance(one, dict)]
    return tuple(
        Source(
            package if isinstance(package := one.get("package"), str) else None,
            str(one.get("path")),
            head if isinstance(head := one.get("head"), str) else None,
            dirty if isinstance(dirty := one.get("dirty"), bool) else None,
        )
        for one in found
    )
