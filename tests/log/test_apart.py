"""A log that is kept apart: git leaves it alone, every worktree finds it, and what git takes away comes back."""

import json
import shutil
import stat
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from commands import Orglab
from conftest import Repository
from lab import NAME
from lab import orglab as run_orglab
from orglab.config import find_apart, find_common_dir
from orglab.lock import held
from orglab.log import kept_text
from orglab.log.log import LogFile

BRANCH = "experiment-log"


@pytest.fixture
def orglab(capsys, repo):
    repo.commit("start", {"train.py": "x = 0\n"})
    orglab = Orglab(capsys)
    orglab("init")
    orglab("new", "First", "-s", "A", "-s", "B")
    return orglab


def append(repo, text, name=NAME):
    with (repo.path / name).open("a") as file:
        file.write(text)


def read(repo, name=NAME):
    return (repo.path / name).read_text()


def test_git_sees_nothing_of_the_log(orglab, repo):
    orglab("note", "1", "A note")
    orglab("journal", "A thought")
    assert repo.git("status", "--porcelain") == ""
    repo.git("add", "--all")
    assert repo.git("ls-files") == "train.py"


def test_the_history_is_a_branch_that_holds_log_and_journal_alone(orglab, repo):
    head = repo.git("rev-parse", "HEAD")
    orglab("journal", "A thought")
    assert orglab("commit").out.split("  ", 1)[1] == "[e1] log: new, with 2 steps; journal: 1 entry\n"
    assert repo.git("ls-tree", "-r", "--name-only", BRANCH).split() == [NAME, "journal.org"]
    assert repo.git("show", f"{BRANCH}:{NAME}") == read(repo).rstrip("\n")
    assert repo.git("rev-parse", "HEAD") == head
    assert orglab("commit").err == "Nothing to commit: the log and the journal have not changed.\n"


def test_a_commit_of_the_log_leaves_an_open_message_the_index_and_hooks_alone(orglab, repo):
    hook = repo.write(".git/hooks/reference-transaction", "#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    (repo.path / ".git/COMMIT_EDITMSG").write_text("being written")
    index = (repo.path / ".git/index").read_bytes()
    orglab("commit")
    assert (repo.path / ".git/COMMIT_EDITMSG").read_text() == "being written"
    assert (repo.path / ".git/index").read_bytes() == index


def test_done_and_conclude_are_saved_at_once(orglab, repo):
    orglab("done", "1.1", "--no-commit")
    assert repo.git("show", f"{BRANCH}:{NAME}") == read(repo).rstrip("\n")
    orglab("conclude", "1", "It helps.", "--verdict", "supported")
    assert repo.git("log", "-1", "--format=%s", BRANCH) == "[e1] log: concluded: supported"


def test_notes_are_saved_once_a_minute(orglab, repo):
    before = repo.git("rev-parse", BRANCH)
    orglab("note", "1", "One")
    assert repo.git("rev-parse", BRANCH) == before
    kept = repo.path / ".git/orglab/kept"
    subprocess.run(["touch", "-d", "61 seconds ago", kept], check=True)
    orglab("note", "1", "Two")
    assert repo.git("show", f"{BRANCH}:{NAME}") == read(repo).rstrip("\n")


def test_what_another_process_writes_and_saves_meanwhile_stays_in_the_log(orglab, repo, monkeypatch):
    orglab("commit")
    blob = repo.git("hash-object", "-w", "--stdin", stdin=read(repo).replace("First", "Of a colleague"))
    tree = repo.git("mktree", stdin=f"100644 blob {blob}\t{NAME}\n")
    commit = repo.git("commit-tree", "-p", BRANCH, "-m", "Of a colleague", tree)
    repo.git("update-ref", f"refs/heads/{BRANCH}", commit)
    kept, merge_text = repo.path / ".git/orglab/kept", kept_text.merge_text

    def write_meanwhile(*arguments):
        monkeypatch.setattr(kept_text, "merge_text", merge_text)
        subprocess.run(["touch", "-d", "61 seconds ago", kept], check=True)
        assert run_orglab("note", "1", "Written meanwhile", cwd=repo.path).code == 0
        return merge_text(*arguments)

    monkeypatch.setattr(kept_text, "merge_text", write_meanwhile)
    orglab("commit")
    assert "Written meanwhile" in read(repo)
    assert "Of a colleague" in read(repo)
    assert repo.git("show", f"{BRANCH}:{NAME}") == read(repo).rstrip("\n")


def test_a_worktree_finds_the_one_file_but_has_its_own_commits_and_active_step(orglab, repo, monkeypatch):
    repo.git("worktree", "add", "--quiet", "-b", "feature", "../wt")
    other = Repository(repo.path.parent / "wt", repo.now)
    (other.path / "sub").mkdir()
    monkeypatch.chdir(other.path / "sub")
    commit = other.commit("[e1.1] Works")
    assert "  e1  TODO  0/2" in orglab("list").out
    orglab("start", "1.2")
    assert orglab("done", "1.1").out.startswith(f"   1. [X] A  ({commit[:7]})")
    assert not (other.path / NAME).exists()
    assert f"({commit[:7]})" in read(repo)
    monkeypatch.chdir(repo.path)
    assert "e1.2" not in orglab("status").out.split("Uncommitted")[0]
    assert repo.git("worktree", "remove", "--force", "../wt") == ""
    assert "1/2" in orglab("list").out


@pytest.mark.parametrize("command", [("clean", "-fdxq"), ("stash", "--all", "--quiet")])
def test_a_file_that_git_removed_comes_back_with_what_an_editor_had_saved(orglab, repo, command):
    orglab("journal", "A thought")
    append(repo, "- saved by an editor\n")
    append(repo, "More.\n", "journal.org")
    text, journal = read(repo), read(repo, "journal.org")
    repo.write("notes.txt", "")
    repo.git(*command)
    assert not (repo.path / NAME).exists()
    listed = orglab("list")
    assert listed.err == f"Restored {NAME}, journal.org, which had been removed from the working tree.\n"
    assert (read(repo), read(repo, "journal.org")) == (text, journal)
    assert orglab("list").err == ""


def test_a_deleted_journal_comes_back_before_the_next_entry(orglab, repo):
    orglab("journal", "One")
    (repo.path / "journal.org").unlink()
    orglab("journal", "Two")
    assert "One" in read(repo, "journal.org")


def test_init_brings_a_deleted_log_back_instead_of_beginning_another(orglab, repo):
    text = read(repo)
    (repo.path / NAME).unlink()
    assert "already exists, and was not changed" in orglab("init").out
    assert read(repo) == text


def test_without_the_second_name_a_file_comes_back_from_the_branch(orglab, repo):
    orglab("commit")
    text = read(repo)
    for file in (repo.path / ".git/orglab/texts").iterdir():
        file.unlink()
    (repo.path / NAME).unlink()
    orglab("show", "1")
    assert read(repo) == text


def test_a_reset_a_switch_and_a_stash_do_not_meet_the_log(orglab, repo):
    text = read(repo)
    repo.commit("second", {"train.py": "x = 1\n"})
    repo.write("train.py", "x = 2\n")
    repo.git("stash", "--include-untracked", "--quiet")
    repo.git("reset", "--quiet", "--hard", "HEAD~1")
    repo.git("switch", "--quiet", "--create", "other")
    assert read(repo) == text
    assert orglab("list").err == ""
    assert orglab("new", "Second").out == "e2\n"


def test_a_new_log_has_a_name_that_no_commit_has(capsys, repo):
    repo.commit("tracked once", {NAME: "* Old\n"})
    repo.git("rm", "--quiet", NAME)
    repo.commit("removed")
    orglab = Orglab(capsys)
    assert orglab("init").out.startswith(
        f"Created experiments.org. The name {NAME} is that of a file which git tracks or has tracked. Add the first"
    )
    orglab("new", "First")
    repo.git("checkout", "--quiet", "HEAD~1")
    assert "First" in orglab("list").out
    assert read(repo) == "* Old\n"


def track_name_elsewhere(orglab, repo):
    """Have the branch `other` track a file of the log's name; no hook says what a checkout does."""
    text = read(repo)
    repo.git("switch", "--quiet", "--orphan", "other")
    repo.write(NAME, "* Something else\n")
    repo.git("add", "--force", NAME)
    repo.git("commit", "--quiet", "--message=another file")
    repo.git("switch", "--quiet", "main")
    repo.write(NAME, text)
    orglab("setup", "git", "--remove")


def test_a_checkout_over_the_log_gives_it_another_name_and_loses_nothing(orglab, repo):
    orglab("note", "1", "Before")
    append(repo, "- saved by an editor\n")
    text = read(repo)
    track_name_elsewhere(orglab, repo)
    assert "tracked-name" in orglab("check", code=1).out
    repo.git("switch", "--quiet", "other")
    listed = orglab("list")
    assert listed.err == (
        f"git has checked out a file over {NAME}, so the log is now experiments.org; nothing in it was lost. "
        f"`git rm {NAME}` takes the other file out of this branch.\n"
    )
    assert read(repo, "experiments.org") == text
    assert read(repo) == "* Something else\n"
    assert repo.git("status", "--porcelain") == ""
    repo.git("switch", "--quiet", "main")
    assert "First" in orglab("list").out
    assert orglab("check").err == "No problems found.\n"


def test_the_second_process_that_notices_a_checkout_goes_on_with_the_new_file(orglab, repo):
    track_name_elsewhere(orglab, repo)
    logs = [LogFile(repo.path / NAME) for _ in range(2)]
    assert all(log.is_apart for log in logs)
    repo.git("switch", "--quiet", "other")
    told = []
    for log in logs:
        log.notice_file(told.append)
    assert [log.path.name for log in logs] == ["experiments.org"] * 2
    assert len(told) == 1
    assert read(repo) == "* Something else\n"


def test_a_version_with_the_line_ends_of_windows_is_one_that_git_brought_back(orglab, repo):
    orglab("setup", "git", "--remove")
    orglab("commit")
    orglab("note", "1", "Not saved yet")
    repo.git("-c", "core.autocrlf=true", "restore", "--source", BRANCH, "--", NAME)
    assert b"\r\n" in (repo.path / NAME).read_bytes()
    assert "took 1 note (e1) out of the log" in orglab("list").err


def test_a_bisect_through_a_history_that_tracked_the_log_loses_no_line(capsys, repo):
    orglab = Orglab(capsys)
    repo.commit("start", {"train.py": "0\n"})
    orglab("init", "--tracked")
    orglab("new", "First", "-s", "A")
    for number in range(1, 9):
        repo.commit(f"code {number}", {"train.py": f"{number}\n"})
        append(repo, f"- tracked {number}\n")
        repo.commit(f"log {number}")
    orglab("init", "--apart")
    repo.git("bisect", "start", "HEAD", "HEAD~12")
    for number in range(3):
        append(repo, f"- by hand {number}\n", "experiments.org")
        orglab("note", "1", f"by command {number}")
        repo.git("bisect", "good" if number % 2 else "bad")
    repo.git("bisect", "reset")
    for number in range(3):
        assert f"by hand {number}" in read(repo, "experiments.org")
        assert f"by command {number}" in read(repo, "experiments.org")
    assert repo.git("status", "--porcelain") == ""


def test_moving_a_tracked_log_keeps_its_history_and_its_links(capsys, repo):
    orglab = Orglab(capsys)
    orglab("init", "--tracked")
    orglab("new", "First", "-s", "A")
    orglab("journal", "1", "A thought")
    repo.commit("begun")
    orglab("note", "1", "Not committed")
    text = read(repo)
    out = orglab("init", "--apart").out
    assert out.startswith("The log is now experiments.org, and git ignores it.\n")
    assert read(repo, "experiments.org") == text
    assert "[[file:experiments.org::#1][1]]" in read(repo, "experiments-journal.org")
    subjects = ["log: moved to experiments.org", "log: before the new name", "[e1] begun"]
    assert repo.git("log", "--format=%s", BRANCH).splitlines() == subjects
    assert repo.git("log", "--follow", "--format=%s", BRANCH, "--", "experiments.org").splitlines() == subjects
    assert repo.git("ls-tree", "--name-only", BRANCH).split() == ["experiments-journal.org", "experiments.org"]
    assert repo.git("ls-files") == ".gitattributes"
    assert repo.git("status", "--porcelain") == ""
    assert orglab("journal", "More").out == "Added to experiments-journal.org.\n"
    assert orglab("init", "--apart", code=2).err.endswith("is kept apart already, on the branch experiment-log.\n")


def test_a_moved_log_has_its_runs_while_an_old_commit_is_checked_out(capsys, repo, tmp_path_factory, monkeypatch):
    orglab = Orglab(capsys)
    orglab("init", "--tracked")
    orglab("new", "First", "-s", "A")
    orglab("run", "1.1", "--", "true")
    repo.commit("begun")
    repo.git("branch", "old")
    # Much of the log was never committed, so the two texts have little in common.
    for number in range(9):
        orglab("new", f"Not committed {number}")
    orglab("init", "--apart")
    orglab("run", "1.1", "--", "true")
    repo.git("switch", "--quiet", "old")
    assert len(json.loads(orglab("runs", "--json").out)["runs"]) == 2
    folder = tmp_path_factory.mktemp("clones") / "clone"
    repo.git("clone", "--quiet", "--branch=main", repo.path, folder)
    monkeypatch.chdir(folder)
    assert orglab("list").err.startswith("Took experiments.org from the branch experiment-log")
    shutil.copytree(repo.path / ".git/orglab/runs", folder / ".git/orglab/runs")
    Repository(folder).git("switch", "--quiet", "old")
    assert (folder / NAME).exists()
    assert len(json.loads(orglab("runs", "--json").out)["runs"]) == 2


def test_a_log_that_got_another_name_has_its_runs(orglab, repo):
    orglab("run", "1.1", "--", "true")
    track_name_elsewhere(orglab, repo)
    repo.git("switch", "--quiet", "other")
    orglab("list")
    assert read(repo) == "* Something else\n"
    assert len(json.loads(orglab("runs", "--json").out)["runs"]) == 1


def test_a_fresh_clone_takes_the_log_of_its_remote(orglab, repo, tmp_path_factory, monkeypatch):
    orglab("commit")
    folder = tmp_path_factory.mktemp("clones") / "clone"
    repo.git("clone", "--quiet", repo.path, folder)
    monkeypatch.chdir(folder)
    listed = orglab("list")
    assert listed.err == f"Took {NAME} from the branch experiment-log; `orglab init` also installs the git hooks.\n"
    assert (folder / NAME).read_text() == read(repo)
    assert Repository(folder).git("status", "--porcelain") == ""
    assert "Installed the git hooks" in orglab("init").out
    orglab("journal", "A first entry")
    assert Repository(folder).git("status", "--porcelain") == ""


def test_a_hostile_branch_writes_nothing_but_logs_and_nothing_over_files(orglab, repo, tmp_path_factory, monkeypatch):
    orglab("commit")
    blob = repo.git("hash-object", "-w", "--stdin", stdin="evil\n")
    link = repo.git("hash-object", "-w", "--stdin", stdin="/etc/passwd")
    inner = repo.git("mktree", stdin=f"100644 blob {blob}\tconfig.org\n")
    log = repo.git("rev-parse", f"{BRANCH}:{NAME}")
    tree = f"100644 blob {log}\t{NAME}\n100644 blob {blob}\tsetup.py\n100644 blob {blob}\ttrain.py\n"
    tree += f"120000 blob {link}\tlink.org\n040000 tree {inner}\tout\n"
    commit = repo.git("commit-tree", "-m", "x", repo.git("mktree", stdin=tree))
    repo.git("update-ref", f"refs/heads/{BRANCH}", commit)
    outside = tmp_path_factory.mktemp("outside")
    folder = tmp_path_factory.mktemp("clones") / "clone"
    repo.git("clone", "--quiet", repo.path, folder)
    (folder / "out").symlink_to(outside)
    monkeypatch.chdir(folder)
    orglab("list")
    assert list(outside.iterdir()) == []
    assert (folder / "train.py").read_text() == "x = 0\n"
    assert sorted(path.name for path in folder.iterdir()) == [".git", NAME, "out", "train.py"]


def test_two_logs_in_one_repository_share_the_branch(capsys, repo, monkeypatch):
    orglab = Orglab(capsys)
    for name in ("a", "b"):
        (repo.path / name).mkdir()
        monkeypatch.chdir(repo.path / name)
        orglab("init")
        orglab("new", f"Study {name}")
        orglab("commit")
    assert repo.git("ls-tree", "-r", "--name-only", BRANCH).split() == [f"a/{NAME}", f"b/{NAME}"]
    assert "Study b" in orglab("list").out
    monkeypatch.chdir(repo.path / "a")
    assert "Study a" in orglab("list").out


def test_nothing_is_saved_while_the_branch_is_checked_out(orglab, repo):
    orglab("commit")
    repo.git("worktree", "add", "--quiet", "../history", BRANCH)
    orglab("note", "1", "A note")
    assert "check out another branch there first" in orglab("commit", code=5).err
    repo.git("worktree", "remove", "../history")
    assert orglab("commit").out.endswith("[e1] log: 1 note\n")


def test_status_names_the_branch_and_what_is_not_saved(orglab):
    orglab("commit")
    assert "its history is the branch experiment-log" in " ".join(orglab("status").out.split())
    assert "Uncommitted  nothing" in orglab("status").out
    orglab("note", "1", "A note")
    assert f"Uncommitted  {NAME} (run `orglab commit`)" in orglab("status").out


def test_without_a_repository_and_with_a_link_a_log_is_a_file(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    orglab = Orglab(capsys)
    orglab("init")
    orglab("new", "First")
    Repository(tmp_path).git("init", "--quiet")
    assert orglab("init", "--apart").out.startswith(f"The log is now {NAME}, and git ignores it.\n")
    assert Repository(tmp_path).git("status", "--porcelain") == ""


def test_a_read_only_git_directory_stops_no_command(orglab, repo):
    orglab("commit")
    folder = repo.path / ".git/orglab"
    moved = repo.path / ".git/orglab-away"
    folder.rename(moved)
    folder.write_text("")  # nothing can be written below a file
    append(repo, "- by hand\n")
    assert orglab("--log", NAME, "note", "1", "A note").code == 0
    folder.unlink()
    moved.rename(folder)
    assert "A note" in read(repo)


@pytest.mark.parametrize("where", [(BRANCH,), ("--detach", BRANCH), ("--detach", f"{BRANCH}~1")])
@pytest.mark.parametrize("hooks", [True, False])
def test_looking_at_the_branch_loses_nothing(orglab, repo, hooks, where):
    if not hooks:
        orglab("setup", "git", "--remove")
    orglab("commit")
    orglab("note", "1", "Not saved yet")
    repo.git("switch", "--quiet", *where)
    assert "Not saved yet" not in read(repo)
    if hooks:
        orglab("list")
    repo.git("switch", "--quiet", "main")
    orglab("list")
    assert "Not saved yet" in read(repo)
    assert repo.git("status", "--porcelain") == ""


@pytest.mark.parametrize("command", [("checkout", BRANCH, "--"), ("restore", "--source", BRANCH, "--")])
def test_a_version_that_git_brings_back_takes_nothing_away_unseen(orglab, repo, command):
    orglab("setup", "git", "--remove")  # the hook after a checkout says the same
    orglab("commit")
    orglab("note", "1", "Not saved yet")
    repo.git(*command, NAME)
    assert "took 1 note (e1) out of the log" in orglab("list").err
    orglab("check", "--restore")
    assert "Not saved yet" in read(repo)


def test_what_only_a_commit_hook_has_saved_comes_back(orglab, repo):
    new = repo.write("new.org", read(repo).replace("First", "First, by hand"))
    new.replace(repo.path / NAME)
    repo.git("commit", "--quiet", "--allow-empty", "--message=x")
    (repo.path / NAME).unlink()
    assert "First, by hand" in orglab("list").out


def test_the_worktree_that_had_the_log_is_gone(capsys, tmp_path, monkeypatch):
    Repository(tmp_path).git("init", "--quiet", "--bare", "bare")
    bare = Repository(tmp_path / "bare")
    commit = bare.git("commit-tree", "-m", "start", bare.git("mktree", stdin=""))
    bare.git("update-ref", "refs/heads/main", commit)
    bare.git("worktree", "add", "--quiet", "../one", "main")
    bare.git("worktree", "add", "--quiet", "-b", "side", "../two", "main")
    orglab = Orglab(capsys)
    monkeypatch.chdir(tmp_path / "one")
    orglab("init")
    orglab("new", "First")
    monkeypatch.chdir(tmp_path / "two")
    log = tmp_path / "one" / NAME
    log.write_text(log.read_text().replace("First", "First, by hand"))
    bare.git("worktree", "remove", "--force", "../one")
    orglab("note", "1", "Written at once")
    orglab("commit")
    assert (tmp_path / "two" / NAME).read_text().count("First") == 1
    assert "Written at once" in (tmp_path / "two" / NAME).read_text()


def test_a_log_that_was_committed_with_the_code_by_mistake_can_be_taken_out_again(orglab, repo):
    text = read(repo)
    repo.git("add", "--force", NAME)
    repo.git("commit", "--quiet", "--message=by mistake")
    assert f"`git rm --cached {NAME}` takes it out of this branch" in orglab("check", code=1).out
    out = orglab("init", "--apart").out
    assert f"{NAME} is still in this branch of the code: `git rm {NAME}` takes it out." in out
    assert read(repo, "experiments.org") == text
    repo.git("rm", "--quiet", NAME)
    repo.git("commit", "--quiet", "--message=out")
    assert "First" in orglab("list").out
    assert "tracked-name" not in orglab("check").out


def test_the_hint_is_left_out_if_this_branch_does_not_track_the_log(orglab, repo):
    repo.git("add", "--force", NAME)
    repo.git("commit", "--quiet", "--message=by mistake")
    repo.git("rm", "--quiet", "--cached", NAME)
    repo.git("commit", "--quiet", "--message=out")
    listed = orglab("check", code=1).out
    assert "tracked-name" in listed
    assert "git rm" not in listed


@pytest.mark.parametrize("options", [(), ("--detach",)])
def test_the_branch_of_the_log_is_no_commit_that_tracks_its_name(orglab, repo, options):
    orglab("commit")
    repo.git("branch", "--quiet", "-m", "main", "code")
    (repo.path / NAME).unlink()
    repo.git("switch", "--quiet", *options, BRANCH)
    assert "tracked-name" not in orglab("check").out


def test_a_log_whose_folder_was_moved_is_kept_apart_as_before(capsys, repo, monkeypatch):
    repo.commit("start", {"p1/train.py": "x = 0\n"})
    orglab = Orglab(capsys)
    monkeypatch.chdir(repo.path / "p1")
    orglab("init")
    orglab("new", "First")
    orglab("journal", "A thought")
    monkeypatch.chdir(repo.path)
    repo.git("mv", "p1", "project")
    monkeypatch.chdir(repo.path / "project")
    assert orglab("list").err == "experiment_log.org was moved, and is kept apart as before.\n"
    assert repo.git("status", "--porcelain", "--untracked-files=all") == "R  p1/train.py -> project/train.py"
    orglab("journal", "Another")
    assert "A thought" in read(repo, "project/journal.org")
    orglab("commit")
    assert f"project/{NAME}" in repo.git("ls-tree", "-r", "--name-only", BRANCH).split()


def archive(orglab, repo):
    """Write an archive, as Org does when it moves a heading there."""
    append(repo, "* DONE [9] Archived\n", f"{NAME}_archive")
    append(repo, "- by hand\n")
    orglab("list")
    return read(repo, f"{NAME}_archive")


def test_the_archive_comes_back_as_well(orglab, repo):
    text = archive(orglab, repo)
    append(repo, "- saved by an editor\n", f"{NAME}_archive")
    repo.git("clean", "-fdxq")
    assert f"{NAME}_archive" in orglab("list").err
    assert read(repo, f"{NAME}_archive") == text + "- saved by an editor\n"


def check_out_over(orglab, repo, *names):
    """Make a branch `tracking` that holds files of these names."""
    texts = {name: read(repo, name) for name in names}
    repo.git("switch", "--quiet", "--orphan", "tracking")
    for name in names:
        repo.write(name, "* Something else\n")
    repo.git("add", "--force", *names)
    repo.git("commit", "--quiet", "--message=other files")
    repo.git("switch", "--quiet", "main")
    for name, text in texts.items():
        repo.write(name, text)
    orglab("setup", "git", "--remove")
    orglab("list")


@pytest.mark.parametrize("names", [(NAME,), (NAME, f"{NAME}_archive")])
def test_the_archive_goes_with_a_log_that_gets_another_name(orglab, repo, names):
    text = archive(orglab, repo)
    check_out_over(orglab, repo, *names)
    repo.git("switch", "--quiet", "tracking")
    orglab("list")
    assert read(repo, "experiments.org_archive") == text
    assert repo.git("status", "--porcelain", "--ignored=no") == ""
    assert (repo.path / f"{NAME}_archive").exists() == (len(names) > 1)


@pytest.mark.parametrize("is_same", [True, False])
def test_what_was_set_aside_goes_with_a_log_that_gets_another_name(orglab, repo, is_same):
    check_out_over(orglab, repo, NAME)
    orglab("commit")
    if is_same:  # git leaves the file alone
        repo.git("switch", "--quiet", "tracking")
        repo.git("checkout", "--quiet", BRANCH, "--", NAME)
        repo.git("commit", "--quiet", "--message=as the branch of the log has it")
        repo.git("switch", "--quiet", "--force", BRANCH)
        repo.git("switch", "--quiet", "main")
        orglab("list")
    orglab("note", "1", "Not saved yet")
    repo.git("switch", "--quiet", BRANCH)
    orglab("list")
    repo.git("switch", "--quiet", "tracking")
    tracked = read(repo)
    assert "so the log is now experiments.org" in orglab("list").err
    assert "Not saved yet" in read(repo, "experiments.org")
    assert read(repo) == tracked
    assert not list((repo.path / ".git/orglab/texts").glob("*.aside"))
    repo.git("switch", "--quiet", "main")
    assert "Not saved yet" in orglab("show", "1").out


def test_a_text_that_could_not_be_compared_is_kept_before_anything_is_written(orglab, repo):
    orglab("note", "1", "Not saved yet")
    check_out_over(orglab, repo, NAME)
    text = read(repo)
    exclude = repo.path / ".git/info/exclude"
    exclude.rename(exclude.with_name("excluded"))
    exclude.symlink_to("excluded")  # it is not written through a link
    repo.git("switch", "--quiet", "tracking")
    for _ in range(2):
        noted = orglab("journal", "A thought").err
        assert " has changed, and its earlier text could not be compared: " in noted
    orglab("new", "Written over")
    lost = list((repo.path / ".git/orglab/texts").glob("*.lost-*"))
    assert [file.read_text() for file in lost] == [text]
    assert f"That text is in .git/orglab/texts/{lost[0].name}." in noted
    assert [path.name for path in repo.path.glob("experiments*")] == []


def test_a_log_gets_another_name_although_its_branch_cannot_be_written(orglab, repo):
    check_out_over(orglab, repo, NAME)
    text = read(repo)
    repo.git("switch", "--quiet", "tracking")
    lock = repo.write(f".git/refs/heads/{BRANCH}.lock", "")
    listed = orglab("new", "Second")
    assert "so the log is now experiments.org" in listed.err
    assert read(repo) == "* Something else\n"
    assert read(repo, "experiments.org").startswith(text)
    lock.unlink()
    orglab("commit")
    assert repo.git("show", f"{BRANCH}:experiments.org") == read(repo, "experiments.org").rstrip("\n")


def is_open(pid, name):
    """Return whether a process has a file of this name open."""
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            if fd.readlink().name == name:
                return True
    return False


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="shows which files a process has open")
@pytest.mark.parametrize("name", [NAME, "journal.org"])
def test_a_move_waits_for_a_process_that_writes_the_log(capsys, repo, name):
    orglab = Orglab(capsys)
    repo.commit("start", {"train.py": "x = 0\n"})
    orglab("init", "--tracked")
    orglab("new", "First")
    orglab("journal", "A thought")
    repo.commit("log")
    command = [sys.executable, "-m", "orglab", "init", "--apart"]
    with held(str((repo.path / name).resolve()), 30.0):
        move = subprocess.Popen(command, cwd=repo.path, stdout=subprocess.DEVNULL)
        while move.poll() is None and not is_open(move.pid, f".{name}.orglab-lock"):
            pass
        assert move.returncode is None
        append(repo, "Written meanwhile\n", name)
    assert move.wait() == 0
    new = "experiments.org" if name == NAME else "experiments-journal.org"
    assert "Written meanwhile" in read(repo, new)


def test_the_excluded_names_of_the_user_stay_and_so_does_the_mode(capsys, repo):
    exclude = repo.write(".git/info/exclude", "*.ckpt")
    exclude.chmod(0o640)
    other = exclude.with_name("other")
    other.hardlink_to(exclude)
    Orglab(capsys)("init")
    assert exclude.read_text().startswith("*.ckpt\n#")
    assert stat.S_IMODE(exclude.stat().st_mode) == 0o640
    assert other.read_text() == "*.ckpt"  # it was replaced at once, not written in place
    assert sorted(path.name for path in exclude.parent.iterdir()) == ["exclude", "other"]


@pytest.mark.parametrize("is_moved", [False, True])
def test_a_log_that_git_would_not_ignore_is_not_kept_apart(capsys, repo, is_moved):
    orglab = Orglab(capsys)
    repo.commit("start", {".gitignore": "*\n!*.org\n!.gitignore\n"})
    if is_moved:
        orglab("init", "--tracked")
        orglab("new", "First")
    exclude = repo.path / ".git/info/exclude"
    before = exclude.read_text()
    refused = orglab("init", *(["--apart"] if is_moved else []), code=4).err
    assert "git does not ignore it: line 2 of .gitignore is `!*.org`." in refused
    assert "`orglab init --tracked`" in refused
    assert exclude.read_text() == before
    assert (repo.path / NAME).exists() == is_moved
    assert repo.git("branch", "--list", BRANCH) == ""
    orglab("list", code=0 if is_moved else 3)


def test_a_new_name_is_in_the_same_folder_and_that_of_its_journal_is_free(capsys, repo, monkeypatch):
    folder = f"runs-{NAME}.d"
    files = {f"{folder}/{name}": "* Old\n" for name in (NAME, "journal.org", "experiments-journal.org")}
    repo.commit("tracked once", files)
    repo.git("rm", "--quiet", "-r", folder)
    repo.commit("removed")
    (repo.path / folder).mkdir()
    monkeypatch.chdir(repo.path / folder)
    orglab = Orglab(capsys)
    orglab("init")
    orglab("new", "First")
    orglab("journal", "A thought")
    names = ["experiment_log-2-journal.org", "experiment_log-2.org"]
    assert sorted(path.name for path in (repo.path / folder).iterdir()) == names


def test_a_log_that_was_just_moved_apart_takes_edits_as_before(capsys, repo):
    orglab = Orglab(capsys)
    orglab("init", "--tracked")
    orglab("new", "First", "-s", "A", "-s", "B")
    orglab("note", "1", "To be deleted")
    repo.commit("begun")
    orglab("init", "--apart")
    text = read(repo, "experiments.org")
    repo.write(
        "experiments.org", "".join(line for line in text.splitlines(keepends=True) if "To be deleted" not in line)
    )
    orglab("done", "1.1", "--no-commit")
    text = read(repo, "experiments.org")
    assert (text.count("A\n"), "<<<<<<<" in text, "To be deleted" in text) == (1, False, False)
    assert repo.git("show", f"{BRANCH}:experiments.org") == text.rstrip("\n")


def test_what_is_known_of_the_file_may_be_deleted(orglab, repo):
    orglab("note", "1", "To be deleted")
    orglab("commit")
    text = read(repo)
    shutil.rmtree(repo.path / ".git/orglab/texts")
    repo.write(NAME, text.replace("To be deleted", "In other words"))
    orglab("done", "1.1", "--no-commit")
    assert "To be deleted" not in read(repo)
    assert read(repo).count("] A") == 1
    assert "<<<<<<<" not in read(repo)


@pytest.mark.parametrize(
    "named",
    [
        f"../../home\n{NAME}\n",
        f"../..\n{NAME}\n",
        "..\n../home/x.org\n",
        "..\n.git/hooks/x.org\n",
        "..\nconftest.py\n",
        "..\nlab/x.org\n",
        "..\n" + "".join(f"l{number}.org\n" for number in range(60)),
        f"..\n{NAME}\0\n",
    ],
)
def test_a_file_that_names_other_places_counts_as_not_there(tmp_path, named):
    for folder in ("home", "clone"):
        Repository(tmp_path).git("init", "--quiet", folder)
    clone = Repository(tmp_path / "clone")
    (clone.path / "lab").symlink_to("../home")
    clone.write(".git/orglab/apart", named)
    assert find_apart(str(clone.path)) is None
    clone.write(".git/orglab/apart", f"..\n{NAME}\njournal.org\n")
    assert find_apart(str(clone.path)).names == (NAME, "journal.org")


@pytest.mark.parametrize("name", ["info", "orglab"])
def test_a_folder_of_the_git_directory_that_is_a_link_is_not_written_to(capsys, repo, tmp_path, name):
    (tmp_path / "elsewhere").mkdir()
    repo.commit("start", {"train.py": "x = 0\n"})
    shutil.rmtree(repo.path / ".git" / name, ignore_errors=True)
    (repo.path / ".git" / name).symlink_to(tmp_path / "elsewhere")
    assert f"{name} is a link" in Orglab(capsys)("init", "--no-hooks", code=4).err
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_git_directory_that_is_no_worktrees_has_no_other_one(repo, tmp_path):
    Repository(tmp_path).git("init", "--quiet", "victim")
    (repo.path / ".git/commondir").write_text(f"{tmp_path}/victim/.git\n")
    assert find_common_dir(str(repo.path / ".git")) == str(repo.path / ".git")


@pytest.mark.parametrize("name", ["journal.org", f"{NAME}_archive"])
def test_conflict_markers_beside_the_log_are_not_saved(orglab, repo, name):
    append(repo, "<<<<<<< a\n* A\n=======\n* B\n>>>>>>> b\n", name)
    assert f"{name} has a git conflict marker in line 1" in orglab("commit", code=4).err
    assert repo.git("ls-tree", "-r", "--name-only", BRANCH).split() == [NAME]


@pytest.mark.parametrize("place", [shutil.move, shutil.copytree])
def test_a_repository_that_was_moved_or_copied_goes_on_with_its_log(orglab, repo, tmp_path_factory, monkeypatch, place):
    """What is not saved yet is not merged with the version that is, as if the two had been begun apart."""
    assert orglab("new", "One").code == 0
    assert orglab("commit").code == 0
    for arguments in (("step", "1", "A"), ("step", "1", "B"), ("new", "Two"), ("step", "2", "C"), ("new", "Three")):
        assert orglab(*arguments).code == 0
    before = read(repo)
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "study"
    monkeypatch.chdir(elsewhere.parent)
    place(repo.path, elsewhere)
    monkeypatch.chdir(elsewhere)
    result = run_orglab("done", "2.1", cwd=elsewhere)
    assert result.code == 0, result
    after = (elsewhere / NAME).read_text()
    assert "1. [X] C" in after
    for begin, end in ((0, "* TODO [2]"), ("* TODO [3]", None)):
        parts = [text[text.index(begin) if begin else 0 : text.index(end) if end else None] for text in (before, after)]
        assert parts[0] == parts[1]
    if place is shutil.move:
        repo.path.mkdir()
