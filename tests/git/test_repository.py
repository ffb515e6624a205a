"""Commits and ids, in real repositories."""

import json

import pytest

from commands import Orglab
from orglab.errors import GitError
from orglab.experiment.ids import find_numbers
from orglab.git.repository import find_repository

LOG = "experiment_log.org"


@pytest.fixture
def orglab(capsys):
    return Orglab(capsys)


def test_done_takes_the_commit_that_names_the_step_or_none(repo, orglab):
    orglab("init")
    orglab("new", "A", "-s", "one", "-s", "two")
    assert orglab("done", "1.1").err == "e1.1 done.\n"
    orglab("done", "--undo", "1.1")
    named = repo.commit("[e1.1] Results", {"a": "1"})[:7]
    repo.commit("other", {"a": "2"})
    assert f"({named}, the newest commit naming [e1.1])" in orglab("done", "1.1").err
    assert "e1.2 done, without a commit; add one" in orglab("done", "1.2").err
    assert f"1. [X] one ({named})\n2. [X] two\n" in (repo.path / LOG).read_text()


def test_given_commits_are_recorded_once_each(repo, orglab):
    orglab("init")
    orglab("new", "A", "-s", "one")
    first, second = repo.commit("a", {"a": "1"}), repo.commit("b", {"a": "2"})
    repo.git("tag", "v1", first)
    orglab("done", "1.1", "-c", "v1", "-c", second, "-c", "HEAD")
    assert f"1. [X] one ({first[:7]}, {second[:7]})\n" in (repo.path / LOG).read_text()


def test_all_commits_that_name_the_step_are_recorded_oldest_first(repo, orglab):
    orglab("init", "--tracked")
    orglab("new", "A", "-s", "one", "-s", "two")
    first = repo.commit("[e1.1] Before", {"a": "1"})[:7]
    repo.commit("[e1.11] [e1] foo[e1.1]", {"a": "2"})
    repo.git("switch", "--quiet", "--create", "side")
    repo.commit("[e1.1] on a branch", {"b": "1"})
    repo.git("switch", "--quiet", "main")
    second = repo.commit("Results\n\nof [e1.1]", {"a": "3"})[:7]
    said = orglab("done", "1.1", "--all-commits").err
    assert said == f"e1.1 done ({first}, {second}, the 2 commits naming [e1.1]).\n"
    assert f"1. [X] one ({first}, {second})\n" in (repo.path / LOG).read_text()
    repo.git("commit", "--quiet", "-am", "log")
    assert "e1.2 done, without a commit; add one" in orglab("done", "1.2", "--all-commits").err
    assert "not both" in orglab("done", "1.2", "--all-commits", "-c", "HEAD", code=2).err
    assert "not both" in orglab("done", "1.2", "--all-commits", "--no-commit", code=2).err


def test_a_reference_with_an_earlier_id_counts(repo, orglab):
    orglab("init", "--no-hooks")
    orglab("new", "A", "-s", "one", "-s", "two")
    first = repo.commit("[e1.1] Before", {"a": "1"})[:7]
    repo.commit("[e1.2] and [e1]", {"a": "2"})
    orglab("renumber", "1", "--to", "7")
    second = repo.commit("[e7.1] After", {"a": "3"})[:7]
    repo.commit("other", {"a": "4"})
    said = orglab("done", "7.1", "--all-commits").err
    assert said == f"e7.1 done ({first}, {second}, the 2 commits naming [e7.1]).\n"
    assert "the newest commit naming [e7.2]" in orglab("done", "7.2").err


def test_done_says_when_head_lacks_what_changed(repo, orglab):
    orglab("init", "--tracked")
    orglab("new", "A", "-s", "one", "-s", "two")
    files = {f"{name}.py": "1" for name in "abcde"}
    repo.commit("[e1.1] Before", files)
    repo.commit("later")
    repo.write("untracked", "")
    orglab("journal", "1", "a thought")
    repo.git("add", "journal.org")
    assert "HEAD is recorded" not in orglab("done", "1.2").err
    repo.write("a.py", "2")
    assert "HEAD is recorded" not in orglab("done", "1.1").err
    assert "does not include the uncommitted changes to a.py." in orglab("done", "1.2", "-c", "HEAD").err
    for name in files:
        repo.write(name, "2")
    assert (
        "does not include the uncommitted changes to a.py, b.py, c.py and 2 more."
        in orglab("done", "1.2", "-c", "HEAD").err
    )
    assert "HEAD is recorded" not in orglab("done", "1.2", "-c", "HEAD~1").err


@pytest.mark.parametrize("revision", ["nosuch", "-h", "--output=owned", "HEAD:a", "HEAD^{tree}", "", "..", "HEAD --"])
def test_a_revision_that_is_not_a_commit_is_an_error(repo, orglab, revision):
    orglab("init")
    orglab("new", "A", "-s", "one")
    repo.commit("a", {"a": "1"})
    before = (repo.path / LOG).read_bytes()
    assert "Unknown commit" in orglab("done", "1.1", f"--commit={revision}", code=3).err
    assert (repo.path / LOG).read_bytes() == before
    assert not (repo.path / "owned").exists()


def test_a_new_id_is_free_on_every_branch_and_remote(repo, orglab, tmp_path_factory, monkeypatch):
    orglab("init", "--tracked")
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


def test_a_note_records_head(repo, orglab):
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
    assert orglab("done", "1.1", "--no-commit").err == "e1.1 done.\n"


def test_each_clone_has_its_own_active_step(repo, orglab):
    orglab("init", "--tracked")
    orglab("new", "A", "-s", "one")
    orglab("start", "1.1")
    assert (repo.path / ".git" / "orglab" / "active").read_text() == "e1.1\n"
    assert repo.git("status", "--porcelain") == f"?? .gitattributes\n?? {LOG}"
    orglab("start", "--clear")
    assert not (repo.path / ".git" / "orglab" / "active").exists()


def test_only_the_exact_reference_names_a_step(repo, orglab):
    orglab("init")
    orglab("new", "A", "-s", "one")
    named = repo.commit("Train\n\nas in [e1.1], and [e1]", {"a": "0"})
    for message in ("an_index[e1.1]", "a link [[e1.1]]", "[e1.11]", "[e11.1]", "[e1.1](there)", "[E1.1]"):
        repo.commit(message, {"a": message})
    assert f"({named[:7]}, the newest" in orglab("done", "1.1").err


def test_a_revision_is_anything_that_git_takes_for_one(repo, orglab):
    orglab("init")
    orglab("new", "A", "-s", "one")
    first = repo.commit("the first one", {"a": "1"})
    repo.git("tag", "--annotate", "--message=x", "v1")
    repo.git("update-ref", "refs/heads/-h", first)
    second = repo.commit("second", {"a": "2"})
    for revision in ("v1", ":/the first", "HEAD~1", first[:9], "@^", "refs/heads/-h"):
        orglab("done", "1.1", f"--commit={revision}")
        assert f"1. [X] one ({first[:7]})\n" in (repo.path / LOG).read_text()
    orglab("done", "1.1", "-c", second)
    assert f"1. [X] one ({first[:7]}, {second[:7]})\n" in (repo.path / LOG).read_text()
    assert not (repo.path / "owned").exists()


def test_a_hash_is_long_enough_to_be_read_again(repo, orglab):
    orglab("init")
    orglab("new", "A", "-s", "one")
    head = repo.commit("[e1.1] x", {"a": "1"})
    repo.git("config", "core.abbrev", "4")
    assert f"({head[:7]}, " in orglab("done", "1.1").err
    assert orglab("show", "1.1").out.count(f"({head[:7]})") == 1


def test_an_unreadable_repository_is_an_error_when_a_commit_is_needed(repo, orglab):
    orglab("init")
    orglab("new", "A", "-s", "one")
    repo.commit("x")
    (repo.path / ".git" / "config").write_text("[core\n")
    assert "git cannot read" in orglab("done", "1.1", code=5).err
    assert "git cannot read" in orglab("done", "1.1", "-c", "HEAD", code=5).err
    assert "[X]" not in (repo.path / LOG).read_text()
    orglab("note", "1", "noted all the same")
    orglab("done", "1.1", "--no-commit")
    assert orglab("new", "B").out == "e2\n"


def test_a_worktree_of_a_bare_repository(repo, orglab, tmp_path_factory, monkeypatch):
    orglab("init", "--tracked")
    orglab("new", "A", "-s", "one")
    head = repo.commit("[e1.1] x")
    folder = tmp_path_factory.mktemp("bare")
    repo.git("clone", "--quiet", "--bare", repo.path, folder / "study.git")
    repo.git("-C", folder / "study.git", "worktree", "add", "--quiet", folder / "tree", "main")
    monkeypatch.chdir(folder / "tree")
    orglab("start", "1.1")
    assert (folder / "study.git" / "worktrees" / "tree" / "orglab" / "active").read_text() == "e1.1\n"
    assert f"({head[:7]}, " in orglab("done", "1.1").err
    assert orglab("new", "B").out == "e2\n"


def test_the_repository_of_the_log_is_used_inside_a_hook_of_another(repo, orglab, tmp_path_factory, monkeypatch):
    orglab("init")
    orglab("new", "A", "-s", "one")
    head = repo.commit("[e1.1] x", {"a": "1"})
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    repo.git("init", "--quiet", elsewhere)
    monkeypatch.chdir(elsewhere)
    monkeypatch.setenv("GIT_DIR", str(elsewhere / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(elsewhere / "index"))
    assert f"({head[:7]}, " in orglab("--log", repo.path / LOG, "done", "1.1").err
    assert list(elsewhere.iterdir()) == [elsewhere / ".git"]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("* [7] A\n* TODO [#A] [8] B :exp:\n* <<9>> C\n", {7, 8, 9}),
        ("* A\r\n  :PROPERTIES:\r\n  :ID:       10\r\n  :END:\r\n", {10}),
        (":custom_id: 11\n:ID: 12a\n* A [13/14] [50%]\n* [2018-06-06 Wed] x\n", {11}),
        ("* [" + "9" * 5000 + "] A\n", set()),
    ],
)
def test_numbers_of_a_log(text, numbers):
    assert find_numbers(text.encode()) == numbers


def test_a_log_that_is_only_on_another_branch_counts(repo, orglab):
    repo.commit("empty")
    repo.git("switch", "--quiet", "--create", "with-log")
    orglab("init")
    orglab("new", "A", "--id", "41")
    repo.commit("log", {"other.org": "* [99] not the log\n"})
    repo.git("switch", "--quiet", "main")
    orglab("init")
    assert orglab("new", "B").out == "e42\n"


def test_the_experiment_of_a_step_that_a_run_completes_stays_active(repo, orglab):
    orglab("init")
    orglab("new", "A", "-s", "one")
    repo.commit("all of it")
    orglab("start", "1.1")
    orglab("run", "1.1", "--done", "--", "false", code=1)
    assert json.loads(orglab("status", "--json").out)["active"] == "e1.1"
    orglab("run", "1.1", "--done", "--", "true")
    assert json.loads(orglab("status", "--json").out)["active"] == "e1"


def test_a_commit_without_an_identity_says_how_to_give_one(repo, monkeypatch):
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.delenv(f"GIT_{who}_NAME")
        monkeypatch.delenv(f"GIT_{who}_EMAIL")
    repo.git("config", "user.useConfigOnly", "true")
    repo.write("a.py", "1\n")
    with pytest.raises(GitError, match=r"set `git config --global user\.name` and `user\.email`\.$"):
        find_repository(repo.path).run("commit", "--allow-empty", "--message=A")
