"""The width and height that a picture claims in its header: what drawing it costs, known before it is drawn."""

import re
from collections.abc import Iterator
from typing import Literal

_TAG = re.compile(rb"""<svg((?>(?:[^>"']|"[^"]*"|'[^']*')*))""", re.I)
_ATTRIBUTE = re.compile(rb"""[\s"'](width|height|viewBox)\s*=\s*["']([^"']*)["']""", re.I)
_LENGTH = re.compile(rb"\s*([0-9]*\.?[0-9]+(?:e[+-]?[0-9]+)?)\s*(px|pt|pc|mm|cm|in|em|ex)?\s*", re.I)
# In CSS pixels.
_UNITS = {b"": 1, b"px": 1, b"pt": 4 / 3, b"pc": 16, b"mm": 96 / 25.4, b"cm": 96 / 2.54, b"in": 96, b"em": 16, b"ex": 8}
# The markers of a JPEG file's frame header: all of C0 to CF, except for three of tables and such.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SCAN = 0xDA


def measure_picture(content: bytes, suffix: str) -> tuple[float, float] | None:
    """Return the width and height of a picture in pixels, or None if its header does not tell.

    Args:
        content: The bytes of the picture.
        suffix: Its format.
    """
    if suffix == "png":
        return _read_number(content, 16, 4, "big"), _read_number(content, 20, 4, "big")
    if suffix == "gif":
        return _read_number(content, 6, 2, "little"), _read_number(content, 8, 2, "little")
    if suffix == "jpg":
        return max(_read_jpeg_frames(content), default=None, key=lambda size: size[0] * size[1])
    return _measure_webp(content) if suffix == "webp" else _measure_svg(content)


def _read_number(content: bytes, at: int, size: int, order: Literal["big", "little"]) -> int:
    return int.from_bytes(content[at : at + size], order)


def _read_jpeg_frames(content: bytes) -> Iterator[tuple[int, int]]:
    """Yield the sizes of the frames up to the first scan; a thumbnail is inside another segment."""
    at = 2
    while (at := content.find(b"\xff", at)) >= 0 and at + 9 <= len(content):
        marker = content[at + 1]
        if marker == _SCAN:
            return
        if marker in _FRAMES:
            yield _read_number(content, at + 7, 2, "big"), _read_number(content, at + 5, 2, "big")
        # Before a marker there may be more than one FF; some markers have no length.
        has_length = marker not in (0x00, 0x01, 0xFF) and not 0xD0 <= marker <= 0xD9  # noqa: PLR2004 - of the format
        at += 2 + _read_number(content, at + 2, 2, "big") if has_length else 1


def _measure_webp(content: bytes) -> tuple[int, int] | None:
    kind = content[12:16]
    if kind == b"VP8X":
        return 1 + _read_number(content, 24, 3, "little"), 1 + _read_number(content, 27, 3, "little")
    if kind == b"VP8L":
        bits = _read_number(content, 21, 4, "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        return _read_number(content, 26, 2, "little") & 0x3FFF, _read_number(content, 28, 2, "little") & 0x3FFF
    return None


def _measure_svg(content: bytes) -> tuple[float, float] | None:
    """Return the size of an SVG: its own, or that of its view box where it has none, as for a percentage."""
    tag = _TAG.search(content)
    if tag is None:
        return None
    values = {name.lower(): value for name, value in reversed(_ATTRIBUTE.findall(tag[1]))}
    box = [_read_length(number) for number in re.split(rb"[\s,]+", values.get(b"viewbox", b"").strip())[2:4]]
    sizes = [_read_length(values.get(name, b"")) for name in (b"width", b"height")]
    width, height = (own if own is not None else other for own, other in zip(sizes, box + [None] * 2, strict=False))
    return None if width is None or height is None else (width, height)


def _read_length(text: bytes) -> float | None:
    match = _LENGTH.fullmatch(text)
    return float(match[1]) * _UNITS[(match[2] or b"").lower()] if match else None
