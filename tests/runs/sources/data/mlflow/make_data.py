"""Make what MLflow writes: `python make_data.py [--folders] FOLDER`.

The paths, the user and the random ids are replaced, so that the files say nothing of the machine that made them.
"""

import gzip
import json
import math
import os
import re
import sqlite3
import sys
from pathlib import Path

IDS = ("a" * 31 + "1", "a" * 31 + "2", "a" * 31 + "3", "a" * 31 + "4")
CONTEXT = {"mlflow.user": "user", "mlflow.source.name": "train.py"}
CONTEXT |= dict.fromkeys(("mlflow.source.git.branch", "mlflow.source.git.commit"), "")
RUN = "20260102-030405-a1b2c3"


def log(mlflow):
    """Make a run with a run in it, one that logs no steps, and one of another run of orglab."""
    names = []
    with mlflow.start_run(tags={"orglab.run": RUN}) as run:
        names.append(run.info.run_id)
        for step in range(5):
            mlflow.log_metrics({"loss": 1 / (step + 1), "val/acc": step / 5}, step=step)
        mlflow.log_metric("test_acc", 0.75)
        mlflow.log_metric("grad", math.nan, step=4)
        mlflow.log_metric("ratio", -math.inf, step=4)
        mlflow.log_metric("system/cpu_utilization_percentage", 12.5, step=0)
        with mlflow.start_run(nested=True) as nested:
            names.append(nested.info.run_id)
            mlflow.log_metric("acc", 0.9)
    with mlflow.start_run() as run:
        names.append(run.info.run_id)
        for value in (0.5, 0.25):
            mlflow.log_metric("loss", value)
    with mlflow.start_run(tags={"orglab.run": "20260102-030405-ffffff"}) as run:
        names.append(run.info.run_id)
        mlflow.log_metric("acc", 0.1)
    return names


def neutralize_database(path, names):
    """Replace what tells the machine in a database, and pack it."""
    connection = sqlite3.connect(path)
    connection.execute("UPDATE experiments SET artifact_location = '/study'")
    connection.execute("UPDATE runs SET artifact_uri = '/study', user_id = 'user'")
    for table in ("runs", "metrics", "latest_metrics", "tags"):
        for name, new in zip(names, IDS, strict=True):
            connection.execute(f"UPDATE {table} SET run_uuid = ? WHERE run_uuid = ?", (new, name))
    connection.commit()
    connection.execute("VACUUM")
    connection.close()
    path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes(), mtime=0))
    path.unlink()


def neutralize_folders(top, names):
    """Replace what tells the machine in the folders of the runs."""
    for path in sorted(top.rglob("*")):
        if path.is_file():
            text = path.read_text().replace(str(Path.cwd()), "/study")
            text = re.sub(r"(?m)^user_id: .*$", "user_id: user", text)
            for name, new in zip(names, IDS, strict=True):
                text = text.replace(name, new)
            path.write_text(text)
    for name, new in zip(names, IDS, strict=True):
        for path in top.glob(f"*/{name}"):
            path.rename(path.with_name(new))


def main(*arguments):
    """Make the data in a folder."""
    is_folders, folder = "--folders" in arguments, arguments[-1]
    os.chdir(folder)
    os.environ["MLFLOW_RUN_CONTEXT"] = json.dumps(CONTEXT)
    os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
    import mlflow  # noqa: PLC0415 - it reads the environment when it is imported

    mlflow.set_tracking_uri("file:./mlruns" if is_folders else "sqlite:///mlflow.db")
    names = log(mlflow)
    if is_folders:
        neutralize_folders(Path("mlruns"), names)
    else:
        neutralize_database(Path("mlflow.db"), names)


if __name__ == "__main__":
    main(*sys.argv[1:])
