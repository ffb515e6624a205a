"""The runs of MLflow and Trackio, in runs: where they are looked for, and whose they are."""

import gzip
import json
import sqlite3
import sys
from pathlib import Path

import pytest

from orglab.runs.record_reader import read_runs

DATA = Path(__file__).parents[1] / "sources/data"
# As MLflow does it, with the tags in the environment.
MLFLOW = """\
import json, os, pathlib, sqlite3, sys, time
path, run, value, *options = sys.argv[1:]
path = "mlflow.db" if path == "-" else path
if not pathlib.Path(path).exists():
    pathlib.Path(path).write_bytes(pathlib.Path(TEMPLATE).read_bytes())
tags = json.loads(os.environ["MLFLOW_RUN_CONTEXT"]) if "untagged" not in options else {}
connection = sqlite3.connect(path)
now = time.time_ns() // 1_000_000 - ("earlier" in options) * 86_400_000
connection.execute("INSERT INTO runs (run_uuid, start_time, lifecycle_stage) VALUES (?, ?, 'active')", (run, now))
connection.executemany("INSERT INTO tags (run_uuid, key, value) VALUES (?, ?, ?)", [(run, *tag) for tag in tags.items()])
points = [(run, "acc", float(value) / (3 - step), now + step, step, False) for step in (1, 2)]
connection.executemany(
    "INSERT INTO metrics (run_uuid, key, value, timestamp, step, is_nan) VALUES (?, ?, ?, ?, ?, ?)", points
)
connection.commit()
"""
FOLDERS = """\
import os, pathlib, time
run = pathlib.Path("mlruns/0", "c" * 32)
(run / "metrics").mkdir(parents=True)
(run / "metrics/acc").write_text("1 0.5 1\\n2 0.75 2\\n")
(run / "meta.yaml").write_text(f"lifecycle_stage: active\\nrun_id: {'c' * 32}\\nstart_time: {time.time_ns() // 1_000_000}\\n")
"""
# As Trackio does it; the process is killed, so that what it wrote is in the log of the database.
TRACKIO = """\
import datetime, os, pathlib, signal, sqlite3, sys
home = pathlib.Path(os.environ["HF_HOME"], "trackio")
if not home.exists():
    home.mkdir(parents=True)
    (home / "study.lock").touch()
    (home / "study.db").write_bytes(pathlib.Path(TEMPLATE).read_bytes())
connection = sqlite3.connect(home / "study.db", isolation_level=None)
connection.execute("PRAGMA journal_mode = WAL")
now = datetime.datetime.now(datetime.timezone.utc).isoformat()
for step in (1, 2):
    row = ("d" * 32, now, "own", step, '{"acc": 0.%d}' % step)
    connection.execute("INSERT INTO metrics (run_id, timestamp, run_name, step, metrics) VALUES (?, ?, ?, ?, ?)", row)
if "killed" in sys.argv:
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def templates(tmp_path_factory):
    """A folder with the databases, whose runs began long ago."""
    folder = tmp_path_factory.mktemp("templates")
    for name in ("mlflow/mlflow.db", "trackio/study.db"):
        (folder / Path(name).name).write_bytes(gzip.decompress((DATA / f"{name}.gz").read_bytes()))
    return folder


@pytest.fixture
def study(study, templates):
    """The study, with scripts that log as MLflow and Trackio do."""
    for name, statement in (
        ("mlflow.db", "UPDATE runs SET start_time = 1"), ("study.db", "UPDATE metrics SET timestamp = '2001-01-01'"),
    ):  # fmt: skip
        connection = sqlite3.connect(templates / name)
        connection.execute(statement)
        connection.commit()
        connection.close()
    scripts = {"mlflow_run.py": MLFLOW, "folders.py": FOLDERS, "trackio_run.py": TRACKIO}
    for name, text in scripts.items():
        template = templates / ("study.db" if name == "trackio_run.py" else "mlflow.db")
        scripts[name] = text.replace("TEMPLATE", repr(str(template)))
    study.commit("scripts", {**scripts, ".gitignore": "*.db*\nmlruns/\nmetrics.json\n"})
    return study


@pytest.fixture
def run(study, orglab):
    """Run a script for the first step; the run, and what the user was told."""

    def run_script(*command, options=(), code=0):
        told = orglab("run", "1.1", *options, "--", sys.executable, *command, code=code).err
        return read_runs(study.path)[-1], told

    return run_script


@pytest.mark.parametrize("options", [(), ("--results", "results"), ("--metrics", "mlflow.db")])
def test_a_run_of_mlflow_in_the_folder_of_the_command(run, study, orglab, options):
    (study.path / "results").mkdir()
    found, told = run("mlflow_run.py", "mlflow.db", "a" * 32, "0.8", options=options)
    assert (found.metrics, found.trackers) == ({"acc": 0.8, "step": 2}, (("mlflow", "a" * 32),))
    assert list(found.history()) == [{"step": 1, "acc": 0.4}, {"step": 2, "acc": 0.8}]
    assert "Metrics of 1 MLflow run: 2 values of acc.\n" in told
    assert found.metrics_from == ("mlflow.db",)
    assert f"{found.id}" in orglab("why", "a" * 32).out
    assert orglab("runs", "show", "a" * 32).out.startswith(found.id)
    again, _ = run("mlflow_run.py", "mlflow.db", "b" * 32, "0.7", options=options)
    assert (again.metrics["acc"], again.trackers) == (0.7, (("mlflow", "b" * 32),))


@pytest.mark.parametrize(("statement", "why"), [
    ("CREATE TABLE other (x)", "is of no tracker that orglab can read"),
    ("DELETE FROM runs", "has no run that began during this one"),
])  # fmt: skip
def test_a_database_that_was_named_and_has_no_metrics_is_one_sentence(run, templates, statement, why):
    template = templates / "mlflow.db" if "DELETE" in statement else templates / "none"
    script = (
        f"import pathlib, sqlite3\nold = pathlib.Path({str(template)!r})\n"
        "pathlib.Path('x.db').write_bytes(old.read_bytes() if old.exists() else b'')\n"
        f"connection = sqlite3.connect('x.db'); connection.execute({statement!r}); connection.commit()"
    )
    found, told = run("-c", script, options=("--metrics", "x.db"))
    assert found.metrics == {}
    assert told.count(f"Metrics not recorded: x.db {why}.\n") == told.count("Metrics") == 1


@pytest.mark.usefixtures("study")
def test_several_runs_of_mlflow_in_one_database(run):
    script = "import subprocess, sys\nfor n in '12': subprocess.run([sys.executable, 'mlflow_run.py', 'mlflow.db', n * 32, '0.' + n])"
    found, told = run("-c", script)
    assert found.metrics == {f"{'1' * 32}.acc": 0.1, f"{'2' * 32}.acc": 0.2, "step": 2}
    assert "Metrics of 2 MLflow runs: 4 values of acc.\n" in told


def test_a_database_elsewhere(run, tmp_path_factory, monkeypatch):
    path = tmp_path_factory.mktemp("elsewhere") / "runs.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{path}")
    found, _ = run("mlflow_run.py", path, "a" * 32, "0.8")
    assert (found.metrics, found.trackers) == ({"acc": 0.8, "step": 2}, (("mlflow", "a" * 32),))


def test_what_began_earlier_counts_only_if_it_is_tagged(run):
    assert run("mlflow_run.py", "mlflow.db", "a" * 32, "0.8", "untagged", "earlier")[0].trackers == ()
    assert run("mlflow_run.py", "mlflow.db", "b" * 32, "0.8", "untagged")[0].trackers == (("mlflow", "b" * 32),)
    assert run("mlflow_run.py", "mlflow.db", "c" * 32, "0.8", "earlier")[0].trackers == (("mlflow", "c" * 32),)


@pytest.mark.parametrize("option", ["tagged", "untagged"])
def test_runs_at_the_same_time_take_only_what_is_tagged(run, study, option):
    inner = [sys.executable, "-m", "orglab", "run", "1.2", "--", sys.executable, "mlflow_run.py", "-", "b" * 32, "0.7"]
    own = [sys.executable, "mlflow_run.py", "-", "a" * 32, "0.8"]
    script = f"import subprocess\nfor command in {[own, inner]}: subprocess.run([*command, {option!r}], check=True)"
    run("-c", script)
    runs = {one.ref: one for one in read_runs(study.path)}
    if option == "tagged":
        assert {ref: one.trackers for ref, one in runs.items()} == {
            "e1.1": (("mlflow", "a" * 32),), "e1.2": (("mlflow", "b" * 32),),
        }  # fmt: skip
        assert [one.unattributed for one in runs.values()] == [(), ()]
    else:
        assert runs["e1.1"].trackers == ()
        assert runs["e1.1"].unattributed == ("mlflow.db",)


def test_what_has_no_metrics_or_only_those_of_others_is_not_unattributed(run, study):
    inner = [sys.executable, "-m", "orglab", "run", "1.2", "--", sys.executable, "mlflow_run.py", "-", "b" * 32, "0.7"]
    log = "wandb/run-20260102_030405-abcd1234/files/output.log"
    script = (
        f"import pathlib, subprocess\nsubprocess.run({inner}, check=True)\n"
        f"pathlib.Path({log!r}).parent.mkdir(parents=True); pathlib.Path({log!r}).write_text('x')"
    )
    run("-c", script)
    outer = next(one for one in read_runs(study.path) if one.ref == "e1.1")
    assert (outer.trackers, outer.unattributed) == ((), ())


@pytest.mark.parametrize("options", [(), ("--results", "results")])
def test_folders_of_mlflow(run, study, options):
    (study.path / "results").mkdir()
    found, _ = run("folders.py", options=options)
    assert (found.metrics, found.trackers) == ({"acc": 0.75, "step": 2}, (("mlflow", "c" * 32),))


@pytest.mark.parametrize("killed", [(), ("killed",)])
def test_trackio_outside_of_the_repository(run, tmp_path_factory, monkeypatch, killed):
    home = tmp_path_factory.mktemp("hf")
    monkeypatch.setenv("HF_HOME", str(home))
    found, told = run("trackio_run.py", *killed, code=137 if killed else 0)
    assert (found.metrics, found.trackers) == ({"acc": 0.2, "step": 2}, (("trackio", "d" * 32),))
    assert "Metrics of 1 Trackio run: 2 values of acc.\n" in told
    assert run("-c", "pass")[0].trackers == ()


def test_a_damaged_database_is_one_sentence_and_the_run_is_recorded(run):
    script = "import pathlib; pathlib.Path('mlflow.db').write_bytes(b'SQLite format 3\\0' + b'x' * 5000)"
    found, told = run("-c", script)
    assert (found.status, found.trackers) == ("done", ())
    assert told.count("Cannot read the runs in ") == 1


def test_what_trackers_are_told_is_not_in_the_record(run, study):
    run("mlflow_run.py", "mlflow.db", "a" * 32, "0.8")
    record = json.loads(
        (study.path / ".git/orglab/runs" / read_runs(study.path)[-1].id / "record.jsonl").read_text().splitlines()[0]
    )
    assert "MLFLOW_RUN_CONTEXT" not in json.dumps(record)
