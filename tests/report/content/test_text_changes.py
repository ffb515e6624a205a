"""The changes of a text, each as a sentence."""

import random
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orglab.report.content.text_changes import find_changes

TEXT = "Shifted copies help: ABC raises the accuracy by 2.1 points over all 20 seeds in every setting that we tried."


def changes(now, was=TEXT):
    return [change.message for change in find_changes(was.split(), now.split())]


@pytest.mark.parametrize(
    ("now", "messages"),
    [
        (TEXT, []),
        (
            TEXT.replace("2.1", "2.7"),
            ['"the accuracy by 2.7 points over all": "2.7" was "2.1" when the report was written'],
        ),
        (
            TEXT.replace("raises", "hardly raises"),
            ['"copies help: ABC hardly raises the accuracy": "hardly" was added'],
        ),
        (TEXT.replace(" help:", ""), ['"Shifted copies ABC raises the": "help:" was removed after "Shifted copies"']),
        (
            TEXT.replace("2.1", "12").replace("20", "2"),
            [
                '"the accuracy by 12 points over all": "12" was "2.1" when the report was written',
                '"points over all 2 seeds in every": "2" was "20" when the report was written',
            ],
        ),
        ("Not " + TEXT, ['"Not Shifted copies help:": "Not" was added']),
        (TEXT + " Perhaps.", ['"that we tried. Perhaps.": "Perhaps." was added']),
    ],
)
def test_each_change_is_a_sentence_with_words_around(now, messages):
    assert changes(now) == messages


def test_nothing_is_left():
    assert changes("") == ['"Shifted copies help: ABC raises the accuracy by 2.1 points …" was removed']
    assert changes("", "") == []


def test_of_a_long_word_the_part_that_differs_is_quoted():
    """Chinese has no spaces."""
    was = "".join(map(chr, range(0x4E00, 0x4E00 + 300)))
    now = was[:200] + "X" + was[201:]
    (message,) = changes(f"a {now} b", f"a {was} b")
    assert f"{was[185:200]}X" in message
    assert f"{was[185:201]}" in message
    assert len(message) < 250


@given(
    st.lists(st.sampled_from("abcd1234"), max_size=60),
    st.lists(st.sampled_from("abc123"), max_size=60),
)
def test_the_changes_lead_from_one_text_to_the_other(was, now):
    """Taking out what is there now and putting in what was there gives the text as written."""
    found = list(find_changes(was, now))
    assert (not found) == (was == now)
    assert sum(len(one.was.split()) - len(one.now.split()) for one in found) == len(was) - len(now)


def test_changes_far_apart_in_a_long_text_are_found_each():
    rng = random.Random(1)  # noqa: S311 - not a secret
    was = [str(rng.randrange(300)) for _ in range(30_000)]
    now = list(was)
    for position in range(1000, 30_000, 1000):
        now[position] = "other"
    assert [one.now for one in find_changes(was, now)] == ["other"] * 29
    del now[5300:5800]
    assert [len(one.was.split()) for one in find_changes(was, now)][5] == 500


# ---- mail ----


def wrapped(text, prefix, width=72):
    lines = [line for line in text.split("\n") for line in textwrap.wrap(line, width - len(prefix)) or [""]]
    return "\n".join(prefix + line for line in lines)


def read(text):
    words, starts = [], set()
    for line in text.split("\n"):
        starts.add(len(words))
        words += line.lstrip("> ").split()
    return words, starts


MAIL = (
    """ABC helps, claimed > +1 point, and 5 > 4 > 3 in all of the settings that were tried in the last week of March.
> A quotation in the report, which is long enough to be wrapped by the mail that it is sent in, twice at least.
| step | acc |
| e1.1 | 0.9 |
\u4e2d\u6587"""
    + "\u5b57" * 200
)


@pytest.mark.parametrize("prefix", ["", "> ", "> > ", ">>"])
@pytest.mark.parametrize("width", range(20, 90, 7))
def test_what_mail_quotes_and_wraps_is_no_change(prefix, width):
    was, _ = read(MAIL)
    now, starts = read(wrapped(MAIL, prefix, width))
    assert not list(find_changes(was, now, starts))
    now, starts = read(wrapped(MAIL.replace("0.9", "0.8"), prefix, width))
    assert [one.now for one in find_changes(was, now, starts)] == ["0.8"]


def test_a_space_within_a_figure_is_a_change_unless_a_line_ends_there():
    assert [one.now for one in find_changes(["n", "12", "seeds"], ["n", "1", "2", "seeds"], {0})] == ["1 2"]
    assert not list(find_changes(["n", "12", "seeds"], ["n", "1", "2", "seeds"], {0, 2}))
