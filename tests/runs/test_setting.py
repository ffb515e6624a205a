"""Settings: which runs belong together, which count, and why the others do not."""

import math
from pathlib import Path

import pytest

from orglab.runs.record import Run
from orglab.runs.setting import find_settings, has_diverged, is_same_setting, read_best, read_final, summarize_best


def run(number, command="python train.py", metrics=None, ref="e1.1", **fields):
    values = {
        "ref": ref, "argv": command.split(), "exit_code": 0, "metrics": {"acc": number / 10} if metrics is None else metrics,
        "began": f"2026-01-01T10:{number:02}:00+00:00",
    }  # fmt: skip
    return Run(Path(f"20260101-10{number:02}00-{number:06x}"), {**values, **fields})


def of_seeds(*seeds, command="python train.py --lr 0.1"):
    return [run(number, f"{command} --seed {seed} --out r/{seed}") for number, seed in enumerate(seeds, 1)]


def grouped(*runs, codes=None):
    return find_settings(runs, codes or {})


@pytest.mark.parametrize(
    ("command", "other"),
    [
        ("train --seed 2 --out r/2", "train --seed 1 --out r/1"),
        ("train hydra.run.dir=out/seed_2 seed=2", "train hydra.run.dir=out/seed_1 seed=1"),
        ("make SEED=2", "make SEED=1"),
        ("train --layers 2 --seed 2", "train --layers 2 --seed 1"),
        ("train --seed 2 --run-name abc-2", "train --seed 1 --run-name abc-1"),
        ("train --seed 2 --wandb.tag t2", "train --seed 1 --wandb.tag t1"),
        ("train --seed 10 --out r/lr1_10.json", "train --seed 1 --out r/lr1_1.json"),
        ("train --seed 2 --out r/02", "train --seed 13 --out r/13"),
        ("train configs/a.toml --data-seed 7 --seed 1", "train configs/a.toml --data-seed 8 --seed 2"),
        ("train --lr=0.10 --seed 1", "train --lr 1e-1 --seed 2"),
        ("train", "train --seed 1"),
        ("train hydra.run.dir=out/seed_2", "train hydra.run.dir=out/seed_1"),
        ("train hydra.run.dir=out/seed_2", "train hydra.run.dir=out/seed_10 seed=10"),
    ],
)
def test_runs_that_differ_by_the_seed_have_the_same_setting(command, other):
    assert is_same_setting(run(1, command), run(2, other))
    assert len(grouped(run(1, command), run(2, other))) == 1


@pytest.mark.parametrize(
    ("command", "other"),
    [
        ("train --layers 2 --seed 2", "train --layers 1 --seed 1"),
        ("train --seed 2 --out r/2", "train --seed 1 --out s/1"),
        ("train --model resnet2 --seed 2", "train --model resnet1 --seed 1"),
        ("train --data-dir data/2 --seed 2", "train --data-dir data/1 --seed 1"),
        ("train a.toml --seed 1", "train b.toml --seed 2"),
        ("train --amp --seed 1", "train --seed 2"),
        ("train --amp true", "train --amp 1"),
        ("train --lr 0.1", "train --lr 0.2"),
        ("python a.py", "python b.py"),
        ("python scripts/v2.py --seed 2", "python scripts/v1.py --seed 1"),
        ("train data/2.csv --seed 2", "train data/1.csv --seed 1"),
        ("train --task-name maze2 --seed 2", "train --task-name maze1 --seed 1"),
        ("train --data data/seed_2", "train --data data/seed_1"),
        ("train --out r/seed_2/data_seed_3", "train --out r/seed_1/data_seed_3"),
        ("train --out r/seeds_2", "train --out r/seeds_1"),
        ("train --config c/2.yaml --seed 2", "train --config c/1.yaml --seed 1"),
    ],
)
def test_runs_that_differ_otherwise_have_another_setting(command, other):
    assert not is_same_setting(run(1, command), run(2, other))
    assert len(grouped(run(1, command), run(2, other))) == 2


def test_a_seed_in_a_path_is_a_seed_if_nothing_else_is():
    first, again, other = (run(number, f"train --out r/seed_{seed}") for number, seed in ((1, "01"), (2, 1), (3, 2)))
    (setting,) = grouped(first, again, other)
    assert setting.parameters == {}
    assert setting.summarize("acc").reasons == {"repeated": 1}
    assert setting.summarize("acc").by_seed() == {"seed 1": 0.2, "seed 2": 0.3}


def test_the_path_of_a_configuration_that_was_read_may_have_the_seed():
    runs = [
        run(seed, f"train --config c/{seed}.json", cwd="src", parameters={"config": f"c/{seed}.json", "seed": seed, "lr": 0.1},
            config_files=[f"src/c/{seed}.json"])
        for seed in (1, 2)
    ]  # fmt: skip
    (setting,) = grouped(*runs)
    assert setting.parameters == {"lr": 0.1}


def test_runs_in_other_folders_have_other_settings():
    assert len(grouped(run(1, cwd="baseline"), run(2, cwd="new"))) == 2


def test_a_constant_hash_seed_is_no_seed():
    runs = [run(number, parameters={"PYTHONHASHSEED": 0}) for number in (1, 2, 3)]
    (setting,) = grouped(*runs)
    assert len(setting.counted) == 3
    runs = [run(n, f"train --out r/seed_{n}", parameters={"out": f"r/seed_{n}", "PYTHONHASHSEED": 0}) for n in (1, 2)]
    assert len(grouped(*runs)) == 1


def test_a_repetition_without_a_value_replaces_nothing():
    first, second = run(1, "train --seed 1"), run(2, "train --seed 1", metrics={"loss": 1})
    (setting,) = grouped(first, second)
    assert (setting.summarize("acc").mean, setting.summarize("acc").reasons) == (0.1, {"repeated": 1})


def test_seeds_are_paired_by_their_names():
    (one,) = grouped(run(1, "train --seed 1", parameters={"seed": 1, "SEED": 2}))
    (other,) = grouped(run(1, "train --data-seed 1", parameters={"data_seed": 1}))
    assert one.summarize("acc").by_seed().keys() == {"SEED 2, seed 1"}
    assert other.summarize("acc").by_seed().keys() == {"data_seed 1"}


def test_many_runs_that_only_their_name_tells_apart_are_grouped():
    runs = [run(1, f"train --tag exp_{number} --seed {number % 5}") for number in range(4000)]
    # With a seed that is the number of the name, as in exp_3 of seed 3, the runs have the same setting.
    assert len(grouped(*runs)) == 3996


def test_a_path_full_of_seeds_is_grouped_too():
    first, second = (run(n, f"train --seed {n} --out r/" + f"{n}/" * 40) for n in (1, 2))
    assert len(grouped(first, second)) == 1


def test_the_runs_of_several_steps_are_never_pooled():
    assert len(grouped(run(1), run(2, ref="e1.2"), run(3, ref=None))) == 3


def test_every_run_counts_or_has_a_reason():
    runs = [
        *of_seeds(1, 2, 3),
        run(4, "python train.py --lr 0.1 --seed 4 --out r/4", exit_code=1),
        run(5, "python train.py --lr 0.1 --seed 5 --out r/5", discarded=True, discard_reason="wrong data"),
        run(6, "python train.py --lr 0.1 --seed 6 --out r/6", metrics={"acc": "NaN"}, diverged={"acc": 40}),
        run(7, "python train.py --lr 0.1 --seed 3 --out r/3"),
        run(8, "python train.py --lr 0.1 --seed 2 --out r/2", rerun_of="x"),
        run(9, "python train.py --lr 0.1 --seed 9 --out r/9", asked_by="SIGINT"),
        run(10, "python train.py --lr 0.1 --seed 8 --out r/8", metrics={"loss": 1}),
    ]
    (setting,) = grouped(*runs)
    assert setting.parameters == {"lr": 0.1}
    summary = setting.summarize("acc")
    assert [(one.id[-1], value) for one, value in summary.values] == [("1", 0.1), ("2", 0.2), ("7", 0.7)]
    assert (
        summary.total
        == len(runs)
        == len({one.id for one, _ in summary.values} | {one.run.id for one in summary.left_out})
    )
    assert summary.reasons == {
        "repeated": 1, "failed": 1, "discarded": 1, "rerun": 1, "stopped": 1, "diverged": 1, "without a value": 1,
    }  # fmt: skip
    assert summary.mean == pytest.approx(1 / 3)
    assert summary.by_seed() == {"seed 1": 0.1, "seed 2": 0.2, "seed 3": 0.7}


def test_the_runs_on_the_newest_code_count():
    old, *new = of_seeds(1, 2, 3)
    codes = {old.id: "bug", **{one.id: "fixed" for one in new}}
    (setting,) = grouped(old, *new, codes=codes)
    assert setting.code == "fixed"
    assert setting.summarize("acc").reasons == {"on other code": 1}
    # A rerun of the old code, or a failure on newer code, does not make the others old.
    rerun = run(4, "python train.py --lr 0.1 --seed 1 --out r/1", rerun_of=old.id)
    failed = run(5, "python train.py --lr 0.1 --seed 4 --out r/4", exit_code=1)
    (setting,) = grouped(old, *new, rerun, failed, codes={**codes, rerun.id: "bug", failed.id: "newer"})
    assert len(setting.counted) == 2


def test_runs_without_a_seed_all_count():
    (setting,) = grouped(run(1), run(2))
    assert len(setting.counted) == 2
    assert setting.summarize("acc").deviation == pytest.approx(0.1 / math.sqrt(2))


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (1, 1.0),
        (0.5, 0.5),
        (True, None),
        ("0.5", None),
        (math.nan, None),
        (math.inf, None),
        (None, None),
        (10**400, None),
    ],
)
def test_a_final_value_is_a_finite_number(value, found):
    assert read_final(run(1, metrics={"loss": value}), "loss") == found


def test_the_best_value_is_the_extreme_of_the_history_or_else_the_last_one():
    with_history = run(1, metrics={"acc": 0.5}, extremes={"acc": {"min": [0.1, 1], "max": [0.9, 7]}})
    assert [read_best(with_history, "acc", way) for way in ("min", "max")] == [0.1, 0.9]
    assert read_best(run(3), "acc", "max") == 0.3
    (setting,) = grouped(with_history)
    assert setting.summarize("acc", best="max").mean == 0.9


def test_nan_and_infinity_are_divergence():
    assert all(has_diverged(run(1, metrics={"loss": text}), "loss") for text in ("NaN", "nan", "-Infinity", "inf"))
    assert not any(has_diverged(run(1, metrics={"loss": value}), "loss") for value in (1.0, "n/a", True))


def test_the_best_setting_is_that_with_the_best_mean():
    first, second = grouped(*of_seeds(1, 2), *(run(5, "python train.py --lr 0.5 --seed 1"),))
    assert summarize_best([first, second], "acc", {}).mean == 0.5
    assert summarize_best([second, first], "acc", {"acc": "min"}).mean == pytest.approx(0.15)
    assert summarize_best([first], "f", {}) is None
