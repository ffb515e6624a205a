"""Pending entries: one file each, for one log."""

import os
import shutil
from pathlib import Path

import pytest

from orglab.api import open_log
from orglab.runs.pending import add_pending_run, add_pending_step, find_pending, lock_step, postpone, remove_pending
from orglab.runs.storage import PENDING, list_entries

ID = "20180606-161600-3f2a1b"
LOG = "experiment_log.org"


def names(study, log=LOG):
    return [one.ref or one.name for one in find_pending(study.path, study.path / log)]


def test_an_entry_is_for_one_log_unless_that_is_gone(study):
    home = study.path / ".git/orglab"
    study.write("other/log.org", "")
    add_pending_run(home, ID, study.path / "other/log.org")
    add_pending_step(study.path, study.path / LOG, "e1.1", "0" * 40)
    assert names(study) == ["e1.1"]
    assert names(study, "other/log.org") == [ID]
    shutil.rmtree(study.path / "other")
    assert names(study) == ["e1.1", ID]


def test_a_log_is_the_same_by_each_of_its_names(study):
    (study.path / "link.org").symlink_to(LOG)
    add_pending_step(study.path, study.path / "link.org", "e1.1", "0" * 40)
    assert names(study) == names(study, "link.org") == ["e1.1"]


def test_a_received_run_is_for_any_log(study):
    add_pending_run(study.path / ".git/orglab", ID, None)
    assert names(study) == names(study, "other.org") == [ID]


def test_the_last_of_two_commits_counts_and_each_log_has_its_own_entry(study):
    study.write("other.org", "")
    for log, commit in ((LOG, "1" * 40), (LOG, "2" * 40), ("other.org", "3" * 40)):
        add_pending_step(study.path, study.path / log, "e1.1", commit)
    assert [one.commit for one in find_pending(study.path, study.path / LOG)] == ["2" * 40]
    assert [one.commit for one in find_pending(study.path, study.path / "other.org")] == ["3" * 40]


def test_a_step_is_not_completed_with_an_amended_commit(study):
    add_pending_step(study.path, study.path / LOG, "e1.1", "1" * 40)
    (old,) = find_pending(study.path, study.path / LOG)
    add_pending_step(study.path, study.path / LOG, "e1.1", "2" * 40)
    with lock_step(old) as is_pending:
        assert not is_pending
    (new,) = find_pending(study.path, study.path / LOG)
    with lock_step(new) as is_pending:
        assert is_pending
        remove_pending(new)
    with lock_step(new) as is_pending:
        assert not is_pending


def test_a_postponed_entry_stays_pending_until_the_log_changes(study):
    home = study.path / ".git/orglab"
    add_pending_run(home, ID, study.path / LOG)
    (waiting,) = find_pending(study.path, study.path / LOG)
    postpone(waiting, study.path / LOG)
    assert names(study) == []
    study.write(LOG, (study.path / LOG).read_text() + "\n")
    assert names(study) == [ID]


@pytest.mark.parametrize("text", [b"", b"{", b"[1]", b"\xff", b'{"log": 5, "ref": [], "unlike": {}}', b"[" * 100_000])
def test_an_invalid_file_is_removed(study, orglab, text):
    (study.path / ".git/orglab/waiting").mkdir(parents=True)
    study.write(f".git/orglab/waiting/{ID}", text)
    assert orglab("list").err == ""
    assert list_entries(study.path, PENDING) == {}


@pytest.mark.usefixtures("study")
def test_without_pending_entries_no_file_is_read(monkeypatch):
    log = open_log(LOG)
    opened = []
    real = os.open
    monkeypatch.setattr(os, "open", lambda path, *rest, **more: opened.append(path) or real(path, *rest, **more))
    log.write_pending(opened.append)
    assert opened == []


def test_entries_of_two_logs_are_written_each_to_its_own(repo, orglab, monkeypatch):
    for name, title in (("a", "Vision"), ("b", "Speech")):
        (repo.path / name).mkdir()
        monkeypatch.chdir(repo.path / name)
        orglab("init", "--no-hooks")
        orglab("new", title, "-s", "one", "-s", "two")
    commit = repo.commit("logs")
    monkeypatch.chdir(repo.path / "a")
    lock = Path(f".#{LOG}")
    lock.symlink_to(f"user@{os.uname().nodename}.{os.getpid()}")
    orglab("run", "1.1", "--done", "--", "true")
    lock.unlink()
    add_pending_step(repo.path, repo.path / "a" / LOG, "e1.2", commit)
    monkeypatch.chdir(repo.path / "b")
    assert orglab("list").err == ""
    assert orglab("runs").out == ""
    assert "[X]" not in Path(LOG).read_text()
    monkeypatch.chdir(repo.path / "a")
    said = orglab("list").err
    assert f"e1.2 done, with {commit[:7]}; commit the log with `orglab commit`.\n" in said
    assert "(e1.1) to the log.\n" in said
    assert Path(LOG).read_text().count("[X]") == 2
    assert list_entries(repo.path, PENDING) == {}
    assert orglab("list").err == ""
