"""Runs in a working tree of their own."""

import json
import subprocess
import sys

from orglab.runs.record_reader import read_runs
from runs.test_rerun import wait_for_end

LOG = "experiment_log.org"
RUN = ("run", "1.1", "--worktree", "--results", "results")


def latest(repo):
    return read_runs(repo.path)[-1]


def test_a_run_has_the_present_code_and_leaves_branch_index_and_files_alone(branch, orglab):
    branch.write("model.py", "changed\n")
    branch.write("new.py", "print('new')\n")
    branch.git("add", "new.py")
    before = branch.git("status", "--porcelain"), branch.git("rev-parse", "HEAD")
    show = "import os, subprocess, sys; print(os.getcwd()); print(subprocess.getoutput('git status --porcelain'))"
    answer = orglab(*RUN, "-m", "Try it", "--", sys.executable, "-c", show + "; exec(open('train.py').read())")
    run = latest(branch)
    place, *status = answer.out.splitlines()
    assert place.startswith(f"{branch.path}/.git/orglab/worktrees/")
    assert status == [" M model.py", "?? new.py"]
    assert (branch.git("status", "--porcelain"), branch.git("rev-parse", "HEAD")) == before
    assert run.status == "done"
    assert (run.branch, run.before, run.worktree) == ("main", before[1], place)
    assert branch.git("show", f"{run.snapshot}:model.py") == "changed"
    assert branch.git("show", f"{run.kept}:results/out.txt") == "changed"
    assert not (branch.path / "results").exists()
    assert len(branch.git("worktree", "list").splitlines()) == 1
    assert f"run {run.id}" in (branch.path / LOG).read_text()
    assert orglab("status", "--json").out.count(run.id) == 0  # nothing is pending


def test_what_no_commit_keeps_is_moved_to_the_record(branch, orglab):
    answer = orglab(*RUN, "--", sys.executable, "train.py")
    out = latest(branch).folder / "out"
    assert (out / "results/model.ckpt").read_text() == "ignored"
    assert f"Moved to {out}: results/model.ckpt." in answer.err
    assert [path.name for path in out.rglob("*") if path.is_file()] == ["model.ckpt"]


def test_without_results_paths_all_that_was_written_is_moved_to_the_record(branch, orglab):
    orglab("run", "1.1", "--worktree", "--", "sh", "-c", "echo 1 > weights.bin")
    assert (latest(branch).folder / "out/weights.bin").read_text() == "1\n"


def test_data_that_the_settings_name_is_linked(branch, orglab):
    branch.write("data/points.csv", "1,2\n")
    branch.commit("settings", {"orglab.toml": '[run]\nlink = ["data"]\n'})
    answer = orglab("run", "1.1", "--worktree", "--", "cat", "data/points.csv")
    assert answer.out == "1,2\n"
    assert "Missing" not in answer.err


def test_the_user_may_edit_meanwhile(branch, orglab):
    script = f"echo edited > {branch.path}/model.py; cat model.py | head -1"
    assert orglab(*RUN, "--", "sh", "-c", script).out == "a\n"
    assert branch.git("status", "--porcelain") == " M model.py"


def test_a_run_in_a_subfolder_and_its_failure(branch):
    branch.write("part/go.sh", "pwd; mkdir -p out; echo 1 > out/x; exit 3\n")
    command = ("run", "1.1", "--worktree", "--results", "out", "--", "sh", "go.sh")
    done = subprocess.run(
        [sys.executable, "-m", "orglab", *command],
        cwd=branch.path / "part",
        capture_output=True,
        text=True,
        check=False,
    )
    run = latest(branch)
    assert (done.returncode, run.status, run.cwd, run.results) == (3, "failed", "part", ("part/out",))
    assert done.stdout == f"{run.worktree}/part\n"
    assert branch.git("show", f"{run.kept}:part/out/x") == "1"
    assert "kept beside" not in done.stderr


def test_a_worktree_of_the_user_works_too(branch, orglab, monkeypatch, tmp_path_factory):
    tree = tmp_path_factory.mktemp("agent") / "tree"
    branch.git("worktree", "add", "--quiet", "-b", "agent", tree)
    monkeypatch.chdir(tree)
    orglab("start", "1.2")
    (tree / "model.py").write_text("of the agent\n")
    orglab("run", "--worktree", "--results", "results", "--", sys.executable, "train.py")
    run = latest(branch)
    assert (run.ref, run.branch) == ("e1.2", "agent")
    assert (branch.path / LOG).read_text().count(f"run {run.id}") == 1
    monkeypatch.chdir(branch.path)
    assert orglab("runs", "1.2", "--json").out.count(run.id) == 1
    orglab("runs", "keep", run.id)
    assert branch.git("show", "HEAD:model.py") == "of the agent"
    assert branch.git("show", "HEAD:results/out.txt") == "of the agent"


def test_what_a_killed_run_left_is_removed_once_its_command_has_ended(branch, orglab):
    process = subprocess.Popen(
        [sys.executable, "-m", "orglab", *RUN, "--", "sh", "-c", "echo begun; cat"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout.readline() == "begun\n"
    process.kill()
    process.wait()
    run = latest(branch)
    orglab("run", "1.1", "--", "true")
    assert len(branch.git("worktree", "list").splitlines()) == 2
    wait_for_end(process, run)
    orglab("run", "1.1", "--", "true")
    assert len(branch.git("worktree", "list").splitlines()) == 1
    assert [*(branch.path / ".git/orglab/worktrees").iterdir()] == []
    assert (branch.path / LOG).read_text().count(f"run {run.id}") == 1
    assert json.loads(orglab("runs", "show", run.id, "--json").out)["status"] == "lost"


def test_what_cannot_have_a_working_tree_of_its_own_is_one_sentence(branch, orglab, monkeypatch, tmp_path_factory):
    answer = orglab(*RUN, "--before", "commit", "--", "true", code=2)
    assert "Use --worktree or --before, not both" in answer.err
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    assert "--worktree is not for the jobs of a scheduler" in orglab(*RUN, "--", "true", code=2).err
    monkeypatch.delenv("SLURM_JOB_ID")
    assert read_runs(branch.path) == []
    folder = tmp_path_factory.mktemp("plain")
    monkeypatch.chdir(folder)
    orglab("init")
    assert "--worktree needs a git repository" in orglab("run", "--worktree", "--", "true", code=2).err


def test_a_run_fails_before_anything_is_captured_if_its_command_is_not_there(branch, orglab):
    assert "not found" in orglab(*RUN, "--", "no-such-command", code=127).err
    assert branch.git("for-each-ref", "refs/orglab/runs") == ""


def test_no_hook_runs_in_a_working_tree_of_its_own(branch, orglab):
    hook = branch.path / ".git/hooks/post-checkout"
    hook.write_text(f"#!/bin/sh\ntouch {branch.path}/hooked\n")
    hook.chmod(0o755)
    branch.write("model.py", "changed\n")
    orglab(*RUN, "--", sys.executable, "train.py")
    orglab("runs", "keep", latest(branch).id)
    assert not (branch.path / "hooked").exists()
