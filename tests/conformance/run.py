"""What Org itself does, recorded, beside what we do: `python tests/conformance/run.py FILE`.

FILE is JSON, plain or gzipped: a list of records of either kind.

- A case has `id` (`group/name`), `input`, `form` (the Lisp that Org was given), perhaps `settings`
  (the variables that were bound), and what came of it in `expect`: `output`, `value` or `error`.
- A file of a corpus has `repo` and `path`, and what Org reads there. The files themselves are in
  `../corpus/org-files.tar.gz`, seen from FILE.

Printed is one JSON object: for each group `[passed, total]`, the ids that failed, those that
differ on purpose by the rule that makes them, those that ask for what orglab does not offer, and
the files that are not there. What differs from Org in a failed case goes to standard error. The
exit code is 1 if something failed.

A case is judged by its form, never by its id, so a file that nobody has seen is judged as well.
"""

import argparse
import datetime
import difflib
import gzip
import itertools
import json
import os
import re
import sys
import tarfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orglab.errors import MatchSyntaxError, UsageError
from orglab.org import syntax
from orglab.org.checkbox import PARTIAL, set_checkboxes, toggle_checkbox
from orglab.org.cookies import format_cookie, recount_checkbox_cookies, recount_cookies, recount_todo_cookies
from orglab.org.document import Document
from orglab.org.edit import Edit
from orglab.org.element import Element
from orglab.org.heading import Heading, element_objects
from orglab.org.list import Item
from orglab.org.match import compile_match
from orglab.org.properties import delete_property, put_property, set_tags
from orglab.org.source import decode, encode
from orglab.org.todo import read_logging, set_state

# What `current-time` said while the cases were recorded, and what was typed where Org asked for a note.
NOW = datetime.datetime(2026, 6, 15, 12, 30)  # noqa: DTZ001 - the log holds local times
NOTE = "a note"
# `<today>` in a match string does not ask `current-time`: it was the day of the recording.
TODAY = datetime.datetime(2026, 11, 23, 6, 54, tzinfo=datetime.UTC)
# `buffer-file-name` was nil there.
NO_CATEGORY = "???"

Record = dict[str, Any]


# ---- outcomes ----


@dataclass(frozen=True)
class Outcome:
    """How one case went: `passed`, `failed`, `on_purpose` or `not_offered`, and why or by which rule."""

    kind: str
    reason: str = ""


PASSED = Outcome("passed")
MALFORMED = Outcome("on_purpose", "a match string with a syntax error is an error; Org silently matches more")
RENUMBERED = Outcome("on_purpose", "C-c C-c renumbers and realigns the whole list; ticking a box here does not")
LISTS = Outcome("not_offered", "lists are not renumbered, re-indented, repaired or moved")
LINKS = Outcome("not_offered", "no fuzzy search for the target of a link")


def compare(ours: object, theirs: object) -> Outcome:
    """Return that the case passed, or what is different."""
    return PASSED if ours == theirs else Outcome("failed", f"ours {ours!r}, Org's {theirs!r}")


def compare_texts(ours: str, theirs: str) -> Outcome:
    """Compare two texts but for the alignment of tags, which Org changes and we do not (format.md)."""
    ours, theirs = _unaligned(ours), _unaligned(theirs)
    if ours == theirs:
        return PASSED
    lines = difflib.unified_diff(theirs.split("\n"), ours.split("\n"), "Org's", "ours", lineterm="", n=1)
    return Outcome("failed", "\n".join(itertools.islice(lines, 40)))


def compare_dumps(what: str, ours: list[Any], theirs: list[Any]) -> Outcome:
    """Compare two lists of values; of ours only the keys that were recorded."""
    if theirs and isinstance(theirs[0], dict):
        ours = [{key: value[key] for key in theirs[0]} for value in ours]
    if ours == theirs:
        return PASSED
    more = [value for value in ours if value not in theirs]
    fewer = [value for value in theirs if value not in ours]
    if not (more or fewer):
        return Outcome("failed", f"{what}: the same ones, in another order")
    if more and fewer and isinstance(more[0], dict):
        keys = [key for key in more[0] if more[0][key] != fewer[0][key]]
        more, fewer = ([{key: value[0][key] for key in keys}] for value in (more, fewer))
    return Outcome("failed", f"{what}: only ours {more[:1]}, only Org's {fewer[:1]}")


_ALIGNED_TAGS = re.compile(r"^(\*+ .*?)[ \t]+(:[\w@#%:]+:)[ \t]*$", re.M)


def _unaligned(text: str) -> str:
    return _ALIGNED_TAGS.sub(r"\1 \2", text)


# ---- a recorded case, and the forms it may have ----


@dataclass(frozen=True)
class Case:
    """A recorded case, with its Lisp taken apart.

    Attributes:
        record: The record.
        document: Its input.
        found: The form, matched.
    """

    record: Record
    document: Document
    found: re.Match[str]

    @property
    def output(self) -> str:
        """The text that Org left; empty where it ended in an error."""
        return self.record["expect"].get("output", "")

    @property
    def value(self) -> Any:
        """What Org returned."""
        return self.record["expect"].get("value")

    @property
    def failed(self) -> bool:
        """Whether Org ended in an error."""
        return "error" in self.record["expect"]

    def setting(self, name: str, default: str) -> str:
        """The value of a variable that was bound for this case."""
        bound = re.search(rf"\({name} '?([^()\s]+)\)", self.record.get("settings") or "")
        return bound.group(1) if bound else default

    def text(self, group: str) -> str:
        """A string of the form, read as Lisp reads it."""
        return re.sub(r"\\(.)", r"\1", self.found[group], flags=re.DOTALL)

    @property
    def place(self) -> int:
        """Where `(at "...")` goes."""
        return self.document.text.index(encode(self.text("at")))

    @property
    def heading(self) -> Heading:
        """The heading whose entry holds that place."""
        heading = self.document.heading_at(self.place)
        if heading is None:
            raise AssertionError(self.record["id"])
        return heading

    def judge(self, document: Document) -> Outcome:
        """Compare the text that we made with the one that Org made."""
        return compare_texts(decode(bytes(document)), self.output)


_STRING = r'"(?P<{}>(?:[^"\\]|\\.)*)"'
_AT = rf"\(at {_STRING.format('at')}\) "
_FORMS: list[tuple[re.Pattern[str], Callable[[Case], Outcome]]] = []


def form(pattern: str) -> Callable[[Callable[[Case], Outcome]], Callable[[Case], Outcome]]:
    """Register how cases are judged whose Lisp is `pattern`; of several that fit, the first."""

    def register(judge: Callable[[Case], Outcome]) -> Callable[[Case], Outcome]:
        _FORMS.append((re.compile(pattern, re.DOTALL), judge))
        return judge

    return register


def judge_case(record: Record) -> Outcome:
    """Return how our answer to a recorded case compares with Org's."""
    document = Document(encode(record["input"]))
    if bytes(document) != encode(record["input"]):
        return Outcome("failed", "parsing and printing gives other bytes")
    for pattern, judge in _FORMS:
        if found := pattern.fullmatch(record["form"]):
            return judge(Case(record, document, found))
    return Outcome("failed", f"the runner has no rule for the form {record['form']}")


# ---- statistics cookies ----


@form(r"\(org-update-statistics-cookies t\)")
def judge_all_cookies(case: Case) -> Outcome:
    document = case.document
    boxes = case.setting("org-checkbox-hierarchical-statistics", "t") != "nil"
    keywords = case.setting("org-hierarchical-todo-statistics", "t") != "nil"
    if boxes and keywords:
        return case.judge(document.apply(recount_cookies(document)))
    # Boxes first: where both count, what the keywords of sub-headings say stays.
    edits = {edit.start: edit for edit in recount_checkbox_cookies(document, None, hierarchical=boxes)}
    for heading in document.headings():
        edits |= {edit.start: edit for edit in recount_checkbox_cookies(document, heading, hierarchical=boxes)}
        edits |= {edit.start: edit for edit in recount_todo_cookies(heading, hierarchical=keywords)}
    return case.judge(document.apply(edits.values()))


_ANY_BOX = re.compile(rb"^[ \t]*(?:[-+*]|[0-9]+[.)]) \[[- X]\]", re.M | re.I)
_COUNTS_KEYWORDS = re.compile(rb":COOKIE_DATA:.*\btodo\b", re.I)


@form(_AT + r"\(org-update-statistics-cookies nil\)")
def judge_cookies_here(case: Case) -> Outcome:
    """At a heading Org looks whether its entry has a box, then whether it has sub-headings."""
    document, heading, place = case.document, case.document.heading_at(case.place), case.place
    if heading is None or place > heading.line_end:
        edits = recount_checkbox_cookies(document, heading)
    else:
        entry = (document.text, place, heading.end)
        if _ANY_BOX.search(*entry) and not _COUNTS_KEYWORDS.search(*entry):
            edits = recount_checkbox_cookies(document, heading)
        elif any(heading.children()):
            edits = recount_todo_cookies(heading)
        else:
            # It does not count anything here: nothing of nothing is 100%.
            cookies = syntax.COOKIE.finditer(document.text, heading.begin, heading.line_end)
            edits = [
                Edit(*match.span(), b"[100%]" if match[0].endswith(b"%]") else format_cookie(match[0], 0, 0))
                for match in cookies
            ]
    return case.judge(document.apply(edits))


# ---- boxes and lists ----


@form(_AT + r"\(org-toggle-checkbox(?P<prefix> '\(16\))?\)")
def judge_toggle(case: Case) -> Outcome:
    return _toggle(case, partial=case.found["prefix"] is not None)


@form(_AT + r"\(org-ctrl-c-ctrl-c\)")
def judge_ctrl_c(case: Case) -> Outcome:
    """`C-c C-c` at an item toggles its box, and repairs the list."""
    outcome = _toggle(case, partial=False)
    return PASSED if outcome == PASSED else RENUMBERED


def _toggle(case: Case, *, partial: bool) -> Outcome:
    """Toggle the box at the place, or all those of the entry when the place is in its heading."""
    document, heading, place = case.document, case.document.heading_at(case.place), case.place
    section = document.get_section(heading)
    if heading is not None and place <= heading.line_end:
        chosen = [element for element in section.walk() if element.item is not None]
    else:
        element = section.at(place)
        chosen = [next(around for around in (element, *element.ancestors()) if around.item is not None)]
    box = PARTIAL if partial else toggle_checkbox(_item(chosen[0]).checkbox)
    ordered = heading is not None and heading.property("ORDERED") not in (None, "nil")
    edits: list[Edit] = []
    try:
        for structure, items in itertools.groupby(chosen, key=lambda element: element.structure):
            if structure is not None:
                edits += set_checkboxes(document, structure, map(_item, items), box, ordered=ordered)
    except UsageError as error:
        return PASSED if case.failed else Outcome("failed", f"an error: {error}")
    done = document.apply(edits)
    return case.judge(done.apply(recount_checkbox_cookies(done, done.heading_at(place))))


def _item(element: Element) -> Item:
    if element.item is None:
        raise AssertionError(element)
    return element.item


@form(
    _AT + r"(?:\(end-of-line\) )?\(org-(?:list-repair|insert-item|(?:in|out)dent-item|move-item-).*\)"
    r"|.*\(org-(?:cycle-list-bullet|list-(?:in|out)dent-item-generic|sort-list|list-send-item).*\)"
)
def judge_list(_case: Case) -> Outcome:
    return LISTS


# ---- headings ----


@form(_AT + rf"\(org-todo (?:{_STRING.format('state')}|'none)\)")
def judge_todo(case: Case) -> Outcome:
    heading = case.heading
    logging = read_logging(heading)
    # What the file says in `#+STARTUP` or `:LOGGING:` comes before the variable.
    done = {"nil": None}.get(asked := case.setting("org-log-done", "nil"), asked)
    logging = logging._replace(done=logging.done or done)
    state = case.text("state") if case.found["state"] else None
    # Org asks for a note where the file says so; we write whatever note we are given.
    note = NOTE if NOTE in case.output else None
    document = case.document.apply(set_state(heading, state, NOW, note=note, logging=logging))
    return case.judge(document.apply(_keyword_cookies_above(document.heading(heading.index))))


def _keyword_cookies_above(heading: Heading) -> Iterator[Edit]:
    """Yield what `org-todo` writes of cookies: in the parent, and further up where COOKIE_DATA says recursive."""
    parent = heading.parent
    if parent is not None:
        yield from recount_todo_cookies(parent)
        if "recursive" in (parent.inherited_property("COOKIE_DATA") or ""):
            for above in parent.ancestors():
                yield from recount_todo_cookies(above)


@form(rf"\(org-set-tags \(append \(org-get-tags nil t\) \(list {_STRING.format('tag')}\)\)\)")
def judge_set_tags(case: Case) -> Outcome:
    heading = case.document.heading(0)
    return case.judge(case.document.apply(set_tags(heading, (*heading.tags, case.text("tag")))))


@form(_AT + rf"\(org-entry-put nil {_STRING.format('name')} {_STRING.format('value')}\)")
def judge_put_property(case: Case) -> Outcome:
    edits = put_property(case.heading, case.text("name"), case.text("value"))
    return case.judge(case.document.apply(edits))


@form(_AT + rf"\(org-entry-delete nil {_STRING.format('name')}\)")
def judge_delete_property(case: Case) -> Outcome:
    return case.judge(case.document.apply(delete_property(case.heading, case.text("name"))))


@form(
    r"\(vector \(vconcat org-todo-keywords-1\) \(vconcat org-done-keywords\)"
    r"(?: \(vconcat org-not-done-keywords\))?\)"
)
def judge_keywords(case: Case) -> Outcome:
    settings = case.document.settings
    ours = [list(settings.keywords), list(settings.done_names), list(settings.todo_names)]
    return compare(ours[: len(case.value)], case.value)


# ---- match strings ----


class _LocalTags:
    """A heading where tags are not inherited (`org-use-tag-inheritance` nil)."""

    def __init__(self, heading: Heading) -> None:
        self._heading = heading

    def __getattr__(self, name: str) -> Any:
        return getattr(self._heading, name)

    @property
    def all_tags(self) -> tuple[str, ...]:
        return self._heading.tags


class _InheritedProperties:
    """A heading where all properties are inherited (`org-use-property-inheritance` t)."""

    def __init__(self, heading: Heading) -> None:
        self._heading = heading

    def __getattr__(self, name: str) -> Any:
        return getattr(self._heading, name)

    def property(self, name: str) -> str | None:
        return self._heading.inherited_property(name)


def _matching(case: Case, headings: Iterator[Heading]) -> list[str]:
    """Return the titles that the match string of the form finds.

    Raises:
        MatchSyntaxError: It cannot be read.
    """
    groups = case.document.settings.tag_groups or {}
    match = compile_match(case.text("match"), now=TODAY, tag_groups=groups)
    entry: Callable[[Heading], Any] = lambda heading: heading  # noqa: E731 - the usual case
    if case.setting("org-use-tag-inheritance", "t") == "nil":
        entry = _LocalTags
    if case.setting("org-use-property-inheritance", "nil") == "t":
        entry = _InheritedProperties
    return [heading.title for heading in headings if match.matches(entry(heading))]


@form(rf"\(match-titles {_STRING.format('match')}\)")
def judge_match(case: Case) -> Outcome:
    try:
        ours = _matching(case, case.document.headings())
    except MatchSyntaxError:
        return PASSED if case.failed else MALFORMED
    return Outcome("failed", "Org says it is an error") if case.failed else compare(ours, case.value)


@form(
    r"\(vconcat \(org-map-entries \(lambda \(\) \(substring-no-properties \(org-get-heading t t t t\)\)\)"
    rf" {_STRING.format('match')} nil(?P<skip>(?: '(?:archive|comment))*)\)\)"
)
def judge_map(case: Case) -> Outcome:
    """`org-map-entries` that skips the subtrees of archived or of commented headings."""
    return compare(_matching(case, _unskipped(case.document, case.found["skip"])), case.value)


def _unskipped(document: Document, skip: str) -> Iterator[Heading]:
    index = 0
    while index < len(document):
        heading = document.heading(index)
        skipped = ("archive" in skip and "ARCHIVE" in heading.tags) or ("comment" in skip and heading.line.is_comment)
        if not skipped:
            yield heading
        index = document.after_subtree(index) if skipped else index + 1


@form(r".*\(org-link-search .*")
def judge_link_search(_case: Case) -> Outcome:
    return LINKS


# ---- structure ----


@form(
    r'\(list \(cons "headings" \(dump-headings\)\) \(cons "items" \(dump-items\)\)'
    r'(?: \(cons "elements" \(dump-elements\)\))?\)'
)
def judge_structure(case: Case) -> Outcome:
    ours = {
        "headings": list(dump_headings(case.document)),
        "items": list(dump_items(case.document)),
        "elements": list(dump_elements(case.document)),
    }
    for key, theirs in case.value.items():
        outcome = compare_dumps(key, ours[key], theirs)
        if outcome != PASSED:
            return outcome
    return PASSED


@form(r"\(dump-objects '\((?P<types>[^()]*)\)\)")
def judge_objects(case: Case) -> Outcome:
    types = case.found["types"].split()
    ours = [found for found in dump_objects(case.document) if found[0] in types]
    return compare_dumps("objects", ours, case.value)


def dump_objects(document: Document) -> Iterator[list[Any]]:
    """Yield each object as it was recorded: type, span, value, and what kind it is."""
    place, radio = document.source.raw_offset, document.radio_pattern
    first = (element_objects(document.text, element, radio) for element in document.first_section.walk())
    below = (heading.objects() for heading in document.headings())
    for found in itertools.chain.from_iterable(itertools.chain(first, below)):
        value, kind = decode(found.value), found.kind
        if found.type == "link":
            value, kind = "", f"{found.kind}|{value}"
        elif found.type == "footnote-reference":
            value = ""
        yield [found.type, place(found.begin), place(found.end), value, kind]


def dump_headings(document: Document) -> Iterator[Record]:
    """Yield each heading as it was recorded."""
    place = document.source.raw_offset
    for heading in document.headings():
        category = heading.category or NO_CATEGORY
        yield {
            "begin": place(heading.begin),
            "end": place(heading.subtree_end),
            "level": heading.level,
            "todo": heading.state,
            "todo_type": "done" if heading.is_done else "todo" if heading.state else "nil",
            "priority": _recorded_priority(heading.priority),
            "title": heading.title,
            "tags": list(heading.tags),
            "all_tags": list(heading.all_tags),
            "commented": heading.line.is_comment,
            "archived": "ARCHIVE" in heading.tags,
            "id": _recorded_property(heading, "ID"),
            "custom_id": _recorded_property(heading, "CUSTOM_ID"),
            "scheduled": heading.scheduled,
            "deadline": heading.deadline,
            "closed": heading.closed,
            "timestamp": heading.timestamp,
            "timestamp_ia": heading.timestamp_ia,
            "category": category,
            "props": {"CATEGORY": category, **heading.properties},
        }


def _recorded_priority(priority: str | None) -> str | None:
    """Return a priority as it was recorded, as the character of its code: the number 10 as a newline."""
    return chr(int(priority)) if priority is not None and priority.isdigit() else priority


def _recorded_property(heading: Heading, name: str) -> str | None:
    """Return a property as it was recorded, by org-element: of two lines the last; org-entry-get has the first."""
    drawer = heading.drawer
    found = None
    if drawer is not None:
        for line in syntax.NODE_PROPERTY.finditer(heading.document.text, *drawer.span(1)):
            if line[2].upper() == name.encode():
                found = decode(line[3] or b"")
    return found


_BOXES = {b"[ ]": "off", b"[-]": "trans", b"[X]": "on", None: None}


def dump_items(document: Document) -> Iterator[Record]:
    """Yield each list item as it was recorded."""
    place = document.source.raw_offset
    sections = (document.get_section(heading) for heading in (None, *document.headings()))
    for element in itertools.chain.from_iterable(section.walk() for section in sections):
        item = element.item
        if element.type != "item" or item is None:
            continue
        above = next((around for around in element.ancestors() if around.type == "item"), None)
        yield {
            "begin": place(element.begin),
            "end": place(element.end),
            "bullet": decode(item.bullet),
            "counter": _recorded_counter(item.counter),
            # org-element knows no `[x]`.
            "checkbox": _BOXES.get(item.checkbox),
            "tag": True if item.tag is not None and not item.is_ordered else None,
            "parent_item": None if above is None else place(above.begin),
        }


def _recorded_counter(counter: bytes | None) -> int | None:
    """Return what `[@5]` or `[@e]` says."""
    if counter is None:
        return None
    return int(counter) if counter.isdigit() else ord(counter.upper()) - ord("A") + 1


def dump_elements(document: Document) -> Iterator[list[Any]]:
    """Yield type and span of each element, in the order of the text."""
    place = document.source.raw_offset
    for heading in (None, *document.headings()):
        if heading is not None:
            yield ["headline", place(heading.begin), place(heading.subtree_end)]
        for element in document.get_section(heading).walk():
            # Org has no section where there is nothing in it.
            if element.type != "section" or element.begin < element.end:
                yield [element.type, place(element.begin), place(element.end)]


# ---- files of a corpus ----


def judge_file(raw: bytes, record: Record) -> Iterator[tuple[str, Outcome]]:
    """Yield for each group how what we read in a file compares with what Org reads there."""
    document = Document(raw)
    settings = document.settings
    for heading in record["headings"]:
        # Here no type was recorded as null.
        heading["todo_type"] = heading.get("todo_type") or "nil"
    # ... and the tag of an item not at all.
    items = [[value for key, value in item.items() if key != "tag"] for item in dump_items(document)]
    changed = [[line, _unaligned(text)] for line, text in record["cookies_all_changed_lines"]]
    recounted = list(_changed_lines(document, document.apply(recount_cookies(document))))
    yield "corpus_todo_keywords", compare(list(settings.keywords), record["todo_keywords"])
    yield "corpus_done_keywords", compare(list(settings.done_names), record["done_keywords"])
    yield "corpus_filetags", compare(list(settings.filetags), record["filetags"])
    yield "corpus_headings", compare_dumps("headings", list(dump_headings(document)), record["headings"])
    yield "corpus_items", compare_dumps("items", items, record["items"])
    yield "corpus_cookies", compare_dumps("changed lines", recounted, changed)
    printed = b"".join((document.source.apply([]), bytes(document.apply([]))))
    yield "corpus_identity", PASSED if printed == raw + raw else Outcome("failed", "other bytes")


def _changed_lines(before: Document, after: Document) -> Iterator[list[Any]]:
    """Yield number and new text of each line that is different."""
    pairs = zip(before.text.split(b"\n"), after.text.split(b"\n"), strict=True)
    for number, (old, new) in enumerate(pairs, start=1):
        if old != new:
            yield [number, _unaligned(decode(new))]


# ---- the run ----


@dataclass
class Report:
    """What came of a whole file."""

    groups: dict[str, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))
    failed: list[str] = field(default_factory=list)
    on_purpose: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    not_offered: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    absent: list[str] = field(default_factory=list)

    def add(self, group: str, name: str, outcome: Outcome) -> None:
        """Count a case."""
        self.groups[group][0] += outcome.kind == "passed"
        self.groups[group][1] += 1
        if outcome.kind == "failed":
            self.failed.append(name)
            print(f"{name}\n{outcome.reason}\n", file=sys.stderr)
        elif outcome.kind != "passed":
            getattr(self, outcome.kind)[outcome.reason].append(name)

    def as_json(self) -> Record:
        """Return it as it is printed."""
        return {
            "groups": self.groups,
            "failed": self.failed,
            "on_purpose": self.on_purpose,
            "not_offered": self.not_offered,
            "absent": self.absent,
        }


def judge_records(records: list[Record], files: Callable[[str, str], bytes | None]) -> Report:
    """Judge recorded cases and files; one that ends in an exception has failed, and the rest go on.

    Args:
        records: What was recorded.
        files: The bytes of a file of the corpus, by its `repo` and `path`; None if it is not there.
    """
    report = Report()
    for record in records:
        if "form" in record:
            group = record["id"].partition("/")[0]
            try:
                outcome = judge_case(record)
            except Exception as error:  # noqa: BLE001 - whatever it is, this case has failed
                outcome = Outcome("failed", repr(error))
            report.add(group, record["id"], outcome)
            continue
        name = f"{record['repo']}/{record['path']}"
        raw = files(record["repo"], record["path"])
        if raw is None:
            report.absent.append(name)
            continue
        try:
            outcomes = list(judge_file(raw, record))
        except Exception as error:  # noqa: BLE001 - the same
            outcomes = [("corpus_identity", Outcome("failed", repr(error)))]
        for group, outcome in outcomes:
            report.add(group, f"{group}/{name}", outcome)
    return report


def read_records(path: Path) -> list[Record]:
    """Return what a file holds, gzipped or not."""
    raw = path.read_bytes()
    return json.loads(gzip.decompress(raw) if raw.startswith(b"\x1f\x8b") else raw)


def open_corpus(path: Path) -> Callable[[str, str], bytes | None]:
    """Return what reads the files of a corpus from its archive.

    Raises:
        SystemExit: There is no archive.
    """
    if not path.is_file():
        raise SystemExit(f"The files that this oracle speaks of should be in {path}, which is not there.")
    with tarfile.open(path) as archive:
        # A folder of the archive is `owner+name` for the repository `owner/name`.
        held = {
            member.name.removeprefix("./"): stream.read()
            for member in archive
            if (stream := archive.extractfile(member)) is not None
        }
    return lambda repo, name: held.get(f"{repo.replace('/', '+')}/{name}")


def main() -> int:
    """Judge the file that is named, print the report, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("file", type=Path, help="the recorded answers: JSON, plain or gzipped")
    path = parser.parse_args().file
    # That Emacs ran in UTC, and match strings speak of local time.
    os.environ["TZ"] = "UTC"
    time.tzset()
    try:
        records = read_records(path)
    except (OSError, ValueError) as error:
        raise SystemExit(f"{path} cannot be read as recorded answers: {error}") from None
    files: Callable[[str, str], bytes | None] = lambda _repo, _path: None  # noqa: E731 - there are none
    if any("form" not in record for record in records):
        files = open_corpus(path.resolve().parent.parent / "corpus" / "org-files.tar.gz")
    report = judge_records(records, files)
    print(json.dumps(report.as_json(), indent=1, ensure_ascii=False))
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
