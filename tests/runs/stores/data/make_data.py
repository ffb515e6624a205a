"""Make what the trackers write: `python make_data.py PACKAGE FOLDER`, in an environment that has the package.

README.md names the versions. The user, the paths and what else tells the machine are replaced or left out.
"""

import contextlib
import gzip
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

COMMIT = "1234567890" * 4
CONTEXT = {"mlflow.user": "user", "mlflow.source.name": "train.py", "mlflow.source.git.commit": COMMIT}
CONTEXT["mlflow.source.git.branch"] = "main"


def pack(path):
    """Pack a database, without what was deleted from it."""
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.commit()
        connection.execute("VACUUM")
    path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes(), mtime=0))
    path.unlink()


def log_mlflow(mlflow):
    """Make an experiment with runs that ended in each way, one in another, a deleted one, and one of orglab."""
    name = mlflow.create_experiment("Dropout study", tags={"mlflow.note.content": "Does dropout help?", "team": "nlp"})
    with mlflow.start_run(experiment_id=name, run_name="base", description="No dropout", tags={"kind": "baseline"}):
        mlflow.log_params({"lr": 0.1, "model/depth": 3, "text": "x: 'y' \"z\"\nsecond line"})
        for step in range(3):
            mlflow.log_metrics({"loss": 1 / (step + 1), "val/acc": step / 4}, step=step)
    with contextlib.suppress(ValueError), mlflow.start_run(experiment_id=name, run_name="broken"):
        mlflow.log_metric("loss", float("nan"))
        float("x")
    mlflow.start_run(experiment_id=name, run_name="killed")
    mlflow.end_run("KILLED")
    with mlflow.start_run(experiment_id=name, run_name="open") as run:
        going_on = run.info.run_id
    mlflow.MlflowClient().update_run(going_on, status="RUNNING")
    with mlflow.start_run(experiment_id=name, run_name="deleted") as run:
        deleted = run.info.run_id
    mlflow.delete_run(deleted)
    with mlflow.start_run(experiment_id=name, run_name="own", tags={"orglab.run": "20260102-030405-a1b2c3"}):
        mlflow.log_metric("acc", 0.5)


def make_mlflow():
    """Write `mlflow.db.gz` and `mlruns/`."""
    os.environ |= {"MLFLOW_RUN_CONTEXT": json.dumps(CONTEXT), "MLFLOW_ALLOW_FILE_STORE": "true"}
    import mlflow  # noqa: PLC0415 - it reads the environment when it is imported

    for uri in ("sqlite:///mlflow.db", "file:./mlruns"):
        mlflow.set_tracking_uri(uri)
        log_mlflow(mlflow)
    path = Path("mlflow.db")
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE experiments SET artifact_location = '/study'")
        connection.execute("UPDATE runs SET artifact_uri = '/study', user_id = 'user'")
        connection.execute("UPDATE runs SET end_time = NULL WHERE status = 'RUNNING'")
    pack(path)
    for meta in Path("mlruns").rglob("meta.yaml"):
        lines = meta.read_text().replace(str(Path.cwd()), "/study").split("\n")
        kept = ["user_id: user" if line.startswith("user_id:") else line for line in lines]
        if "status: 1" in kept:
            kept = ["end_time: null" if line.startswith("end_time:") else line for line in kept]
        meta.write_text("\n".join(kept))


def make_wandb():
    """Write the files of two runs offline, of which one failed."""
    import wandb  # noqa: PLC0415 - only where it is installed

    for name, code in (("fast", 0), ("slow", 3)):
        settings = wandb.Settings(
            mode="offline", console="off", disable_git=True, host="host", program="train.py", silent=True,
            save_code=False, x_disable_meta=True, x_disable_stats=True,
        )  # fmt: skip
        run = wandb.init(
            project="study", id=f"id-{name}", name=name, dir=".", notes="Why not?" if code == 0 else None, tags=["a", "b"],
            group="pair", config={"lr": 0.1, "model": {"depth": 2}, "api_key": "sk-secret"}, settings=settings,
        )  # fmt: skip
        run.config.update({"later": [1, 2]})
        for step in range(3):
            run.log({"loss": 1 / (step + 1), "val": {"acc": step / 4}})
        run.summary["best"] = 0.9
        run.finish(exit_code=code)
        wandb.teardown()
    for found in Path("wandb").glob("offline-run-*/*.wandb"):
        target = Path("wandb-runs", found.parent.name, found.name)
        target.parent.mkdir(parents=True)
        found.rename(target)


def make_trackio():
    """Write `study.db.gz`, with two runs of one name."""
    os.environ["TRACKIO_DIR"] = str(Path.cwd())
    import trackio  # noqa: PLC0415 - it reads the environment when it is imported

    trackio.init(project="study", name="fast", config={"lr": 0.1, "model": {"depth": 2}}, group="pair")
    for step in range(3):
        trackio.log({"loss": 1 / (step + 1)})
    trackio.finish()
    trackio.init(project="study", name="fast", config={"lr": 0.2})
    trackio.log({"loss": float("nan")})
    trackio.finish()
    pack(Path("study.db"))


def make_dvc():
    """Write `dvc.bundle`, a repository with two experiments."""
    environment = {
        **os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "HOME": str(Path.cwd()),
        **{f"GIT_{who}_{what}": "user" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    }  # fmt: skip

    def run(*words):
        subprocess.run(words, cwd="repo", env=environment, check=True)

    Path("repo").mkdir()
    run("git", "init", "--quiet", "--initial-branch=main")
    run("dvc", "init", "--quiet")
    Path("repo/train.py").write_text(
        'import json\nfor line in open("params.yaml"):\n    if line.startswith("lr"):\n'
        '        json.dump({"acc": 0.5 + float(line.split()[1]), "val": {"loss": 0.3}}, open("metrics.json", "w"))\n'
    )
    Path("repo/params.yaml").write_text("lr: 0.1\nmodel:\n  depth: 3\n")
    Path("repo/dvc.yaml").write_text(
        "stages:\n  train:\n    cmd: python train.py --fast\n    deps: [train.py]\n    params: [lr, model]\n"
        "    metrics:\n      - metrics.json:\n          cache: false\n"
    )
    run("git", "add", "--all")
    run("git", "commit", "--quiet", "-m", "The baseline of the study")
    run("dvc", "exp", "run", "--quiet", "-n", "first")
    run("dvc", "exp", "run", "--quiet", "-n", "second", "-S", "lr=0.3", "-m", "A higher rate")
    run("git", "bundle", "create", "--quiet", "../dvc.bundle", "--all")


if __name__ == "__main__":
    package, folder = sys.argv[1:]
    os.chdir(folder)
    globals()[f"make_{package}"]()
