"""How a table fits on a page: the widths of its columns, or the same content as a list."""

from collections.abc import Sequence
from itertools import pairwise

from wcwidth import wcswidth

from orglab.report import blocks as b

# In characters of the table's text: the space between columns, the longest word that is not broken, the width above
# which a cell gains little; and how much wider code and bold text are set.
_GAP, _LONGEST_WORD, _BROADEST = 3, 26, 60
_WIDER = {b.Code: 1.25, b.Reference: 1.1, b.Strong: 1.15}
# The sign of a badge and the space around it.
_BADGE = 5
# A cell with more lines than this is no longer read across.
_MOST_LINES = 8


def fit_columns(table: b.Table, room: int) -> list[float] | None:
    """Return the share of the page that each column needs, in all at most 1; None if the table is not readable on it.

    Args:
        table: The table.
        room: How many characters fit in a line of a table.
    """
    rows = [tuple((b.Strong(cell),) for cell in table.cells[0]), *table.cells[1:]]
    columns = [[_measure(cell) for cell in column] for column in zip(*rows, strict=True)]
    least = [max(word for _, word in column) + _GAP for column in columns]
    wished = [max(text for text, _ in column) + _GAP for column in columns]
    if sum(least) > room:
        return None
    widths = [float(wish) for wish in wished]
    if sum(wished) > room:
        # Each column grows from its longest word; a few long cells share what is left.
        goals = [max(low, min(wish, _BROADEST)) for low, wish in zip(least, wished, strict=True)]
        grow = (room - sum(least)) / max(1, sum(goals) - sum(least))
        widths = [low + (goal - low) * grow for low, goal in zip(least, goals, strict=True)]
    if len(widths) > 2 and any(wish > width * _MOST_LINES for wish, width in zip(wished, widths, strict=True)):  # noqa: PLR2004 - two columns have no better form
        return None
    return [width / room for width in widths]


def _measure(cell: b.Inlines) -> tuple[int, int]:
    """Return the width of a cell's text and that of its longest word, in characters."""
    text = b.plain(cell)
    factor = max([_WIDER.get(type(inline), 1.0) for inline in cell], default=1.0)
    width = len(text) if text.isascii() else max(wcswidth(text), len(text) // 2)
    # Text without spaces, such as Chinese, breaks anywhere.
    words = text.split() if width <= len(text) else [text[:2]]
    word = min(max(map(len, words), default=0), _LONGEST_WORD)
    if any(isinstance(inline, b.Badge) for inline in cell):
        width, word = width + _BADGE, word + _BADGE
    return round(width * factor), round(word * factor)


def list_rows(table: b.Table) -> b.Blocks:
    """Return a table as a list: for each row its first cell, and below it the other cells with their headers."""
    header, *rows = table.cells
    rules = set(table.rules)
    cuts = [0, *sorted(rule for rule in rules if 0 < rule < len(rows)), len(rows)]
    lists = [b.List(tuple(_list_row(header, row) for row in rows[begin:end]), "plain") for begin, end in pairwise(cuts)]
    caption = (b.Paragraph((b.Strong(table.caption),)),) if table.caption else ()
    return (*caption, *(one for one in lists if one.items))


def _list_row(header: Sequence[b.Inlines], row: Sequence[b.Inlines]) -> b.ListItem:
    """Return a row as an item; empty cells are left out."""
    content: list[b.Inline] = [b.Strong(row[0])] if row[0] else []
    separator: tuple[b.Inline, ...] = (b.LineBreak(),) if content else ()
    for name, cell in zip(header[1:], row[1:], strict=True):
        if cell:
            content += [*separator, *((b.Small(name), b.Text("\u00a0")) if name else ()), *cell]
            separator = (b.Text(" · "),)
    return b.ListItem((b.Paragraph(tuple(content)),))
