"""Texts of a log, cut to a number of bytes."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orglab.report.brief.short_text import shorten


@pytest.mark.parametrize(
    ("text", "room", "cut"),
    [
        ("It helps", 20, "It helps"),
        ("It helps\n  a lot", 20, "It helps a lot"),
        ("It helps by 0.1234 points", 18, "It helps by…"),
        ("It takes 10 000 steps", 15, "It takes…"),
        ("loss 0.123456789", 13, "loss…"),
        ("0.123456789123456789", 12, "…"),
        ("日本語のタイトルです", 15, "日本語の…"),
        ("שלום עולם וכל טוב", 20, "שלום עולם…"),
        ("a\x1b[31mred\u202eevil", 40, "a[31mred<U+202E>evil"),
        ("bad \udcff byte", 40, "bad \ufffd byte"),
    ],
)
def test_a_text_is_cut_between_words_and_in_no_number(text, room, cut):
    assert shorten(text, room) == cut


NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)*")


@given(
    st.lists(st.one_of(st.text(max_size=12), st.floats(allow_nan=False).map(repr), st.integers().map(str))),
    st.integers(8, 60),
)
def test_a_text_takes_no_more_than_its_room_and_has_no_other_number(words, room):
    line = shorten(" ".join(words), 1_000_000)
    cut = shorten(line, room)
    assert len(cut.encode()) <= room
    assert cut == line or line.startswith(cut.removesuffix("…"))
    if cut != line and (found := NUMBER.findall(cut)):
        at = cut.rindex(found[-1]) + len(found[-1])
        assert not line[at : at + 1].isdigit()
