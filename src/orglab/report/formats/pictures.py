"""The pictures of a log: recognized by their content, and checked before they are embedded in a report."""

import base64
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from orglab.report.formats.picture_size import measure_picture
from orglab.text import megabytes

MAX_SIZE = 10_000_000
"""In bytes; of a larger picture only the name is shown."""

# Of a larger picture, a small file can cost gigabytes of memory in the programs that draw it.
_MOST_PIXELS = 40_000_000
_LONGEST_SIDE = 20_000
_KINDS = (
    (b"\x89PNG\r\n\x1a\n", "png", "image/png"),
    (b"\xff\xd8\xff", "jpg", "image/jpeg"),
    (b"GIF8", "gif", "image/gif"),
)
_SVG = re.compile(
    rb"(?:\xef\xbb\xbf)?(?>(?:\s|<\?xml[^>]*\?>|<!--(?>(?:(?!-->).)*)-->|<!DOCTYPE\s+svg[^>\[]*>)*)<svg[\s>]",
    re.S | re.I,
)
# Entities may expand without limit, and external references may point anywhere on the reader's machine or the web.
_UNSAFE_SVG = re.compile(
    rb"<!ENTITY|<script|<foreignObject|javascript:|[\s:]href\s*=\s*[\"']\s*(?!#|data:image/)", re.I
)

# Filters whose cost has no bound: drawing one can take hours.
_SLOW_SVG = re.compile(rb"<(?:[\w.-]+:)?fe(?:Turbulence|Morphology|ConvolveMatrix)\b", re.I)


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture.

    Attributes:
        content: Its bytes.
        suffix: `png`, `jpg`, `gif`, `webp` or `svg`, determined from the content.
        media_type: The MIME type.
    """

    content: bytes
    suffix: str
    media_type: str

    @property
    def data_url(self) -> str:
        """The picture as a `data:` URL."""
        return f"data:{self.media_type};base64,{base64.b64encode(self.content).decode()}"


def read_picture(path: Path) -> Picture | str:
    """Return a picture, or the reason in a few words why it cannot be shown.

    Args:
        path: The file. Its name does not matter, only its content does.
    """
    try:
        # Non-blocking, because reading a named pipe called `plot.png` might never end.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return "no such file"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        return "not a regular file"
    with open(descriptor, "rb") as file:  # noqa: PTH123 - it is open already
        if status.st_size > MAX_SIZE:
            return f"too large to embed: {megabytes(status.st_size)}"
        content = file.read(MAX_SIZE + 1)
    return recognize_picture(content)


def recognize_picture(content: bytes) -> Picture | str:
    """Return bytes as a picture, or the reason why they are not one that can be shown."""
    picture = _find_format(content)
    size = measure_picture(content, picture.suffix) if isinstance(picture, Picture) else None
    if size is not None and (max(size) > _LONGEST_SIDE or size[0] * size[1] > _MOST_PIXELS):
        return f"too large to embed: {size[0]:.0f} x {size[1]:.0f} pixels"
    return picture


def _find_format(content: bytes) -> Picture | str:
    if not content:
        return "empty file"
    for magic, suffix, media_type in _KINDS:
        if content.startswith(magic):
            return Picture(content, suffix, media_type)
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return Picture(content, "webp", "image/webp")
    if _SVG.match(content):
        if _UNSAFE_SVG.search(content):
            return "an SVG with scripts, entities or external content"
        if _SLOW_SVG.search(content):
            return "an SVG with filters that may take too long"
        return Picture(content, "svg", "image/svg+xml")
    return "not a supported picture format"
