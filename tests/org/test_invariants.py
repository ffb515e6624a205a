"""Invariants of any text and any operation."""

import hypothesis.strategies as st
import pytest
from hypothesis import example, given

from orglab.errors import ConflictMarkersError, UnsafeEditError, UsageError
from orglab.org.cookies import recount_cookies
from orglab.org.document import Document
from orglab.org.edit import Edit, compose
from orglab.org.source import Source, decode, encode
from orgtext import LINES, OPERATIONS, SEED, Change, check_change, check_operations, check_spans, check_text

# Lines with a meaning in Org, lines that nearly have one, and arbitrary text.
MARKUP = st.text(alphabet="*-+1. )[]/%Xx:#_=~<>{}()$\\|@&!\t\r\"' aTODO\u2028\xa0é\0", max_size=24)
LINE = st.one_of(st.sampled_from(LINES), MARKUP, st.text(max_size=12))
ENDING = st.sampled_from(["\n", "\n", "\n", "\r\n", "\r", "\n\n", ""])


@st.composite
def org_texts(draw) -> bytes:
    """Org-like text with one or several line endings, partly invalid UTF-8."""
    lines = draw(st.lists(LINE, max_size=20))
    ending = draw(st.sampled_from(["\n", "\n", "\r\n", None]))
    text = "".join(line + (ending or draw(ENDING)) for line in lines)
    mark = draw(st.sampled_from([b"", b"", b"", b"\xef\xbb\xbf"]))
    last = draw(st.sampled_from([b"", b"", b"- [ ] \xe9", b"* \xff [/]", b"\0"]))
    return mark + text.encode("utf-8", "replace") + last


@st.composite
def edits_of(draw, length: int) -> list[Edit]:
    """Edits of a text of the given length that do not overlap, in any order."""
    places = sorted(draw(st.lists(st.integers(0, length), max_size=8)))
    places = places[: len(places) // 2 * 2]
    pairs = zip(places[::2], places[1::2], strict=True)
    # At one position, only insertions can be several; they are applied in list order.
    edits = [Edit(start, end, draw(st.sampled_from([b"", b"x", b"yz\n", b"[1/2]"]))) for start, end in pairs]
    return draw(st.permutations(edits))


@given(st.binary())
@example(b"\xef\xbb\xbf* a\r\n- [ ] b\r\n")
@example(b"* a\r\r\n\r")
def test_any_bytes_parse_and_print_the_same(raw):
    check_text(raw)


@given(org_texts())
def test_any_org_text_parses_and_prints_the_same(raw):
    check_text(raw)


@given(st.binary())
def test_encode_reverses_decode(raw):
    assert encode(decode(raw)) == raw


@given(org_texts(), st.data())
def test_operations_change_only_what_they_name(raw, data):
    check_operations(raw, lambda count: data.draw(st.integers(0, count - 1)), count=data.draw(st.integers(1, 4)))


@given(org_texts())
def test_after_a_recount_there_is_nothing_to_recount(raw):
    document = Document(raw)
    if document.conflict_line() is None:
        assert recount_cookies(document.apply(recount_cookies(document))) == []


@given(org_texts())
def test_recounting_each_heading_equals_recounting_all(raw):
    document = Document(raw)
    parts = [recount_cookies(document, [heading]) for heading in (None, *document.headings())]
    assert sorted(map(repr, [edit for part in parts for edit in part])) == sorted(map(repr, recount_cookies(document)))


@given(org_texts(), st.data())
def test_positions_in_text_and_bytes_correspond(raw, data):
    source = Source(raw)
    place = data.draw(st.integers(0, len(source.text)))
    offset = source.raw_offset(place)
    before = source.raw[len(source.raw) - len(source.raw.removeprefix(b"\xef\xbb\xbf")) : offset]
    assert before.replace(b"\r\n", b"\n") in (source.text[:place], source.text[:place] + b"\r")
    assert source.line_number(place) == source.text.count(b"\n", 0, place) + 1
    start = source.text.rfind(b"\n", 0, place) + 1
    assert source.column(place) == len(decode(source.text[start:place])) + 1


@given(org_texts(), st.data())
def test_composed_edits_equal_successive_edits(raw, data):
    source = Source(raw.replace(b"\r", b""))
    first = data.draw(edits_of(len(source.text)))
    between = Source(source.apply(first))
    second = data.draw(edits_of(len(between.text)))
    try:
        composed = compose(first, second)
    except UnsafeEditError:
        # One of them changes what was written.
        return
    assert source.apply(composed) == between.apply(second)


@given(st.data())
def test_composed_operations_equal_successive_operations(data):
    """Like a command: an operation, then a recount of the resulting text."""
    document = Document(SEED.encode())
    operate = data.draw(st.sampled_from(OPERATIONS[:-1]))
    change = operate(document, lambda count: data.draw(st.integers(0, count - 1)))
    assert change is not None
    after = document.apply(change.edits)
    both = compose(change.edits, recount_cookies(after))
    assert bytes(document.apply(both)) == bytes(after.apply(recount_cookies(after)))


@given(org_texts(), st.data())
def test_a_file_with_conflict_markers_is_never_changed(raw, data):
    document = Document(raw + b"\n<<<<<<< HEAD\n* TODO a [/]\n- [ ] b\n=======\n>>>>>>> x\n")
    operate = data.draw(st.sampled_from(OPERATIONS))
    try:
        change = operate(document, lambda count: data.draw(st.integers(0, count - 1)))
    except UsageError:
        return
    if change is None or not change.edits:
        return
    with pytest.raises(ConflictMarkersError, match=rf"line {document.conflict_line()}\b"):
        document.apply(change.edits)


@given(org_texts(), st.data())
def test_edits_leave_the_rest_unchanged(raw, data):
    document = Document(raw)
    edits = data.draw(edits_of(len(document.text)))
    check_spans(check_change(document, Change("edit", edits)))
