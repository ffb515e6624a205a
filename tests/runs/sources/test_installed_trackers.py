"""What MLflow, Trackio, W&B and Comet do in a run, as far as they are installed."""

import json
import sqlite3
import sys

import pytest

from orglab.runs.record_reader import read_runs

pytestmark = pytest.mark.slow

MLFLOW = """\
import mlflow
with mlflow.start_run():
    for step in range(3):
        mlflow.log_metrics({"loss": 1 / (step + 1), "val/acc": step / 4}, step=step)
    with mlflow.start_run(nested=True, description="Own"):
        mlflow.log_metric("test_acc", 0.75)
"""
TRACKIO = """\
import trackio
trackio.init(project="study")
for step in range(3):
    trackio.log({"loss": 1 / (step + 1), "val": {"acc": step / 4}}, step=step)
trackio.finish()
"""
WANDB = """\
import json, wandb
for number in range(2):
    run = wandb.init(project="study", mode="offline")
    run.log({"loss": 1 / (number + 1)})
    print("told", json.dumps([run.group, list(run.tags), run.notes]), flush=True)
    run.finish()
"""
COMET = """\
import json, comet_ml
experiment = comet_ml.start(api_key="0" * 25, online=False, project="study")
print("told", json.dumps(sorted(experiment.get_tags())), flush=True)
experiment.end()
"""


@pytest.fixture
def run(study, orglab, monkeypatch, tmp_path_factory):
    """Run a script that uses a tracker; the run, and what was printed."""
    monkeypatch.setenv("HF_HOME", str(tmp_path_factory.mktemp("hf")))

    def run_script(package, text):
        study.commit(
            "script",
            {f"{package}_run.py": text, ".gitignore": "mlflow.db\nmlruns/\nmlartifacts/\nwandb/\n.cometml-runs/\n"},
        )
        printed = orglab("run", "1.1", "-m", "Lower rate", "--", sys.executable, f"{package}_run.py")
        return read_runs(study.path)[-1], printed

    return run_script


def read_told(printed):
    """Return what a script says that the tracker was told."""
    return [json.loads(line.removeprefix("told ")) for line in printed.out.splitlines() if line.startswith("told ")]


@pytest.mark.trackers("mlflow")
def test_mlflow(run, study):
    found, printed = run("mlflow", MLFLOW)
    assert found.metrics == {"loss": 1 / 3, "val/acc": 0.5, "test_acc": 0.75, "step": 2}
    assert [row["loss"] for row in found.history()] == [1, 0.5, 1 / 3]
    assert [one.tracker for one in found.trackers] == ["mlflow", "mlflow"]
    assert "Metrics of 2 MLflow runs: 7 values of " in printed.err
    connection = sqlite3.connect(study.path / "mlflow.db")
    for (_, name), description in zip(found.trackers, ("Lower rate", "Own"), strict=True):
        tags = dict(connection.execute("SELECT key, value FROM tags WHERE run_uuid = ?", (name,)))
        assert {
            "orglab.run": found.id, "orglab.experiment": "e1", "orglab.step": "e1.1", "orglab.commit": found.code,
            "mlflow.note.content": description,
        }.items() <= tags.items()  # fmt: skip
    connection.close()


@pytest.mark.trackers("trackio")
def test_trackio(run):
    found, printed = run("trackio", TRACKIO)
    assert found.metrics == {"loss": 1 / 3, "val.acc": 0.5, "step": 2}
    assert [one.tracker for one in found.trackers] == ["trackio"]
    assert "Metrics of 1 Trackio run: 6 values of " in printed.err


@pytest.mark.trackers("wandb")
def test_wandb(run):
    found, printed = run("wandb", WANDB)
    notes = f"Lower rate\n\norglab run {found.id} of e1.1, commit {found.code[:7]}"
    assert read_told(printed) == [["e1.1", ["e1"], notes]] * 2
    assert [one.tracker for one in found.trackers] == ["wandb", "wandb"]
    assert sorted(value for name, value in found.metrics.items() if name.endswith("loss")) == [0.5, 1]


@pytest.mark.trackers("comet_ml")
def test_comet(run):
    _, printed = run("comet_ml", COMET)
    assert read_told(printed) == [["e1", "e1.1"]]
