"""Another keyword, and what is logged of it."""

import datetime

import pytest

from orglab.errors import UsageError
from orglab.org.document import Document
from orglab.org.todo import set_state

NOW = datetime.datetime(2026, 6, 15, 12, 30)  # noqa: DTZ001 - the log holds local times
STAMP = "[2026-06-15 Mon 12:30]"


def changed(text, state, **options):
    document = Document(text.encode())
    heading = document.heading(0)
    return bytes(document.apply(set_state(heading, state, NOW, **options))).decode()


@pytest.mark.parametrize(
    ("before", "state", "after"),
    [
        ("* a\n", "TODO", "* TODO a\n"),
        ("*  TODO  [#A] a", "DONE", "*  DONE  [#A] a"),
        ("* TODO a\r\n", None, "* a\r\n"),
        ("* TODO a\n", "TODO", "* TODO a\n"),
    ],
)
def test_the_keyword_alone(before, state, after):
    assert changed(before, state) == after


def test_closed_comes_and_goes():
    settings = "#+STARTUP: logdone\n"
    done = f"{settings}* DONE a\nCLOSED: {STAMP}\n"
    assert changed(f"{settings}* TODO a\n", "DONE") == done
    assert changed(done, None) == f"{settings}* a\n"
    planned = f"{settings}* TODO a\n  DEADLINE: <2026-07-01>\n"
    assert changed(planned, "DONE") == f"{settings}* DONE a\n  CLOSED: {STAMP} DEADLINE: <2026-07-01>\n"


def test_a_note_goes_where_the_file_says():
    text = "#+TODO: A(a) | B(b@)\n* A a\ntext\n"
    note = f'- State "B"          from "A"          {STAMP} \\\\\n  why\n'
    assert changed(text, "B", note="why") == f"#+TODO: A(a) | B(b@)\n* B a\n{note}text\n"
    drawer = changed(f"#+STARTUP: logdrawer\n{text}", "B", note="why")
    assert drawer == f"#+STARTUP: logdrawer\n#+TODO: A(a) | B(b@)\n* B a\n:LOGBOOK:\n{note}:END:\ntext\n"


def test_what_the_entry_says_of_logging_counts():
    text = "#+STARTUP: logdone\n* TODO a\n:PROPERTIES:\n:LOGGING:  nil\n:END:\n"
    assert changed(text, "DONE") == text.replace("TODO", "DONE")


def test_no_such_keyword():
    with pytest.raises(UsageError, match="TODO, DONE"):
        changed("* a\n", "NEXT")
