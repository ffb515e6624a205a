"""Repeating a run on its code."""

import json
import os
import select
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from orglab.git.hashed_file import hash_file
from orglab.runs.record_reader import read_runs

LOG = "experiment_log.org"
RUN = ("run", "1.1", "--results", "results", "--metrics", "metrics.json")


def latest(seeded):
    return read_runs(seeded.path)[-1]


def wait_for_end(process, run):
    """End the command of a run that waits for its standard input, and wait until it has ended."""
    command = os.pidfd_open(run.fields["child_pid"])
    process.communicate()
    select.select([command], [], [])
    os.close(command)


@pytest.mark.parametrize("before", ["commit", "snapshot"])
def test_a_rerun_uses_the_old_code_and_leaves_the_working_tree_alone(seeded, orglab, before):
    orglab(*RUN, "--before", before, "--", "python", "train.py", "3")
    first = latest(seeded)
    seeded.write("train.py", "raise SystemExit(9)\n")
    seeded.write("results/out.txt", "of now")
    head = seeded.git("rev-parse", "HEAD")
    answer = orglab("runs", "rerun", first.id)
    assert "The metrics are the same." in answer.err
    assert "The files are the same, byte for byte." in answer.err
    again = latest(seeded)
    assert (again.fields["rerun_of"], again.status, again.metrics) == (first.id, "done", {"acc": 0.3})
    assert (seeded.path / "results/out.txt").read_text() == "of now"
    assert seeded.git("rev-parse", "HEAD") == head
    assert len(seeded.git("worktree", "list").split("\n")) == 1
    assert (seeded.path / LOG).read_text().count(f"A rerun of {first.id}") == 1


def test_what_cannot_be_reproduced_is_reported(seeded, orglab):
    seeded.write("data/big", "x")
    seeded.write("untracked.pem", "")
    orglab(*RUN, "--", "python", "train.py", "3")
    first = latest(seeded)
    record = first.folder / "record.jsonl"
    changed = {"packages": first.packages | {"pytest": "0.1"}, "python": "2.7.1", "host": "elsewhere"}
    with record.open("a") as file:
        file.write(json.dumps({"event": "changed", **changed}) + "\n")
    err = orglab("runs", "rerun", first.id).err
    for line in (
        "data/ (ignored by git",
        "untracked.pem (left out of the snapshot",
        "pytest",
        "was 2.7.1",
        "(was elsewhere)",
    ):
        assert line in err
    assert "ignored by git" not in orglab("runs", "rerun", first.id, "--link", "data", "--link", "metrics.json").err


def test_an_unchanged_large_file_is_copied(seeded, orglab):
    seeded.commit("settings", {"orglab.toml": "[run]\nsize_limit = 0\n"})
    seeded.write("input.bin", "12345")
    program = ("sh", "-c", "mkdir -p results && cp input.bin results/copy")
    orglab(*RUN[:-2], "--before", "snapshot", "--", *program)
    first = latest(seeded)
    assert [(one.path, one.reason) for one in first.left_out] == [("input.bin", "large")]
    assert "byte for byte" in orglab("runs", "rerun", first.id).err
    seeded.write("input.bin", "54321")
    answer = orglab("runs", "rerun", first.id, code=1)
    assert "input.bin (changed or missing, and not in any commit)" in answer.err


def test_a_rerun_can_keep_its_working_tree(seeded, orglab):
    orglab(*RUN, "--", "python", "train.py", "3")
    err = orglab("runs", "rerun", latest(seeded).id, "--keep").err
    (place,) = (seeded.path / ".git" / "orglab" / "worktrees").iterdir()
    assert str(place) in err
    assert (place / "results/out.txt").read_text() == "of 3"


def test_missing_code_of_a_run_is_an_error(seeded, orglab):
    orglab(*RUN, "--", "python", "train.py", "3")
    first = latest(seeded)
    with (first.folder / "record.jsonl").open("a") as file:
        file.write(json.dumps({"event": "x", "before": "0" * 40}) + "\n")
    assert "is not in this repository; push it" in orglab("runs", "rerun", first.id, code=3).err
    assert "not compared" in orglab("runs", "diff", first.id).out


def test_a_submodule_is_in_the_working_tree_of_a_rerun(seeded, orglab, tmp_path_factory):
    inner = tmp_path_factory.mktemp("inner")
    seeded.git("init", "--quiet", inner)
    seeded.git("-C", inner, "commit", "--quiet", "--allow-empty", "-m", "one")
    seeded.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", inner, "sub")
    seeded.commit("with a submodule")
    seeded.write("sub/part.txt", "inside")
    orglab(*RUN[:-2], "--before", "snapshot", "--", "sh", "-c", "mkdir -p results; cp sub/part.txt results/")
    shutil.copy(seeded.path / "sub/part.txt", seeded.path / "kept")
    (seeded.path / "sub/part.txt").unlink()
    answer = orglab("runs", "rerun", latest(seeded).id)
    assert "byte for byte" in answer.err
    assert seeded.git("-C", seeded.path / "sub", "worktree", "list").count("\n") == 0


def test_a_rerun_does_not_prune_an_unmounted_worktree_of_the_user(seeded, orglab, tmp_path_factory):
    orglab(*RUN, "--", "python", "train.py", "3")
    disk = tmp_path_factory.mktemp("mount") / "disk"
    seeded.git("worktree", "add", "--quiet", "--detach", disk / "tree")
    disk.rename(disk.with_name("unplugged"))
    orglab("runs", "rerun", latest(seeded).id)
    disk.with_name("unplugged").rename(disk)
    assert seeded.git("-C", disk / "tree", "status", "--porcelain") == ""
    assert len(seeded.git("worktree", "list").split("\n")) == 2


def add_submodule(repo, folder, name="sub"):
    """Add a submodule with one empty commit."""
    repo.git("init", "--quiet", folder)
    repo.git("-C", folder, "commit", "--quiet", "--allow-empty", "-m", "one")
    repo.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", folder, name)
    return repo.commit("with a submodule")


def test_what_a_killed_rerun_left_is_removed_by_the_next_run_once_its_command_has_ended(
    seeded, orglab, tmp_path_factory
):
    add_submodule(seeded, tmp_path_factory.mktemp("inner"))
    orglab("run", "1.1", "--", "sh", "-c", "echo begun; cat")
    process = subprocess.Popen(
        [sys.executable, "-m", "orglab", "runs", "rerun", latest(seeded).id],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout.readline() == "begun\n"
    process.kill()
    process.wait()
    run = next(one for one in read_runs(seeded.path) if one.fields.get("rerun_of"))
    worktrees = seeded.path / ".git/orglab/worktrees"
    (tree,) = (path for path in worktrees.iterdir() if path.is_dir())
    assert seeded.git("worktree", "list").count("\n") == 1
    assert seeded.git("-C", "sub", "worktree", "list").count("\n") == 1
    (worktrees / "of-the-user").mkdir()
    orglab("run", "1.1", "--", "true")
    assert tree.exists()
    wait_for_end(process, run)
    orglab("run", "1.1", "--", "true")
    assert [path.name for path in worktrees.iterdir()] == ["of-the-user"]
    assert seeded.git("worktree", "list").count("\n") == 0
    assert seeded.git("-C", "sub", "worktree", "list").count("\n") == 0


def test_submodules_of_the_commit_are_removed_after_head_has_lost_them(seeded, orglab, tmp_path_factory):
    add_submodule(seeded, tmp_path_factory.mktemp("inner"))
    orglab("run", "1.1", "--", "git", "-C", seeded.path, "rm", "--quiet", "--cached", "sub")
    seeded.git("reset", "--quiet")
    orglab("runs", "rerun", latest(seeded).id)
    assert seeded.git("ls-files", "sub") == ""
    assert seeded.git("-C", "sub", "worktree", "list").count("\n") == 0


def test_a_submodule_in_a_commit_is_no_link_to_another_repository(seeded, orglab, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    seeded.git("init", "--quiet", other)
    seeded.git("-C", other, "commit", "--quiet", "--allow-empty", "-m", "one")
    hook = other / ".git/hooks/post-checkout"
    hook.write_text(f"#!/bin/sh\ntouch {other}/hooked\n")
    hook.chmod(0o755)
    head = seeded.git("-C", other, "rev-parse", "HEAD")
    seeded.git("update-index", "--add", "--cacheinfo", f"160000,{head},dep")
    seeded.git("commit", "--quiet", "-m", "a submodule")
    (seeded.path / "dep").mkdir()
    orglab("run", "1.1", "--", "true")
    (seeded.path / "dep").rmdir()
    (seeded.path / "dep").symlink_to(other)
    orglab("runs", "rerun", latest(seeded).id)
    assert seeded.git("-C", other, "worktree", "list").count("\n") == 0
    assert not (other / "hooked").exists()


def test_no_working_tree_is_made_through_a_link(seeded, orglab, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    orglab("run", "1.1", "--", "true")
    (seeded.path / ".git/orglab/worktrees").symlink_to(elsewhere)
    assert "Cannot create a working tree" in orglab("runs", "rerun", latest(seeded).id, code=5).err
    assert list(elsewhere.iterdir()) == []


# ---- code that Python imports from elsewhere ----


@pytest.fixture
def package(seeded):
    """A package of the repository, and a script beside it that prints which version it imports."""
    files = {"src/pkg/__init__.py": "VERSION = 'old'\n", "scripts/show.py": "import pkg\nprint('code', pkg.VERSION)\n"}
    seeded.commit("package", files)
    return seeded


def make_editable_environment(path, kind):
    """A virtual environment in which the package of a repository is installed so that its code of now is imported."""
    folder = path / "venv"
    venv.create(folder, with_pip=False)
    (site,) = folder.glob("lib/python3*/site-packages")
    if kind == "a .pth file":
        (site / "__editable__.pkg.pth").write_text(f"{path / 'src'}\n")
    elif kind == "an import hook":
        (site / "__editable___pkg_finder.pth").write_text("import __editable___pkg_finder\n")
        (site / "__editable___pkg_finder.py").write_text(
            "import sys, importlib.util\n"
            "class Finder:\n"
            "    @staticmethod\n"
            "    def find_spec(name, path=None, target=None):\n"
            f"        place = {str(path / 'src/pkg/__init__.py')!r}\n"
            "        return importlib.util.spec_from_file_location(name, place) if name == 'pkg' else None\n"
            "sys.meta_path.append(Finder)\n"
        )
        info = site / "pkg-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: pkg\nVersion: 1.0\n")
        url = path.as_uri()
        (info / "direct_url.json").write_text(json.dumps({"url": url, "dir_info": {"editable": True}}))
    return folder / "bin/python"


@pytest.mark.parametrize("kind", ["a .pth file", "an import hook", "PYTHONPATH"])
def test_a_rerun_imports_the_code_of_its_commit(package, orglab, monkeypatch, kind):
    if kind == "PYTHONPATH":
        python = sys.executable
        monkeypatch.setenv("PYTHONPATH", str(package.path / "src"))
    else:
        python = make_editable_environment(package.path, kind)
    (package.path / ".git/info/exclude").write_text("venv/\n")
    orglab("run", "1.1", "--", python, "scripts/show.py")
    package.write("src/pkg/__init__.py", "VERSION = 'new'\n")
    answer = orglab("runs", "rerun", latest(package).id)
    assert "code old" in answer.out
    assert "Imported from the commit, not from the present code: src" in answer.err


@pytest.mark.parametrize(
    ("name", "is_named"), [("file.txt", True), ("", True), ("-data/file", False), (".old/x", False)]
)
def test_only_paths_in_the_repository_may_have_changed(seeded, orglab, name, is_named):
    top = seeded.path.resolve()
    argument = f"{top}{'/' if name and name[0] not in '-.' else ''}{name}"
    orglab("run", "1.1", "--", "echo", f"--input={argument}")
    err = orglab("runs", "rerun", latest(seeded).id).err
    assert ("the command names files in" in err) is is_named


def test_a_script_that_makes_several_runs_is_no_run_that_cannot_be_reproduced(study, orglab, monkeypatch):
    """All runs of the script join the rerun."""
    script = """\
import pathlib, orglab
pathlib.Path("results").mkdir(exist_ok=True)
for seed in range(2):
    with orglab.run("1.1", params={"seed": seed}, results=["results"]) as run:
        pathlib.Path("results/seed").write_text(str(seed))
        run.log(acc=seed)
"""
    study.commit("script", {"several.py": script})
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    subprocess.run([sys.executable, "several.py"], check=True, timeout=120)
    first, _ = read_runs(study.path)
    said = orglab("runs", "rerun", first.id).err
    lines = said.split("\n")
    before, _, _ = said.partition("e1.1  ran python")
    assert "and may make several: their metrics come together in this one." in before
    assert "Metrics differ; they may be those of another run that the script made: acc 1 (was 0)." in lines
    assert "Files differ; another run of the script may have written them: results/seed." in lines


# ---- runs of somebody else ----


@pytest.fixture
def publish(study):
    """Return a function that stores a run which another clone has made, as a sync does."""

    def store(**fields):
        folder = study.path / ".git/orglab/runs/20180101-000000-abcdef"
        folder.mkdir(parents=True)
        began = {"event": "began", "ref": "e1.1", "log": LOG, "argv": ["true"], "host": "theirs", "exit_code": 0}
        began |= {"began": "2018-01-01T00:00:00+00:00", "before": study.git("rev-parse", "HEAD"), **fields}
        copied = {"event": "copied", "writer": "theirs-0123"}
        (folder / "record.jsonl").write_text(f"{json.dumps(began)}\n{json.dumps(copied)}\n")
        return folder.name

    return store


def test_the_run_of_somebody_else_is_shown_and_not_started(study, orglab, publish):
    command = ["sh", "-c", "touch $0", str(study.path / "started"), " " * 300 + "it's", "\x1b[2J\u202e"]
    environment = {"BASH_ENV": "evil.sh", "SEED": "1"}
    name = publish(argv=command, environment=environment, cwd="sub\rfolder")
    answer = orglab("runs", "rerun", name, code=2)
    assert (
        f"'sh' '-c' 'touch $0' '{study.path}/started' '{' ' * 300}it'\\''s' '\u2039U+001B\u203a[2J\u2039U+202E\u203a'\n"
        in answer.err
    )
    assert "Folder:      'sub\u2039U+000D\u203afolder' of the commit\n" in answer.err
    assert f"Commit:      {study.git('rev-parse', 'HEAD')}\n" in answer.err
    assert "theirs-0123 published it, it ran on theirs" in answer.err
    assert "Not set:     BASH_ENV SEED\n" in answer.err
    assert answer.err.endswith("Nothing was started; add --yes to run it.\n")
    assert not (study.path / "started").exists()
    assert len(read_runs(study.path)) == 1
    assert not (study.path / ".git/orglab/worktrees").exists()


LONG = "x" * 5000


@pytest.mark.parametrize(
    "fields",
    [
        {"environment": 5}, {"environment": True}, {"environment": [{"a": 1}]}, {"environment": "HOME"},
        {"environment": {"A": 1}}, {"time_limit": 1e9}, {"results": [LONG]}, {"results": ["**/" * 40]},
        {"metrics_files": [LONG]}, {"left_out": [{"path": LONG, "reason": "large", "size": 1, "sha256": "0" * 64}]},
        {"left_out": [{"path": "a/" * 500, "reason": "large", "size": 1, "sha256": "0" * 64}]},
    ],
)  # fmt: skip
def test_a_field_of_another_kind_or_a_path_that_no_file_has_counts_as_missing(study, orglab, publish, fields):
    name = publish(**fields)
    answer = orglab("runs", "rerun", name, "--yes")
    assert "that of this process" in answer.err
    assert "Not set" not in answer.err
    assert [run.status for run in read_runs(study.path)] == ["done", "done"]


@pytest.mark.parametrize("folder", [LONG, "a/" * 500, "a/" * 3000])
def test_a_folder_that_there_cannot_be_is_an_error(orglab, publish, folder):
    assert "cannot be repeated" in orglab("runs", "rerun", publish(cwd=folder), "--yes", code=2).err


@pytest.mark.parametrize(("typed", "code"), [(b"y\n", 0), (b"n\n", 2)])
def test_on_a_terminal_the_user_is_asked(study, publish, typed, code):
    name = publish(argv=["touch", str(study.path / "started")])
    keyboard, terminal = os.openpty()
    os.write(keyboard, typed)
    done = subprocess.run(
        [sys.executable, "-m", "orglab", "runs", "rerun", name],
        stdin=terminal, capture_output=True, text=True, check=False,
    )  # fmt: skip
    os.close(keyboard)
    os.close(terminal)
    assert done.returncode == code, done.stderr
    assert "Run it? [y/N]" in done.stderr
    assert (study.path / "started").exists() is (code == 0)


def test_only_harmless_values_of_variables_come_from_the_run_of_somebody_else(study, orglab, publish):
    harmless = {"DEVICES": "0,1", "RATE": "-1.5e-3", "FLAG": "True"}
    others = {
        "TAR_OPTIONS": "--checkpoint-action=exec=x",
        "NEW": "module",
        "EMPTY": "",
        "DOTS": "1/../x",
        "LINE": "1\n",
    }
    loading = {"VIMINIT": "1", "GTK_MODULES": "2"}
    variables = {**harmless, **others, **loading}
    study.write("orglab.toml", f"[run]\nenvironment = {list(variables)!r}\ncommit_log = false\n")
    name = publish(argv=["true"], environment={**variables, "UNNAMED": "1"})
    answer = orglab("runs", "rerun", name, "--yes")
    assert "Environment: DEVICES='0,1' RATE='-1.5e-3' FLAG='True'\n" in answer.err
    assert "Not set:     TAR_OPTIONS NEW EMPTY DOTS LINE VIMINIT GTK_MODULES UNNAMED\n" in answer.err


def test_the_own_configuration_names_variables_of_any_value_for_the_run_of_somebody_else(
    study, orglab, publish, tmp_path_factory, monkeypatch
):
    names = ("PATH", "LD_PRELOAD", "PYTHONPATH", "GIT_DIR", "BASH_ENV", "NODE_OPTIONS", "EXTRA")
    own = tmp_path_factory.mktemp("config") / "orglab/config.toml"
    own.parent.mkdir()
    own.write_text(f"[run]\nenvironment = {list(names)!r}\n")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(own.parents[1]))
    study.write("orglab.toml", "[run]\nenvironment = ['OTHER']\ncommit_log = false\n")
    environment = {**dict.fromkeys((*names, "OTHER"), "evil"), "A=B": "x", "N": "\0"}
    name = publish(argv=[sys.executable, "-c", "import os; print(dict(os.environ))"], environment=environment)
    answer = orglab("runs", "rerun", name, "--yes")
    assert "Environment: EXTRA='evil'\n" in answer.err
    assert answer.out.count("evil") == 1


def test_a_variable_that_loads_code_is_not_set_in_the_rerun_of_an_own_run_either(seeded, orglab, monkeypatch):
    seeded.write("orglab.toml", "[run]\nenvironment = ['EXTRA', 'BASH_ENV']\ncommit_log = false\n")
    seeded.write("said.sh", "echo said\n")
    monkeypatch.setenv("BASH_ENV", str(seeded.path / "said.sh"))
    monkeypatch.setenv("EXTRA", "more")
    orglab("run", "1.1", "--", "bash", "-c", "echo $EXTRA")
    monkeypatch.delenv("BASH_ENV")
    monkeypatch.delenv("EXTRA")
    answer = orglab("runs", "rerun", latest(seeded).id)
    assert answer.out == "more\n"
    assert "Not set: BASH_ENV (such a variable can load code)." in answer.err


@pytest.mark.parametrize("cwd", ["..", "/usr", "a/../../..", ".git", "link", "link/inner"])
def test_a_rerun_does_not_leave_its_working_tree(study, orglab, publish, tmp_path_factory, cwd):
    outside = tmp_path_factory.mktemp("outside")
    (outside / "inner").mkdir()
    (study.path / "link").symlink_to(outside)
    study.commit("link")
    name = publish(argv=["touch", "here"], cwd=cwd)
    code = 2 if cwd[0] in "./a" else 3
    assert "Traceback" not in orglab("runs", "rerun", name, "--yes", code=code).err
    assert sorted(path.name for path in outside.rglob("*")) == ["inner"]


def test_files_outside_of_a_rerun_are_neither_read_nor_written(study, orglab, publish, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    (outside / "creds.json").write_text('{"secret": 7}')
    (outside / "authorized").write_text("mine")
    (study.path / "link").symlink_to(outside)
    study.commit("link")
    shutil.rmtree(study.path / "link", ignore_errors=True)
    (study.path / "link").unlink()
    study.write("link/authorized", "theirs")
    left_out = [
        {
            "path": "link/authorized",
            "reason": "large",
            "size": 6,
            "sha256": hash_file(None, study.path / "link/authorized"),
        }
    ]
    paths = [str(outside), "link", "link/*.json", "l*/creds.json", "../../../.."]
    name = publish(left_out=left_out, results=[*paths, 1], metrics_files=[*paths, "link/creds.json"])
    answer = orglab("runs", "rerun", name, "--yes")
    assert "outside of the working tree" in answer.err
    again = latest(study)
    assert (again.outputs, again.metrics) == ((), {})
    assert (outside / "authorized").read_text() == "mine"
    assert sorted(path.name for path in outside.iterdir()) == ["authorized", "creds.json"]


def test_a_revision_in_a_record_is_no_expression(orglab, publish):
    assert "names no commit" in orglab("runs", "rerun", publish(before="HEAD"), "--yes", code=3).err


@pytest.mark.parametrize("argv", [[], ["tru\0e"], "true"])
def test_a_record_without_a_command_is_not_repeated(orglab, publish, argv):
    assert "no command that can be started" in orglab("runs", "rerun", publish(argv=argv), "--yes", code=2).err
