"""The first line of a part, of three versions made one: field by field."""

import re
from collections.abc import Callable
from typing import TypeVar

from orglab.experiment.model import strip_cookies
from orglab.log.merge.node import COMMITS, Node
from orglab.org.heading import Heading
from orglab.org.source import decode, encode

Value = TypeVar("Value")
_HASHES = re.compile(rb",[ \t]*")


class FieldConflictError(Exception):
    """Both sides changed one field, each to something else."""


def choose(
    base: Value | None, ours: Value, theirs: Value, settle: Callable[[Value, Value], Value] | None = None
) -> Value:
    """Return what a field is after both sides: what the one that changed it says.

    Args:
        base: What it was; None if there was none.
        ours: What it is with us.
        theirs: What it is with them.
        settle: What it is when both changed it, from ours and theirs.

    Raises:
        FieldConflictError: Both changed it, and there is nothing to settle it.
    """
    if theirs in (ours, base):
        return ours
    if base == ours:
        return theirs
    if settle is None:
        raise FieldConflictError
    return settle(ours, theirs)


def merge_head(base: Node | None, ours: Node, theirs: Node) -> bytes:
    """Return the first line of a part after both sides.

    Raises:
        FieldConflictError: They say different things.
    """
    if ours.heading is not None and theirs.heading is not None:
        return _heading_line(base.heading if base else None, ours, ours.heading, theirs.heading)
    if ours.item is not None and theirs.item is not None:
        return _item_line(base, ours, theirs)
    if ours.kind == "planning":
        # CLOSED by both: the later time is when it was closed for good.
        return choose(base.head if base else None, ours.head, theirs.head, max)
    return choose(base.head if base else None, ours.head, theirs.head)


def title_of(heading: Heading) -> str:
    """Return a heading's title without cookies, which follow from what is below."""
    return strip_cookies(heading.title)


def _heading_line(base: Heading | None, node: Node, ours: Heading, theirs: Heading) -> bytes:
    """Return a heading's line: ours, with the keyword, priority, title and tags that both sides make."""
    settings = ours.document.settings
    words = list(settings.keywords)

    def further(one: str | None, other: str | None) -> str | None:
        if settings.is_done(one) and settings.is_done(other):
            raise FieldConflictError
        return max(
            one, other, key=lambda state: (settings.is_done(state), words.index(state) if state in words else -1)
        )

    state = choose(base.state if base else None, ours.state, theirs.state, further)
    priority = choose(base.priority if base else None, ours.priority, theirs.priority)
    title = choose(title_of(base) if base else None, title_of(ours), title_of(theirs))
    tags = _union(base.tags if base else (), ours.tags, theirs.tags)
    line = ours.line
    text = ours.document.text
    changed = node.head
    # From the right, so that positions to the left stay true.
    if tags != list(ours.tags):
        written = encode(f":{':'.join(tags)}:") if tags else b""
        start, end = line.tags if line.tags[0] >= 0 else (line.title[1], line.title[1])
        gap = b" " if line.tags[0] < 0 else b""
        changed = _put(changed, ours, start, end, gap + written)
    if title != title_of(ours):
        new = theirs.document.text[slice(*theirs.line.title)]
        changed = _put(changed, ours, *line.title, new)
    if priority != ours.priority:
        written = encode(f"[#{priority}] ") if priority else b""
        start, end = line.priority if line.priority[0] >= 0 else (line.title[0], line.title[0])
        changed = _put(changed, ours, start, end, written)
    if state != ours.state:
        start, end = line.state
        if start < 0:
            start = end = ours.begin + ours.stars + 1
            changed = _put(changed, ours, start, end, encode(f"{state} "))
        else:
            after = end + (text[end : end + 1] == b" ") * (state is None)
            changed = _put(changed, ours, start, after, encode(state or ""))
    return changed


def _put(head: bytes, heading: Heading, start: int, end: int, written: bytes) -> bytes:
    """Return a heading's line with a span, in positions of its document, replaced."""
    return head[: start - heading.begin] + written + head[end - heading.begin :]


def _union(base: "tuple[str, ...] | list[str]", ours: "tuple[str, ...] | list[str]",
           theirs: "tuple[str, ...] | list[str]") -> list[str]:  # fmt: skip
    """Return ours without what they took away, and with what they added."""
    kept = [one for one in ours if one in theirs or one not in base]
    return kept + [one for one in theirs if one not in ours and one not in base]


_BOXES = {b"": -1, b"[ ]": 0, b"[-]": 1, b"[x]": 2, b"[X]": 3}


def _item_line(base: Node | None, ours: Node, theirs: Node) -> bytes:
    """Return an item's first line: ours, with the box, the words and the commits that both sides make."""
    if ours.item is None or theirs.item is None:
        raise AssertionError(ours)
    mine, other, old = _fields(ours), _fields(theirs), _fields(base) if base else None
    box = choose(old.box if old else None, mine.box, other.box, lambda *boxes: max(boxes, key=_BOXES.__getitem__))
    # Compared without cookies, which follow from what is below.
    words = mine.words if choose(base.key if base else None, ours.key, theirs.key) == ours.key else other.words
    commits = _union(old.commits if old else [], mine.commits, other.commits)
    if (box, words, commits) == (mine.box, mine.words, mine.commits):
        return ours.head
    written = words + (b" (" + b", ".join(encode(one) for one in commits) + b")" if commits else b"")
    return mine.bullet + (box + b" " if box else b"") + written + b"\n"


class _fields:  # noqa: N801 - reads as a word where it is used
    """The fields of an item's first line."""

    def __init__(self, node: Node) -> None:
        """Read them."""
        item = node.item
        if item is None:
            raise AssertionError(node)
        line = node.head.rstrip(b"\n")
        at = item.checkbox_at - item.begin if item.checkbox else -1
        self.box = item.checkbox or b""
        body = line[at + 3 :].lstrip(b" \t") if at >= 0 else line[item.body - item.begin :]
        if item.tag is not None and at < 0:
            body = line[len(line) - len(line.lstrip(b" \t")) + len(item.bullet) :]
        self.bullet = line[:at] if at >= 0 else line[: len(line) - len(body)]
        match = COMMITS.search(body)
        self.words = (body[: match.start()] if match else body).rstrip()
        self.commits = [decode(one) for one in _HASHES.split(match.group(1))] if match else []
