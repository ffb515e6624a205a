"""Conclusions that follow one another, with their dates and verdicts."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orglab.config import Config
from orglab.errors import UsageError
from orglab.experiment.edits import conclude, confirm
from orglab.experiment.model import read_experiments
from orglab.org.document import Document
from orglab.org.timestamp import Timestamp

NOW = datetime.datetime(2018, 6, 20, 10, 0)  # noqa: DTZ001 - the log holds local times
LATER = datetime.datetime(2018, 7, 1, 9, 0)  # noqa: DTZ001 - the same
HEAD = "* DONE [1] T :exp:\n** DONE Conclusions\n"
TODO = "* TODO [1] T :exp:\n** TODO Conclusions\n"
DATING = f"#+STARTUP: logdone\n{TODO}"


def experiment(text):
    return next(read_experiments(Document(text.encode()), Config(), "log.org"))


def entries(text):
    """The time, the verdict and the text of each conclusion."""
    read = experiment(text).conclusion.entries
    return [(one.at and one.at.isoformat(), one.verdict, one.text) for one in read]


def concluded(text, words, verdict=None, now=NOW, earlier=None, author=None):
    """The log after the experiment is concluded."""
    document = Document(text.encode())
    one = next(read_experiments(document, Config(), "log.org"))
    after = document.apply(conclude(one, words, verdict, None, now, earlier, author=author))
    return after.text.decode()


def properties(verdict, author=None, confirmed=None):
    lines = [f":VERDICT:  {verdict}", author and f":AUTHOR:   {author}", confirmed and f":CONFIRMED: {confirmed}"]
    return "\n".join(filter(None, (":PROPERTIES:", *lines, ":END:\n")))


def test_paragraphs_of_a_person_are_one_conclusion():
    text = f"{HEAD}{properties('kinda')}It helps.\n\nA lot:\n- on [2018-06-07 Thu]\n\nBut\n[2018-06-08 Fri] no.\n"
    words = "It helps.\n\nA lot:\n- on [2018-06-07 Thu]\n\nBut\n[2018-06-08 Fri] no."
    assert entries(text) == [(None, "kinda", words)]


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("[2018-06-20 Wed 10:00] refuted:\nNo.", ("2018-06-20T10:00", "refuted", "No.")),
        ("[2018-06-20 Wed] Refuted: No.", ("2018-06-20", "refuted", "No.")),
        ("  [2018-06-20] refuted\n  No.", ("2018-06-20", "refuted", "No.")),
        ("[2018-06-20] No.", ("2018-06-20", None, "No.")),
        ("[2018-06-20] No: it is worse.", ("2018-06-20", None, "No: it is worse.")),
        ("[2018-06-20] promising:\nNo.", ("2018-06-20", "promising", "No.")),
        ("[2018-06-20] on all seeds:\nNo.", ("2018-06-20", None, "on all seeds:\nNo.")),
        ("[2018-06-20] refuted:", ("2018-06-20", "refuted", "")),
        ("[2018-06-20]\n- No.", ("2018-06-20", None, "- No.")),
    ],
)
def test_a_paragraph_that_begins_with_a_time_is_another_conclusion(line, wanted):
    assert entries(f"{HEAD}It helps.\n\n{line}\n") == [(None, None, "It helps."), wanted]


@pytest.mark.parametrize(
    "text",
    [
        "[2018-06-20]--[2018-06-22] ran.",
        "#+begin_example\n\n[2018-06-20] x\n#+end_example",
        "- [2018-06-20] x",
        "[x] y",
    ],
)
def test_other_times_are_text(text):
    assert entries(f"{HEAD}It helps.\n\n{text}\n") == [(None, None, f"It helps.\n\n{text}")]


def test_a_time_alone_is_no_conclusion():
    assert entries("* TODO [1] T :exp:\n** TODO Conclusions\n[2018-06-06 Wed 16:16]\n") == []
    assert experiment("* TODO [1] T :exp:\n** TODO Conclusions\n[2018-06-06 Wed 16:16]\n").concluded is None


TWICE = f"""\
{HEAD}{properties("refuted")}[2018-06-06 Wed 16:16] supported:
ABC adds 1.2 points.

[2018-06-20 Wed 10:00] refuted:
Not on the other data.
"""


def test_the_newest_words_have_the_newest_verdict():
    one = experiment(TWICE)
    assert (one.verdict, one.conclusion.text) == ("refuted", "Not on the other data.")
    assert one.concluded.isoformat() == "2018-06-20T10:00"
    before = one.conclusion.before(NOW)
    assert (before.verdict, before.text) == ("supported", "ABC adds 1.2 points.")
    assert one.conclusion.before(LATER) == one.conclusion


def test_a_verdict_written_only_beside_the_time_counts():
    assert experiment(f"{HEAD}[2018-06-20 Wed] refuted: no\n").verdict == "refuted"


def test_a_time_and_a_verdict_change_the_verdict_of_the_words_before():
    text = TWICE.replace("Not on the other data.\n", "")
    assert (experiment(text).verdict, experiment(text).conclusion.text) == ("refuted", "ABC adds 1.2 points.")
    assert entries(text)[1] == ("2018-06-20T10:00", "refuted", "")


@pytest.mark.parametrize(
    ("log", "is_dated"),
    [
        ("* TODO [1] T :exp:\n** TODO Conclusions\n", True),
        ("* TODO [1] T :exp:\n", True),
        ("#+STARTUP: logdone\n* TODO [1] T :exp:\n** TODO Conclusions\n", False),
        ("#+STARTUP: logdone\n* TODO [1] T :exp:\n", False),
        ("#+TODO: TODO | DONE(d!)\n* TODO [1] T :exp:\n** Conclusions\n", False),
        ("#+STARTUP: logdone\n* DONE [1] T :exp:\nCLOSED: [2018-06-06 Wed]\n** Conclusions\n", True),
    ],
)
def test_the_first_conclusion_begins_with_its_time_if_nothing_else_has_it(log, is_dated):
    once = concluded(log, "It helps.", "supported")
    assert ("[2018-06-20 Wed 10:00] supported:\nIt helps.\n" in once) == is_dated
    assert entries(once) == [("2018-06-20T10:00", "supported", "It helps.")]
    assert entries(concluded(once, "No.", "refuted", now=LATER))[0] == ("2018-06-20T10:00", "supported", "It helps.")


def test_concluding_again_dates_both_and_only_inserts():
    closed = HEAD.replace("Conclusions\n", "Conclusions\nCLOSED: [2018-06-06 Wed 16:16]\n")
    first = f"{closed}{properties('supported')}ABC adds 1.2 points.\n"
    again = concluded(first, "Not on the other data.", "refuted")
    assert again == TWICE.replace(HEAD, closed)
    third = concluded(again, "[2018-07-01 Sun] with more seeds.", now=LATER)
    assert third == again + "\n[2018-07-01 Sun 09:00]\n\u200b[2018-07-01 Sun] with more seeds.\n"
    assert concluded(third, "", "supported", now=LATER) == (
        third.replace(":VERDICT:  refuted", ":VERDICT:  supported") + "\n[2018-07-01 Sun 09:00] supported:\n"
    )


@pytest.mark.parametrize(
    ("before", "verdict", "after"),
    [
        ("It helps.\n", "supported", f"{properties('supported')}It helps.\n"),
        (f"{properties('supported')}It helps.\n", "supported", f"{properties('supported')}It helps.\n"),
        (
            f"{properties('supported')}  - It helps.\n",
            "refuted",
            f"{properties('refuted')}  supported:\n  - It helps.\n\n[2018-06-20 Wed 10:00] refuted:\n",
        ),
    ],
)
def test_only_the_verdict(before, verdict, after):
    assert concluded(HEAD + before, "", verdict) == HEAD + after


def test_a_conclusion_dated_by_hand_gets_its_verdict():
    text = f"{HEAD}{properties('supported')}[2018-06-08 Fri] It helps.\n"
    again = concluded(text, "No.", "refuted")
    assert entries(again) == [("2018-06-08", "supported", "It helps."), ("2018-06-20T10:00", "refuted", "No.")]


def test_a_conclusion_in_subheadings_is_the_first():
    text = f"{HEAD}{properties('supported')}*** Details\nIt helps.\n"
    again = concluded(text, "No.", "refuted", earlier=Timestamp(NOW, has_time=False))
    assert again == (
        f"{HEAD}{properties('refuted')}[2018-06-20 Wed] supported:\n\n[2018-06-20 Wed 10:00] refuted:\nNo.\n"
        "*** Details\nIt helps.\n"
    )
    assert entries(again) == [("2018-06-20", "supported", "Details\nIt helps."), ("2018-06-20T10:00", "refuted", "No.")]


@pytest.mark.parametrize(
    "words", ["supported:\nyes", "(by: Tuesday):\nfoo", "supported (by: claude):\nyes", "refuted:"]
)
@pytest.mark.parametrize("log", [TODO, DATING])
def test_the_first_line_of_the_first_conclusion_is_the_users(log, words):
    once = concluded(log, words, "inconclusive")
    assert entries(once) == [("2018-06-20T10:00", "inconclusive", words)]
    assert authors(once)[0] == [None]
    again = concluded(once, "No.", "refuted", now=LATER)
    assert entries(again)[0] == ("2018-06-20T10:00", "inconclusive", words)


WORDS = st.text(st.sampled_from("ab\n [2018-0-1]:*#+_-|supported é"), min_size=1, max_size=60)


@given(st.lists(st.tuples(WORDS.filter(str.strip), st.sampled_from(["supported", "refuted", None])), max_size=4))
def test_whatever_is_written_again_is_read_again_and_nothing_is_lost(written):
    text = f"{HEAD}{properties('supported')}It helps.\n"
    for words, verdict in written:
        before = text
        text = concluded(text, words, verdict)
        kept = iter(text.replace(":VERDICT:  supported", "").replace(":VERDICT:  refuted", ""))
        assert all(
            char in kept for char in before.replace(":VERDICT:  supported", "").replace(":VERDICT:  refuted", "")
        )
    read = experiment(text).conclusion.entries
    assert len(read) == 1 + len(written)
    assert [one.verdict for one in read[1:]] == [verdict for _, verdict in written]
    assert all(one.text for one in read)


# ---- authors ----


def authors(text):
    """Who wrote each conclusion, who is known to have concluded last, and when a person confirmed that."""
    read = experiment(text).conclusion
    return [one.author for one in read.entries], read.author, read.confirmed and read.confirmed.isoformat()


def confirmed(text, now=LATER):
    """The log after a person confirms the conclusion."""
    document = Document(text.encode())
    one = next(read_experiments(document, Config(), "log.org"))
    return document.apply(confirm(one, now)).text.decode()


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("[2018-06-20 Wed 10:00] refuted (by: claude):\nNo.", ("refuted", "claude", "No.")),
        ("[2018-06-20] Refuted (by: Ana María): No.", ("refuted", "Ana María", "No.")),
        ("[2018-06-20 Wed 10:00] promising (by: claude):\nNo.", ("promising", "claude", "No.")),
        ("[2018-06-20 Wed 10:00] (by: claude):\nNo.", (None, "claude", "No.")),
        ("[2018-06-20 Wed 10:00] x(by: claude):\nNo.", (None, None, "x(by: claude):\nNo.")),
        # In time linear in the length
        (f"[2018-06-20] a{' ' * 300_000}b", (None, None, f"a{' ' * 300_000}b")),
        ("[2018-06-20 Wed 10:00] (by: claude)\nNo.", (None, None, "(by: claude)\nNo.")),
        ("[2018-06-20 Wed 10:00] refuted (by hand):\nNo.", (None, None, "refuted (by hand):\nNo.")),
        ("[2018-06-20 Wed 10:00] (by claude):\nNo.", (None, None, "(by claude):\nNo.")),
        ("[2018-06-20 Wed 10:00] It won (by: claude): yes.", (None, None, "It won (by: claude): yes.")),
    ],
)
def test_an_author_stands_before_the_colon_of_a_verdict(line, wanted):
    newest = experiment(f"{HEAD}It helps.\n\n{line}\n").conclusion.entries[-1]
    assert (newest.verdict, newest.author, newest.text) == wanted


@pytest.mark.parametrize("verdict", ["supported", None])
@pytest.mark.parametrize("log", [TODO, DATING, "* TODO [1] T :exp:\n", "#+STARTUP: logdone\n* TODO [1] T :exp:\n"])
def test_every_conclusion_keeps_its_author(log, verdict):
    once = concluded(log, "It helps.", verdict, author="claude")
    assert authors(once) == (["claude"], "claude", None)
    assert ":AUTHOR:   claude\n" in once
    twice = concluded(once, "No.", "refuted", now=LATER)
    assert authors(twice) == (["claude", None], None, None)
    assert ":AUTHOR:" not in twice
    assert entries(twice)[0][1:] == (verdict, "It helps.")
    thrice = concluded(twice, "", "supported", now=LATER, author="gpt-5")
    assert authors(thrice) == (["claude", None, "gpt-5"], "gpt-5", None)
    assert thrice.endswith("\n[2018-07-01 Sun 09:00] supported (by: gpt-5):\n")
    assert concluded(thrice, "", "supported", now=LATER) == thrice


def test_an_author_is_written_where_the_verdict_is():
    assert concluded(TODO, "It helps.", "supported", author="claude") == (
        f"{HEAD}{properties('supported', 'claude')}[2018-06-20 Wed 10:00] supported (by: claude):\nIt helps.\n"
    )
    undated = f"{HEAD}{properties('supported', 'claude')}It helps.\n"
    assert concluded(undated, "No.", "refuted", now=LATER, author="gpt-5") == (
        f"{HEAD}{properties('refuted', 'gpt-5')}supported (by: claude):\nIt helps.\n\n"
        "[2018-07-01 Sun 09:00] refuted (by: gpt-5):\nNo.\n"
    )


def test_a_verdict_that_is_written_later_stands_before_the_author():
    dated = f"{HEAD}{properties('supported', 'claude')}[2018-06-20 Wed 10:00] (by: claude):\nIt helps.\n"
    again = concluded(dated, "No.", "refuted", now=LATER)
    assert "[2018-06-20 Wed 10:00] supported (by: claude):\nIt helps.\n" in again


def test_the_first_verdict_by_a_person_does_not_take_the_words_of_an_author():
    words = f"{HEAD}:PROPERTIES:\n:AUTHOR:   claude\n:END:\nIt helps.\n"
    after = concluded(words, "", "supported")
    assert authors(after) == (["claude", None], None, None)


def test_a_person_confirms_the_newest_conclusion_and_a_later_one_is_not_confirmed():
    once = concluded(TODO, "It helps.", "supported", author="claude")
    after = confirmed(once)
    assert authors(after) == (["claude"], "claude", "2018-07-01T09:00")
    assert after == once.replace(":END:\n", ":CONFIRMED: [2018-07-01 Sun 09:00]\n:END:\n")
    assert confirmed(after) == after
    assert experiment(after).conclusion.before(LATER).is_unconfirmed
    again = concluded(after, "No.", "refuted", now=LATER, author="claude")
    assert "CONFIRMED" not in again
    assert experiment(again).conclusion.is_unconfirmed
    # Written by hand below it
    assert authors(f"{after}\n[2018-07-02 Mon] refuted (by: claude): No.\n") == (["claude", "claude"], "claude", None)


@pytest.mark.parametrize(
    ("log", "message"),
    [(TODO, "has no conclusion yet"), (f"{HEAD}It helps.\n", "a person wrote it; nothing to confirm")],
)
def test_there_may_be_nothing_to_confirm(log, message):
    with pytest.raises(UsageError, match=message):
        confirmed(log)
