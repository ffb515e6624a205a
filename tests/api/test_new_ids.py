"""An id that an experiment of this clone ever had is not given to another one."""

import subprocess
import sys

import pytest

from lab import NAME, orglab
from orglab.api import Log
from orglab.errors import UsageError

EXPERIMENT = "* TODO [{0}] Idea {0} :exp:\n  [2026-06-01 Mon 09:30]\n"


def log_of(*numbers):
    return "#+TITLE: Log\n" + "".join(EXPERIMENT.format(number) for number in numbers)


@pytest.fixture
def study(repo):
    repo.commit("start", {NAME: log_of(1, 2), "train.py": "x = 0\n"})
    return repo


def new(study, **options):
    return Log(study.path / NAME).new("Another", **options).id


def reset(study):
    study.git("reset", "--quiet", "--hard", "main~1")


def test_after_a_reset_of_the_log(study):
    study.commit("code", {"train.py": "x = 1\n"})
    assert new(study) == "3"
    study.git("checkout", "--quiet", NAME)
    assert new(study) == "4"
    reset(study)
    assert new(study) == "5"


def test_an_experiment_written_by_hand_committed_and_reset_away(study):
    study.commit("by hand", {NAME: log_of(1, 2, 3)})
    reset(study)
    assert new(study) == "4"


@pytest.mark.parametrize("untracked", [False, True])
def test_an_experiment_in_the_stash(study, untracked):
    if untracked:
        study.git("rm", "--quiet", "--cached", NAME)
        study.git("commit", "--quiet", "--message=without the log")
    study.write(NAME, log_of(1, 2, 3))
    study.git("stash", "--quiet", "--include-untracked")
    study.write(NAME, log_of(1, 2))
    assert new(study) == "4"


def test_an_experiment_in_another_worktree_and_one_in_an_archive(study, tmp_path_factory):
    there = tmp_path_factory.mktemp("there") / "tree"
    study.git("worktree", "add", "--quiet", "-b", "topic", str(there))
    (there / NAME).write_text(log_of(1, 2, 3))
    assert new(study) == "4"
    study.write(f"{NAME}_archive", log_of(6))
    assert new(study) == "7"
    assert Log(there / NAME).new("There").id == "8"


def test_an_archive_that_a_link_leads_out_of_the_repository(study, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "file"
    outside.write_text(log_of(70))
    (study.path / "x_archive").symlink_to(outside)
    assert new(study) == "3"


def test_the_texts_that_the_clone_keeps_and_the_branch_of_the_log(study):
    log = study.git("hash-object", "-w", "--stdin", stdin=log_of(1, 2, 5))
    tree = study.git("mktree", stdin=f"100644 blob {log}\t{NAME}\n")
    old = study.git("commit-tree", tree, "-m", "text")
    empty = study.git("commit-tree", study.git("mktree", stdin=""), "-m", "later", "-p", old)
    study.git("update-ref", "refs/orglab/texts/log", empty)
    assert new(study) == "6"
    log = study.git("hash-object", "-w", "--stdin", stdin=log_of(9))
    tree = study.git("mktree", stdin=f"100644 blob {log}\t{NAME}\n")
    study.git("update-ref", "refs/remotes/origin/experiment-log", study.git("commit-tree", tree, "-m", "text"))
    assert new(study) == "10"


def test_a_run_whose_experiment_is_lost(study):
    assert new(study) == "3"
    assert orglab("run", "3", "--", "true").code == 0
    (study.path / ".git" / "orglab" / "ids").unlink()
    study.git("checkout", "--quiet", NAME)
    assert new(study) == "4"
    assert (study.path / ".git" / "orglab" / "ids").read_text().splitlines()[0] == f'id 1 "{NAME}"'


@pytest.mark.parametrize(
    ("messages", "number"),
    [
        (["[e5.1] x"], "6"),
        (["[e102] x"], "103"),
        (["[e103] x"], "3"),
        (["[e999999999] x", "[e99999999999999999999] y", "[e4] z"], "5"),
        (["[e90] x", "[e180] y"], "181"),
    ],
)
def test_a_commit_message_counts_within_reason(study, messages, number):
    for message in messages:
        study.commit(message)
    assert new(study) == number


@pytest.mark.parametrize(
    "content", [b"", b"\xff\0garbage\nid x\nid 7", b"9" * 100_000, b'id 999999999 "%s"\nid' % NAME.encode()]
)
def test_a_damaged_file_of_ids_is_ignored_and_continued(study, content):
    study.write(".git/orglab/ids", content)
    assert [new(study), new(study)] == ["3", "4"]
    study.git("checkout", "--quiet", NAME)
    assert new(study) == "5"


def test_a_failed_command_uses_up_no_id(study):
    with pytest.raises(UsageError):
        Log(study.path / NAME).new("x", steps=["one\n2. two"])
    assert new(study) == "3"


def test_the_ids_of_another_log_in_the_repository_are_its_own(study):
    other = Log(study.write("b/" + NAME, ""))
    assert [other.new("A").id, new(study), other.new("B").id] == ["1", "3", "2"]


def test_an_id_that_was_chosen_and_one_after_renumbering(study):
    assert new(study, number="7") == "7"
    study.git("checkout", "--quiet", NAME)
    assert new(study) == "8"
    Log(study.path / NAME).renumber("8")
    study.git("checkout", "--quiet", NAME)
    assert new(study) == "10"


def test_commands_at_once_in_two_worktrees_of_a_tracked_log(study, tmp_path_factory):
    there = tmp_path_factory.mktemp("there") / "tree"
    study.git("worktree", "add", "--quiet", "-b", "topic", str(there))
    command = [sys.executable, "-m", "orglab", "new", "At once"]
    trees = [study.path, there] * 10
    processes = [subprocess.Popen(command, cwd=tree, stdout=subprocess.PIPE) for tree in trees]
    given = [process.communicate()[0].decode().strip() for process in processes]
    assert sorted(given, key=lambda ref: int(ref[1:])) == [f"e{number}" for number in range(3, 23)]


def test_archives_outside_of_a_worktree_are_not_read(study, tmp_path_factory):
    outside = tmp_path_factory.mktemp("home")
    (outside / "log.org").write_text(log_of(1))
    (outside / "log.org_archive").write_text(log_of(99))
    tree = tmp_path_factory.mktemp("trees") / "other"
    study.commit("moved", {"lab/log.org": log_of(1), "orglab.toml": 'log = "lab/log.org"\n'})
    study.git("worktree", "add", "--quiet", "-b", "other", tree)
    (tree / "lab/log.org").unlink()
    (tree / "lab").rmdir()
    (tree / "lab").symlink_to(outside)
    assert Log(study.path / "lab/log.org").new("Another").id == "2"
