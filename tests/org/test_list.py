"""Which lines are items, and how they nest."""

import pytest

from orglab.org.document import Document
from orglab.org.list import Structure


def items(text):
    section = Document(text.encode()).first_section
    return [element.item for element in section.walk() if element.type == "item"]


def only_list(text) -> Structure:
    section = Document(text.encode()).first_section
    return next(element.structure for element in section.walk() if element.structure)


def spans(text):
    """Return each item of a text with everything in it, and its nesting depth."""
    document = Document(text.encode())
    return [
        (
            sum(around.type == "item" for around in element.ancestors()),
            document.text[element.begin : element.end].decode(),
        )
        for element in document.first_section.walk()
        if element.type == "item"
    ]


def test_the_parts_of_an_item():
    (item,) = items("  1) [@5] [X] a :: b\r\n")
    assert (item.indent, item.bullet, item.counter, item.checkbox) == (2, b"1) ", b"5", b"[X]")
    assert (item.is_ordered, item.is_checked) == (True, True)
    assert items("- [x] a :: b\n")[0].tag == b"a"
    assert not items("- [x] a\n")[0].is_checked


def test_lines_that_are_not_items():
    assert items("-a\n1 b\n\xa0- c\n#+begin_src\n- d\n#+end_src\n\u2028- e\n") == []


def test_nesting_by_indentation():
    found = items("- a\n\t- b\n        - c\n- d")
    assert [item.indent for item in found] == [0, 8, 8, 0]


@pytest.mark.parametrize(
    ("line", "bullet", "counter", "box", "tag", "body"),
    [
        ("- a", "- ", None, None, None, "a"),
        ("-\ta", "-\t", None, None, None, "a"),
        ("-", "-", None, None, None, ""),
        ("+ [ ]", "+ ", None, "[ ]", None, ""),
        ("- [ ]a", "- ", None, None, None, "[ ]a"),
        ("- [-] a :: b :: c", "- ", None, "[-]", "a :: b", "c"),
        ("- a ::", "- ", None, None, "a", ""),
        ("- a::b :: ", "- ", None, None, "a::b", ""),
        ("- :: a", "- ", None, None, None, ":: a"),
        ("- a ::b", "- ", None, None, None, "a ::b"),
        ("10) [@start:3] [X] a", "10) ", "3", "[X]", None, "a"),
        ("1. [@a] b", "1. ", "a", None, None, "b"),
        (" * a", "* ", None, None, None, "a"),
        ("- é :: \u2028\xa0", "- ", None, None, "é", "\u2028\xa0"),
        ("- a\0\rb", "- ", None, None, None, "a\0\rb"),
    ],
)
def test_the_first_line(line, bullet, counter, box, tag, body):
    (item,) = items(line)
    parts = (item.bullet, item.counter, item.checkbox, item.tag)
    assert [part if part is None else part.decode() for part in parts] == [bullet, counter, box, tag]
    assert line.encode()[item.body :].decode() == body
    assert item.checkbox is None or line.encode()[item.checkbox_at :].startswith(item.checkbox)


def test_a_numbered_item_has_no_tag():
    (item,) = items("1. a :: b\n")
    assert b"1. a :: b"[item.body :] == b"a :: b"


@pytest.mark.parametrize("line", ["* a", "-a", "a. b", "1 a", "1.a", "\u2013\u2009a", "\xa0- a", "\f- a", ":- a"])
def test_lines_that_do_not_start_an_item(line):
    assert items("x\n" + line) == []


def test_what_ends_an_item():
    assert spans("- a\n  b\n- c\nd\n") == [(0, "- a\n  b\n"), (0, "- c\n")]
    assert spans("- a\n\n  b\n\n- c\n") == [(0, "- a\n\n  b\n\n"), (0, "- c\n")]
    assert spans("- a\n\n\n- b\n") == [(0, "- a\n"), (0, "- b\n")]
    assert [len(only_list(f"- a\n{blank}\n{blank}\n- b\n").items) for blank in ("", " ", "\t ")] == [1, 1, 1]
    assert spans("- a\n  - b\n\n- c\n") == [(0, "- a\n  - b\n\n"), (1, "  - b\n"), (0, "- c\n")]
    assert spans("- a\n * b\n") == [(0, "- a\n * b\n"), (1, " * b\n")]


def test_a_block_or_a_drawer_may_be_indented_less():
    text = "- a\n  #+begin_src\n- b\n\n\nc\n  #+end_src\n  :x:\nd\n  :end:\n- e\n"
    assert spans(text) == [(0, text[: text.index("- e")]), (0, "- e\n")]
    assert [span for _, span in spans("- a\n  #+begin_src\n- b\n")] == ["- a\n  #+begin_src\n", "- b\n"]


def test_a_list_knows_its_items():
    found = only_list("- [X] a\n  - [ ] b\n    - c\n  - [X] d\n- [ ] e\n- f\n")
    a, b, c, d, e, f = found.items
    assert found.children(a) == [b, d]
    assert found.subtree(a) == [b, c, d]
    assert found.parents()[c.begin] is b
    assert found.parents()[a.begin] is None
    assert (found.item_at(e.begin), found.item_at(1)) == (e, None)
    assert found.count_boxes(nested=False) == (1, 2)
    assert found.count_boxes(nested=True) == (2, 4)
    assert found.subtree(f) == []


def test_ill_formed_indentation_nests_like_org():
    # No level has the indentation of `c`, so the nearest smaller one is used (org-list-parents-alist).
    found = only_list("- a\n    - b\n  - c\n- d\n")
    a, b, c, d = found.items
    assert [found.parents()[item.begin] for item in (a, b, c, d)] == [None, a, None, None]
