"""Setting the checkboxes of list items and updating those of their parents.

Follows `org-toggle-checkbox` and `org-list-struct-fix-box`.
"""

from collections.abc import Iterable

from orglab.errors import UsageError
from orglab.org.document import Document
from orglab.org.edit import Edit
from orglab.org.list import Item, Structure

OPEN, PARTIAL, DONE = b"[ ]", b"[-]", b"[X]"


def toggle_checkbox(box: bytes | None) -> bytes:
    """Return the checkbox after toggling `box`: `[X]` becomes `[ ]`, anything else (also `[x]`) becomes `[X]`."""
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
    """Return the edits that set the checkboxes of `items` and update those of their parents.

    The checkbox of an item with checkboxes below it always follows those, whatever `box` is.

    Args:
        document: The document.
        structure: The list that holds the items.
        items: The items to set; those without a checkbox are left alone.
        box: `[ ]`, `[-]` or `[X]`.
        ordered: Whether the entry's ORDERED property requires checkboxes to be checked in order.
        upper: Whether to turn each `[x]` in the list into `[X]`, which Org counts as done.

    Raises:
        UsageError: `ordered` is set and an earlier checkbox is open.
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
    """Set the checkbox of each parent item from the checkboxes directly below it, deepest first."""
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
    """Raise UsageError if a checkbox before `first` is open while a later one is done (the ORDERED property)."""
    blocking: Item | None = None
    for item in structure.items:
        if blocking is None and boxes[item.begin] == OPEN:
            blocking = item
        elif blocking is not None and boxes[item.begin] == DONE and blocking.begin < first:
            line = document.source.line_number(blocking.begin)
            raise UsageError(
                f"The checkbox in line {line} is still open; this list must be checked off in order (:ORDERED:)."
            )
