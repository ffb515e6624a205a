"""A walk: random steps from a seed, what must hold after each and at the end, and the shortest walk that fails."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from random import Random
from typing import NamedTuple

from lab import NAME

from .oracle import CLONES, Oracle
from .steps import BY_NAME, KINDS, Turn, renumber, resolve_log
from .world import BRANCHES, OPERATIONS, Fault, World

PLACES = {"a": 5, "w": 3, "b": 4}
PATIENCE = 100
"""How many shorter walks are tried at most."""
ENDING = (("sync",), ("sync", "--here"), ("check", "--restore"), ("check",))
"""What everybody does at the end, twice."""


class Step(NamedTuple):
    """A step of a walk, which does the same wherever it stands.

    Attributes:
        number: Its number in the whole walk.
        kind: What is done.
        place: The working tree in which it is done.
        seed: Its luck.
    """

    number: int
    kind: str
    place: str
    seed: int


class Failure(NamedTuple):
    """A walk that failed.

    Attributes:
        steps: The steps up to there.
        reason: What was wrong.
        script: The same as a shell script.
    """

    steps: list[Step]
    reason: str
    script: str


def plan(seed: int, count: int) -> list[Step]:
    """Return the steps of a walk."""
    random = Random(seed)  # noqa: S311 - a walk, no secret
    kinds, places = {kind.__name__: weight for kind, weight in KINDS.items()}, PLACES
    return [
        Step(number, _choose(random, kinds), _choose(random, places), random.getrandbits(32)) for number in range(count)
    ]


def _choose(random, weights):
    return random.choices(list(weights), list(weights.values()))[0]


def play(steps: list[Step], *, apart: bool) -> Failure | None:
    """Take the steps and return None if everything holds at the end, or else what went wrong."""
    folder = Path(tempfile.mkdtemp(prefix="walk-"))
    world, taken = None, []
    try:
        world, oracle = World(folder / "world", apart=apart), Oracle()
        for step in steps:
            taken.append(step)
            take(world, oracle, step)
        end(world, oracle)
    except (Fault, AssertionError) as fault:
        script = "\n".join(world.script if world is not None else ())
        return Failure(taken, f"{type(fault).__name__}: {fault}", script)
    finally:
        shutil.rmtree(folder)
    return None


def take(world: World, oracle: Oracle, step: Step) -> None:
    """Take a step, and check what must hold after each."""
    if not world.exists(step.place):
        return
    world.record(f"# {step.number}: {step.kind} in {step.place}")
    world.tick()
    BY_NAME[step.kind](Turn(world, oracle, step.place, step.number, Random(step.seed)))  # noqa: S311
    oracle.check_once(world, step.place)


def end(world: World, oracle: Oracle) -> None:
    """Finish what git is in the middle of, exchange everything, restore what was lost, and look for all that was written.

    Raises:
        Fault: Something is not there, or there twice.
    """
    world.record("# the end")
    places = [place for place in PLACES if world.exists(place)]
    for place in places:
        _finish_operations(world, place)
    answers, last = [], Random(len(oracle.deleted))  # noqa: S311
    for place in (*places, *places):
        for command in ENDING:
            for settle in (resolve_log, renumber):
                settle(Turn(world, oracle, place, 0, last))
            answers.append(f"{place}: {' '.join(command)}: {world.orglab(place, *command)}")
    for place in places:
        oracle.check_once(world, place)
        statuses = [world.ask(place, "status", "--porcelain", world=name) for name in ("real", "twin")]
        if world.apart and statuses[0] != statuses[1]:
            raise Fault(f"git status in {place}: {statuses[0]!r}, without orglab {statuses[1]!r}")
    for clone in CLONES:
        # What cannot be restored without a conflict has to be listed.
        lines = [line for answer in answers for line in answer.split("\\n") if " lost " in line]
        lines += _describe_pending_runs(world, clone)
        if missing := oracle.find_missing(world, clone) - oracle.find_listed(world, clone, "\n".join(lines)):
            tokens = ", ".join(sorted(missing))
            raise Fault("\n".join((f"neither in a log of clone {clone} nor restored: {tokens}", *answers)))


def _describe_pending_runs(world, clone):
    """Return why the runs were made that the log cannot take, because no branch has their experiment any more."""
    status, runs = (json.loads(world.run_orglab(clone, name, "--json").out or "{}") for name in ("status", "runs"))
    return [run["why"] or "" for run in runs.get("runs", ()) if run["id"] in status.get("pending", ())]


def _finish_operations(world, place):
    git_dir = world.git_dir("real", place)
    for file, operation in OPERATIONS.items():
        if (git_dir / file).exists():
            world.git(place, operation, "--abort")
    if (git_dir / "BISECT_LOG").exists():
        world.git(place, "bisect", "reset")
    world.git(place, "reset", "--quiet", "--hard")
    for branch in BRANCHES:
        if not world.apart and not world.log(place).exists():
            # A revert of the first commit, for example, is no loss: it is in the history of the branch.
            world.git(place, "checkout", "--quiet", "--force", "--detach", branch)
    if not world.apart and not world.log(place).exists():
        # All branches have lost it by then.
        commit = world.ask(place, "log", "-1", "--format=%H", "--branches", "--diff-filter=AM", "--", NAME)
        world.git(place, "checkout", "--quiet", commit, "--", NAME)


def shrink(failure: Failure, *, apart: bool) -> Failure:
    """Return a failure of a shorter walk: one that ends earlier, and from which parts are left out as long as it fails."""
    tries = 0

    def fails(steps):
        nonlocal failure, tries
        tries += 1
        shorter = play(steps, apart=apart)
        failure = shorter or failure
        return shorter is not None

    well, steps = 0, failure.steps
    while len(failure.steps) - well > 1:
        half = (well + len(failure.steps)) // 2
        if not fails(steps[:half]):
            well = half
    size = max(len(failure.steps) // 2, 1)
    while size and tries < PATIENCE:
        at = 0
        while at < len(failure.steps) and tries < PATIENCE:
            if not fails(failure.steps[:at] + failure.steps[at + size :]):
                at += size
        size //= 2
    return failure
