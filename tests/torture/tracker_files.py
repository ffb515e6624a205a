"""What trackers wrote, as somebody with bad intent may have changed it, for `hostile.py`."""

import gzip
import json
import os
import random
import sqlite3
import struct
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path.insert(0, str(TESTS))

import event_files  # noqa: E402 - only now it is found
import wandb_files  # noqa: E402 - the same

DATA = TESTS / "runs/sources/data"
LATER = 4_000_000_000  # in seconds, after any run
PIECES = (
    b"\xff" * 9 + b"\x01", b"\xff" * 8, struct.pack("<Q", 2**63 - 1), struct.pack("<I", 2**31 - 1), b"\0" * 4096, b"\n" * 4096,
    b"[" * 50_000, b'{"a":' * 20_000, b'"', b"9" * 5000, b"1e999", b"NaN", b"\x0a\x00" * 5000, b"\x50\x01" * 5000,
)  # fmt: skip
Files = dict[str, bytes]


def damage(content: bytes, choice: random.Random) -> bytes:
    """Change some bytes."""
    data = bytearray(content)
    for _ in range(choice.choice((0, 1, 1, 2, 9))):
        start = choice.randrange(len(data) + 1)
        end = min(len(data), start + choice.choice((1, 8, 400)))
        kind = choice.choice(("flip", "flip", "cut", "leave out", "repeat", "put", "write over"))
        if kind == "flip" and start < len(data):
            data[start] ^= 1 << choice.randrange(8)
        elif kind == "cut":
            del data[start:]
        elif kind == "leave out":
            del data[start:end]
        elif kind == "repeat":
            data[start:end] *= choice.choice((2, 1000))
        elif kind == "put":
            data[start:start] = choice.choice(PIECES)
        elif kind == "write over":
            piece = choice.choice(PIECES)
            data[start : start + len(piece)] = piece
    return bytes(data)


def make_events(choice: random.Random) -> Files:
    """Make an event file of TensorBoard, whose records are damaged but whole."""
    tensor = event_files.part(8, b"\x08\x01" + event_files.part(4, struct.pack("<f", 1)))
    scalars = event_files.part(9, event_files.part(1, event_files.part(1, b"scalars")))
    session = b"\x09" + struct.pack("<d", LATER) + b"\x10\x02" + event_files.part(7, b"\x08\x01")
    values = [event_files.scalar("loss", 0.5), event_files.part(1, event_files.part(1, b"acc") + tensor + scalars)]
    events = [session, *(event_files.event(step, *values, wall_time=LATER) for step in range(5))]
    return {"events.out.tfevents.1.h.1.0": b"".join(event_files.frame(damage(event, choice)) for event in events)}


def make_wandb(choice: random.Random) -> Files:
    """Make a run file of W&B, whose records are damaged but whole."""
    nested = {"val": {"acc": [1, "NaN", {"a": 2.5}]}, "picture": {"_type": "image-file"}}
    records = [
        wandb_files.describe_run("abc", LATER, "run x"),
        *(wandb_files.history(step, loss=step / 3, nested=nested) for step in range(5)),
        wandb_files.summary(wandb_files.item("best", 1), wandb_files.item("loss", 2)),
    ]
    return {"wandb/run-20260101_000000-abc/run-abc.wandb": wandb_files.frame(damage(one, choice) for one in records)}


def make_database(name: str, *statements: str) -> bytes:
    """Return a database of the tests, whose runs began after any run."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.db")
        path.write_bytes(gzip.decompress((DATA / name).read_bytes()))
        connection = sqlite3.connect(path)
        for statement in statements:
            connection.execute(statement)
        connection.commit()
        connection.close()
        return path.read_bytes()


MLFLOW = "UPDATE runs SET start_time = 4000000000000"
DATABASES = {
    "mlflow.db": make_database("mlflow/mlflow.db.gz", MLFLOW),
    "study.db": make_database("trackio/study.db.gz", "UPDATE metrics SET timestamp = '2126-01-01T00:00:00+00:00'"),
}


def make_mlflow(_: random.Random) -> Files:
    """Make a database of MLflow."""
    return {"mlflow.db": DATABASES["mlflow.db"]}


def make_trackio(_: random.Random) -> Files:
    """Make a database of Trackio."""
    return {"study.db": DATABASES["study.db"], "study.lock": b""}


def make_folders(_: random.Random) -> Files:
    """Make a run of MLflow in a folder."""
    folder = f"mlruns/0/{'c' * 32}"
    lines = b"".join(f"{LATER}000 0.5 {step}\n".encode() for step in range(5))
    meta = f"lifecycle_stage: active\nstart_time: {LATER * 1000}\n".encode()
    return {f"{folder}/metrics/acc": lines, f"{folder}/tags/orglab.run": b"x", f"{folder}/meta.yaml": meta}


def make_dvclive(_: random.Random) -> Files:
    """Make a folder of DVCLive."""
    table = b"step\tloss\n" + b"".join(f"{step}\t0.5\n".encode() for step in range(5))
    return {"dvclive/metrics.json": json.dumps({"loss": 0.5}).encode(), "dvclive/plots/metrics/loss.tsv": table}


MAKERS: tuple[Callable[[random.Random], Files], ...] = (
    make_events, make_wandb, make_mlflow, make_trackio, make_folders, make_dvclive,
)  # fmt: skip


def make_secret(secret: str) -> bytes:
    """Return a database of MLflow with a metric of a secret name."""
    return make_database("mlflow/mlflow.db.gz", MLFLOW, f"UPDATE metrics SET key = '{secret}'")  # noqa: S608 - of our own


def put_files(folder: Path, home: Path, choice: random.Random) -> tuple[str, str, list[str]]:
    """Put the files of a tracker into a new folder, one of them damaged, or with something else in its place.

    Returns:
        What was done, to which file, and the names of all.
    """
    files = choice.choice(MAKERS)(choice)
    name = choice.choice(list(files))
    what = choice.choice(("damage",) * 5 + ("pipe", "folder", "link"))
    for one, content in files.items():
        (folder / one).parent.mkdir(parents=True, exist_ok=True)
        if one != name or what == "damage":
            (folder / one).write_bytes(damage(content, choice) if one == name else content)
    path = folder / name
    if what == "pipe":
        os.mkfifo(path)
    elif what == "folder":
        (path / "x").mkdir(parents=True)
    elif what == "link":
        target = home / ("secret.db" if path.suffix == ".db" else "secret.json")
        path.symlink_to(os.path.relpath(target, path.parent))
    return what, name, list(files)
