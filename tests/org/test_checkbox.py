"""Setting a checkbox and updating those above it."""

import pytest

from orglab.errors import UsageError
from orglab.org.checkbox import DONE, OPEN, PARTIAL, set_checkboxes, toggle_checkbox
from orglab.org.document import Document


def ticked(text, number, box=DONE, **options):
    document = Document(text.encode())
    structure = next(each.structure for each in document.first_section.walk() if each.structure)
    edits = set_checkboxes(document, structure, [structure.items[number]], box, **options)
    return bytes(document.apply(edits)).decode()


def test_parent_boxes_follow_the_boxes_below():
    text = "- [ ] a\n  - [ ] b\n  - [ ] c\n"
    half = "- [-] a\n  - [X] b\n  - [ ] c\n"
    assert ticked(text, 1) == half
    assert ticked(half, 2) == "- [X] a\n  - [X] b\n  - [X] c\n"
    assert ticked(half, 1, OPEN) == text
    assert ticked(half, 0) == half


def test_grandparent_boxes_are_updated():
    text = "- [ ] a\n  - [ ] b\n    - [ ] c\n    - [ ] d\n"
    assert ticked(text, 2) == "- [-] a\n  - [-] b\n    - [X] c\n    - [ ] d\n"
    assert ticked("- [ ] a\n  - [ ] b\n    - [ ] c\n", 2) == "- [X] a\n  - [X] b\n    - [X] c\n"
    assert ticked("- [ ] a\n  - b\n    - [ ] c\n", 2) == "- [ ] a\n  - b\n    - [X] c\n"


def test_an_item_without_a_box_gets_none():
    assert ticked("- a\n  - [ ] b\n", 0) == "- a\n  - [ ] b\n"
    assert ticked("- a\n  - [ ] b\n", 1) == "- a\n  - [X] b\n"


def test_a_lower_case_x_becomes_upper_case():
    assert ticked("- [x] a\n- [ ] b\n", 1, upper=True) == "- [X] a\n- [X] b\n"
    assert ticked("- [x] a\n- [ ] b\n", 1) == "- [x] a\n- [X] b\n"


@pytest.mark.parametrize(
    "text", ["\t1. [@3] [ ] a", "+ [ ] a\r\n", "a) x\n- [ ] \xa0\0\u2028 é :: b\n", "\ufeff- [ ] a\n"]
)
def test_only_the_box_changes(text):
    assert ticked(text, 0, PARTIAL) == text.replace("[ ]", "[-]")


def test_ordered_boxes_must_be_checked_in_order():
    with pytest.raises(UsageError, match="line 1"):
        ticked("- [ ] a\n- [ ] b\n", 1, ordered=True)
    assert ticked("- [X] a\n- [ ] b\n", 1, ordered=True) == "- [X] a\n- [X] b\n"
    # Boxes further down that are out of order are ignored.
    assert ticked("- [ ] a\n- [ ] b\n- [X] c\n", 0, ordered=True) == "- [X] a\n- [ ] b\n- [X] c\n"


def test_toggling():
    assert [toggle_checkbox(box) for box in (OPEN, PARTIAL, DONE, b"[x]", None)] == [DONE, DONE, OPEN, DONE, DONE]
