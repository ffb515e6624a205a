"""Records are read as values; a run is found by its id, or by a beginning or end of it."""

import json
import re
import time

import pytest

from orglab.errors import NotFoundError, UsageError
from orglab.runs.record import Run
from orglab.runs.record_reader import find_run, read_newest_runs, read_run, read_runs

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
