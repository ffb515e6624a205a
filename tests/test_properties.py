"""Properties and tags of a heading, put and taken away."""

import pytest

from orglab.org.document import Document
from orglab.org.properties import delete_property, put_property, set_tags

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
def test_putting(before, after):
    assert made(before, put_property, "ID", "1") == after


def test_deleting_takes_an_empty_drawer_along():
    assert made(DRAWER, delete_property, "id") == "* a\n"
    assert (
        made("* a\n:PROPERTIES:\n:x: 1\n:ID: 1\n:END:\n", delete_property, "ID") == "* a\n:PROPERTIES:\n:x: 1\n:END:\n"
    )
    assert made(DRAWER, delete_property, "NO") == DRAWER


def test_tags_stay_where_they_are():
    assert made("* a\t  :x:\n", set_tags, ("y", "@z")) == "* a\t  :y:@z:\n"
    assert made("* a\t  :x:\n", set_tags, ()) == "* a\n"
    assert made("* a\r\n", set_tags, ("é",)) == "* a :é:\r\n"
