"""The time line of an experiment: log, commits, runs, journal; and when a box was first ticked."""

import json

import pytest

from commands import Orglab
from orglab.api import Log
from orglab.history.sources import History
from orglab.history.timeline import first_ticked, read_events

NAME = "experiment_log.org"
LOG = """\
* TODO [1] A :exp:
:PROPERTIES:
:ID: 1
:END:
[2018-06-06 Wed 16:00]
** TODO Experiments [0/2]
1. [ ] one
2. [ ] two
* TODO [2] B :exp:
:PROPERTIES:
:ID: 2
:END:
** TODO Experiments [0/2]
1. [ ] one
2. [ ] two
"""


@pytest.fixture
def orglab(capsys):
    return Orglab(capsys)


def ticked(repo, *refs):
    """Which commit first ticked each step, by its subject."""
    log = Log(repo.path / NAME)
    steps = {step.ref: (one, step) for one in log.experiments() for step in one.steps if step.state == "done"}
    assert set(refs) <= set(steps)
    return {ref: commit.subject for ref, commit in first_ticked(log, steps).items()}


def edit(repo, message, old, new, nth=1):
    """Commit a change of the log: the nth place where `old` stands."""
    pieces = (repo.path / NAME).read_text().split(old)
    return repo.commit(message, {NAME: old.join(pieces[:nth]) + new + old.join(pieces[nth:])})


def test_the_commit_that_ticked_a_step(repo):
    repo.commit("new", {NAME: LOG})
    edit(repo, "tick e2.1", "1. [ ] one", "1. [X] one", 2)
    edit(repo, "tick e1.2", "2. [ ] two", "2. [x] two")
    repo.commit("code", {"a.py": "x"})
    assert ticked(repo, "e1.2", "e2.1") == {"e1.2": "tick e1.2", "e2.1": "tick e2.1"}


def test_a_step_that_was_changed_after_it_was_ticked_is_followed(repo):
    repo.commit("new", {NAME: LOG})
    edit(repo, "tick", "1. [ ] one", "1. [x] one")
    edit(repo, "upper case", "1. [x] one", "1. [X] one")
    edit(repo, "reworded", "1. [X] one", "1. [X] the first")
    edit(repo, "another before it", "1. [X] the first", "1. [ ] zero\n2. [X] the first")
    edit(repo, "renumbered", "2. [ ] two", "3. [ ] two")
    repo.git("mv", NAME, "old.org")
    repo.commit("moved away")
    repo.git("mv", "old.org", NAME)
    repo.commit("moved back")
    assert ticked(repo, "e1.2") == {"e1.2": "tick"}


def test_a_step_that_was_opened_again_counts_from_when_it_was_ticked_again(repo):
    repo.commit("new", {NAME: LOG})
    edit(repo, "tick", "1. [ ] one", "1. [X] one")
    edit(repo, "undo", "1. [X] one", "1. [ ] one")
    edit(repo, "again", "1. [ ] one", "1. [X] one")
    assert ticked(repo) == {"e1.1": "again"}


def test_a_log_that_came_with_ticked_boxes_ticked_them(repo):
    repo.commit("adopted", {NAME: LOG.replace("[ ] one", "[X] one")})
    assert ticked(repo) == {"e1.1": "adopted", "e2.1": "adopted"}


def test_a_tick_on_a_branch_is_found_through_the_merge(repo):
    repo.commit("new", {NAME: LOG})
    repo.git("switch", "--quiet", "--create", "side")
    edit(repo, "on the side", "1. [ ] one", "1. [X] one")
    repo.git("switch", "--quiet", "main")
    edit(repo, "on main", "2. [ ] two", "2. [X] two", 2)
    repo.git("merge", "--quiet", "--no-edit", "side")
    assert ticked(repo) == {"e1.1": "on the side", "e2.2": "on main"}


def test_what_is_not_committed_is_unknown(repo):
    log = Log(repo.write(NAME, LOG.replace("1. [ ] one", "1. [X] one")))
    assert ticked(repo) == {}
    events = read_events(History(log), log.experiments())
    assert [one.facts["source"] for one in events if one.kind == "step"] == ["unknown", "unknown"]
    repo.commit("new", {NAME: LOG})
    repo.write(NAME, LOG.replace("1. [ ] one", "1. [X] one"))
    assert ticked(repo) == {}


def test_without_a_repository_there_is_the_log_alone(tmp_path, monkeypatch, orglab):
    monkeypatch.chdir(tmp_path)
    (tmp_path / NAME).write_text(LOG)
    said = orglab("log", "1").out
    assert said.splitlines()[2:] == ["2018-06-06 16:00  created     e1  A"]
    assert json.loads(orglab("log", "1", "--json").out)["events"] == [
        {
            "at": "2018-06-06T16:00",
            "precision": "minute",
            "kind": "created",
            "ref": "e1",
            "text": "A",
            "commit": None,
            "run": None,
            "line": 1,
            "facts": {},
        }
    ]


def test_a_repository_without_a_commit(repo, orglab):
    repo.write(NAME, LOG)
    assert "created" in orglab("log", "1").out
    assert "A" in orglab("show", "1").out
    assert "names" in orglab("refs", "1").err


def test_hashes_that_are_gone_are_no_harm(repo, orglab):
    repo.commit("new", {NAME: LOG.replace("1. [ ] one", "1. [X] one (83d45cd, 0000000)", 1)})
    assert "(83d45cd, 0000000)" in orglab("show", "1").out
    assert "(when the log ticked it)" in orglab("log", "1").out
    (event,) = (one for one in json.loads(orglab("log", "1.1", "--json").out)["events"] if one["kind"] == "step")
    assert event["facts"] == {"source": "log", "commits": "83d45cd,0000000"}
    assert event["at"] == "2018-06-06T16:16:00"


def test_what_one_step_has_to_do_with(repo, orglab):
    repo.commit("[e1] new", {NAME: LOG})
    repo.commit("[e1.1] and [e1.2]")
    repo.commit("[e1.2] only")
    repo.commit("[e2.1] other")
    repo.write("journal.org", "* 2018\n** 2018-06 June\n*** 2018-06-07 Thursday\n**** thought on [e1.1]\n")
    run = '{"event": "began", "ref": "e1.1", "argv": ["train"], "began": "2018-06-06T17:00:00", "exit_code": 0}\n'
    repo.write(".git/orglab/runs/20180606-170000-aaaa/record.jsonl", run)
    lines = [line[:16].strip() + "|" + line[18:] for line in orglab("log", "1.1").out.splitlines()[3:]]
    hashes = repo.git("log", "--format=%h").splitlines()
    assert lines == [
        f"2018-06-06 16:17|commit      e1    {hashes[2]}  [e1.1] and [e1.2]",
        "2018-06-06 17:00|run         e1.1  train  (done)",
        "2018-06-07|journal     e1.1  thought on [e1.1]",
    ]
    assert "[e2.1]" not in orglab("log", "1").out
    assert "There is no step 9" in orglab("log", "1.9", code=3).err


def test_text_of_commits_does_not_reach_the_terminal_as_it_is(repo, orglab):
    repo.commit("new", {NAME: LOG})
    repo.commit("[e1] \x1b]0;owned\x07\x1b[2J \u202e x")
    for command in (("log", "1"), ("refs", "1"), ("show", "1"), ("why", "HEAD")):
        said = orglab(*command).out
        assert "]0;owned" in said
        assert not set(said) & set("\x1b\x07\u202e")


def test_an_experiment_is_found_by_the_ids_that_it_had(repo, orglab):
    repo.commit("[e1.1] before", {NAME: LOG})
    run = '{"event": "began", "ref": "e1.2", "argv": ["train"], "exit_code": 0}\n'
    repo.write(".git/orglab/runs/20180606-170000-aaaa/record.jsonl", run)
    repo.write("journal.org", "* 2018\n** 2018-06 June\n*** 2018-06-05 Tuesday\n**** of [e1.2]\n")
    orglab("renumber", "1", "--to", "7")
    repo.commit("[e7.1] after", {"a.py": "# [e1.2] and [e7]\n"})
    said = orglab("log", "7").out
    assert "commit      e7.1  " in said
    assert "[e1.1] before" in said
    assert "run         e7.2  train" in said
    assert "journal     e7.2  of [e1.2]" in said
    shown = orglab("show", "7").out
    assert "[e1.1] before" in shown
    assert "train" in shown
    assert "[e1.1] before" in orglab("show", "7.1").out
    assert "a.py:1  e7.1" not in orglab("refs", "7.1").out
    assert "[e1.1] before" in orglab("refs", "7.1").out
    assert "a.py:1  e7.2, e7  # [e1.2] and [e7]" in orglab("refs", "7").out
    assert "e1  e7 A" in orglab("resolve", "[e1]").out
    assert [one["ref"] for one in json.loads(orglab("why", "HEAD~1", "--json").out)["experiments"]] == ["e7"]
