"""What git takes out of a tracked log is told once, listed, and put back or forgotten."""

import json
import re

import pytest

from commands import Orglab
from lab import NAME
from orglab import open_log


@pytest.fixture
def orglab(capsys, repo):
    repo.write("train.py", "x = 0\n")
    orglab = Orglab(capsys)
    orglab("init", "--tracked")
    orglab("new", "First", "-s", "A", "-s", "B")
    repo.commit("start")
    return orglab


@pytest.fixture
def without_hooks(orglab):
    """The same without the hook after a checkout, which says what the next command says."""
    orglab("setup", "git", "--remove")
    return orglab


def append(repo, text):
    with (repo.path / NAME).open("a") as file:
        file.write(text)


def read(repo):
    return (repo.path / NAME).read_text()


def write_all(orglab, repo):
    """Write an experiment with a verdict, notes, a tick and a line by hand; some of it is committed."""
    orglab("note", "1", "Committed later")
    orglab("new", "Second", "-s", "q")
    orglab("conclude", "2", "It made things worse.", "--verdict", "refuted")
    repo.commit("log")
    orglab("note", "1.2", "Never committed")
    orglab("done", "1.1", "--no-commit")


def test_a_reset_is_told_once_and_undone(orglab, repo):
    write_all(orglab, repo)
    text = read(repo)
    repo.git("reset", "--quiet", "--hard", "HEAD~1")
    assert orglab("list").err == (
        "git (reset: moving to HEAD~1) took 1 experiment, 2 notes, 1 completed step (e1.1, e1, e1.2, ...) out of the "
        "log. `orglab check` lists what is missing; `orglab check --restore` puts it back, `orglab check --forget` "
        "agrees to it.\n"
    )
    assert orglab("list").err == ""
    listed = orglab("check", code=1).out
    assert listed.count(" lost ") == 4
    assert "e2: git took the experiment 'Second' out of the log (reset: moving to HEAD~1)" in listed
    assert "Fix: orglab check --restore e2" in listed
    assert orglab("check", "--restore").err == "Restored 4 parts of the log.\n"
    assert read(repo) == text
    assert " lost " not in orglab("check").out


def test_a_reset_during_a_run_is_told_before_the_note_of_the_run_is_written(orglab, repo):
    orglab("new", "Second", "-s", "q")
    orglab("note", "1", "Never committed")
    ran = orglab("run", "1.1", "--", "git", "reset", "--quiet", "--hard")
    assert "git (reset: moving to HEAD) took 1 experiment, 1 note (e1, e2) out of the log." in ran.err
    assert "ran git reset" in read(repo)
    orglab("check", "--restore")
    assert all(text in read(repo) for text in ("[2] Second", "Never committed", "ran git reset"))


def test_a_reset_while_a_log_is_open_is_noticed(orglab, repo):
    log = open_log()
    log.add_note("1", "Never committed")
    repo.git("reset", "--quiet", "--hard")
    log.add_note("1", "After the reset")
    assert "Never committed" in orglab("check", code=1).out


def test_what_was_saved_by_an_editor_in_place_is_kept_too(orglab, repo):
    append(repo, "\n* TODO [7] By hand   :exp:\n- Saved in place\n")
    repo.git("reset", "--quiet", "--hard")
    assert "took 1 experiment (e7)" in orglab("list").err
    orglab("check", "--restore")
    assert "By hand" in orglab("list").out


def test_one_experiment_is_restored_beside_later_notes(orglab, repo):
    write_all(orglab, repo)
    repo.git("reset", "--quiet", "--hard", "HEAD~1")
    orglab("note", "1", "Written since")
    assert orglab("check", "--restore", "e2").out == "e2  experiment  Second\n"
    assert orglab("check", code=1).out.count(" lost ") == 3
    assert "Written since" in read(repo)
    assert "Committed later" not in read(repo)
    orglab("check", "--restore")
    assert "Committed later" in read(repo)
    assert "Written since" in read(repo)


def test_forgetting_agrees_to_a_loss(orglab, repo):
    write_all(orglab, repo)
    repo.git("reset", "--quiet", "--hard", "HEAD~1")
    assert orglab("check", "--forget", "2").out == "e2  experiment  Second\n"
    assert "Second" not in orglab("check", code=1).out
    orglab("check", "--forget")
    assert " lost " not in orglab("check").out
    assert orglab("check", "--restore", code=3).err == "orglab: Nothing is missing from the log.\n"


@pytest.mark.parametrize("is_before", [True, False])
def test_a_checkout_with_the_line_ends_of_windows_is_noticed(without_hooks, repo, is_before):
    if is_before:
        repo.git("config", "core.autocrlf", "true")
    without_hooks("note", "1", "Not committed")
    repo.git("-c", "core.autocrlf=true", "checkout", "--", NAME)
    assert b"\r\n" in (repo.path / NAME).read_bytes()
    assert "took 1 note (e1) out of the log" in without_hooks("list").err


def test_an_id_that_a_fix_gave_is_not_given_again(orglab, repo):
    append(repo, "* TODO Nameless :exp:\n")
    assert "no-id" in orglab("check", "--fix", code=1).err
    assert ":ID:       2" in read(repo)
    (repo.path / NAME).write_text(read(repo).partition("* TODO Nameless")[0])
    repo.git("reset", "--quiet", "--hard")
    assert orglab("new", "Third").out == "e3\n"


@pytest.mark.parametrize(
    "command", [("checkout", "--", NAME), ("restore", NAME), ("stash", "--quiet"), ("checkout", "--force", "main")]
)
def test_other_ways_to_take_the_text_back(without_hooks, repo, command):
    without_hooks("note", "1", "Not committed")
    repo.git(*command)
    assert "took 1 note (e1) out of the log" in without_hooks("list").err


def test_a_stash_that_is_popped_is_no_loss_any_more(orglab, repo):
    orglab("note", "1", "Not committed")
    repo.git("stash", "--quiet")
    orglab("list")
    repo.git("stash", "pop", "--quiet")
    assert orglab("check").err == "No problems found.\n"


def test_a_deletion_by_hand_is_a_deletion(orglab, repo):
    orglab("note", "1", "To be deleted")
    repo.commit("log")
    text = read(repo)
    repo.write(NAME, "".join(line for line in text.splitlines(keepends=True) if "To be deleted" not in line))
    assert orglab("list").err == ""
    repo.commit("deleted")
    assert orglab("list").err == ""
    assert orglab("check").err == "No problems found.\n"


def test_a_deletion_by_an_editor_that_renames_is_one_too(orglab, repo):
    orglab("note", "1", "To be deleted")
    text = read(repo)
    new = repo.write("new", text.replace("To be deleted", "Written instead"))
    new.replace(repo.path / NAME)
    assert orglab("list").err == ""


def test_a_checkout_is_noticed_although_somebody_has_edited_the_file_since(without_hooks, repo):
    without_hooks("note", "1", "Committed")
    repo.commit("log")
    without_hooks("note", "1", "Not committed")
    repo.git("checkout", "--", ".")
    repo.write(NAME, re.sub(".*Committed\n", "", read(repo)) + "\nTyped afterwards\n")
    told = without_hooks("list").err
    assert "Going back to an earlier version took 1 note (e1) out of the log" in told
    assert without_hooks("check", "--restore").out == "e1  note  Not committed\n"
    assert "Typed afterwards" in read(repo)
    assert "] Committed" not in read(repo)


def replace(repo, old, new):
    """Edit the log as `sed -i` and many editors do: they write a new file and rename it."""
    repo.write("new", read(repo).replace(old, new)).replace(repo.path / NAME)


def conclude(orglab, repo, *, is_committed):
    orglab("conclude", "1", "It helps.", "--verdict", "supported")
    if is_committed:
        repo.git("commit", "--quiet", "--all", "--message=log")
    orglab("list")


@pytest.mark.parametrize("is_committed", [True, False])
@pytest.mark.parametrize(
    "commands",
    [
        [("add", NAME)],
        [("commit", "--quiet", "--all", "--message=b")],
        [("commit", "--quiet", "--all", "--amend", "--no-edit")],
        [("add", NAME), ("commit", "--quiet", "--message=b"), ("status",), ("repack", "-adq")],
        [("switch", "--quiet", "--create", "new")],
        [("switch", "--quiet", "--create", "new"), ("commit", "--quiet", "--all", "--message=b")],
    ],
)
def test_what_somebody_edited_and_git_read_is_no_loss(without_hooks, repo, commands, is_committed):
    conclude(without_hooks, repo, is_committed=is_committed)
    replace(repo, "It helps.", "It does not help.")
    for command in commands:
        repo.git(*command)
    assert without_hooks("list").err == ""
    assert " lost " not in without_hooks("check").out


@pytest.mark.parametrize("is_committed", [True, False])
def test_what_somebody_edited_and_committed_several_times_is_no_loss(without_hooks, repo, is_committed):
    conclude(without_hooks, repo, is_committed=is_committed)
    replace(repo, "It helps.", "It hurts.")
    replace(repo, "It hurts.", "It does not help.")
    repo.git("commit", "--quiet", "--all", "--message=b")
    replace(repo, "It does not help.", "It does nothing.")
    repo.git("commit", "--quiet", "--all", "--message=c")
    append(repo, "\nTyped afterwards\n")
    assert without_hooks("list").err == ""


def test_an_edit_with_an_inode_that_the_index_names_is_no_loss(without_hooks, repo):
    for number in range(10):
        without_hooks("note", "1", f"Not wanted {number}")
        replace(repo, "Not wanted", "Wanted")
        assert without_hooks("list").err == ""


@pytest.mark.parametrize("command", [("checkout", "--"), ("restore",)])
def test_a_note_that_a_checkout_takes_after_an_edit_was_committed_is_told(without_hooks, repo, command):
    conclude(without_hooks, repo, is_committed=False)
    replace(repo, "It helps.", "It does not help.")
    repo.git("commit", "--quiet", "--all", "--message=b")
    without_hooks("note", "1", "Not committed")
    repo.git(*command, NAME)
    repo.git("add", "--all")
    assert "took 1 note (e1) out of the log" in without_hooks("list").err


def test_what_a_checkout_takes_that_was_typed_after_a_commit_is_told(without_hooks, repo):
    without_hooks("note", "1", "Committed")
    repo.git("commit", "--quiet", "--all", "--message=b")
    append(repo, "\n* TODO [7] By hand   :exp:\n")
    repo.git("checkout", "--", NAME)
    assert "Going back to an earlier version took 1 experiment (e7)" in without_hooks("list").err
    assert "e7: going back to an earlier version took the experiment 'By hand'" in without_hooks("check", code=1).out


@pytest.mark.parametrize("command", [("checkout", "--"), ("restore",)])
def test_the_hook_notices_a_checkout_before_the_file_is_edited_and_committed(orglab, repo, command):
    orglab("note", "1", "Not committed")
    repo.git(*command, NAME)
    append(repo, "\nTyped afterwards\n")
    repo.git("commit", "--quiet", "--all", "--message=b")
    assert "took the note 'Not committed' out of the log" in orglab("check", code=1).out


def test_what_another_branch_has_is_not_lost(orglab, repo):
    repo.git("switch", "--quiet", "--create", "other")
    orglab("note", "1", "On the other branch")
    repo.commit("log")
    repo.git("switch", "--quiet", "main")
    assert orglab("list").err == ""
    repo.git("branch", "--quiet", "-D", "other")
    assert orglab("list").err == ""


def test_what_another_worktree_has_is_not_lost(orglab, repo, monkeypatch, tmp_path_factory):
    place = tmp_path_factory.mktemp("worktrees") / "wt"
    repo.git("worktree", "add", "--quiet", "--detach", place)
    monkeypatch.chdir(place)
    orglab("note", "1", "Here")
    text = (place / NAME).read_text()
    monkeypatch.chdir(repo.path)
    repo.write(NAME, text)
    orglab("list")
    repo.git("checkout", "--", NAME)
    assert orglab("list").err == ""


def test_what_a_removed_worktree_had_is_listed_and_put_back(orglab, repo, monkeypatch, tmp_path_factory):
    place = tmp_path_factory.mktemp("removed") / "wt"
    repo.git("worktree", "add", "--quiet", place, "-b", "other")
    monkeypatch.chdir(place)
    orglab("new", "Second", "-s", "q")
    orglab("note", "1", "Never committed")
    orglab("start", "1.1")
    monkeypatch.chdir(repo.path)
    orglab("note", "1", "On main")
    repo.git("worktree", "remove", "--force", place)
    listed = orglab("check", code=1).out
    assert "git took the experiment 'Second' out of the log (worktree remove)" in listed
    assert "git took the note 'Never committed' out of the log (worktree remove)" in listed
    orglab("check", "--restore")
    assert all(read(repo).count(text) == 1 for text in ("[2] Second", "Never committed", "On main", "[1] First"))
    assert " lost " not in orglab("check").out


def test_a_rebase_that_is_given_up_loses_nothing_that_was_written_meanwhile(orglab, repo):
    repo.git("switch", "--quiet", "--create", "other")
    repo.commit("b", {"train.py": "b\n"})
    repo.git("switch", "--quiet", "main")
    repo.commit("m", {"train.py": "m\n"})
    repo.git("rebase", "main", "other", check=False)
    orglab("note", "1", "During the rebase")
    repo.git("rebase", "--abort")
    assert "took 1 note (e1) out of the log" in orglab("list").err
    orglab("check", "--restore")
    assert "During the rebase" in read(repo)


def test_a_merge_that_is_given_up_before_its_conflicts_are_resolved_leaves_no_markers_behind(orglab, repo):
    orglab("new", "Second", "-s", "C")
    orglab("conclude", "1", "It helps.", "--verdict", "supported")
    repo.commit("log")
    repo.git("switch", "--quiet", "--create", "other")
    repo.write(NAME, read(repo).replace("It helps.", "It helps a lot."))
    repo.commit("theirs")
    repo.git("switch", "--quiet", "main")
    repo.write(NAME, read(repo).replace("It helps.", "It helps a little."))
    repo.commit("ours")
    repo.git("merge", "other", check=False)
    assert "<<<<<<< " in read(repo)
    orglab("list")
    before, heading, after = read(repo).partition("[2] Second")
    repo.write(NAME, before + heading + after.replace("** Notes\n", "** Notes\n- typed meanwhile\n", 1))
    repo.git("merge", "--abort")
    assert "took 1 note (e2) out of the log" in orglab("list").err
    assert orglab("check", "--restore").out == "e2  note  typed meanwhile\n"
    assert "typed meanwhile" in read(repo)
    assert "It helps a little." in read(repo)
    assert "It helps a lot." not in read(repo)
    assert "<<<<<<<" not in read(repo)


@pytest.mark.parametrize(("begin", "end"), [("\ufeff", "\n"), ("", "\r\n")])
def test_one_experiment_is_restored_to_a_log_of_windows(orglab, repo, begin, end):
    orglab("new", "Second", "-s", "C")
    text = read(repo)
    with (repo.path / NAME).open("w", newline="") as file:
        file.write(begin + text.replace("\n", end))
    repo.commit("log")
    before = (repo.path / NAME).read_bytes()
    orglab("note", "1", "Of the first")
    orglab("note", "2", "Of the second")
    kept = (repo.path / NAME).read_bytes()
    repo.git("reset", "--quiet", "--hard")
    assert (repo.path / NAME).read_bytes() == before
    assert orglab("check", "--restore", "2").out == "e2  note  Of the second\n"
    assert orglab("check", "--restore", "1").out == "e1  note  Of the first\n"
    assert (repo.path / NAME).read_bytes() == kept


def test_a_note_with_the_words_of_another_one_and_a_longer_line_are_told_apart(orglab, repo):
    orglab("note", "1.1", "no change")
    append(repo, "** More\n- lr 0.10\n")
    repo.commit("log")
    repo.write(NAME, read(repo).replace("lr 0.10", "lr 0.1"))
    orglab("note", "1.2", "no change")
    repo.git("reset", "--quiet", "--hard")
    assert "took 1 note (e1.2)" in orglab("list").err


def test_what_somebody_took_out_and_staged_is_no_loss(orglab, repo):
    orglab("note", "1", "Not wanted")
    new = repo.write("new", re.sub(".*Not wanted\n", "", read(repo)).replace("First", "First, then"))
    new.replace(repo.path / NAME)
    repo.git("add", NAME)
    assert orglab("list").err == ""


def test_what_a_rebase_drops_is_told_at_its_end(orglab, repo):
    """A rebase leaves merge commits out, with what was committed in them."""
    start = repo.commit("code", {"train.py": "a\n", "other.py": "a\n"})
    repo.git("switch", "--quiet", "--create", "side", start)
    repo.commit("side", {"side.py": "s\n"})
    repo.git("switch", "--quiet", "--create", "base", start)
    repo.commit("base", {"train.py": "b\n"})
    repo.git("switch", "--quiet", "main")
    repo.git("merge", "--quiet", "--no-ff", "--no-commit", "side")
    orglab("note", "1", "Committed in the merge")
    repo.git("commit", "--quiet", "--all", "--message=merge")
    repo.commit("ours", {"train.py": "c\n"})
    orglab("list")
    repo.git("rebase", "--quiet", "base", check=False)
    assert orglab("list").err == ""  # it is on the branch still
    repo.git("checkout", "--theirs", "train.py")
    repo.git("add", "train.py")
    repo.git("-c", "core.editor=true", "rebase", "--continue")
    assert "took 1 note (e1) out of the log" in orglab("list").err
    assert orglab("list").err == ""
    assert orglab("check", "--restore").out == "e1  note  Committed in the merge\n"


@pytest.mark.parametrize("end", ["--abort", "--skip"])
def test_a_rebase_that_ends_with_everything_is_not_told(orglab, repo, end):
    repo.commit("code", {"train.py": "a\n"})
    repo.git("branch", "base")
    orglab("note", "1", "Before")
    repo.commit("log")
    repo.commit("ours", {"train.py": "c\n"})
    orglab("list")
    repo.git("switch", "--quiet", "base")
    repo.commit("base", {"train.py": "b\n"})
    repo.git("rebase", "--quiet", "base", "main", check=False)
    assert orglab("list").err == ""
    repo.git("rebase", end)
    assert orglab("list").err == ""
    assert " lost " not in orglab("check").out


def test_a_restore_brings_no_more_than_is_listed(orglab, repo):
    repo.git("switch", "--quiet", "--create", "other")
    repo.commit("b", {"train.py": "b\n"})
    repo.git("switch", "--quiet", "main")
    orglab("new", "Of main alone", "-s", "C")
    repo.commit("log")
    repo.commit("m", {"train.py": "m\n"})
    repo.git("switch", "--quiet", "other")
    text = read(repo)
    repo.git("rebase", "main", check=False)
    orglab("note", "1", "During the rebase")
    repo.git("rebase", "--abort")
    assert orglab("check", code=1).out.count(" lost ") == 1
    assert orglab("check", "--restore").out == "e1  note  During the rebase\n"
    assert [line for line in read(repo).splitlines() if "During the rebase" not in line] == text.splitlines()


def test_a_restore_that_would_conflict_changes_nothing(orglab, repo):
    orglab("conclude", "1", "It helps.", "--verdict", "supported")
    repo.git("checkout", "--", NAME)
    orglab("list")
    repo.write(NAME, read(repo).replace("* TODO [1] First", "* TODO [1] Another title"))
    text = read(repo)
    restored = orglab("check", "--restore", code=0)
    assert "Another title" in read(repo)
    assert "It helps." in read(repo)
    assert restored.out == "e1  conclusion  It helps.\n"
    assert text != read(repo)


def test_a_first_conclusion_is_restored_once_before_the_later_ones(orglab, repo):
    orglab("conclude", "1", "First words.")
    repo.git("checkout", "--", NAME)
    orglab("list")
    orglab("conclude", "1", "Second words.")
    orglab("conclude", "1", "Third words.")
    assert orglab("check", "--restore").out == "e1  conclusion  First words.\n"
    assert orglab("check", "--restore", code=3).err == "orglab: Nothing is missing from the log.\n"
    concluded = [line for line in read(repo).splitlines() if "words." in line]
    assert concluded == ["First words.", "Second words.", "Third words."]
    assert len(open_log(repo.path / NAME).experiment("1").conclusion.entries) == 3


def test_what_a_commit_of_somebody_else_deleted_is_no_loss(orglab, repo):
    orglab("note", "1", "Reworded by a colleague")
    repo.commit("log")
    repo.git("switch", "--quiet", "--create", "theirs")
    repo.write(NAME, read(repo).replace("Reworded by a colleague", "In other words"))
    repo.commit("reworded")
    repo.git("switch", "--quiet", "main")
    orglab("list")
    orglab("note", "1", "Not committed")
    repo.git("commit", "--quiet", "--all", "--message=log")
    repo.git("merge", "--quiet", "--no-edit", "theirs")
    repo.git("branch", "--quiet", "-D", "theirs")
    assert orglab("list").err == ""
    assert "In other words" in read(repo)
    assert " lost " not in orglab("check").out


def test_status_counts_what_is_missing(orglab, repo):
    orglab("note", "1", "One")
    orglab("note", "1", "Two")
    assert "Missing" not in orglab("status").out
    repo.git("reset", "--quiet", "--hard")
    assert "Missing      2 parts of the log, since git took them out (run `orglab check`)" in orglab("status").out


def test_what_does_not_conflict_is_restored_and_the_rest_stays_listed(orglab, repo):
    repo.commit("log")
    orglab("new", "Second")
    repo.write(NAME, read(repo).replace("2. [ ] B", "2. [ ] B\n3. [ ] One wording").replace("[1] First", "[1] A title"))
    orglab("list")
    repo.git("checkout", "--", NAME)
    orglab("list")
    repo.write(NAME, read(repo).replace("[1] First", "[1] Another title"))
    orglab("check", "--restore")
    assert "Second" in orglab("list").out
    assert "Another title" in orglab("list").out
    assert "One wording" in orglab("check", code=1).out


@pytest.fixture
def uncommitted(capsys, repo):
    repo.commit("start", {"train.py": "x = 0\n"})
    orglab = Orglab(capsys)
    orglab("init", "--tracked")
    orglab("new", "First", "-s", "A")
    orglab("journal", "A thought")
    return orglab


@pytest.mark.parametrize("command", [("list",), ("note", "1", "Later"), ("init", "--tracked"), ("init",)])
def test_a_log_that_no_commit_has_comes_back(uncommitted, repo, command, monkeypatch):
    append(repo, "- saved by an editor\n")
    text = read(repo)
    repo.git("clean", "-fdq")
    (repo.path / "sub").mkdir()
    monkeypatch.chdir(repo.path / "sub")
    restored = "../experiment_log.org, ../journal.org"
    assert uncommitted(*command).err.startswith(
        f"Restored {restored}, which had been removed from the working tree, and which no commit has.\n"
    )
    assert set(read(repo).splitlines()) >= set(text.splitlines())
    assert "A thought" in (repo.path / "journal.org").read_text()
    assert "Restored" not in uncommitted("list").err


def test_a_log_that_no_commit_has_comes_back_under_its_own_name(uncommitted, repo):
    uncommitted("--log", "logs/lab.org", "init", "--tracked", code=4)
    (repo.path / "logs").mkdir()
    uncommitted("--log", "logs/lab.org", "init", "--tracked")
    uncommitted("--log", "logs/lab.org", "new", "Of the lab")
    repo.git("clean", "-fdq")
    assert "Of the lab" in uncommitted("--log", "logs/lab.org", "list").out


def test_a_log_whose_commits_a_reset_discarded_comes_back(uncommitted, repo):
    repo.commit("log")
    uncommitted("note", "1", "Later")
    text = read(repo)
    repo.git("reset", "--quiet", "--hard", "HEAD~1")
    uncommitted("list")
    assert read(repo) == text


def test_a_log_that_somebody_moved_or_that_is_elsewhere_is_not_put_back(uncommitted, repo):
    (repo.path / NAME).rename(repo.path / "lab.org")
    assert uncommitted("list", code=3).err.startswith("orglab: No experiment_log.org in this folder")
    (repo.path / "lab.org").rename(repo.path / NAME)
    repo.git("stash", "--include-untracked", "--quiet")
    assert "`git stash pop` brings it back" in uncommitted("list", code=3).err
    repo.git("stash", "pop", "--quiet")
    repo.git("switch", "--quiet", "--create", "other")
    repo.commit("log")
    repo.git("switch", "--quiet", "main")
    uncommitted("list", code=3)
    assert not (repo.path / NAME).exists()


def test_a_removed_log_that_git_has_is_brought_back_by_git(uncommitted, repo):
    repo.commit("log")
    (repo.path / NAME).unlink()
    for arguments in (("list",), ("--log", NAME, "list")):
        assert uncommitted(*arguments, code=3).err == (
            f"orglab: {NAME} was removed from the working tree; `git restore {NAME}` brings it back.\n"
        )
    repo.git("rm", "--quiet", NAME)
    assert f"`git restore --source=HEAD {NAME}` brings it back" in uncommitted("list", code=3).err
    repo.git("restore", "--source=HEAD", NAME)
    assert "First" in uncommitted("list").out


def make_seen(repo, path, kept):
    """Write what orglab keeps of a log that a worktree had."""
    texts = repo.path / ".git/orglab/texts"
    texts.mkdir(parents=True, exist_ok=True)
    (texts / "deadbeef.seen").write_text(f"{path}\n1 2 3\n0\n{NAME}\n")
    if isinstance(kept, bytes):
        (texts / "deadbeef").write_bytes(kept)
    else:
        (texts / "deadbeef").symlink_to(kept)


def test_the_text_of_a_worktree_is_not_read_through_a_link(orglab, repo, tmp_path_factory):
    private = tmp_path_factory.mktemp("home") / "private.org"
    orglab("new", "Private plans")
    private.write_text(read(repo))
    repo.git("checkout", "--quiet", NAME)
    orglab("check", "--forget")
    make_seen(repo, private.parent / "gone" / NAME, private)
    before = repo.git("for-each-ref")
    assert " lost " not in orglab("check").out
    assert repo.git("for-each-ref") == before


def test_a_log_outside_of_the_worktrees_is_not_read(orglab, repo, tmp_path_factory):
    outside = tmp_path_factory.mktemp("home") / NAME
    orglab("new", "Second", "-s", "q")
    repo.commit("log")
    outside.write_text(read(repo))
    make_seen(repo, outside, b"")
    repo.git("reset", "--quiet", "--hard", "HEAD~1")
    # If that file counted, nothing would be missing.
    assert "took 1 experiment (e2)" in orglab("list").err


@pytest.mark.parametrize(
    "fields",
    [
        {"commit": "--batch", "base": "\0"},
        {"commit": "HEAD", "base": "HEAD"},
        {"forgotten": 5, "at": 5},
        {"forgotten": [{}], "history": "--output=x"},
        {"operation": 5},
    ],
)
def test_fields_of_a_record_that_orglab_does_not_write_break_nothing(orglab, repo, fields):
    commit = repo.git("rev-parse", "HEAD")
    known = {"name": NAME, "operation": "reset", "commit": commit, "base": commit, "at": "2018"}
    repo.write(f".git/orglab/losses/{commit}.json", json.dumps(known | fields))
    assert " lost " not in orglab("check").out
