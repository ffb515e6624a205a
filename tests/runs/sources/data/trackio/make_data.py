"""Make what Trackio writes: `python make_data.py FOLDER` writes `study.db.gz` there."""

import gzip
import os
import sqlite3
import sys
from pathlib import Path

ID = "b" * 31 + "1"


def log(trackio):
    """Make a run with metrics in an object, one that is not finite, and a picture's description."""
    run = trackio.init(project="study", name="small", config={"lr": 0.1})
    for step in range(5):
        trackio.log({"loss": 1 / (step + 1), "val": {"acc": step / 5}, "ratio": float("inf"), "text": "x"}, step=step)
    trackio.finish()
    return run


def main(folder):
    """Make the data in a folder."""
    os.environ["HF_HOME"] = folder
    import trackio  # noqa: PLC0415 - it reads the environment when it is imported

    run = log(trackio)
    path = Path(folder, "trackio/study.db")
    connection = sqlite3.connect(path)
    if hasattr(run, "id"):
        for table in ("metrics", "configs"):
            connection.execute(f"UPDATE {table} SET run_id = ? WHERE run_id = ?", (ID, run.id))
    connection.commit()
    connection.close()
    Path(folder, "study.db.gz").write_bytes(gzip.compress(path.read_bytes(), mtime=0))


if __name__ == "__main__":
    main(*sys.argv[1:])
