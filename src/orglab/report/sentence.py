"""Sentences: pieces of text and citations put together."""

from collections.abc import Iterable, Sequence

from orglab.report.amounts import count
from orglab.report.blocks import Inline, Inlines, Reference, Text
from orglab.report.claims import Claim
from orglab.report.model import Statement

# More citations than this nobody reads; the appendix has them all.
MOST_CITED = 8


def say(*pieces: str | Inline | Sequence[Inline], claims: Iterable[Claim] = ()) -> Statement:
    """Return the statement that pieces make; a sentence begins with a capital."""
    content: list[Inline] = []
    for piece in pieces:
        if isinstance(piece, str):
            content += [Text(piece)] if piece else []
        elif isinstance(piece, Sequence):
            content += piece
        else:
            content.append(piece)
    if content and isinstance(content[0], Text):
        content[0] = Text(capital(content[0].text))
    return Statement(_joined(content), tuple(claims))


def capital(text: str) -> str:
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


def cite(references: Iterable[Reference], most: int = MOST_CITED) -> list[Inline]:
    """Return citations to end a sentence with, a blank before each; of many, the first and how many more."""
    found = list(dict.fromkeys(references))
    shown = found if len(found) <= most + 1 else found[:most]
    content: list[Inline] = []
    for reference in shown:
        content += [Text(" "), reference]
    if len(found) > len(shown):
        content.append(Text(f" and {count(len(found) - len(shown), 'other')}"))
    return content


def quoted(text: str) -> str:
    """Return a text in quotation marks, in one line."""
    return f"“{' '.join(text.split())}”"


def sentence_end(text: str) -> str:
    """Return what ends a sentence that ends in `text`: nothing if that does so itself."""
    return "" if text.rstrip("”’\"') ").endswith((".", "!", "?", "…")) else "."
