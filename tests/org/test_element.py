"""The elements of a section: where they begin and end."""

import pytest

from orglab.org.document import Document
from orglab.org.element import Element


def elements(document: Document) -> list[Element]:
    """Return the elements of the first section, or of the first heading's if the text begins with one."""
    section = document.heading(0).section if document.text.startswith(b"*") else document.first_section
    return list(section.walk())[1:]


def parts(text: str) -> list[tuple[str, str]]:
    """Return the elements of a text, each with the text it spans."""
    document = Document(text.encode())
    return [(element.type, document.text[element.begin : element.end].decode()) for element in elements(document)]


def types(text: str) -> list[str]:
    return [element.type for element in elements(Document(text.encode()))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\nb\n\nc", [("paragraph", "a\nb\n\n"), ("paragraph", "c")]),
        ("# a\n  # b\n#c\n", [("comment", "# a\n  # b\n"), ("paragraph", "#c\n")]),
        (": a\n  :\n:b\n", [("fixed-width", ": a\n  :\n"), ("paragraph", ":b\n")]),
        ("----- \n----\n", [("horizontal-rule", "----- \n"), ("paragraph", "----\n")]),
        ("a\n-----\nb\n", [("paragraph", "a\n"), ("horizontal-rule", "-----\n"), ("paragraph", "b\n")]),
        ("%%(diary)\n %%(no)\n", [("diary-sexp", "%%(diary)\n"), ("paragraph", " %%(no)\n")]),
        ("| a |\n|-\nb\n", [("table", "| a |\n|-\n"), ("paragraph", "b\n")]),
        ("| a |\n#+TBLFM: $1=2\nb", [("table", "| a |\n#+TBLFM: $1=2\n"), ("paragraph", "b")]),
        ("#+call: f(x)\n#+x: y\n", [("babel-call", "#+call: f(x)\n"), ("keyword", "#+x: y\n")]),
        ("#+x y\n", [("paragraph", "#+x y\n")]),
        ("a\u2028- b\n\xa0- c\n\f- d\n", [("paragraph", "a\u2028- b\n\xa0- c\n\f- d\n")]),
        ("a\0b\rc\n", [("paragraph", "a\0b\rc\n")]),
        ("", []),
        ("\n \t\n", []),
    ],
)
def test_plain_lines(text, expected):
    assert parts(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("#+begin_src a\n- b\n#+END_SRC\n", ["src-block"]),
        ("  #+BEGIN_example\n* a\n", ["paragraph"]),
        ("#+begin_quote\n- a\n#+end_quote\n", ["quote-block", "plain-list", "item", "paragraph"]),
        ("#+begin_note\na\n#+end_note\n", ["special-block", "paragraph"]),
        ("#+begin_verse\n- a\n#+end_verse\n", ["verse-block"]),
        ("#+begin_src\n- a\n#+end_example\n- b\n", ["paragraph", "plain-list", "item", "paragraph"] * 2),
        ("#+begin: clocktable :x y\na\n#+end:\n", ["dynamic-block", "paragraph"]),
        ("#+begin:x\na\n#+end\n", ["dynamic-block", "paragraph"]),
        ("#+begin: \na\n#+end:\n", ["keyword", "paragraph", "keyword"]),
        ("\\begin{a*}\n- b\n\\end{a*}\n", ["latex-environment"]),
        ("a\n\\begin{b}\nc\n", ["paragraph"]),
        ("a\n\\begin{b}\n\\end{b}\n", ["paragraph", "latex-environment"]),
        (":d:\n- a\n:END:\n", ["drawer", "plain-list", "item", "paragraph"]),
        (":d:\n- a\n", ["paragraph", "plain-list", "item", "paragraph"]),
        (":a b:\n:END:\n", ["paragraph", "paragraph"]),
    ],
)
def test_blocks_and_drawers_must_be_closed(text, expected):
    assert types(text) == expected


def test_an_orphaned_end_is_text():
    assert types("#+end_src\na\n") == ["paragraph"]
    assert types(":END:\n") == ["paragraph"]


def test_a_drawer_may_begin_with_a_blank_line_that_is_a_paragraph():
    assert parts(":d:\n\n\\begin{x}\n:END:\n")[1:] == [("paragraph", "\n"), ("paragraph", "\\begin{x}\n")]
    assert parts(":d:\n \na\n:END:\n")[1:] == [("paragraph", " \na\n")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("#+name: x\n| a |\n", [("table", "#+name: x\n| a |\n")]),
        ("#+CAPTION[s]: l\n#+attr_html: :x y\n- a\n", [("plain-list", "#+CAPTION[s]: l\n#+attr_html: :x y\n- a\n")]),
        ("#+name: x\n\na\n", [("keyword", "#+name: x\n\n"), ("paragraph", "a\n")]),
        ("#+name: x\n# a\n", [("keyword", "#+name: x\n"), ("comment", "# a\n")]),
        ("#+name: x\n#+caption: y\n", [("keyword", "#+name: x\n"), ("keyword", "#+caption: y\n")]),
        ("#+name: x\nCLOCK: => 1:00\n", [("keyword", "#+name: x\n"), ("clock", "CLOCK: => 1:00\n")]),
        ("#+title: x\na\n", [("keyword", "#+title: x\n"), ("paragraph", "a\n")]),
    ],
)
def test_affiliated_keywords_belong_to_the_next_element_that_can_have_them(text, expected):
    assert parts(text)[: len(expected)] == expected


@pytest.mark.parametrize(
    ("line", "is_clock"),
    [
        ("CLOCK: [2020-01-01 Wed 10:00]", True),
        ("  clock: [2020-01-01 Wed 10:00]--[2020-01-01 Wed 11:00] =>  1:00 ", True),
        ("CLOCK: => 1:00", True),
        ("CLOCK: [2020-01-01 Wed 10:00] x", False),
        ("CLOCK: <2020-01-01 Wed 10:00>", False),
        ("CLOCK:", False),
    ],
)
def test_a_clock_line_has_a_time(line, is_clock):
    assert types(line) == ["clock" if is_clock else "paragraph"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("+--+\n|  |\n+--+\n", ["table"]),
        ("+--+\n|  |\nx\n", ["paragraph", "table", "paragraph"]),
        ("+--+\n", ["paragraph"]),
        ("+--+\nx\n", ["paragraph"]),
        ("+--+\n+--+\nx\n", ["table", "paragraph"]),
    ],
)
def test_a_table_el_table_ends_with_a_rule(text, expected):
    assert types(text) == expected


def test_a_heading_is_followed_by_planning_and_properties():
    text = "* a\nDEADLINE: <2020-01-01>\n:PROPERTIES:\n:A: b\n:B+:\n:END:\nSCHEDULED: <2020-01-01>\n"
    assert parts(text) == [
        ("planning", "DEADLINE: <2020-01-01>\n"),
        ("property-drawer", ":PROPERTIES:\n:A: b\n:B+:\n:END:\n"),
        ("node-property", ":A: b\n"),
        ("node-property", ":B+:\n"),
        ("paragraph", "SCHEDULED: <2020-01-01>\n"),
    ]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (":PROPERTIES:\n:A: b\n:END:\n", "property-drawer"),
        ("# c\n\n:PROPERTIES:\n:A: b\n:END:\n", "property-drawer"),
        ("a\n:PROPERTIES:\n:A: b\n:END:\n", "drawer"),
        ("* a\n\n:PROPERTIES:\n:A: b\n:END:\n", "drawer"),
        ("* a\n:PROPERTIES:\nno property\n:END:\n", "drawer"),
        ("* a\n:PROPERTIES:\n:A:b\n:END:\n", "drawer"),
        ("* a\n:PROPERTIES:\n:END:\n", "property-drawer"),
    ],
)
def test_where_a_property_drawer_is_allowed(text, kind):
    assert next(found for found in types(text) if "drawer" in found) == kind


def test_a_footnote_ends_at_the_next_or_after_two_blank_lines():
    text = "[fn:1] a\n\n- b\n\n\nc\n[fn:2] d\n#+name: x\n[fn:3] e\n"
    assert [part for part in parts(text) if part[0] == "footnote-definition"] == [
        ("footnote-definition", "[fn:1] a\n\n- b\n\n\n"),
        ("footnote-definition", "[fn:2] d\n"),
        ("footnote-definition", "#+name: x\n[fn:3] e\n"),
    ]


def test_a_list_in_a_list_in_a_block():
    text = "- a\n  #+begin_quote\n  1. b\n\n     c\n  #+end_quote\n- d\n"
    assert parts(text) == [
        ("plain-list", text),
        ("item", text[: text.index("- d")]),
        ("paragraph", "a\n"),
        ("quote-block", "  #+begin_quote\n  1. b\n\n     c\n  #+end_quote\n"),
        ("plain-list", "  1. b\n\n     c\n"),
        ("item", "  1. b\n\n     c\n"),
        ("paragraph", "b\n\n"),
        ("paragraph", "     c\n"),
        ("item", "- d\n"),
        ("paragraph", "d\n"),
    ]


def test_crlf_and_a_byte_order_mark_make_no_difference():
    text = "#+begin_quote\n- a\n\n  b\n#+end_quote\n"
    assert parts(("\ufeff" + text).replace("\n", "\r\n")) == parts(text)


def innermost(text: str, what: str) -> Element:
    document = Document(text.encode())
    return document.first_section.at(document.text.index(what.encode()))


def test_element_at_a_position_and_its_ancestors():
    found = innermost("- a\n  - b\n", "b")
    assert [element.type for element in (found, *found.ancestors())] == [
        "paragraph", "item", "plain-list", "item", "plain-list", "section",
    ]  # fmt: skip
    assert innermost("- a\n  - b\n", "- b").type == "item"


def test_deep_nesting():
    deep = b"#+begin_x\n" * 2000 + b"a\n" + b"#+end_x\n" * 2000
    # The first end closes all openings, as in Org.
    assert types(deep.decode())[0] == "special-block"
    nested = "".join(f"#+begin_x{depth}\n" for depth in range(2000))
    nested += "".join(f"#+end_x{depth}\n" for depth in reversed(range(2000)))
    assert types(nested) == ["special-block"] * 2000
    items = "".join(" " * depth + "- a\n" for depth in range(1500))
    assert types(items) == ["plain-list", "item", "paragraph"] * 1500
