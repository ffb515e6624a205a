"""Text for every format: without forbidden characters, with lines joined, and in super- or subscript characters."""

import re
import unicodedata

from orglab.text import mark_directions

# What XML 1.0 forbids and typst, pandoc or browsers reject: control characters except tab and newline, lone
# surrogates, and two noncharacters.
_FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]")
_RIGHT_TO_LEFT_KINDS = ("R", "AL")
_STRONG_KINDS = ("L", *_RIGHT_TO_LEFT_KINDS)
_NEWLINES = re.compile(r"[ \t]*\n[ \t]*")
_ESCAPED = re.compile("[\udc80-\udcff]+")


def printable(text: str) -> str:
    """Return a text without the characters that some format forbids.

    Bytes that are not UTF-8 become U+FFFD, and a change of direction, which would affect the text around it, a mark
    such as `<U+202E>`.
    """
    if text.isprintable():
        return text
    return mark_directions(_FORBIDDEN.sub("", _ESCAPED.sub("\ufffd", text)))


def unwrapped(text: str) -> str:
    """Return the lines of a paragraph joined by spaces, or by nothing between two wide characters such as Chinese."""
    if "\n" not in text:
        return text

    def join(match: "re.Match[str]") -> str:
        before, after = text[match.start() - 1 : match.start()], text[match.end() : match.end() + 1]
        return "" if is_wide(before) and is_wide(after) else " "

    return _NEWLINES.sub(join, text)


_SUPERSCRIPTS = str.maketrans("0123456789+-=()niabcdefghjklmoprstuvwxyz", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱᵃᵇᶜᵈᵉᶠᵍʰʲᵏˡᵐᵒᵖʳˢᵗᵘᵛʷˣʸᶻ")
_SUBSCRIPTS = str.maketrans("0123456789+-=()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ")


def to_superscript(text: str) -> str:
    """Return a text in superscript characters if all of it exists as such, else in parentheses after `^`."""
    return text.translate(_SUPERSCRIPTS) if all(ord(char) in _SUPERSCRIPTS for char in text) else f"^({text})"


def to_subscript(text: str) -> str:
    """Return a text in subscript characters if all of it exists as such, else in parentheses after `_`."""
    return text.translate(_SUBSCRIPTS) if all(ord(char) in _SUBSCRIPTS for char in text) else f"_({text})"


def is_right_to_left(text: str) -> bool:
    """Return whether a text is read from right to left: its first letter decides (UAX 9, P2 and P3)."""
    kinds = (unicodedata.bidirectional(char) for char in text) if has_right_to_left(text) else iter(())
    return next((kind in _RIGHT_TO_LEFT_KINDS for kind in kinds if kind in _STRONG_KINDS), False)


def has_right_to_left(text: str) -> bool:
    """Return whether a text has letters that are read from right to left, such as Hebrew or Arabic."""
    return _RIGHT_TO_LEFT.search(text) is not None


def is_wide(char: str) -> bool:
    """Return whether a character is two columns wide."""
    return char > "\u10ff" and unicodedata.east_asian_width(char) in "WF"
