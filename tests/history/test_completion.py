"""When a step was done."""

from datetime import datetime
from pathlib import Path

import pytest

from orglab.config import Config
from orglab.experiment.model import read_experiments
from orglab.git.commit import Commit
from orglab.history.completion import find_completion
from orglab.org.document import Document
from orglab.org.timestamp import Timestamp
from orglab.runs.record import Run


def experiment(text):
    return next(read_experiments(Document(text.encode()), Config(), "log.org"))


def commit(name, authored):
    return Commit(name, name[:7], (), "Ada", "ada@example.org", authored, authored + 60, "Words")


@pytest.mark.parametrize(
    ("step", "commits", "ticked", "wanted"),
    [
        ("1. [ ] a (83d45cd)", {"83d45cd": 100}, {}, None),
        ("1. [-] a (83d45cd)", {"83d45cd": 100}, {}, None),
        ("1. [X] a (83d45cd)", {"83d45cd": 100}, {}, (100, "second", "commit")),
        ("1. [x] a (83d45cd, 1111111)", {"83d45cd": 300, "1111111": 200}, {}, (300, "second", "commit")),
        ("1. [X] a (83d45cd, 1111111)", {"1111111": 200}, {"e1.1": 900}, (900, "second", "log")),
        ("1. [X] a\n   - [1970-01-01 Thu 00:07] done", {}, {"e1.1": 900}, (420, "minute", "note")),
        ("1. [X] a\n   - [1970-01-02 Fri] finished it", {}, {}, (86400, "day", "note")),
        ("1. [X] a (83d45cd)\n   - [1970-01-01 Thu 00:07] (83d45cd) 0.9", {}, {}, (420, "minute", "note")),
        ("1. [X] a (83d45cd)\n   - [1970-01-01 Thu 00:07] (83d45cd) 0.9", {}, {"e1.1": 900}, (900, "second", "log")),
        ("1. [X] a (83d45cd)\n   - [1970-01-01 Thu 00:07] done", {"83d45cd": 100}, {}, (420, "minute", "note")),
        ("1. [X] a\n   - [1970-01-01 Thu 00:07] (83d45cd) 0.9", {}, {"e1.1": 900}, (900, "second", "log")),
        ("1. [X] a\n   - [1970-01-01 Thu 00:07] not done", {}, {}, (None, "unknown", "unknown")),
        ("1. [X] a\n   - done", {}, {}, (None, "unknown", "unknown")),
        ("1. [X] a (83d45cd)", {}, {}, (None, "unknown", "unknown")),
    ],
)
def test_the_time_of_a_step_is_from_the_first_source_that_has_one(step, commits, ticked, wanted):
    one = experiment(f"* TODO [1] T :exp:\n** TODO Experiments\n{step}\n").steps[0]
    known = {name: commit(name, authored=at) for name, at in commits.items()}
    first = {ref: commit("f" * 40, authored=at) for ref, at in ticked.items()}
    done = find_completion(one, known, first)
    if wanted is None:
        assert done is None
    else:
        at, precision, source = wanted
        assert done[:3] == (datetime.fromtimestamp(at) if at is not None else None, precision, source)  # noqa: DTZ006


DAY = 86400
CREATED = Timestamp(datetime(2018, 6, 6, 16, 16), has_time=True)  # noqa: DTZ001 - the log holds local times


def run(name="aaaa", ended="2018-06-06T17:00:00+00:00", **fields):
    record = {"ref": "e1.1", "done": True, "exit_code": 0, "began": ended, "ended": ended, "hash": "83d45cd", **fields}
    return Run(Path(f"20180606-170000-{name}"), record)


def find(step="1. [X] a (83d45cd)", *, created=CREATED, **sources):
    """The time and the source of a step of an experiment."""
    one = experiment(f"* TODO [1] T :exp:\n** TODO Experiments\n{step}\n").steps[0]
    done = find_completion(one, created=created, **sources)
    return (done.at and f"{done.at}", done.source, done.run and done.run[-4:])


def test_the_run_that_ticked_a_step_comes_first():
    note = "1. [X] a (83d45cd)\n   - [2018-06-08 Fri 10:00] done"
    ticked = {"e1.1": commit("f" * 40, 1528500000)}
    commits = {"83d45cd": commit("83d45cd", 1528300000)}
    assert find(note, runs=[run()], ticked=ticked, commits=commits) == ("2018-06-06 17:00:00", "run", "aaaa")
    assert find(note, ticked=ticked, commits=commits)[:2] == ("2018-06-08 10:00:00", "note")
    assert find(ticked=ticked, commits=commits)[:2] == ("2018-06-08 23:20:00", "log")


@pytest.mark.parametrize(
    "fields",
    [{"done": False}, {"exit_code": 1}, {"asked_by": "SIGINT"}, {"ref": "e1.2"}, {"hash": "1111111"}, {"ended": None}],
)
def test_another_run_did_not_tick_it(fields):
    assert find(runs=[run(**fields)]) == (None, "unknown", None)


def test_of_several_runs_the_first_ticked_it_unless_a_later_one_added_its_own_commit():
    later = "2018-06-07T09:00:00+00:00"
    assert find(runs=[run(), run("bbbb", later)])[2] == "aaaa"
    both = "1. [X] a (83d45cd, 1111111)"
    assert find(both, runs=[run(), run("bbbb", later, hash="1111111")])[2] == "bbbb"
    assert find("1. [X] a", runs=[run(hash=None), run("bbbb", later, hash=None)])[2] == "aaaa"


def test_the_note_of_a_run_counts_only_if_its_record_is_not_here():
    ran = "1. [X] a (83d45cd)\n   - [2018-06-07 Thu 10:00] (83d45cd) ran x, exit {}, 3s\n     run 20180606-170000-aaaa"
    assert find(ran.format(0))[:2] == ("2018-06-07 10:00:00", "note")
    ticked = {"e1.1": commit("f" * 40, 1528500000)}
    assert find(ran.format(0), runs=[run(done=False)], ticked=ticked)[1] == "log"
    assert find(ran.format(1), ticked=ticked)[1] == "log"


@pytest.mark.parametrize("offset", [-DAY // 2, -30 * DAY])
def test_no_step_is_done_before_its_experiment(offset):
    old = {"83d45cd": commit("83d45cd", 1528301760 + offset)}
    assert find(commits=old)[:2] == ("2018-06-06 16:16:00", "commit")
    assert find(created=None, commits=old)[0] < "2018-06-06 16:16:00"


def test_a_source_that_is_more_than_a_day_too_old_is_skipped():
    commits = {"83d45cd": commit("83d45cd", 1528400000)}
    assert find(runs=[run(ended="2018-06-05T16:00:00+00:00")], commits=commits)[:2] == ("2018-06-07 19:33:20", "commit")
    # The run may have ended in another time zone than the one where the log was written.
    assert find(runs=[run(ended="2018-06-06T02:00:00+00:00")], commits=commits)[:2] == ("2018-06-06 16:16:00", "run")


def test_the_time_of_another_zone_is_the_one_that_the_log_has_there():
    one = experiment("* TODO [1] T :exp:\n** TODO Experiments\n1. [X] a (83d45cd)\n").steps[0]
    done = find_completion(one, created=CREATED, runs=[run(ended="2018-06-06T17:00:00+09:00")])
    # It is 08:00 here, but the log was written where it is 17:00.
    assert (f"{done.there}", f"{done.at}", done.precision) == ("2018-06-06 17:00:00", "2018-06-06 16:16:00", "second")


def test_a_day_is_not_before_a_minute_of_it():
    assert find("1. [X] a\n   - [2018-06-06 Wed] done")[:2] == ("2018-06-06 00:00:00", "note")
