"""Documents: their headings, parts and edited versions."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

import orgtext
from orglab.errors import ConflictMarkersError, UnsafeEditError
from orglab.org.cookies import recount_cookies
from orglab.org.document import Document
from orglab.org.edit import Edit

AWKWARD = {
    "empty": b"",
    "Windows": b"* A\r\n** B\r\ntext\r\n",
    "mark": b"\xef\xbb\xbf* A\n** B\n",
    "mixed endings": b"* A\r\n** B\n",
    "Latin-1": b"* Gr\xf6\xdfe\n** B\xe9\n",
    "NUL": b"* A\0\n** B\n",
    "no last newline": b"* A\n** B",
    "line separator": b"* A\xe2\x80\xa8* no\n** B\n",
    "no-break space": b"* A\xc2\xa0\n** B\n*\xc2\xa0no\n",
    "lone CR": b"* A\r* no\n** B\r\r\n",
    "tabs": b"*\tno\n* A\t\n** B\t:t:\n",
}


@pytest.mark.parametrize("raw", AWKWARD.values(), ids=AWKWARD)
def test_awkward_bytes_are_kept_and_headings_found(raw):
    document = Document(raw)
    assert bytes(document) == raw
    assert [heading.stars for heading in document.headings()] == ([1, 2] if raw else [])
    if raw:
        made = document.apply([Edit(document.heading_begin(1) + 3, document.heading_begin(1) + 4, b"C")])
        assert bytes(made) == raw.replace(b"** B", b"** C")


def test_outline_relations():
    document = Document(b"before\n*** a\n* b\n*** c\n** d\n* e\n")
    a, b, c, d, e = document.headings()
    assert [heading.parent for heading in (a, b, c, d, e)] == [None, None, b, b, None]
    assert list(b.children()) == [c, d]
    assert document.text[b.begin : b.subtree_end] == b"* b\n*** c\n** d\n"
    assert document.heading_at(0) is None
    assert document.heading_at(document.text.index(b"d")) is d


def test_outline_relations_of_distant_headings():
    document = Document(b"* a\n" + b"** b\n" * 200 + b"*** c\n" * 200 + b"** d\n* e\n")
    a, d, e = (document.heading(index) for index in (0, 401, 402))
    assert (document.heading(300).parent, document.heading(200).parent) == (document.heading(200), a)
    assert (d.parent, e.parent, len(list(a.children()))) == (a, None, 201)
    assert (a.subtree_end, document.heading(200).subtree_end, d.subtree_end) == (e.begin, d.begin, e.begin)


def test_a_heading_needs_stars_at_line_start_and_a_space():
    assert len(Document(b"*a\n *  b\n**\n- * c\n")) == 0


def test_conflict_markers_are_reported_and_nothing_is_written():
    document = Document(b"* A\n<<<<<<< HEAD\n* B\n=======\n>>>>>>> other\n")
    assert document.conflict_line() == 2
    assert document.apply([]) is document
    with pytest.raises(ConflictMarkersError, match="line 2"):
        document.apply([Edit(0, 0, b"x")])


def test_seven_angle_brackets_within_a_line_are_not_a_conflict():
    assert Document(b"* A\n see <<<<<<< HEAD\n<<<<<<<\n").conflict_line() is None


@pytest.mark.parametrize("edits", [[Edit(0, 99, b"")], [Edit(2, 1, b"")], [Edit(0, 2, b""), Edit(1, 3, b"")]])
def test_invalid_edits_are_rejected(edits):
    with pytest.raises(UnsafeEditError):
        Document(b"* A\n").apply(edits)


def test_a_part_has_the_settings_and_lines_of_the_whole():
    whole = Document(b"#+TODO: OPEN | SHUT\n#+FILETAGS: :f:\n* A\n* OPEN B :b:\n** C\n* D\n")
    part = whole.part_at(whole.text.index(b"C"))
    assert bytes(part) == b"* OPEN B :b:\n** C\n"
    heading = part.heading(0)
    assert (heading.state, heading.all_tags, heading.line_number) == ("OPEN", ("f", "b"), 4)
    after = part.apply([Edit(heading.line.state[0], heading.line.state[1], b"SHUT")])
    assert after.heading(0).is_done


def test_the_digest_is_that_of_the_bytes():
    assert Document(b"").digest == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def described(heading, moved):
    return (
        (heading.begin + moved, heading.subtree_end + moved, heading.line_number),
        (heading.state, heading.title, heading.all_tags, heading.category, heading.timestamp),
        (heading.properties, heading.inherited_property("COOKIE_DATA")),
        [(element.type, element.begin + moved, element.end + moved) for element in heading.section.walk()],
        [(found.type, found.begin + moved, found.end + moved) for found in heading.objects()],
    )


@given(st.integers(0, 2**40), st.integers(0, 2**40))
def test_a_part_reads_the_same_as_the_whole(seed, place):
    whole = Document(orgtext.random_text(random.Random(seed).randrange))  # noqa: S311 - the same each time
    part = whole.part_at(place % (len(whole.text) + 1))
    assert part.text == whole.text[part.begin : part.end]
    assert part.begin <= place % (len(whole.text) + 1) <= part.end
    if not part.text.startswith(b"* "):
        return
    headings = [heading for heading in whole.headings() if part.begin <= heading.begin < part.end]
    assert [described(heading, part.begin) for heading in part.headings()] == [described(one, 0) for one in headings]
    if whole.conflict_line() is None:
        edits = recount_cookies(part)
        after = whole.apply([Edit(edit.start + part.begin, edit.end + part.begin, edit.replacement) for edit in edits])
        assert part.apply(edits).text == after.text[part.begin :][: len(after.text) - len(whole.text) + len(part.text)]
