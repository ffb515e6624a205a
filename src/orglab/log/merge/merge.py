"""The three-way merge of a log."""

import datetime
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from orglab.config import Config
from orglab.errors import UnsafeEditError
from orglab.experiment.consequences import update_steps_state
from orglab.experiment.fast_reader import scan_experiments
from orglab.experiment.format_version import require_known_format
from orglab.experiment.model import Experiment
from orglab.experiment.note_text import RUN_MARK, split_note_head
from orglab.log.merge.head import FieldConflictError, choose, merge_head
from orglab.log.merge.node import ADDED_ALONE, SIGNATURE, Key, Node, read_nodes, split_lines
from orglab.log.merge.pairs import pair
from orglab.log.merge.renumbered import agree_on_ids
from orglab.org.cookies import recount_cookies
from orglab.org.document import Document
from orglab.org.source import BYTE_ORDER_MARK, decode

if TYPE_CHECKING:
    from orglab.org.heading import Heading

_WORDS = ("line", "item", "row")
_NUMBER = re.compile(rb"([ \t]*)(\d+)([.)])")


@dataclass
class Merged:
    """The result of a merge.

    Attributes:
        data: The bytes, with conflict markers where the sides disagree.
        conflicts: The number of conflicts.
        notes: Messages for the user about decisions of the merge.
    """

    data: bytes
    conflicts: int
    notes: list[str]


@dataclass(frozen=True)
class Labels:
    """The labels after the conflict markers, and the length of the markers (gitattributes(5), conflict-marker-size)."""

    ours: str = "ours"
    theirs: str = "theirs"
    size: int = 7


def merge(
    base: bytes, ours: bytes, theirs: bytes, config: Config, now: datetime.datetime, labels: Labels | None = None
) -> Merged:
    """Return a log, or a journal, with the changes of both sides since `base`.

    A change that only one side made is adopted.  Where both sides changed
    something, headings and items are merged field by field; added headings,
    items and properties are all kept, ours first; other text that both changed at one
    place is a conflict.  Cookies and the keyword of the steps' heading are
    recomputed from the result.

    Args:
        base: The common ancestor; empty if there is none.
        ours: Our version.
        theirs: Their version.
        config: The settings.
        now: Local time, for the logging of state changes.
        labels: The labels and length of conflict markers.

    Raises:
        NewerFormatError: A version has a later version of the format.
        UnsafeEditError: The text is nested too deeply.
    """
    if theirs in (ours, base):
        return Merged(ours, 0, [])
    if base == ours:
        return Merged(theirs, 0, [])
    require_known_format(ours)
    require_known_format(theirs)
    documents = agree_on_ids([_read(data, config) for data in (base, ours, theirs)], config)
    roots = read_nodes(documents, config)
    merging = _Merging(labels or Labels(), _find_told(documents, roots))
    try:
        merging.parts(*(root.parts for root in roots))
    except RecursionError:
        raise UnsafeEditError("The log is nested too deeply to be merged by its headings and items.") from None
    text = bytes(merging.out)
    if not merging.conflicts:
        text = _update_dependents(text, documents[1], merging.merged_headings, config, now)
        merging.notes += _find_duplicate_ids(Document(text, config.keywords), config)
    return Merged(_restore_line_ends(text, base, ours, theirs), merging.conflicts, merging.notes)


def _read(data: bytes, config: Config) -> Document:
    """Return a version as a document whose last line ends with a newline."""
    document = Document(data, config.keywords)
    if document.text and not document.text.endswith(b"\n"):
        document = Document(document.text + b"\n", config.keywords)
    return document


@dataclass
class _Slot:
    """A position in the result, with the versions of its part.

    Attributes:
        base: The part in the common ancestor, or None.
        ours: The part in our version, or None.
        theirs: The part in their version, or None.
        inserted: The only side that added the part, `ours` or `theirs`; empty if neither or both did.
        separator: The blank lines before the part, if only one side added it.
        number: The new number of an item in a numbered list, or None to keep its own.
        blanks: The blank lines to put after the part, or None to keep its own.
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
    """Writes the result of a merge, part by part."""

    labels: Labels
    told: dict[bytes, Node]
    """Our notes of the runs that both sides added, perhaps to different steps: each is kept once, where ours has it."""
    out: bytearray = field(default_factory=bytearray)
    conflicts: int = 0
    notes: list[str] = field(default_factory=list)
    merged_headings: list[int] = field(default_factory=list)

    def parts(self, base: Sequence[Node], ours: Sequence[Node], theirs: Sequence[Node]) -> None:
        """Write the merge of a sequence of parts."""
        if not base and ours and theirs:
            # What both added alike was there before, as far as the rest is concerned.
            common = pair(ours, theirs)
            base = [node for at, node in enumerate(ours) if node.kind == "line" and at in common]
        slots = list(_slots(base, ours, theirs))
        self.renumber(slots)
        _separate(slots)
        is_text = False
        for region in _regions(slots):
            if isinstance(region, _Slot):
                node = region.ours or region.theirs
                if node is not None and node.kind == "conclusion" and is_text and not self.out.endswith(b"\n\n"):
                    self.write(b"\n")  # or it would be a part of what stands before it
                is_text = is_text or (node is not None and node.kind in ("line", "conclusion"))
                self.slot(region)
            else:
                is_text = True
                self.region(region)

    def region(self, slots: list[_Slot]) -> None:
        """Write a run of lines that both sides changed, with conflict markers unless the changes are the same."""
        ours = [slot.ours for slot in slots if slot.ours is not None]
        theirs = [slot.theirs for slot in slots if slot.theirs is not None]
        if [node.head for node in ours] == [node.head for node in theirs]:
            for node in ours:
                self.write(node.core + node.trail)
            return
        texts = [b"".join(node.core + node.trail for node in side) for side in (ours, theirs)]
        self.conflict(*texts)

    def slot(self, slot: _Slot) -> None:
        """Write the merge of one part."""
        base, ours, theirs = slot.base, slot.ours, slot.theirs
        if ours is None or theirs is None:
            self.one_sided(slot)
            return
        newer = max(ours, theirs, key=lambda node: node.at)
        if ours.kind == "property" and min(ours.at, theirs.at) not in ("", newer.at):
            # The verdict of the newer conclusion counts, even if it is that of the common ancestor.
            self.write(newer.core)
        elif ours.at != theirs.at:
            self.both(base, ours, theirs)
            self.trim()
        elif theirs.core in (ours.core, base.core if base else None):
            self.write(ours.core)
        elif base and base.core == ours.core:
            self.write((self.leave_out_told(theirs) or theirs).core)
        elif base is None and ours.key[0] == "run":
            note = _choose_run_note(ours, theirs)
            if note is None:
                self.conflict(ours.core, theirs.core)
            else:
                self.write(note.core)
        else:
            self.both(base, ours, theirs)
            self.trim()
        self.write(choose(base.trail if base else None, ours.trail, theirs.trail, max))

    def one_sided(self, slot: _Slot) -> None:
        """Write a part that at most one side has."""
        node = slot.ours or slot.theirs
        if node is None:
            return
        if slot.base is not None:
            if node.core != slot.base.core and not _is_signature(node):
                # One side removed the part, the other changed it.
                self.conflict(*(side.core + side.trail if side else b"" for side in (slot.ours, slot.theirs)))
            return
        kept = self.leave_out_told(node) if slot.ours is None else node
        if kept is not None:
            self.write(_renumber_item(kept, slot.number) if slot.number else kept.core)
            self.write(kept.trail if slot.blanks is None else slot.blanks)

    def both(self, base: Node | None, ours: Node, theirs: Node) -> None:
        """Write a part that both sides changed."""
        if ours.kind == "heading":
            self.merged_headings.append(len(self.out))
        try:
            self.write(merge_head(base, ours, theirs))
        except FieldConflictError:
            self.conflict(ours.head, theirs.head)
        self.write(choose(base.gap if base else None, ours.gap, theirs.gap, max))
        if ours.kind == "properties" and ours.at != theirs.at:
            # Who wrote or confirmed an older conclusion says nothing of the newest one.
            base = _leave_out_signature(base) if base is not None else None
            ours, theirs = (node if node.at > other.at else _leave_out_signature(node)
                            for node, other in ((ours, theirs), (theirs, ours)))  # fmt: skip
        self.parts(base.parts if base else [], ours.parts, theirs.parts)
        if ours.tail:
            self.trim()
        self.write(ours.tail)

    def leave_out_told(self, node: Node) -> Node | None:
        """Return a part that only they added or changed, without the notes of runs that we added elsewhere."""
        is_told = bool(self.told) and not self.told.keys().isdisjoint(RUN_MARK.findall(node.core))
        return _leave_out_runs(node, self.told) if is_told else node

    def renumber(self, slots: list[_Slot]) -> None:
        """Number the items that they added to a numbered list after ours."""
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
                    f"Both sides added an item {number}; {decode(node.words)!r}, from the merged branch, "
                    f"is now item {last + 1}."
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
        """Remove the blank lines at the end of the text written so far."""
        end = len(self.out)
        while end and self.out[end - 1 : end] == b"\n":
            line = self.out.rfind(b"\n", 0, end - 1) + 1
            if self.out[line:end].strip():
                break
            end = line
        del self.out[end:]


def _is_signature(node: Node) -> bool:
    """Return whether a part only says who wrote or confirmed a conclusion, which another one has replaced."""
    parts = node.parts if node.kind == "properties" else [node]
    return bool(node.at) and all(part.key in SIGNATURE for part in parts)


def _leave_out_signature(node: Node) -> Node:
    """Return a property drawer without who wrote or confirmed the conclusion."""
    return replace(node, parts=[part for part in node.parts if part.key not in SIGNATURE])


def _renumber_item(node: Node, number: int) -> bytes:
    """Return an item's text with another number."""
    return _NUMBER.sub(rb"\g<1>%d\g<3>" % number, node.core, count=1)


def _slots(base: Sequence[Node], ours: Sequence[Node], theirs: Sequence[Node]) -> Iterator[_Slot]:
    """Yield the parts of all three versions, in the order of the result.

    This is the order of the side that moved parts, else ours; a part that only
    the other side has comes after the part that it follows there.
    """
    in_ours, in_theirs = pair(base, ours), pair(base, theirs)
    of_ours = {place: index for index, place in in_ours.items()}
    of_theirs = {place: index for index, place in in_theirs.items()}
    both_new = _pair_added(ours, theirs, of_ours, of_theirs)
    leads = "theirs" if _is_moved(in_theirs) and not _is_moved(in_ours) else "ours"
    slots = {
        "ours": [_Slot(None, node, None, "ours", before) for node, before in zip(ours, _separators(ours), strict=True)],
        "theirs": [
            _Slot(None, None, node, "theirs", before) for node, before in zip(theirs, _separators(theirs), strict=True)
        ],
    }
    deleted: list[tuple[int, _Slot]] = []
    for index, node in enumerate(base):
        slot = _share_slot(slots, in_ours.get(index), in_theirs.get(index), leads)
        if slot is None:
            deleted.append((index, _Slot(node, None, None)))
        else:
            slot.base = node
            slot.inserted = ""
    for mine, other in both_new.items():
        slot = _share_slot(slots, mine, other, leads)
        if slot is not None:
            slot.inserted = ""
    merged = _interleave(slots[leads], slots["theirs" if leads == "ours" else "ours"])
    yield from _insert_deleted(merged, deleted, base)


def _separators(parts: Sequence[Node]) -> list[bytes]:
    """Return the blank lines before each part."""
    return [part.trail for part in [Node("line", ("line", b""), b""), *parts[:-1]]][: len(parts)]


def _separate(slots: list[_Slot]) -> None:
    """Separate parts that both sides added at one place by the blank lines that precede each of them."""
    for slot, following in pairwise(slots):
        if slot.inserted and following.inserted not in ("", slot.inserted):
            slot.blanks = slot.separator


def _share_slot(slots: dict[str, list[_Slot]], mine: int | None, other: int | None, leads: str) -> _Slot | None:
    """Return the slot of a part; if both sides have the part, make them share one slot."""
    if mine is None and other is None:
        return None
    if mine is None or other is None:
        return slots["ours"][mine] if mine is not None else slots["theirs"][other or 0]
    ours, theirs = slots["ours"][mine], slots["theirs"][other]
    ours.theirs, theirs.ours = theirs.theirs, ours.ours
    if leads == "ours":
        slots["theirs"][other] = ours
        return ours
    slots["ours"][mine] = theirs
    return theirs


def _interleave(leading: list[_Slot], other: list[_Slot]) -> list[_Slot]:
    """Return the slots of both sides in one order."""
    following: dict[int, list[_Slot]] = {}
    known = {id(slot) for slot in leading}
    anchor = 0
    for slot in other:
        if id(slot) in known:
            anchor = id(slot)
        else:
            following.setdefault(anchor, []).append(slot)
    merged: list[_Slot] = []
    pending = following.get(0, [])
    shared = {id(slot) for slot in other}
    for slot in leading:
        # Parts that only the leading side has come before those that only the other side has.
        if id(slot) in shared:
            merged += pending
            pending = following.get(id(slot), [])
        merged.append(slot)
    return _sort_conclusions(_sort_days([*merged, *pending]))


def _sort_conclusions(slots: list[_Slot]) -> list[_Slot]:
    """Return the slots with the conclusions that only one side added in the order of their times.

    Words without a time come before the first conclusion that has one, of which they would become a part otherwise.
    """
    kinds = [node.kind if (node := slot.ours or slot.theirs) is not None else "" for slot in slots]
    first = kinds.index("conclusion") if "conclusion" in kinds else len(slots)
    late = [slot for slot, kind in zip(slots[first:], kinds[first:], strict=True) if kind in _WORDS]
    if late:
        rest = [slot for slot, kind in zip(slots[first:], kinds[first:], strict=True) if kind not in _WORDS]
        slots = [*slots[:first], *late, *rest]
        late[-1].blanks = late[-1].separator = b"\n"
    places = [index for index, slot in enumerate(slots) if slot.inserted and _time(slot)]
    for index, slot in zip(places, sorted((slots[index] for index in places), key=_time), strict=True):
        slots[index] = slot
    return slots


def _time(slot: _Slot) -> str:
    """Return the time of a conclusion; empty for other parts."""
    node = slot.ours or slot.theirs
    return node.at if node is not None and node.kind == "conclusion" else ""


def _sort_days(slots: list[_Slot]) -> list[_Slot]:
    """Return the slots sorted by date if they are headings of a date tree (org-datetree.el), else unchanged."""
    titles = [_title(slot) for slot in slots]
    if len(slots) < 2 or not all(title and re.match(r"\d{4}(-\d{2}){0,2}( |$)", title) for title in titles):  # noqa: PLR2004
        return slots
    return [slot for _, slot in sorted(zip(titles, slots, strict=True), key=lambda pair: pair[0] or "")]


def _title(slot: _Slot) -> str | None:
    node = slot.ours or slot.theirs
    return node.heading.title if node is not None and node.heading is not None else None


def _insert_deleted(slots: list[_Slot], deleted: list[tuple[int, _Slot]], base: Sequence[Node]) -> list[_Slot]:
    """Return the slots with the parts that both sides removed at their old positions, to detect changes beside them."""
    if not deleted:
        return slots
    places = {id(node): index for index, node in enumerate(base)}
    order: list[tuple[int, int]] = []
    last = -1
    for slot in slots:
        if slot.base is not None:
            last = max(last, places[id(slot.base)])
        order.append((last, 1))
    result = list(slots)
    for index, slot in reversed(deleted):
        result.insert(bisect_right(order, (index, 0)), slot)
    return result


def _is_moved(places: dict[int, int]) -> bool:
    """Return whether a side has parts in an order other than that of the base."""
    order = [places[index] for index in sorted(places)]
    return any(place > next_place for place, next_place in pairwise(order))


def _pair_added(
    ours: Sequence[Node], theirs: Sequence[Node], of_ours: dict[int, int], of_theirs: dict[int, int]
) -> dict[int, int]:
    """Return the pairs of parts that both sides added, such as headings, properties or drawers of the same name."""
    added: dict[Key, int] = {}
    for place, node in enumerate(theirs):
        if place not in of_theirs and node.kind not in ("line", "row"):
            added.setdefault(node.key, place)
    pairs = {}
    for place, node in enumerate(ours):
        other = added.get(node.key) if place not in of_ours else None
        if other is not None and _is_same(node, theirs[other]):
            pairs[place] = other
            del added[node.key]
    return pairs


def _is_same(ours: Node, theirs: Node) -> bool:
    """Return whether two added parts with the same key are the same; two experiments may share a number by chance."""
    if ours.kind == "heading" and ours.key[0] == "id" and ours.heading is not None and theirs.heading is not None:
        return ours.identity == theirs.identity
    if ours.item is not None and theirs.item is not None and ours.key[0] != "run":
        # A step may have gone on since; of a note, only the commits may differ.
        is_step = bool(ours.item.checkbox and theirs.item.checkbox)
        return is_step or ours.core[len(ours.head) :] == theirs.core[len(theirs.head) :]
    return ours.kind != "conclusion" or ours.core == theirs.core


def _find_told(documents: Sequence[Document], roots: Sequence[Node]) -> dict[bytes, Node]:
    """Return our notes of the runs that both sides added, by the ids of the runs."""
    runs = [set(RUN_MARK.findall(document.text)) for document in documents]
    both = (runs[1] & runs[2]) - runs[0]
    told: dict[bytes, Node] = {}
    pending = [roots[1]] if both else []
    while pending:
        node = pending.pop()
        if node.key[0] == "run" and node.key[1] in both:
            told[node.key[1]] = node
        pending += node.parts
    return told


def _leave_out_runs(node: Node, told: Mapping[bytes, Node]) -> Node | None:
    """Return a part without the notes of some runs; None if it is one.  A note that says more than ours stays."""
    if node.key[0] == "run" and (ours := told.get(node.key[1])) is not None:
        return None if _choose_run_note(ours, node) is ours else node
    parts = [kept for part in node.parts if (kept := _leave_out_runs(part, told)) is not None]
    return replace(node, parts=parts)


def _choose_run_note(ours: Node, theirs: Node) -> Node | None:
    """Return the fuller of two notes that both sides added for one run, whatever their times; None if they disagree."""
    pairs = [(split_note_head(decode(node.words)).text, node) for node in (ours, theirs)]
    words = {id(node): Counter(re.findall(r"\w+", rest + decode(node.core[len(node.head) :]))) for rest, node in pairs}
    # The same on both sides, so that the result does not depend on who merges.
    fuller = max(ours, theirs, key=lambda node: (words[id(node)].total(), len(node.core), node.core))
    other = theirs if fuller is ours else ours
    return fuller if words[id(other)] <= words[id(fuller)] else None


def _regions(slots: list[_Slot]) -> Iterator["_Slot | list[_Slot]"]:
    """Yield slots one by one, and runs of slots that both sides changed as lists."""
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
    """Return a run of parts that at most one side has: as one region if the sides conflict, else one by one."""
    added = {(slot.inserted, node.kind) for slot in run if slot.inserted and (node := slot.ours or slot.theirs)}
    lines = {side for side, kind in added if kind not in ADDED_ALONE}
    # Both removed a line and at least one added one there, or both removed an item and added one: a change by both.
    gone = {slot.base.kind for slot in run if slot.base is not None and slot.ours is None and slot.theirs is None}
    changed = any(
        kind != "heading" and len({side for side, other in added if other == kind}) > (kind in ADDED_ALONE)
        for kind in gone
    )
    return [run] if changed or len(lines) > 1 else run


def _update_dependents(text: bytes, ours: Document, begins: list[int], config: Config, now: datetime.datetime) -> bytes:
    """Return the merged text with up-to-date keywords of steps' headings and cookies."""
    document = Document(text, config.keywords)
    before = {experiment.id: experiment for experiment in scan_experiments(ours, config, "")}
    headings = [heading for heading in map(document.heading_at, begins) if heading is not None]
    # By index: these edits move headings, but add none.
    indices = sorted({heading.index for heading in headings})
    for index in indices:
        after = Experiment(document.heading(index), config, "")
        if config.tag in after.tags and after.id in before:
            document = document.apply(update_steps_state(before[after.id], after, now))
    affected: dict[int, Heading] = {}
    for index in indices:
        heading = document.heading(index)
        for relative in (heading, *heading.ancestors(), *heading.children()):
            affected[relative.index] = relative
    return bytes(document.apply(recount_cookies(document, [affected[index] for index in sorted(affected)])))


def _find_duplicate_ids(document: Document, config: Config) -> Iterator[str]:
    """Yield a message for each id that two experiments have."""
    seen: dict[str, int] = {}
    for experiment in scan_experiments(document, config, ""):
        if experiment.id in seen:
            yield (
                f"Two experiments have the id {experiment.id} (lines {seen[experiment.id]} and {experiment.line}); "
                f"both are kept. Give the one that was created later a new id with `orglab renumber {experiment.id}`."
            )
        seen.setdefault(experiment.id, experiment.line)


def _restore_line_ends(text: bytes, base: bytes, ours: bytes, theirs: bytes) -> bytes:
    r"""Return the text with our byte-order mark and line ends, and the final newline that results from both sides."""
    ends = [data.endswith(b"\n") or not data for data in (base, ours, theirs)]
    if not choose(ends[0] if base else None, ends[1], ends[2], max):
        text = text.removesuffix(b"\n")
    if b"\r\n" in ours:
        text = _with_carriage_returns(text, ours)
    return BYTE_ORDER_MARK + text if ours.startswith(BYTE_ORDER_MARK) else text


def _with_carriage_returns(text: bytes, ours: bytes) -> bytes:
    r"""Return the text with `\r\n` after the lines that have it in our version; new lines end like most of ours."""
    lines = split_lines(ours)
    with_return = {line[:-2] for line in lines if line.endswith(b"\r\n")}
    without = {line[:-1] for line in lines if line.endswith(b"\n") and not line.endswith(b"\r\n")}
    most = 2 * ours.count(b"\r\n") >= ours.count(b"\n")
    return b"".join(
        line[:-1] + b"\r\n" if line[:-1] in with_return or (most and line[:-1] not in without) else line
        for line in split_lines(text)
    )
