"""Processes of `orglab` that start warm: forked from this one, in which its modules are loaded already."""

from __future__ import annotations

import datetime
import importlib
import os
import pkgutil
import re
import signal
import sys
import tempfile
import time
import traceback
import warnings
from typing import TYPE_CHECKING

import orglab
from lab import Done
from orglab import clock

if TYPE_CHECKING:
    from pathlib import Path


def load() -> None:
    """Load every module of orglab, once."""
    if "orglab.cli.main" not in sys.modules:
        for module in pkgutil.walk_packages(orglab.__path__, "orglab."):
            # The startup folder is for the Python of a run, and __main__ of the hooks reads arguments.
            if "startup" not in module.name and not module.name.endswith("__main__"):
                importlib.import_module(module.name)


class Process:
    """An `orglab` that has started.

    Attributes:
        id: The id of the process, which leads a group of its own.
    """

    def __init__(self, arguments, cwd: Path, environment: dict[str, str]) -> None:
        """Start it."""
        load()
        self._out, self._err = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115 - closed by `wait`
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # forking beside the threads of pytest-xdist
            self.id = os.fork()
        if self.id == 0:
            _become_orglab(arguments, cwd, environment, self._out.fileno(), self._err.fileno())

    def kill(self) -> Done:
        """Kill it, wait until the git processes that it started have ended, and return how it ended."""
        os.kill(self.id, signal.SIGKILL)
        ended = self.wait()
        for _ in range(500):
            try:
                os.killpg(self.id, 0)
            except ProcessLookupError:
                break
            time.sleep(0.01)
        return ended

    def wait(self) -> Done:
        """Return how it ended."""
        code = os.waitstatus_to_exitcode(os.waitpid(self.id, 0)[1])
        return Done(code, *(_read(stream) for stream in (self._out, self._err)))


def run(arguments, cwd: Path, environment: dict[str, str]) -> Done:
    """Run `orglab` in a process of its own and return how it ended."""
    return Process(arguments, cwd, environment).wait()


def _become_orglab(arguments, cwd, environment, out, err):
    """Do what `orglab ARGUMENTS` does, and exit."""
    code = 70
    try:
        os.setpgid(0, 0)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(out, 1)
        os.dup2(err, 2)
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        os.environ.clear()
        os.environ.update(environment)
        os.chdir(cwd)
        time.tzset()
        _pin_clock(environment)
        sys.argv = ["orglab", *arguments]
        code = _run_main()
    except BaseException:  # noqa: BLE001 - whatever happens, this copy of the test must not go on
        traceback.print_exc()
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)


def _pin_clock(environment):
    """Have it be as late as git's date says, so that two things that were made in two steps have two times."""
    date = re.fullmatch(r"@(\d+) \+0000", environment.get("GIT_AUTHOR_DATE", ""))
    if date is not None:
        behind = time.time() - int(date[1])
        clock.now = lambda: datetime.datetime.fromtimestamp(time.time() - behind)  # noqa: DTZ006 - as the log has it


def _run_main():
    from orglab.__main__ import main  # noqa: PLC0415

    try:
        main()
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    return 0


def _read(stream):
    with stream:
        stream.seek(0)
        return stream.read().decode("utf-8", "replace")
