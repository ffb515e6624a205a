"""The parts of a heading line, and the planning, properties and tags of a heading."""

import pytest

from orglab.org.document import Document


def first(text):
    return Document(text if isinstance(text, bytes) else text.encode()).heading(0)


@pytest.mark.parametrize(
    ("line", "state", "priority", "title", "tags"),
    [
        ("* a", None, None, "a", ()),
        ("* TODO a", "TODO", None, "a", ()),
        ("* TODOs a", None, None, "TODOs a", ()),
        ("* todo a", None, None, "todo a", ()),
        ("* TODO", "TODO", None, "", ()),
        ("* DONE [#A] a :x:@y:", "DONE", "A", "a", ("x", "@y")),
        ("* [#10] a", None, "10", "a", ()),
        ("* a :x: b", None, None, "a :x: b", ()),
        ("* a:x:", None, None, "a:x:", ()),
        ("* a :x-y:", None, None, "a :x-y:", ()),
        ("* a\t:größe:\t ", None, None, "a", ("größe",)),
        ("* :x:", None, None, "", ("x",)),
        ("* TODO :x:", "TODO", None, "", ("x",)),
        ("* [#B] :x:", None, "B", "", ("x",)),
        ("* [#B]:x:", None, "B", ":x:", ()),
        ("* a :x::y:", None, None, "a", ("x", "y")),
        ("* a ::", None, None, "a ::", ()),
        ("* TODO\ta", None, None, "TODO\ta", ()),
        ("*   a  ", None, None, "a", ()),
        ("* a\u2028b\xa0", None, None, "a\u2028b\xa0", ()),
        ("* a\0b", None, None, "a\0b", ()),
        ("* a\rb", None, None, "a\rb", ()),
    ],
)
@pytest.mark.parametrize("ending", ["\n", "\r\n", ""])
def test_the_line(line, state, priority, title, tags, ending):
    heading = first(line + ending)
    assert (heading.state, heading.priority, heading.title, heading.tags) == (state, priority, title, tags)


def test_invalid_utf_8_in_a_title_is_preserved():
    assert first(b"* Gr\xf6\xdfe :t:\n").title.encode("utf-8", "surrogateescape") == b"Gr\xf6\xdfe"


def test_the_word_comment_is_not_part_of_the_title():
    assert first("* TODO COMMENT a\n").line.is_comment
    assert not first("* COMMENTS a\n").line.is_comment
    assert not first("* COMMENT\ta\n").line.is_comment
    assert first("* COMMENT\n").line.is_comment


def test_planning_is_the_line_below():
    heading = first("* a\n  CLOSED: [2020-01-01 Wed] DEADLINE: <2020-01-02 Thu>\nSCHEDULED: <2020-01-03>\n")
    assert (heading.closed, heading.deadline, heading.scheduled) == ("[2020-01-01 Wed]", "<2020-01-02 Thu>", None)
    assert first("* a\n\nCLOSED: [2020-01-01 Wed]\n").closed is None


def test_a_property_drawer_stands_below_the_heading_or_its_planning():
    assert first("* a\nDEADLINE: <2020-01-02>\n:PROPERTIES:\n:id: 1\n:END:\n").property("ID") == "1"
    assert first("* a\ntext\n:PROPERTIES:\n:ID: 1\n:END:\n").property("ID") is None
    assert first("* a\n:PROPERTIES:\n:ID: 1\n").property("ID") is None
    assert first("* a\n:PROPERTIES:\nno property\n:END:\n").drawer is None


def test_properties_add_up_and_are_inherited():
    document = Document(b"#+PROPERTY: p file\n* a\n:PROPERTIES:\n:q: 1\n:q+: 2\n:Q: 3\n:END:\n** b\n* c\n")
    a, b, c = document.headings()
    assert a.properties == {"Q": "1 2"}
    assert (b.property("q"), b.inherited_property("q"), c.inherited_property("q")) == (None, "1 2", None)
    assert b.inherited_property("P") == "file"


def test_tags_are_inherited_from_the_file_and_from_above():
    document = Document(b"#+FILETAGS: :f:\n* a :x:y:\n** b :z:x:\n")
    assert document.heading(1).all_tags == ("f", "y", "z", "x")


def test_deep_nesting():
    document = Document(b"".join(b"*" * stars + b" a :t%d:\n" % stars for stars in range(1, 1500)))
    last = document.heading(len(document) - 1)
    assert (last.level, len(last.all_tags), len(list(last.ancestors()))) == (1499, 1499, 1498)
    assert last.inherited_property("NO") is None
    assert Document(b"*" * 100_000 + b" a").heading(0).title == "a"


def test_planning_without_a_date_is_none():
    assert first("* a\nCLOSED: DEADLINE: <2020-01-01> SCHEDULED: [\n").deadline == "<2020-01-01>"
    assert first("* a\nCLOSED: [\n").closed is None


def test_the_first_timestamps_of_title_and_section():
    heading = first("* a =[2020-01-01 Wed]=\n:PROPERTIES:\n:P: [2020-01-02]\n:END:\n<2020-01-03 Fri> [2020-01-04]\n")
    assert (heading.timestamp, heading.timestamp_ia) == ("<2020-01-03 Fri>", "[2020-01-04]")


def test_odd_levels_only():
    assert [h.level for h in Document(b"#+STARTUP: odd\n* a\n*** b\n").headings()] == [1, 2]
