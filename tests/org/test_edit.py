"""Composition of two lists of edits."""

import pytest

from orglab.errors import UnsafeEditError
from orglab.org.edit import Edit, compose
from orglab.org.source import Source


@pytest.mark.parametrize(
    ("first", "second", "after"),
    [
        ([], [], b"abcdef"),
        ([Edit(0, 1, b"XYZ")], [Edit(4, 5, b"")], b"XYZbdef"),
        ([Edit(4, 6, b"")], [Edit(0, 0, b"-"), Edit(3, 4, b"+")], b"-abc+"),
        ([Edit(2, 2, b"12")], [Edit(2, 2, b"0")], b"ab012cdef"),
        ([Edit(2, 2, b"12")], [Edit(4, 4, b"3")], b"ab123cdef"),
        ([Edit(5, 6, b"F"), Edit(0, 1, b"A")], [Edit(2, 3, b"C")], b"AbCdeF"),
    ],
)
def test_composed_edits_equal_successive_edits(first, second, after):
    assert Source(b"abcdef").apply(compose(first, second)) == after
    assert Source(Source(b"abcdef").apply(first)).apply(second) == after


@pytest.mark.parametrize("second", [Edit(2, 3, b""), Edit(1, 3, b"x"), Edit(3, 5, b"x"), Edit(0, 6, b"")])
def test_the_second_edits_cannot_change_what_the_first_wrote(second):
    with pytest.raises(UnsafeEditError, match="nothing was written"):
        compose([Edit(2, 3, b"XY")], [second])
