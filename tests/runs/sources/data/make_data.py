"""Write the files in this folder with the real packages; README.md names the versions.

    python make_data.py tensorboardX wandb

Each writes to a temporary folder first, and what names the machine is left out.
"""

import shutil
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
LOSSES = (1.5, 0.75, 0.1)


def keep(found: Path, name: str) -> None:
    """Keep a file under a name that does not have the machine in it."""
    target = HERE / name
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(found, target)


def write_tensorboardx(folder: Path) -> None:
    """Scalars as `simple_value`, as PyTorch and JAX (by clu and Flax) write them; NaN; values that are not scalars."""
    import numpy as np  # noqa: PLC0415 - only where it is installed
    from tensorboardX import SummaryWriter  # noqa: PLC0415 - the same

    with SummaryWriter(str(folder)) as writer:
        writer.add_text("config", "lr: 0.1")
        for step, loss in enumerate(LOSSES):
            writer.add_scalar("train/loss", loss, step)
            writer.add_scalar("acc", 1 - loss / 2, step)
            writer.add_histogram("weights", np.arange(4.0), step, bins="auto")
        writer.add_scalars("pair", {"a": 1, "b": 2}, 2)
        writer.add_scalar("diverged", float("nan"), 2)
    for found in sorted(folder.rglob("*tfevents*")):
        keep(found, f"tensorboard/tensorboardx/{found.relative_to(folder).parent}/events.out.tfevents.1000000000.host")


def write_tensorboard(folder: Path) -> None:
    """Scalars as tensors of the plugin `scalars`, as TensorFlow 2 and Keras write them."""
    import numpy as np  # noqa: PLC0415 - only where it is installed
    from tensorboard.compat.proto.event_pb2 import Event  # noqa: PLC0415 - the same
    from tensorboard.compat.proto.summary_pb2 import Summary  # noqa: PLC0415 - the same
    from tensorboard.plugins.scalar.summary_v2 import scalar_pb  # noqa: PLC0415 - the same
    from tensorboard.plugins.text.summary_v2 import text_pb  # noqa: PLC0415 - the same
    from tensorboard.summary import Writer  # noqa: PLC0415 - the same
    from tensorboard.summary.writer.event_file_writer import EventFileWriter  # noqa: PLC0415 - the same
    from tensorboard.util.tensor_util import make_tensor_proto  # noqa: PLC0415 - the same

    scalars = Writer(str(folder / "writer"))
    for step, loss in enumerate(LOSSES):
        scalars.add_scalar("epoch_loss", loss, step)
    scalars.close()
    writer = EventFileWriter(str(folder / "types"))
    scalar = scalar_pb("x", 1.0).value[0].metadata
    for step, kind in enumerate((np.float32, np.float64, np.float16, np.int32, np.int64, np.int8, np.uint8, np.bool_)):
        value = Summary.Value(tag=kind.__name__, metadata=scalar, tensor=make_tensor_proto(kind(1)))
        writer.add_event(Event(wall_time=1e9 + step, step=step, summary=Summary(value=[value])))
    negative = Summary.Value(tag="negative", metadata=scalar, tensor=make_tensor_proto(np.int64(-3)))
    text = text_pb("text", "of two parts").value[0]
    writer.add_event(Event(wall_time=1e9 + 9, step=2**40, summary=Summary(value=[negative, text])))
    writer.close()
    for found in sorted(folder.rglob("*tfevents*")):
        keep(
            found, f"tensorboard/tensorboard/{found.relative_to(folder).parent}/events.out.tfevents.1000000000.host.1.0"
        )


def write_wandb(folder: Path) -> None:
    """A run offline: nested values, NaN, a histogram, in newer versions a value longer than a block, a summary of its own."""
    import wandb  # noqa: PLC0415 - only where it is installed

    names = {"x_disable_meta", "x_disable_stats", "_disable_meta", "_disable_stats"}
    fields = getattr(wandb.Settings, "model_fields", None) or wandb.Settings.__annotations__
    settings = wandb.Settings(
        mode="offline", console="off", disable_git=True, host="host", program="train.py", silent=True, save_code=False,
        **{name: True for name in names if name in fields},
    )  # fmt: skip
    run = wandb.init(
        project="study", id="abcd1234", name="fast", dir=str(folder), config={"lr": 0.1, "model": {"depth": 2}},
        settings=settings,
    )  # fmt: skip
    run.define_metric("best", summary="max")
    for step, loss in enumerate(LOSSES):
        weights = wandb.Histogram(np_histogram=([1, 2], [0.0, 0.5, 1.0]))
        run.log({"loss": loss, "val": {"acc": 1 - loss / 2}, "best": step % 2, "note": "good", "weights": weights})
    is_new = tuple(map(int, wandb.__version__.split(".")[:2])) >= (0, 20)
    run.log({"long": "x" * (33_000 if is_new else 10), "diverged": float("nan")}, step=10)
    run.summary["final/acc"] = 0.9
    run.finish()
    wandb.teardown()  # until then, the end may not be on the disk
    keep(next(folder.rglob("*.wandb")), f"wandb/{wandb.__version__}/run-abcd1234.wandb")


def write_dvclive(folder: Path) -> None:
    """A history of two metrics, and two last values that have none."""
    from dvclive import Live  # noqa: PLC0415 - only where it is installed

    with Live(dir=str(folder / "dvclive"), save_dvc_exp=False, dvcyaml=None) as live:
        for loss in LOSSES:
            live.log_metric("train/loss", loss)
            live.log_metric("acc", 1 - loss / 2, timestamp=True)
            live.next_step()
        live.log_metric("test/acc", 0.5, plot=False)
        live.summary["best"] = 3
    for found in sorted((folder / "dvclive").rglob("*.*sv")):
        keep(found, f"{found.relative_to(folder)}")
    keep(folder / "dvclive/metrics.json", "dvclive/metrics.json")


def write_transformers(folder: Path) -> None:
    """The state of a Trainer after two epochs, with the history of its losses and evaluations."""
    import torch  # noqa: PLC0415 - only where it is installed
    from transformers import Trainer, TrainingArguments  # noqa: PLC0415 - the same

    class Line(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))

        def forward(self, x: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
            found = self.weight * x
            return {"loss": ((found - labels) ** 2).mean(), "logits": found}

    points = [{"x": torch.tensor([float(x)]), "labels": torch.tensor([2.0 * x])} for x in range(4)]
    settings = TrainingArguments(
        output_dir=str(folder), num_train_epochs=2, per_device_train_batch_size=2, logging_steps=1, eval_strategy="epoch",
        learning_rate=0.1, report_to="none", use_cpu=True, disable_tqdm=True, save_strategy="no",
    )  # fmt: skip
    trainer = Trainer(
        Line(), settings, train_dataset=points, eval_dataset=points,
        compute_metrics=lambda found: {"mae": float(abs(found.predictions - found.label_ids).mean())},
    )  # fmt: skip
    trainer.train()
    trainer.save_state()
    keep(folder / "trainer_state.json", "transformers/trainer_state.json")


WRITERS = {
    "tensorboardX": write_tensorboardx,
    "tensorboard": write_tensorboard,
    "wandb": write_wandb,
    "dvclive": write_dvclive,
    "transformers": write_transformers,
}


def main() -> None:
    """Write what the packages named write; without any, all."""
    for name in sys.argv[1:] or WRITERS:
        with tempfile.TemporaryDirectory() as folder:
            WRITERS[name](Path(folder))


if __name__ == "__main__":
    main()
