"""A snapshot answers as the log does, and the watch notices whatever a log is made of."""

import os
import subprocess
import sys

import pytest

from lab import NAME, orglab
from orglab.api import open_log
from orglab.api.log_snapshot import LogWatch, Snapshot
from orglab.errors import DuplicateIdError, NotFoundError

LOG = """\
* TODO [1] One :exp:
:PROPERTIES:
:ALIASES: 7
:END:
** TODO Experiments
1. [ ] a step
* TODO [2] Two :exp:
* TODO [3] Twice :exp:
* TODO [3] Twice :exp:
"""


@pytest.fixture
def log(repo):
    repo.write(NAME, LOG)
    repo.commit("[e1.1] Begin")
    assert orglab("run", "1.1", "--", "true", cwd=repo.path).code == 0
    return open_log()


def test_a_snapshot_answers_as_the_log_does(log):
    snapshot = Snapshot.of(log)
    for reference in ("1", "e2", "7", "[e1]"):
        assert snapshot.experiment(reference).ref == log.experiment(reference).ref
        assert [run.id for run in snapshot.show(reference).runs] == [run.id for run in log.show(reference).runs]
    assert [one.ref for one in snapshot.experiments()] == [one.ref for one in log.experiments()]
    assert [run.id for run in snapshot.runs("1")] == [run.id for run in log.runs("1")]
    assert snapshot.step("1.1").text == "a step"
    for reference, error in (("3", DuplicateIdError), ("99", NotFoundError)):
        with pytest.raises(error):
            log.experiment(reference)
        with pytest.raises(error):
            snapshot.experiment(reference)


def test_a_snapshot_stays_as_it_was(log, repo):
    snapshot = Snapshot.of(log)
    assert snapshot.experiment("2").title == "Two"
    repo.write(NAME, LOG.replace("Two", "New"))
    assert snapshot.experiment("2").title == "Two"
    assert Snapshot.of(log).experiment("2").title == "New"


CHANGES = {
    "an edit of the same size": lambda repo: repo.write(NAME, (repo.path / NAME).read_text().replace("Two", "New")),
    "the journal": lambda repo: repo.write("journal.org", "* A thought\n"),
    "the archive": lambda repo: repo.write(f"{NAME}_archive", "* DONE [9] Old :exp:\n"),
    "a setting": lambda repo: repo.write("orglab.toml", "tag = 'exp'\n"),
    "a commit": lambda repo: repo.commit("[e1.1] Code"),
    "a branch": lambda repo: repo.git("branch", "idea"),
    "another branch": lambda repo: repo.git("checkout", "--quiet", "-b", "other"),
    "the active step": lambda repo: orglab("start", "2", cwd=repo.path),
    "a run": lambda repo: orglab("run", "2", "--", "true", cwd=repo.path),
    "a discarded run": lambda repo: orglab("runs", "discard", newest_run(repo), cwd=repo.path),
}


def newest_run(repo):
    return open_log(start=repo.path).runs()[-1].id


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_noticed(log, repo, name):
    watch = LogWatch(log)
    before = watch.read_state()
    assert watch.read_state() == before
    CHANGES[name](repo)
    assert watch.read_state() != before


def test_the_output_and_the_end_of_a_run_are_noticed(log, repo):
    watch = LogWatch(log)
    program = (
        "import sys\nprint('one', flush=True)\nsys.stdin.readline()\nprint('two', flush=True)\nsys.stdin.readline()"
    )
    command = [sys.executable, "-m", "orglab", "run", "2", "--", sys.executable, "-c", program]
    process = subprocess.Popen(command, cwd=repo.path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "one\n"
    first = watch.read_state()
    process.stdin.write("go on\n")
    process.stdin.flush()
    assert process.stdout.readline() == "two\n"
    second = watch.read_state()
    process.communicate("end\n")
    assert len({str(state) for state in (first, second, watch.read_state())}) == 3


def test_without_git(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / NAME).write_text(LOG)
    log = open_log()
    watch = LogWatch(log)
    before = watch.read_state()
    os.truncate(NAME, 30)
    assert watch.read_state() != before
