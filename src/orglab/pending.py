"""Which runs the log does not tell of yet: a file of its name for each, in `.orglab/pending/`.

So a command that has nothing to fold in sees it by one look at a folder; this module loads next to nothing.
"""

import os
from pathlib import Path

PENDING = Path(".orglab") / "pending"


def pending_runs(top: Path) -> list[str]:
    """Return the ids of the runs that the log may not tell of yet, oldest first.

    Args:
        top: The top of the repository, or else the log's folder.
    """
    try:
        return sorted(os.listdir(top / PENDING))  # noqa: PTH208 - names are wanted
    except OSError:
        return []


def set_pending(top: Path, name: str, *, pending: bool) -> None:
    """Note that the log does not tell of a run yet, or that it does.

    Raises:
        OSError: That cannot be noted.
    """
    if pending:
        (top / PENDING).mkdir(parents=True, exist_ok=True)
        (top / PENDING / name).touch()
    else:
        (top / PENDING / name).unlink(missing_ok=True)
