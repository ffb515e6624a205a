"""Write the files in this folder with the real packages; README.md names the versions.

    python make_data.py tensorboard

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


WRITERS = {"tensorboardX": write_tensorboardx, "tensorboard": write_tensorboard}


def main() -> None:
    """Write what the packages named write; without any, all."""
    for name in sys.argv[1:] or WRITERS:
        with tempfile.TemporaryDirectory() as folder:
            WRITERS[name](Path(folder))


if __name__ == "__main__":
    main()
