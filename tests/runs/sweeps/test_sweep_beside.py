"""A sweep beside what else happens: another sweep, another branch, another clone, a rerun, an editor."""

import json
import os
import sys

import pytest

from orglab.runs.record_reader import read_runs
from runs.sweeps.conftest import LOG, TRAINING, WAITING

METRICS = "import sys, json; json.dump({'acc': 0.5}, open(sys.argv[1] + '/m.txt', 'w'))"


def test_a_version_that_runs_is_not_swept_twice_at_once(sweep):
    sweep("1.1", "--seeds", "2", *WAITING)
    sweep.wait_until(sweep.begun)
    answer = sweep("1.1", "--set", "seed=1,7", *WAITING, code=2)
    assert f"The sweep {sweep.folder.name} of e1.1 is not over and has seed=1, too" in answer.err
    sweep("1.2", "--set", "seed=1", *WAITING)  # another step has folders of its own
    sweep.repo.write("go", "")
    sweep("status", "--wait")
    sweep("1.1", "--set", "seed=7", "--wait", *WAITING)


def test_metrics_are_read_from_the_file_that_is_named(sweep):
    command = ("--", sys.executable, "-c", METRICS, "{out}")
    sweep("1.1", "--seeds", "2", "--metrics", "{out}/m.txt", "--wait", *command)
    assert [run.metrics for run in sweep.runs] == [{"acc": 0.5}] * 2
    answer = sweep("1.1", "--seeds", "2", "--metrics", "{place}/m.txt", *command, code=2)
    assert "has {place}, but" in answer.err


NAIVE = "import json, sys; json.dump({'acc': float(sys.argv[1])}, open('metrics.json', 'w'))"


def test_metrics_in_one_file_for_all_are_those_of_the_version_that_wrote_them_or_of_none(sweep):
    command = ("--", sys.executable, "-c", NAIVE, "{seed}")
    sweep("1.1", "--seeds", "3", "--wait", *command)
    assert [run.metrics for run in sweep.runs] == [{"acc": float(seed)} for seed in range(3)]
    assert not any("changed code" in line for line in sweep.note)
    assert len({run.code for run in sweep.runs}) == 1
    answer = sweep("1.1", "--seeds", "3", "--slots", "2", "--metrics", "metrics.json", "--again", *command, code=2)
    assert "would write to one file, metrics.json" in answer.err
    sweep("1.2", "--seeds", "2", "--wait", "--", "true")
    assert "no metrics were found; let each version write them to {out}, or name them with --metrics" in sweep.note


def test_the_best_setting_is_one_on_the_code_of_most(sweep):
    sweep("1.1", "--set", "lr=0.1,0.2", "--seeds", "2", "--wait", *TRAINING)
    sweep.repo.write("train.py", (sweep.path / "train.py").read_text().replace("0.9 - given.lr", "5 - given.lr"))
    sweep("add", "--set", "lr=0.3", "--seeds", "1")
    answer = sweep("status", "--wait")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in sweep.note if line.startswith("| 0")]
    assert [(row[0], row[-1]) for row in rows] == [("0.1", "best"), ("0.2", ""), ("0.3", "other code")]
    assert "best      lr 0.1: val_acc " in answer.out


def test_runs_on_changed_code_are_another_setting(sweep):
    """Those on the code of the sweep keep their row, whatever is changed late."""
    sweep("1.1", "--set", "lr=0.1,0.2", "--seeds", "2", "--wait", *TRAINING)
    sweep.repo.write("train.py", (sweep.path / "train.py").read_text() + "# a comment\n")
    sweep("add", "--set", "lr=0.2,0.9", "--seeds", "3")
    sweep("status", "--wait", code=1)
    sweep("resume", "--wait", code=1)
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in sweep.note if line.startswith("| 0")]
    assert [(row[0], row[2], row[3]) for row in rows if row[0] != "0.9"] == [
        ("0.1", "2", "best"), ("0.2", "2", ""), ("0.2", "1", "other code"),
    ]  # fmt: skip


def test_what_failed_and_was_mended_is_one_row(sweep):
    sweep("1.1", "--set", "lr=0.1,0.9", "--seeds", "2", "--wait", *TRAINING, code=1)
    sweep.repo.write("train.py", (sweep.path / "train.py").read_text().replace("given.lr > 0.5", "given.lr > 5"))
    sweep("resume", "--wait")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in sweep.note if line.startswith("| 0")]
    assert [(row[0], row[-1]) for row in rows] == [("0.1", ""), ("0.9", "other code")]


def test_the_first_metric_is_one_that_can_be_ranked(sweep):
    """As in the history that the trainer of Hugging Face writes."""
    code = (
        "import json, os, sys; lr = float(sys.argv[2]); "
        "json.dump({'grad_norm': lr, 'eval_loss': 1 - lr}, open(os.environ['ORGLAB_OUT'] + '/metrics.json', 'w'))"
    )
    answer = sweep("1.1", "--set", "lr=0.1,0.2", "--wait", "--", sys.executable, "-c", code, "--lr", "{lr}")
    assert "best      lr 0.2: eval_loss 0.8" in answer.out


def test_a_secret_parameter_is_refused(sweep):
    answer = sweep("1.1", "--set", "api_key=sk-abcdefghijklmnopqrstuvwx0123456789", "--", "true", code=2)
    assert "A parameter may be a secret (api_key)" in answer.err


def test_a_version_is_repeated_with_its_parameters(sweep, orglab):
    code = "import os; open(os.environ['ORGLAB_OUT'] + '/p.json', 'w').write(os.environ['ORGLAB_PARAMS'])"
    sweep("1.1", "--set", "lr=0.1", "--wait", "--", sys.executable, "-c", code)
    assert "The files are the same, byte for byte." in orglab("runs", "rerun", sweep.runs[0].id).err
    assert [run.outputs[0].sha256 for run in sweep.runs] == [sweep.runs[0].outputs[0].sha256] * 2


def test_the_results_wait_for_the_branch_that_the_sweep_began_on(sweep):
    sweep("1.1", "--seeds", "2", *WAITING)
    sweep.wait_until(sweep.begun)
    sweep.repo.git("checkout", "--quiet", "-b", "other")
    sweep.repo.write("go", "")
    sweep("status", "--wait")
    assert sweep.repo.git("ls-files", "results") == ""
    assert " swept 2 versions, 2 done, " in sweep.note[0]
    sweep.repo.git("checkout", "--quiet", "main")
    sweep("status")
    assert len(sweep.repo.git("ls-files", "results").split("\n")) == 4
    assert [run.commit for run in sweep.runs] == [sweep.repo.git("rev-parse", "HEAD")] * 2


def test_results_that_wait_are_committed_elsewhere_if_that_is_asked_for(sweep, orglab):
    sweep("1.1", "--seeds", "2", *WAITING)
    sweep.wait_until(sweep.begun)
    sweep.repo.git("checkout", "--quiet", "-b", "other")
    sweep.repo.write("go", "")
    sweep("status", "--wait")
    answer = orglab("commit", "--results")
    assert f"Committed the results of the sweep {sweep.folder.name} as " in answer.err
    assert len(sweep.repo.git("ls-files", "results").split("\n")) == 4
    assert [run.commit for run in sweep.runs] == [sweep.repo.git("rev-parse", "HEAD")] * 2
    assert "No results were committed." in orglab("commit", "--results").err


def test_a_step_with_open_checkboxes_is_not_ticked_and_the_note_is_written(sweep):
    log = sweep.log.replace("1. [ ] one", "1. [ ] one\n   - [ ] a part of it")
    (sweep.path / LOG).write_text(log)
    sweep("1.1", "--seeds", "1", "--done", "--wait", "--", "true")
    assert " swept 1 version, 1 done, " in sweep.note[0]
    assert "1. [ ] one" in sweep.log


def test_in_a_folder_the_command_gets_the_path_from_there(sweep, monkeypatch):
    sweep.repo.commit("inner", {"inner/train.py": (sweep.path / "train.py").read_text()})
    monkeypatch.chdir(sweep.path / "inner")
    sweep("1.1", "--set", "lr=0.1", "--wait", *TRAINING[:5], "--out", "{out}")
    (run,) = sweep.runs
    assert run.argv[-1] == "../results/e1.1/lr=0.1"
    assert run.metrics == {"val_acc": 0.8}
    assert sweep.repo.git("ls-files", ":/results") == "results/e1.1/lr=0.1/metrics.json"


def test_another_clone_gets_the_runs_and_one_note(sweep, orglab, monkeypatch, tmp_path):
    remote, other = (tmp_path.with_name(f"{tmp_path.name}-{name}") for name in ("remote.git", "other"))
    sweep("1.1", "--set", "lr=0.1,0.01", "--wait", *TRAINING[:5])
    sweep.repo.git("init", "--quiet", "--bare", str(remote))
    sweep.repo.git("remote", "add", "origin", str(remote))
    sweep.repo.git("push", "--quiet", "origin", "main")
    orglab("sync")
    sweep.repo.git("clone", "--quiet", str(remote), str(other))
    monkeypatch.chdir(other)
    orglab("sync")
    orglab("status")
    assert len(read_runs(other)) == 2
    text = (other / LOG).read_text()
    assert text == sweep.log
    assert text.count("swept") == 1
    shown = json.loads(orglab("show", "1.1", "--json").out)
    assert len(shown["runs"]) == 2
    assert "no sweep yet" in orglab("sweep", "resume", code=3).err
    monkeypatch.chdir(sweep.path)


def test_an_editor_with_unsaved_changes_delays_the_note(sweep):
    lock = sweep.path / f".#{LOG}"
    sweep("1.1", "--seeds", "1", *WAITING)
    sweep.wait_until(sweep.begun)
    os.symlink(f"me@{os.uname().nodename}.{os.getpid()}:1", lock)  # noqa: PTH211 - as Emacs makes it
    sweep.repo.write("go", "")
    sweep.wait_until(lambda: not sweep.worker_pids())
    sweep("status")
    assert " so far, " in sweep.note[0]
    lock.unlink()
    sweep("status")
    assert " swept 1 version, 1 done, " in sweep.note[0]


@pytest.mark.parametrize("count", [3])
def test_the_history_has_the_runs_and_not_the_note(sweep, orglab, count):
    sweep("1.1", "--seeds", str(count), "--wait", *TRAINING[:3], "--lr", "0.1")
    events = json.loads(orglab("show", "1", "--history", "--json").out)["events"]
    assert [event["kind"] for event in events].count("run") == count
    assert not [event for event in events if event["kind"] == "note"]
    report = orglab("report", "--since", "1w").out
    assert "swept" not in report
