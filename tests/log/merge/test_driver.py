"""Merges by git itself, with the driver registered as `orglab init` does; renumber; what `check` finds of a plain merge."""

import subprocess
import sys

import pytest

from commands import Orglab
from orglab.api import open_log
from orglab.git.merge_config import add_attributes, quote_pattern
from orglab.log.merge.driver import install_merge_driver

LOG = "experiment_log.org"


@pytest.fixture
def orglab(capsys):
    return Orglab(capsys)


@pytest.fixture
def study(repo, orglab):
    """A log with one experiment, of two branches: `other`, and `main`, which is checked out."""
    # Without the hooks, which keep the log in commits of its own.
    orglab("init", "--tracked", "--no-hooks")
    install_merge_driver(open_log())
    orglab("new", "A", "-s", "one", "-s", "two")
    repo.commit("[e1] log: new")
    repo.git("branch", "other")
    return repo


def on_other(study, change):
    study.git("switch", "--quiet", "other")
    change()
    study.commit("theirs")
    study.git("switch", "--quiet", "main")


def test_ticks_notes_and_experiments_of_two_branches_merge(study, orglab):
    def theirs():
        orglab("done", "1.1", "--no-commit")
        orglab("note", "1", "a note of theirs")
        orglab("new", "Theirs", "--id", "8")

    on_other(study, theirs)
    orglab("done", "1.2", "--no-commit")
    orglab("note", "1", "a note of ours")
    orglab("new", "Ours", "--id", "7")
    study.commit("ours")
    study.git("merge", "--quiet", "--no-edit", "other")
    text = (study.path / LOG).read_text()
    assert "** DONE Experiments [2/2]" in text
    assert text.index("a note of ours") < text.index("a note of theirs")
    assert orglab("list").out.split() == ["e1", *orglab("list").out.split()[1:]]
    assert [line.removeprefix(">").split()[0] for line in orglab("list").out.splitlines()] == ["e1", "e7", "e8"]
    assert orglab("check", code=0).out == ""
    assert study.git("status", "--porcelain") == ""


def test_a_rebase_and_a_cherry_pick_merge_the_same_way(study, orglab):
    on_other(study, lambda: orglab("done", "1.1", "--no-commit"))
    orglab("done", "1.2", "--no-commit")
    study.commit("ours")
    study.git("cherry-pick", "other")
    assert "** DONE Experiments [2/2]" in (study.path / LOG).read_text()
    study.git("reset", "--quiet", "--hard", "HEAD~1")
    study.git("rebase", "--quiet", "other")
    assert "** DONE Experiments [2/2]" in (study.path / LOG).read_text()


def test_conclusions_of_both_conflict_and_no_command_writes_until_it_is_resolved(study, orglab):
    on_other(study, lambda: orglab("conclude", "1", "It does not."))
    orglab("conclude", "1", "It helps.")
    study.commit("ours")
    study.git("merge", "--quiet", "other", check=False)
    text = (study.path / LOG).read_text()
    assert "<<<<<<< ours\n" in text
    assert "It helps." in text
    assert "It does not." in text
    assert "conflict marker" in orglab("note", "1", "x", code=4).err
    assert study.git("diff", "--name-only", "--diff-filter=U") == LOG


def test_without_the_driver_git_merges_the_text(study, orglab):
    command = study.git("config", "merge.orglab.driver")
    study.git("config", "merge.orglab.driver", command.replace(sys.executable, "/nowhere/python"))
    on_other(study, lambda: orglab("new", "Theirs", "--id", "8"))
    study.write("file", "x")
    orglab("note", "1", "ours")
    study.commit("ours")
    study.git("merge", "--quiet", "--no-edit", "other")
    text = (study.path / LOG).read_text()
    assert "ours" in text
    assert "Theirs" in text
    on_other(study, lambda: orglab("conclude", "1", "b"))
    orglab("conclude", "1", "a")
    study.commit("ours again")
    study.git("merge", "--quiet", "other", check=False)
    assert "<<<<<<< ours\n" in (study.path / LOG).read_text()


def test_a_module_of_the_repository_is_not_run(study, orglab):
    study.write("orglab/__init__.py", "open('owned', 'w')\n")
    study.write("click.py", "open('owned', 'w')\n")
    on_other(study, lambda: orglab("done", "1.1", "--no-commit"))
    orglab("done", "1.2", "--no-commit")
    study.commit("ours")
    study.git("merge", "--quiet", "--no-edit", "other")
    assert "** DONE Experiments [2/2]" in (study.path / LOG).read_text()
    assert not (study.path / "owned").exists()


@pytest.mark.usefixtures("study")
def test_attributes_of_the_user_stay():
    assert install_merge_driver(open_log()) == []
    assert add_attributes(b"*.png binary", ["a.org"]) == b"*.png binary\na.org merge=orglab\n"
    assert add_attributes(b"a.org -merge\n", ["a.org"]) == b"a.org -merge\n"


@pytest.mark.parametrize(
    "name", ["a b.org", 'q"uote.org', "st*r[1].org", "#h.org", "!x.org", "tab\there.org", "back\\slash.org", "ünï.org"]
)
def test_git_reads_the_name_of_any_log_in_the_attributes(repo, name):
    repo.write(".gitattributes", add_attributes(b"", [name]))
    said = repo.git("check-attr", "-z", "merge", "--", name).split("\0")
    assert said[2] == "orglab", quote_pattern(name)
    assert repo.git("check-attr", "-z", "merge", "--", "other.org").split("\0")[2] == "unspecified"


def test_the_driver_uses_the_marker_size_of_git(tmp_path):
    for name, text in (("base", "a\n"), ("ours", "b\n"), ("theirs", "c\n")):
        (tmp_path / name).write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "orglab", "merge-driver", "base", "ours", "theirs", "9", "x.org"],
        cwd=tmp_path, check=False, capture_output=True,
    )  # fmt: skip
    assert done.returncode == 6
    assert (tmp_path / "ours").read_text() == "<<<<<<<<< ours\nb\n=========\nc\n>>>>>>>>> theirs\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["base", "ours", "theirs"]


# ---- renumber ----


def test_an_old_number_still_finds_the_experiment(repo, orglab):
    orglab("init", "--tracked")
    for title in "AB":
        orglab("new", title, "-s", "one")
    path = repo.path / LOG
    path.write_text(path.read_text() + "Follows [[id:1]], [[#1][A]] and [e1].\n")
    assert orglab("renumber", "1", "--to", "7").out.startswith("e7")
    text = path.read_text()
    assert "* TODO [7] A" in text
    assert "  :ID:       7\n  :ALIASES:  1\n" in text
    assert "Follows [[id:7]], [[#7][A]] and [e1].\n" in text
    assert orglab("show", "1.1").out == orglab("show", "e7.1").out
    assert orglab("check", code=0).out == ""
    # Neither number is given again.
    assert orglab("new", "C").out == "e8\n"
    assert orglab("renumber", "e7", "--to", "9").out.startswith("e9")
    assert "  :ALIASES:  1 7\n" in path.read_text()
    assert "e9" in orglab("show", "1").out


def test_the_second_of_two_experiments_with_one_number_is_renumbered(repo, orglab):
    orglab("init", "--tracked")
    orglab("new", "First")
    text = (repo.path / LOG).read_text()
    (repo.path / LOG).write_text(text + "\n" + text[text.index("* TODO") :].replace("First", "Second"))
    assert orglab("renumber", "1").out == "e2  TODO  Second\n"
    assert "First" in orglab("show", "1").out
    assert orglab("renumber", "1", "--to", "2", code=2).err.startswith("orglab: The id 2 is already taken")
    assert "not a valid id" in orglab("renumber", "1", "--to", "a b", code=2).err
    assert "no experiment" in orglab("renumber", "77", code=3).err


# ---- what a merge without the driver damages ----


def test_check_reports_entries_lost_in_a_merge(study, orglab):
    on_other(study, lambda: orglab("note", "1", "a finding of theirs"))
    orglab("note", "1", "a note of ours")
    study.commit("ours")
    study.git("merge", "--quiet", "--no-commit", "-s", "ours", "other")
    study.git("commit", "--quiet", "-m", "merge")
    found = orglab("check", code=1).out
    assert "lost-in-merge" in found
    assert "a finding of theirs" in found
    assert "a note of ours" not in found
    text = (study.path / LOG).read_text()
    orglab("note", "1", "a finding of theirs")
    assert "lost-in-merge" not in orglab("check").out
    (study.path / LOG).write_text(text)
    assert "a finding of theirs" in orglab("check", "--forget").out
    assert "lost-in-merge" not in orglab("check").out
    assert orglab("check", "--forget", code=3).err == "orglab: Nothing is missing from the log.\n"


def test_check_reports_duplicates(repo, orglab):
    orglab("init", "--tracked")
    orglab("new", "A", "-s", "one", "-s", "one")
    path = repo.path / LOG
    path.write_text(path.read_text() + "\n** Notes\n- lost here\n")
    found = orglab("check", code=1).out
    assert "twice e1.2 has the same text as e1.1." in found
    assert "twice e1 has a second heading Notes" in found
