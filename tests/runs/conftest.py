"""Fixtures shared by the tests of runs."""

import pytest

from commands import Orglab

TRAIN = """\
import json, os, pathlib
out = pathlib.Path("results")
out.mkdir(exist_ok=True)
(out / "weights.txt").write_text(os.environ["ORGLAB_COMMIT"])
(out / "model.ckpt").write_bytes(b"ignored")
pathlib.Path("metrics.json").write_text(json.dumps({"val_acc": 0.91, "note": "good"}))
print("trained")
"""

BY_SEED = """\
import json, os, pathlib, sys
pathlib.Path("results").mkdir(exist_ok=True)
pathlib.Path("results/out.txt").write_text("of " + sys.argv[1] + os.environ.get("EXTRA", ""))
pathlib.Path("metrics.json").write_text(json.dumps({"acc": float(sys.argv[1]) / 10}))
"""

WRITER = """\
import pathlib
pathlib.Path("results").mkdir(exist_ok=True)
pathlib.Path("results/out.txt").write_text(pathlib.Path("model.py").read_text())
pathlib.Path("results/model.ckpt").write_text("ignored")
"""


@pytest.fixture
def orglab(capsys):
    """Run commands in this process."""
    return Orglab(capsys)


@pytest.fixture
def study(repo, orglab):
    """A repository with a log of one experiment of two steps, and a script; runs do not commit the log."""
    orglab("init", "--tracked", "--no-hooks")
    orglab("new", "First", "-s", "one", "-s", "two")
    settings = "[run]\ncommit_log = false\n"
    repo.commit("code", {"train.py": TRAIN, ".gitignore": "*.ckpt\nmetrics.json\n", "orglab.toml": settings})
    return repo


@pytest.fixture
def seeded(repo, orglab):
    """A repository with a log of one experiment of one step, and a script whose results depend on its argument."""
    orglab("init", "--tracked")
    orglab("new", "First", "-s", "one")
    settings = "[run]\nenvironment = ['EXTRA']\ncommit_log = false\n"
    repo.commit("code", {"train.py": BY_SEED, ".gitignore": "metrics.json\ndata/\n", "orglab.toml": settings})
    return repo


@pytest.fixture
def branch(repo, orglab):
    """A repository with a log apart from the code, of one experiment of two steps, and a script with results."""
    orglab("init", "--no-hooks")
    orglab("new", "First", "-s", "one", "-s", "two")
    repo.commit("code", {"train.py": WRITER, "model.py": "\n".join("abcdefgh") + "\n", ".gitignore": "*.ckpt\ndata/\n"})
    return repo
