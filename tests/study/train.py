"""The program that the study runs: it reports what it was told to report, and ends as it was told to end."""

import csv
import json
import os
import signal
import sys
from pathlib import Path

orders = json.loads(Path(os.environ["STUDY_ORDERS"]).read_text())


def nest(row):
    """{"val.acc": 1} as {"val": {"acc": 1}}."""
    nested = {}
    for name, value in row.items():
        *above, last = name.split(".")
        place = nested
        for part in above:
            place = place.setdefault(part, {})
        place[last] = value
    return nested


def report(form, rows, path):
    """Write or print the metrics."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if form in ("json", "nested"):
        path.write_text(json.dumps(nest(rows[-1]) if form == "nested" else rows[-1]))
    elif form == "lines":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    elif form == "csv":
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    elif form == "printed":
        for row in rows:
            for name, value in row.items():
                print(f"metric {name}={value}")  # noqa: T201 - its output


if orders["rows"]:
    report(orders["form"], orders["rows"], Path(os.path.expandvars(orders["path"])))
for name, text in orders["files"].items():
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(text)
Path(orders["clock"]).write_text(str(orders["seconds"]))
if orders["end"] == "raise":
    raise ValueError(orders["why"])
if orders["end"] == "kill":
    os.kill(os.getpid(), signal.SIGKILL)
if orders["end"] in ("stop", "interrupt"):
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    os.kill(os.getppid(), signal.SIGINT)
    signal.sigwait([signal.SIGINT])
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    if orders["end"] == "interrupt":
        signal.raise_signal(signal.SIGINT)
    sys.exit(0)
