"""Characters that no format can hold, and blanks between words."""

import re
import unicodedata

# What XML 1.0 forbids and typst, pandoc or a browser stumble over: controls but for tab and newline, lone surrogates,
# and the two that are no characters.  And what turns the text around, which would turn that of others too.
_FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
_NEWLINES = re.compile(r"[ \t]*\n[ \t]*")
_ESCAPED = re.compile("[\udc80-\udcff]+")


def printable(text: str) -> str:
    """Return a text without what no format can hold; bytes that are not UTF-8 are shown as U+FFFD."""
    if text.isprintable():
        return text
    return _FORBIDDEN.sub("", _ESCAPED.sub("\ufffd", text))


def unwrapped(text: str) -> str:
    """Return the lines of a paragraph as one; between two wide characters, as of Chinese, no blank is put."""
    if "\n" not in text:
        return text

    def join(match: "re.Match[str]") -> str:
        before, after = text[match.start() - 1 : match.start()], text[match.end() : match.end() + 1]
        return "" if is_wide(before) and is_wide(after) else " "

    return _NEWLINES.sub(join, text)


_UP = str.maketrans("0123456789+-=()niabcdefghjklmoprstuvwxyz", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱᵃᵇᶜᵈᵉᶠᵍʰʲᵏˡᵐᵒᵖʳˢᵗᵘᵛʷˣʸᶻ")
_DOWN = str.maketrans("0123456789+-=()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ")


def to_superscript(text: str) -> str:
    """Return a text as to_superscript characters, where there are such, else after a `^`."""
    return text.translate(_UP) if all(ord(char) in _UP for char in text) else f"^({text})"


def to_subscript(text: str) -> str:
    """Return a text as to_subscript characters, where there are such, else after a `_`."""
    return text.translate(_DOWN) if all(ord(char) in _DOWN for char in text) else f"_({text})"


def is_wide(char: str) -> bool:
    """Return whether a character fills two columns."""
    return char > "\u10ff" and unicodedata.east_asian_width(char) in "WF"
