"""What a Python under `orglab run` does before its program: lines are written at once and whole."""

import os
import re
import subprocess
import sys

import pytest

from lab import SOURCE

RANKS = """\
import subprocess, sys
rank = "import sys\\nfor step in range(1500): print(f'metric loss{sys.argv[1]}={step}', flush=True)"
ranks = [subprocess.Popen([sys.executable, "-c", rank, str(number)]) for number in range(8)]
sys.exit(max(rank.wait() for rank in ranks))
"""


@pytest.fixture(autouse=True)
def buffered(monkeypatch):
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)


def test_lines_of_several_processes_stay_whole(study, orglab):
    study.write("ranks.py", RANKS)
    lines = orglab("run", "1.1", "--", sys.executable, "ranks.py").out.splitlines()
    assert len(lines) == 8 * 1500
    assert [line for line in lines if not re.fullmatch(r"metric loss\d=\d+", line)] == []


def test_a_line_appears_when_it_is_printed(study):
    # The program ends only when we have seen its line.
    program = "import sys; print('first'); sys.stdin.readline(); print('second')"
    command = [sys.executable, "-m", "orglab", "run", "1.1", "--", sys.executable, "-c", program]
    with subprocess.Popen(
        command, cwd=study.path, env={**os.environ, "PYTHONPATH": str(SOURCE)}, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        assert process.stdout.readline() == b"first\n"
        assert process.communicate(b"\n")[0] == b"second\n"


def test_the_startup_of_the_environment_still_runs_and_the_path_is_as_before(study, orglab, monkeypatch):
    study.write("own/sitecustomize.py", "print('own startup')\n")
    program = "import sys, sitecustomize; print(*sys.path[1:], sep='\\n'); print(sitecustomize.__file__)"
    monkeypatch.setenv("PYTHONPATH", str(study.path / "own"))
    bare = subprocess.run([sys.executable, "-c", program], capture_output=True, encoding="utf-8", check=True).stdout
    assert bare.startswith("own startup\n")
    assert orglab("run", "1.1", "--", sys.executable, "-c", program).out == bare


@pytest.mark.usefixtures("study")
def test_an_environment_without_a_startup_has_none_that_fails(orglab):
    assert orglab("run", "1.1", "--", sys.executable, "-c", "import sitecustomize").err.count("Error") == 0


def test_an_error_in_the_startup_of_the_environment_is_shown(study, orglab, monkeypatch):
    study.write("own/sitecustomize.py", "import nosuch\n")
    monkeypatch.setenv("PYTHONPATH", str(study.path / "own"))
    assert "No module named 'nosuch'" in orglab("run", "1.1", "--", sys.executable, "-c", "print(1)").err


@pytest.mark.usefixtures("study")
def test_a_wish_for_no_buffers_is_respected(orglab):
    program = "import sys; print(sys.stdout.write_through, sys.stdout.line_buffering)"
    assert orglab("run", "1.1", "--", sys.executable, "-u", "-c", program).out == "True False\n"
