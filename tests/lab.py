"""Running `orglab` in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

SOURCE = Path(__file__).resolve().parents[1] / "src"
NAME = "experiment_log.org"


class Done(NamedTuple):
    """How a process ended."""

    code: int
    out: str
    err: str


def orglab(*arguments, cwd=None, stdin="", prefix=(), **environment) -> Done:
    """Run the command in a process of its own; a variable that is None is removed from its environment."""
    variables = {**os.environ, "PYTHONPATH": str(SOURCE), **environment}
    done = subprocess.run(
        [*prefix, sys.executable, "-m", "orglab", *map(str, arguments)],
        cwd=cwd,
        env={name: value for name, value in variables.items() if value is not None},
        input=stdin,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=60,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Done(done.returncode, done.stdout, done.stderr)


def with_read_only(folder: Path) -> tuple[str, ...]:
    """Return a prefix for commands that makes a folder read-only, even for root."""
    if os.geteuid() == 0:
        script = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'
        return ("unshare", "--mount", "sh", "-c", script, str(folder))
    script = 'chmod -R a-w "$0"; "$@"; code=$?; chmod -R u+w "$0"; exit $code'
    return ("sh", "-c", script, str(folder))


def changed_lines(before: str, after: str) -> list[tuple[str, str]]:
    """Return the lines that differ between two texts with the same number of lines."""
    old, new = before.split("\n"), after.split("\n")
    assert len(old) == len(new), f"{len(old)} lines became {len(new)}:\n{after}"
    return [(a, b) for a, b in zip(old, new, strict=True) if a != b]
