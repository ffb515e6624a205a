"""The active step: in the git directory, or in the user's state folder."""

import json
import os

import pytest

from lab import orglab, with_read_only
from orglab.errors import NotWritableError
from orglab.git import find_repository
from orglab.log.active_step import ActiveStep

LOG = "experiment_log.org"


@pytest.fixture
def places(repo, tmp_path_factory, monkeypatch):
    """A clone, and the state folder of the user."""
    state = tmp_path_factory.mktemp("state")
    monkeypatch.setenv("XDG_STATE_HOME", str(state))
    return repo, state


def active_of(repo):
    return ActiveStep(repo.path / LOG, find_repository(repo.path))


def test_the_active_step_is_in_the_git_directory(places):
    repo, state = places
    active = active_of(repo)
    active.set("e201.1")
    assert (repo.path / ".git/orglab/active").read_text() == "e201.1\n"
    assert active.get() == "e201.1"
    active.clear("e201")
    assert active.get() is None
    assert not any(state.iterdir())


def test_an_unwritable_git_directory_falls_back_to_the_state_folder(places):
    repo, state = places
    active = active_of(repo)
    active.set("e201.1")
    # A folder at its name: neither written over nor removed, whoever one is.
    file = repo.path / ".git/orglab/active"
    file.unlink()
    file.mkdir()
    active.set("e201.2")
    assert active.get() == "e201.2"
    assert [path.read_text() for path in state.rglob("active")] == ["e201.2\n"]
    file.rmdir()
    active.set("e201.3")
    assert active.get() == "e201.3"
    assert not [*state.rglob("active")]


def test_the_file_written_last_counts(places):
    repo, state = places
    active = active_of(repo)
    active.set("e201.1")
    other = ActiveStep(repo.path / LOG, None)
    other.set("e201.2")
    os.utime(repo.path / ".git/orglab/active", ns=(1, 1))
    assert active.get() == "e201.2"
    (kept,) = state.rglob("active")
    kept.write_text("\n")
    assert active.get() is None


def test_an_active_step_that_cannot_be_written_is_an_error(places, monkeypatch):
    repo, _ = places
    monkeypatch.setenv("XDG_STATE_HOME", "/dev/null/nowhere")
    (repo.path / ".git/orglab/active").mkdir(parents=True)
    with pytest.raises(NotWritableError, match=r"Cannot write the active step to .*/\.git/orglab/active: "):
        active_of(repo).set("e201.1")


@pytest.mark.parametrize("hooks", [["--no-hooks"], []])
def test_steps_are_started_and_done_in_a_sandbox(places, hooks):
    repo, _ = places
    orglab("init", *hooks)
    orglab("new", "First", "-s", "one", "-s", "two")
    in_clone = (repo.path / ".git/orglab/active").read_text()
    head = repo.commit("[e1] log\n\n[e1.1]", {"a": "1"})[:7]
    sandbox = with_read_only(repo.path / ".git")
    for command, said in (
        (("start", "1.1"), "e1.1 is now active.\n"),
        (("done", "1.1"), f"e1.1 done ({head}, the newest commit naming [e1.1]).\n"),
        (("start", "1.2"), "e1.2 is now active.\n"),
        (("note", "1", "A thought"), ""),
    ):
        done = orglab(*command, prefix=sandbox)
        assert (done.code, done.err) == (0, said), done
    text = (repo.path / LOG).read_text()
    assert f"1. [X] one ({head})\n" in text
    assert "A thought" in text
    assert "* INPROGRESS [1]" in text
    assert (repo.path / ".git/orglab/active").read_text() == in_clone
    assert ">  2. [ ] two\n" in orglab("next").out
    done = orglab("start", "--clear", prefix=sandbox)
    assert (done.code, done.err) == (0, "No experiment is active now.\n")
    done = orglab("start", "1.2", prefix=sandbox, XDG_STATE_HOME="/dev/null/nowhere")
    assert (done.code, done.err) == (0, "The active step was not changed: its file cannot be written.\n")


def test_renumbering_updates_the_active_step(places, monkeypatch):
    repo, _ = places
    monkeypatch.chdir(repo.path)
    orglab("init", "--no-hooks")
    orglab("new", "A", "-s", "one", "-s", "two")
    orglab("start", "1.1")
    orglab("renumber", "1", "--to", "7")
    assert active_of(repo).get() == "e7.1"
    orglab("renumber", "7", "--to", "8")
    assert active_of(repo).get() == "e8.1"
    # In another clone nobody moved it.
    active_of(repo).set("e1.1")
    assert json.loads(orglab("next", "--json").out)["active"] == "e8.1"
    assert orglab("run", "--", "true").code == 0
    assert json.loads(orglab("show", "8.1", "--json").out)["runs"][0]["ref"] == "e8.1"
    orglab("done", "8.1", "--no-commit")
    assert active_of(repo).get() == "e8"


@pytest.mark.parametrize("closing", [["conclude", "1", "No."], ["state", "1", "CANCELED"]])
def test_after_a_step_its_experiment_is_active_until_it_is_closed(places, monkeypatch, closing):
    repo, _ = places
    monkeypatch.chdir(repo.path)
    orglab("init")
    orglab("new", "A", "-s", "one", "-s", "two")
    orglab("start", "1.1")
    orglab("done", "--no-commit")
    assert active_of(repo).get() == "e1"
    assert orglab("note", "another remark").code == 0
    repo.commit("code", {"train.py": "1\n"})
    assert repo.git("log", "-1", "--format=%s").strip() == "[e1] code"
    assert orglab("done").err == "orglab: Name a step of e1, such as e1.2.\n"
    orglab("start", "1.2")
    assert orglab("run", "--done", "--", "true").code == 0
    assert active_of(repo).get() == "e1"
    assert orglab(*closing).code == 0
    assert active_of(repo).get() is None


def test_the_active_step_may_use_an_earlier_id(places, monkeypatch):
    repo, _ = places
    monkeypatch.chdir(repo.path)
    orglab("init", "--no-hooks")
    orglab("new", "A", "-s", "one")
    orglab("renumber", "1", "--to", "7")
    assert orglab("start", "1.1").err == "e7.1 is now active.\n"


def begin_twice(places, monkeypatch):
    """Begin a log with the same experiment twice, and return its repository."""
    repo, _ = places
    monkeypatch.chdir(repo.path)
    orglab("init", "--no-hooks")
    orglab("new", "A", "-s", "one")
    log = repo.path / LOG
    log.write_text(log.read_text() + log.read_text()[log.read_text().index("* TODO") :])
    return repo


def test_renumbering_a_duplicate_id_keeps_the_active_step_of_the_other(places, monkeypatch):
    repo = begin_twice(places, monkeypatch)
    active_of(repo).set("e1.1")
    orglab("renumber", "1", "--to", "7")
    assert active_of(repo).get() == "e1.1"


def test_status_names_the_experiments_that_share_the_active_id(places, monkeypatch):
    begin_twice(places, monkeypatch)
    said = " ".join(orglab("status").out.split())
    assert "Active e1: Two experiments have the id 1 (lines " in said
    assert "run `orglab renumber 1`" in said
    assert json.loads(orglab("status", "--json").out)["duplicate"].startswith("Two experiments have the id 1 ")


@pytest.mark.parametrize("place", ["file", "folder"])
def test_the_active_step_is_not_read_or_written_through_a_link(places, tmp_path, place):
    repo, state = places
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "active").write_text("e201.1\n")
    own = repo.path / ".git/orglab"
    if place == "folder":
        own.symlink_to(outside)
    else:
        own.mkdir()
        (own / "active").symlink_to(outside / "active")
    active = active_of(repo)
    assert active.get() is None
    active.set("e201.2")
    assert active.get() == "e201.2"
    assert (outside / "active").read_text() == "e201.1\n"
    assert any(state.rglob("active")) == (place == "folder")


@pytest.mark.parametrize("data", [b"e201.1\0", b"two words", b"a\nb", b"x" * 100_000, b"\x1b[2J"])
def test_what_cannot_be_a_reference_is_no_active_step(places, data):
    repo, _ = places
    repo.write(".git/orglab/active", data)
    assert active_of(repo).get() is None
