"""Runs with the real packages of trackers, where they are installed: `pip install tensorboard tensorboardX wandb dvclive`."""

import math
import sys
from pathlib import Path

import pytest

from orglab.runs.record_reader import read_runs
from orglab.runs.sources import tensorboard
from orglab.runs.sources.tracked_run import TrackerFile

DATA = Path(__file__).parent / "data"
WRITER = """
with SummaryWriter("runs/a") as writer:
    for step, loss in enumerate((1.5, 0.75, 0.1)):
        writer.add_scalar("loss", loss, step)
        writer.add_scalar("val/acc", 1 - loss / 2, step)
"""
SCRIPTS = {
    "tensorboardX": "from tensorboardX import SummaryWriter" + WRITER,
    "torch": "from torch.utils.tensorboard import SummaryWriter" + WRITER,
    "wandb": """
import wandb
with wandb.init(mode="offline", project="p") as run:
    for loss in (1.5, 0.75, 0.1):
        run.log({"loss": loss, "val": {"acc": 1 - loss / 2}})
""",
    "dvclive": """
from dvclive import Live
with Live(save_dvc_exp=False, dvcyaml=None) as live:
    for loss in (1.5, 0.75, 0.1):
        live.log_metric("loss", loss)
        live.log_metric("val/acc", 1 - loss / 2)
        live.next_step()
""",
    "tensorboard": """
from tensorboard.summary import Writer
writer = Writer("runs/a")
for step, loss in enumerate((1.5, 0.75, 0.1)):
    writer.add_scalar("loss", loss, step)
    writer.add_scalar("val/acc", 1 - loss / 2, step)
writer.close()
""",
}


@pytest.mark.parametrize("package", [
    pytest.param(name, marks=[pytest.mark.trackers(name), *([pytest.mark.trackers("tensorboard")] if name == "torch" else [])])
    for name in SCRIPTS
])  # fmt: skip
def test_what_a_script_logs_is_the_metrics_of_its_run(package, study, orglab):
    study.write("train.py", SCRIPTS[package])
    told = orglab("run", "1.1", "--", sys.executable, "train.py").err
    run = read_runs(study.path)[-1]
    accuracy = next(name for name in run.metrics if name.endswith("acc"))
    assert accuracy in ("val/acc", "val.acc")
    assert run.metrics == {"loss": 0.1, accuracy: 0.95, "step": 2}
    assert [(row["step"], row["loss"], row[accuracy]) for row in run.history()] == [
        (0, 1.5, 0.25),
        (1, 0.75, 0.625),
        (2, 0.1, 0.95),
    ]
    assert [one.tracker for one in run.trackers] == [package if package in ("wandb", "dvclive") else "tensorboard"]
    assert ": 6 values of loss, val" in told


@pytest.mark.trackers("tensorboard")
@pytest.mark.parametrize("path", sorted(DATA.rglob("*tfevents*")), ids=str)
def test_tensorboard_itself_reads_the_same(path):
    from tensorboard.backend.event_processing import event_file_loader  # noqa: PLC0415 - only where it is installed
    from tensorboard.util import tensor_util  # noqa: PLC0415 - the same

    expected = [
        (event.step, value.tag, float(tensor_util.make_ndarray(value.tensor)))
        for event in event_file_loader.EventFileLoader(str(path)).Load()
        for value in event.summary.value
        if value.metadata.data_class == 1
    ]
    rows = [row for run in tensorboard.find_runs(TrackerFile(None, path, "", 0.0)) for row in run.read()]
    found = [(row["step"], name, value) for row in rows for name, value in row.items() if name != "step"]
    assert [one[:2] for one in found] == [one[:2] for one in expected]
    for (_, _, ours), (_, _, theirs) in zip(found, expected, strict=True):
        assert math.isclose(ours, theirs, rel_tol=1e-7) or (math.isnan(ours) and math.isnan(theirs))
