"""Scenes in which git once took something out of a tracked log, as on the command line."""

import os
import subprocess
import sys

import pytest

from lab import NAME, SOURCE, orglab
from walk.oracle import RUN

# Says that it has begun, and waits until it may end.
WAITING = "touch begun; until [ -e ../go ]; do sleep 0.01; done; mkdir -p out; echo 1 > out/x"


@pytest.fixture
def study(repo):
    """A repository with a tracked log, whose current folder it is."""
    orglab("init", "--tracked")
    orglab("new", "Exp", "-s", "Step A", "-s", "Step B")
    repo.write(".gitignore", "begun\n")
    repo.commit("start", {"train.py": "x = 0\n"})
    return repo


def read_log(repo):
    return (repo.path / NAME).read_text()


def test_a_run_that_ends_while_a_rebase_is_stopped_survives_its_abort(study):
    study.git("checkout", "--quiet", "-b", "other")
    study.commit("other", {"train.py": "o\n"})
    study.git("checkout", "--quiet", "main")
    study.commit("main", {"train.py": "m\n"})
    study.git("checkout", "--quiet", "other")
    head = study.git("rev-parse", "HEAD")
    command = ("run", "1.2", "--results", "out", "--done", "--", "sh", "-c", WAITING.replace("../go", ".git/go"))
    with subprocess.Popen(
        [sys.executable, "-m", "orglab", *command],
        cwd=study.path,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
    ) as process:
        while not (study.path / "begun").exists():
            assert process.poll() is None
        study.git("rebase", "--quiet", "main", check=False)
        study.write(".git/go", "")
        said = process.stderr.read().decode()
        assert process.wait() == 0, said
    study.git("rebase", "--abort")
    assert study.git("rev-parse", "HEAD") == head
    orglab("list")
    assert len(RUN.findall(read_log(study))) == 1
    assert "2. [X] Step B" in read_log(study)
    assert study.git("show", "--format=", "--name-only", "other").split() == ["out/x"]


def test_what_a_reset_took_is_listed_and_its_id_not_given_again(study):
    orglab("commit")
    study.commit("a", {"a.py": "print(2)\n"})
    start = study.git("rev-parse", "HEAD~1")
    assert orglab("new", "Second idea", "-s", "s").out.split() == ["e2"]
    assert orglab("run", "2.1", "--", "true").code == 0
    orglab("conclude", "2", "It made things worse.", "--verdict", "refuted")
    orglab("commit")
    text = read_log(study)
    study.git("reset", "--quiet", "--hard", start)
    checked = orglab("check")
    assert checked.code == 1
    assert "Second idea" in checked.out
    assert orglab("new", "Third idea").out.split() == ["e3"]
    assert orglab("check", "--restore").code == 0
    restored = read_log(study)
    for line in ("It made things worse.", "* DONE [2] Second idea", *RUN.findall(text)):
        assert restored.count(line) == 1
    assert "Third idea" in restored


def test_variables_for_pathspecs_do_not_stop_a_run(study):
    study.write("train.py", "x = 1\n")
    command = ("run", "1.1", "--results", "out", "--", "sh", "-c", "mkdir out; echo 1 > out/x")
    assert orglab(*command, GIT_LITERAL_PATHSPECS="1").code == 0
    assert "out/x" in study.git("ls-files").split()
