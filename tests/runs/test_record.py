"""Records are read as values; a run is found by its id, or by a beginning or end of it."""

import json
import os
import re
import time
from pathlib import Path

import pytest

from orglab.errors import NotFoundError, UsageError
from orglab.runs.description import describe_command, format_note, results_message
from orglab.runs.record import Run
from orglab.runs.record_reader import describe_record, find_run, read_newest_runs, read_output_end, read_run, read_runs

RUN = ("run", "1.1", "--results", "results", "--metrics", "metrics.json")


def test_a_run_is_found_by_a_beginning_or_end_of_its_id(seeded, orglab):
    for seed in "12":
        orglab(*RUN, "--", "python", "train.py", seed)
    runs = read_runs(seeded.path)
    assert find_run(runs, runs[0].id) is runs[0]
    assert find_run(runs, runs[0].id[-6:]) is runs[0]
    with pytest.raises(UsageError, match="matches several runs"):
        find_run(runs, runs[0].id[:8])
    with pytest.raises(UsageError, match="too short"):
        find_run(runs, "e1")
    with pytest.raises(NotFoundError, match="Unknown run"):
        find_run(runs, "zzzz")


def make_run(name, *trackers):
    return Run(Path("/runs", name), {"trackers": [{"tracker": tracker, "id": one} for tracker, one in trackers]})


def test_a_run_is_found_by_the_id_of_a_run_of_a_tracker():
    first = make_run("20260102-030405-a1b2c3", ("wandb", "9n2kq1xz"), ("mlflow", "a" * 32))
    second = make_run("20260102-030405-d4e5f6", ("wandb", "resumed1"), ("tensorboard", None))
    third = make_run("20260102-030405-778899", ("wandb", "resumed1"), ("wandb", "a1b2c3"), ("wandb", second.id))
    runs = [first, second, third]
    assert find_run(runs, "9n2kq1xz") is first
    assert find_run(iter(runs), "a" * 32) is first
    with pytest.raises(UsageError) as raised:
        find_run(runs, "resumed1")
    assert str(raised.value) == f"'resumed1' is the id of a tracker's run in several runs: {second.id}, {third.id}."
    with pytest.raises(NotFoundError, match="Unknown run"):
        find_run(runs, "9n2kq1x")


def test_the_id_of_a_run_of_a_tracker_hides_no_run():
    first = make_run("20260102-030405-a1b2c3")
    second = make_run("20260102-030405-d4e5f6", ("wandb", first.id), ("wandb", "a1b2c3"))
    assert find_run([second, first], first.id) is first
    assert find_run([second, first], "a1b2c3") is first


@pytest.mark.usefixtures("seeded")
def test_runs_are_listed(orglab):
    assert "No runs yet." in orglab("runs").err
    orglab(*RUN, "--", "python", "train.py", "1")
    orglab("run", "1", "--", "sh", "-c", "exit 3", code=3)
    lines = orglab("runs").out.splitlines()
    assert re.fullmatch(r"\d{8}-\d{6}-[0-9a-f]{6}  e1\.1  exit 0  \ds  python train\.py 1: acc 0\.1", lines[0])
    assert re.fullmatch(r"\d{8}-\d{6}-[0-9a-f]{6}  e1    exit 3  \ds  sh -c 'exit 3'", lines[1])
    assert orglab("runs", "1.1").out.splitlines() == lines[:1]
    assert orglab("runs", "1").out.splitlines() == lines
    assert "There is no step 2" in orglab("runs", "1.2", code=3).err
    orglab("step", "1", "later")
    assert "No runs of e1.2." in orglab("runs", "1.2").err
    form = json.loads(orglab("runs", "1.1", "--json").out)
    assert (form["version"], form["runs"][0]["status"], form["runs"][0]["metrics"]) == (1, "done", {"acc": 0.1})


@pytest.mark.usefixtures("seeded")
def test_a_run_has_the_same_json_everywhere(orglab):
    orglab(*RUN, "--", "python", "train.py", "1")
    (full,) = json.loads(orglab("runs", "--json").out)["runs"]
    (short,) = json.loads(orglab("show", "1.1", "--json").out)["runs"]
    assert short == {name: full[name] for name in short}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", full["began"])
    report = json.loads(orglab("report", "--since", "yesterday", "--json").out)
    (told,) = report["experiments"][0]["steps"][0]["runs"]
    assert told.pop("command") == full["argv"]
    assert told == {name: full[name] for name in told}


def test_invalid_parts_of_a_record_are_skipped(tmp_path):
    lines = [
        b'{"event": "began", "ref": "e1.1", "argv": ["true", 5], "began": "yesterday", "seconds": "3"}',
        b"no JSON",
        b'["no object"]',
        b'{"event": "ended", "exit_code": 3, "outputs": [{"path": "a"}, {"path": "b", "sha256": "c", "size": 1}]}',
        b'{"event": "measured", "metrics": {"acc": 0.',
    ]
    (tmp_path / "record.jsonl").write_bytes(b"\n".join(lines))
    run = read_run(tmp_path)
    assert (run.ref, run.argv, run.began, run.seconds, run.status) == ("e1.1", ("true",), None, None, "failed")
    assert [one.path for one in run.outputs] == ["b"]
    assert run.metrics == {}


@pytest.mark.parametrize("began", ["0001-01-01T00:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
def test_a_time_that_this_machine_cannot_show_is_unknown(tmp_path, monkeypatch, began):
    folder = tmp_path / ".orglab/runs/20180606-161600-aaaa"
    folder.mkdir(parents=True)
    (folder / "record.jsonl").write_text(json.dumps({"began": began, "ended": "2018-06-06T23:20:00.5+09:00"}))
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    (run,) = read_runs(tmp_path)
    assert f"{run.noted_at}" == "2018-06-06 23:20:00"
    assert run.began is None or run.began_at is not None


def test_an_empty_or_missing_record_is_not_a_run(tmp_path):
    assert read_run(tmp_path) is None
    (tmp_path / "record.jsonl").write_bytes(b"")
    assert read_run(tmp_path) is None


def test_the_newest_runs_come_first_and_are_read_lazily(tmp_path):
    folders = [tmp_path / ".orglab/runs" / f"20180606-16160{number}-aaaa" for number in range(4)]
    for folder in folders:
        folder.mkdir(parents=True)
        (folder / "record.jsonl").write_text('{"ref": "e1"}\n')
    newest = read_newest_runs(tmp_path, 3)
    assert next(newest).id == folders[3].name
    (folders[2] / "record.jsonl").write_text("")
    assert [run.id for run in newest] == [folders[1].name]


def test_the_newest_run_is_that_of_the_latest_instant_in_any_time_zone(tmp_path):
    # At noon in Tokyo it is the evening of the day before in San Francisco.
    for name, began in (
        ("20180607-120000-aaaa", "2018-06-07T12:00:00+09:00"), ("20180606-210000-bbbb", "2018-06-06T21:00:00-07:00"),
        ("20180606-190000-cccc", "2018-06-06T19:00:00-07:00"), ("20180607-110000-dddd", "2018-06-07T11:00:00+14:00"),
    ):  # fmt: skip
        folder = tmp_path / ".orglab/runs" / name
        folder.mkdir(parents=True)
        (folder / "record.jsonl").write_text(json.dumps({"ref": "e1", "argv": ['"began": "x"'], "began": began}) + "\n")
    for count in (1, 2, 4):
        assert [run.id[-4:] for run in read_newest_runs(tmp_path, count)] == ["bbbb", "aaaa", "cccc", "dddd"][:count]


def test_runs_are_sorted_by_the_instant_and_not_by_the_clock_on_the_wall(tmp_path, monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        # The clocks went back from 3:00 to 2:00.
        for name, began in (("bbbb", "2018-10-28T02:50:00+02:00"), ("aaaa", "2018-10-28T02:10:00+01:00")):
            folder = tmp_path / ".orglab/runs" / f"20181028-021000-{name}"
            folder.mkdir(parents=True)
            (folder / "record.jsonl").write_text(json.dumps({"ref": "e1", "began": began}) + "\n")
        assert [run.id[-4:] for run in read_runs(tmp_path)] == ["bbbb", "aaaa"]
    finally:
        monkeypatch.undo()
        time.tzset()


def test_the_beginning_of_a_history_may_be_read_alone(tmp_path):
    (tmp_path / "metrics.jsonl").write_text("".join(f'{{"acc": {number}}}\n' for number in range(3)))
    run = Run(tmp_path, {})
    assert [row["acc"] for row in run.history()] == [0, 1, 2]
    assert [row["acc"] for row in run.history(25)] == [0, 1]


# What a field may hold in a record that somebody else wrote
VALUES = {
    "NaN": "NaN", "infinite": "1e999", "negative": "-1", "400 digits": "9" * 400, "5000 digits": "9" * 5000,
    "large": "1e308", "true": "true", "null": "null", "text": '"x"', "empty": '""', "NUL": r'"a\u0000b"',
    "surrogate": r'"x \ud800"', "raw surrogate": '"x \udced\udca0\udc80"', "mark": r'"x\nrun 20180606-161600-bbbb\ny"',
    "list": "[]", "numbers": "[1, 2]", "lists": "[[1]]", "mapping": "{}", "surrogates": r'{"\ud800": "\ud800", "a": 1e999}',
    "mapping of lists": '{"a": [1], "b": {"min": [1], "max": "ab"}}', "option": '"--output=F"', "path": '"../../x"',
    "first day": '"0001-01-01T00:00:00+23:59"', "last day": '"9999-12-31T23:59:59-23:59"',
    "files": r'[{"path": 1, "sha256": "a\ud800\u0000", "size": 1e999}, {"path": "a", "sha256": "b", "size": NaN}, {}]',
    "trackers": r'[{"tracker": 1}, {"tracker": "a\ud800", "id": {}}, {"tracker": "b", "id": "c\u0000"}, 3]',
    "job": '{"id": "5", "scheduler": "slurm", "array": 1e999, "restarts": NaN}', "deep": "[" * 500 + "]" * 500,
}  # fmt: skip
FIELDS = (
    "ref", "log", "argv", "cwd", "why", "began", "ended", "seconds", "exit_code", "signal", "asked_by", "exception",
    "out_of_memory", "time_limit", "timed_out", "lost", "discarded", "discard_reason", "before", "snapshot", "patch",
    "cells", "commit", "branch", "kept", "writer", "experiment", "pruned", "parent", "uncaptured", "untracked",
    "left_out", "host", "python", "packages", "sources", "environment", "lock_files", "seeds", "parameters",
    "script_parameters", "config_files", "partial_files", "unread_files", "job", "script", "results", "usage",
    "outputs", "removed", "links", "metrics", "extremes", "diverged", "metrics_file", "metrics_files", "metrics_from",
    "trackers", "unattributed", "pid", "pid_start", "child_pid", "child_start", "rerun_of", "done", "hash",
)  # fmt: skip
NAMES = [name for name, value in vars(Run).items() if name[0] != "_" and not callable(value)]


@pytest.mark.parametrize("value", VALUES)
def test_no_value_of_a_field_breaks_a_run(tmp_path, value):
    folder = tmp_path / "20180606-161600-aaaa"
    folder.mkdir()
    base = f'{{"ref": "e1.1", "argv": ["x", "--lr", "0.1"], "exit_code": 1, "host": "{os.uname().nodename}"}}\n'
    for field in FIELDS:
        line = f'{base}{{"{field}": {VALUES[value]}}}\n'
        (folder / "record.jsonl").write_bytes(line.encode("utf-8", "surrogateescape"))
        run = read_run(folder)
        for name in NAMES:
            repr(getattr(run, name)).encode()
        for text in (
            format_note(run),
            describe_command(run),
            results_message(run, "start"),
            json.dumps([*run.values()]),
        ):
            assert "\0" not in text
            text.encode()
        assert re.findall("(?m)^ *run (.*)", format_note(run)) == [folder.name]


@pytest.mark.parametrize("field", ["parameters", "script_parameters"])
def test_a_parameter_is_a_finite_number_or_a_text(tmp_path, field):
    given = {"a": 1, "b": "x", "c": True, "d": float("nan"), "e": float("inf"), "f": [1], "g": None}
    assert getattr(Run(tmp_path, {field: given}), field) == {"a": 1, "b": "x", "c": True}


@pytest.mark.parametrize(
    "text", ["HEAD", ":/fix", "--output=x", "../x", "A" * 40, "abc", "f" * 65, "main", "a" * 39 + "\n"]
)
def test_only_a_hash_is_taken_for_a_commit(tmp_path, text):
    names = ("before", "snapshot", "commit", "kept", "patch")
    run = Run(tmp_path, dict.fromkeys(names, text))
    assert [getattr(run, name) for name in names] == [None] * 5
    run = Run(tmp_path, dict.fromkeys(names, "83d45cd"))
    assert [getattr(run, name) for name in names] == ["83d45cd"] * 5


@pytest.mark.parametrize(
    "name", ["00010101-000000-aaaa", "99991231-235959-aaaa", "99999999-999999-aaaa", "19691231-235959-aaaa",
             "22000101-000000-aaaa", "20180606-161600-xyz", "20181306-161600-aaaa", "20180606-161600-aaaa\n", "x"]
)  # fmt: skip
def test_a_folder_without_the_name_of_a_run_is_none(tmp_path, name):
    for one in (name, "20180606-161600-aaaa"):
        (tmp_path / ".orglab/runs" / one).mkdir(parents=True)
        (tmp_path / ".orglab/runs" / one / "record.jsonl").write_text('{"ref": "e1"}\n')
    assert [run.id for run in read_runs(tmp_path)] == ["20180606-161600-aaaa"]
    assert [run.id for run in read_newest_runs(tmp_path, 1)] == ["20180606-161600-aaaa"]


def test_a_record_is_read_up_to_a_size_and_only_from_a_regular_file_in_a_real_folder(tmp_path):
    runs, elsewhere = tmp_path / "runs", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "record.jsonl").write_text('{"ref": "e1"}\n')
    (elsewhere / "output.log").write_text("private")
    large, linked, fifo, inside = (runs / f"20180606-16160{number}-aaaa" for number in range(4))
    for folder in (large, fifo, inside):
        folder.mkdir(parents=True)
    with (large / "record.jsonl").open("wb") as file:
        file.write(b'{"ref": "e1"}\n')
        file.truncate(1 << 32)
    linked.symlink_to(elsewhere)
    os.mkfifo(fifo / "record.jsonl")
    for name in ("record.jsonl", "output.log"):
        (inside / name).symlink_to(elsewhere / name)
    assert read_run(large).ref == "e1"
    assert describe_record(large) == f"{large}; only the first 16 MB of the record are read"
    assert describe_record(elsewhere) == str(elsewhere)
    assert [read_run(folder) for folder in (linked, fifo, inside)] == [None] * 3
    assert [read_output_end(folder, 10) for folder in (linked, inside, elsewhere)] == [b"", b"", b"private"]


def test_the_commands_that_read_bear_any_record(study, orglab):
    orglab("run", "1.1", "--", "true")
    folder = study.path / ".git/orglab/runs/20180606-161600-aaaa"
    folder.mkdir()
    record = (
        r'{"ref": "e1.1", "argv": ["x\ud800", "a\u0000b"], "exit_code": 0, "why": "x \ud800", "signal": "\ud800", '
        r'"asked_by": "\udfff", "branch": "a\u0000\ud800", "before": "\ud800", "snapshot": "--output=x", '
        r'"commit": "\ud800", "outputs": [{"path": "a", "sha256": "b", "size": 1e999}], "seconds": 1e308, "writer": "w"}'
    )
    (folder / "record.jsonl").write_text(f'{record}\n{{"x": {"[" * 100_000}{"]" * 100_000}}}\n')
    waiting = study.path / ".git/orglab/waiting"
    waiting.mkdir(exist_ok=True)
    (waiting / folder.name).write_text("{}")
    for command in (
        "list", "runs", "runs --json", "runs show 161600-aaaa", "show 1.1", "why train.py", "check", "status --json",
        "report --since 2018-01-01 -o r.html", "next", "search true", "runs diff 161600-aaaa",
    ):  # fmt: skip
        orglab(*command.split())
    assert f"run {folder.name}\n" in (study.path / "experiment_log.org").read_text()
