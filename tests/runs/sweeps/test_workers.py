"""The workers of a sweep: how many there are, which share of the machine each has, and what ends one leaves behind."""

import json
import os
import signal
import sys

import pytest

from orglab.api import open_log
from orglab.runs.sweeps import settlement
from orglab.runs.sweeps.presence import Presence
from orglab.runs.sweeps.recovery import recover
from orglab.runs.sweeps.sweep import read_sweep
from orglab.runs.sweeps.tasks import Tasks
from runs.sweeps.conftest import LOG, TRAINING, WAITING

# It writes down its GPUs, and goes on until the file `go` is there.
SHOW_GPUS = """\
echo $CUDA_VISIBLE_DEVICES > $ORGLAB_OUT/gpu.txt
touch $ORGLAB_OUT/begun.txt
until test -e go; do sleep 0.05; done
"""
# The first version writes a file that takes a while to hash, though it takes no room.
LARGE = """\
import os, pathlib, sys
out = pathlib.Path(os.environ["ORGLAB_OUT"])
(out / "begun.txt").touch()
if sys.argv[1] == "0":
    with open(out / "large.bin", "wb") as file:
        file.truncate(4 << 30)
"""
# It writes on until it is killed or asked to end, and then once more.
TENACIOUS = """\
import os, pathlib, signal, sys, time
out = pathlib.Path(os.environ["ORGLAB_OUT"])
def end(*_):
    (out / "asked.txt").touch()
    raise SystemExit(1)
signal.signal(signal.SIGTERM, end)
(out / "begun.txt").write_text(str(os.getpid()))
while True:
    time.sleep(0.01)
"""


def workers(sweep):
    """The workers that are alive, by the number of their slot."""
    return {worker.slot: worker for worker in read_sweep(sweep.folder).list_workers()}


def kill_worker(sweep, slot):
    """Kill the worker in a slot, and return the name of the version that it had."""
    worker = workers(sweep)[slot]
    (task,) = [task for task in read_sweep(sweep.folder).tasks.read_all() if task.worker == worker.name]
    os.kill(worker.pid, signal.SIGKILL)
    sweep.wait_until(lambda: slot not in workers(sweep))
    return task.version.name


def kill_command(sweep, version):
    os.kill(int((sweep.path / f"results/e1.1/{version}/begun.txt").read_text()), signal.SIGKILL)


def events(sweep, event):
    lines = (sweep.folder / "record.jsonl").read_text().splitlines()
    return [fields for line in lines if line and (fields := json.loads(line))["event"] == event]


def test_a_version_that_is_added_does_not_wait_for_a_long_one_if_a_slot_is_free(sweep):
    sweep("1.1", "--seeds", "1", "--slots", "2", *WAITING)
    sweep.wait_until(sweep.begun)
    sweep("add", "--set", "seed=7")
    sweep.wait_until(lambda: sweep.begun() == ["seed=0", "seed=7"])
    assert workers(sweep).keys() == {0, 1}
    sweep("add", "--set", "seed=8")  # no slot is free for this one
    assert workers(sweep).keys() == {0, 1}
    assert sweep.begun() == ["seed=0", "seed=7"]


def test_the_share_of_a_slot_is_that_of_all_slots_however_few_versions_there_are(sweep, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3")
    sweep("1.1", "--seeds", "2", "--", "sh", "-c", SHOW_GPUS)
    sweep.wait_until(lambda: len(sweep.begun()) == 2)
    sweep("add", "--seeds", "4")
    sweep.wait_until(lambda: len(sweep.begun()) == 4)
    assert sorted(path.read_text() for path in sweep.path.glob("results/e1.1/*/gpu.txt")) == [
        "0\n",
        "1\n",
        "2\n",
        "3\n",
    ]


@pytest.mark.parametrize("is_left_running", [False, True])
def test_the_last_worker_takes_over_what_a_killed_one_had_and_tells_the_log(sweep, is_left_running):
    sweep("1.1", "--seeds", "2", "--slots", "2", *WAITING)
    sweep.wait_until(lambda: len(sweep.begun()) == 2)
    version = kill_worker(sweep, 0)
    if not is_left_running:
        kill_command(sweep, version)
    sweep.repo.write("go", "")
    sweep.wait_until(lambda: " swept 2 versions, 2 done, " in sweep.note[0])
    sweep.wait_until(lambda: not workers(sweep))
    assert sorted(run.status for run in sweep.runs) == ["done", "done", "lost"]
    assert len(sweep.repo.git("ls-files", "results").split("\n")) == 4


def test_of_workers_that_leave_at_once_one_tells_the_log(sweep):
    sweep("1.1", "--seeds", "4", "--slots", "4", *WAITING)
    sweep.wait_until(lambda: len(sweep.begun()) == 4)
    sweep.repo.write("go", "")
    sweep("status", "--wait")
    assert len(events(sweep, "ended")) == 1
    assert [subject.partition(":")[0] for subject in sweep.commits()].count("[e1.1] Results") == 1
    assert " swept 4 versions, 4 done, " in sweep.note[0]


def test_what_runs_without_its_worker_keeps_its_slot(sweep):
    sweep("1.1", "--seeds", "4", "--slots", "2", *WAITING)
    sweep.wait_until(lambda: len(sweep.begun()) == 2)
    version = kill_worker(sweep, 1)
    sweep("resume")
    assert workers(sweep).keys() == {0, 1}
    status = sweep.status()
    assert (status["running"], status["queued"], len(sweep.begun())) == (2, 2, 2)
    kill_command(sweep, version)
    sweep.wait_until(lambda: len(sweep.runs) == 3)
    sweep.repo.write("go", "")
    sweep("status", "--wait")
    assert sweep.status()["done"] == 4


def test_versions_that_are_added_are_checked_like_those_that_a_sweep_begins_with(sweep):
    command = ("--", sys.executable, "-c", "pass")
    sweep("1.1", "--set", "lr=0.1", "--metrics", "{out}/{lr}.json", "--wait", *command)
    before = sweep.status()["total"]
    hidden = ("--set", "lr=0.2", "--set", "api_key=sk-abcdefghijklmnopqrstuvwx0123456789")
    assert "may be a secret (api_key)" in sweep("add", *hidden, code=2).err
    assert "has {lr}, but" in sweep("add", "--seeds", "2", code=2).err
    assert sweep.status()["total"] == before


def test_a_version_that_another_sweep_has_is_neither_added_nor_resumed(sweep):
    sweep("1.1", "--seeds", "2", *WAITING)
    sweep.wait_until(sweep.begun)
    first = sweep.folder.name
    sweep("stop")
    sweep.wait_until(lambda: not sweep.worker_pids())
    sweep("1.1", "--set", "seed=1,7", *WAITING)
    # Both may begin in one second, and then their names do not tell which is newer.
    (second,) = {folder.name for folder in sweep.folder.parent.iterdir()} - {first}
    assert f"The sweep {second} of e1.1 is not over and has seed=1, too" in sweep("resume", first, code=2).err
    assert (
        f"The sweep {second} of e1.1 is not over and has seed=7, too"
        in sweep("add", first, "--set", "seed=7", code=2).err
    )
    sweep.repo.write("go", "")
    sweep("status", "--wait")
    sweep("resume", first, "--wait")


def test_a_version_that_ended_well_before_is_not_run_again_when_it_is_added(sweep):
    sweep("1.1", "--set", "lr=0.1,0.2", "--wait", *TRAINING[:5])
    sweep("1.1", "--set", "lr=0.3", "--wait", *TRAINING[:5])
    assert "1 version ended well before on the code of the sweep." in sweep("add", "--set", "lr=0.1,0.4").err
    sweep("status", "--wait")
    assert len(sweep.runs) == 4
    sweep("1.1", "--set", "lr=0.3", "--again", "--wait", *TRAINING[:5])
    sweep("add", "--set", "lr=0.1")
    sweep("status", "--wait")
    assert len(sweep.runs) == 6


def test_a_file_in_the_way_of_a_version_fails_it_and_the_others_go_on(sweep):
    sweep.repo.write("results/e1.1/seed=0", "")
    sweep("1.1", "--seeds", "2", "--wait", *TRAINING[:3], "--lr", "0.1", code=1)
    assert f"failed: seed=0 (File exists: {sweep.path}/results/e1.1/seed=0)" in sweep.note
    assert [run.status for run in sweep.runs] == ["done"]
    assert "Traceback" not in (sweep.folder / "workers.log").read_text()


def test_a_worker_that_is_asked_to_end_while_it_looks_at_results_ends(sweep):
    sweep.repo.commit("large", {"large.py": LARGE, ".gitignore": "*.bin\n"})
    sweep("1.1", "--seeds", "2", "--", sys.executable, "large.py", "{seed}")
    sweep.wait_until(lambda: sweep.runs and sweep.runs[0].has_end)
    assert "outputs" not in sweep.runs[0].fields
    os.kill(workers(sweep)[0].pid, signal.SIGTERM)
    sweep.wait_until(lambda: not workers(sweep))
    status = sweep.status()
    assert (status["done"], status["queued"], sweep.begun()) == (1, 1, ["seed=0"])
    assert "outputs" in sweep.runs[0].fields


def test_stop_also_ends_what_runs_without_its_worker(sweep):
    sweep.repo.commit("tenacious", {"tenacious.py": TENACIOUS})
    sweep("1.1", "--seeds", "1", "--", sys.executable, "tenacious.py", "{seed}")
    sweep.wait_until(sweep.begun)
    sweep.kill_workers()
    sweep("stop", "--drain")
    assert not events(sweep, "ended")  # it still writes
    assert not (sweep.path / "results/e1.1/seed=0/asked.txt").exists()
    sweep("stop")
    assert (sweep.path / "results/e1.1/seed=0/asked.txt").exists()
    assert [run.status for run in sweep.runs] == ["stopped"]
    assert len(events(sweep, "ended")) == 1
    assert " swept 0 of 1 version so far, stopped, 1 queued: " in sweep.note[0]


def test_workers_that_were_killed_leave_nothing_behind_for_long(sweep):
    sweep("1.1", "--seeds", "2", *WAITING)
    sweep.wait_until(sweep.begun)
    gone = json.dumps({"host": os.uname().nodename, "pid": 1, "start": 1, "slot": 0})
    for number in range(1001):
        (sweep.folder / f"workers/0-{number:04}").write_text(gone)
    elsewhere = json.dumps({"host": "elsewhere", "pid": 1, "start": 1, "slot": 0})
    (sweep.folder / "workers/1-elsewhere").write_text(elsewhere)
    os.utime(sweep.folder / "workers/1-elsewhere", (1, 1))
    assert sweep.status()["workers"] == 1
    sweep.repo.write("go", "")
    sweep("status", "--wait")
    # It cannot be known of one on another machine that it will not come back.
    assert [path.name for path in (sweep.folder / "workers").iterdir()] == ["1-elsewhere"]


def test_a_worker_that_begins_while_tasks_are_put_in_order_keeps_its_task(sweep, monkeypatch):
    sweep("1.1", "--seeds", "1", "--on", "true {command}", *WAITING)
    own = read_sweep(sweep.folder)
    read_all, present = Tasks.read_all, []

    def read_after_a_worker_began(tasks):
        if not present:
            present.append(Presence(own, 0))
            own.tasks.claim(present[0].name)
        return read_all(tasks)

    monkeypatch.setattr(Tasks, "read_all", read_after_a_worker_began)
    with settlement.lock_sweep(sweep.folder):
        recover(open_log(sweep.path / LOG), own, print)
    assert [task.state for task in own.tasks.read_all()] == ["claimed"]
    present[0].leave()


def test_what_waits_where_a_template_submitted_it_is_not_submitted_again(sweep):
    sweep.repo.commit("submit", {"submit.sh": 'echo "$@" >> .git/submitted\n'})

    def submitted():
        return [line.rpartition(" ")[2] for line in (sweep.path / ".git/submitted").read_text().splitlines()]

    def begin(number):
        command = (sweep.path / ".git/submitted").read_text().splitlines()[number]
        assert os.system(command) == 0  # noqa: S605 - as a scheduler would

    sweep("1.1", "--seeds", "2", "--on", "sh submit.sh {command}", "--", "true", "{seed}")
    sweep("add", "--seeds", "3")
    assert submitted() == ["00001-seed=0", "00002-seed=1", "00003-seed=2"]
    begin(0)
    answer = sweep("resume")
    assert "2 versions submitted before and not begun; if that was lost, stop and resume the sweep." in answer.err
    assert len(submitted()) == 3
    sweep("stop")
    sweep("resume")
    assert submitted()[3:] == ["00002-seed=1", "00003-seed=2"]
    for number in range(1, 5):
        begin(number)  # the second time there is nothing left to do
    assert sweep.status()["done"] == 3
    assert len(sweep.runs) == 3


def test_a_sweep_of_which_nothing_was_submitted_says_so(sweep):
    answer = sweep("1.1", "--seeds", "2", "--on", "false {command}", "--", "true", "{seed}", code=1)
    assert "0 versions submitted; `orglab sweep resume` tries the others again." in answer.err
    assert "in the background" not in answer.err
    assert "What is queued elsewhere" not in sweep("stop").err
