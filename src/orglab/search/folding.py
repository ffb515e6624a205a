"""Text folding for the search: removes differences of case, width and the like."""

import re
import unicodedata

# Control characters, which separate words.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")

# The SQLite tokenizers for exact words and for English stems.
EXACT = "unicode61 remove_diacritics 2"
STEMMED = f"porter {EXACT}"


def fold(text: str) -> str:
    """Return a text in NFKC, which unifies character widths, and case-folded (`ß` becomes `ss`).

    Diacritics (`é`) are left to the tokenizers of SQLite, which remove them.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return _CONTROL.sub(" ", text.casefold())


def fold_with_offsets(text: str) -> tuple[str, list[int]]:
    """Return a folded text, and the offset in `text` of each of its characters and of its end.

    The text is folded character by character, so that matches can be highlighted in the original.
    """
    if text.isascii():
        return fold(text), list(range(len(text) + 1))
    pieces: list[str] = []
    offsets: list[int] = []
    for offset, char in enumerate(text):
        # The same as `fold`; even here most characters are ASCII.
        folded = char.lower() if " " <= char <= "~" else fold(char)
        pieces.append(folded)
        offsets += [offset] * len(folded)
    return "".join(pieces), [*offsets, len(text)]


def split_words(text: str) -> list[str]:
    """Return the words of a folded text as the tokenizers split them, with diacritics."""
    return re.findall(r"[^\W_]+", text)


def is_plain(text: str) -> bool:
    """Return whether the tokenizers of SQLite find the words of a folded text.

    They cannot split Chinese, Japanese or Thai into words, and treat symbols, arrows and emoji as spaces.
    """
    return bool(split_words(text)) and all(char < "\u0590" for char in text if not char.isspace())
