"""Setting and deleting properties and tags of a heading."""

import pytest

from orglab.org.document import Document
from orglab.org.properties import delete_property, put_properties, put_property, set_tags

DRAWER = "* a\n:PROPERTIES:\n:ID:       1\n:END:\n"


def made(text, operation, *arguments):
    document = Document(text.encode())
    return bytes(document.apply(operation(document.heading(0), *arguments))).decode()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("* a\n", DRAWER),
        ("* a", DRAWER.rstrip("\n")),
        ("* a\r\n", DRAWER.replace("\n", "\r\n")),
        ("* a\n:PROPERTIES:\n:id: 0\n:END:\n", DRAWER),
        ("* a\n  :PROPERTIES:\n  :X: 0\n  :END:\n", "* a\n  :PROPERTIES:\n  :X: 0\n  :ID:       1\n  :END:\n"),
        ("* a\n DEADLINE: <2020-01-01>\n", "* a\n DEADLINE: <2020-01-01>\n :PROPERTIES:\n :ID:       1\n :END:\n"),
    ],
)
def test_put(before, after):
    assert made(before, put_property, "ID", "1") == after


def test_deleting_the_last_property_deletes_the_drawer():
    assert made(DRAWER, delete_property, "id") == "* a\n"
    assert (
        made("* a\n:PROPERTIES:\n:x: 1\n:ID: 1\n:END:\n", delete_property, "ID") == "* a\n:PROPERTIES:\n:x: 1\n:END:\n"
    )
    assert made(DRAWER, delete_property, "NO") == DRAWER


def test_deleting_a_property_deletes_its_plus_lines():
    text = "* a\n:PROPERTIES:\n:x: 1\n:b: 2\n:X+: 3\n:x: 4\n:END:\n"
    assert made(text, delete_property, "x") == "* a\n:PROPERTIES:\n:b: 2\n:END:\n"
    assert made("* a\n:PROPERTIES:\n:x+: 3\n:END:", delete_property, "x") == "* a\n"


def test_putting_changes_the_first_duplicate_and_keeps_plus_lines():
    text = "* a\n:PROPERTIES:\n:x: 1\n:x: 2\n:x+: 3\n:END:\n"
    assert made(text, put_property, "x", "9") == text.replace(":x: 1", ":x:        9")
    assert (
        made("* a\n:PROPERTIES:\n\t:x: 1\n:END:", put_property, "x", "2") == "* a\n:PROPERTIES:\n\t:x:        2\n:END:"
    )
    assert made("* a\n:PROPERTIES:\n:END:\n", put_property, "x", "") == "* a\n:PROPERTIES:\n:x:\n:END:\n"


def test_removing_removes_every_duplicate():
    text = "* a\n:PROPERTIES:\n:x: 1\n:b: 2\n:X: 3\n:END:\n"
    assert made(text, put_properties, {"x": None, "b": "4"}) == "* a\n:PROPERTIES:\n:b:        4\n:END:\n"
    assert made(text, put_properties, {"x": None, "b": None}) == "* a\n"


def test_tags_stay_where_they_are():
    assert made("* a\t  :x:\n", set_tags, ("y", "@z")) == "* a\t  :y:@z:\n"
    assert made("* a\t  :x:\n", set_tags, ()) == "* a\n"
    assert made("* a\r\n", set_tags, ("é",)) == "* a :é:\r\n"
    assert made("* a", set_tags, ("x",)) == "* a :x:"


@pytest.mark.parametrize("line", ["* TODO", "* TODO ", "* [#A]", "* COMMENT", "* ", "* TODO [#A] "])
def test_a_heading_without_a_title_may_have_tags(line):
    document = Document(line.encode())
    after = document.apply(set_tags(document.heading(0), ("x", "y")))
    assert after.heading(0).tags == ("x", "y")
    assert (after.heading(0).title, after.heading(0).state) == ("", document.heading(0).state)
    assert after.apply(set_tags(after.heading(0), ())).heading(0).tags == ()
