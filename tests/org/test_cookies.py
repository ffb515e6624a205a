"""Cookies, counted as Org counts them."""

import pytest

from orglab.org.cookies import format_cookie, recount_cookies
from orglab.org.document import Document

DATA = ":PROPERTIES:\n:COOKIE_DATA: {}\n:END:\n"


def counted(text):
    document = Document(text.encode())
    return bytes(document.apply(recount_cookies(document))).decode()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("* a [/] [%]\n- [X] b\n- [ ] c\n- [-] d\n- e\n", "[1/3] [33%]"),
        ("* a [/]\n- [x] b\n", "[0/1]"),
        ("* a [/]\n- [ ] b\n  - [X] c\n", "[0/1]"),
        ("* a [/]\n" + DATA.format("recursive") + "- [ ] b\n  - [X] c\n", "[1/2]"),
        ("* a [/]\n** TODO b\n** DONE c\n*** DONE d\n** e\n", "[1/2]"),
        ("* a [/]\n" + DATA.format("todo recursive") + "** TODO b\n*** DONE c\n", "[1/2]"),
        ("* a [/]\n" + DATA.format("checkbox") + "- [X] b\n** TODO c\n", "[1/1]"),
        ("* a [/]\n- [X] b\n** TODO c\n", "[0/1]"),
        ("* a [5/7]\ntext\n", "[0/0]"),
        ("* a [5/7]\n" + DATA.format("todo") + "- [X] b\n", "[5/7]"),
        ("* a [/]\n** b\n" + DATA.format("recursive") + "*** TODO c\n**** DONE d\n", "[0/0]"),
        ("* a [100%]\n", "[0%]"),
        ("* a [/]\n#+begin_src\n- [X] b\n#+end_src\n", "[0/0]"),
        ("* a [/]\n\t- [X] b\n\t- [ ] c", "[1/2]"),
        ("* a [/]\r\n- [X] b\r\n", "[1/1]"),
        ("* a [/]\n\xa0- [X] no item\n", "[0/0]"),
    ],
)
def test_the_cookies_of_a_heading(before, after):
    assert counted(before).splitlines()[0].startswith(f"* a {after}")
    assert counted(counted(before)) == counted(before)


def test_a_cookie_of_an_item_counts_what_is_directly_below():
    assert counted("- [ ] a [/]\n  - [X] b [%]\n    - [ ] c\n") == "- [ ] a [1/1]\n  - [X] b [0%]\n    - [ ] c\n"


def test_code_and_tables_have_no_cookies():
    text = "* =[/]= a\n| [/] |\n: [/]\n- [X] b\n"
    assert counted(text) == text


def test_a_cookie_in_a_block_or_drawer_counts_what_is_in_it():
    text = "- [X] a\n#+begin_quote\n[/]\n- [ ] b\n  - [X] c\n\n\n- [X] d\n#+end_quote\n:x:\n[%]\n- [X] e\n:END:\n[/]\n"
    after = counted(text)
    assert after == text.replace("quote\n[/]", "quote\n[1/2]").replace("[%]", "[100%]").replace("\n[/]\n", "\n[3/4]\n")


def test_an_item_counts_its_first_list_with_boxes():
    text = "- a [/]\n  #+begin_quote\n  - [X] b\n  #+end_quote\n  - [ ] c\n"
    assert counted(text) == text.replace("[/]", "[0/0]")


def test_only_headings_of_the_level_of_the_last_one_count():
    assert counted("* a [/]\n*** TODO b\n** DONE c\n") == "* a [1/1]\n*** TODO b\n** DONE c\n"
    assert counted("* a [/]\n** DONE b\n*** TODO c\n") == "* a [1/1]\n** DONE b\n*** TODO c\n"


def test_recursive_counting_is_inherited_and_stops_where_boxes_are_counted():
    text = "* a [/]\n" + DATA.format("recursive") + "** TODO b [/]\n*** DONE c [/]\n**** DONE d\n"
    assert counted(text) == text.replace("a [/]", "a [2/3]").replace("b [/]", "b [2/2]").replace("c [/]", "c [1/1]")
    text = "* a [/]\n** b [/]\n" + DATA.format("checkbox recursive") + "- [X] x\n*** TODO c\n"
    assert counted(text) == text.replace("a [/]", "a [0/0]").replace("b [/]", "b [1/1]")
    text = "#+PROPERTY: COOKIE_DATA recursive\n* a [/]\n** TODO b\n*** DONE c\n"
    assert counted(text) == text.replace("[/]", "[1/2]")


def test_lists_with_decreasing_indentation_are_counted_like_org():
    # To Org, each decrease of indentation begins a list that continues with the items below.
    assert counted("* a [/]\n    - [ ] b\n  - [X] c\n- [ ] d\n").startswith("* a [2/6]\n")
    assert counted("* a [/]\n  - [ ] b\n  - [X] c\n- [X] d\n  - [X] e\n- [ ] f\n").startswith("* a [3/6]\n")


def test_only_the_given_headings_are_recounted():
    document = Document(b"[/]\n* a [/]\n* b [/]\n")
    after = document.apply(recount_cookies(document, [document.heading(1)]))
    assert bytes(after) == b"[/]\n* a [/]\n* b [0/0]\n"
    assert bytes(document.apply(recount_cookies(document, [None]))).startswith(b"[0/0]\n* a [/]")


def test_a_correct_cookie_needs_no_edit():
    assert recount_cookies(Document(b"* a [1/1] [100%]\n- [X] b\n")) == []


def test_percents_round_down():
    assert [format_cookie(b"[%]", *counts) for counts in ((2, 3), (0, 0))] == [b"[66%]", b"[0%]"]
