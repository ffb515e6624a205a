"""Edits as values: two sets of them made one."""

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
def test_both_at_once_do_what_one_after_the_other_does(first, second, after):
    assert Source(b"abcdef").apply(compose(first, second)) == after
    assert Source(Source(b"abcdef").apply(first)).apply(second) == after


@pytest.mark.parametrize("second", [Edit(2, 3, b""), Edit(1, 3, b"x"), Edit(3, 5, b"x"), Edit(0, 6, b"")])
def test_what_the_first_wrote_is_not_touched(second):
    with pytest.raises(UnsafeEditError, match="nothing was written"):
        compose([Edit(2, 3, b"XY")], [second])
