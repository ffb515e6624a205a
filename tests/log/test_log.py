"""The log from Python: any text, any sequence of commands, and what must be true after each."""

import datetime
import re

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, example, given, settings

import orglab
from orglab import clock
from orglab.api import Log
from orglab.errors import NotFoundError, OrglabError, UsageError
from orglab.experiment.escape import ESCAPE
from texts import RICH, SEED

PAIR = """\
#+TITLE: Two

* TODO [1] One [0%]   :@work:exp:
  :PROPERTIES:
  :ID:       1
  :END:
  [2018-06-06 Wed 16:16]

- About one.

** Notes

** TODO Experiments [1/2]
1. [X] A
2. [ ] B

** TODO Conclusions

* TODO [2] Two [0%]   :@work:exp:
:PROPERTIES:
:ID:       2
:END:
[2018-06-06 Wed 16:16]
- About two.
** Notes
** TODO Experiments [0/1]
1. [ ] C
** TODO Conclusions
"""
FORMS = [
    PAIR,
    PAIR.replace("\n", "\r\n"),
    "\ufeff" + PAIR,
    PAIR.removesuffix("\n"),
    "#+STARTUP: logdone\n" + PAIR,
    "#+STARTUP: lognotedone\n" + PAIR,
    "#+STARTUP: lognotedone logdrawer\n#+TODO: TODO(t!) INPROGRESS(i@/!) | DONE(d@/@)\n" + PAIR,
    "#+TODO: OPEN DOING | SHUT\n" + PAIR.replace("TODO", "OPEN"),
    PAIR + "# Local Variables:\n# fill-column: 80\n# End:\n",
    PAIR.replace("** Notes\n\n", "").replace("** TODO Conclusions\n\n", ""),
    PAIR.replace("1. [X] A\n2. [ ] B", "+ [X] A\n  - [X] inner\n\n+ [-] B [1/2]\n  1) [X] x\n  2) [ ] y"),
    PAIR.replace("* TODO [2]", "* Between\n** TODO [2]").replace("** ", "*** ", 1),
    "#+STARTUP: odd\n" + PAIR.replace("** ", "*** "),
]
SCRAPS = [
    "* a heading", "** TODO another :exp:", "#+begin_src python", "#+end_src", "#+begin_quote", "#+END_QUOTE", ":drawer:",
    ":END:", ":PROPERTIES:", ":ID: 1", "#+TODO: A | B", "#+FILETAGS: :exp:", "#+STARTUP: odd", "- [ ] a box", "1. [@5] [X] x",
    "a. [ ] y", "[50%] and [1/2]", "", "", "  indented", "\ttab", "# comment", "CLOSED: [2018-06-06 Wed]", "CLOCK: [2018-06-06]",
    "[2018-06-06 Wed 16:16] (0123abc)", "(0123abc)", 'State "DONE" from "TODO" [2018-06-06 Wed 16:16]', "- Note taken on [2018]",
    "| a | [ ] |", "[fn:1] note", "<<<<<<< HEAD", ">>>>>>> theirs", "# Local Variables:", "# End:", "\\begin{x}", "\\end{x}",
    "<<201>>", "[e1.1]", "a :: b", "#+begin: x", "#+end:", "-----", ": fixed", "%%(x)", "*bold*", "\u3042\u6f22 \U0001f389", "\u00e9",
    "#+NAME: x", "- [ ]", "-", "*", "\\\\", "#+begin_comment", "#+end_comment", "[ ] x", "[@3] x", "#+begin_src [1/2]",
]  # fmt: skip
LINE = st.one_of(st.sampled_from(SCRAPS), st.sampled_from(SCRAPS), st.text(max_size=12))
TEXT = st.lists(LINE, min_size=1, max_size=6).map("\n".join)
QUICK = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


def cleaned(text):
    """A text but for what is documented to be cleaned: blanks around lines, blank lines, control characters, escapes."""
    text = re.sub("\x1b(?:\\[[0-?]*[ -/]*[@-~]|\\][^\x07\x1b]*(?:\x07|\x1b\\\\)|[@-_])", "", text)
    text = re.sub("\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]", "\n", text.replace(ESCAPE, ""))
    lines = [re.sub("[\x00-\x1f\x7f-\x9f]", "", line.expandtabs()).strip() for line in text.split("\n")]
    return [re.sub(r"\s+", " ", re.sub("^,(?=[*<>])", "", line)) for line in lines if line]


def make_log(folder, text):
    path = folder / "experiment_log.org"
    path.write_bytes(text.encode())
    return Log(path)


def subtree(log, number):
    """The text of an experiment from its heading to the next that is no part of it."""
    one = log.experiment(number)
    heading = one.heading
    return heading.document.text[heading.begin : heading.subtree_end].partition(b"# Local Variables:")[0].rstrip()


def try_to(write, log):
    """Do it, or be refused as a mistake, which changes nothing."""
    before = log.path.read_bytes()
    try:
        return write()
    except UsageError:
        assert log.path.read_bytes() == before
        return None


def assert_nothing_is_off(log):
    """No cookie is stale, no heading of steps says something else than its steps, nothing is left open."""
    assert {found.code for found in log.check()} <= {"unknown-reference", "no-steps", "twice"}


@pytest.mark.slow
@QUICK
@given(text=TEXT, form=st.sampled_from(FORMS))
@example("#+begin_src python\nx = a[1/2]\n\n\n- [ ] y\n#+end_src", PAIR)
@example("x\n:END:\n- [ ] y", FORMS[6])
def test_any_note_is_read_back_or_refused(tmp_path, text, form):
    for reference in ("1", "1.1"):
        log = make_log(tmp_path, form)
        other, steps = subtree(log, "2"), len(log.experiment("1").steps)
        note = try_to(lambda log=log, reference=reference: log.add_note(reference, text), log)
        if note is None:
            assert not cleaned(text)
            continue
        assert cleaned(note.text) == cleaned(text)
        assert (note.at is not None, note.commit) == (True, None)
        assert (subtree(log, "2"), len(log.experiment("1").steps)) == (other, steps)
        assert_nothing_is_off(log)


@pytest.mark.slow
@QUICK
@given(text=TEXT, form=st.sampled_from(FORMS))
@example("# all of it\n# a comment", PAIR)
@example("#+NAME: x\n- [ ]", PAIR)
@example("CLOSED: [2018-06-06 Wed]\n:PROPERTIES:\n:ID: 9\n:END:", PAIR)
def test_any_conclusion_is_read_back_or_refused(tmp_path, text, form):
    log = make_log(tmp_path, form)
    other = subtree(log, "2")
    one = try_to(lambda: log.conclude("1", text, verdict="refuted").experiment, log)
    if one is None:
        assert not cleaned(text)
        return
    assert cleaned(one.conclusion.text) == cleaned(text)
    assert (one.conclusion.verdict, one.is_done, one.progress.total) == ("refuted", True, 2)
    # Below a parent with a count, only that changes.
    assert subtree(log, "2") == other
    assert_nothing_is_off(log)


@pytest.mark.slow
@QUICK
@given(title=LINE, about=TEXT, steps=st.lists(LINE, max_size=3), form=st.sampled_from([*FORMS, ""]))
@example("a :tag:", "b", ["c :: d", "[X] e"], PAIR)
@example("TODO COMMENT [#A] [7] <<8>> * x", "[2018-06-06 Wed] (0123abc) [ ] z", ["- [ ] deep"], PAIR)
def test_any_experiment_is_read_back_or_refused(tmp_path, title, about, steps, form):
    log = make_log(tmp_path, form)
    before = [subtree(log, one.id) for one in log.experiments()]
    one = try_to(lambda: log.new(title, description=about, steps=steps), log)
    if one is None:
        return
    number = "3" if form else "1"
    assert (one.id, one.title, one.is_done) == (number, title.strip(), False)
    assert [step.text for step in one.steps] == [step.strip() for step in steps]
    assert {step.state for step in one.steps} <= {"open"}
    assert " ".join(cleaned(one.description)) == " ".join(cleaned(about))
    assert [subtree(log, other.id) for other in log.experiments()[:-1]] == before
    assert [found.id for found in log.experiments()][-1] == number
    assert_nothing_is_off(log)


@pytest.mark.slow
@QUICK
@given(text=LINE, form=st.sampled_from([*FORMS, SEED, RICH]))
@example("ends in a hash (0123abc)", PAIR)
@example("term :: meaning", FORMS[10])
def test_any_step_is_read_back_or_refused(tmp_path, text, form):
    log = make_log(tmp_path, form)
    first = log.experiments()[0]
    step = try_to(lambda: log.add_step(first.id, text), log)
    if step is None:
        return
    after = log.experiment(first.id)
    assert (step.text, step.state, step.commits) == (text.strip(), "open", ())
    assert len(after.steps) == len(first.steps) + 1
    assert [old.text for old in after.steps[:-1]] == [old.text for old in first.steps]


@pytest.mark.slow
@QUICK
@given(text=TEXT, form=st.sampled_from(FORMS))
def test_any_reason_is_read_back_or_refused(tmp_path, text, form):
    log = make_log(tmp_path, form)
    done = log.document().settings.done_names[0]
    try_to(lambda: log.set_state("1", done, text), log)
    if not cleaned(text):
        return
    said = log.experiment("1").notes[0].text.removeprefix(f"{done}: ")
    assert " ".join(cleaned(said)).split() == " ".join(cleaned(text)).split()
    assert_nothing_is_off(log)


@pytest.mark.slow
@QUICK
@given(texts=st.lists(TEXT, min_size=1, max_size=3))
@example(["<<<<<<< HEAD\nb", "after"])
@example(["x\n<<<<<<< HEAD\nb", "after"])
def test_any_journal_entry_leaves_the_journal_valid(tmp_path, texts):
    log = make_log(tmp_path, PAIR)
    journal = tmp_path / "journal.org"
    journal.unlink(missing_ok=True)
    written = 0
    for text in texts:
        try:
            log.add_journal_entry(text, "1")
            written += 1
        except UsageError:
            assert not cleaned(text)
    if written:
        headings = [line for line in journal.read_bytes().decode().split("\n") if re.match(r"\*+ ", line)]
        assert [len(line.split()[0]) for line in headings] == [1, 2, 3] + [4] * written


OPERATIONS = {
    "done": lambda log, one, step, _: log.complete_step(f"{one}.{step}", [], all_checkboxes=True),
    "undo": lambda log, one, step, _: log.reopen_step(f"{one}.{step}"),
    "step": lambda log, one, _, text: log.add_step(one, text),
    "note": lambda log, one, step, text: log.add_note(f"{one}.{step}" if step else one, text),
    "start": lambda log, one, step, _: log.start(f"{one}.{step}" if step else one),
    "state": lambda log, one, step, text: log.set_state(
        one, list(log.document().settings.keywords)[step % len(log.document().settings.keywords)], text
    ),
    "conclude": lambda log, one, _, text: log.conclude(one, text),
    "new": lambda log, _, step, text: log.new(f"Number {step}", description=text, steps=["one", "two"][:step]),
}


@pytest.mark.slow
@pytest.mark.slow
@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    form=st.sampled_from(FORMS),
    wishes=st.lists(
        st.tuples(st.sampled_from(sorted(OPERATIONS)), st.sampled_from("123"), st.integers(0, 4), TEXT), max_size=10
    ),
)
def test_any_commands_leave_counts_true_and_the_other_experiments_alone(tmp_path, form, wishes):
    log = make_log(tmp_path, form)
    for name, one, step, text in wishes:
        before = {other.id: subtree(log, other.id) for other in log.experiments()}
        try:
            OPERATIONS[name](log, one, step, text)
        except (UsageError, NotFoundError):
            assert {other.id: subtree(log, other.id) for other in log.experiments()} == before
        after = {other.id: subtree(log, other.id) for other in log.experiments()}
        # A new one may add the blank line before it; an experiment below another heading is its own text only.
        assert {other: text for other, text in after.items() if other != one and other in before} == {
            other: text for other, text in before.items() if other != one
        }
        assert_nothing_is_off(log)


# ---- by example ----


def test_a_log_is_opened_as_the_command_finds_it(tmp_path, monkeypatch):
    make_log(tmp_path, SEED)
    inner = tmp_path / "deep" / "er"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    assert orglab.open_log().experiment("201").title == "ABC in XYZ model"
    assert orglab.open_log(start=tmp_path).experiments()[0].ref == "e201"
    with pytest.raises(NotFoundError, match=r"orglab --log .* init"):
        orglab.open_log(tmp_path / "other.org")


def test_each_command_returns_the_values_as_they_stand_afterwards(tmp_path):
    log = make_log(tmp_path, SEED)
    assert log.add_step("201", "third").ref == "e201.3"
    done = log.complete_step("201.2", [])
    assert (done.step.state, done.commits, done.why) == ("done", (), "none")
    assert log.reopen_step("[e201.2]").state == "open"
    assert log.add_note("e201", "hm").text == "hm"
    assert log.start("201.2").state == "INPROGRESS"
    assert log.set_state("201", "WAIT", "why").notes[0].text == "WAIT: why"
    assert log.conclude("201", "so").experiment.conclusion.text == "so"
    assert log.new("next").ref == "e202"


def test_values_that_were_read_do_not_change(tmp_path):
    log = make_log(tmp_path, SEED)
    before = log.experiment("201")
    log.complete_step("201.2", [])
    assert (before.progress.done, log.experiment("201").progress.done) == (1, 2)


def test_a_log_that_grows_during_a_change_has_both_texts(tmp_path, monkeypatch):
    log = make_log(tmp_path, SEED)
    from orglab.experiment import edits as writing  # noqa: PLC0415

    calls = []
    plain = writing.add_step

    def add_step_while_another_writes(experiment, text):
        calls.append(text)
        if len(calls) == 1:
            log.path.write_text(SEED + "* A line by an editor\n")
        return plain(experiment, text)

    monkeypatch.setattr(writing, "add_step", add_step_while_another_writes)
    log.add_step("201", "third")
    assert len(calls) == 2
    assert (
        log.path.read_text()
        == SEED.replace("[1/2]", "[1/3]").replace("with ABC\n", "with ABC\n3. [ ] third\n") + "* A line by an editor\n"
    )


def test_new_ids_are_whole_numbers_above_all_others(tmp_path):
    log = make_log(tmp_path, SEED + "* No experiment\n:PROPERTIES:\n:CUSTOM_ID: 300\n:END:\n* <<0400>> Nor this\n")
    assert log.new("next").id == "401"
    assert log.new("named", number="abc-1").ref == "eabc-1"
    assert log.new("next").id == "402"


@pytest.mark.parametrize("wrong", ["201", "a b", "", "ä", "1.2"])
def test_an_id_that_is_taken_or_invalid_is_refused(tmp_path, wrong):
    log = make_log(tmp_path, SEED)
    if not wrong:
        assert log.new("x", number=wrong).id == "202"
        return
    with pytest.raises(UsageError, match="id"):
        log.new("x", number=wrong)
    assert log.path.read_text() == SEED


def test_numbers_of_any_length_are_only_names(tmp_path):
    many = "9" * 5000
    log = make_log(
        tmp_path, SEED.replace("2. [ ]", f"2. [@{many}] [ ]") + f"* TODO [{many}] Long :exp:\n[e1.{many}] [e{many}]\n"
    )
    assert len(log.experiments()) == 2
    assert log.new("next").id == "202"
    with pytest.raises(OrglabError):
        log.complete_step(f"201.{many}")
    log.check()


def test_times_are_local_and_to_the_minute(tmp_path):
    log = make_log(tmp_path, "")
    before = datetime.datetime.now().replace(second=0, microsecond=0)  # noqa: DTZ005
    created = log.new("x").created
    assert created.has_time
    assert before <= created.when <= datetime.datetime.now()  # noqa: DTZ005


def test_a_match_string_counts_from_the_one_clock(tmp_path, monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: datetime.datetime(2018, 6, 6, 12))  # noqa: DTZ001
    log = make_log(tmp_path, SEED.replace("  :PROPERTIES:", "  DEADLINE: <2018-06-07 Thu>\n  :PROPERTIES:", 1))
    assert [one.id for one in log.select('DEADLINE="<tomorrow>"')] == ["201"]
    assert log.select('DEADLINE<="<today>"') == []
