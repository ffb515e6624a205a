"""A few of the trials of `make torture` in repositories of strangers; see tests/torture/hostile.py."""

import subprocess
import sys
from pathlib import Path

import pytest

from lab import SOURCE

KINDS = (
    "records", "refs", "settings", "links", "files", "config", "texts", "pictures", "patterns", "templates",
    "trackers",
)  # fmt: skip
SCRIPT = Path(__file__).with_name("torture") / "hostile.py"


@pytest.mark.slow
def test_nothing_happens_outside_of_a_repository_of_a_stranger():
    # All in one go: before the first trial, a process runs each command once.
    command = [sys.executable, SCRIPT, "--seed", "4", "--count", "3", "--jobs", "1", "--each", *KINDS]
    done = subprocess.run(
        command, env={"PYTHONPATH": str(SOURCE), "PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "hostile: 33 trials, 0 problems" in done.stdout
