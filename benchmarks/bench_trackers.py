"""The speed of reading what trackers wrote, next to `python -c pass` and, where installed, to TensorBoard itself."""

import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from measure import measure, ratio_rows, table

HERE = Path(__file__).parent
PYTHON = sys.executable
STEPS = 10_000
# The writers of the tests, which need no package.
WRITE = f"""
import sys
sys.path.insert(0, {str(HERE.parent / "tests")!r})
from pathlib import Path
from event_files import write_events
from wandb_files import frame, history
rows = [{{"step": step, "loss": 1 / (step + 1), "acc": step / {STEPS}, "lr": 0.001, "norm": step * 0.1}}
        for step in range({STEPS})]
write_events(Path("events.out.tfevents.1"), rows)
records = (history(row["step"], **{{name: row[name] for name in row if name != "step"}}) for row in rows)
Path("run-1.wandb").write_bytes(frame(records))
"""
READ = """
import sys
from pathlib import Path
from orglab.runs.sources import {name}
from orglab.runs.sources.tracked_run import TrackerFile
runs = {name}.find_runs(TrackerFile(None, Path(sys.argv[1]), "", 0.0))
assert sum(len(row) - 1 for run in runs for row in run.read()) == int(sys.argv[2])
"""
PEER = """
import sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
found = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0})
found.Reload()
assert sum(len(found.Scalars(tag)) for tag in found.Tags()["scalars"]) == int(sys.argv[2])
"""


def main() -> None:
    """Measure reading 40,000 values."""
    with tempfile.TemporaryDirectory(prefix="orglab-bench-") as name:
        folder, amount = Path(name), str(4 * STEPS)
        subprocess.run([PYTHON, "-c", WRITE], cwd=folder, check=True)
        events = "events.out.tfevents.1"
        commands = {
            "python -c pass": [PYTHON, "-c", "pass"],
            "orglab: event file": [PYTHON, "-c", READ.format(name="tensorboard"), events, amount],
            "orglab: run file of W&B": [PYTHON, "-c", READ.format(name="wandb"), "run-1.wandb", amount],
        }
        if find_spec("tensorboard") is not None:
            commands["TensorBoard's EventAccumulator: event file"] = [PYTHON, "-c", PEER, events, amount]
        else:
            print("tensorboard is not installed; skipped")
        table(ratio_rows(f"{4 * STEPS} values of a tracker", measure(commands, folder), {}))


if __name__ == "__main__":
    main()
