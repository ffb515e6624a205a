"""The activity of an experiment in a report: the same events as in `orglab show --history`, up to the end of the period."""

import datetime
import json

from orglab.api import Log
from orglab.history.events import read_events
from orglab.history.sources import PeriodSources, Sources
from orglab.report.content.facts import Period, read_activities

NAME = "experiment_log.org"
LOG = """\
#+TODO: TODO INPROGRESS | DONE
* TODO [7] A :exp:
:PROPERTIES:
:ID: 7
:ALIASES: 1
:END:
[2018-06-06 Wed 16:00]
** Notes
- [2018-06-06 Wed 17:00] a thought
** TODO Experiments [2/3]
1. [X] one (HASH)
2. [X] two
   - [2018-06-06 Wed 17:30] ran train.py
     run 20180606-173000-aaaa
   - [2018-06-06 Wed 17:40] ran on another machine
     run 20180606-174000-bbbb
3. [ ] three
* DONE [2] B :exp:
:PROPERTIES:
:ID: 2
:END:
** DONE Conclusions
It works.
"""
JOURNAL = "* 2018\n** 2018-06 June\n*** 2018-06-07 Thursday\n**** by the old id [e1.2]\n**** of nothing\n"


def write_run(repo, name, **fields):
    record = {"event": "began", "argv": ["train.py"], "exit_code": 0, **fields}
    repo.write(f".orglab/runs/{name}/record.jsonl", json.dumps(record) + "\n")


def write_study(repo):
    """Write a log whose first experiment was renumbered from 1 to 7, and what else tells of it."""
    first = repo.commit("[e1.1] by the old id")
    repo.commit("[e7] by the new one, and [e2]")
    repo.commit("of nothing")
    log = LOG.replace("HASH", first[:7])
    repo.commit("log", {NAME: log.replace("2. [X] two", "2. [ ] two").replace("** DONE C", "** TODO C")})
    repo.commit("ticked and closed", {NAME: log})
    repo.write("journal.org", JOURNAL)
    write_run(repo, "20180606-173000-aaaa", ref="e1.2", began="2018-06-06T17:30:00+00:00")
    write_run(repo, "20180606-180000-cccc", ref="e2", began="2018-06-06T18:00:00+00:00")
    return Log(repo.path / NAME)


def period(until):
    return Period(datetime.datetime(2018, 6, 1), until)  # noqa: DTZ001 - the log holds local times


def test_the_report_and_the_log_tell_the_same_of_an_experiment(repo):
    log = write_study(repo)
    experiments = log.experiments()
    told = read_events(Sources(log), experiments)
    whole = period(datetime.datetime(2018, 7, 1))  # noqa: DTZ001
    sources = PeriodSources(log, experiments, whole.since)
    activities = read_activities(sources, experiments, whole, with_journal=True)
    # That it was closed is told by git alone; the history of an experiment is what is written.
    assert [[event for event in one.events if event.kind != "state"] for one in activities] == told
    assert [(one.kind, one.ref, one.text) for one in told[0]] == [
        ("created", "e7", "A"),
        ("commit", "e7.1", "[e1.1] by the old id"),
        ("step", "e7.1", "one"),
        ("commit", "e7", "[e7] by the new one, and [e2]"),
        ("step", "e7.2", "two"),
        ("note", "e7", "a thought"),
        ("run", "e7.2", "train.py"),
        # The run itself is told above its note; of the other, only the note is here.
        ("note", "e7.2", "ran on another machine\nrun 20180606-174000-bbbb"),
        ("journal", "e7.2", "by the old id [e1.2]"),
    ]
    assert [one.facts["source"] for one in told[0] if one.kind == "step"] == ["commit", "log"]
    assert [run.ref for run in activities[0].runs] == ["e7.2"]
    # Nothing in the log says when it was closed; the commit that closed it does.
    assert activities[1].closed == told[0][4].at


def test_what_comes_after_the_period_is_not_told(repo):
    log = write_study(repo)
    chosen = log.experiments()[:1]
    day = period(datetime.datetime(2018, 6, 6, 16, 30))  # noqa: DTZ001
    (activity,) = read_activities(PeriodSources(log, chosen, day.since), chosen, day)
    assert [(one.kind, one.ref) for one in activity.recent] == [
        ("created", "e7"), ("commit", "e7.1"), ("step", "e7.1"), ("commit", "e7"), ("step", "e7.2"),
    ]  # fmt: skip
    assert activity.runs == ()


def test_the_conclusion_is_the_one_of_the_period(repo):
    entries = "[2018-06-07 Thu] supported: It works.\n\n[2018-06-20 Wed] refuted: Not with seed 2.\n"
    repo.commit("log", {NAME: LOG.replace("It works.\n", entries)})
    log = Log(repo.path / NAME)
    chosen = log.experiments()[1:]
    told = {}
    for day in (6, 8, 21):
        until = period(datetime.datetime(2018, 6, day))  # noqa: DTZ001
        (activity,) = read_activities(PeriodSources(log, chosen, until.since), chosen, until)
        told[day] = activity.conclusion.verdict, activity.conclusion.text
    assert told == {6: (None, ""), 8: ("supported", "It works."), 21: ("refuted", "Not with seed 2.")}


def test_the_state_is_the_one_at_the_end_of_the_period(repo):
    """CLOSED does not say from which state it was closed, but the last change before it does."""
    text = (
        "#+TODO: TODO INPROGRESS(i!) | DONE\n* DONE A :exp:\nCLOSED: [2018-06-20 Wed 10:00]\n:PROPERTIES:\n:ID: 1\n:END:\n"
        ':LOGBOOK:\n- State "INPROGRESS" from "TODO" [2018-06-12 Tue 10:00]\n:END:\n[2018-06-11 Mon 10:00]\n'
    )
    repo.commit("log", {NAME: text})
    # A run from before it was in the log, to which it was assigned later.
    write_run(repo, "20180606-173000-aaaa", ref="e1", began="2018-06-06T17:30:00+00:00")
    log = Log(repo.path / NAME)
    found = {}
    for day in (8, 12, 13, 21):
        until = period(datetime.datetime(2018, 6, day))  # noqa: DTZ001
        (activity,) = read_activities(PeriodSources(log, log.experiments(), until.since), log.experiments(), until)
        found[day] = activity.state
    assert found == {8: None, 12: "TODO", 13: "INPROGRESS", 21: "DONE"}


def test_a_step_of_what_was_closed_before_the_period_has_its_date_if_something_happened_since(repo):
    text = "* TODO A :exp:\n:PROPERTIES:\n:ID: 1\n:END:\n** Experiments\n1. [X] one\n"
    repo.commit("log", {NAME: text.replace("[X]", "[ ]")})
    ticking = repo.commit("ticked", {NAME: text})
    closed = "* DONE A :exp:\nCLOSED: [2018-06-06 Wed 18:00]\n"
    repo.now = datetime.datetime(2018, 6, 8, tzinfo=datetime.UTC)
    repo.commit("[e1] closed", {NAME: text.replace("* TODO A :exp:\n", closed), "a.py": "x"})
    log = Log(repo.path / NAME)
    since = Period(datetime.datetime(2018, 6, 7), datetime.datetime(2018, 6, 9))  # noqa: DTZ001
    (activity,) = read_activities(PeriodSources(log, log.experiments(), since.since), log.experiments(), since)
    assert [event.kind for event in activity.recent] == ["commit"]
    assert [event.at for event in activity.events if event.kind == "step"] == [_when(repo, ticking)]


def _when(repo, commit):
    return datetime.datetime.fromisoformat(repo.git("show", "-s", "--format=%aI", commit)).replace(tzinfo=None)


def test_the_journal_is_told_when_asked_for(repo):
    log = write_study(repo)
    chosen = log.experiments()[:1]
    whole = period(datetime.datetime(2018, 7, 1))  # noqa: DTZ001
    for with_journal in (False, True):
        sources = PeriodSources(log, chosen, whole.since)
        (activity,) = read_activities(sources, chosen, whole, with_journal=with_journal)
        assert len(activity.of_kind("journal")) == with_journal


def test_without_git_there_are_the_log_and_the_runs(repo):
    log = write_study(repo)
    chosen = log.experiments()[:1]
    whole = period(datetime.datetime(2018, 7, 1))  # noqa: DTZ001
    (activity,) = read_activities(PeriodSources(log, chosen, whole.since, use_git=False), chosen, whole)
    assert not activity.of_kind("commit")
    assert len(activity.of_kind("run")) == 1
    assert [one.facts["source"] for one in activity.events if one.kind == "step"] == ["unknown", "unknown"]
