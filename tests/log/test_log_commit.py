"""`orglab commit`: the log and the journal, and nothing else."""

import os
import subprocess

import pytest

from commands import Orglab
from lab import NAME
from texts import SEED

NOTED = SEED.replace("** Notes\n", "** Notes\n- A note\n")


@pytest.fixture
def orglab(capsys, repo):
    repo.commit("start", {NAME: SEED, "a.py": "a\n", "b.py": "b\n"})
    return Orglab(capsys)


def test_only_the_log_is_committed(orglab, repo):
    repo.write("a.py", "staged\n")
    repo.write("new.py", "new\n")
    repo.git("add", "a.py", "new.py")
    repo.write("a.py", "staged, then changed\n")
    repo.write("b.py", "changed\n")
    repo.write("untracked", "")
    repo.write(NAME, NOTED)
    repo.write("journal.org", "* 2018\n** 2018-06 June\n*** 2018-06-06 Wednesday\n**** A thought\n")
    staged = repo.git("diff", "--cached")
    out = orglab("commit").out
    assert out.split("  ", 1)[1] == "[e201] log: 1 note; journal: 1 entry\n"
    assert repo.git("show", "--format=", "--name-only", "HEAD").split() == [NAME, "journal.org"]
    assert repo.git("diff", "--cached") == staged
    assert repo.git("status", "--porcelain") == "MM a.py\n M b.py\nA  new.py\n?? untracked"


def test_a_log_that_is_staged_is_committed_as_it_stands(orglab, repo):
    repo.write(NAME, NOTED)
    repo.git("add", NAME)
    repo.write(NAME, NOTED.replace("2. [ ]", "2. [X]"))
    assert orglab("commit").out.endswith("[e201] log: step 2 done, 1 note\n")
    assert repo.git("status", "--porcelain") == ""


def test_the_journal_beside_a_link_to_the_log_is_the_one_that_is_committed(orglab, repo):
    (repo.path / "sub").mkdir()
    (repo.path / NAME).rename(repo.path / "sub/real.org")
    (repo.path / NAME).symlink_to("sub/real.org")
    repo.commit("moved")
    orglab("journal", "A thought")
    orglab("commit")
    assert repo.git("show", "--format=", "--name-only", "HEAD").split() == ["journal.org"]


def test_nothing_to_commit(orglab, repo):
    repo.write("a.py", "staged\n")
    repo.git("add", "a.py")
    assert orglab("commit").err == "Nothing to commit: the log and the journal have not changed.\n"
    assert repo.git("log", "--format=%s") == "start"
    repo.write(NAME, NOTED)
    repo.git("add", NAME)
    repo.write(NAME, SEED)
    assert orglab("commit").err == "Nothing to commit: the log and the journal have not changed.\n"


def test_an_empty_message_is_refused(orglab, repo):
    repo.write(NAME, NOTED)
    assert orglab("commit", "-m", " ", code=2).err.startswith("orglab: The message is empty")


def test_a_new_log_is_added_and_an_ignored_one_is_an_error(capsys, repo):
    orglab = Orglab(capsys)
    repo.write(NAME, SEED)
    repo.write("other", "")
    assert orglab("commit").out.endswith("[e201] log: new, with 2 steps\n")
    assert repo.git("status", "--porcelain") == "?? other"
    repo.write("sub/.gitignore", "*.org\n")
    repo.write(f"sub/{NAME}", SEED)
    assert "git ignores sub/experiment_log.org" in orglab("--log", f"sub/{NAME}", "commit", code=5).err


def test_a_refused_commit_leaves_the_index_as_it_was(capsys, repo):
    orglab = Orglab(capsys)
    repo.write(NAME, SEED)
    hook = repo.write(".git/hooks/pre-commit", "#!/bin/sh\necho 'not today' >&2\nexit 1\n")
    hook.chmod(0o755)
    assert orglab("commit", code=5).err.startswith("orglab: git commit failed: not today")
    assert repo.git("status", "--porcelain") == f"?? {NAME}"


def test_the_hooks_of_the_user_run_and_ours_add_nothing(orglab, repo):
    orglab("setup", "git")
    repo.write(".git/hooks/commit-msg.orglab-kept", '#!/bin/sh\necho "Signed" >> "$1"\n').chmod(0o755)
    orglab("start", "201.1")
    orglab("commit", "-m", "Second week")
    assert repo.git("log", "-1", "--format=%B") == "[e201] Second week\nSigned"


def test_a_message_may_begin_with_a_dash_or_hold_anything(orglab, repo):
    for number, text in enumerate(("-h", "--amend", "# 1", "$(touch pwned)")):
        repo.write(NAME, NOTED.replace("A note", f"Note {number}"))
        orglab("commit", "-m", text)
        assert repo.git("log", "-1", "--format=%s") == f"[e201] {text}"
    assert not (repo.path / "pwned").exists()


@pytest.mark.parametrize(
    ("state", "what"), [("MERGE_HEAD", "a merge"), ("CHERRY_PICK_HEAD", "a cherry-pick"), ("rebase-merge", "a rebase")]
)
def test_a_commit_during_a_merge_is_refused(orglab, repo, state, what):
    repo.write(NAME, NOTED)
    place = repo.path / ".git" / state
    if "-" in state:
        place.mkdir()
    else:
        place.write_text(repo.git("rev-parse", "HEAD") + "\n")
    said = orglab("commit", code=5).err
    assert said == f"orglab: git is in the middle of {what}; finish that first (its commit may include the log).\n"
    assert repo.git("log", "--format=%s") == "start"


def test_a_log_with_conflicts_is_refused(orglab, repo):
    repo.write(NAME, SEED.replace("ABC in", "mine in"))
    repo.git("stash", "--quiet")
    repo.commit("other", {NAME: SEED.replace("ABC in", "theirs in")})
    repo.git("stash", "pop", "--quiet", check=False)
    assert "has merge conflicts; resolve them first" in orglab("commit", code=5).err


def test_a_symbolic_link_commits_the_log_itself_in_its_own_repository(orglab, repo, tmp_path_factory, monkeypatch):
    place = tmp_path_factory.mktemp("elsewhere")
    (place / NAME).symlink_to(repo.path / NAME)
    repo.write(NAME, NOTED)
    monkeypatch.chdir(place)
    assert orglab("commit").out.endswith("[e201] log: 1 note\n")
    assert repo.git("status", "--porcelain") == ""


def test_git_variables_of_a_hook_are_ignored(orglab, repo, tmp_path_factory, monkeypatch):
    other = tmp_path_factory.mktemp("other")
    subprocess.run(["git", "init", "--quiet", other], check=True)
    repo.write(NAME, NOTED)
    for name, value in (
        ("GIT_DIR", other / ".git"),
        ("GIT_INDEX_FILE", other / ".git/index"),
        ("GIT_WORK_TREE", other),
    ):
        monkeypatch.setenv(name, os.fspath(value))
    assert orglab("commit").out.endswith("[e201] log: 1 note\n")
    assert not (other / ".git/index").exists()


@pytest.mark.parametrize("name", [NAME, "journal.org"])
def test_conflict_markers_are_not_committed(orglab, repo, name):
    repo.write("journal.org", "* 2018\n")
    orglab("commit")
    head = repo.git("rev-parse", "HEAD")
    with (repo.path / name).open("a") as file:
        file.write("<<<<<<< a\n* A\n=======\n* B\n>>>>>>> b\n")
    assert "git conflict marker in line" in orglab("commit", code=4).err
    assert repo.git("rev-parse", "HEAD") == head
