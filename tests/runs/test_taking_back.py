"""Discarding runs with their code: files and branch are as before them, and nothing of others is lost."""

import json
import re
import sys

import pytest

from orglab.runs.record_reader import read_runs
from runs.test_keeping import TRAIN, model, subjects, try_out

LOG = "experiment_log.org"
RESET = ("--reset", "-m", "Worse")


def run_in_tracked_log(repo, orglab):
    """Make a log that git tracks, and run changed code for its first step."""
    orglab("init", "--tracked", "--no-hooks")
    orglab("new", "First", "-s", "one", "-s", "two")
    repo.commit("code", {"train.py": "print(1)\n"})
    repo.write("train.py", "print(2)\n")
    orglab("run", "1.1", "--", sys.executable, "train.py")


def latest(repo):
    return read_runs(repo.path)[-1]


def test_the_files_of_a_snapshot_are_as_at_head_again(branch, orglab):
    branch.write("model.py", model(a="A"))
    branch.git("rm", "--quiet", "train.py")
    branch.write("part/new.py", "new\n")
    branch.git("add", "--all")
    orglab("run", "1.1", "--before", "snapshot", "--", "true")
    run = latest(branch)
    answer = orglab("runs", "discard", run.id, *RESET)
    assert "Taken back: model.py, part/new.py, train.py. " in answer.err
    assert branch.git("status", "--porcelain") == ""
    assert not (branch.path / "part").exists()
    changed = latest(branch)
    assert (changed.discarded, changed.status) == ("Worse", "done")
    assert f"run {run.id}" in (branch.path / LOG).read_text()
    # The code is still there.
    orglab("runs", "rerun", run.id)
    orglab("runs", "discard", run.id, "--undo")
    orglab("runs", "keep", run.id)
    assert branch.git("show", "HEAD:part/new.py") == "new"


def test_the_branch_returns_to_before_the_commits_of_a_run(branch, orglab):
    head = branch.git("rev-parse", "HEAD")
    branch.write("model.py", model(a="A"))
    orglab("run", "1.1", *TRAIN)
    run, tip = latest(branch), branch.git("rev-parse", "HEAD")
    answer = json.loads(orglab("runs", "discard", run.id, *RESET, "--json").out)
    assert answer["taken_back"]["files"] == ["model.py", "results/out.txt"]
    assert sorted(answer["taken_back"]["commits"]) == sorted((run.before, run.commit))
    assert branch.git("rev-parse", "HEAD") == head
    assert branch.git("status", "--porcelain") == ""
    # The hash in the log stays true, also after what nothing refers to is gone.
    branch.git("reflog", "expire", "--expire=now", "--all")
    branch.git("gc", "--quiet", "--prune=now")
    short = branch.git("rev-parse", "--short", tip)
    assert f"({short}) ran" in (branch.path / LOG).read_text()
    assert "e1.1" in orglab("why", short).out
    assert run.before in orglab("runs", "show", run.id).out
    orglab("runs", "rerun", run.id)
    orglab("check")
    branch.git("fsck", "--connectivity-only")


def test_commits_of_the_log_stay_on_the_branch(repo, orglab):
    run_in_tracked_log(repo, orglab)
    orglab("note", "1.2", "Not of the run")
    orglab("commit")
    orglab("note", "1.2", "Not committed")
    text = (repo.path / LOG).read_text()
    old = repo.git("log", "--format=%an %ae %ad %s", "HEAD").splitlines()
    orglab("runs", "discard", latest(repo).id, *RESET)
    assert [one.partition(":")[0] for one in subjects(repo)] == ["[e1] log", "[e1] log", "[e1] log", "code"]
    # The newest is that of the note, which says why it is discarded.
    assert repo.git("log", "--format=%an %ae %ad %s", "HEAD^").splitlines() == [
        one for one in old if "Before" not in one
    ]
    mark = f"     run {latest(repo).id}\n"
    assert (repo.path / LOG).read_text() == text.replace(mark, f"     discarded: {RESET[-1]}\n{mark}")
    assert repo.git("show", "HEAD:train.py") == "print(1)"
    assert repo.git("status", "--porcelain") == ""


def test_the_code_of_a_run_that_came_later_is_not_lost(repo, orglab):
    run_in_tracked_log(repo, orglab)
    first = latest(repo)
    orglab("run", "1.2", "--", sys.executable, "train.py")
    later = latest(repo)
    assert later.code == repo.git("rev-parse", "HEAD^")  # a commit of the log
    orglab("runs", "discard", first.id, *RESET)
    now = repo.git("rev-parse", "--short", "HEAD^^")
    repo.git("reflog", "expire", "--expire=now", "--all")
    repo.git("gc", "--quiet", "--prune=now")
    assert repo.git("show", f"{later.code}:train.py") == "print(2)"
    assert orglab("runs", "rerun", later.id).out == "2\n"
    assert f"{later.code[:7]} is now " in orglab("check", code=1).out
    orglab("check", "--fix")
    assert f"({later.code[:7]} -> {now})" in (repo.path / LOG).read_text()


def test_what_was_pushed_is_reverted_by_a_commit(branch, orglab, tmp_path_factory):
    hub = tmp_path_factory.mktemp("hub")
    branch.git("init", "--quiet", "--bare", hub)
    branch.git("remote", "add", "origin", hub)
    branch.write("model.py", model(a="A"))
    branch.write("new.py", "new\n")
    branch.git("add", "new.py")
    orglab("run", "1.1", *TRAIN)
    run = latest(branch)
    branch.git("push", "--quiet", "origin", "main")
    tip = branch.git("rev-parse", "HEAD")
    answer = json.loads(orglab("runs", "discard", run.id, *RESET, "--json").out)
    assert branch.git("rev-parse", "HEAD^") == tip
    assert answer["taken_back"]["revert"] == branch.git("rev-parse", "HEAD")
    assert subjects(branch)[0] == "[e1.1] Take back: Worse"
    assert branch.git("diff", "--name-only", "HEAD", f"{run.before}^") == ""
    assert branch.git("status", "--porcelain") == ""
    assert "was reverted by" in orglab("why", run.before).out
    assert "Nothing to take back" in orglab("runs", "discard", run.id, *RESET).err
    orglab("runs", "discard", run.id, "--undo")
    orglab("runs", "keep", run.id)
    assert branch.git("diff", "--name-only", "HEAD", tip) == ""


def test_a_kept_run_is_taken_back_with_its_results(branch, orglab):
    run = try_out(branch, orglab, {"model.py": model(a="A")})
    orglab("runs", "keep", run.id, "-m", "Better")
    orglab("runs", "discard", run.id, *RESET)
    assert subjects(branch) == ["code"]
    assert branch.git("status", "--porcelain") == ""
    text = (branch.path / LOG).read_text()
    assert "kept as" not in text
    assert text.count(f"run {run.id}") == 1
    orglab("runs", "discard", run.id, "--undo")
    assert json.loads(orglab("runs", "discard", run.id, "--json").out)["taken_back"] is None
    orglab("runs", "discard", run.id, "--undo")
    assert latest(branch).fields["taken_back"]["files"] == ["model.py", "results/out.txt"]
    orglab("runs", "keep", run.id, "-m", "Better after all")
    assert latest(branch).fields["taken_back"] is None
    assert branch.git("show", "HEAD:results/out.txt") == model(a="A").strip()


@pytest.mark.parametrize("before", ["commit", "snapshot"])
def test_changes_of_others_are_refused_and_named(branch, orglab, before):
    branch.write("model.py", model(a="A"))
    orglab("run", "1.1", "--before", before, "--", "true")
    run = latest(branch)
    for name in ("model.py", "train.py"):
        old = (branch.path / name).read_bytes()
        branch.write(name, "mine\n")
        state = branch.git("rev-parse", "HEAD"), branch.git("status", "--porcelain")
        answer = orglab("runs", "discard", run.id, *RESET, code=5)
        assert f"changes that are not of the run {run.id}: {name};" in answer.err
        assert (branch.git("rev-parse", "HEAD"), branch.git("status", "--porcelain")) == state
        assert latest(branch).discarded is None
        branch.write(name, old)
    # What git does not track and no run wrote is nobody's code yet, and stays.
    branch.write("notes.txt", "mine\n")
    orglab("runs", "discard", run.id, *RESET)
    assert branch.git("status", "--porcelain") == "?? notes.txt"


def test_a_later_commit_of_others_is_refused_and_named(branch, orglab):
    branch.write("model.py", model(a="A"))
    orglab("run", "1.1", *TRAIN)
    run = latest(branch)
    branch.commit("By hand", {"other.py": "1\n"})
    head = branch.git("rev-parse", "HEAD")
    answer = orglab("runs", "discard", run.id, *RESET, code=5)
    assert f"{head[:7]} By hand" in answer.err
    assert branch.git("rev-parse", "HEAD") == head
    assert latest(branch).discarded is None
    orglab("runs", "discard", run.id, "-m", "Worse")
    assert latest(branch).discarded == "Worse"


def test_the_results_of_a_later_run_on_the_same_code_are_not_taken_away(branch, orglab):
    branch.write("model.py", model(a="A"))
    orglab("run", "1.1", "--", "true")
    first = latest(branch)
    orglab("run", "1.1", *TRAIN)
    assert "Results: " in orglab("runs", "discard", first.id, *RESET, code=5).err


def test_a_run_that_changed_nothing_has_nothing_to_take_back(branch, orglab):
    head = branch.git("rev-parse", "HEAD")
    orglab("run", "1.1", "--", "true")
    assert "Nothing to take back" in orglab("runs", "discard", latest(branch).id, *RESET).err
    assert branch.git("rev-parse", "HEAD") == head


def test_what_a_killed_discard_has_done_is_not_done_again(branch, orglab):
    branch.write("model.py", model(a="A"))
    orglab("run", "1.1", *TRAIN)
    run = latest(branch)
    record = (run.folder / "record.jsonl").read_bytes()
    orglab("runs", "discard", run.id, *RESET)
    (run.folder / "record.jsonl").write_bytes(record)
    assert "Nothing to take back" in orglab("runs", "discard", run.id, *RESET).err
    assert latest(branch).discarded == "Worse"
    assert branch.git("status", "--porcelain") == ""


def test_what_cannot_be_taken_back_is_one_sentence(branch, orglab):
    orglab("run", "1.1", "--", "true")
    run = latest(branch)
    assert "--reset needs -m WHY" in orglab("runs", "discard", run.id, "--reset", code=2).err
    assert "Use --undo or --reset" in orglab("runs", "discard", run.id, "--undo", "--reset", code=2).err
    branch.path.joinpath(".git/MERGE_HEAD").write_text(branch.git("rev-parse", "HEAD") + "\n")
    assert "in the middle of a merge" in orglab("runs", "discard", run.id, *RESET, code=5).err


def test_a_record_that_came_with_the_repository_moves_no_branch(branch, orglab):
    branch.write("model.py", model(a="A"))
    orglab("run", "1.1", *TRAIN)
    run, head = latest(branch), branch.git("rev-parse", "HEAD")
    record = run.folder / "record.jsonl"
    record.write_text(record.read_text().replace('"cwd": "."', '"cwd": "./"'))
    assert "This user did not make the run" in orglab("runs", "discard", run.id, *RESET, code=2).err
    assert branch.git("rev-parse", "HEAD") == head


def test_commits_on_another_branch_are_refused(branch, orglab):
    run = try_out(branch, orglab, {"model.py": model(a="A")})
    orglab("runs", "keep", run.id)
    for arguments in (["--detach"], ["-c", "other", "HEAD~2"]):
        branch.git("switch", "--quiet", *arguments)
        answer = orglab("runs", "discard", run.id, *RESET, code=5)
        assert f"The commits of the run {run.id} are on the branch main" in answer.err
        branch.git("switch", "--quiet", "main")
    assert len(subjects(branch)) == 3


def test_show_says_why_a_run_was_kept_or_discarded(branch, orglab):
    for number, decision in enumerate((("keep",), ("discard", "--reset"))):
        branch.write("model.py", f"x = {number}\n")
        orglab("run", "1.1", "--worktree", "-m", "A try", "--", "true")
        orglab("runs", *decision[:1], latest(branch).id, *decision[1:], "-m", f"Reason {number}")
    shown = orglab("show", "1").out
    assert re.search(r"A try\n +kept as [0-9a-f]{7}: Reason 0\n", shown)
    assert re.search(r"A try\n +discarded: Reason 1\n", shown)
