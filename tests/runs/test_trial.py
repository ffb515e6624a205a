"""`orglab run --test`: the command runs, and nothing else changes."""

import json
import sys
from pathlib import Path

from orglab.runs.record_reader import read_runs

LOG = "experiment_log.org"
TRAIN = """\
import os, pathlib, sys
out = pathlib.Path(os.environ["ORGLAB_OUT"])
(out / "weights.txt").write_text("w")
print(os.environ["ORGLAB_MODE"], os.environ["ORGLAB_STEP"], "ORGLAB_RUN" in os.environ, os.environ["ORGLAB_COMMIT"])
pathlib.Path("out.txt").write_text(str(out))
sys.exit(int(sys.argv[1]))
"""
SCRIPT = """\
import orglab
with orglab.run("1.1", params={"lr": 0.1}) as run:
    run.log(acc=0.5)
print(run.id)
"""


def snapshot(repo):
    """Everything that a test must leave alone, but for what the command itself writes."""
    status = repo.git("status", "--porcelain", "--untracked-files=no")
    return repo.git("for-each-ref"), status, (repo.path / LOG).read_bytes(), len(read_runs(repo.path))


def test_a_test_runs_the_command_and_records_nothing(study, orglab):
    study.write("train.py", TRAIN + "# changed, and not committed by a test\n")
    before = snapshot(study)
    answer = orglab(
        "run", "1.1", "--test", "--results", "out.txt", "--done", "-m", "Why", "--", sys.executable, "train.py", "0"
    )
    assert answer.code == 0
    assert answer.out == f"test e1.1 False {study.git('rev-parse', 'HEAD')}\n"
    assert answer.err.split("\n")[0].endswith("train.py 0, exit 0, 0s; a test, so nothing was recorded")
    assert "The test left in the working tree: out.txt." in answer.err
    assert snapshot(study) == before
    answer = orglab("run", "1.1", "--test", "--", "sh", "-c", "echo more >> train.py; echo more >> other.py")
    assert "The test left" not in answer.err  # train.py had changed before, and nothing knows other.py
    study.commit("code")
    answer = orglab("run", "1.1", "--test", "--", "sh", "-c", "echo more >> train.py")
    assert "The test left in the working tree: train.py." in answer.err
    study.git("checkout", "--quiet", "train.py")
    orglab("run", "1.1", "--test", "--results", "out.txt", "--", sys.executable, "train.py", "0")
    assert not Path((study.path / "out.txt").read_text()).exists()


def test_a_test_that_fails_says_so(study, orglab):
    study.write("train.py", TRAIN)
    assert "exit 3" in orglab("run", "1.1", "--test", "--", sys.executable, "train.py", "3", code=3).err
    answer = orglab("run", "1.1", "--test", "--json", "--", sys.executable, "-c", "raise ValueError('lr')", code=1)
    assert json.loads(answer.out) == {"version": 1, "recorded": False, "exit_code": 1}
    assert "ValueError: lr" in answer.err
    assert "was not found" in orglab("run", "--test", "--", "no-such-command", code=127).err
    assert "There is no step 9" in orglab("run", "1.9", "--test", "--", "true", code=3).err
    assert not read_runs(study.path)


def test_what_a_test_starts_is_a_test(study, orglab, monkeypatch):
    before = snapshot(study)
    inner = [sys.executable, "-m", "orglab", "run", "1.2", "--", sys.executable, "-c", "print('inner')"]
    answer = orglab("run", "1.1", "--test", "--", *inner)
    assert (answer.code, answer.out) == (0, "inner\n")
    study.write("script.py", SCRIPT)
    answer = orglab("run", "1.1", "--test", "--", sys.executable, "script.py")
    assert (answer.code, answer.out) == (0, "None\n")
    monkeypatch.setenv("ORGLAB_MODE", "test")
    assert orglab("run", "1.1", "--", "true").code == 0
    assert snapshot(study) == before
