"""Sentences: statements assembled from text and citations."""

import re
from collections.abc import Iterable

from orglab.report.blocks import Inline, Inlines, Reference, Small, Text, plain
from orglab.report.content.evidence import Claim
from orglab.report.content.statements import Statement

_WORD = re.compile(r"[^\W\d_]+(?!\w)")
_SHORTEST = 3
_SHORT_WORDS = frozenset("a an as at by do i if in is it no of on or so to up us we".split())  # noqa: SIM905 - shorter
ENDS = ".?!…\u3002\uff01\uff1f"
"""The characters that end a sentence."""


def make_statement(*pieces: str | Inline | list[Inline] | Inlines, claims: Iterable[Claim] = ()) -> Statement:
    """Return a statement made of some pieces, with a capital first letter; it has no full stop after another mark."""
    content: list[Inline] = []
    for piece in pieces:
        if piece == "." and plain(tuple(content)).rstrip("”")[-1:] in f"{ENDS}:;,":
            continue
        if isinstance(piece, str):
            content += [Text(piece)] if piece else []
        elif isinstance(piece, list | tuple):
            content.extend(piece)
        else:
            content.append(piece)
    if content and isinstance(content[0], Text):
        content[0] = Text(capitalize_first(content[0].text))
    return Statement(_merge_texts(content), tuple(claims))


def capitalize_first(text: str) -> str:
    """Return a text with its first letter in upper case, unless its first word may be a name such as `lr` or `e1`."""
    match = _WORD.match(text)
    is_word = match is not None and (len(match.group()) >= _SHORTEST or match.group().lower() in _SHORT_WORDS)
    return text[:1].upper() + text[1:] if is_word else text


def _merge_texts(content: list[Inline]) -> Inlines:
    """Return inlines with adjacent texts merged."""
    merged: list[Inline] = []
    for piece in content:
        if isinstance(piece, Text) and merged and isinstance(last := merged[-1], Text):
            merged[-1] = Text(last.text + piece.text)
        else:
            merged.append(piece)
    return tuple(merged)


def place(reference: Reference) -> list[Inline]:
    """Return the source of a statement, for the end of its line."""
    return [Text(" "), Small((reference,))]
