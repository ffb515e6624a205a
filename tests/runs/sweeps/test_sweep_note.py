"""The note of a sweep while the log, the repository and the records change beneath it."""

import json
import os
import sys

import pytest

from orglab.log.log import LogFile
from orglab.runs.pending import add_pending_run
from orglab.runs.sweeps.settlement import update_note
from runs.sweeps.conftest import LOG, TRAINING, WAIT, WAITING, Swept

# The version with the seed 0 ends at once, and the others go on until the file `go` is there.
FIRST_ENDS = """\
import os, pathlib, sys, time
out = pathlib.Path(os.environ["ORGLAB_OUT"])
(out / "begun.txt").write_text(str(os.getpid()))
while sys.argv[1] != "0" and not pathlib.Path("go").exists():
    time.sleep(0.01)
"""


@pytest.fixture
def tracked(repo, orglab):
    """A repository whose log git tracks, and in which a sweep has begun; it ends with the test."""
    orglab("init", "--tracked")
    orglab("new", "First", "-s", "one")
    repo.commit("log")
    repo.git("branch", "before")
    repo.commit("code", {"wait.py": WAIT})
    swept = Swept(repo, orglab)
    swept("1.1", "--seeds", "1", *WAITING)
    swept.wait_until(swept.begun)
    yield swept
    (repo.path / "go").touch()
    swept("stop")
    swept.wait_until(lambda: not swept.worker_pids())


def hold(sweep):
    """Let an editor have unsaved changes of the log; return the file that says so."""
    lock = sweep.path / f".#{LOG}"
    os.symlink(f"me@{os.uname().nodename}.{os.getpid()}:1", lock)  # noqa: PTH211 - as Emacs makes it
    return lock


def write_log(sweep, text):
    assert text != sweep.log
    (sweep.path / LOG).write_text(text)


def without_note(sweep):
    """The log without the note of the newest sweep, which may be followed by nothing else."""
    begin = sweep.log.rindex("\n", 0, sweep.log.index(" swept ")) + 1
    mark = f"sweep {sweep.folder.name}\n"
    return sweep.log[:begin] + sweep.log[sweep.log.index(mark) + len(mark) :]


def test_the_note_is_still_known_after_an_editor_had_unsaved_changes_for_long(sweep):
    sweep("1.1", "--seeds", "1", *WAITING)
    sweep.wait_until(sweep.begun)
    lock = hold(sweep)
    for seed in range(1, 5):  # each has another note to write
        sweep("add", "--set", f"seed={seed}")
    lock.unlink()
    sweep.repo.write("go", "")
    sweep("status", "--wait")
    assert " swept 5 versions, 5 done, " in sweep.note[0]
    assert sweep.log.count(" swept ") == 1


def test_a_note_that_was_removed_stays_away_until_resume(sweep):
    sweep("1.1", "--seeds", "1", *WAITING)
    sweep.wait_until(sweep.begun)
    write_log(sweep, without_note(sweep))
    removed = sweep.log
    sweep("add", "--seeds", "2")
    assert sweep.log == removed
    sweep.repo.write("go", "")
    sweep("status", "--wait")
    assert sweep.log == removed
    assert "was changed or removed by hand" in (sweep.folder / "workers.log").read_text()
    sweep("status")
    assert sweep.log == removed
    sweep("resume")
    assert " swept 2 versions, 2 done, " in sweep.note[0]


def test_a_note_whose_last_line_was_changed_is_not_written_a_second_time(sweep):
    sweep("1.1", "--seeds", "1", *WAITING)
    sweep.wait_until(sweep.begun)
    write_log(sweep, sweep.log.replace(f"sweep {sweep.folder.name}", "sweep of the rates"))
    changed = sweep.log
    sweep.repo.write("go", "")
    sweep("status", "--wait")
    assert sweep.log == changed


def test_a_note_that_is_stashed_meanwhile_comes_back_without_a_conflict(tracked):
    tracked.repo.git("stash", "push", "--quiet", LOG)
    tracked("add", "--seeds", "2")
    assert "swept" not in tracked.log
    tracked.repo.git("stash", "pop", "--quiet")
    assert " swept 0 of 1 version so far, " in tracked.note[0]
    tracked.repo.write("go", "")
    tracked("status", "--wait")
    assert " swept 2 versions, 2 done, " in tracked.note[0]


def test_the_note_of_a_sweep_that_goes_on_is_not_written_on_a_branch_without_its_code(tracked):
    tracked.repo.git("commit", "--quiet", "-m", "log", LOG)
    tracked.repo.git("checkout", "--quiet", "before")
    tracked.repo.git("checkout", "--quiet", "main", LOG)
    there = tracked.log
    assert " swept 0 of 1 version so far, " in tracked.note[0]
    tracked("add", "--seeds", "2")
    assert tracked.log == there
    tracked.repo.git("reset", "--quiet", "--hard")
    tracked.repo.git("checkout", "--quiet", "main")
    update_note(LogFile(tracked.path / LOG), tracked.folder, print, at_once=True)
    assert " swept 0 of 2 versions so far, " in tracked.note[0]


def test_a_sweep_is_settled_although_the_file_with_its_note_was_lost(sweep):
    sweep("1.1", "--seeds", "1", "--wait", "--", "true")
    (sweep.folder / "notes.json").unlink()
    add_pending_run(sweep.path / ".git/orglab", sweep.folder.name, LOG, sweep.path / LOG, is_sweep=True)
    before = sweep.log
    assert "not in the log yet" not in sweep("status").err
    assert sweep.log == before
    assert not [*(sweep.path / ".git/orglab").glob("waiting/*")]


def test_the_runs_have_their_commit_although_the_note_could_not_be_written_then(sweep):
    sweep("1.1", "--seeds", "1", *WAITING)
    sweep.wait_until(sweep.begun)
    lock = hold(sweep)
    sweep.repo.write("go", "")
    sweep.wait_until(lambda: sweep.commits()[-1].startswith("[e1.1] Results: "))
    head = sweep.repo.git("rev-parse", "HEAD")
    lock.unlink()
    sweep("status")
    assert [run.commit for run in sweep.runs] == [head]


def test_an_experiment_that_was_renumbered_during_a_sweep_has_its_table_and_its_best(sweep, orglab):
    sweep("1.1", "--set", "lr=0.1,0.2", "--wait", *TRAINING[:5])
    orglab("renumber", "1", "--to", "7")
    orglab("new", "Another with the old id", "-s", "one")
    status = sweep.status()
    assert (status["ref"], status["best"]["parameters"]) == ("e7.1", {"lr": 0.1})
    sweep("add", "--set", "lr=0.01")
    answer = sweep("status", "--wait")
    assert "best      lr 0.01: val_acc 0.89 (n = 1)" in answer.out
    assert [line.split("|")[1].strip() for line in sweep.note if line.startswith("| 0")] == ["0.1", "0.2", "0.01"]
    assert len(json.loads(orglab("show", "7.1", "--json").out)["runs"]) == 3


def test_results_of_versions_whose_task_was_lost_with_the_machine_are_committed(sweep):
    sweep("1.1", "--seeds", "2", "--", sys.executable, "-c", FIRST_ENDS, "{seed}")
    sweep.wait_until(lambda: len(sweep.begun()) == 2)
    sweep.kill_workers()
    (sweep.folder / "ended/00001-seed=0").unlink()
    sweep("resume")
    sweep.repo.write("go", "")
    sweep("status", "--wait")
    assert " swept 2 versions, 2 done, " in sweep.note[0]
    assert len(sweep.repo.git("ls-files", "results").split("\n")) == 2
    done = [run for run in sweep.runs if run.status == "done"]
    assert [run.commit for run in done] == [sweep.repo.git("rev-parse", "HEAD")] * 2


def test_a_discarded_run_does_not_count_for_a_version_whose_task_was_lost(sweep, orglab):
    sweep("1.1", "--seeds", "2", "--wait", "--", "true", "{seed}")
    orglab("runs", "discard", sweep.runs[0].id, "-m", "the wrong data")
    (sweep.folder / "ended/00001-seed=0").unlink()
    sweep("resume", "--wait")
    assert [run.parameters["seed"] for run in sweep.runs] == [0, 1, 0]
    assert " swept 2 versions, 2 done, " in sweep.note[0]
