"""The pictures of a log: read if they are what they seem, and small enough to travel inside a report."""

import base64
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from orglab.text import megabytes

MAX_SIZE = 10_000_000
"""Bytes; a larger picture is named, not embedded."""

_KINDS = (
    (b"\x89PNG\r\n\x1a\n", "png", "image/png"),
    (b"\xff\xd8\xff", "jpg", "image/jpeg"),
    (b"GIF8", "gif", "image/gif"),
)
_SVG = re.compile(
    rb"(?:\xef\xbb\xbf)?(?:\s|<\?xml[^>]*\?>|<!--(?:(?!-->).)*+-->|<!DOCTYPE\s+svg[^>\[]*>)*+<svg[\s>]", re.S | re.I
)
# Entities may grow without end; what is not the picture itself may lie anywhere on the reader's machine or the web.
_UNSAFE_SVG = re.compile(
    rb"<!ENTITY|<script|<foreignObject|javascript:|[\s:]href\s*=\s*[\"']\s*(?!#|data:image/)", re.I
)


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that was read.

    Attributes:
        content: Its bytes.
        suffix: `png`, `jpg`, `gif`, `webp` or `svg`, by its content.
        media_type: The same as MIME has it.
    """

    content: bytes
    suffix: str
    media_type: str

    @property
    def data_url(self) -> str:
        """The picture as a url of itself."""
        return f"data:{self.media_type};base64,{base64.b64encode(self.content).decode()}"


def read_picture(path: Path) -> Picture | str:
    """Return a picture, or why it cannot be shown, in a few words.

    Args:
        path: Its file.  What it is called does not matter: what is in it does.
    """
    try:
        # Not blocking: a pipe that is called `plot.png` has no end.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return "no such file"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        return "no regular file"
    with open(descriptor, "rb") as file:  # noqa: PTH123 - it is open already
        if status.st_size > MAX_SIZE:
            return f"too large to embed: {megabytes(status.st_size)}"
        content = file.read(MAX_SIZE + 1)
    return recognize_picture(content)


def recognize_picture(content: bytes) -> Picture | str:
    """Return the picture that bytes are, or why they are none."""
    if not content:
        return "an empty file"
    for magic, suffix, media_type in _KINDS:
        if content.startswith(magic):
            return Picture(content, suffix, media_type)
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return Picture(content, "webp", "image/webp")
    if _SVG.match(content):
        if _UNSAFE_SVG.search(content):
            return "an SVG with scripts, entities or parts from elsewhere"
        return Picture(content, "svg", "image/svg+xml")
    return "not a picture of a known kind"
