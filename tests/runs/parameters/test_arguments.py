"""The parameters of a command."""

import pytest

from orglab.runs.parameters.arguments import find_environment_seeds, is_seed, parse_arguments


@pytest.mark.parametrize(
    ("command", "parameters", "words"),
    [
        ("python train.py --lr 0.1 --layers=2 data.csv", {"lr": 0.1, "layers": 2}, "python train.py data.csv"),
        ("python train.py lr=1e-3 +model.depth=4 ++opt=sgd", {"lr": 0.001, "model.depth": 4, "opt": "sgd"},
         "python train.py"),
        ("python -u -W ignore -m pkg.train --amp --out r/2", {"amp": True, "out": "r/2"}, "python -m pkg.train"),
        ("./train.sh -n -3 --learning-rate 5", {"n": -3, "learning_rate": 5}, "./train.sh"),
        ("bash -ec ./train.sh --lr 2", {"lr": 2}, "bash -ec ./train.sh"),
        ("make train SEED=3 FAST=false", {"SEED": 3, "FAST": False}, "make train"),
        ("python train.py --id 9007199254740993 --inf 1e999", {"id": "9007199254740993", "inf": "1e999"},
         "python train.py"),
        ("python run.py -m lr=0.1,0.2 --set a=1", {"m": True, "lr": "0.1,0.2", "set": True, "a": 1}, "python run.py"),
        ("env SEED=2 python -u train.py --lr 1", {"SEED": 2, "lr": 1}, "env python train.py"),
        ("bash -exc code --lr 1", {"lr": 1}, "bash -exc code"),
        ("sh train.sh -c 3", {"c": 3}, "sh train.sh"),
        ("env", {}, "env"),
        ("", {}, ""),
    ],
)  # fmt: skip
def test_options_and_assignments_are_parameters(command, parameters, words):
    arguments = parse_arguments(command.split())
    assert (arguments.parameters, " ".join(arguments.words)) == (parameters, words)


def test_a_seed_is_known_by_its_name():
    assert all(map(is_seed, ("seed", "SEED", "model.random_state", "data_seed", "random_state", "PYTHONHASHSEED")))
    assert not any(map(is_seed, ("seedling", "seeds", "n_seeds", "speed", "reseeds_every", "proceed")))


def test_seeds_in_the_environment_are_numbers():
    """A random hash seed is none, and the seed of a wallet is a secret."""
    environment = {"SEED": "2", "PYTHONHASHSEED": "random", "DATA_SEED": "", "WALLET_SEED": "ripple horse", "LR": "1"}
    assert find_environment_seeds(environment) == {"SEED": "2"}
    assert find_environment_seeds({"PYTHONHASHSEED": "0"}) == {"PYTHONHASHSEED": "0"}
