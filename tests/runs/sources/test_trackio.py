"""Metrics that Trackio wrote: `data/trackio/` says which version wrote what is read here."""

import gzip
import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orglab.errors import NotReadableError
from orglab.runs.metrics.candidates import keep_numbers
from orglab.runs.metrics.reading import MetricsRows
from orglab.runs.sources import trackio
from orglab.runs.sources.tracked_run import TrackerFile

DATA = Path(__file__).with_name("data") / "trackio"
ROWS = [
    {"step": step, "loss": 1 / (step + 1), "val.acc": step / 5, "ratio": "Infinity"} for step in range(5)
]  # fmt: skip


@pytest.fixture(params=[("study", "b" * 31 + "1"), ("study-old", "small")], ids=["new", "old"])
def project(request, tmp_path):
    """A database of Trackio, and the id of the run in it; an older version has only its name."""
    name, run = request.param
    path = tmp_path / "study.db"
    (tmp_path / "study.lock").touch()
    path.write_bytes(gzip.decompress((DATA / f"{name}.db.gz").read_bytes()))
    return path, run


def find(path, began=0.0):
    return trackio.find_runs(TrackerFile(None, path, "20260102-030405-a1b2c3", began))


def read(run):
    """Return the numbers of a run, as they are recorded."""
    return [row for row in map(keep_numbers, MetricsRows(run.read(), is_history=True)) if row.keys() - {"step"}]


def log(path, run, metrics, when="2026-12-31T10:00:00+00:00", step=7):
    """Add a row."""
    connection = sqlite3.connect(path)
    names = [name for _, name, *_ in connection.execute("PRAGMA table_info(metrics)")]
    values = {"timestamp": when, "run_name": run, "run_id": run, "step": step, "metrics": metrics}
    known = [name for name in values if name in names]
    connection.execute(
        f"INSERT INTO metrics ({', '.join(known)}) VALUES ({', '.join('?' * len(known))})",
        [values[name] for name in known],
    )
    connection.commit()
    connection.close()


def test_the_numbers_that_a_run_logged(project):
    path, run = project
    (found,) = find(path)
    assert (found.tracker, found.id, found.is_history) == ("trackio", run, True)
    assert read(found) == ROWS
    assert sorted(one.name for one in path.parent.iterdir()) == ["study.db", "study.lock"]


def test_each_run_since_ours_began_oldest_first(project):
    path, _ = project
    log(path, "second", '{"acc": 1}', "2126-01-01T00:00:02+00:00")
    log(path, "first", '{"acc": 1}', "2126-01-01T01:00:01+01:00")
    log(path, "first", '{"acc": 2}', "2126-01-01T01:00:09+01:00")
    log(path, "earlier", '{"acc": 1}', "2125-12-31T23:59:59+00:00")
    log(path, "earlier", '{"acc": 1}', "2126-01-01T00:00:03+00:00")
    log(path, "undated", '{"acc": 1}', "soon")
    runs = find(path, datetime(2126, 1, 1, tzinfo=UTC).timestamp())
    assert [(one.id, one.is_history) for one in runs] == [("first", True), ("second", False)]


@pytest.mark.parametrize(("metrics", "expected"), [
    ('{"acc": 0.5, "step": 3, "flag": true, "text": "0.5", "none": null, "list": [1]}', {"acc": 0.5}),
    ('{"image": {"_type": "trackio.image", "width": 3}, "acc": "NaN"}', {"acc": "NaN"}),
    (b'{"acc": 0.5}', {"acc": 0.5}),
    ("[1]", None), ("{", None), ("[" * 50_000, None), (b"\xff", None), (3, None),
    (json.dumps({"acc": 0.5, "text": "x" * (1 << 16)}), None),
])  # fmt: skip
def test_what_is_no_number_is_left_out(project, metrics, expected):
    path, _ = project
    log(path, "own", metrics)
    own = next(one for one in find(path) if one.id == "own")
    assert read(own) == ([] if expected is None else [{"step": 7, **expected}])


def test_a_damaged_project_is_one_sentence(project):
    path, _ = project
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(NotReadableError, match=f"^Cannot read the runs in {path}: "):
        find(path)


def test_a_database_of_another_kind_has_no_runs(tmp_path):
    connection = sqlite3.connect(tmp_path / "own.db")
    connection.execute("CREATE TABLE metrics (id, timestamp, run_name, step, metrics)")
    connection.close()
    assert find(tmp_path / "own.db") is None


@pytest.mark.parametrize(("environment", "place"), [
    ({"TRACKIO_DIR": "{top}/own", "HF_HOME": "{top}/hf"}, "own"),
    ({"HF_HOME": "{top}/hf", "XDG_CACHE_HOME": "{top}/cache"}, "hf/trackio"),
    ({"XDG_CACHE_HOME": "{top}/cache"}, "cache/huggingface/trackio"),
    ({}, "home/.cache/huggingface/trackio"),
    ({"TRACKIO_DIR": "relative"}, "work/relative"),
])  # fmt: skip
def test_where_the_environment_says(tmp_path, monkeypatch, environment, place):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    variables = {name: value.format(top=tmp_path) for name, value in environment.items()}
    assert trackio.find_places(variables, tmp_path / "work") == []
    (tmp_path / place).mkdir(parents=True)
    for name in ("b.db", "b.lock", "a.db", "a.lock", "a.db-wal", "a.db-shm"):
        (tmp_path / place / name).touch()
    found = trackio.find_places(variables, tmp_path / "work")
    assert found == [tmp_path / place / name for name in ("a.db", "a.db-wal", "b.db")]
    assert [path.name for path in found if trackio.is_file(path)] == ["a.db", "b.db"]
    assert not trackio.is_file(tmp_path / place / "c.db")
