"""The user's text in notes and sections."""

import datetime

import pytest

from orglab.errors import UsageError
from orglab.experiment.author import check_author
from orglab.experiment.note_text import (
    find_user_objects,
    format_note_head,
    join_lines,
    plain_text,
    read_log_note,
    split_note_head,
)
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
    ("text", "words"),
    [
        ("", ""),
        ("One\n  sentence.\n\nAnother", "One sentence. Another"),
        ("Compare the indexes\n- linear\n- tree", "Compare the indexes: linear; tree"),
        ("Compare:\n- linear,\n- tree.\n- hash", "Compare: linear, tree. hash"),
        ("- one\n- two", "one; two"),
        ("In order\n1. load\n2. query", "In order: 1. load; 2. query"),
        ("Sizes\n- small\n  as a page\n  - cold\n  - warm\n- large\n\nAll once", "Sizes: small as a page: cold; warm; large. All once"),
        ("Sizes\n - small\n\n   and so on", "Sizes: small and so on"),
        ("a - b\n-5 degrees\n----\n3.5 of them", "a - b -5 degrees ---- 3.5 of them"),
    ],
)  # fmt: skip
def test_a_list_is_one_line_of_prose(text, words):
    assert join_lines(text) == words


@pytest.mark.parametrize(
    ("words", "head"),
    [
        ("[2018-06-06 Wed 16:16] (0123abc) text", ("[2018-06-06 Wed 16:16]", ("0123abc", "0123abc"), None, "text")),
        ("[2018-06-06]text", ("[2018-06-06]", None, None, "text")),
        ("(0123abc) text", (None, ("0123abc", "0123abc"), None, "text")),
        ("[2018-06-06 Wed]\n| a |", ("[2018-06-06 Wed]", None, None, "| a |")),
        ("(0123abc -> 89abcde) text", (None, ("0123abc", "89abcde"), None, "text")),
        ("(0123ab) text", (None, None, None, "(0123ab) text")),
        ("text [2018-06-06] (0123abc)", (None, None, None, "text [2018-06-06] (0123abc)")),
        ("<2018-06-06 Wed> text", (None, None, None, "<2018-06-06 Wed> text")),
        ("", (None, None, None, "")),
        ("[2018-06-06 Wed 16:16] (by: claude) text", ("[2018-06-06 Wed 16:16]", None, "claude", "text")),
        ("[2018-06-06 mié 16:16] (by: Ana María) text", ("[2018-06-06 mié 16:16]", None, "Ana María", "text")),
        ("[2018-06-06 Wed 16:16] (by: gpt-5@lab)\n| a |", ("[2018-06-06 Wed 16:16]", None, "gpt-5@lab", "| a |")),
        ("[2018-06-06 Wed] (by: claude) text", ("[2018-06-06 Wed]", None, "claude", "text")),
        ("(by: claude) text", (None, None, "claude", "text")),
        ("(0123abc -> 89abcde, by: claude) text", (None, ("0123abc", "89abcde"), "claude", "text")),
        # What a person may write.
        ("[2018-06-06 Wed 16:16] (by night) text", ("[2018-06-06 Wed 16:16]", None, None, "(by night) text")),
        ("[2018-06-06 Wed 16:16] (by: me: so) text", ("[2018-06-06 Wed 16:16]", None, None, "(by: me: so) text")),
        ("[2018-06-06 Wed 16:16] (by: 2 points) text", ("[2018-06-06 Wed 16:16]", None, None, "(by: 2 points) text")),
        ("(0123abc, by night) text", (None, None, None, "(0123abc, by night) text")),
    ],
)
def test_a_note_may_begin_with_a_time_a_commit_and_an_author(words, head):
    assert split_note_head(words) == head


@pytest.mark.parametrize("commit", [None, "0123abc"])
@pytest.mark.parametrize("author", [None, "claude", "Ana María", "x" * 60])
def test_the_head_of_a_note_is_read_as_it_was_written(commit, author):
    at = datetime.datetime(2018, 6, 6, 16, 16)  # noqa: DTZ001 - the log holds local times
    read = split_note_head(f"{format_note_head(at, commit, author)} text")
    assert (read.at, read.commit and read.commit.current, read.author, read.text) == (
        "[2018-06-06 Wed 16:16]", commit, author, "text",
    )  # fmt: skip


@pytest.mark.parametrize("name", ["", "a(b)", "a:b", "a\nb,c", "-x", "4", "x" * 61, "a!", "a\u202eb"])
def test_a_text_that_is_no_name_is_refused(name):
    with pytest.raises(UsageError, match="cannot be the name of an author"):
        check_author(name)


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
