"""Sentences: statements assembled from text and citations."""

from collections.abc import Iterable

from orglab.report.blocks import Inline, Inlines, Reference, Text
from orglab.report.content.evidence import Claim
from orglab.report.content.statements import Statement
from orglab.text import count

# More citations than this make a sentence hard to read; the appendix has all of them.
MAX_CITATIONS = 8


def make_statement(*pieces: str | Inline | list[Inline] | Inlines, claims: Iterable[Claim] = ()) -> Statement:
    """Return a statement made of some pieces, with a capital first letter."""
    content: list[Inline] = []
    for piece in pieces:
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
    """Return a text with its first letter in upper case."""
    return text[:1].upper() + text[1:]


def _merge_texts(content: list[Inline]) -> Inlines:
    """Return inlines with adjacent texts merged."""
    merged: list[Inline] = []
    for piece in content:
        if isinstance(piece, Text) and merged and isinstance(last := merged[-1], Text):
            merged[-1] = Text(last.text + piece.text)
        else:
            merged.append(piece)
    return tuple(merged)


def cite(references: Iterable[Reference], most: int = MAX_CITATIONS) -> list[Inline]:
    """Return citations for the end of a sentence, with leading spaces; of many, the first few and how many others.

    Commits and runs are in parentheses, like commits in the log.
    """
    cited = list(dict.fromkeys(references))
    shown = cited if len(cited) <= most + 1 else cited[:most]
    content: list[Inline] = []
    open_bracket = False
    for reference in shown:
        in_brackets = reference.kind in ("commit", "run")
        if open_bracket and not in_brackets:
            content.append(Text(")"))
        content.append(Text(" " if not in_brackets else ", " if open_bracket else " ("))
        content.append(reference)
        open_bracket = in_brackets
    if len(cited) > len(shown):
        content.append(Text(f" and {count(len(cited) - len(shown), 'other', 'grouped')}"))
    return [*content, Text(")")] if open_bracket else content
