"""In a sandbox, with a git directory that cannot be written and no home, each command works or says what it needs."""

from __future__ import annotations

import json
import sys

import pytest

from lab import NAME, with_read_only
from lab import orglab as run_orglab

TRAIN = ("--", sys.executable, "train.py")
# In this order, with what is printed on standard output or standard error.
WORKING = {
    ("brief",): "accuracy 0.5",
    ("tried", "warmup"): "No similar",
    ("new", "Longer warmup", "-s", "Train", "--gate"): "e2",
    ("start", "2.1"): "e2.1 is now active",
    ("run", "2.1", "--stdout-metrics", *TRAIN): "accuracy 0.5",
    ("sweep", "2.1", "--seeds", "1", "--wait", "--stdout-metrics", *TRAIN): "1 done",
    ("note", "2.1", "What I saw"): "noted",
    ("done", "2.1", "--no-commit"): "e2.1 done",
    ("conclude", "2", "No.", "--verdict", "refuted"): "refuted",
    ("conclude", "2", "--confirm"): "nothing to confirm",
    ("show", "2"): "What I saw",
    ("runs",): "e2.1",
    ("why", "train.py"): "train.py",
    ("list",): "Longer warmup",
    ("search", "saw"): "What I saw",
    ("report", "--since", "1w"): "Longer warmup",
    ("status",): "2 experiments",
    ("check",): "No problems found",
    ("journal", "A thought"): "Added to journal.org",
    ("setup", "agent"): "SKILL.md",
}
READ_ONLY = "Read-only file system"
NOT_WRITABLE = "is not writable, so nothing can be committed"
NEEDING = {
    ("commit",): (5, NOT_WRITABLE),
    ("run", "1.1", "--worktree", *TRAIN): (5, READ_ONLY),
    ("runs", "keep", "RUN", "-m", "Better"): (5, NOT_WRITABLE),
    # The key by which the user is known is at home.
    ("runs", "discard", "RUN", "--reset", "-m", "Worse"): (2, "discard it without --reset"),
}


@pytest.fixture
def sandbox(repo):
    """A function that runs a command in the sandbox."""
    repo.commit("code", {"train.py": "print('metric accuracy=0.5')\n"})
    for command in (
        ("init", "--no-hooks"), ("new", "Baseline", "-s", "Train"), ("run", "1.1", "--stdout-metrics", *TRAIN), ("commit",),
    ):  # fmt: skip
        assert run_orglab(*command, cwd=repo.path).code == 0
    nowhere = {"HOME": "/nonexistent", **dict.fromkeys(("XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"))}

    def run(*arguments):
        return run_orglab(*arguments, cwd=repo.path, prefix=with_read_only(repo.path / ".git"), **nowhere)

    return run


@pytest.mark.slow
def test_each_command_works_or_says_what_it_needs(sandbox, repo):
    (first,) = json.loads(run_orglab("runs", "--json", cwd=repo.path).out)["runs"]
    for command, said in WORKING.items():
        done = sandbox(*command)
        if "--confirm" not in command:
            assert done.code == 0, (command, done)
        assert said in done.out + done.err, (command, done)
    log = (repo.path / NAME).read_text()
    repo.write("train.py", "print('metric accuracy=0.6')\n")
    for command, (code, said) in NEEDING.items():
        done = sandbox(*(first["id"] if word == "RUN" else word for word in command))
        assert (done.code, done.out) == (code, ""), (command, done)
        assert said in done.err, (command, done)
    assert (repo.path / NAME).read_text() == log
    # Outside of it, everything is written.
    assert run_orglab("commit", cwd=repo.path).code == 0
    assert repo.git("show", f"experiment-log:{NAME}") == log.rstrip("\n")
