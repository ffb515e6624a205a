"""`orglab run --detach` and `orglab runs wait`: a run that goes on by itself, and its end."""

import fcntl
import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import orglab as package
from lab import SOURCE, orglab
from orglab.runs.record_reader import read_runs
from orglab.runs.storage import PENDING, list_entries

LOG = "experiment_log.org"
# Each pipe is opened by both, so neither goes on before the other is there.
HELD = """\
import json, os, pathlib, sys
begun, go = sys.argv[1:3]
pathlib.Path(begun).write_text(json.dumps({"session": os.getsid(0), "group": os.getpgrp(), "input": sys.stdin.read()}))
code = pathlib.Path(go).read_text()
print("metric val_acc=0.5")
if sys.argv[3:]:
    pathlib.Path("results").mkdir(exist_ok=True)
    pathlib.Path("results/code.txt").write_text(os.environ["ORGLAB_COMMIT"])
sys.exit(int(code) if code else None)
"""


class Held:
    """Begins detached runs, each of which goes on until it is let go."""

    def __init__(self, study, folder):
        self.study, self.folder = study, folder
        self.amount = 0

    def command(self, *words):
        """A command that waits, and its pipes."""
        self.amount += 1
        pipes = [self.folder / f"{name}{self.amount}" for name in ("begun", "go")]
        for pipe in pipes:
            os.mkfifo(pipe)
        return (sys.executable, "held.py", *map(str, pipes), *words), pipes

    def begin(self, *options, words=()):
        """Begin a run; return the document about it, with its pipes and what the command found."""
        argv, pipes = self.command(*words)
        answer = orglab(
            "run", "1.1", "--stdout-metrics", *options, "--detach", "--json", "--", *argv, cwd=self.study.path
        )
        assert answer.code == 0, answer.err
        return json.loads(answer.out), pipes[1], json.loads(pipes[0].read_text())

    def wait(self, *arguments):
        return orglab("runs", "wait", *arguments, cwd=self.study.path)


@pytest.fixture
def held(study, tmp_path_factory):
    """A study with a command that waits; what still waits at the end is killed."""
    study.commit("held", {"held.py": HELD})
    yield Held(study, tmp_path_factory.mktemp("pipes"))
    for run in read_runs(study.path):
        if run.is_going_on and not run.is_foreign and "child_pid" in run.fields:
            os.killpg(run.fields["child_pid"], signal.SIGKILL)


def run_of(study, place=-1):
    return read_runs(study.path)[place]


def test_a_detached_run_goes_on_by_itself_and_its_end_is_that_of_any_run(held, study):
    study.write("train.py", "# changed\n")
    form, go, found = held.begin("--results", "results", "--done", words=("results",))
    assert (form["status"], form["outcome"], form["exit_code"], form["ref"]) == ("running", None, None, "e1.1")
    assert found["input"] == ""
    assert found["session"] not in (os.getsid(0), found["group"])
    assert found["session"] == os.getsid(form["pid"])
    run = run_of(study)
    assert (form["id"], form["folder"], form["pid"]) == (run.id, str(run.folder), run.fields["pid"])
    assert "running" in orglab("runs", cwd=study.path).out
    assert json.loads(orglab("runs", "show", run.id, "--json", cwd=study.path).out)["pid"] == form["pid"]
    # The code is saved, so editing may go on.
    assert study.git("log", "-1", "--format=%s").startswith("[e1.1] Before: ")
    study.write("train.py", "# being edited\n")
    go.write_text("")
    answer = held.wait(form["id"][-6:])
    assert answer.code == 0
    assert "Committed the results as " in answer.err
    assert "e1.1  ran " in answer.err
    assert answer.err.count("e1.1  ran ") == 1
    run = run_of(study)
    assert (run.status, run.metrics) == ("done", {"val_acc": 0.5})
    assert study.git("show", f"{run.code}:train.py") == "# changed"
    assert (run.folder / "output.log").read_text() == "metric val_acc=0.5\n"
    assert "1. [X] one" in (study.path / LOG).read_text()
    assert f"run {run.id}\n" in (study.path / LOG).read_text()
    assert list_entries(study.path, PENDING) == {}


def test_people_get_the_id_and_how_to_go_on(held, study):
    argv, pipes = held.command()
    answer = orglab("run", "1.1", "--detach", "--", *argv, cwd=study.path)
    run = run_of(study)
    assert answer.out == f"{run.id}\n"
    assert f"`orglab runs wait {run.id[-6:]}`" in answer.err
    assert f"`kill {run.fields['pid']}`" in answer.err
    pipes[0].read_text()
    pipes[1].write_text("7")
    assert held.wait(run.id).code == 7


@pytest.mark.parametrize(("arguments", "code", "why"), [
    (("1.9", "--", "true"), 3, "There is no step 9"),
    (("1.1", "--before", "clean", "--", "true"), 5, "train.py; commit them"),
    (("1.1", "--", "nosuchcommand"), 127, "was not found"),
    (("1.1", "--", "./train.py"), 126, "not executable"),
    (("1.1", "--test", "--", "true"), 2, "--test or --detach"),
    (("1", "--done", "--", "true"), 2, "--done needs a step"),
])  # fmt: skip
def test_what_can_be_refused_is_refused_at_once(study, arguments, code, why):
    study.write("train.py", "# changed\n")
    head = study.git("rev-parse", "HEAD")
    answer = orglab("run", "--detach", *arguments, cwd=study.path)
    assert (answer.code, answer.out) == (code, "")
    assert answer.err.count(why) == 1
    assert study.git("rev-parse", "HEAD") == head
    assert [run for run in read_runs(study.path) if run.exit_code not in (126, 127)] == []
    assert list_entries(study.path, PENDING) == {}


def test_ctrl_c_before_the_command_has_started_leaves_nothing(held, study):
    argv, _ = held.command()
    pipe = held.folder / "hook"
    os.mkfifo(pipe)
    hook = study.write(".git/hooks/pre-commit", f"#!/bin/sh\necho begun > {pipe}\nexec cat {pipe}\n")
    hook.chmod(0o755)
    study.write("train.py", "# changed\n")
    head = study.git("rev-parse", "HEAD")
    process = subprocess.Popen(
        [sys.executable, "-m", "orglab", "run", "1.1", "--detach", "--", *argv], cwd=study.path,
        env={**os.environ, "PYTHONPATH": str(SOURCE)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert pipe.read_text() == "begun\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "\norglab: Interrupted.\n")
    assert study.git("rev-parse", "HEAD") == head
    assert read_runs(study.path) == []
    assert list_entries(study.path, PENDING) == {}


def test_the_id_is_printed_although_the_run_has_ended_meanwhile(held, study):
    pipes = [held.folder / name for name in ("hook", "end")]
    for pipe in pipes:
        os.mkfifo(pipe)
    hook = study.write(".git/hooks/pre-commit", f"#!/bin/sh\necho begun > {pipes[0]}\ncat {pipes[0]}\n")
    hook.chmod(0o755)
    study.write("train.py", "# changed\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "orglab", "run", "1.1", "--detach", "--", "sh", "-c", f"echo > {pipes[1]}"],
        cwd=study.path, env={**os.environ, "PYTHONPATH": str(SOURCE)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert pipes[0].read_text() == "begun\n"
    process.send_signal(signal.SIGSTOP)
    pipes[0].write_text("")
    assert pipes[1].read_text() == "\n"
    run = run_of(study)
    assert held.wait(run.id).code == 0
    process.send_signal(signal.SIGCONT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, f"{run.id}\n")
    assert f"`orglab runs wait {run.id[-6:]}`" in err


def test_a_detached_run_has_its_author(held, study):
    form, go, _ = held.begin("--as", "bot")
    go.write_text("")
    assert held.wait(form["id"]).code == 0
    assert run_of(study).author == "bot"
    assert "by: bot" in (study.path / LOG).read_text()


def test_a_detached_run_survives_its_terminal(held, study):
    argv, pipes = held.command()
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(study.path)
        os.environ["PYTHONPATH"] = str(SOURCE)
        os.execv(sys.executable, [sys.executable, "-m", "orglab", "run", "1.1", "--detach", "--", *argv])  # noqa: S606
    pipes[0].read_text()
    os.waitpid(pid, 0)
    os.close(terminal)  # hangs up
    run = run_of(study)
    assert run.status == "running"
    pipes[1].write_text("")
    assert held.wait(run.id).code == 0
    assert run_of(study).status == "done"


def test_a_detached_run_is_stopped_by_a_signal(held, study):
    form, _, _ = held.begin("--done")
    os.kill(form["pid"], signal.SIGTERM)
    answer = held.wait(form["id"], "--json")
    assert answer.code == 128 + signal.SIGTERM
    ended = json.loads(answer.out)
    assert (ended["outcome"], ended["status"], ended["reason"]) == ("killed", "stopped", "stopped by SIGTERM")
    assert ended["pid"] is None
    assert "stopped by SIGTERM" in (study.path / LOG).read_text()


def test_a_detached_run_that_is_killed_is_unobserved_and_then_lost(held, study):
    form, go, _ = held.begin()
    waiting = subprocess.Popen(
        [sys.executable, "-m", "orglab", "runs", "wait", form["id"], "--json"], cwd=study.path,
        env={**os.environ, "PYTHONPATH": str(SOURCE)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    os.kill(form["pid"], signal.SIGKILL)
    # It holds the lock of the record until it is gone.
    with (run_of(study).folder / "record.jsonl").open() as record:
        fcntl.flock(record, fcntl.LOCK_SH)
    assert run_of(study).status == "unobserved"
    go.write_text("")
    out, err = waiting.communicate(timeout=60)
    assert waiting.returncode == 1, err
    assert (json.loads(out)["status"], json.loads(out)["outcome"]) == ("lost", "killed")
    assert "was lost" in err


def test_the_time_to_wait_may_end_before_the_run(held):
    form, go, _ = held.begin()
    answer = held.wait(form["id"], "--time-limit", "0.3s", "--json")
    assert answer.code == 75
    assert f"The run {form['id']} goes on; the time to wait is over." in answer.err
    assert json.loads(answer.out)["status"] == "running"
    go.write_text("")
    assert held.wait(form["id"], "--time-limit", "1h").code == 0


def test_of_several_runs_the_first_code_that_is_not_0_counts(held):
    first, second, third = held.begin(), held.begin(), held.begin()
    for (_, go, _), code in ((third, "9"), (second, "4"), (first, "")):
        go.write_text(code)
    answer = held.wait(*(form["id"] for form, _, _ in (first, second, third)), "--json")
    assert answer.code == 4
    assert [form["exit_code"] for form in json.loads(answer.out)["runs"]] == [0, 4, 9]


def test_waiting_takes_no_processor_time(held, monkeypatch):
    form, go, _ = held.begin()
    monkeypatch.chdir(held.study.path)
    log, said = package.open_log(), []
    log.find_run(form["id"])
    begun = time.process_time()
    assert log.wait_for_run(form["id"], said.append, 2.0) is None
    assert time.process_time() - begun < 0.5
    go.write_text("3")
    ended = log.wait_for_run(form["id"], said.append)
    assert (ended.exit_code, ended.run.status) == (3, "failed")
    assert any("exit 3" in line for line in said)


def test_the_end_of_a_run_elsewhere_is_not_waited_for(held):
    form, go, _ = held.begin()
    folder = Path(form["folder"])
    copy = folder.with_name("20260601-093000-3f2a1b")
    copy.mkdir()
    text = (folder / "record.jsonl").read_text()
    (copy / "record.jsonl").write_text(f'{text}{{"event": "copied", "writer": "another"}}\n')
    answer = held.wait("20260601-093000-3f2a1b")
    assert (answer.code, answer.out) == (3, "")
    assert "goes on in another clone" in answer.err
    go.write_text("")
    assert held.wait(form["id"]).code == 0


def test_results_of_a_detached_run_wait_for_their_branch(held, study):
    form, go, _ = held.begin("--results", "results", words=("results",))
    study.git("switch", "--quiet", "--create", "other")
    go.write_text("")
    answer = held.wait(form["id"], "--json")
    assert answer.code == 0
    assert "not committed yet" in answer.err
    assert json.loads(answer.out)["kept"] is not None
    study.git("switch", "--quiet", "main")
    orglab("status", cwd=study.path)
    assert study.git("log", "--format=%s", "main").count("Results: ") == 1


def test_python_begins_a_detached_run(held, monkeypatch):
    monkeypatch.chdir(held.study.path)
    from orglab.runs.run_request import RunRequest  # noqa: PLC0415 - as a notebook does

    argv, pipes = held.command()
    said = []
    launched = package.open_log().run(RunRequest("1.1", argv, is_detached=True), said.append)
    assert (launched.exit_code, launched.run.status) == (0, "running")
    pipes[0].read_text()
    pipes[1].write_text("")
    assert package.open_log().wait_for_run(launched.run.id, said.append).exit_code == 0
    with pytest.raises(package.OrglabError, match="no step 9"):
        package.open_log().run(RunRequest("1.9", argv, is_detached=True), said.append)
