"""Measure one task inside a fresh process and print its seconds; started by `run.py`."""

import sys
import time
from pathlib import Path

what, path = sys.argv[1], Path(sys.argv[2])


def floor() -> int:
    """Read the bytes and hash them, the minimum for any tool that caches by content."""
    import hashlib  # noqa: PLC0415

    return len(hashlib.sha256(path.read_bytes()).hexdigest())


def orglab_list() -> int:
    """Read all that `orglab list` prints of every experiment."""
    from orglab.api import Log  # noqa: PLC0415

    return sum(
        len(experiment.id)
        + len(experiment.title)
        + len(experiment.tags)
        + experiment.progress.total
        + (experiment.created is not None)
        + bool(experiment.state)
        for experiment in Log(path).experiments()
    )


def orgparse_load() -> int:
    """Load the file with orgparse, which it does completely before the first heading is available."""
    import orgparse  # noqa: PLC0415

    return sum(1 for _ in orgparse.load(str(path))[1:])


TASKS = {"floor": floor, "orglab": orglab_list, "orgparse": orgparse_load}
if what == "floor":
    import hashlib  # noqa: F401 - imports are not measured
elif what == "orglab":
    import orglab.api  # noqa: F401
else:
    import orgparse  # noqa: F401
begun = time.perf_counter()
TASKS[what]()
print(time.perf_counter() - begun)
