"""Positions as the protocol counts them, and as bytes of a line."""

from orglab.org.source import decode

UTF_8, UTF_16, UTF_32 = "utf-8", "utf-16", "utf-32"
ENCODINGS = (UTF_8, UTF_16, UTF_32)


def count_units(text: bytes, encoding: str) -> int:
    """Return how long a part of a line is in the units of an encoding of positions."""
    if encoding == UTF_8 or text.isascii():
        return len(text)
    decoded = decode(text)
    return len(decoded) + (sum(character > "\uffff" for character in decoded) if encoding == UTF_16 else 0)


def find_byte(line: bytes, units: int, encoding: str) -> int:
    """Return the byte of a line where a position is; the end of the line if it is past that.

    Args:
        line: The line, without what ends it.
        units: The position, in the units of the encoding; inside a character, it is that of the character.
        encoding: The encoding of positions.
    """
    if units <= 0:
        return 0
    if line.isascii():
        return min(units, len(line))
    if encoding == UTF_8:
        at = min(units, len(line))
        while 0 < at < len(line) and 0x80 <= line[at] < 0xC0:  # noqa: PLR2004 - inside a character
            at -= 1
        return at
    decoded, place = decode(line), 0
    for number, character in enumerate(decoded):
        place += 2 if encoding == UTF_16 and character > "\uffff" else 1
        if place > units:
            return len(decoded[:number].encode("utf-8", "surrogateescape"))
    return len(line)
