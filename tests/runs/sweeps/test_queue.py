"""The queue of a sweep: it is added to, stopped and resumed, and its workers are killed."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter

from orglab.log.log import LogFile
from orglab.runs.sweeps.settlement import update_note
from orglab.runs.sweeps.sweep import read_sweep
from orglab.runs.sweeps.sweep_versions import VersionRequest, make_versions
from orglab.runs.sweeps.tasks import Tasks
from runs.sweeps.conftest import LOG, TRAINING, WAITING

# What a version has done is counted in a file, whatever its record says.
COUNTED = """\
import json, os, pathlib, sys
given = json.loads(os.environ["ORGLAB_PARAMS"])
pathlib.Path(os.environ["ORGLAB_OUT"], "metrics.json").write_text(json.dumps({"acc": given["seed"] / 1000}))
with open("ran.log", "a") as file:
    file.write(f"{given['seed']}\\n")
"""


def test_versions_are_added_while_a_sweep_runs(sweep):
    sweep("1.1", "--seeds", "1", *WAITING)
    sweep.wait_until(sweep.begun)
    assert "2 versions added" in sweep("add", "--seeds", "3").out
    sweep.repo.write("go", "")
    sweep("status", "--wait")
    assert [version["name"] for version in sweep.status()["versions"]] == ["seed=0", "seed=1", "seed=2"]
    assert sweep.status()["done"] == 3
    # Also when it has ended; then its note and its results are told again.
    assert "1 version added" in sweep("add", "--set", "seed=7").out
    sweep("status", "--wait")
    assert " swept 4 versions, 4 done, " in sweep.note[0]
    assert len(sweep.repo.git("ls-files", "results").split("\n")) == 8
    assert [run.commit is not None for run in sweep.runs] == [True] * 4
    answer = sweep("add", "--seeds", "1")
    assert "The sweep has 1 of these already." in answer.err
    assert "0 versions added" in answer.out


def test_a_sweep_is_stopped_and_resumed(sweep, orglab):
    sweep("1.1", "--seeds", "3", "--slots", "2", *WAITING)
    sweep.wait_until(lambda: len(sweep.begun()) == 2)
    assert sweep.status()["running"] == 2
    name = sweep.folder.name
    shown = orglab("status").out
    assert f"Sweep        {name} (e1.1): 0 of 3 versions\n" in shown
    assert "Pending      nothing\n" in shown
    sweep("stop")
    sweep.wait_until(lambda: not sweep.worker_pids())
    assert sorted(run.status for run in sweep.runs) == ["stopped", "stopped"]
    assert [run.asked_by for run in sweep.runs] == ["SIGTERM", "SIGTERM"]
    assert "stopped; `orglab sweep resume` goes on" in sweep("status").out
    sweep.wait_until(lambda: " swept 2 of 3 versions so far, stopped, 2 stopped, 1 queued: " in sweep.note[0])
    sweep.repo.write("go", "")
    assert "3 versions to run" in sweep("resume").out
    sweep("status", "--wait")
    assert Counter(run.status for run in sweep.runs) == {"done": 3, "stopped": 2}
    assert " swept 3 versions, 3 done, " in sweep.note[0]


def test_a_worker_that_is_asked_to_end_before_its_version_has_begun_does_not_begin_it(sweep):
    sweep("1.1", "--seeds", "2", "--before-each", "kill $PPID", *WAITING)
    sweep.wait_until(lambda: not sweep.worker_pids())
    status = sweep.status()
    assert (status["queued"], sweep.runs, sweep.begun()) == (2, [], [])
    sweep.repo.write("go", "")


def test_a_drained_sweep_ends_what_runs_and_begins_nothing(sweep):
    sweep("1.1", "--seeds", "3", *WAITING)
    sweep.wait_until(sweep.begun)
    sweep("stop", "--drain")
    sweep.repo.write("go", "")
    sweep.wait_until(lambda: "ended.txt" in sweep.repo.git("ls-files", "results"))
    assert [run.status for run in sweep.runs] == ["done"]
    assert sweep.status()["queued"] == 2
    sweep("resume", "--slots", "2", "--wait")
    assert sweep.status()["done"] == 3


def test_what_failed_is_run_again_by_resume(sweep):
    sweep("1.1", "--set", "lr=0.9,0.1", "--wait", *TRAINING[:5], code=1)
    sweep.repo.write("train.py", (sweep.path / "train.py").read_text().replace("given.lr > 0.5", "given.lr > 5"))
    sweep("resume", "--wait")
    assert " swept 2 versions, 2 done, " in sweep.note[0]
    assert "1 version ran on changed code: train.py" in sweep.note
    assert [run.status for run in sweep.runs] == ["failed", "done", "done"]


def test_a_version_whose_worker_was_killed_is_not_run_twice_at_once(sweep):
    sweep("1.1", "--seeds", "2", *WAITING)
    sweep.wait_until(sweep.begun)
    sweep.kill_workers()
    assert "still runs, without its worker" in sweep("resume").err
    status = sweep.status()
    assert (status["running"], status["queued"], status["workers"], len(sweep.runs)) == (1, 1, 1, 1)
    os.kill(int((sweep.path / "results/e1.1/seed=0/begun.txt").read_text()), signal.SIGKILL)
    sweep.repo.write("go", "")
    sweep("status", "--wait")  # the worker has waited for it
    assert [run.status for run in sweep.runs] == ["lost", "done", "done"]
    assert " swept 2 versions, 2 done, " in sweep.note[0]


def test_a_worker_that_is_missing_is_replaced_in_its_slot(sweep, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    sweep("1.1", "--seeds", "4", *WAITING)
    sweep.wait_until(lambda: len(sweep.begun()) == 2)
    first = next(worker for worker in read_sweep(sweep.folder).list_workers() if worker.slot == 0)
    os.kill(first.pid, signal.SIGKILL)
    sweep.wait_until(lambda: len(sweep.worker_pids()) == 1)
    sweep("resume")
    assert {worker.slot for worker in read_sweep(sweep.folder).list_workers()} == {0, 1}
    sweep.repo.write("go", "")
    sweep("status", "--wait")
    assert sweep.status()["done"] == 4


def test_tasks_whose_files_were_lost_with_the_machine_are_found_again(sweep):
    sweep("1.1", "--seeds", "3", "--wait", *TRAINING[:3], "--lr", "0.1", "--seed", "{seed}")
    (sweep.folder / "ended/00001-seed=0").write_text("")
    (sweep.folder / "ended/00002-seed=1").unlink()
    sweep("resume", "--wait")
    status = sweep.status()
    assert (status["done"], status["total"], len(sweep.runs)) == (3, 3, 3)


def test_a_sweep_whose_workers_are_killed_gives_each_result_once(sweep):
    versions, kills = int(os.environ.get("VERSIONS", "30")), int(os.environ.get("KILLS", "8"))
    sweep.repo.commit("counted", {"counted.py": COUNTED, ".gitignore": "ran.log\n"})
    sweep("1.1", "--seeds", str(versions), "--slots", "2", "--", sys.executable, "counted.py")
    chance, killed = random.Random(1), 0  # noqa: S311 - no secret
    while killed < kills:
        ended = len(sweep.runs)
        sweep.wait_until(lambda ended=ended: len([*sweep.path.glob(".git/orglab/runs/*")]) > ended)
        for _ in range(chance.randrange(20_000)):
            pass
        for pid in sweep.worker_pids()[: chance.randint(1, 2)]:
            os.kill(pid, signal.SIGKILL)
            killed += 1
        sweep("resume")
        if not sweep.status()["queued"]:
            break
    for _ in range(3):  # a version that still ran without its worker is offered again
        sweep("resume", "--wait")
        if sweep.status()["done"] == versions:
            break
    done = [run for run in sweep.runs if run.status == "done"]
    assert Counter(run.parameters["seed"] for run in done) == dict.fromkeys(range(versions), 1)
    assert all(run.metrics == {"acc": run.parameters["seed"] / 1000} for run in done)
    ran = Counter(map(int, (sweep.path / "ran.log").read_text().split()))
    assert ran.keys() == {*range(versions)}
    assert len(sweep.repo.git("ls-files", "results").split("\n")) == versions
    assert f" swept {versions} versions, {versions} done, " in sweep.note[0]


def test_a_task_is_claimed_once(tmp_path):
    tasks = Tasks(tmp_path)
    tasks.add(enumerate(make_versions(VersionRequest((), "2")), 1), {})
    first, second = tasks.claim("a"), tasks.claim("b")
    assert (first.name, second.name) == ("00001-seed=0", "00002-seed=1")
    assert tasks.claim("c") is None
    assert tasks.claim_one("00001-seed=0", "c") is None
    tasks.end(tasks.set_run(first, "20260101-000000-abcdef"), "done")
    assert [task.state for task in tasks.read_all()] == ["ended", "claimed"]
    # A worker was killed between writing how the task ended and giving it up.
    (tmp_path / "claimed/00001-seed=0@a").write_text("{}")
    assert [task.state for task in tasks.read_all()] == ["ended", "claimed"]
    assert tasks.requeue(second)
    assert not tasks.requeue(second)
    tasks.stop()
    assert tasks.claim("c") is None
    tasks.go_on()
    assert tasks.claim("c").name == "00002-seed=1"


def test_a_sweep_that_somebody_else_began_is_not_resumed(sweep, monkeypatch, tmp_path):
    sweep("1.1", "--set", "lr=0.9", "--wait", *TRAINING[:5], code=1)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "other"))  # the key of another user
    assert "Somebody else began the sweep" in sweep("resume", code=2).err
    assert "Somebody else began the sweep" in sweep("add", "--set", "lr=0.1", code=2).err
    assert len(sweep.runs) == 1


def test_a_link_in_the_place_of_the_results_is_not_followed(sweep, tmp_path):
    outside = tmp_path.with_name("outside")
    outside.mkdir()
    (sweep.path / "results").symlink_to(outside)
    sweep.repo.commit("hostile", {})
    answer = sweep("1.1", "--set", "lr=0.1", *TRAINING[:5], code=4)
    assert "a link that git tracks" in answer.err
    assert not any(outside.iterdir())


def test_a_sweep_whose_record_was_added_to_runs_no_other_command(sweep):
    sweep("1.1", "--set", "lr=0.9", "--before-each", "true", "--wait", *TRAINING[:5], code=1)
    with (sweep.folder / "record.jsonl").open("a") as record:
        record.write(
            json.dumps({"event": "resumed", "sweep": {"out": "results/e1.1", "before_each": "touch evil"}}) + "\n"
        )
    assert "Somebody else began the sweep" in sweep("resume", code=2).err
    assert not (sweep.path / "evil").exists()


def test_a_sweep_that_came_with_the_repository_is_not_one(repo, orglab):
    orglab("init", "--tracked")
    orglab("new", "First", "-s", "one")
    folder = ".orglab/sweeps/20260101-000000-abcdef"
    record = {
        "event": "began",
        "argv": ["touch", "hostile"],
        "ref": "e1.1",
        "log": LOG,
        "sweep": {"out": "results/e1.1"},
    }
    repo.commit("hostile", {
        f"{folder}/record.jsonl": json.dumps(record) + "\n",
        f"{folder}/queued/00001-only": json.dumps({"version": "only", "parameters": {}, "texts": {}}),
        ".orglab/waiting/20260101-000000-abcdef": json.dumps({"sweep": True}),
    })  # fmt: skip
    assert json.loads(orglab("sweep", "list", "--json").out)["sweeps"] == []
    assert "Unknown sweep" in orglab("sweep", "resume", "20260101", code=3).err
    assert "swept" not in (repo.path / LOG).read_text()


def test_ctrl_c_ends_the_watching_and_not_the_sweep(sweep):
    command = [sys.executable, "-m", "orglab", "sweep", "1.1", "--seeds", "1", "--wait", *WAITING]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8") as process:
        sweep.wait_until(sweep.begun_or_not)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate()
    assert process.returncode == 130
    assert "The sweep goes on; `orglab sweep stop` ends it." in said
    assert sweep.status()["running"] == 1
    sweep.repo.write("go", "")
    sweep("status", "--wait")
    assert [run.status for run in sweep.runs] == ["done"]


def test_the_newest_sweep_is_meant_and_others_are_named(sweep):
    sweep("1.1", "--seeds", "1", "--wait", *TRAINING[:3], "--lr", "0.1")
    first = sweep.folder.name
    sweep("1.2", "--seeds", "2", "--wait", *TRAINING[:3], "--lr", "0.1")
    # Both may have begun in the same second, and then their ids have no order.
    (second,) = (folder.name for folder in sweep.folder.parent.iterdir() if folder.name != first)
    assert sweep.status()["ref"] == "e1.2"
    assert json.loads(sweep("status", first[-6:], "--json").out)["ref"] == "e1.1"
    lines = sweep("list").out.splitlines()
    assert [line.split("  ")[:4] for line in lines] == [
        [first, "e1.1", "1 of 1", "1 done"], [second, "e1.2", "2 of 2", "2 done"],
    ]  # fmt: skip


def test_a_damaged_record_of_a_sweep_does_not_keep_the_status_from_being_shown(sweep, orglab):
    sweep("1.1", "--seeds", "2", *WAITING)
    sweep.wait_until(sweep.begun)
    record = sweep.folder / "record.jsonl"
    known = record.read_bytes()
    record.write_bytes(b"\0" * 100)
    assert json.loads(orglab("status", "--json").out)["sweeps"] == []
    record.write_bytes(known)
    assert len(json.loads(orglab("status", "--json").out)["sweeps"]) == 1


def test_the_note_of_a_large_sweep_is_rewritten_less_often(sweep):
    """All records are read for it."""
    sweep("1.1", "--seeds", "1", *WAITING)
    sweep.wait_until(sweep.begun)
    notes = sweep.folder / "notes.json"

    def is_rewritten_after(seconds):
        then = time.time() - seconds
        os.utime(notes, (then, then))
        update_note(LogFile(sweep.path / LOG), sweep.folder, print)
        return notes.stat().st_mtime > then + 1

    assert not is_rewritten_after(30)
    assert is_rewritten_after(90)
    versions = make_versions(VersionRequest(("x=" + ",".join(map(str, range(600))),)))
    run = sweep.runs[0].id
    read_sweep(sweep.folder).tasks.add(enumerate(versions, 2), {version.name: run for version in versions})
    assert not is_rewritten_after(90)
    assert is_rewritten_after(150)
