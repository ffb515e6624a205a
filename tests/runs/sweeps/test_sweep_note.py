"""The note of a sweep while the log, the repository and the records change beneath it."""

import json
import os
import signal
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from orglab.config import Config
from orglab.experiment.model import read_experiments
from orglab.log.log import LogFile
from orglab.org.document import Document
from orglab.runs.pending import add_pending_run
from orglab.runs.record import Run
from orglab.runs.summary_text import describe_mean, describe_summary, find_decimals
from orglab.runs.sweeps.note import Ranking, make_table
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


def set_age(folder, name, seconds):
    then = time.time() - seconds
    os.utime(folder / name, (then, then))


def write_log(sweep, text):
    assert text != sweep.log
    (sweep.path / LOG).write_text(text)


def without_note(sweep):
    """The log without the note of the newest sweep, which may be followed by nothing else."""
    begin = sweep.log.rindex("\n", 0, sweep.log.index(" swept ")) + 1
    mark = f"sweep {sweep.folder.name}\n"
    return sweep.log[:begin] + sweep.log[sweep.log.index(mark) + len(mark) :]


def make_run(number, arguments="", *, command_exit=0, **metrics):
    return Run(Path(f"20260101-100000-{number:06x}"), {
        "ref": "e1.1", "argv": ["python", "train.py", *arguments.split()], "exit_code": command_exit,
        "metrics": metrics, "began": f"2026-01-01T10:{number:02}:00+00:00",
    })  # fmt: skip


def rank(runs, directions=None, codes=None):
    text = b"* [1] First :exp:\n** Experiments\n1. [ ] one\n"
    experiment = next(read_experiments(Document(text), Config(), "log.org"))
    return Ranking(runs, experiment, lambda _: codes or {}, {"acc": "max"} if directions is None else directions)


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


def test_the_note_of_an_interrupted_sweep_is_written_once_the_editor_has_saved(sweep):
    sweep("1.1", "--seeds", "2", "--", sys.executable, "-c", FIRST_ENDS, "{seed}")
    sweep.wait_until(lambda: len(sweep.begun()) == 2)
    sweep.kill_workers()
    age = partial(set_age, sweep.folder)
    age("notes.json", 200)
    lock = hold(sweep)
    sweep("status")
    lock.unlink()
    age("ended", 150)
    age("notes.json", 100)
    sweep("status")
    assert " swept 1 of 2 versions so far, 1 done, 1 running: " in sweep.note[0]


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
    sweep.wait_until(lambda: "The sweep is not settled yet" in (sweep.folder / "workers.log").read_text())
    assert sweep.commits()[-1].startswith("[e1.1] Results: ")
    head = sweep.repo.git("rev-parse", "HEAD")
    lock.unlink()
    sweep("status")
    assert [run.commit for run in sweep.runs] == [head]


def test_an_experiment_that_was_renumbered_during_a_sweep_has_its_table_and_its_best(sweep, orglab):
    sweep("1.1", "--set", "lr=0.1,0.2", "--wait", *TRAINING[:5])
    orglab("renumber", "1", "--to", "7")
    status = sweep.status()
    assert (status["ref"], status["best"]["parameters"]) == ("e7.1", {"lr": 0.1})
    sweep("add", "--set", "lr=0.01")
    answer = sweep("status", "--wait")
    assert "best      lr 0.01: val_acc 0.89 (n = 1)" in answer.out
    assert [line.split("|")[1].strip() for line in sweep.note[3:]] == ["0.1", "0.2", "0.01"]
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


def test_the_note_has_the_counts_of_the_status(sweep):
    sweep("1.1", "--seeds", "4", "--slots", "2", "--", sys.executable, "-c", FIRST_ENDS, "{seed}")
    sweep.wait_until(lambda: len(sweep.begun()) == 3)
    sweep.kill_workers()
    os.kill(int((sweep.path / "results/e1.1/seed=1/begun.txt").read_text()), signal.SIGKILL)
    sweep.wait_until(lambda: sweep.status()["lost"] == 1)
    update_note(LogFile(sweep.path / LOG), sweep.folder, print, at_once=True)
    counts = "1 done, 1 lost, 1 running, 1 queued"
    assert f" swept 1 of 4 versions so far, {counts}: " in sweep.note[0]
    assert f"  {counts}; no worker, " in sweep("status").out
    status = sweep.status()
    assert [status[key] for key in ("done", "lost", "running", "queued", "total")] == [1, 1, 1, 1, 4]


def test_the_status_says_how_versions_ended_as_the_note_does(sweep):
    code = "import os, signal, sys; sys.argv[1] == '0' or os.kill(os.getpid(), signal.SIGKILL)"
    sweep("1.1", "--seeds", "2", "--wait", "--", sys.executable, "-c", code, "{seed}", code=1)
    assert " swept 2 versions, 1 done, 1 killed, " in sweep.note[0]
    shown = sweep("status").out
    assert "\n  1 done, 1 killed\n" in shown
    assert "\n  killed    seed=1: killed by SIGKILL\n" in shown
    assert sweep.note[1] == "killed: seed=1 (killed by SIGKILL)"


@pytest.mark.parametrize(
    ("values", "table", "status"),
    [
        ((0.1234567,), "0.1235", "0.1235"),
        ((0.1234567, 0.7654321), "0.44 ± 0.45", "0.44 ± 0.45"),
        ((-12345.678, -12345.679), "-12345.67850 ± 0.00071", "\N{MINUS SIGN}12,345.67850 ± 0.00071"),
        ((1234567.8,), "1234568", "1,234,568"),
    ],
)
def test_the_note_has_the_numbers_of_the_status(values, table, status):
    runs = [make_run(seed, f"--seed {seed}", acc=value) for seed, value in enumerate(values)]
    ranking = rank([*runs, make_run(50, "--warm --seed 0", command_exit=1)])
    (row,) = [line.split("|")[1:-1] for line in make_table(ranking) if "best" in line]
    assert row[-3].strip() == table
    assert describe_mean(ranking.summaries[ranking.best], find_decimals(ranking.summaries)) == status


def test_the_only_setting_with_values_is_the_best_one():
    assert rank([make_run(1, "--warm", acc=0.5), make_run(2, command_exit=1)]).best == 0
    assert rank([make_run(1, "--warm", points=5.0)], {}).best == 0  # whether or not it is known what is better
    assert rank([make_run(1, "--warm", acc=0.5), make_run(2, acc=0.5)]).best is None
    assert not any("best" in line for line in make_table(rank([make_run(1, acc=0.5)])))


def test_a_run_that_was_repeated_is_one_of_those_that_do_not_count():
    ranking = rank([make_run(number, "--seed 1", acc=0.5) for number in range(2)])
    assert make_table(ranking)[-1].split("|")[-2].strip() == "1 of 2"
    assert describe_summary(ranking.summaries[0]) == "0.5 (n = 1 of 2; 1 repeated)"


def test_a_long_table_has_the_best_setting_and_leaves_no_room_unused():
    same = [make_run(number, f"--lr 0.{number:02}", acc=number / 1000) for number in range(1, 31)]
    other = [make_run(number, f"--lr 0.{number:02}", acc=0.9) for number in range(31, 56)]
    ranking = rank([*same, *other], codes={run.id: "changed" for run in other})
    shown = make_table(ranking)[2:]
    assert shown[0].split()[1::2][:2] == ["0.3", "0.03"]
    assert (shown[0].split("|")[-2].strip(), shown[-1], len(shown)) == ("best", "and 35 more settings", 21)
    failed = [make_run(number, f"--lr 0.{number:02}", command_exit=1) for number in range(31, 56)]
    shown = make_table(rank([*same[:3], *failed]))[2:]
    assert [line.split("|")[-3].strip() for line in shown[:4]] == ["1", "1", "1", "0 of 1"]
    assert (shown[-1], len(shown)) == ("and 8 more settings", 21)
