"""The merge of the first line of a part, field by field."""

import re
from collections.abc import Callable
from typing import TypeVar

from orglab.experiment.commit_notation import HASH
from orglab.experiment.model import strip_cookies
from orglab.log.merge.node import COMMITS, Node
from orglab.org.heading import Heading
from orglab.org.source import decode, encode

Value = TypeVar("Value")
_REWRITTEN = re.compile(rb"(%b)(?:[ \t]*->[ \t]*%b)+" % (HASH.encode(), HASH.encode()))
_HASHES = re.compile(rb",[ \t]*")


class FieldConflictError(Exception):
    """Both sides changed a field to different values."""


def choose(
    base: Value | None, ours: Value, theirs: Value, settle: Callable[[Value, Value], Value] | None = None
) -> Value:
    """Return the merged value of a field: the value of the side that changed it.

    Args:
        base: The value in the common ancestor, or None.
        ours: Our value.
        theirs: Their value.
        settle: Chooses a value from ours and theirs if both sides changed it.

    Raises:
        FieldConflictError: Both sides changed the field, and `settle` is None.
    """
    if theirs in (ours, base):
        return ours
    if base == ours:
        return theirs
    if settle is None:
        raise FieldConflictError
    return settle(ours, theirs)


def merge_head(base: Node | None, ours: Node, theirs: Node) -> bytes:
    """Return the merged first line of a part.

    Raises:
        FieldConflictError: Both sides changed a field to different values.
    """
    if ours.heading is not None and theirs.heading is not None:
        return _merge_heading(base.heading if base else None, ours, ours.heading, theirs.heading)
    if ours.item is not None and theirs.item is not None:
        return _merge_item(base, ours, theirs)
    if ours.kind == "planning":
        # If both sides closed it, the later CLOSED time counts.
        return choose(base.head if base else None, ours.head, theirs.head, max)
    if ours.kind == "property" and ours.key[1] in (b":ALIASES:", b":SHARED:"):
        return choose(base.head if base else None, ours.head, theirs.head, _join_words)
    return choose(base.head if base else None, ours.head, theirs.head)


def _join_words(ours: bytes, theirs: bytes) -> bytes:
    """Return our line of a property with the words of both: former ids, or `ID: WORDS` for each id that is shared."""
    start = len(ours) - len(ours.lstrip()) + len(ours.split()[0])
    groups: dict[bytes, dict[bytes, None]] = {}
    for line in (ours, theirs):
        name = b""
        for word in line.split()[1:]:
            name = word if word.endswith(b":") else name
            groups.setdefault(name, {})[word] = None
    gap = ours[start : len(ours) - len(ours[start:].lstrip(b" \t"))] or b" "
    return ours[:start] + gap + b" ".join(word for words in groups.values() for word in words) + b"\n"


def _read_title(heading: Heading) -> str:
    """Return a heading's title without cookies, which depend on the subtree."""
    return strip_cookies(heading.title)


def _merge_heading(base: Heading | None, node: Node, ours: Heading, theirs: Heading) -> bytes:
    """Return our line of a heading with the merged keyword, priority, title and tags."""
    settings = ours.document.settings
    keywords = list(settings.keywords)

    def choose_later(mine: str | None, other: str | None) -> str | None:
        if settings.is_done(mine) and settings.is_done(other):
            raise FieldConflictError
        return max(
            mine, other, key=lambda state: (settings.is_done(state), keywords.index(state) if state in keywords else -1)
        )

    state = choose(base.state if base else None, ours.state, theirs.state, choose_later)
    priority = choose(base.priority if base else None, ours.priority, theirs.priority)
    title = choose(_read_title(base) if base else None, _read_title(ours), _read_title(theirs))
    tags = _merge_lists(base.tags if base else (), ours.tags, theirs.tags)
    line = ours.line
    text = ours.document.text
    changed = node.head
    # From right to left, so that the positions further left stay valid.
    if tags != list(ours.tags):
        written = encode(f":{':'.join(tags)}:") if tags else b""
        start, end = line.tags if line.tags[0] >= 0 else (line.title[1], line.title[1])
        gap = b" " if line.tags[0] < 0 else b""
        changed = _replace(changed, ours, start, end, gap + written)
    if title != _read_title(ours):
        new = theirs.document.text[slice(*theirs.line.title)]
        changed = _replace(changed, ours, *line.title, new)
    if priority != ours.priority:
        written = encode(f"[#{priority}] ") if priority else b""
        start, end = line.priority if line.priority[0] >= 0 else (line.title[0], line.title[0])
        changed = _replace(changed, ours, start, end, written)
    if state != ours.state:
        start, end = line.state
        if start < 0:
            start = end = ours.begin + ours.stars + 1
            changed = _replace(changed, ours, start, end, encode(f"{state} "))
        else:
            after = end + (text[end : end + 1] == b" ") * (state is None)
            changed = _replace(changed, ours, start, after, encode(state or ""))
    return changed


def _replace(head: bytes, heading: Heading, start: int, end: int, written: bytes) -> bytes:
    """Return a heading's line with a span replaced; `start` and `end` are positions in its document."""
    return head[: start - heading.begin] + written + head[end - heading.begin :]


def _merge_lists(base: "tuple[str, ...] | list[str]", ours: "tuple[str, ...] | list[str]",
                 theirs: "tuple[str, ...] | list[str]") -> list[str]:  # fmt: skip
    """Return our list without the values that they removed, followed by those that they added."""
    kept = [value for value in ours if value in theirs or value not in base]
    return kept + [value for value in theirs if value not in ours and value not in base]


_BOXES = {b"": -1, b"[ ]": 0, b"[-]": 1, b"[x]": 2, b"[X]": 3}


def _merge_item(base: Node | None, ours: Node, theirs: Node) -> bytes:
    """Return our first line of an item with the merged checkbox, words and commits."""
    if ours.item is None or theirs.item is None:
        raise AssertionError(ours)
    mine, other, old = _ItemFields(ours), _ItemFields(theirs), _ItemFields(base) if base else None
    box = choose(old.box if old else None, mine.box, other.box, lambda *boxes: max(boxes, key=_BOXES.__getitem__))
    # Compared without cookies, which depend on the subtree.
    chosen = choose(base.words if base else None, ours.words, theirs.words, _settle_rewrites)
    words = mine.words if chosen == ours.words else other.words
    commits = _merge_lists(old.commits if old else [], mine.commits, other.commits)
    if (box, words, commits) == (mine.box, mine.words, mine.commits):
        return ours.head
    written = words + (b" (" + b", ".join(encode(commit) for commit in commits) + b")" if commits else b"")
    return mine.bullet + (box + b" " if box else b"") + written + b"\n"


def _settle_rewrites(ours: bytes, theirs: bytes) -> bytes:
    """Return our words if theirs only name other commits that the same ones became, as after two rebases.

    Raises:
        FieldConflictError: They differ in something else.
    """
    if _REWRITTEN.sub(rb"\1", ours) != _REWRITTEN.sub(rb"\1", theirs):
        raise FieldConflictError
    return ours


class _ItemFields:
    """The fields of an item's first line."""

    def __init__(self, node: Node) -> None:
        """Read the fields from the line."""
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
        self.commits = [decode(commit) for commit in _HASHES.split(match.group(1))] if match else []
