"""Runs in a working tree of their own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import Repository
from lab import orglab as process
from orglab import clock
from orglab.api import open_log
from orglab.runs.own_tree import enter_own_tree
from orglab.runs.preparation import make_job
from orglab.runs.record_reader import read_runs
from orglab.runs.record_writer import begin_record
from orglab.runs.run_request import RunRequest
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


MAKE = """\
import os, pathlib, subprocess, sys
def write(name, text="made"):
    path = pathlib.Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
for name in ("notes.txt", "plots/a/loss.svg", "model.ckpt", "weights/w.ckpt", "results/out.txt", "other/x"):
    write(name)
subprocess.run(["git", "init", "--quiet", "other"], check=True)
write("model.py", "changed by the run\\n")
write("pkg/__pycache__/m.pyc")
write("env/pyvenv.cfg")
write("env/bin/python")
os.symlink("plots/a/loss.svg", "latest")
os.symlink("/etc/passwd", "away")
subprocess.run(["git", "add", "notes.txt"], check=True)
"""


def files_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


def test_all_that_no_commit_has_is_moved_to_the_record(branch, orglab):
    branch.write("data/points.csv", "1,2\n")
    branch.write("big.bin", "of the user\n")
    branch.commit("settings", {"orglab.toml": '[run]\nlink = ["data"]\nsize_limit = 0\n', "make.py": MAKE})
    branch.write("new.py", "new\n")
    branch.git("add", "--intent-to-add", "new.py")
    answer = orglab(*RUN, "--", sys.executable, "make.py")
    run = latest(branch)
    out = run.folder / "out"
    assert [name for name in files_in(out) if "/.git/" not in name] == [
        *("latest", "model.ckpt", "model.py", "notes.txt", "other/x", "plots/a/loss.svg", "results/out.txt"),
        "weights/w.ckpt",
    ]
    assert (out / "model.py").read_text() == "changed by the run\n"
    assert (out / "latest").is_symlink()
    assert answer.err.count("Moved to ") == 1
    assert len(branch.git("worktree", "list").splitlines()) == 1
    assert (branch.path / "data/points.csv").read_text() == "1,2\n"
    assert (branch.path / "model.py").read_text().startswith("a\n")


def test_what_is_written_to_a_submodule_is_moved_to_the_record(branch, orglab, tmp_path_factory):
    library = Repository(tmp_path_factory.mktemp("library"))
    library.git("init", "--quiet")
    library.commit("code", {"lib.py": "1\n", ".gitignore": "*.ckpt\n"})
    branch.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", library.path, "lib")
    branch.git("commit", "--quiet", "-m", "A library")
    orglab(*RUN, "--", "sh", "-c", "echo 1 > lib/model.ckpt; echo 2 >> lib/lib.py")
    assert files_in(latest(branch).folder / "out") == ["lib/lib.py", "lib/model.ckpt"]
    assert branch.git("status", "--porcelain") == ""


def test_a_branch_that_the_command_has_made_stays_as_it_is(branch, orglab):
    branch.write("model.py", "of the user\n")
    script = "git switch -qc tried && echo 1 > notes.txt && git add . && git commit -qm Tried && git rev-parse tried"
    answer = orglab(*RUN, "--", "sh", "-c", script)
    assert branch.git("rev-parse", "tried") == answer.out.strip()
    assert files_in(latest(branch).folder / "out") == ["notes.txt"]


def test_a_file_whose_place_in_the_record_is_taken_keeps_the_working_tree(branch, orglab):
    script = "for name in a b; do echo 1 > $name; echo 1 > $ORGLAB_OUT/$name; done; echo 2 > b"
    answer = orglab("run", "1.1", "--worktree", "--", "sh", "-c", script)
    run = latest(branch)
    assert f"Kept the working tree {run.worktree}, because it alone has b; " in answer.err
    assert (run.folder / "out/b").read_text() == "1\n"
    orglab("run", "1.1", "--", "true")
    branch.git("worktree", "remove", "--force", run.worktree)


def test_a_record_on_another_file_system_gets_the_files(branch, orglab):
    orglab("run", "1.1", "--", "true")
    runs = branch.path / ".git/orglab/runs"
    mount = ("unshare", "--mount", "sh", "-c", 'mount --bind "$0" "$0" && exec "$@"', runs)
    process("run", "1.1", "--worktree", "--", "sh", "-c", "echo 1 > weights.bin", cwd=branch.path, prefix=mount)
    assert (latest(branch).folder / "out/weights.bin").read_text() == "1\n"


def test_an_exception_while_a_run_ends_loses_nothing(branch):
    log, said = open_log(None), []
    record = begin_record(log, clock.now())
    job = make_job(log, RunRequest("1.1", ("true",), worktree=True), "e1.1", record, said.append)

    def end_early():
        with enter_own_tree(job) as (moved, _):
            (moved.folder / "weights.bin").write_text("1")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        end_early()
    assert (record.out / "weights.bin").read_text() == "1"
    assert len(branch.git("worktree", "list").splitlines()) == 1
    record.close()


def test_a_working_tree_of_which_git_knows_nothing_is_kept(branch, orglab):
    answer = orglab("run", "1.1", "--worktree", "--", "sh", "-c", "echo 1 > weights.bin; rm .git")
    run = latest(branch)
    assert f"Kept the working tree {run.worktree}" in answer.err
    assert Path(run.worktree, "weights.bin").read_text() == "1\n"


def test_data_that_the_settings_name_is_linked(branch, orglab):
    branch.write("data/points.csv", "1,2\n")
    branch.commit("settings", {"orglab.toml": '[run]\nlink = ["data"]\n'})
    answer = orglab("run", "1.1", "--worktree", "--", "cat", "data/points.csv")
    assert answer.out == "1,2\n"
    assert "Missing" not in answer.err


def test_a_command_that_names_a_file_of_the_user_by_its_absolute_path_is_refused(branch, orglab):
    branch.write("new.py", "")
    top = branch.path
    for words in (["model.py"], ["new.py"], ["results/out.txt"], ["part", "model.py"], ["data/../model.py"]):
        named = [f"{top}/{word}" for word in words]
        answer = orglab("run", "1.1", "--worktree", "--", "echo", *named, code=2)
        assert f"the command would use {', '.join(named)} of your working tree" in answer.err
    assert f"{top} of your" in orglab("run", "1.1", "--worktree", "--", "ls", top, code=2).err
    assert f"{top}/model.py of your" in orglab(*RUN, "--", "echo", f"--config={top}/model.py", code=2).err
    assert (read_runs(top), branch.git("for-each-ref", "refs/orglab")) == ([], "")
    # What is in no commit is only there.
    branch.write("data/points.csv", "1,2\n")
    branch.write("env/pyvenv.cfg", "")
    branch.write("env/bin/tool", "#!/bin/sh\ncat $1\n").chmod(0o755)
    answer = orglab("run", "1.1", "--worktree", "--", f"{top}/env/bin/tool", f"{top}/data/points.csv")
    assert answer.out == "1,2\n"


def test_metrics_that_are_named_by_an_absolute_path_are_those_of_the_run(branch, orglab):
    branch.write("metrics.json", '{"acc": 0.1}')
    script = "echo '{\"acc\": 0.9}' > metrics.json"
    orglab("run", "1.1", "--worktree", "--metrics", branch.path / "metrics.json", "--", "sh", "-c", script)
    run = latest(branch)
    assert (run.metrics, run.metrics_files) == ({"acc": 0.9}, ("metrics.json",))


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


def test_what_a_killed_run_left_is_moved_to_its_record_once_its_command_has_ended(branch, orglab):
    script = "mkdir -p results; echo 1 > results/out.txt; echo 1 > notes.txt; echo begun; cat; echo 2 > model.ckpt"
    killed = subprocess.Popen(
        [sys.executable, "-m", "orglab", *RUN, "--", "sh", "-c", script],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert killed.stdout.readline() == "begun\n"
    killed.kill()
    killed.wait()
    run = latest(branch)
    orglab("run", "1.1", "--", "true")
    assert len(branch.git("worktree", "list").splitlines()) == 2
    wait_for_end(killed, run)
    answer = orglab("run", "1.1", "--", "true")
    assert f"Moved to {run.folder}/out: " in answer.err
    assert files_in(run.folder / "out") == ["model.ckpt", "notes.txt", "results/out.txt"]
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
