"""The runs of a log, an experiment or a step: every command finds the same."""

import json
import re

import pytest

from orglab.api import Log

OTHER = "other/experiment_log.org"


@pytest.fixture
def two_logs(study, orglab):
    """A repository with two logs of the same ids; in the first `true` was run, in the second nothing."""
    orglab("run", "1.1", "--", "true")
    (study.path / "other").mkdir()
    text = (study.path / "experiment_log.org").read_text()
    (study.path / OTHER).write_text(re.sub(r" *- .* ran true, .*\n *run .*\n", "", text))
    return study


def test_the_runs_of_another_log_are_not_those_of_this_one(two_logs, orglab):
    (run,) = Log(two_logs.path / "experiment_log.org").runs()
    assert "No runs" in orglab("--log", OTHER, "runs", "1").err
    assert json.loads(orglab("--log", OTHER, "show", "1", "--json").out)["runs"] == []
    events = json.loads(orglab("--log", OTHER, "log", "1", "--json").out)["events"]
    assert "run" not in [event["kind"] for event in events]
    report = json.loads(orglab("--log", OTHER, "report", "--since", "2018-06-01", "--json").out)
    assert "runs" not in report["counts"] or report["counts"]["runs"] == 0
    for command in ("show", "diff", "rerun"):
        assert "Unknown run" in orglab("--log", OTHER, "runs", command, run.id, code=3).err
    assert "was run before" not in orglab("--log", OTHER, "run", "1.1", "--", "true").err
    assert "was run before" in orglab("run", "1.1", "--", "true").err


def test_a_record_that_names_no_log_belongs_to_every_log(two_logs, orglab):
    record = '{"event": "began", "ref": "e1.2", "argv": ["train"], "exit_code": 0}\n'
    two_logs.write(".git/orglab/runs/20180606-170000-aaaa/record.jsonl", record)
    for log in ("experiment_log.org", OTHER):
        assert "train" in orglab("--log", log, "runs", "1.2").out


def test_the_runs_of_a_log_that_was_moved_belong_to_the_log_with_their_notes(two_logs, orglab):
    orglab("run", "--", "echo", "free")
    (two_logs.path / "experiment_log.org").rename(two_logs.path / "moved.org")
    assert "  true" in orglab("--log", "moved.org", "runs", "1.1").out
    assert "  echo free" in orglab("--log", "moved.org", "runs").out
    assert "  true" in orglab("--log", "moved.org", "show", "1.1").out
    assert "No runs yet." in orglab("--log", OTHER, "runs").err
    assert "  true" not in orglab("--log", OTHER, "show", "1.1").out


@pytest.mark.usefixtures("study")
def test_runs_are_found_by_former_ids(orglab):
    orglab("run", "1.1", "--", "true")
    orglab("renumber", "1", "--to", "7")
    for reference in ("7", "7.1", "1", "e1.1"):
        (run,) = json.loads(orglab("runs", reference, "--json").out)["runs"]
        assert run["ref"] == "e7.1"
    assert "  e7.1  " in orglab("runs").out
    assert "No runs of e7.2." in orglab("runs", "7.2").err
    assert ", e7.1, " in orglab("run", "7.1", "--", "true").err


def test_runs_of_a_removed_experiment_are_found_by_their_recorded_reference(study, orglab):
    orglab("run", "1.1", "--", "true")
    path = study.path / "experiment_log.org"
    path.write_text(path.read_text().replace(":exp:", ":gone:"))
    assert "  true" in orglab("runs", "1.1").out
    assert "  true" in orglab("runs").out
