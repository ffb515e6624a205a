"""Org texts that several tests share: real-looking files, random ones, hostile ones, and operations on them.

A `Pick` decides what is random: `random.Random.randrange` for the fuzzer, a draw for hypothesis.
"""

import datetime
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from orglab.errors import ConflictMarkersError, UsageError
from orglab.org.checkbox import DONE, OPEN, PARTIAL, set_checkboxes
from orglab.org.cookies import recount_cookies
from orglab.org.document import Document
from orglab.org.edit import Edit
from orglab.org.element import Element
from orglab.org.heading import Heading, element_objects
from orglab.org.objects import Object, parse_objects
from orglab.org.properties import delete_property, put_property, set_tags
from orglab.org.todo import Logging, read_logging, set_state
from texts import SEED

NOW = datetime.datetime(2026, 6, 15, 12, 30)  # noqa: DTZ001 - the log holds local times

Pick = Callable[[int], int]


# ---- files as people write them ----

LOGGED = """\
#+TITLE: Lab book of the vision group
#+STARTUP: logdone logdrawer
#+TODO: TODO(t) INPROGRESS(i!) WAIT(w@/!) | DONE(d!) CANCELED(c@)
#+FILETAGS: :lab:

What is not an experiment goes to the wiki [fn:1].

* Ideas
- [ ] Try a smaller kernel
- [X] Read the paper of <<Lin>> :: see [[file:papers.org::*Lin][here]]

* INPROGRESS [#A] Shift augmentation [1/3] [33%]                   :@work:exp:
SCHEDULED: <2026-06-10 Wed> DEADLINE: <2026-06-30 Tue>
:PROPERTIES:
:ID:       7
:CUSTOM_ID: shift
:LOSS:     0.25
:END:
:LOGBOOK:
- State "INPROGRESS" from "TODO"       [2026-06-08 Mon 09:00]
CLOCK: [2026-06-08 Mon 09:00]--[2026-06-08 Mon 10:30] =>  1:30
:END:
[2026-06-01 Mon 10:00]

- Shifting digits by a pixel helps *without* more data.
- A note with a [[id:201][link]], a [cite:@lin2018] and =[1/2]= in code.

** DONE Baseline [2/2]
CLOSED: [2026-06-02 Tue 11:00]
1. [X] Train (83d45cd)
2. [X] Evaluate (83d45cd, 0a1b2c3)
** TODO Shifts [0/3]
- [-] by one pixel [1/2]
  + [X] left
  + [ ] right

    More about it.
- [ ] by two pixels
  #+begin_src python
  - [ ] not a box
  #+end_src
- [ ] by three
** WAIT Conclusions
:PROPERTIES:
:VERDICT:  supported
:END:
| shift | loss |
|-------+------|
|     0 | 0.25 |
#+TBLFM: $2=$1

* CANCELED Never mind                                                    :exp:
CLOSED: [2026-06-03 Wed 08:00]
- State "CANCELED"   from "TODO"       [2026-06-03 Wed 08:00] \\\\
  too slow

* COMMENT Scratch [2/3]
:PROPERTIES:
:LOGGING:  nil
:END:
1. [X] a
2. [ ] b
   1. [@5] [X] c

[fn:1] At the usual place.
"""

PLAIN = """\
#+SEQ_TODO: OPEN STARTED | CLOSED

* Reading list [/]

1) [X] one
2) [ ] two [%]
   - [X] two a
   - [x] two b

* OPEN Call Jo [%]
  DEADLINE: <2026-07-01 Wed>

** OPEN ask [/]
   - [ ] price
   - [ ] date
** CLOSED write
*** OPEN deeper [0/0]
* OPEN Last, without a newline at the end :a:b:"""

WINDOWS = SEED.replace("\n", "\r\n")

FILES = {"seed": SEED, "logged": LOGGED, "plain": PLAIN, "windows": WINDOWS}
"""Files on which every operation has to agree with Emacs.

None has `COOKIE_DATA`: before Org 9.8 Emacs reads it once, where point is, and not for each cookie.
"""


# ---- random text ----

LINES = (
    *("* a", "** TODO b [/]", "*** DONE c [%] :t:", "* TODO [#A] d [1/2] :t:@u:", "* :t:", "* TODO", "* "),
    *("** NEXT e", "* COMMENT f [/]", "*** TODO [50%]", "**** g [0/0] [%]", "*", "*bold* a", "* a  \t:t: "),
    *("- [ ] a", "- [X] b [/]", "- [-] c [%]", "- [x] d", "  - [ ] e", "  + [X] f [/]", "    1. [ ] g", "- h"),
    *("1. [@5] [ ] i", "2) [X] j", " * [ ] k", "- l :: m [/]", "- [ ] n ::", "-", "  - ", "\t- [X] tab [/]", "3. a"),
    *(":PROPERTIES:", ":ID: 1", ":END:", ":COOKIE_DATA: recursive", ":COOKIE_DATA: todo", ":foo: bar", ":foo+: baz"),
    *(":COOKIE_DATA: checkbox recursive", ":LOGGING: logdone", ":LOG_INTO_DRAWER: t", ":LOGBOOK:", "  :END:", ":x:"),
    *("CLOSED: [2020-01-01 Wed 10:00]", "SCHEDULED: <2020-01-01 Wed> CLOSED: [2020-01-01]", "DEADLINE: <2020-01-01>"),
    *("#+TODO: TODO NEXT | DONE", "#+STARTUP: logdone", "#+STARTUP: lognotedone logdrawer", "#+FILETAGS: :file:"),
    *("#+TODO: A(a!) B(b@/!) | C(c@) D", "#+begin_src", "#+end_src", "#+begin_quote", "#+end_quote", "#+name: n"),
    *("#+begin_x", "  #+end_x", "#+begin: y", "#+end:", "#+caption: [1/2]", "#+RESULTS:", "#+PROPERTY: a b", "#+", "# c"),
    *("\\begin{a}", "\\end{a}", "| a [/] |", "|-", "+-+", "-----", ": fixed", "%%(d)", "[fn:1] note [/]", "CLOCK: [2020"),
    *("", "", " ", "\t", "text [/]", "  text [50%] *b* =c= /d/", "[[id:1][[1/2]]] <<t>> <<<r>>> r", "<2020-01-01 Wed>--<"),
    *("[2020-01-01 Wed 10:00]", "$a$ \\(b\\) {{{m(a)}}} @@a:b@@ src_a{b} [fn:: c [/]]", "http://a.b/c [cite:@k]", "\f"),
    *("* TODO [1/1] h :t:\n:PROPERTIES:\n:ID: 1\n:foo: bar\n:foo+: baz\n:END:", "** i [%]\n:PROPERTIES:\n:END:"),
    *("* [/] j\n  :PROPERTIES:\n  :COOKIE_DATA: todo recursive\n  :END:", "*** DONE k\nCLOSED: [2020-01-01 Wed 10:00]"),
    *("** TODO l\nDEADLINE: <2020-01-01 Wed>\n:PROPERTIES:\n:a_b-c: 1\n:LOGGING: D(!)\n:END:\n:LOGBOOK:\n- x\n:END:",),
    *("* m [/]\n:PROPERTIES:\n:ORDERED: t\n:COOKIE_DATA: checkbox\n:END:", "#+begin_quote\n- [ ] q [/]\n#+end_quote"),
    *("- [ ] o [/]\n  :x:\n  - [X] p\n  :END:", "- [-] r\n  #+begin_src a\n  - [ ] s\n  #+end_src\n  - [ ] t [%]"),
    *("\u2028 a", "\xa0- [ ] a", "é ∑ 漢字 [/]", "\x00", "<<<<<<< HEAD", "=======", ">>>>>>> x"),
)  # fmt: skip
ENDINGS = ("\n",) * 12 + ("\r\n",) * 3 + ("\n\n", "\r", "")
MARKS = (b"*", b"[", b"]", b" ", b"\n", b"\r", b"\t", b":", b"-", b"#", b"/", b"\xff", b"\xc3", b"\xe2\x80\xa8", b"\0")


def random_text(pick: Pick) -> bytes:
    """Return Org-shaped lines, of one or of mixed line endings, and often some bytes changed."""
    ending = ENDINGS[pick(len(ENDINGS))] or None
    parts = []
    for _ in range(pick(28)):
        parts += (
            LINES[pick(len(LINES))].replace("\n", ending or "\r\n"),
            ending if ending and pick(8) else ENDINGS[pick(len(ENDINGS))],
        )
    text = bytearray("".join(parts).encode())
    if not pick(10):
        text[:0] = b"\xef\xbb\xbf"
    for _ in range(pick(2) and pick(6)):
        at = pick(len(text) + 1)
        end = at + pick(3)
        text[at:end] = MARKS[pick(len(MARKS))] if pick(3) else b""
    return bytes(text)


# ---- hostile text ----


def _stairs(size: int, line: bytes) -> list[bytes]:
    """Return lines indented one blank more each, of about `size` bytes."""
    return [b" " * depth + line for depth in range(int((2 * size) ** 0.5))]


def _levels(size: int, heading: bytes) -> bytes:
    """Return headings of one star more each, of about `size` bytes."""
    return b"".join(b"*" * level + heading for level in range(1, int((2 * size) ** 0.5)))


def _nested(size: int, begin: bytes, inside: bytes, end: bytes) -> bytes:
    """Return as many pairs around each other as fit; `%d` in them counts."""
    numbers = range(size // len(begin + end))
    opened = (begin.replace(b"%d", b"%d" % number) for number in numbers)
    closed = (end.replace(b"%d", b"%d" % number) for number in reversed(numbers))
    return b"".join((*opened, inside, *closed))


def _rows(line: bytes, *, first: bytes = b"", last: bytes = b"") -> Callable[[int], bytes]:
    """Return what makes a text of about a size, of one line (or less) over and over."""
    return lambda size: first + line * (size // len(line)) + last


_DATA = b"* a [/]\n:PROPERTIES:\n:COOKIE_DATA: recursive\n:END:\n"

HOSTILE: dict[str, Callable[[int], bytes]] = {
    "blocks that do not end": _rows(b"#+begin_src\n"),
    "blocks that do not end, each with a name": lambda size: b"".join(b"#+begin_%d\n" % n for n in range(size // 14)),
    "blocks in blocks, with cookies": lambda size: _nested(size, b"#+begin_s%d\n[/]\n", b"- [ ] a\n", b"#+end_s%d\n"),
    "lists in a block in blocks": lambda size: _nested(
        size // 2, b"#+begin_s%d\n[/]\n", b"- [ ] a\n\n\n" * (size // 20), b"#+end_s%d\n"
    ),
    "drawers that do not end, in a list": _rows(b"  :a:\n", first=b"- a\n"),
    "a property drawer that does not end": _rows(b":a: b    \n", first=b"* a\n:PROPERTIES:\n"),
    "a property with a tail of blanks": _rows(b" ", first=b"* a\n:PROPERTIES:\n:a: b", last=b"\n"),
    "one property over and over": _rows(b":a+: b\n", first=b"* a\n:PROPERTIES:\n", last=b":END:\n"),
    "LaTeX environments that do not end": _rows(b"\\begin{x}\n"),
    "LaTeX fragments that do not end": _rows(b"\\( \\[ $$ $a "),
    "open links": _rows(b"[["),
    "open descriptions of links": _rows(b"[[a][b "),
    "plain links in the description of a link": _rows(b"-http:a", first=b"[[a][", last=b"]]"),
    "open emphasis": _rows(b"*a /b _c +d =e ~f "),
    "emphasis in emphasis": lambda size: _nested(size, b"*/_+", b"a", b"+_/*"),
    "footnotes in footnotes": lambda size: _nested(size, b"[fn:: ", b"a", b"]"),
    "citations without a key": lambda size: _nested(size, b"[cite: ", b"a", b"]"),
    "inline blocks that do not end": _rows(b"-src_a[ call_b( "),
    "export snippets and macros that do not end": _rows(b"@@a:{{{b("),
    "angle links and targets that do not end": _rows(b"<http:<<a<<<b"),
    "timestamps that do not end": _rows(b"<2020-01-01 <%%("),
    "a row of radio targets": lambda size: b"".join(b"<<<t%d>>> t%d " % (n, n) for n in range(size // 16)),
    "stars": _rows(b"*"),
    "stars before a title": _rows(b"*", last=b" a [/]\n- [ ] b\n"),
    "`#+` and brackets": _rows(b"[", first=b"#+"),
    "keywords that belong to nothing": _rows(b"#+name: a\n"),
    "a staircase of items": lambda size: b"".join(_stairs(size, b"- [ ] [/] a\n")),
    "a staircase of cookies without a box": lambda size: b"".join(_stairs(size, b"- [/]\n")),
    "a staircase downwards, then a list": lambda size: (
        b"".join(reversed(_stairs(size // 2, b"- [ ] [/] a\n"))) + b"- [ ] b [/]\n" * (size // 24)
    ),
    "a cookie in each item": _rows(b"- [ ] a [/]\n  - [X] b [%]\n", first=_DATA),
    "lists apart": _rows(b"- [ ] a [/]\n\n\n", first=b"* h [/]\n"),
    "cookies in one heading": _rows(b"[/] ", first=b"* h ", last=b"\n- [ ] a\n"),
    "cookies in many headings": _rows(b"* a [/]\n*** TODO b [%]\n** DONE c [/]\n- [ ] d\n"),
    "cookies in headings, counted recursively": _rows(b"** TODO b [/]\n*** DONE c [/]\n", first=_DATA),
    "a deep outline": lambda size: _levels(size, b" TODO a [/] :b:\n"),
    "a deep outline, counted recursively": lambda size: _DATA + _levels(size, b" TODO a [/]\n"),
    "blanks before ` ::`": _rows(b" ", first=b"- ", last=b"::\n"),
    "many ` :: `": _rows(b" :: ", first=b"- a", last=b"\n"),
    "one long line": _rows(b"a "),
    "rules of table.el": _rows(b"+-+\n|\n", last=b"a\n"),
    "footnote definitions": _rows(b"[fn:1] a\n#+name: b\n"),
    "tags that are none": _rows(b":a", first=b"* a ", last=b"!:\n"),
    "keywords of tag groups": _rows(b"[ a : ", first=b"#+TAGS: ", last=b"\n"),
    "TODO keywords": lambda size: b"#+TODO: " + b"".join(b"A%d " % n for n in range(size // 14)) + b"\n* A1 b\n",
    "planning without a date": _rows(b"CLOSED: [", first=b"* a\nCLOSED: ", last=b"\n"),
    "Windows line endings": _rows(b"* a [/]\r\n** TODO b\r\n"),
}  # fmt: skip
"""Shapes that take quadratic time, or a call for each level, where a parser is careless: about `size` bytes each."""


# ---- what is read of a text ----


def sections(document: Document) -> Iterator[tuple[Heading | None, Element]]:
    """Yield every section with its heading; None with the one before the first."""
    yield None, document.first_section
    for heading in document.headings():
        yield heading, heading.section


def read_all(document: Document) -> list[Object]:
    """Read whatever the Org layer can read of a document; return its objects."""
    found: list[Object] = []
    for heading, section in sections(document):
        if heading is not None:
            parts = (heading.state, heading.priority, heading.title, heading.tags, heading.all_tags, heading.level)
            planned = (heading.closed, heading.scheduled, heading.deadline, heading.timestamp, heading.category)
            assert len((*parts, *planned, heading.properties, heading.line_number, heading.subtree_end)) == 14
            found += parse_objects(document.text, *heading.line.title, radio=document.radio_pattern)
        for element in section.walk():
            found += element_objects(document.text, element, document.radio_pattern)
    return found


# ---- operations ----


@dataclass(frozen=True)
class Change:
    """One operation on a document, done.

    Attributes:
        name: Which.
        edits: What it wants changed.
        heading: The number of the heading that it is about; -1 for none.
        wanted: What is to be true of that heading afterwards: its new state, tags, or property and value.
    """

    name: str
    edits: list[Edit]
    heading: int = -1
    wanted: tuple[str | None, ...] = ()


def change_boxes(document: Document, pick: Pick) -> Change | None:
    """Set the box of an item, of none if there is none."""
    items = [
        (element.structure, element.item)
        for _, section in sections(document)
        for element in section.walk()
        if element.type == "item" and element.item is not None and element.item.checkbox is not None
    ]
    if not items:
        return None
    structure, item = items[pick(len(items))]
    box = (OPEN, PARTIAL, DONE)[pick(3)]
    return Change("set_checkboxes", set_checkboxes(document, structure, [item], box, upper=not pick(4)))


def change_state(document: Document, pick: Pick) -> Change | None:
    """Give a heading another keyword, logged as the file asks or otherwise, with or without a note."""
    heading = _any_heading(document, pick)
    if heading is None:
        return None
    states = [None, *document.settings.keywords]
    state = states[pick(len(states))]
    note = (None, "why", "two\nlines", "* star\n- [ ] box")[pick(4)]
    logging = _any_logging(heading, pick)
    edits = set_state(heading, state, NOW, note=note, logging=logging, indent=(b"", b"  ")[pick(2)])
    return Change("set_state", edits, heading.index, (state,))


def _any_logging(heading: Heading, pick: Pick) -> Logging | None:
    asked = read_logging(heading)
    return (None, None, asked._replace(done="time"), asked._replace(done="note", drawer="LOGBOOK"))[pick(4)]


def change_property(document: Document, pick: Pick) -> Change | None:
    """Put a property of a heading."""
    heading = _any_heading(document, pick)
    if heading is None:
        return None
    name, value = ("ID", "foo", "a_b-c")[pick(3)], ("1", "two words", "", "é")[pick(4)]
    return Change("put_property", put_property(heading, name, value), heading.index, (name, value))


def remove_property(document: Document, pick: Pick) -> Change | None:
    """Delete a property of a heading."""
    heading = _any_heading(document, pick)
    if heading is None:
        return None
    name = ("ID", "foo", "COOKIE_DATA")[pick(3)]
    return Change("delete_property", delete_property(heading, name), heading.index, (name,))


def change_tags(document: Document, pick: Pick) -> Change | None:
    """Give a heading other tags."""
    heading = _any_heading(document, pick)
    if heading is None:
        return None
    tags = ((), ("new",), ("@a", "b_1"), (*heading.tags, "é"), heading.tags[:-1])[pick(5)]
    return Change("set_tags", set_tags(heading, tags), heading.index, tuple(tags))


def recount_all(document: Document, _pick: Pick) -> Change:
    """Recount every cookie."""
    return Change("recount_cookies", recount_cookies(document))


OPERATIONS: tuple[Callable[[Document, Pick], Change | None], ...] = (
    change_boxes,
    change_state,
    change_property,
    remove_property,
    change_tags,
    recount_all,
)


def _any_heading(document: Document, pick: Pick) -> Heading | None:
    return document.heading(pick(len(document))) if len(document) else None


# ---- what has to be true ----


def check_text(raw: bytes) -> Document:
    """Assert what is true of any bytes; return them as a document."""
    document = Document(raw)
    assert bytes(document) == raw
    assert document.source.apply([]) == raw
    check_spans(document)
    for found in read_all(document):
        assert 0 <= found.begin < found.end <= len(document.text), found
    return document


def check_spans(document: Document) -> None:
    """Assert that the headings and sections tile the text, and that elements lie in order in what holds them."""
    end = document.heading_begin(0)
    for heading, section in sections(document):
        if heading is not None:
            assert heading.begin == end
            assert document.text.startswith(b"*" * heading.stars + b" ", heading.begin)
            assert heading.begin <= heading.line_end <= heading.body <= heading.end <= heading.subtree_end
            end = heading.end
            for start, stop in (heading.line.state, heading.line.priority, heading.line.title, heading.line.tags):
                assert (start, stop) == (-1, -1) or heading.begin < start <= stop <= heading.line_end
        limit = document.heading_begin(0) if heading is None else heading.end
        assert section.begin <= section.end <= limit
        for element in section.walk():
            check_element(element)
    assert end == len(document.text)


def check_element(element: Element) -> None:
    """Assert that the element's contents lie in it, and its children in order in them."""
    assert element.begin <= element.start <= element.end
    assert element.type == "section" or element.begin < element.end
    begin, end = element.contents
    assert (begin, end) == (-1, -1) or element.start <= begin <= end <= element.end
    for child in element.children:
        assert child.parent is element
        assert begin <= child.begin
        assert child.end <= end
        begin = child.end
    item = element.item
    if element.type == "item" and item is not None and item.checkbox is not None:
        assert element.begin < item.checkbox_at < item.body <= element.end


def check_change(before: Document, change: Change) -> Document:
    """Assert that only what the edits name has changed, and as they say; return the document after them.

    A file with conflict markers is refused, and stays as it is.
    """
    try:
        after = before.apply(change.edits)
    except ConflictMarkersError:
        assert before.conflict_line() is not None
        return before
    # Without carriage returns: one alone at the end of an edit makes a line ending with the newline that follows.
    expected, done = b"", 0
    for edit in sorted(change.edits, key=lambda edit: (edit.start, edit.end)):
        expected += before.text[done : edit.start] + edit.replacement
        done = edit.end
    assert after.text.replace(b"\r", b"") == (expected + before.text[done:]).replace(b"\r", b"")
    # The bytes themselves, where new lines may end as those around them do.
    at = old = 0
    for edit in sorted(change.edits, key=lambda edit: (edit.start, edit.end)):
        kept = before.source.raw[old : before.source.raw_offset(edit.start)]
        assert after.source.raw.startswith(kept, at)
        at += len(kept)
        written = (edit.replacement, edit.replacement.replace(b"\n", b"\r\n"))
        at += max(len(text) for text in written if after.source.raw.startswith(text, at))
        old = before.source.raw_offset(edit.end)
    assert after.source.raw[at:] == before.source.raw[old:]
    check_wanted(before, change, after)
    return after


def check_wanted(before: Document, change: Change, after: Document) -> None:
    """Assert that the operation did what it is for."""
    if change.name == "recount_cookies":
        assert recount_cookies(after) == []
    elif change.heading >= 0:
        old, new = before.heading(change.heading), after.heading(change.heading)
        assert len(before) == len(after)
        if change.name == "set_state":
            assert (new.state,) == change.wanted
        # After a lone carriage return may come the line's end, and what was text be tags.
        if change.name == "set_tags" and b"\r" not in before.text[old.begin : old.line_end]:
            assert new.tags == change.wanted
        if change.name == "put_property" and f"{change.wanted[0]}+".upper() not in property_names(old):
            assert new.property(str(change.wanted[0])) == change.wanted[1]
        if change.name == "delete_property":
            assert new.property(str(change.wanted[0])) is None


def property_names(heading: Heading) -> set[str]:
    """Return the names in a heading's drawer, in upper case, as they stand there."""
    drawer = heading.drawer
    lines = b"" if drawer is None else drawer.group(1)
    return {line.strip().partition(b" ")[0].strip(b":").decode(errors="replace").upper() for line in lines.splitlines()}


def check_operations(raw: bytes, pick: Pick, count: int) -> Document:
    """Assert all of the above of a text, and of what `count` operations one after the other make of it."""
    document = check_text(raw)
    for _ in range(count):
        try:
            change = OPERATIONS[pick(len(OPERATIONS))](document, pick)
        except UsageError:
            continue
        if change is not None:
            document = check_change(document, change)
            check_spans(document)
    if document.conflict_line() is None:
        check_change(document, Change("recount_cookies", recount_cookies(document)))
    return document
