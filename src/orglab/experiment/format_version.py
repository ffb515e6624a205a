"""The version of the format of a log: version 1 needs no mark, a later one is in a line `#+ORGLAB_FORMAT: 2`."""

from orglab.errors import NewerFormatError
from orglab.org.syntax import compile_late

VERSION = 1
"""The version that is read and written."""
_MARK = compile_late(rb"(?mi)^#\+ORGLAB_FORMAT:[ \t]*([0-9]{1,9})[ \t\r]*$")
_HEADING = compile_late(rb"(?m)^\*+[ ]")


def find_newer_mark(text: bytes) -> tuple[int, int] | None:
    """Return the version of a log that has a later one, and where its mark is; else None.

    Args:
        text: The text, or its beginning. The mark is before the first heading.
    """
    if b"#+" not in text:
        return None
    heading = _HEADING.search(text)
    mark = _MARK.search(text, 0, heading.start() if heading is not None else len(text))
    return (int(mark[1]), mark.start()) if mark is not None and int(mark[1]) > VERSION else None


def describe_newer_format(version: int) -> str:
    """Return a sentence about a log with a later version."""
    return f"The log has format {version}, and this orglab knows format {VERSION}; install a newer one to write it."


def require_known_format(text: bytes) -> None:
    """Raise an error if a log has a later version of the format, which may mean something that would be lost.

    Raises:
        NewerFormatError: It has.
    """
    newer = find_newer_mark(text)
    if newer is not None:
        raise NewerFormatError(f"{describe_newer_format(newer[0])[:-1]}; nothing was written.")
