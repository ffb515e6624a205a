"""Nothing is lost, told twice or in git's way, whatever is done in whatever order; `make torture` walks further."""

import pytest

from walk.walk import plan, play

STEPS = 40


@pytest.mark.slow
@pytest.mark.parametrize(("way", "seed"), [("apart", 1), ("tracked", 2)])
def test_a_walk_loses_nothing_tells_nothing_twice_and_leaves_git_alone(seed, way):
    failure = play(plan(seed, STEPS), apart=way == "apart")
    if failure is not None:
        shorter = f"python -m tests.walk.run --seed {seed} --steps {STEPS} --log {way} --shrink"
        pytest.fail(f"{failure.script}\n\n{failure.reason}\n\nFor a shorter walk: {shorter}")
