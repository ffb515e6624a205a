"""The loop of `demo/agent`: no idea is run twice, every reason is found again, the branch holds what was kept."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lab import NAME, SOURCE
from lab import orglab as run_orglab

if TYPE_CHECKING:
    from collections.abc import Iterator

AGENT = Path(__file__).resolve().parents[1] / "demo" / "agent"
BASELINE = "The network as it is"
ROUNDS = 20
# In other words, what the agent proposes for the second time.
REPEATS = {
    "Momentum of 0.9",
    "Dropout for half of the hidden units",
    "Smoothing of labels, 0.1",
    "Learning-rate decay to zero",
}


def start(tree: Path, rounds: int, **environment: str) -> subprocess.Popen[str]:
    """Start a session of an agent in a working tree."""
    return subprocess.Popen(
        [sys.executable, "loop.py", str(rounds)], cwd=tree, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(SOURCE), "OMP_NUM_THREADS": "1", **environment},
    )  # fmt: skip


def finish(agent: subprocess.Popen[str]) -> list[dict[str, Any]]:
    """Return what has become of each round of a session."""
    out, err = agent.communicate()
    assert agent.returncode == 0, err
    return [json.loads(line) for line in out.splitlines()]


@pytest.fixture(scope="module")
def digits(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("digits")
    subprocess.run([sys.executable, AGENT / "data.py"], cwd=folder, check=True)
    return folder / "data"


@pytest.fixture
def study(repo, digits):
    for name in ("loop.py", "model.py", "train.py"):
        shutil.copy(AGENT / name, repo.path)
    shutil.copytree(digits, repo.path / "data")
    repo.write(".gitignore", "data/\n__pycache__/\n")
    repo.write("orglab.toml", '[run]\nlink = ["data"]\n')
    assert run_orglab("init", "--no-hooks", cwd=repo.path).code == 0
    repo.commit("Code", {})
    return repo


def read(tree: Path, *command: str) -> Any:
    done = run_orglab(*command, "--json", cwd=tree)
    assert done.code == 0, done.err
    return json.loads(done.out)


def subjects(repo, branch: str) -> list[str]:
    return repo.git("log", "--format=%s", branch).splitlines()


def check_reasons(tree: Path, rounds: list[dict[str, Any]]) -> None:
    """Check that whoever asks for a discarded idea gets the reason why it was."""
    for one in rounds:
        if one["decision"] == "discarded":
            found = read(tree, "tried", one["title"])["experiments"]
            told = {each["ref"]: each["outcome"] for each in found}
            assert told[one["ref"]][1:].startswith(one["reason"][1:100]), told


def expected(rounds: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the subjects that the branch has of the rounds, newest first."""
    for one in reversed(rounds):
        if one["decision"] == "kept":
            yield f"[{one['ref']}.1] Results: python train.py"
            yield f"[{one['ref']}.1] Keep: {one['reason']}"


@pytest.mark.slow
def test_twenty_rounds_in_two_sessions(study):
    tree = study.path
    rounds = finish(start(tree, ROUNDS // 2))
    # The session ends just after it has begun the next idea.
    assert run_orglab("new", "Copies shifted by one pixel", "-s", "Train with the change", cwd=tree).code == 0
    # A new session knows nothing of the first; the brief leads it to that idea, and the gate past those before.
    resumed, *again = finish(start(tree, ROUNDS))
    assert resumed["title"] == "Copies shifted by one pixel"
    assert [one["decision"] for one in again[: ROUNDS // 2 + 1]] == ["tried before"] * (ROUNDS // 2 + 1)
    rounds += [resumed, *again[ROUNDS // 2 + 1 :]]
    tried = [one for one in rounds if one["decision"] != "tried before"]
    assert {one["title"] for one in rounds} - {one["title"] for one in tried} == REPEATS
    runs = read(tree, "runs", "--all")["runs"]
    codes = [run["snapshot"] or run["before"] for run in runs]
    assert len({*codes}) == len(codes) == len(tried) + 1
    assert [one["title"] for one in read(tree, "list", "--all")["experiments"]] == [
        BASELINE, *(one["title"] for one in tried)
    ]  # fmt: skip
    assert subjects(study, "main") == [*expected(rounds), "[e1.1] Results: python train.py", "Code"]
    check_reasons(tree, rounds)
    assert {one["decision"] for one in tried} == {"kept", "discarded"}
    kept = [one for one in tried if one["decision"] == "kept"]
    brief = run_orglab("brief", "--json", cwd=tree).out
    assert len(brief.encode()) <= 4_500
    form = json.loads(brief)
    # What a conclusion says is not told again.
    assert not {"contradictions", "failures"} & {*form}
    (best,) = form["best"]
    highest = max(one["accuracy"] for one in tried if one["accuracy"])
    assert (best["run"], best["mean"], best["differing"]) == (kept[-1]["run"], highest, 0)
    # In another worktree of that commit, the brief is the same but for the branch.
    other = tree.with_name(f"{tree.name}-other")
    study.git("worktree", "add", "--quiet", "--detach", other)
    assert json.loads(run_orglab("brief", "--json", cwd=other).out) == {
        name: value for name, value in form.items() if name != "branch"
    }


@pytest.mark.slow
def test_two_agents_in_two_worktrees_share_what_they_know(study):
    tree = study.path
    finish(start(tree, 0))
    trees = {}
    for name in ("ada", "bob"):
        trees[name] = tree.with_name(f"{tree.name}-{name}")
        study.git("worktree", "add", "--quiet", "-b", name, trees[name])
        shutil.copytree(tree / "data", trees[name] / "data")
    agents = {name: start(folder, ROUNDS // 2, ORGLAB_AUTHOR=name) for name, folder in trees.items()}
    rounds = {name: finish(agent) for name, agent in agents.items()}
    tried = [one for each in rounds.values() for one in each if one["decision"] != "tried before"]
    titles = [one["title"] for one in tried]
    assert len({*titles}) == len(titles)
    assert {one["title"] for each in rounds.values() for one in each} - {*titles} <= REPEATS
    assert {run["id"] for run in read(tree, "runs", "--all")["runs"]} >= {one["run"] for one in tried}
    assert len(read(tree, "runs", "--all")["runs"]) == len(tried) + 1
    for name, each in rounds.items():
        assert subjects(study, f"main..{name}") == [*expected(each)]
        assert study.git("-C", trees[name], "status", "--porcelain") == ""
        by = [one["ref"] for one in read(tree, "list", "--all", "--by", name)["experiments"]]
        assert {*by} >= {one["ref"] for one in each if one["decision"] != "tried before"}
        check_reasons(tree, each)
    log = (tree / NAME).read_text()
    assert all(log.count(f"run {one['run']}\n") == 1 for one in tried)
