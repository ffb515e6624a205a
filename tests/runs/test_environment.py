"""Finding the environment of a command."""

import os
import sys
from importlib import metadata
from pathlib import Path

from orglab.runs.environment import PythonProbe, find_lock_files, find_python


def read_python(path):
    """Return what a Python answers."""
    with PythonProbe(path) as probe:
        return probe.read_result()


def test_the_python_of_a_command(tmp_path, monkeypatch):
    own = tmp_path / "env" / "bin" / "python3.9"
    own.parent.mkdir(parents=True)
    own.symlink_to(sys.executable)
    script = tmp_path / "tool"
    script.write_text(f"#!{own} -u\n")
    script.chmod(0o755)
    through_env = tmp_path / "other"
    through_env.write_text("#!/usr/bin/env -S python3.9 -u\n")
    through_env.chmod(0o755)
    monkeypatch.setenv("PATH", f"{own.parent}:{os.environ['PATH']}")
    assert find_python([str(own), "x.py"], tmp_path, tmp_path) == own
    assert find_python(["./env/bin/python3.9"], tmp_path, tmp_path) == own
    assert find_python(["python3.9", "x.py"], tmp_path, tmp_path) == own
    assert find_python(["./tool"], tmp_path, tmp_path) == own
    assert find_python([str(through_env)], tmp_path, tmp_path) == own
    assert find_python(["true"], tmp_path, tmp_path).name in ("python3", "python")
    project = tmp_path / ".venv" / "bin" / "python"
    project.parent.mkdir(parents=True)
    project.symlink_to(sys.executable)
    assert find_python(["uv", "run", "x.py"], tmp_path / "sub", tmp_path) == project
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_python(["nosuch"], tmp_path, tmp_path) is None


def test_distributions_are_those_that_python_reports():
    version, packages = read_python(Path(sys.executable))
    assert version == ".".join(map(str, sys.version_info[:3]))
    known = {one.name.lower().replace("_", "-").replace(".", "-"): one.version for one in metadata.distributions()}
    for name in ("click", "pytest", "hypothesis"):
        assert packages[name] == known[name]


def test_an_environment_is_read_without_running_it(tmp_path):
    (tmp_path / "bin").mkdir()
    python = tmp_path / "bin" / "python"
    python.write_text("#!/bin/sh\ntouch ran\n")
    python.chmod(0o755)
    (tmp_path / "pyvenv.cfg").write_text("home = /usr/bin\nversion = 3.11.2\n")
    site = tmp_path / "lib" / "python3.11" / "site-packages"
    for name in ("Some_Thing-1.0.dist-info", "old-2.0-py3.11.egg-info", "plain", "no.version.dist-info"):
        (site / name).mkdir(parents=True)
    version, packages = read_python(python)
    assert version == "3.11.2"
    assert packages == {"some-thing": "1.0", "old": "2.0", "no-version": ""}
    assert not list(tmp_path.rglob("ran"))


def test_a_failing_python_is_not_an_error(tmp_path):
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)
    assert read_python(python) == (None, {})
    assert read_python(tmp_path / "none" / "python") == (None, {})


def test_lock_files(tmp_path):
    for name in ("uv.lock", "requirements-dev.txt", "pylock.dev.toml", "poetry.lock", "other.lock", "notes.txt"):
        (tmp_path / name).write_text("x")
    (tmp_path / "Pipfile.lock").mkdir()
    found = [path.name for path in find_lock_files([tmp_path, tmp_path, tmp_path / "none"])]
    assert found == ["poetry.lock", "pylock.dev.toml", "requirements-dev.txt", "uv.lock"]


def test_a_path_given_to_python_counts(tmp_path, monkeypatch):
    (tmp_path / "mine-9.dist-info").mkdir()
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:")
    assert read_python(Path(sys.executable))[1]["mine"] == "9"
