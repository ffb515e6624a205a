"""Running `orglab` in a process of its own."""

from __future__ import annotations

import atexit
import os
import select
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

from fork_server import Forked, ForkServer

SOURCE = Path(__file__).resolve().parents[1] / "src"
NAME = "experiment_log.org"


class Done(NamedTuple):
    """How a process ended."""

    code: int
    out: str
    err: str


def orglab(*arguments, cwd=None, stdin="", prefix=(), **environment) -> Done:
    """Run the command in a process of its own; a variable that is None is removed from its environment.

    The process is forked from one that has imported orglab, unless another program starts it (`prefix`), or the
    environment says how Python starts.
    """
    variables = _merge_environment(environment)
    words = [str(argument) for argument in arguments]
    server = _find_server()
    if not prefix and server.can_start(variables) and len(stdin.encode()) <= select.PIPE_BUF:
        done = Done(*server.run(words, cwd, stdin, variables))
    else:
        ended = subprocess.run(
            [*prefix, sys.executable, "-m", "orglab", *words],
            cwd=cwd,
            env=variables,
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            check=False,
            timeout=60,
        )
        done = Done(ended.returncode, ended.stdout, ended.stderr)
    assert "Traceback" not in done.err, done.err
    return done


def start_orglab(*arguments, cwd=None, stderr=None, **environment) -> Forked | subprocess.Popen[bytes]:
    """Start the command, as `orglab` does; a descriptor takes its standard error, or it is a pipe as the others are."""
    words = [str(argument) for argument in arguments]
    variables = _merge_environment(environment)
    if _find_server().can_start(variables):
        return _find_server().start(words, cwd, variables, stderr)
    return subprocess.Popen(
        [sys.executable, "-m", "orglab", *words], cwd=cwd, env=variables, bufsize=0, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE if stderr is None else stderr,
    )  # fmt: skip


def _merge_environment(environment: dict[str, str | None]) -> dict[str, str]:
    """Return the environment of a command."""
    variables = {**os.environ, "PYTHONPATH": str(SOURCE), **environment}
    return {name: value for name, value in variables.items() if value is not None}


@cache
def _find_server() -> ForkServer:
    """Return the server of this process, which ends with it."""
    server = ForkServer({**os.environ, "PYTHONPATH": str(SOURCE)})
    atexit.register(server.close)
    return server


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
