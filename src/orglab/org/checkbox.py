"""Ticking boxes: an item's own, and those of the items it is nested in.

As `org-toggle-checkbox` and `org-list-struct-fix-box`.
"""

from collections.abc import Iterable

from orglab.errors import UsageError
from orglab.org.document import Document
from orglab.org.edit import Edit
from orglab.org.list import Item, Structure

OPEN, PARTIAL, DONE = b"[ ]", b"[-]", b"[X]"


def toggle_checkbox(box: bytes | None) -> bytes:
    """Return the box that toggling makes of `box`: done becomes open, all else done, `[x]` too."""
    return OPEN if box == DONE else DONE


def set_checkboxes(
    document: Document,
    structure: Structure,
    items: Iterable[Item],
    box: bytes,
    *,
    ordered: bool = False,
    upper: bool = False,
) -> list[Edit]:
    """Return the edits that set the boxes of `items`, and make their parents' boxes say so.

    A box whose item has boxes below it shows what those are, whatever is asked for.

    Args:
        document: The file.
        structure: The list that holds the items.
        items: The items to set; those without a box are left.
        box: `[ ]`, `[-]` or `[X]`.
        ordered: Whether the entry's ORDERED property asks for boxes to be ticked in order.
        upper: Whether each `[x]` of the list becomes `[X]`, which Org counts as done.

    Raises:
        UsageError: `ordered`, and an earlier box is open.
    """
    chosen = list(items)
    boxes = {item.begin: item.checkbox for item in structure.items}
    if upper:
        boxes = {begin: old.upper() if old else None for begin, old in boxes.items()}
    for item in chosen:
        if item.checkbox is not None:
            boxes[item.begin] = box
    _fix_parents(structure, boxes)
    if ordered:
        _check_order(document, structure, boxes, chosen[0].begin if chosen else 0)
    return [
        Edit(item.checkbox_at, item.checkbox_at + 3, new)
        for item in structure.items
        if item.checkbox is not None and (new := boxes[item.begin]) is not None and new != item.checkbox
    ]


def _fix_parents(structure: Structure, boxes: dict[int, bytes | None]) -> None:
    """Set the box of each item that has one by the boxes directly below it, deepest first."""
    parents = structure.parents()
    with_box = {
        parent.begin: parent
        for item in structure.items
        if (parent := parents[item.begin]) is not None and boxes[parent.begin] is not None
    }
    for parent in sorted(with_box.values(), key=lambda item: -item.indent):
        below = {boxes[child.begin] for child in structure.children(parent)}
        if (OPEN in below and DONE in below) or PARTIAL in below:
            boxes[parent.begin] = PARTIAL
        elif DONE in below:
            boxes[parent.begin] = DONE
        elif OPEN in below:
            boxes[parent.begin] = OPEN


def _check_order(document: Document, structure: Structure, boxes: dict[int, bytes | None], first: int) -> None:
    """Raise UsageError if a box before `first` is open while a later one is done (the ORDERED property)."""
    blocking: Item | None = None
    for item in structure.items:
        if blocking is None and boxes[item.begin] == OPEN:
            blocking = item
        elif blocking is not None and boxes[item.begin] == DONE and blocking.begin < first:
            line = document.source.line_number(blocking.begin)
            raise UsageError(f"The boxes here are to be ticked in order (:ORDERED:), and that in line {line} is open.")
