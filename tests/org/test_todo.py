"""Changing the TODO keyword and logging the change."""

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


def test_closed_is_added_and_removed():
    settings = "#+STARTUP: logdone\n"
    done = f"{settings}* DONE a\nCLOSED: {STAMP}\n"
    assert changed(f"{settings}* TODO a\n", "DONE") == done
    assert changed(done, None) == f"{settings}* a\n"
    planned = f"{settings}* TODO a\n  DEADLINE: <2026-07-01>\n"
    assert changed(planned, "DONE") == f"{settings}* DONE a\n  CLOSED: {STAMP} DEADLINE: <2026-07-01>\n"


def test_a_note_is_written_where_the_file_requires():
    text = "#+TODO: A(a) | B(b@)\n* A a\ntext\n"
    note = f'- State "B"          from "A"          {STAMP} \\\\\n  why\n'
    assert changed(text, "B", note="why") == f"#+TODO: A(a) | B(b@)\n* B a\n{note}text\n"
    drawer = changed(f"#+STARTUP: logdrawer\n{text}", "B", note="why")
    assert drawer == f"#+STARTUP: logdrawer\n#+TODO: A(a) | B(b@)\n* B a\n:LOGBOOK:\n{note}:END:\ntext\n"


def test_closed_stays_among_open_states_and_among_done_ones():
    settings = "#+STARTUP: logdone\n#+TODO: A B | C D\n"
    assert (
        changed(f"{settings}* C a\nCLOSED: [2020-01-01 Wed]\n", "D") == f"{settings}* D a\nCLOSED: [2020-01-01 Wed]\n"
    )
    assert (
        changed(f"{settings}* A a\nCLOSED: [2020-01-01 Wed]\n", "B") == f"{settings}* B a\nCLOSED: [2020-01-01 Wed]\n"
    )
    assert changed(f"{settings}* C a\nCLOSED: [2020-01-01 Wed]\n", "B") == f"{settings}* B a\n"
    assert changed(f"{settings}* a\nCLOSED: [2020-01-01 Wed]\n", "A") == f"{settings}* A a\n"
    assert changed(f"{settings}* A a\nCLOSED: [2020-01-01 Wed]\n", "C") == f"{settings}* C a\nCLOSED: {STAMP}\n"


def test_leaving_a_state_is_logged_where_entering_the_next_is_not():
    text = "#+TODO: A W(w@/!) | D(d!)\n* W a\n"
    assert changed(text, "A") == text.replace("* W", "* A") + f'- State "A"          from "W"          {STAMP}\n'
    assert changed(text, "D") == text.replace("* W", "* D") + f'- State "D"          from "W"          {STAMP}\n'
    assert changed(text, None) == text.replace("* W ", "* ")


def test_the_newest_note_comes_first_unless_the_file_says_otherwise():
    text = "#+STARTUP: logdrawer\n#+TODO: A | B(b!)\n* A a\n  :LOGBOOK:\n  - old\n  :END:\n"
    note = f'  - State "B"          from "A"          {STAMP}\n'
    assert changed(text, "B") == text.replace("* A a", "* B a").replace("  - old", f"{note}  - old")
    last = changed(text.replace("logdrawer", "logdrawer nologstatesreversed"), "B")
    assert last.endswith(f"  - old\n{note}  :END:\n")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("- State A\n- other\n", "{note}- State A\n- other\n"),
        (
            '- State "A" from "B" [2020-01-01 Wed]\n  why\n- x\n',
            '- State "A" from "B" [2020-01-01 Wed]\n  why\n{note}- x\n',
        ),
        (
            '\n  - State "A"          from              [2020-01-01 Wed]\ntext\n',
            '\n  - State "A"          from              [2020-01-01 Wed]\n  {note}text\n',
        ),
        ("\n\n** B\n", "{note}\n** B\n"),
        ("#+begin_src\n#+end_src\n", "{note}#+begin_src\n#+end_src\n"),
    ],
)
def test_without_a_drawer_a_note_follows_the_others_if_the_file_says_so(before, after):
    settings = "#+STARTUP: nologstatesreversed\n#+TODO: A | B(b!)\n"
    note = f'- State "B"          from "A"          {STAMP}\n'
    made = changed(f"{settings}* A a\n{before}", "B")
    assert made == f"{settings}* B a\n{after.format(note=note)}"


def test_the_logging_property_overrides_the_file():
    text = "#+STARTUP: logdone\n* TODO a\n:PROPERTIES:\n:LOGGING:  nil\n:END:\n"
    assert changed(text, "DONE") == text.replace("TODO", "DONE")


def test_an_unknown_keyword_is_rejected():
    with pytest.raises(UsageError, match="TODO, DONE"):
        changed("* a\n", "NEXT")
