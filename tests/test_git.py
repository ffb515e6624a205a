"""Commits and ids, in real repositories."""

import pytest

from commands import Orglab

LOG = "experiment_log.org"


@pytest.fixture
def orglab(capsys):
    return Orglab(capsys)


def test_done_takes_the_commit_that_names_the_step_else_head(repo, orglab):
    orglab("init")
    orglab("new", "A", "-s", "one", "-s", "two")
    assert "without a commit" in orglab("done", "1.1").err
    orglab("undo", "1.1")
    named = repo.commit("[e1.1] Results", {"a": "1"})[:7]
    head = repo.commit("other", {"a": "2"})[:7]
    assert f"with {named}: the newest commit that names [e1.1]" in orglab("done", "1.1").err
    assert f"with {head}: HEAD" in orglab("done", "1.2").err
    assert f"1. [X] one ({named})\n2. [X] two ({head})\n" in (repo.path / LOG).read_text()


def test_given_commits_are_recorded_once_each(repo, orglab):
    orglab("init")
    orglab("new", "A", "-s", "one")
    first, second = repo.commit("a", {"a": "1"}), repo.commit("b", {"a": "2"})
    repo.git("tag", "v1", first)
    orglab("done", "1.1", "-c", "v1", "-c", second, "-c", "HEAD")
    assert f"1. [X] one ({first[:7]}, {second[:7]})\n" in (repo.path / LOG).read_text()


@pytest.mark.parametrize("revision", ["nosuch", "-h", "--output=owned", "HEAD:a", "HEAD^{tree}", "", "..", "HEAD --"])
def test_what_is_no_commit_is_refused(repo, orglab, revision):
    orglab("init")
    orglab("new", "A", "-s", "one")
    repo.commit("a", {"a": "1"})
    before = (repo.path / LOG).read_bytes()
    assert "There is no commit" in orglab("done", "1.1", f"--commit={revision}", code=3).err
    assert (repo.path / LOG).read_bytes() == before
    assert not (repo.path / "owned").exists()


def test_a_new_id_is_free_on_every_branch_and_remote(repo, orglab, tmp_path_factory, monkeypatch):
    orglab("init")
    orglab("new", "A")
    repo.commit("one")
    repo.git("switch", "--quiet", "--create", "other")
    assert orglab("new", "B").out == "e2\n"
    repo.commit("two on a branch")
    repo.git("switch", "--quiet", "main")
    assert orglab("new", "C").out == "e3\n"
    repo.commit("three")
    clone = tmp_path_factory.mktemp("clone") / "study"
    repo.git("clone", "--quiet", repo.path, clone)
    repo.git("switch", "--quiet", "--create", "later")
    monkeypatch.chdir(clone)
    assert orglab("new", "D").out == "e4\n"
    assert "[2]" not in (clone / LOG).read_text()


def test_a_note_has_the_commit_that_stood(repo, orglab):
    orglab("init")
    orglab("new", "A")
    assert "(" not in orglab("note", "1", "before").out
    head = repo.commit("one")[:7]
    assert orglab("note", "1", "after").out.split()[-1] == head
    repo.git("switch", "--quiet", "--detach")
    assert orglab("note", "1", "detached").out.split()[-1] == head


def test_settings_of_a_repository_run_nothing(repo, orglab):
    orglab("init")
    orglab("new", "A", "-s", "one")
    repo.commit("[e1.1] x")
    for name in ("core.fsmonitor", "core.pager", "diff.external", "gpg.program"):
        repo.git("config", name, f"touch {repo.path}/owned")
    repo.git("config", "log.showSignature", "true")
    orglab("done", "1.1")
    assert not (repo.path / "owned").exists()


@pytest.mark.usefixtures("repo")
def test_without_git_nothing_needs_it(orglab, monkeypatch, tmp_path_factory):
    orglab("init")
    monkeypatch.setenv("PATH", str(tmp_path_factory.mktemp("empty")))
    orglab("new", "A", "-s", "one")
    orglab("note", "1", "text")
    orglab("start", "1.1")
    assert "without a commit" in orglab("done", "1.1", "--no-commit").err


def test_the_active_step_is_of_the_clone(repo, orglab):
    orglab("init")
    orglab("new", "A", "-s", "one")
    orglab("start", "1.1")
    assert (repo.path / ".git" / "orglab" / "active").read_text() == "e1.1\n"
    assert repo.git("status", "--porcelain") == f"?? {LOG}"
    orglab("start", "--clear")
    assert not (repo.path / ".git" / "orglab" / "active").exists()
