"""Text for searching: case, width and similar differences are removed."""

import re
import unicodedata

# What separates words of other texts; a bell or a NUL is no part of any.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")

# The tokenizers of SQLite: words as they are, and their English stems.
EXACT = "unicode61 remove_diacritics 2"
STEMMED = f"porter {EXACT}"


def fold(text: str) -> str:
    """Return a text as it is searched: NFKC, which has one letter for each width, and without case (`ß` is `ss`).

    The marks on letters (`é`) are left to the tokenizers of SQLite, which take them off.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return _CONTROL.sub(" ", text.casefold())


def fold_with_offsets(text: str) -> tuple[str, list[int]]:
    """Return a text as it is searched, and for each of its characters, and its end, where it comes from in `text`.

    It is folded character by character, so that what is found can be shown in the text as it was written.
    """
    if text.isascii():
        return fold(text), list(range(len(text) + 1))
    pieces: list[str] = []
    places: list[int] = []
    for place, char in enumerate(text):
        # As `fold` has it: most letters are plain ones even here.
        folded = char.lower() if " " <= char <= "~" else fold(char)
        pieces.append(folded)
        places += [place] * len(folded)
    return "".join(pieces), [*places, len(text)]


def words_of(text: str) -> list[str]:
    """Return the words of a folded text, as the tokenizers see them, marks left on."""
    return re.findall(r"[^\W_]+", text)


def is_plain(text: str) -> bool:
    """Return whether the tokenizers of SQLite find words in a folded text where a reader does.

    They know no words within Chinese, Japanese or Thai, and take signs, arrows and pictures for blanks.
    """
    return bool(words_of(text)) and all(char < "\u0590" for char in text if not char.isspace())
