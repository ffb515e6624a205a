"""Which lines are items, and how they nest."""

from orglab.org.document import Document


def items(text):
    section = Document(text.encode()).first_section
    return [element.item for element in section.walk() if element.type == "item"]


def test_the_parts_of_an_item():
    (item,) = items("  1) [@5] [X] a :: b\r\n")
    assert (item.indent, item.bullet, item.counter, item.checkbox) == (2, b"1) ", b"5", b"[X]")
    assert (item.is_ordered, item.is_checked) == (True, True)
    assert items("- [x] a :: b\n")[0].tag == b"a"
    assert not items("- [x] a\n")[0].is_checked


def test_what_is_no_item():
    assert items("-a\n1 b\n\xa0- c\n#+begin_src\n- d\n#+end_src\n\u2028- e\n") == []


def test_nesting_by_indentation():
    found = items("- a\n\t- b\n        - c\n- d")
    assert [item.indent for item in found] == [0, 8, 8, 0]
