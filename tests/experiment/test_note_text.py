"""The user's text in notes and sections."""

import pytest

from orglab.experiment.note_text import find_user_objects, plain_text, read_log_note, split_note_head
from orglab.org.document import Document


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", ""),
        (b"\n\n", ""),
        (b"  a\n", "a"),
        (b"a\n     b\n       c\n", "a\nb\n  c"),
        (b"a\n\n\n  b\n\n", "a\n\n\nb"),
        (b"\n  a\n  b\n", "a\nb"),
        (b"a\n\tb\n        c\n", "a\nb\nc"),
        (b"caf\xe9\n", "caf\udce9"),
    ],
)
def test_plain_text(text, words):
    assert plain_text(text) == words


@pytest.mark.parametrize(
    ("words", "head"),
    [
        ("[2018-06-06 Wed 16:16] (0123abc) text", ("[2018-06-06 Wed 16:16]", ("0123abc", "0123abc"), "text")),
        ("[2018-06-06]text", ("[2018-06-06]", None, "text")),
        ("(0123abc) text", (None, ("0123abc", "0123abc"), "text")),
        ("[2018-06-06 Wed]\n| a |", ("[2018-06-06 Wed]", None, "| a |")),
        ("(0123abc -> 89abcde) text", (None, ("0123abc", "89abcde"), "text")),
        ("(0123ab) text", (None, None, "(0123ab) text")),
        ("text [2018-06-06] (0123abc)", (None, None, "text [2018-06-06] (0123abc)")),
        ("<2018-06-06 Wed> text", (None, None, "<2018-06-06 Wed> text")),
        ("", (None, None, "")),
    ],
)
def test_a_note_may_begin_with_a_time_and_a_commit(words, head):
    assert split_note_head(words) == head


@pytest.mark.parametrize(
    ("words", "logged"),
    [
        ('State "DONE"       from "TODO"       [2018-06-06 Wed 16:16]', ("[2018-06-06 Wed 16:16]", "")),
        (
            'State "WAIT" from "TODO" [2018-06-06 Wed 16:16] \\\\\nfor\nGPUs',
            ("[2018-06-06 Wed 16:16]", "WAIT: for GPUs"),
        ),
        ('State "DONE"       from              [2018-06-06 Wed]', ("[2018-06-06 Wed]", "")),
        ("CLOSING NOTE [2018-06-06 Wed 16:16] \\\\\nso", ("[2018-06-06 Wed 16:16]", "so")),
        ("Note taken on [2018-06-06 Wed 16:16] \\\\\na\n\nb", ("[2018-06-06 Wed 16:16]", "a b")),
        ("State of the art [2018-06-06 Wed]", None),
        ("a note", None),
        ("", None),
    ],
)
def test_log_notes_of_org(words, logged):
    assert read_log_note(words) == logged


def test_user_objects_exclude_drawers_and_log_notes():
    document = Document(
        b"* A\nCLOSED: [2001-01-01 Mon]\n:PROPERTIES:\n:X: [2002-01-01 Tue]\n:END:\n:LOGBOOK:\n- [2003-01-01 Wed]\n:END:\n"
        b'- State "A" from "B" [2004-01-01 Thu]\n- said [2005-01-01 Sat]\n  - deeper [2006-01-01 Sun]\n\nalso [2007-01-01 Mon]\n'
    )
    found = find_user_objects(document.text, document.heading(0).section)
    assert [one.value[:5] for one in found if one.type == "timestamp"] == [b"[2005", b"[2006", b"[2007"]
