"""Records of earlier versions are moved exactly once."""

import fcntl
import json
import shutil
import tempfile
from pathlib import Path

from lab import orglab as process
from lab import with_read_only
from orglab.runs.record_reader import read_runs
from orglab.runs.storage import HIDDEN_FOLDER, PENDING, RUNS, list_entries

LOG = "experiment_log.org"
FIRST, SECOND = (f"20180606-16160{number}-3f2a1b" for number in (1, 2))


def write_old(top, name, *, pending=False, step="e1.1"):
    """Leave a run as a former version did."""
    folder = top / HIDDEN_FOLDER / "runs" / name
    folder.mkdir(parents=True)
    record = {"event": "began", "ref": step, "argv": ["true"], "began": "2018-06-06T16:16:00+00:00", "exit_code": 0}
    (folder / "record.jsonl").write_text(json.dumps(record) + "\n")
    (folder / "output.log").write_text("printed\n")
    (top / HIDDEN_FOLDER / ".gitignore").write_text("*\n")
    (top / HIDDEN_FOLDER / "pending").mkdir(exist_ok=True)
    if pending:
        (top / HIDDEN_FOLDER / "pending" / name).touch()
    return folder


def test_records_move_and_pending_runs_are_written(study, orglab):
    write_old(study.path, FIRST)
    write_old(study.path, SECOND, pending=True)
    home, old = study.path / ".git/orglab", study.path / HIDDEN_FOLDER
    assert orglab("list").err.split("\n") == [
        f"Moved the records of 2 runs from {old} to {home / RUNS}.",
        f"Added the run {SECOND} (e1.1) to the log.",
        "",
    ]
    assert not old.exists()
    assert [run.folder for run in read_runs(study.path)] == [home / RUNS / FIRST, home / RUNS / SECOND]
    assert (home / RUNS / FIRST / "output.log").read_text() == "printed\n"
    assert f"run {SECOND}\n" in (study.path / LOG).read_text()
    assert f"run {FIRST}\n" not in (study.path / LOG).read_text()
    assert orglab("list").err == ""


def test_records_of_all_worktrees_move_and_are_written_to_their_own_logs(study, orglab, tmp_path_factory):
    tree = tmp_path_factory.mktemp("trees") / "other"
    study.git("worktree", "add", "--quiet", tree, "-b", "other")
    write_old(tree, FIRST, pending=True)
    home = study.path / ".git/orglab"
    assert orglab("list").err == f"Moved the record of 1 run from {tree / HIDDEN_FOLDER} to {home / RUNS}.\n"
    assert not (tree / HIDDEN_FOLDER).exists()
    assert FIRST not in (study.path / LOG).read_text()
    assert process("list", cwd=tree).err == f"Added the run {FIRST} (e1.1) to the log.\n"
    assert FIRST in (tree / LOG).read_text()


def test_pending_steps_move(study, orglab, tmp_path_factory):
    tree = tmp_path_factory.mktemp("trees") / "other"
    study.git("worktree", "add", "--quiet", tree, "-b", "other")
    head = study.git("rev-parse", "HEAD")
    study.write(".git/orglab/pending", f"e1.1 {head}\n")
    study.write(".git/worktrees/other/orglab/pending", f"e1.2 {head}\n")
    said = "{} done, with {}; commit the log with `orglab commit`.\n"
    assert orglab("list").err == said.format("e1.1", head[:7])
    assert process("list", cwd=tree).err == said.format("e1.2", head[:7])
    assert f"1. [X] one ({head[:7]})\n2. [ ] two" in (study.path / LOG).read_text()
    assert f"1. [ ] one\n2. [X] two ({head[:7]})\n" in (tree / LOG).read_text()
    assert not [*(study.path / ".git").rglob("pending")]


def test_a_run_that_goes_on_stays_until_it_has_ended(study, orglab):
    folder = write_old(study.path, FIRST)
    write_old(study.path, SECOND)
    with (folder / "record.jsonl").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        orglab("list")
        assert sorted(path.name for path in (study.path / HIDDEN_FOLDER / RUNS).iterdir()) == [FIRST]
        assert [run.id for run in read_runs(study.path)] == [FIRST, SECOND]
    orglab("list")
    assert not (study.path / HIDDEN_FOLDER).exists()


def test_an_existing_record_is_not_overwritten(study, orglab):
    write_old(study.path, FIRST)
    kept = study.write(f".git/orglab/runs/{FIRST}/record.jsonl", '{"ref": "e1.2", "exit_code": 0}\n')
    before = kept.read_bytes()
    assert orglab("list").err == ""
    assert kept.read_bytes() == before
    assert (study.path / HIDDEN_FOLDER / RUNS / FIRST / "output.log").exists()


def test_a_working_tree_that_a_rerun_kept_stays(study, orglab):
    write_old(study.path, FIRST)
    study.git("worktree", "add", "--quiet", "--detach", study.path / HIDDEN_FOLDER / "worktrees/kept")
    orglab("list")
    assert (study.path / HIDDEN_FOLDER / "worktrees/kept" / LOG).exists()
    assert list_entries(study.path, RUNS).keys() == {FIRST}
    assert orglab("list").err == ""


def test_records_move_to_another_file_system(study, orglab):
    write_old(study.path, FIRST, pending=True)
    with tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
        assert Path(memory).stat().st_dev != study.path.stat().st_dev
        shutil.move(study.path / ".git", f"{memory}/git")
        study.write(".git", f"gitdir: {memory}/git\n")
        orglab("list")
        assert not (study.path / HIDDEN_FOLDER).exists()
        (run,) = read_runs(study.path)
        assert run.folder == Path(memory, "git/orglab", RUNS, FIRST)
        assert sorted(path.name for path in run.folder.iterdir()) == ["output.log", "record.jsonl"]
        assert FIRST in (study.path / LOG).read_text()


def test_with_a_read_only_git_directory_nothing_moves_and_pending_runs_are_written(study):
    write_old(study.path, FIRST, pending=True)
    done = process("list", prefix=with_read_only(study.path / ".git"))
    assert (done.code, done.err) == (0, f"Added the run {FIRST} (e1.1) to the log.\n")
    assert [run.folder for run in read_runs(study.path)] == [study.path / HIDDEN_FOLDER / RUNS / FIRST]
    assert list_entries(study.path, PENDING) == {}
    assert process("list").err.startswith("Moved the record of 1 run from ")
    assert not (study.path / HIDDEN_FOLDER).exists()


def test_without_git_pending_runs_are_written(study, orglab):
    shutil.rmtree(study.path / ".git")
    write_old(study.path, FIRST, pending=True)
    assert orglab("list").err == f"Added the run {FIRST} (e1.1) to the log.\n"
    assert orglab("list").err == ""
    assert [run.id for run in read_runs(study.path)] == [FIRST]


def test_a_step_of_an_earlier_version_names_no_file(study, orglab):
    outside = study.path.parent / "made"
    commit = study.git("rev-parse", "HEAD")
    study.write(".git/orglab/pending", f"../../../../made {commit}\ne1.1 --output=x\ne1.1 {commit}\n")
    assert "e1.1" in orglab("list").err
    assert not [*outside.parent.glob("made*")]


def test_a_link_to_steps_of_an_earlier_version_is_left_alone(study, orglab, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "private"
    outside.write_text(f"e1.1 {study.git('rev-parse', 'HEAD')}\n")
    (study.path / ".git/orglab").mkdir(exist_ok=True)
    (study.path / ".git/orglab/pending").symlink_to(outside)
    assert orglab("list").err == ""
    assert outside.exists()
