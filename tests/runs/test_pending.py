"""Pending entries: one file each, for one log."""

import fcntl
import json
import os
import threading
from pathlib import Path

import pytest

from lab import orglab as process
from orglab import clock
from orglab.api import open_log
from orglab.runs.log_runs import LogRuns
from orglab.runs.pending import (
    add_pending_run,
    add_pending_step,
    find_pending,
    is_locked,
    lock_step,
    postpone,
    remove_pending,
    take_lock,
)
from orglab.runs.record_writer import begin_record, resume_record
from orglab.runs.storage import PENDING, list_entries

ID = "20180606-161600-3f2a1b"
LOG = "experiment_log.org"


def pending(study, log=LOG):
    return find_pending(study.path, study.path / log, LogRuns(open_log(study.path / log)).owns)


def names(study, log=LOG):
    return [one.ref or one.name for one in pending(study, log)]


@pytest.fixture
def two_logs(repo, orglab, monkeypatch):
    """A repository with the logs of two projects; a run of the first is pending, on its only branch."""
    (repo.path / "b").mkdir()
    monkeypatch.chdir(repo.path / "b")
    orglab("init", "--tracked", "--no-hooks")
    orglab("new", "Speech", "-s", "one", "-s", "two")
    repo.commit("b")
    repo.git("branch", "without-a")
    (repo.path / "a").mkdir()
    monkeypatch.chdir(repo.path / "a")
    orglab("init", "--tracked", "--no-hooks")
    orglab("new", "Vision", "-s", "one", "-s", "two")
    repo.commit("a")
    orglab("run", "1.2", "--", "true")
    lock = Path(f".#{LOG}")
    lock.symlink_to(f"user@{os.uname().nodename}.{os.getpid()}")
    orglab("run", "1.1", "--done", "--", "echo", "x")
    lock.unlink()
    monkeypatch.chdir(repo.path)
    return repo


def test_an_entry_is_for_one_log_even_if_that_is_gone(study):
    home = study.path / ".git/orglab"
    study.write("other/log.org", "")
    add_pending_run(home, ID, "other/log.org", study.path / "other/log.org")
    add_pending_step(open_log(study.path / LOG), "e1.1", "0" * 40)
    add_pending_step(open_log(study.path / "other/log.org"), "e1.2", "0" * 40)
    assert names(study) == ["e1.1"]
    assert names(study, "other/log.org") == ["e1.2", ID]
    (study.path / "other").rename(study.path / "away")
    assert names(study) == ["e1.1"]


def test_a_run_is_not_written_to_another_log_on_a_branch_without_its_own(two_logs, orglab):
    two_logs.git("stash", "--quiet", "--include-untracked")
    two_logs.git("checkout", "--quiet", "without-a")
    before = Path("b", LOG).read_text()
    assert orglab("--log", f"b/{LOG}", "list").err == ""
    assert "No runs yet." in orglab("--log", f"b/{LOG}", "runs").err
    assert Path("b", LOG).read_text() == before
    two_logs.git("checkout", "--quiet", "-")
    assert "(e1.1) to the log." in orglab("--log", f"a/{LOG}", "list").err


def test_a_run_is_written_to_its_log_after_the_clone_has_moved(two_logs, orglab, tmp_path_factory, monkeypatch):
    moved = tmp_path_factory.mktemp("moved") / "clone"
    two_logs.path.rename(moved)
    monkeypatch.chdir(moved)
    assert orglab("--log", f"b/{LOG}", "list").err == ""
    assert "(e1.1) to the log." in orglab("--log", f"a/{LOG}", "list").err


@pytest.mark.usefixtures("two_logs")
def test_a_run_is_written_to_its_log_after_that_has_moved(orglab):
    Path("a").rename("vision")
    assert orglab("--log", f"b/{LOG}", "list").err == ""
    assert "(e1.1) to the log." in orglab("--log", f"vision/{LOG}", "list").err
    assert "(e1.1)" not in orglab("--log", f"b/{LOG}", "runs").out
    assert "  echo x" in orglab("--log", f"vision/{LOG}", "runs").out


@pytest.mark.parametrize("commits", [False, True])
def test_a_run_is_written_to_its_log_after_git_has_moved_that_before_its_first_note(study, orglab, commits):
    log = study.path / LOG
    log.write_text(log.read_text() + "<<<<<<< ours\n")
    orglab("run", "1.1", "--", "true")
    log.write_text(log.read_text().replace("<<<<<<< ours\n", ""))
    for old, new in ((LOG, "notes.org"), ("notes.org", "lab/notes ü.org")):
        (study.path / new).parent.mkdir(exist_ok=True)
        study.git("add", "--all")
        study.git("commit", "--quiet", "-m", "before the move", "--allow-empty")
        study.git("mv", old, new)
        if commits:
            study.git("commit", "--quiet", "-m", "moved")
    assert "(e1.1) to the log." in orglab("--log", "lab/notes ü.org", "list").err
    assert "  true" in orglab("--log", "lab/notes ü.org", "runs").out


def test_status_tells_of_a_run_whose_log_is_not_where_it_was(study, orglab):
    log = study.path / LOG
    log.write_text(log.read_text() + "<<<<<<< ours\n")
    orglab("run", "1.1", "--", "true")
    (study.path / "moved.org").write_text(log.read_text().replace("<<<<<<< ours\n", ""))
    log.unlink()
    [name] = list_entries(study.path, PENDING)
    assert f"{name} ({LOG}): not in a log, because that is not here" in orglab("--log", "moved.org", "status").out
    assert json.loads(orglab("--log", "moved.org", "status", "--json").out)["homeless"] == {name: LOG}
    study.git("add", "--all")
    assert "(e1.1) to the log." in orglab("--log", "moved.org", "status").err


def test_a_log_is_the_same_by_each_of_its_names(study):
    (study.path / "link.org").symlink_to(LOG)
    add_pending_step(open_log(study.path / "link.org"), "e1.1", "0" * 40)
    assert names(study) == names(study, "link.org") == ["e1.1"]


def test_a_received_run_is_for_the_log_that_it_names(study):
    study.write("other.org", "")
    add_pending_run(study.path / ".git/orglab", ID, LOG)
    assert (names(study), names(study, "other.org")) == ([ID], [])
    add_pending_run(study.path / ".git/orglab", ID, None)
    assert names(study) == names(study, "other.org") == [ID]


def test_the_last_of_two_commits_counts_and_each_log_has_its_own_entry(study):
    study.write("other.org", "")
    for log, commit in ((LOG, "1" * 40), (LOG, "2" * 40), ("other.org", "3" * 40)):
        add_pending_step(open_log(study.path / log), "e1.1", commit)
    assert [one.commit for one in pending(study)] == ["2" * 40]
    assert [one.commit for one in pending(study, "other.org")] == ["3" * 40]


def test_a_step_is_not_completed_with_an_amended_commit(study):
    add_pending_step(open_log(study.path / LOG), "e1.1", "1" * 40)
    (old,) = pending(study)
    add_pending_step(open_log(study.path / LOG), "e1.1", "2" * 40)
    with lock_step(old) as is_pending:
        assert not is_pending
    (new,) = pending(study)
    with lock_step(new) as is_pending:
        assert is_pending
        remove_pending(new)
    with lock_step(new) as is_pending:
        assert not is_pending


def test_a_postponed_entry_stays_pending_until_the_log_changes(study):
    home = study.path / ".git/orglab"
    add_pending_run(home, ID, LOG, study.path / LOG)
    (waiting,) = pending(study)
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
    # What every command has to read.
    assert [path for path in opened if Path(path).name not in ("commondir", "HEAD")] == []


def test_entries_of_two_logs_are_written_each_to_its_own(repo, orglab, monkeypatch):
    for name, title in (("a", "Vision"), ("b", "Speech")):
        (repo.path / name).mkdir()
        monkeypatch.chdir(repo.path / name)
        orglab("init", "--tracked", "--no-hooks")
        orglab("new", title, "-s", "one", "-s", "two")
    commit = repo.commit("logs")
    monkeypatch.chdir(repo.path / "a")
    lock = Path(f".#{LOG}")
    lock.symlink_to(f"user@{os.uname().nodename}.{os.getpid()}")
    orglab("run", "1.1", "--done", "--", "true")
    lock.unlink()
    add_pending_step(open_log(repo.path / "a" / LOG), "e1.2", commit)
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


@pytest.mark.parametrize(
    "fields",
    [
        {"ref": "--help", "commit": "--output=x"},
        {"ref": "e1.1", "commit": "HEAD"},
        {"ref": "e1.1\0", "commit": "a" * 40},
        {"log": "a\0b"},
        {"name": "a\0b"},
        {"name": "\ud800"},
        {"log": "\ud800", "waiting": ["", "\ud800", None]},
    ],
)
def test_fields_that_orglab_does_not_write_count_as_missing(study, orglab, fields):
    study.write(".git/orglab/waiting/e1.1-0123abcd", json.dumps(fields))
    assert orglab("list").err == ""
    assert orglab("status").code == 0
    assert not pending(study)


def test_a_pipe_in_place_of_an_entry_or_a_record_is_not_waited_for(study):
    (study.path / f".git/orglab/runs/{ID}").mkdir(parents=True)
    (study.path / ".git/orglab/waiting").mkdir()
    study.write(f".git/orglab/waiting/{ID}", "{}")
    os.mkfifo(study.path / ".git/orglab/waiting/e1.1-0123abcd")
    assert is_locked(study.path / ".git/orglab/waiting/e1.1-0123abcd") is None
    os.mkfifo(study.path / f".git/orglab/runs/{ID}/output.log")
    assert process("list").code == 0


def test_who_looks_whether_a_record_is_locked_does_not_keep_its_writer_from_locking_it(study, monkeypatch):
    flock, looking = fcntl.flock, []

    def look_first(fd, how):
        if how & fcntl.LOCK_EX and not looking:
            (record,) = study.path.glob(".git/orglab/runs/*/record.jsonl")
            looking.append(os.open(record, os.O_RDONLY))
            flock(looking[0], fcntl.LOCK_SH | fcntl.LOCK_NB)
            threading.Timer(0.05, os.close, looking).start()
        flock(fd, how)

    monkeypatch.setattr(fcntl, "flock", look_first)
    log = open_log(study.path / LOG)
    record = begin_record(log, clock.now())
    assert looking
    assert is_locked(record.folder / "record.jsonl")
    assert resume_record(record.pending) is None  # another writer is not waited for
    record.close()
    looking.clear()
    resumed = resume_record(record.pending)
    assert resumed is not None
    assert is_locked(record.folder / "record.jsonl")
    resumed.close()


def test_a_lock_that_another_writer_has_is_not_waited_for(tmp_path):
    (tmp_path / "record.jsonl").touch()
    first, second = (os.open(tmp_path / "record.jsonl", os.O_RDWR) for _ in range(2))
    assert take_lock(first)
    assert not take_lock(second)
    os.close(first)
    assert take_lock(second)
    os.close(second)
