"""What pre-commit leaves out of a commit of code, and what git's index holds afterwards."""

import pytest

from hooked_repo import LOG, Study
from lab import NAME, orglab

LEFT = f"orglab: Left {NAME} out of this commit; commit it with `orglab commit`.\n"
STAGED, UNSTAGED = LOG.replace("** Notes\n", "** Notes\n- Staged\n"), LOG.replace("** Notes\n", "** Notes\n- Later\n")


@pytest.fixture
def study(repo):
    study = Study(repo)
    study.edit(NAME, LOG + "\n")
    study.git("commit", "--quiet", "-am", "[e201] log")
    study.commit("[e201] code")
    return study


def committed(study, revision="HEAD"):
    return study.repo.git("show", "--format=", "--name-only", revision).splitlines()


def change(study, state):
    """Change the code, and the log as `git status --porcelain` would say."""
    if state[0] == "M":
        study.edit(NAME, STAGED)
        study.git("add", NAME)
    if state[1] == "M":
        study.edit(NAME, UNSTAGED)
    study.edit()


WAYS = {
    "as it is": ["commit"],
    "all": ["commit", "--all"],
    "paths": ["commit", "train.py", NAME],
    "included paths": ["commit", "--include", "train.py", NAME],
    "patch": ["commit", "--patch"],
    "fixup": ["commit", "--all", "--fixup", "HEAD"],
}


@pytest.mark.parametrize("state", ["M ", " M", "MM"])
@pytest.mark.parametrize("way", WAYS)
def test_the_log_stays_as_it_was_staged_before(study, way, state):
    change(study, state)
    if way == "as it is":
        study.git("add", "train.py")
    entry, text = study.repo.git("ls-files", "--stage", NAME), study.log
    message = () if way == "fixup" else ("-m", "[e201] tune")
    said = study.git(*WAYS[way], "--quiet", *message, stdin="y\n" * 9)
    assert (LEFT in said) == (way != "as it is" or state[0] == "M")
    assert committed(study) == ["train.py"]
    assert study.repo.git("ls-files", "--stage", NAME) == entry
    assert study.log == text
    assert study.repo.git("status", "--porcelain") == f"{state} {NAME}".strip() if state[0] == "M" else f" M {NAME}"
    study.git("diff", "--quiet", "--cached", "--", "train.py")
    assert not (study.path / ".git/orglab/left-out").exists()
    assert orglab("commit", cwd=study.path).code == 0
    assert committed(study) == [NAME]
    assert study.repo.git("status", "--porcelain") == ""


@pytest.mark.parametrize("way", ["editor", "message", "kept hook", "kept pre-commit", "kept first message hook"])
@pytest.mark.parametrize("arguments", [(), ("--all",), ("train.py", NAME)])
def test_the_index_of_a_commit_that_is_not_made_is_unchanged(study, way, arguments):
    change(study, "MM")
    study.git("add", "train.py")
    index = study.repo.git("ls-files", "--stage")
    kept = {"kept hook": "commit-msg", "kept pre-commit": "pre-commit", "kept first message hook": "prepare-commit-msg"}
    if way in kept:
        path = study.hook(kept[way] + ".orglab-kept")
        path.write_text("#!/bin/sh\nexit 1\n")
        path.chmod(0o755)
    message = () if way in ("editor", "message") else ("-m", "tune")
    said = study.git("commit", *message, *arguments, code=1, GIT_EDITOR="false" if way == "editor" else "true")
    assert LEFT in said
    assert study.repo.git("ls-files", "--stage") == index
    assert study.repo.git("status", "--porcelain") == f"MM {NAME}\nM  train.py"
    assert not [*(study.path / ".git").glob("*.lock")]


@pytest.mark.parametrize("arguments", [(), ("--all",), ("train.py",)])
def test_a_hook_of_the_user_that_stages_everything_does_not_bring_the_log_in(study, arguments):
    change(study, " M")
    study.git("add", "train.py")
    kept = study.hook("pre-commit.orglab-kept")
    kept.write_text("#!/bin/sh\necho formatted >> train.py; git add --update\n")
    kept.chmod(0o755)
    assert LEFT in study.git("commit", "--quiet", "-m", "[e201] tune", *arguments)
    assert committed(study) == ["train.py"]
    assert study.repo.git("show", "HEAD:train.py").endswith("formatted")
    assert study.log == UNSTAGED


def test_a_new_journal_is_left_out_and_stays_staged(study):
    study.edit("journal.org", "* 2026\n")
    study.edit()
    study.git("add", "--all")
    said = study.git("commit", "--quiet", "-m", "[e201] tune")
    assert said.startswith("orglab: Left journal.org out of this commit;")
    assert committed(study) == ["train.py"]
    assert study.repo.git("status", "--porcelain") == "A  journal.org"


def test_an_amend_takes_code_and_leaves_the_log(study):
    change(study, "M ")
    assert LEFT in study.git("commit", "--quiet", "--amend", "--all", "--no-edit")
    assert committed(study) == ["train.py"]
    assert study.repo.git("status", "--porcelain").split() == ["M", NAME]


def test_an_amend_with_the_log_alone_does_what_was_asked(study):
    study.edit(NAME, STAGED)
    study.git("commit", "--quiet", "--amend", "--all", "--no-edit")
    assert committed(study) == [NAME, "train.py"]


def test_an_amend_may_take_the_log_out_of_a_commit_that_holds_both(study):
    change(study, "M ")
    study.git("commit", "--quiet", "--all", "--no-verify", "-m", "[e201] both")
    study.git("restore", "--staged", "--source=HEAD~", NAME)
    study.edit()
    study.git("add", "train.py")
    assert "Left" not in study.git("commit", "--quiet", "--amend", "--no-edit")
    assert committed(study) == ["train.py"]
    assert study.repo.git("status", "--porcelain") == f" M {NAME}"


def test_a_squashed_merge_is_committed_whole(study):
    study.git("switch", "--quiet", "--create", "side")
    change(study, "M ")
    study.git("commit", "--quiet", "--all", "--no-verify", "-m", "[e201] both")
    study.git("switch", "--quiet", "main")
    study.git("merge", "--quiet", "--squash", "side")
    assert "Left" not in study.git("commit", "--quiet", "-m", "[e201] squashed")
    assert committed(study) == [NAME, "train.py"]


@pytest.mark.parametrize("arguments", [(), ("--all",), ("train.py",), ("train.py", NAME), ("--allow-empty",)])
def test_what_a_killed_hook_left_is_staged_again_by_the_next_commit(study, arguments):
    change(study, "MM")
    study.git("add", "train.py")
    entry = study.repo.git("ls-files", "--stage", NAME)
    kept = study.hook("pre-commit.orglab-kept")
    kept.write_text("#!/bin/sh\nkill -9 $PPID $$\n")
    kept.chmod(0o755)
    study.git("commit", "-m", "tune", code=1)
    assert study.repo.git("status", "--porcelain") == f" M {NAME}\nM  train.py"
    kept.unlink()
    study.git("commit", "--quiet", "-m", "[e201] tune", *arguments)
    assert committed(study) == ["train.py"]
    assert study.repo.git("ls-files", "--stage", NAME) == entry


def test_a_log_that_was_committed_meanwhile_is_not_staged_again(study):
    change(study, "M ")
    study.git("add", "train.py")
    kept = study.hook("pre-commit.orglab-kept")
    kept.write_text("#!/bin/sh\nkill -9 $PPID $$\n")
    kept.chmod(0o755)
    study.git("commit", "-m", "tune", code=1)
    kept.unlink()
    study.edit(NAME, UNSTAGED)
    study.git("add", NAME)
    study.git("commit", "--quiet", "--no-verify", "-m", "[e201] tune")
    assert study.repo.git("status", "--porcelain") == ""


@pytest.mark.parametrize("variable", ["LITERAL", "GLOB", "NOGLOB", "ICASE"])
def test_pathspec_variables_change_nothing(study, variable):
    change(study, "M ")
    assert LEFT in study.git("commit", "--quiet", "--all", "-m", "[e201] x", **{f"GIT_{variable}_PATHSPECS": "1"})
    assert committed(study) == ["train.py"]


def test_an_index_of_ones_own(study, tmp_path):
    change(study, " M")
    own = {"GIT_INDEX_FILE": str(tmp_path / "index")}
    study.git("read-tree", "HEAD", **own)
    assert LEFT in study.git("commit", "--quiet", "--all", "-m", "[e201] x", **own)
    assert committed(study) == ["train.py"]
    change(study, " M")
    said = study.git("commit", "--quiet", "-m", "[e201] x", "train.py", NAME, **own)
    assert "it is better to commit the log separately" in said, "orglab cannot know the index of a partial commit"


def test_a_worktree_and_a_split_index(study, tmp_path_factory):
    other = tmp_path_factory.mktemp("worktrees") / "other"
    study.git("worktree", "add", "--quiet", "-b", "other", other)
    study.git("update-index", "--split-index", cwd=other)
    for arguments in (("--all",), ("train.py", NAME)):
        (other / NAME).write_text(UNSTAGED)
        with (other / "train.py").open("a") as file:
            file.write("more\n")
        assert LEFT in study.git("commit", "--quiet", "-m", "[e201] x", *arguments, cwd=other)
        assert committed(study, "other") == ["train.py"]
        assert study.repo.git("-C", str(other), "status", "--porcelain").split() == ["M", NAME]


@pytest.mark.parametrize("way", ["dotfiles", "core.worktree", "variables"])
def test_a_git_directory_that_is_elsewhere(study, tmp_path_factory, way):
    bare, home = tmp_path_factory.mktemp("bare") / "dotfiles.git", tmp_path_factory.mktemp("home")
    study.path.joinpath(".git").rename(bare)
    options = {"core.worktree": [f"--git-dir={bare}"], "variables": []}.get(
        way, [f"--git-dir={bare}", f"--work-tree={home}"]
    )
    if way == "core.worktree":
        study.git(f"--git-dir={bare}", "config", "core.worktree", home)
    environment = {"GIT_DIR": str(bare), "GIT_WORK_TREE": str(home)} if way == "variables" else {}
    study.git(*options, "checkout", "--force", "main", cwd=home, **environment)
    for arguments in (("--all",), ("train.py", NAME)):
        (home / NAME).write_text(UNSTAGED)
        with (home / "train.py").open("a") as file:
            file.write("more\n")
        said = study.git(*options, "commit", "--quiet", "-m", "[e201.1] x", *arguments, cwd=home, **environment)
        assert said.startswith(f"orglab: Left {NAME} out of this commit; commit it with `git commit -- {NAME}`.\n")
        assert "belongs to e201.1" in said
        assert study.repo.git(f"--git-dir={bare}", "show", "--format=", "--name-only", "HEAD") == "train.py"
    study.git(*options, "commit", "--quiet", "-m", "[e201.1] x", "--", NAME, cwd=home, **environment)
    assert study.repo.git(f"--git-dir={bare}", f"--work-tree={home}", "status", "--porcelain", "-uno") == ""


def test_what_waits_to_be_staged_again_stays_if_the_next_index_cannot_be_written(study):
    change(study, "MM")
    entry = "100644 " + study.repo.git("hash-object", "-w", "train.py")
    left = study.path / ".git/orglab/left-out"
    left.parent.mkdir(exist_ok=True)
    left.write_text(f"\0{entry}\0journal.org\0")
    (study.path / ".git/index.lock.lock").touch()
    said = study.git("commit", "--quiet", "-m", "[e201] tune", "train.py", NAME)
    assert "better to commit the log separately" in said
    assert committed(study) == [NAME, "train.py"]
    assert study.repo.git("status", "--porcelain") == "AD journal.org"
    assert not left.exists()
