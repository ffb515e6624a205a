"""A brief that is fitted to its tokens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orglab.api.serialize_brief import fitting_form, render_brief
from orglab.report.brief.brief import (
    SECTIONS,
    ActiveWork,
    Best,
    Brief,
    Contradiction,
    DeadEnd,
    Failure,
    LastVerdict,
    OpenStep,
    Situation,
    Standstill,
    Wait,
)
from orglab.report.brief.brief_text import write_text
from orglab.report.brief.fitting import count_left_out, fit

SITUATION = Situation("experiment_log.org", "main", "83d45cd00", 3, {"doing": 1, "done": 9}, 40, None)


def make(tokens, word="word", **counts):
    """A brief with some entries of each section."""
    made = {
        "active": lambda at: ActiveWork(f"e{at}.1", word, word, word, "", 1, 2),
        "best": lambda at: Best(f"acc{at}", "max", f"{word} 0.9", 0.9, 0.1, (0.8, 1.0), 3, 4, "e1.1", word, {"lr": 0.1}, "20260101-000000-00ff"),
        "dead_ends": lambda at: DeadEnd(f"e{at + 100}", word, word, "refuted", "2026-01-01", word),
        "waits": lambda at: Wait("experiment", f"e{at + 200}", word, word),
        "open_steps": lambda at: OpenStep(f"e300.{at}", word, word),
        "verdicts": lambda at: LastVerdict(f"e{at + 95}", word, "refuted", "2026-01-01", word),
        "standstills": lambda at: Standstill(f"acc{at}", 0.9, 9, "e1.1", "20260101-000000-00ff", None),
        "contradictions": lambda at: Contradiction(f"e{at}", word),
        "failures": lambda at: Failure(f"e{at}", word, "failed", 2, 1, word, "20260101-000000-00ff"),
    }  # fmt: skip
    sections = {name: tuple(map(made[name], range(counts.get(name, 0)))) for name in SECTIONS}
    totals = {name: len(entries) + (name == "verdicts") * counts.get("more", 0) for name, entries in sections.items()}
    return Brief(tokens, SITUATION, totals=totals, **sections)


COUNTS = st.fixed_dictionaries({name: st.integers(0, 1 if name == "active" else 12) for name in (*SECTIONS, "more")})


@given(COUNTS, st.integers(200, 1500), st.text(max_size=20).map(lambda text: text.replace("\n", " ") or "word"))
def test_both_forms_keep_the_bound(counts, tokens, word):
    brief = make(tokens, "".join(filter(str.isprintable, word)), **counts)
    assert len(write_text(brief).encode()) <= 3 * tokens
    assert len(render_brief(brief).encode()) + 1 <= 3 * tokens


@given(COUNTS, st.integers(40, 400))
def test_nothing_is_lost_every_entry_is_told_or_counted(counts, tokens):
    brief = make(tokens, **counts)
    fitted = fit(brief, lambda one: 50 * sum(len(getattr(one, name)) for name in SECTIONS))
    refs = {name: {entry.ref for entry in getattr(brief, name)} for name in ("verdicts", "dead_ends")}
    shown = {name: {entry.ref for entry in getattr(fitted, name)} for name in refs}
    assert not shown["verdicts"] & shown["dead_ends"]
    left_out = count_left_out(fitted)
    for name in set(SECTIONS) - refs.keys():
        assert len(getattr(fitted, name)) + left_out.get(name, 0) == brief.totals[name]
    for name, other in (("verdicts", "dead_ends"), ("dead_ends", "verdicts")):
        told = shown[name] | (refs[name] & shown[other])
        assert len(told) + left_out.get(name, 0) == brief.totals[name]


@given(COUNTS, st.integers(1, 60))
def test_every_section_keeps_its_first_entry_before_any_keeps_a_second(counts, most):
    brief = make(17 * most, **counts)
    fitted = fit(brief, lambda one: 51 * sum(len(getattr(one, name)) for name in SECTIONS))
    shown = {name: len(getattr(fitted, name)) for name in SECTIONS}
    assert sum(shown.values()) <= most
    others = set(SECTIONS) - {"verdicts", "dead_ends"}
    for name in others:
        full = len(getattr(brief, name))
        assert shown[name] == full or shown[name] >= max(shown[other] for other in others) - 1


def test_with_the_fewest_tokens_both_forms_have_the_first_of_what_is_most_useful():
    brief = make(200, "twenty-eight bytes of words", active=1, dead_ends=30, waits=9, verdicts=3, open_steps=5)
    best = make(200, "lr 0.1", best=1).best[0]._replace(commit="83d45cd00", is_snapshot=True, differing=3)
    brief = brief._replace(best=(best,))
    form = fitting_form(brief)
    assert (form["active"]["ref"], form["best"][0]["commit"], form["dead_ends"][0]["ref"]) == (
        "e0.1", "83d45cd00", "e100",
    )  # fmt: skip
    text = write_text(brief)
    for words in ("Active: e0.1", "snapshot 83d45cd00", "e100"):
        assert words in text


def test_an_entry_that_is_too_long_leaves_its_room_to_others():
    brief = make(200, active=1, best=1, waits=1)
    long = brief._replace(best=(brief.best[0]._replace(label="x" * 600),))
    assert "Waiting:" in write_text(long)
    assert "acc0" not in write_text(long)


@pytest.mark.parametrize(("amount", "words"), [(1, "1 verdict ("), (2, "2 verdicts (")])
def test_what_has_no_room_is_counted_in_words(amount, words):
    assert words in write_text(make(500, verdicts=0, more=amount))
    assert f"Left out: {amount} more (orglab brief --tokens 1500)" in write_text(make(200, verdicts=0, more=amount))
