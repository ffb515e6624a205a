"""Sentences: pieces of text and citations put together."""

from collections.abc import Iterable

from orglab.report.blocks import Inline, Inlines, Reference, Text
from orglab.report.content.evidence import Claim
from orglab.report.content.statements import Statement
from orglab.text import count

# More citations than this nobody reads; the appendix has them all.
MAX_CITATIONS = 8


def make_statement(*pieces: str | Inline | list[Inline] | Inlines, claims: Iterable[Claim] = ()) -> Statement:
    """Return the statement that pieces make; a sentence begins with a capital."""
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
    return Statement(_joined(content), tuple(claims))


def capitalize_first(text: str) -> str:
    """Return a text with its first letter as a sentence has it."""
    return text[:1].upper() + text[1:]


def _joined(content: list[Inline]) -> Inlines:
    """Return inlines with neighbouring texts made one."""
    found: list[Inline] = []
    for piece in content:
        if isinstance(piece, Text) and found and isinstance(last := found[-1], Text):
            found[-1] = Text(last.text + piece.text)
        else:
            found.append(piece)
    return tuple(found)


def cite(references: Iterable[Reference], most: int = MAX_CITATIONS) -> list[Inline]:
    """Return citations to end a sentence with, a blank before each; of many, the first and how many more.

    Commits and runs stand in parentheses, as the log writes commits.
    """
    found = list(dict.fromkeys(references))
    shown = found if len(found) <= most + 1 else found[:most]
    content: list[Inline] = []
    open_bracket = False
    for reference in shown:
        in_brackets = reference.kind in ("commit", "run")
        if open_bracket and not in_brackets:
            content.append(Text(")"))
        content.append(Text(" " if not in_brackets else ", " if open_bracket else " ("))
        content.append(reference)
        open_bracket = in_brackets
    if len(found) > len(shown):
        content.append(Text(f" and {count(len(found) - len(shown), 'other', 'grouped')}"))
    return [*content, Text(")")] if open_bracket else content
