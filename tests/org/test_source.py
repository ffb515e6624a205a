"""Bytes are preserved, and edits are applied at the right positions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orglab.errors import UnsafeEditError
from orglab.org.edit import Edit, compose
from orglab.org.source import Source


@pytest.mark.parametrize(
    "raw",
    [b"", b"\n", b"* A\r\n** B\r\n", b"\xef\xbb\xbf* A\n", b"* A\r\n* B\n* C\r", b"caf\xe9 \0 \xe2\x80\xa8 \f\n",
     b"no last newline", b"\r\r\n\r\n", b"\xef\xbb\xbf\xef\xbb\xbf* A\r\n"],
)  # fmt: skip
def test_without_edits_nothing_changes(raw):
    assert Source(raw).apply([]) == raw


@given(st.binary())
def test_any_bytes_are_preserved(raw):
    assert Source(raw).apply([]) == raw


def test_new_text_uses_the_line_endings_around_it():
    assert Source(b"a\r\nb\r\n").apply([Edit(2, 2, b"x\n")]) == b"a\r\nx\r\nb\r\n"
    assert Source(b"a\nb\r\n").apply([Edit(2, 2, b"x\n")]) == b"a\nx\r\nb\r\n"
    assert Source(b"a\r\nb").apply([Edit(3, 3, b"\nx")]) == b"a\r\nb\r\nx"


def test_a_byte_order_mark_does_not_shift_positions():
    assert Source(b"\xef\xbb\xbf* A\n").apply([Edit(2, 3, b"B")]) == b"\xef\xbb\xbf* B\n"


def test_a_lone_carriage_return_is_a_character():
    source = Source(b"a\rb\r\r\nc\n")
    assert source.text == b"a\rb\r\nc\n"
    assert [source.line_number(position) for position in (0, 3, 5)] == [1, 1, 2]


def test_columns_count_characters_and_lines_count_newlines():
    source = Source("* é\n日本 x\n".encode())
    at = source.text.index(b"x")
    assert (source.line_number(at), source.column(at)) == (2, 4)
    assert source.line_number(0) == 1


@pytest.mark.parametrize("source", [Source(b"ab\n\n" * 50_000), Source.plain(b"ab\n\n" * 50_000, 7)])
def test_lines_are_counted_in_any_order(source):
    first = source.line_number(0)
    places = [199_999, 3, 100_000, 16_384, 16_383, 0, 200_000, 150_001, 40_000]
    assert [source.line_number(place) for place in places] == [
        first + source.text.count(b"\n", 0, place) for place in places
    ]


def test_overlapping_edits_are_rejected():
    with pytest.raises(UnsafeEditError):
        Source(b"abcdef").apply([Edit(0, 3, b""), Edit(2, 4, b"")])


@st.composite
def edits(draw, size):
    places = sorted(draw(st.lists(st.integers(0, size), max_size=8)))
    return [Edit(a, b, draw(st.binary(max_size=4))) for a, b in zip(places[::2], places[1::2], strict=False)]


@given(st.data())
def test_composed_edits_equal_successive_edits(data):
    text = data.draw(st.binary(max_size=60).filter(lambda raw: b"\r" not in raw and not raw.startswith(b"\xef")))
    first = data.draw(edits(len(text)))
    between = Source(text).apply(first)
    if b"\r" in between or between.startswith(b"\xef"):
        return
    second = data.draw(edits(len(between)))
    try:
        both = compose(first, second)
    except UnsafeEditError:
        return
    assert Source(text).apply(both) == Source(between).apply(second)


@given(st.lists(st.sampled_from([b"* A\n", b"* B\r\n", b"\xef\xbb\xbf", b"x", b"\r", b"\n", b"\xe9"])), st.data())
def test_verify_detects_any_other_changed_byte(pieces, data):
    source = Source(b"".join(pieces))
    places = sorted(data.draw(st.lists(st.integers(0, len(source.text)), min_size=2, max_size=2)))
    edits = [Edit(*places, data.draw(st.sampled_from([b"", b"y", b"y\nz"])))]
    after = source.apply(edits)
    source.verify(edits, after)
    at = data.draw(st.integers(0, len(after)))
    for other in (after[:at] + b"?" + after[at:], after[:at] + after[at + 1 :]):
        if other != after:
            with pytest.raises(UnsafeEditError):
                source.verify(edits, other)
