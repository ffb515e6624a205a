"""Pending runs are written to the log exactly once, by the next command."""

import json
import os
import re
import select
import subprocess
import sys

import pytest

from lab import SOURCE
from orglab.runs.record_reader import read_runs
from orglab.runs.storage import PENDING, list_entries

LOG = "experiment_log.org"


def run_of(study, place=-1):
    return read_runs(study.path)[place]


def log_of(study):
    return (study.path / LOG).read_text()


def test_a_run_whose_orglab_was_killed_is_lost_for_the_next_command(study, orglab):
    process = subprocess.Popen(
        [sys.executable, "-m", "orglab", "run", "1.1", "--done", "--", "cat"],
        cwd=study.path, env={**os.environ, "PYTHONPATH": str(SOURCE)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )  # fmt: skip
    process.stdin.write(b"x\n")
    process.stdin.flush()
    assert process.stdout.readline() == b"x\n"
    orglab("list")
    assert run_of(study).status == "running"
    assert "ran cat" not in log_of(study)
    process.kill()
    process.wait()
    # The command itself goes on, and ends when its input does.
    run = run_of(study)
    assert run.status == "unobserved"
    assert orglab("list").err == ""
    assert f"{run.id} (e1.1, unobserved: its orglab was killed)" in " ".join(orglab("status").out.split())
    assert "Pending      nothing" in orglab("status").out
    assert "still running" in orglab("runs", "discard", run.id, code=4).err
    assert "ran cat" not in log_of(study)
    command = os.pidfd_open(run.fields["child_pid"])
    process.communicate()
    select.select([command], [], [])
    os.close(command)
    assert run_of(study).status == "lost"
    answer = orglab("list")
    assert "was lost" in answer.err
    assert "ran cat, lost\n" in log_of(study)
    assert "1. [ ] one\n" in log_of(study)
    before = log_of(study)
    assert orglab("list").err == ""
    assert log_of(study) == before


def test_a_run_that_was_asked_to_end_is_stopped_even_if_orglab_is_killed_before_it_does(study, orglab):
    program = "import signal, sys; signal.signal(15, lambda *_: print('asked', flush=True)); print('begun', flush=True); sys.stdin.read()"
    process = subprocess.Popen(
        [sys.executable, "-m", "orglab", "run", "1.1", "--done", "--", sys.executable, "-c", program],
        cwd=study.path, env={**os.environ, "PYTHONPATH": str(SOURCE)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout.readline() == b"begun\n"
    process.terminate()
    assert process.stdout.readline() == b"asked\n"
    assert (run_of(study).status, run_of(study).asked_by) == ("running", "SIGTERM")
    process.kill()
    process.wait()
    assert run_of(study).status == "unobserved"
    command = os.pidfd_open(run_of(study).fields["child_pid"])
    process.communicate()
    select.select([command], [], [])
    os.close(command)
    assert run_of(study).status == "stopped"
    assert "was stopped: its process ended without recording a result" in orglab("list").err
    assert run_of(study).status == "stopped"
    assert ", stopped by SIGTERM, end not recorded\n" in log_of(study)
    assert "1. [ ] one\n" in log_of(study)


@pytest.mark.slow
def test_a_pending_run_is_written_once_by_the_next_command(study, orglab):
    lock = study.path / f".#{LOG}"
    lock.symlink_to(f"user@{os.uname().nodename}.{os.getpid()}")
    answer = orglab("run", "1.1", "--done", "--metrics", "metrics.json", "--", "python", "train.py")
    assert "is not in the log yet; the next orglab command writes it" in answer.err
    assert "ran python" not in log_of(study)
    orglab("list")
    assert "ran python" not in log_of(study)
    lock.unlink()
    answer = orglab("list")
    assert f"Added the run {run_of(study).id} (e1.1) to the log." in answer.err
    assert len(re.findall(r"ran python train\.py, exit 0, \ds: val_acc 0\.91", log_of(study))) == 1
    assert "1. [X] one (" in log_of(study)
    assert orglab("list").err == ""


def test_a_conflict_in_the_log_leaves_the_run_pending(study, orglab):
    text = log_of(study)
    study.write(LOG, text.replace("2. [ ] two\n", "<<<<<<< a\n2. [ ] two\n=======\n2. [ ] 2\n>>>>>>> b\n"))
    orglab("run", "1.1", "--", "true")
    assert list_entries(study.path, PENDING)
    study.write(LOG, text)
    orglab("show", "1")
    assert "ran true" in log_of(study)


@pytest.mark.parametrize("reference", ["1.1", "1.2", "1"])
def test_a_run_of_an_experiment_on_both_sides_of_a_conflict_is_recorded(study, orglab, reference):
    text = log_of(study)
    begin = text.index("* TODO [1]")
    other = text[begin:].replace("2. [ ] two\n", "")
    study.write(LOG, f"{text[:begin]}<<<<<<< a\n{text[begin:]}=======\n{other}>>>>>>> b\n")
    line = text[:begin].count("\n") + 1
    for command, code in ((("show", "1"), 2), (("start", "1.1"), 4), (("note", "1", "x"), 2)):
        said = orglab(*command, code=code).err
        assert "renumber" not in said
        assert f"conflict marker in line {line}: resolve" in said
    assert "There is no step 3" in orglab("run", "1.3", "--", "true", code=3).err
    assert "is not in the log yet" in orglab("run", reference, "--", "true").err
    said = " ".join(orglab("status").out.split())
    assert f"Conflict a git conflict marker in line {line};" in said
    assert f"Pending {run_of(study).id} (not in the log until the conflict is resolved)" in said
    problems = [one for one in orglab("check", code=1).out.splitlines() if "duplicate-id" in one]
    assert "resolve the conflict first" in problems[0]
    assert "renumber" not in problems[0]
    study.write(LOG, text)
    orglab("show", "1")
    assert log_of(study).count("ran true") == 1


@pytest.mark.parametrize("before", ["commit", "snapshot", "clean"])
def test_a_merge_in_which_only_the_log_has_a_conflict_does_not_stop_runs(study, orglab, before):
    study.git("config", "merge.orglab.driver", "git merge-file %A %O %B")
    study.commit("log")
    text = log_of(study)
    title = next(line for line in text.splitlines() if line.startswith("* "))
    study.git("switch", "--quiet", "--create", "other")
    study.commit("theirs", {LOG: text.replace(title, title.replace("[1] ", "[1] Their "))})
    study.git("switch", "--quiet", "-")
    study.commit("ours", {LOG: text.replace(title, title.replace("[1] ", "[1] Our "))})
    study.git("merge", "--quiet", "other", check=False)
    conflict = log_of(study)
    assert f"UU {LOG}" in study.git("status", "--porcelain")
    head = study.git("rev-parse", "HEAD")
    orglab("run", "1.1", "--before", before, "--", "true")
    assert (log_of(study), study.git("rev-parse", "HEAD")) == (conflict, head)
    assert f"UU {LOG}" in study.git("status", "--porcelain")
    assert run_of(study).before == head
    study.write(LOG, text)
    study.git("commit", "--quiet", "--all", "-m", "merged")
    orglab("show", "1")
    assert log_of(study).count("ran true") == 1


def test_a_run_of_a_step_on_another_branch_stays_pending_without_a_message(study, orglab):
    orglab("new", "Second", "-s", "other")
    text = log_of(study)
    orglab("run", "2.1", "--", "sh", "-c", f"git checkout --quiet {LOG}")
    assert "ran sh" not in log_of(study)
    assert "Added" not in orglab("list").err
    assert orglab("list").err == ""
    study.write(LOG, text)
    orglab("list")
    assert "ran sh" in log_of(study)


@pytest.mark.slow
def test_runs_that_end_at_the_same_time_are_all_written(study):
    command = [sys.executable, "-m", "orglab", "run", "1.1", "--", "true"]
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    running = [
        subprocess.Popen(command, cwd=study.path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for _ in range(8)
    ]
    said = [process.communicate(timeout=60)[0] for process in running]
    assert [process.returncode for process in running] == [0] * 8, said
    ids = re.findall(r"^     run (\S+)$", log_of(study), re.M)
    assert len(set(ids)) == len(ids) == 8
    assert {run.id for run in read_runs(study.path)} == set(ids)


def add_pending(study, name, **fields):
    folder = study.path / ".git/orglab/runs" / name
    folder.mkdir(parents=True)
    record = {"ref": "e1.1", "argv": ["true"], "exit_code": 0, **fields}
    (folder / "record.jsonl").write_text(json.dumps(record) + "\n")
    entry = study.path / ".git/orglab/waiting" / name
    entry.parent.mkdir(exist_ok=True)
    entry.write_text("{}")
    return folder


def test_a_record_that_cannot_be_opened_does_not_stop_the_others(study, orglab):
    bad = add_pending(study, "20180606-161600-aaaa") / "record.jsonl"
    bad.rename(study.path.parent / "elsewhere")
    bad.symlink_to(study.path.parent / "elsewhere")
    add_pending(study, "20180606-161601-aaaa")
    said = orglab("list").err
    assert "cannot be written: 20180606-161600-aaaa (A symbolic link is not followed)" in said
    assert "run 20180606-161601-aaaa\n" in log_of(study)
    assert "lost" not in (study.path.parent / "elsewhere").read_text()


@pytest.mark.slow
def test_one_command_adds_a_bounded_number_of_runs_of_other_clones(study, orglab):
    for number in range(103):
        add_pending(study, f"20180606-161600-{number:04x}", writer="other")
    assert "3 more runs are not in the log yet; the next orglab commands add them." in orglab("list").err
    assert len(re.findall("(?m)^ *run 2018", log_of(study))) == 100
    orglab("list")
    assert len(re.findall("(?m)^ *run 2018", log_of(study))) == 103
