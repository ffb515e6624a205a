"""The code of a run is a commit that holds what ran, or the record says what it does not hold."""

import hashlib
import os
import shutil
import subprocess
import sys

import pytest

from orglab.git.hashed_file import LeftOut
from orglab.runs.record_reader import read_runs

TELLS = "Took a snapshot of what is not committed: "


def latest(study):
    return read_runs(study.path)[-1]


def files_of(study, commit):
    return set(study.git("ls-tree", "-r", "--name-only", commit).split("\n"))


@pytest.fixture
def sub(study, tmp_path_factory):
    """The submodule `lib` of the study."""
    inner = tmp_path_factory.mktemp("inner")
    study.git("init", "--quiet", inner)
    (inner / "a.py").write_text("1\n")
    study.git("-C", inner, "add", "a.py")
    study.git("-C", inner, "commit", "--quiet", "-m", "one")
    study.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", inner, "lib")
    study.git("commit", "--quiet", "-m", "with a submodule")
    return study.path / "lib"


@pytest.mark.parametrize("commits", [True, False])
def test_a_script_that_was_never_added(repo, orglab, commits):
    orglab("init", "--tracked")
    orglab("new", "First", "-s", "one")
    if commits:
        repo.git("commit", "--quiet", "--allow-empty", "-m", "start")
    repo.write("train_lr.py", "import pathlib; pathlib.Path('out').write_text('1'); print('ran')\n")
    err = orglab("run", "1.1", "--", "python", "train_lr.py").err
    assert f"{TELLS}train_lr.py.\n" in err
    run = latest(repo)
    assert run.snapshot == run.code
    assert repo.git("status", "--porcelain", "train_lr.py") == "?? train_lr.py"
    assert "on the same code" in orglab("run", "1.1", "--", "python", "train_lr.py").err
    assert "train_lr.py" not in orglab("runs", "diff", run.id).out.partition("Arguments")[0]
    repo.write("train_lr.py", "print('ran')\n")
    assert "on different code" in orglab("run", "1.1", "--", "python", "train_lr.py").err
    assert "train_lr.py  +1 -1" in orglab("runs", "diff", run.id).out
    why = orglab("why", "out").out
    assert "holds the code that it ran" in why
    assert repo.git("rev-parse", "--short", run.code) in why
    assert "ran" in orglab("runs", "rerun", run.id).out
    assert latest(repo).outputs[0].path.endswith("out")


def test_what_a_run_wrote_and_what_orglab_made_is_not_code(study, orglab):
    study.write(".gitattributes", "experiment_log.org merge=orglab\n")
    orglab(
        "run", "1.1", "--metrics", "m.json", "--", "sh", "-c", "echo 1 > out; echo '{}' > m.json; mkdir r; echo 1 > r/a"
    )
    head = study.git("rev-parse", "HEAD")
    answer = orglab("run", "1.1", "--metrics", "m.json", "--results", "r", "--", "true")
    assert TELLS not in answer.err
    assert (latest(study).code, latest(study).snapshot) == (head, None)
    study.write("out", "edited\n")
    assert f"{TELLS}out.\n" in orglab("run", "1.1", "--", "true").err
    study.write(".gitattributes", "experiment_log.org merge=orglab\n*.bin -text\n")
    assert f"{TELLS}.gitattributes, out.\n" in orglab("run", "1.1", "--results", "r", "--", "true").err


def test_a_results_folder_with_the_script_in_it_holds_code(study, orglab):
    study.write("e1/train.py", "import sys\n")
    study.write("e1/model.py", "1\n")
    err = orglab("run", "1.1", "--results", "e1", "--", "python", "e1/train.py").err
    assert f"{TELLS}e1/train.py, e1/model.py.\n" in err


def test_results_that_are_in_no_commit_are_named(study, orglab):
    study.write("r/old.py", "1\n")
    orglab("run", "1.1", "--results", "r", "--", "sh", "-c", "echo 2 > r/a")
    assert latest(study).untracked == ("r/old.py",)
    assert "holds its code, except r/old.py" in orglab("why", "r/a").out


@pytest.mark.parametrize("mark", ["assume-unchanged", "skip-worktree"])
@pytest.mark.parametrize("version", ["2", "4"])
def test_a_change_that_git_status_hides_is_in_the_snapshot(study, orglab, mark, version):
    study.git("update-index", "--index-version", version)
    study.git("update-index", f"--{mark}", "train.py")
    orglab("run", "1.1", "--", "true")
    assert latest(study).snapshot is None
    os.utime(study.path / "train.py", (1, 1))
    orglab("run", "1.1", "--before", "clean", "--", "true")
    study.write("train.py", "print('hidden')\n")
    assert f"{TELLS}train.py.\n" in orglab("run", "1.1", "--", "true").err
    assert study.git("show", f"{latest(study).code}:train.py") == "print('hidden')"
    assert "train.py; commit them" in orglab("run", "1.1", "--before", "clean", "--", "true", code=5).err
    orglab("run", "1.1", "--before", "snapshot", "--", "true")
    assert study.git("show", f"{latest(study).code}:train.py") == "print('hidden')"
    assert study.git("ls-files", "-v", "train.py") == ("h" if mark == "assume-unchanged" else "S") + " train.py"


def test_a_sparse_checkout_is_no_change(study, orglab):
    study.commit("more", {"out/x.py": "out\n", "in/y.py": "in\n"})
    study.git("sparse-checkout", "set", "--cone", "in")
    orglab("run", "1.1", "--before", "clean", "--", "true")
    assert latest(study).snapshot is None


def test_a_file_that_is_intended_to_be_added_is_committed(study, orglab):
    study.write("new.py", "1\n")
    study.git("add", "--intent-to-add", "new.py")
    orglab("run", "1.1", "--", "true")
    assert "new.py" in files_of(study, latest(study).code)


def test_a_changed_submodule_is_in_the_snapshot(study, orglab, sub):
    (sub / "a.py").write_text("2\n")
    (sub / "new.py").write_text("3\n")
    (sub / ".env").write_text("secret\n")
    err = orglab("run", "1.1", "--", "true").err
    assert f"{TELLS}lib.\n" in err
    assert "lib/.env (may be secret)" in err
    module = study.git("rev-parse", f"{latest(study).code}:lib")
    assert study.git("-C", sub, "show", f"{module}:a.py", f"{module}:new.py") == "2\n3"
    assert [one.path for one in latest(study).left_out] == ["lib/.env"]


def test_clean_refuses_a_changed_submodule_but_not_a_new_file(study, orglab, sub):
    (sub / "new.py").write_text("3\n")
    study.write("new.py", "3\n")
    orglab("run", "1.1", "--before", "clean", "--", "true")
    assert "new.py" in files_of(study, latest(study).code)
    (sub / "a.py").write_text("2\n")
    assert "changes: lib; commit them" in orglab("run", "1.1", "--before", "clean", "--", "true", code=5).err


def test_environments_secrets_and_large_files_are_left_out_and_named(study, orglab):
    study.write("orglab.toml", "[run]\nsize_limit = 1\n")
    study.git("add", "orglab.toml")
    for name in ("venv/pyvenv.cfg", "venv/lib/a.py", "p/.cache/CACHEDIR.TAG", "p/.cache/x", "__pycache__/a.pyc"):
        study.write(name, "1\n")
    for name in (".env", "a.key", "a.pem", "id_rsa", "p/id_ed25519.pub", "p/code.py"):
        study.write(name, "1\n")
    study.write("data.bin", b"x" * 1_000_001)
    err = orglab("run", "1.1", "--", "true").err
    assert f"{TELLS}p/code.py.\n" in err
    assert err.count("Not in any commit or snapshot: ") == 1
    run = latest(study)
    assert "p/code.py" in files_of(study, run.code)
    assert {(one["path"], one["size"], one["reason"]) for one in run.fields["left_out"]} == {
        ("venv/", None, "environment"), ("p/.cache/", None, "environment"), (".env", 2, "secret"),
        ("a.key", 2, "secret"), ("a.pem", 2, "secret"), ("id_rsa", 2, "secret"), ("p/id_ed25519.pub", 2, "secret"),
        ("data.bin", 1_000_001, "large"),
    }  # fmt: skip
    assert not files_of(study, run.code) & {"venv/lib/a.py", ".env", "a.key", "data.bin", "__pycache__/a.pyc"}
    assert "data.bin" in orglab("runs", "show", run.id).out


def test_of_many_files_the_code_is_kept(study, orglab):
    for number in range(2001):
        study.write(f"data/{number}.png", "x")
    study.write("data/load.py", "1\n")
    study.write("new.py", "1\n")
    orglab("run", "1.1", "--", "true")
    run = latest(study)
    assert {"data/load.py", "new.py"} <= files_of(study, run.code)
    assert run.left_out == (LeftOut("data/*.png", "limit", 2001),)


def test_the_limits_are_settings(study, orglab):
    study.write("orglab.toml", "[run]\nsnapshot_files = 2\nsnapshot_size = 1\n")
    study.git("add", "orglab.toml")
    study.write("a.py", "1\n")
    study.write("b.bin", b"x" * 1_000_000)
    for name in ("x/1.png", "x/2.png"):
        study.write(name, "1\n")
    orglab("run", "1.1", "--", "true")
    assert [(one.path, one.reason) for one in latest(study).left_out] == [("b.bin", "limit"), ("x/*.png", "limit")]


def test_before_snapshot_leaves_out_the_same(study, orglab):
    """Environments, secrets, and what is large or too much."""
    study.write("orglab.toml", "[run]\nsize_limit = 1\nsnapshot_files = 3\n")
    study.git("add", "orglab.toml")
    study.write("train.py", "print('changed')\n")
    for name in ("venv/pyvenv.cfg", ".env", "new.py", "data/1", "data/2", "data/3"):
        study.write(name, "1\n")
    study.write("big.bin", b"x" * 1_000_001)
    err = orglab("run", "1.1", "--before", "snapshot", "--", "python", "train.py").err
    run = latest(study)
    assert files_of(study, run.code) == {".gitignore", "experiment_log.org", "new.py", "orglab.toml", "train.py"}
    assert {(one.path, one.reason, one.size) for one in run.left_out} == {
        (".env", "secret", 2), ("big.bin", "large", 1_000_001), ("data/*", "limit", 6),
    }  # fmt: skip
    assert {one.path: one.sha256 for one in run.left_out} == {
        ".env": hashlib.sha256(b"1\n").hexdigest(),
        "big.bin": hashlib.sha256(b"x" * 1_000_001).hexdigest(),
        "data/*": None,
    }
    assert err.count("Not in any commit or snapshot: ") == 1
    assert "big.bin (larger than run.size_limit, 1 MB)" in err


@pytest.mark.parametrize("mark", ["assume-unchanged", "skip-worktree"])
@pytest.mark.parametrize("before", ["commit", "snapshot"])
def test_a_hidden_change_in_a_submodule_is_in_the_snapshot(study, orglab, sub, mark, before):
    study.git("-C", sub, "update-index", f"--{mark}", "a.py")
    orglab("run", "1.1", "--before", "clean", "--", "true")
    (sub / "a.py").write_text("hidden\n")
    assert "changes: lib; commit them" in orglab("run", "1.1", "--before", "clean", "--", "true", code=5).err
    orglab("run", "1.1", "--before", before, "--", "true")
    module = study.git("rev-parse", f"{latest(study).code}:lib")
    assert study.git("-C", sub, "show", f"{module}:a.py") == "hidden"


@pytest.mark.parametrize("mark", ["assume-unchanged", "skip-worktree"])
def test_a_submodule_that_is_hidden_itself_is_in_the_snapshot(study, orglab, sub, mark):
    study.git("update-index", f"--{mark}", "lib")
    orglab("run", "1.1", "--before", "clean", "--", "true")
    (sub / "a.py").write_text("2\n")
    assert f"{TELLS}lib.\n" in orglab("run", "1.1", "--", "true").err
    module = study.git("rev-parse", f"{latest(study).code}:lib")
    assert study.git("-C", sub, "show", f"{module}:a.py") == "2"


def test_files_that_git_cannot_hold_are_named_and_the_run_goes_on(study, orglab):
    study.git("init", "--quiet", "nested")
    study.write("nested/x", "1\n")
    err = orglab("run", "1.1", "--", "true").err
    assert "Not in any commit or snapshot: nested/" in err
    assert latest(study).uncaptured == ("nested/",)


def test_a_snapshot_that_cannot_be_made_does_not_stop_the_run(study, orglab):
    study.write("new.py", "1\n")
    study.git("config", "filter.bad.clean", "false")
    study.git("config", "filter.bad.required", "true")
    study.write(".git/info/attributes", "new.py filter=bad\n")
    assert "Not committed: new.py; no snapshot was made, because git" in orglab("run", "1.1", "--", "true").err
    assert latest(study).uncaptured == ("new.py",)


@pytest.mark.usefixtures("study")
def test_a_clean_working_tree_costs_two_git_processes(orglab, monkeypatch, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bin")
    calls = folder / "calls"
    (folder / "git").write_text(f'#!/bin/sh\necho "$@" >> {calls}\nexec {shutil.which("git")} "$@"\n')
    (folder / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    orglab("run", "1.1", "--", "cp", calls, folder / "before")
    named = [line.partition("core.abbrev=auto ")[2] for line in (folder / "before").read_text().splitlines()]
    assert ["status" in named[0], "rev-parse --short" in named[1], len(named)] == [True, True, 2], named


def test_in_a_clone_without_the_snapshot_why_names_the_commit_below(study, orglab):
    study.write("new.py", "1\n")
    orglab("run", "1.1", "--", "sh", "-c", "echo 1 > out")
    run = latest(study)
    study.git("update-ref", "-d", f"refs/orglab/runs/{run.id}")
    study.git("gc", "--quiet", "--prune=now")
    answer = orglab("why", "out").out
    assert f"The commit {run.snapshot[:7]}, which holds the code that it ran, is not in this repository." in answer
    assert "was HEAD when it ran" in answer
    assert "with `orglab sync --snapshots`" in orglab("runs", "rerun", run.id, code=3).err


@pytest.mark.parametrize("before", ["commit", "snapshot"])
def test_a_file_that_takes_the_output_is_no_code(study, before):
    study.write("train2.py", "print('trained')")
    study.write("slurm-12_3.out", "of a job")
    command = [sys.executable, "-m", "orglab", "run", "1.1", "--before", before, "--", "python", "train2.py"]
    with (study.path / "all.log").open("w") as log:
        subprocess.run(command, cwd=study.path, stdout=log, stderr=subprocess.STDOUT, check=True)
    run = latest(study)
    held = study.git("ls-tree", "-r", "--name-only", run.snapshot).split()
    assert "train2.py" in held
    assert not {"all.log", "slurm-12_3.out"} & {*held}
