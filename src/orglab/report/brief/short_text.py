"""Texts of a log on one line of a brief, cut to a number of bytes."""

import re

from orglab.text import clean

_NUMBER = re.compile(r"[\d.,+\-\u2212\u00b1%/:]+$")


def shorten(text: str, room: int) -> str:
    """Return a text on one line, in at most `room` bytes of UTF-8.

    It is cut between words, and never within a number, which would then be another one.
    """
    line = " ".join(clean(text).split())
    data = line.encode("utf-8", "replace")
    if len(data) <= room:
        return data.decode()
    kept = data[: room - len("…".encode())].decode("utf-8", "ignore")
    if line[len(kept)] != " ":
        begun, blank, _ = kept.rpartition(" ")
        # Chinese and other scripts have no blanks, and a path or an id may be as long as the line.
        kept = begun if blank and len(begun) >= len(kept) // 2 else _NUMBER.sub("", kept)
    if kept[-1:].isdigit() and line[len(kept) :].lstrip()[:1].isdigit():
        kept = _NUMBER.sub("", kept)  # 10 000 is one number
    return kept.rstrip(" ,;:(") + "…"
