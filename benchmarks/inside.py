"""One measured thing, inside a fresh process; prints the seconds of the thing itself.  `run.py` starts it."""

import sys
import time
from pathlib import Path

what, path = sys.argv[1], Path(sys.argv[2])


def floor() -> int:
    """Read the bytes and hash them: the least that a tool which keys by content does."""
    import hashlib  # noqa: PLC0415

    return len(hashlib.sha256(path.read_bytes()).hexdigest())


def orglab_list() -> int:
    """All that a line of `orglab list` shows, of every experiment."""
    from orglab.api import Log  # noqa: PLC0415

    return sum(
        len(one.id) + len(one.title) + len(one.tags) + one.progress.total + (one.created is not None) + bool(one.state)
        for one in Log(path).experiments()
    )


def orgparse_load() -> int:
    """What orgparse needs before the first heading can be asked for."""
    import orgparse  # noqa: PLC0415

    return sum(1 for _ in orgparse.load(str(path))[1:])


THINGS = {"floor": floor, "orglab": orglab_list, "orgparse": orgparse_load}
if what == "floor":
    import hashlib  # noqa: F401 - the import is not what is measured
elif what == "orglab":
    import orglab.api  # noqa: F401
else:
    import orgparse  # noqa: F401
begun = time.perf_counter()
THINGS[what]()
print(time.perf_counter() - begun)
