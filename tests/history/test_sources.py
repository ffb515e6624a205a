"""The commits, runs and journal entries of experiments, and the number of git calls that they need."""

import json
import os
import shutil

import pytest

from commands import Orglab
from orglab.api import Log
from orglab.history.events import read_events
from orglab.history.sources import Sources
from texts import ALIKE

NAME = "experiment_log.org"


@pytest.fixture
def orglab(capsys):
    return Orglab(capsys)


def test_the_time_of_an_uncommitted_checkbox_is_unknown(repo):
    log = Log(repo.write(NAME, ALIKE.replace("1. [ ] one", "1. [X] one")))
    events = [event for one in read_events(Sources(log), log.experiments()) for event in one]
    assert [one.facts["source"] for one in events if one.kind == "step"] == ["unknown", "unknown"]


def test_without_a_repository_only_the_log_is_read(tmp_path, monkeypatch, orglab):
    monkeypatch.chdir(tmp_path)
    (tmp_path / NAME).write_text(ALIKE)
    said = orglab("show", "--history", "1").out
    assert said.splitlines()[2:] == ["2018-06-06 16:00  created     e1  A"]
    assert json.loads(orglab("show", "--history", "1", "--json").out)["events"] == [
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
    repo.write(NAME, ALIKE)
    assert "created" in orglab("show", "--history", "1").out
    assert "A" in orglab("show", "1").out
    assert "Nothing refers" in orglab("refs", "1").err


def test_missing_hashes_are_harmless(repo, orglab):
    repo.commit("new", {NAME: ALIKE.replace("1. [ ] one", "1. [X] one (83d45cd, 0000000)", 1)})
    assert "(83d45cd, 0000000)" in orglab("show", "1").out
    assert "(time unknown)" in orglab("show", "--history", "1").out
    (event,) = (
        one for one in json.loads(orglab("show", "--history", "1.1", "--json").out)["events"] if one["kind"] == "step"
    )
    assert event["facts"] == {"source": "unknown", "commits": "83d45cd,0000000"}
    assert event["at"] is None


def test_the_commits_and_runs_of_one_step(repo, orglab):
    repo.commit("[e1] new", {NAME: ALIKE})
    repo.commit("[e1.1] and [e1.2]")
    repo.commit("[e1.2] only")
    repo.commit("[e2.1] other")
    repo.write("journal.org", "* 2018\n** 2018-06 June\n*** 2018-06-07 Thursday\n**** thought on [e1.1]\n")
    run = '{"event": "began", "ref": "e1.1", "argv": ["train"], "began": "2018-06-06T17:00:00", "exit_code": 0}\n'
    repo.write(".git/orglab/runs/20180606-170000-aaaa/record.jsonl", run)
    lines = [line[:16].strip() + "|" + line[18:] for line in orglab("show", "--history", "1.1").out.splitlines()[3:]]
    hashes = repo.git("log", "--format=%h").splitlines()
    assert lines == [
        f"2018-06-06 16:17|commit      e1    {hashes[2]}  [e1.1] and [e1.2]",
        "2018-06-06 17:00|run         e1.1  train  (exit 0)",
        "2018-06-07|journal     e1.1  thought on [e1.1]",
    ]
    assert "[e2.1]" not in orglab("show", "--history", "1").out
    assert "There is no step 9" in orglab("show", "--history", "1.9", code=3).err


def test_text_of_commits_does_not_reach_the_terminal_as_it_is(repo, orglab):
    repo.commit("new", {NAME: ALIKE})
    repo.commit("[e1] \x1b]0;owned\x07\x1b[2J \u202e x")
    for command in (("log", "1"), ("refs", "1"), ("show", "1"), ("why", "HEAD")):
        said = orglab(*command).out
        assert "]0;owned" in said
        assert not set(said) & set("\x1b\x07\u202e")


def test_an_experiment_is_found_by_its_former_ids(repo, orglab):
    repo.commit("[e1.1] before", {NAME: ALIKE})
    run = '{"event": "began", "ref": "e1.2", "argv": ["train"], "exit_code": 0}\n'
    repo.write(".git/orglab/runs/20180606-170000-aaaa/record.jsonl", run)
    repo.write("journal.org", "* 2018\n** 2018-06 June\n*** 2018-06-05 Tuesday\n**** of [e1.2]\n")
    orglab("renumber", "1", "--to", "7")
    repo.commit("[e7.1] after", {"a.py": "# [e1.2] and [e7]\n"})
    said = orglab("show", "--history", "7").out
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
    assert "e1  e7 A" in orglab("refs", "--in", "[e1]").out
    assert [one["ref"] for one in json.loads(orglab("why", "HEAD~1", "--json").out)["experiments"]] == ["e7"]


def test_runs_under_an_old_id_are_those_of_a_step(repo, orglab):
    repo.commit("new", {NAME: ALIKE})
    run = '{"event": "began", "ref": "e1.2", "argv": ["train"], "exit_code": 0}\n'
    repo.write(".orglab/runs/20180606-170000-aaaa/record.jsonl", run)
    orglab("renumber", "1", "--to", "7")
    assert [one["ref"] for one in json.loads(orglab("show", "7.2", "--json").out)["runs"]] == ["e7.2"]
    assert json.loads(orglab("show", "7.1", "--json").out)["runs"] == []


def test_each_source_is_read_once(repo):
    repo.commit("[e1] new", {NAME: ALIKE})
    sources = Sources(Log(repo.path / NAME))
    experiment = sources.experiments["1"]
    first = sources.find_commits_and_runs(experiment)
    assert len(first.mentions) == 1
    repo.commit("[e1] later")
    repo.write(".orglab/runs/20180606-170000-aaaa/record.jsonl", '{"event": "began", "ref": "e1"}\n')
    assert sources.find_commits_and_runs(experiment) == first
    assert len(Sources(sources.log).find_commits_and_runs(experiment).mentions) == 2


def test_the_log_is_shown_if_git_fails(repo, orglab, monkeypatch):
    monkeypatch.setenv("ORGLAB_NO_INDEX", "1")
    repo.commit("[e1] new", {NAME: ALIKE})
    assert "[e1] new" in orglab("show", "1").out
    repo.write(".git/config", "[core\n")
    said = orglab("show", "1").out
    assert "A" in said
    assert "[e1] new" not in said


@pytest.fixture
def git_calls(tmp_path_factory, monkeypatch):
    """A list of the commands that git was asked for since it was last looked at."""
    folder = tmp_path_factory.mktemp("bin")
    calls = folder / "calls"
    real = shutil.which("git")
    # The first argument that is neither an option nor the value of `-c`.
    script = f"""#!/bin/sh
for word in "$@"; do case "$word" in -*|*=*) ;; *) echo "$word" >> '{calls}'; break;; esac; done
exec '{real}' "$@"
"""
    (folder / "git").write_text(script)
    (folder / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def take():
        found = calls.read_text().split() if calls.exists() else []
        calls.unlink(missing_ok=True)
        return found

    return take


def test_only_new_commits_are_read_from_git(repo, orglab, git_calls):
    name = repo.commit("[e1.1] Results", {NAME: ALIKE})[:7]
    repo.write(NAME, ALIKE.replace("1. [ ] one", f"1. [X] one ({name})", 1))
    orglab("list")  # which saves the text in its history
    git_calls()
    orglab("show", "1")
    assert git_calls() == ["for-each-ref", "log"]
    for reference in ("1", "2", "1.1"):
        orglab("show", reference)
        # Where the branches are is asked at most; what commits name is in the index.
        assert git_calls() in (["for-each-ref"], [])
    other = repo.commit("names nothing")[:7]
    repo.write(NAME, ALIKE.replace("1. [ ] one", f"1. [X] one ({name}, {other})", 1))
    git_calls()
    orglab("show", "1")
    assert git_calls() == ["for-each-ref", "rev-list", "log", "cat-file", "log"]


def test_a_report_calls_git_equally_often_for_many_experiments(repo, orglab, git_calls):
    more = "".join(ALIKE.split("* TODO [2]", maxsplit=1)[0].replace("1", str(number)) for number in range(30, 60))
    repo.commit("[e1] new", {NAME: ALIKE})
    orglab("list")  # which saves the text in its history
    git_calls()
    orglab("report", "--since", "2018-06-01")
    few = git_calls()
    repo.commit("more", {NAME: ALIKE + more})
    for number in range(30, 60):
        repo.commit(f"[e{number}] more")
    git_calls()
    orglab("report", "--since", "2018-06-01")
    assert git_calls() == few
