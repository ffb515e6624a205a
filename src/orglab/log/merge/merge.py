"""Three versions of a log made one."""

import datetime
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from orglab.config import Config
from orglab.experiment.consequences import update_steps_state
from orglab.experiment.fast_reader import scan_experiments
from orglab.experiment.model import Experiment
from orglab.log.merge.head import FieldConflictError, choose, merge_head
from orglab.log.merge.node import ADDED_ALONE, Key, Node, read_nodes, split_lines
from orglab.log.merge.pairs import pair
from orglab.org.cookies import recount_cookies
from orglab.org.document import Document
from orglab.org.source import BYTE_ORDER_MARK, decode

if TYPE_CHECKING:
    from orglab.org.heading import Heading

_NUMBER = re.compile(rb"([ \t]*)(\d+)([.)])")


@dataclass
class Merged:
    """What came of a merge.

    Attributes:
        data: The bytes; with conflict markers where the sides disagree.
        conflicts: How many places have markers.
        notes: What a person should know of what was done, a sentence each.
    """

    data: bytes
    conflicts: int
    notes: list[str]


@dataclass(frozen=True)
class Labels:
    """What stands behind the conflict markers, and how long they are (gitattributes(5), conflict-marker-size)."""

    ours: str = "ours"
    theirs: str = "theirs"
    size: int = 7


def merge(
    base: bytes, ours: bytes, theirs: bytes, config: Config, now: datetime.datetime, labels: Labels | None = None
) -> Merged:
    """Return a log, or a journal, with what both sides did to it since `base`.

    What one side changed is taken as it has it.  Where both did: a heading and
    an item are merged field by field, added headings, items and properties are
    all kept, ours first, and words that both wrote at one place are a conflict.
    Cookies and the keyword of the steps' heading follow from what came of it.

    Args:
        base: The version that both grew from; empty if there is none.
        ours: Our version.
        theirs: Theirs.
        config: The settings.
        now: Local time, for what a state change logs.
        labels: For the conflict markers.
    """
    if theirs in (ours, base):
        return Merged(ours, 0, [])
    if base == ours:
        return Merged(theirs, 0, [])
    documents = [_read(data, config) for data in (base, ours, theirs)]
    merging = _Merging(labels or Labels())
    roots = read_nodes(documents, config)
    merging.parts(*(root.parts for root in roots))
    text = bytes(merging.out)
    if not merging.conflicts:
        text = _settled(text, documents[1], merging.merged_headings, config, now)
        merging.notes += _same_ids(Document(text, config.keywords), config)
    return Merged(_with_endings(text, base, ours, theirs), merging.conflicts, merging.notes)


def _read(data: bytes, config: Config) -> Document:
    """Return a version as a document whose last line has an end."""
    document = Document(data, config.keywords)
    if document.text and not document.text.endswith(b"\n"):
        document = Document(document.text + b"\n", config.keywords)
    return document


@dataclass
class _Slot:
    """A place of the result.

    Attributes:
        base: The part as it was, or None.
        ours: As we have it.
        theirs: As they have it.
        inserted: Who added it: `ours`, `theirs`, or nobody alone.
        separator: The blank lines that stand before it, where somebody alone added it.
        number: The number that it gets in a numbered list, if not its own.
        blanks: The blank lines that it gets behind it, if not its own.
    """

    base: Node | None
    ours: Node | None
    theirs: Node | None
    inserted: str = ""
    separator: bytes = b""
    number: int | None = None
    blanks: bytes | None = None


@dataclass
class _Merging:
    """Writes the result, part by part."""

    labels: Labels
    out: bytearray = field(default_factory=bytearray)
    conflicts: int = 0
    notes: list[str] = field(default_factory=list)
    merged_headings: list[int] = field(default_factory=list)

    def parts(self, base: Sequence[Node], ours: Sequence[Node], theirs: Sequence[Node]) -> None:
        """Write what a sequence of parts becomes."""
        slots = list(_slots(base, ours, theirs))
        self.renumber(slots)
        _separate(slots)
        for region in _regions(slots):
            if isinstance(region, _Slot):
                self.slot(region)
            else:
                self.region(region)

    def region(self, slots: list[_Slot]) -> None:
        """Write a run of lines that both sides changed, with markers unless they did the same."""
        ours = [one.ours for one in slots if one.ours is not None]
        theirs = [one.theirs for one in slots if one.theirs is not None]
        if [one.head for one in ours] == [one.head for one in theirs]:
            for one in ours:
                self.write(one.core + one.trail)
            return
        texts = [b"".join(one.core + one.trail for one in side) for side in (ours, theirs)]
        self.conflict(*texts)

    def slot(self, slot: _Slot) -> None:
        """Write what one part becomes."""
        base, ours, theirs = slot.base, slot.ours, slot.theirs
        if ours is None or theirs is None:
            kept = ours or theirs
            if kept is None:
                return
            if base is None:
                self.write(_renumbered(kept, slot.number) if slot.number else kept.core)
                self.write(kept.trail if slot.blanks is None else slot.blanks)
            elif kept.core != base.core:
                # One side took it away, the other changed it.
                self.conflict(*(one.core + one.trail if one else b"" for one in (ours, theirs)))
            return
        if theirs.core in (ours.core, base.core if base else None):
            self.write(ours.core)
        elif base and base.core == ours.core:
            self.write(theirs.core)
        else:
            self.both(base, ours, theirs)
            self.trim()
        self.write(choose(base.trail if base else None, ours.trail, theirs.trail, max))

    def both(self, base: Node | None, ours: Node, theirs: Node) -> None:
        """Write a part that both sides changed."""
        if ours.kind == "heading":
            self.merged_headings.append(len(self.out))
        try:
            self.write(merge_head(base, ours, theirs))
        except FieldConflictError:
            self.conflict(ours.head, theirs.head)
        self.write(choose(base.gap if base else None, ours.gap, theirs.gap, max))
        self.parts(base.parts if base else [], ours.parts, theirs.parts)
        if ours.tail:
            self.trim()
        self.write(ours.tail)

    def renumber(self, slots: list[_Slot]) -> None:
        """Give what they added to a numbered list the numbers that follow ours."""
        last = 0
        for slot in slots:
            node = slot.ours or slot.theirs
            if node is None or node.item is None or not node.item.is_ordered or not node.item.bullet[:1].isdigit():
                last = last if node is None else 0
                continue
            match = _NUMBER.match(node.head)
            number = int(match.group(2)[:9]) if match else 0
            if slot.inserted == "theirs" and last and number <= last:
                slot.number = last + 1
                self.notes.append(
                    f"Item {number} that they added, {decode(node.key[1])!r}, is item {last + 1} now: "
                    f"ours has an item {number} too."
                )
                number = last + 1
            last = number

    def conflict(self, ours: bytes, theirs: bytes) -> None:
        """Write both texts between conflict markers."""
        self.conflicts += 1
        size = self.labels.size
        for text, marker, label in ((ours, b"<", self.labels.ours), (theirs, b"=", "")):
            self.write(marker * size + (f" {label}".encode() if label else b"") + b"\n" + text)
        self.write(b">" * size + f" {self.labels.theirs}\n".encode())

    def write(self, text: bytes) -> None:
        """Write text."""
        self.out += text

    def trim(self) -> None:
        """Take the blank lines at the end away again."""
        end = len(self.out)
        while end and self.out[end - 1 : end] == b"\n":
            line = self.out.rfind(b"\n", 0, end - 1) + 1
            if self.out[line:end].strip():
                break
            end = line
        del self.out[end:]


def _renumbered(node: Node, number: int) -> bytes:
    """Return an item's text with another number."""
    return _NUMBER.sub(rb"\g<1>%d\g<3>" % number, node.core, count=1)


def _slots(base: Sequence[Node], ours: Sequence[Node], theirs: Sequence[Node]) -> Iterator[_Slot]:
    """Yield the parts of all three versions, in the order that they have in the result.

    That is the order of the side that moved something, else ours; what only
    the other side has stands behind what it stands behind there.
    """
    in_ours, in_theirs = pair(base, ours), pair(base, theirs)
    of_ours = {place: index for index, place in in_ours.items()}
    of_theirs = {place: index for index, place in in_theirs.items()}
    both_new = _pair_new(ours, theirs, of_ours, of_theirs)
    leads = "theirs" if _is_moved(in_theirs) and not _is_moved(in_ours) else "ours"
    slots = {
        "ours": [_Slot(None, node, None, "ours", before) for node, before in zip(ours, _separators(ours), strict=True)],
        "theirs": [
            _Slot(None, None, node, "theirs", before) for node, before in zip(theirs, _separators(theirs), strict=True)
        ],
    }
    deleted: list[tuple[int, _Slot]] = []
    for index, node in enumerate(base):
        slot = _shared(slots, in_ours.get(index), in_theirs.get(index), leads)
        if slot is None:
            deleted.append((index, _Slot(node, None, None)))
        else:
            slot.base = node
            slot.inserted = ""
    for mine, other in both_new.items():
        slot = _shared(slots, mine, other, leads)
        if slot is not None:
            slot.inserted = ""
    yield from _with_deleted(_woven(slots[leads], slots["theirs" if leads == "ours" else "ours"]), deleted, base)


def _separators(parts: Sequence[Node]) -> list[bytes]:
    """Return the blank lines that stand before each part."""
    return [part.trail for part in [Node("line", ("line", b""), b""), *parts[:-1]]][: len(parts)]


def _separate(slots: list[_Slot]) -> None:
    """Set what both added at one place off from each other as each is from what stands before it."""
    for slot, following in pairwise(slots):
        if slot.inserted and following.inserted not in ("", slot.inserted):
            slot.blanks = slot.separator


def _shared(slots: dict[str, list[_Slot]], mine: int | None, other: int | None, leads: str) -> _Slot | None:
    """Return the one slot of a part that both sides may have; the other side's place holds the same slot then."""
    if mine is None and other is None:
        return None
    if mine is None or other is None:
        return slots["ours"][mine] if mine is not None else slots["theirs"][other or 0]
    one, two = slots["ours"][mine], slots["theirs"][other]
    one.theirs, two.ours = two.theirs, one.ours
    slots["theirs" if leads == "ours" else "ours"][other if leads == "ours" else mine] = one if leads == "ours" else two
    return one if leads == "ours" else two


def _woven(leading: list[_Slot], other: list[_Slot]) -> list[_Slot]:
    """Return the slots of both sides in one order."""
    behind: dict[int, list[_Slot]] = {}
    known = {id(slot) for slot in leading}
    anchor = 0
    for slot in other:
        if id(slot) in known:
            anchor = id(slot)
        else:
            behind.setdefault(anchor, []).append(slot)
    woven: list[_Slot] = []
    waiting = behind.get(0, [])
    shared = {id(slot) for slot in other}
    for slot in leading:
        # What only we have stands before what only they have.
        if id(slot) in shared:
            woven += waiting
            waiting = behind.get(id(slot), [])
        woven.append(slot)
    return _sorted_days([*woven, *waiting])


def _sorted_days(slots: list[_Slot]) -> list[_Slot]:
    """Return the headings of a date tree, if these are some, by date (org-datetree.el)."""
    titles = [_title(slot) for slot in slots]
    if len(slots) < 2 or not all(title and re.match(r"\d{4}(-\d{2}){0,2}( |$)", title) for title in titles):  # noqa: PLR2004
        return slots
    return [slot for _, slot in sorted(zip(titles, slots, strict=True), key=lambda one: one[0] or "")]


def _title(slot: _Slot) -> str | None:
    node = slot.ours or slot.theirs
    return node.heading.title if node is not None and node.heading is not None else None


def _with_deleted(slots: list[_Slot], deleted: list[tuple[int, _Slot]], base: Sequence[Node]) -> list[_Slot]:
    """Return the slots with those of parts that both sides took away where they stood: a change beside them shows."""
    if not deleted:
        return slots
    places = {id(node): index for index, node in enumerate(base)}
    order: list[tuple[int, int]] = []
    last = -1
    for slot in slots:
        if slot.base is not None:
            last = max(last, places[id(slot.base)])
        order.append((last, 1))
    found = list(slots)
    for index, slot in reversed(deleted):
        found.insert(bisect_right(order, (index, 0)), slot)
    return found


def _is_moved(places: dict[int, int]) -> bool:
    """Return whether a side has parts in another order than the base."""
    found = [places[index] for index in sorted(places)]
    return any(one > two for one, two in pairwise(found))


def _pair_new(
    ours: Sequence[Node], theirs: Sequence[Node], of_ours: dict[int, int], of_theirs: dict[int, int]
) -> dict[int, int]:
    """Return which part that both sides added is one and the same: a heading, property or drawer of one name."""
    new: dict[Key, int] = {}
    for place, node in enumerate(theirs):
        if place not in of_theirs and node.kind not in ("line", "row"):
            new.setdefault(node.key, place)
    found = {}
    for place, node in enumerate(ours):
        other = new.get(node.key) if place not in of_ours else None
        if other is not None and _is_same(node, theirs[other]):
            found[place] = other
            del new[node.key]
    return found


def _is_same(ours: Node, theirs: Node) -> bool:
    """Return whether what both sides added is one thing; two experiments with one number are two."""
    if ours.kind == "heading" and ours.key[0] == "id" and ours.heading is not None and theirs.heading is not None:
        return ours.heading.title == theirs.heading.title and ours.heading.timestamp_ia == theirs.heading.timestamp_ia
    return ours.kind != "item" or ours.core == theirs.core


def _regions(slots: list[_Slot]) -> Iterator["_Slot | list[_Slot]"]:
    """Yield slots one by one, and what both sides changed at one place as a list."""
    run: list[_Slot] = []
    for slot in slots:
        if slot.ours is not None and slot.theirs is not None:
            yield from _region(run)
            run = []
            yield slot
        else:
            run.append(slot)
    yield from _region(run)


def _region(run: list[_Slot]) -> "Iterable[_Slot | list[_Slot]]":
    """Return a run of parts that not both sides have: as one region if in each other's way, else one by one."""
    added = {(slot.inserted, node.kind) for slot in run if slot.inserted and (node := slot.ours or slot.theirs)}
    lines = {who for who, kind in added if kind not in ADDED_ALONE}
    # Both took a line away and one wrote something there, or an item and both did: they changed it, each otherwise.
    gone = {slot.base.kind for slot in run if slot.base is not None and slot.ours is None and slot.theirs is None}
    changed = any(
        kind != "heading" and len({who for who, other in added if other == kind}) > (kind in ADDED_ALONE)
        for kind in gone
    )
    return [run] if changed or len(lines) > 1 else run


def _settled(text: bytes, ours: Document, begins: list[int], config: Config, now: datetime.datetime) -> bytes:
    """Return the merged text with what follows from it: keywords of steps' headings, and cookies."""
    document = Document(text, config.keywords)
    before = {one.id: one for one in scan_experiments(ours, config, "")}
    found = [heading for heading in map(document.heading_at, begins) if heading is not None]
    # By their numbers: what is written here moves headings, and adds none.
    indices = sorted({heading.index for heading in found})
    for index in indices:
        after = Experiment(document.heading(index), config, "")
        if config.tag in after.tags and after.id in before:
            document = document.apply(update_steps_state(before[after.id], after, now))
    wanted: dict[int, Heading] = {}
    for index in indices:
        heading = document.heading(index)
        for one in (heading, *heading.ancestors(), *heading.children()):
            wanted[one.index] = one
    return bytes(document.apply(recount_cookies(document, [wanted[index] for index in sorted(wanted)])))


def _same_ids(document: Document, config: Config) -> Iterator[str]:
    """Yield a sentence for each id that two experiments have."""
    seen: dict[str, int] = {}
    for experiment in scan_experiments(document, config, ""):
        if experiment.id in seen:
            yield (
                f"Two experiments have the id {experiment.id} (lines {seen[experiment.id]} and {experiment.line}); "
                f"both are kept. `orglab renumber {experiment.id}` gives the second another."
            )
        seen.setdefault(experiment.id, experiment.line)


def _with_endings(text: bytes, base: bytes, ours: bytes, theirs: bytes) -> bytes:
    r"""Return the text with our byte-order mark and line ends, and without a last newline if both want none."""
    ends = [data.endswith(b"\n") or not data for data in (base, ours, theirs)]
    if not choose(ends[0] if base else None, ends[1], ends[2], max):
        text = text.removesuffix(b"\n")
    if b"\r\n" in ours:
        text = _with_carriage_returns(text, ours)
    return BYTE_ORDER_MARK + text if ours.startswith(BYTE_ORDER_MARK) else text


def _with_carriage_returns(text: bytes, ours: bytes) -> bytes:
    r"""Return the text with `\r\n` at the lines that have it in our version; new lines end as most of ours do."""
    lines = split_lines(ours)
    with_return = {line[:-2] for line in lines if line.endswith(b"\r\n")}
    without = {line[:-1] for line in lines if line.endswith(b"\n") and not line.endswith(b"\r\n")}
    most = 2 * ours.count(b"\r\n") >= ours.count(b"\n")
    return b"".join(
        line[:-1] + b"\r\n" if line[:-1] in with_return or (most and line[:-1] not in without) else line
        for line in split_lines(text)
    )
