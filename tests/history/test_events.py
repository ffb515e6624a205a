"""The history of an experiment as events, from the log, commits, runs and the journal."""

from datetime import datetime
from pathlib import Path

from orglab.config import Config
from orglab.experiment.journal import read_entries
from orglab.experiment.model import read_experiments
from orglab.git.commit import Commit
from orglab.history.event_order import sort_events
from orglab.history.events import KINDS, Event, commit_events, concerns, journal_events, log_events, run_events
from orglab.org.document import Document
from orglab.reference import Reference
from orglab.runs.record import Run
from texts import RICH, SEED

CONFIG = Config()


def experiment(text, place=0):
    return [*read_experiments(Document(text.encode()), CONFIG, "log.org")][place]


def commit(name, message="Words", authored=1528303560):
    return Commit(name, name[:7], (), "Ada", "ada@example.org", authored, authored + 60, message)


def shown(events):
    return [(one.kind, one.ref, one.at.isoformat(" ", "minutes") if one.at else None, one.text) for one in events]


def test_the_events_of_a_rich_log_oldest_first():
    assert shown(sort_events(log_events(experiment(RICH)))) == [
        ("created", "e7", "2026-05-30 12:00", "Deep supervision"),
        ("state", "e7", "2026-06-01 09:00", ""),
        ("note", "e7", "2026-06-02 10:00", "The loader shuffles twice."),
        ("note", "e7", "2026-06-03 08:30", "See [[id:8]] and [e8.1]."),
        ("note", "e7", "2026-06-04 11:11", "a timed note\nover two lines"),
        ("note", "e7.1", "2026-06-05 10:00", "val 0.81"),
        ("step", "e7.1", "2026-06-05 10:00", "baseline"),
        ("note", "e7.1", None, "continued text"),
        ("note", "e7.2", None, "[X] first layer"),
        ("note", "e7.2", None, "[ ] second layer"),
        ("note", "e7", None, "A paragraph, then a table:\n| run | acc |\n|-----+-----|\n| 1   | 0.5 |"),
        ("note", "e7", None, "#+begin_src sh\n- [ ] no box\n,* no heading\n#+end_src"),
    ]


def test_a_state_event_has_both_states_and_its_line():
    state = next(one for one in log_events(experiment(RICH)) if one.kind == "state")
    assert state.facts == {"new": "DOING", "old": "TODO"}
    assert RICH.splitlines()[state.line - 1] == '- State "DOING"      from "TODO"       [2026-06-01 Mon 09:00]'


CLOSED = """\
* DONE [1] T :exp:
CLOSED: [2026-06-02 Tue 10:00]
:LOGBOOK:
- State "DONE"       from "DOING"      [2026-06-02 Tue 10:00]
:END:
- State "DOING"      from              [2026-06-01 Mon 09:00] \\\\
  at last
** DONE Conclusions
CLOSED: [2026-06-02 Tue 09:59]
:PROPERTIES:
:VERDICT: refuted
:END:
It does not.
"""


def test_closed_and_its_logged_state_are_one_event():
    text = CLOSED.replace("* DONE [1]", "#+TODO: TODO DOING | DONE\n* DONE [1]", 1)
    assert shown(sort_events(log_events(experiment(text)))) == [
        ("state", "e1", "2026-06-01 09:00", "at last"),
        ("conclusion", "e1", "2026-06-02 09:59", "It does not."),
        ("state", "e1", "2026-06-02 10:00", ""),
        ("created", "e1", None, "T"),
    ]
    without = text.replace('- State "DONE"       from "DOING"      [2026-06-02 Tue 10:00]\n', "")
    last = [one for one in sort_events(log_events(experiment(without))) if one.kind == "state"][-1]
    assert (last.at, last.facts) == (datetime(2026, 6, 2, 10), {"new": "DONE"})  # noqa: DTZ001


def test_a_closing_note_is_the_event_of_closed():
    text = "* DONE [1] T :exp:\nCLOSED: [2026-06-02 Tue 10:00]\n- CLOSING NOTE [2026-06-02 Tue 10:00] \\\\\n  enough\n"
    events = [one for one in log_events(experiment(text)) if one.kind != "created"]
    assert shown(events) == [("state", "e1", "2026-06-02 10:00", "enough")]


def test_commits_that_name_the_experiment():
    messages = ["[e201] a\n\nlonger", "[e201.1] b [e201.2]", "[e2011] c", "x[e201] d", "[e201.2] e\n[e201.2]"]
    commits = [commit(f"{number}" * 40, message) for number, message in enumerate(messages)]
    events = [*commit_events("e201", "e", commits)]
    assert [(one.ref, one.text, one.facts["refs"]) for one in events] == [
        ("e201", "[e201] a", "e201"),
        ("e201", "[e201.1] b [e201.2]", "e201.1,e201.2"),
        ("e201.2", "[e201.2] e [e201.2]", "e201.2"),
    ]
    assert concerns(events[1], Reference("201", 2), "e")
    assert not concerns(events[0], Reference("201", 2), "e")
    assert concerns(events[2], Reference("e201"), "e")


def test_runs_of_the_experiment_and_of_its_steps():
    fields = {"argv": ["python", "train.py"], "exit_code": 1, "seconds": 2.5, "metrics": {"loss": 0.5}, "why": "again"}
    runs = [
        Run(Path("a"), {"ref": "e201.1", "began": "2018-06-06T16:16:05", **fields}),
        Run(Path("b"), {"ref": "e2010"}),
        Run(Path("c"), {"ref": "e201", "signal": "SIGKILL"}),
        Run(Path("d"), {}),
    ]
    first, second = run_events("e201", runs)
    assert (first.ref, first.run, first.text, first.precision) == ("e201.1", "a", "python train.py", "second")
    assert first.facts == {
        "status": "failed",
        "exit_code": "1",
        "seconds": "2.5",
        "why": "again",
        "metric loss": "0.5",
    }
    assert (second.at, second.facts) == (None, {"status": "killed"})


JOURNAL = """\
#+TITLE: Journal
* 2018
** 2018-06 June
*** 2018-06-06 Wednesday
**** [[file:experiment_log.org::#201][201]] why the loss explodes :201:
[2018-06-06 Wed 16:16]
The gradient is [e201.2].
***** More
Words.
**** of [[id:7]] and of [e201]
*** 2018-13-41 Never
**** undated
* Loose [e201.3]
"""


def test_entries_of_the_journal():
    entries = [*read_entries(Document(JOURNAL.encode()), CONFIG)]
    assert [(one.title, one.text, one.line) for one in entries] == [
        ("why the loss explodes", "The gradient is [e201.2].\n\nMore\nWords.", 5),
        ("of [[id:7]] and of [e201]", "", 10),
        ("undated", "", 12),
        ("Loose [e201.3]", "", 13),
    ]
    assert [one.references for one in entries] == [
        (Reference("201"), Reference("201", 2)),
        (Reference("7"), Reference("201")),
        (),
        (Reference("201", 3),),
    ]
    assert [one.at.isoformat() if one.at else None for one in entries] == [
        "2018-06-06T16:16",
        "2018-06-06",
        None,
        None,
    ]
    assert [(one.ref, one.precision) for one in journal_events("e201", "e", entries)] == [
        ("e201.2", "minute"),
        ("e201", "day"),
        ("e201.3", "unknown"),
    ]


def test_events_of_a_day_start_with_beginnings_and_end_with_ends():
    day = datetime(2026, 6, 2)  # noqa: DTZ001
    noon = datetime(2026, 6, 2, 12)  # noqa: DTZ001
    events = [
        Event("conclusion", "e1", day, "day"),
        Event("note", "e1", None, "unknown"),
        Event("commit", "e1", noon, "second"),
        Event("step", "e1.1", noon, "second"),
        Event("created", "e1", day, "day"),
    ]
    assert [one.kind for one in sort_events(reversed(events))] == ["created", "commit", "step", "conclusion", "note"]
    assert {one.kind for one in events} <= set(KINDS)


def test_a_step_done_with_an_older_commit_is_not_dated_before_its_experiment():
    old = {"83d45cd": commit("83d45cd" + "0" * 33, authored=1528300000)}  # 2018-06-06 15:46
    ((_, ref, at, _),) = [one for one in shown(log_events(experiment(SEED), old)) if one[0] == "step"]
    assert (ref, at) == ("e201.1", "2018-06-06 16:16")
    noted = SEED.replace("(83d45cd)\n", "(83d45cd)\n   - [2018-06-06 Wed 18:00] done\n", 1)
    assert noted != SEED
    assert ("step", "e201.1", "2018-06-06 18:00") in [one[:3] for one in shown(log_events(experiment(noted), old))]


def test_events_of_a_minute_are_in_the_order_of_cause():
    def at(second):
        return datetime(2026, 6, 2, 10, 0, second, int(300_000 * (second % 2)))  # noqa: DTZ001

    minute = at(0)
    ordered = [
        Event("created", "e1", minute, "minute"),
        Event("state", "e1", minute, "minute"),
        Event("commit", "e1.1", minute, "second", commit="before"),
        Event("run", "e1.1", at(1), "second", commit="results"),
        Event("commit", "e1.1", at(1).replace(microsecond=0), "second", commit="results"),
        Event("step", "e1.1", at(1).replace(microsecond=0), "second", commit="results"),
        Event("commit", "e1.2", at(20), "second", commit="before 2"),
        Event("run", "e1.2", at(21), "second", commit="results 2"),
        Event("commit", "e1.2", at(40), "second", commit="results 2"),
        Event("note", "e1", minute, "minute"),
        Event("conclusion", "e1", minute, "minute"),
        Event("state", "e1", minute, "minute", is_end=True),
    ]
    assert sort_events(reversed(ordered)) == ordered


def test_the_events_of_the_seed_log():
    assert shown(sort_events(log_events(experiment(SEED), {"83d45cd": commit("83d45cd" + "0" * 33)}))) == [
        ("created", "e201", "2018-06-06 16:16", "ABC in XYZ model"),
        ("step", "e201.1", "2018-06-06 16:46", "Test XYZ without ABC"),
    ]


def test_the_end_of_an_experiment_is_the_last_event_of_its_minute():
    text = (
        SEED.replace("* TODO [201]", "#+TODO: OPEN | FINISHED\n* FINISHED [201]", 1)
        .replace("  :PROPERTIES:", "  CLOSED: [2018-06-07 Thu 10:00]\n  :PROPERTIES:", 1)
        .replace("** Notes\n", "** Notes\n- [2018-06-07 Thu 10:00] a note\n", 1)
    )
    kinds = [one.kind for one in sort_events(log_events(experiment(text))) if one.at == datetime(2018, 6, 7, 10)]  # noqa: DTZ001 - local, as in the log
    assert kinds == ["note", "state"]
