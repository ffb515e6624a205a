"""Reading the files of a run within bounds: regular files only, JSON that every program can take, ids that have a time.

A record may come from another machine, or with an archive, so nothing in it is taken for granted.
"""

import datetime
import json
import os
import re
import stat
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from orglab import clock

RECORD_BYTES = 16_000_000
"""The most that is read of a record of this clone, and of a line; that of another clone is smaller (`runs.sync`)."""
_DEEPEST = 32
_ESCAPED = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
_INVALID = re.compile("[\0\ud800-\udfff]")
_INVALID_WORD = re.compile("[\0\ud800-\udc7f\udd00-\udfff]")
_ID = re.compile(r"((?:19[789]|20|21)\d+-\d{6})-[0-9a-f]{4,16}")


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


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file for reading; neither the file nor its folder may be a symbolic link.

    Raises:
        OSError: It cannot be opened, or it is something else.
    """
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW
    folder = os.open(path.parent, flags | os.O_DIRECTORY)
    try:
        # Without O_NONBLOCK, a FIFO would block.
        fd = os.open(path.name, flags | os.O_NONBLOCK, dir_fd=folder)
    finally:
        os.close(folder)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(22, "Not a regular file", os.fspath(path))
    return os.fdopen(fd, "rb")


def read_lines(path: Path, most: int | None = None) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects of a JSON Lines file; invalid lines, such as a last one cut off, are skipped.

    Args:
        path: The file.
        most: How many bytes to read; None for all.
    """
    try:
        with open_regular(path) as file:
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
