"""The two sides of a text with conflict markers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orglab.log.merge.markers import split_sides


@pytest.mark.parametrize(
    ("text", "ours", "theirs"),
    [
        ("a\n<<<<<<< x\nb\n=======\nc\n>>>>>>> y\nd\n", "a\nb\nd\n", "a\nc\nd\n"),
        ("<<<<<<< x\nb\n||||||| base\no\n=======\n>>>>>>> y\n", "b\n", ""),
        ("<<<<<<< x\r\nb\r\n=======\r\nc\r\n>>>>>>> y\r\n", "b\r\n", "c\r\n"),
        ("a\n=======\n<<<<<<<b\nc", "a\n=======\n<<<<<<<b\nc", "a\n=======\n<<<<<<<b\nc"),
        ("<<<<<<< x\nnever ended\n", "never ended\n", ""),
    ],
)
def test_each_side_has_its_own_lines_and_those_around_the_conflict(text, ours, theirs):
    assert split_sides(text.encode()) == (ours.encode(), theirs.encode())


@given(
    st.lists(st.sampled_from(["<<<<<<< x\n", "=======\n", ">>>>>>> y\n", "||||||| z\n", "a\n", "b\n", "=======\r\n"]))
)
def test_whatever_the_markers_are_no_line_is_lost(lines):
    sides = split_sides("".join(lines).encode())
    base = "||||||| z\n" in lines
    for word in ("a\n", "b\n"):
        together = sum(side.count(word.encode()) for side in sides)
        assert together <= 2 * lines.count(word)
        assert base or together >= lines.count(word)
