"""Records of strangers, as large as they may be, cost each command some seconds at most."""

import json
import os

import pytest

from lab import orglab as start
from orglab.runs.parameters.arguments import parse_arguments
from orglab.runs.record import Run
from orglab.runs.secrets import find_values, join_secrets, name_secrets

SHARE = float(os.environ.get("SHARE", "0.1"))
"""How large the records are, as a share of the largest; `make torture` tries the largest."""


def _some(number):
    return int(number * SHARE)


RECORDS = {
    "masks": {"argv": ["x", "***" * _some(40_000), "*** " * _some(40_000)]},
    "one name": {"argv": ["--key", "v"] * _some(60_000)},
    "code": {"argv": ["sh", *["-c", "x"] * _some(80_000)]},
    "words": {"argv": ["x"] * _some(180_000)},
    "metrics": {
        "metrics": {f"m{number}": "NaN" for number in range(_some(20_000))},
        "diverged": {f"m{number}": number for number in range(_some(20_000))},
    },
    "parameters": {"parameters": {f"p{number}": number for number in range(_some(8000))}},
    "numbers": {"parameters": {"path": "1/" * _some(300_000), "seed": 1}},
    "paths": {"results": [f"p{number}*" for number in range(_some(60_000))]},
    "many": {"results": [f"p{number}" for number in range(_some(20_000))], "argv": ["x.py"] * _some(60_000)},
    "long": {"results": ["x" * _some(400_000), "a/" * _some(200_000)], "cwd": "a/" * _some(100_000)},
    "deep": {
        "left_out": [
            {"path": "a/" * 300 + str(number), "reason": "large", "size": 1, "sha256": "0" * 64}
            for number in range(_some(1200))
        ]
    },
}
COMMANDS = (
    "runs", "runs --by setting", "runs show abcd01", "runs diff abcd01 abcd02", "show 1", "report --since 2000-01-01 -o r.html",
    "runs rerun abcd01 --yes",
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", RECORDS)
def test_a_large_record_of_a_stranger_costs_no_command_a_minute(name, seeded):
    for suffix in ("01", "02"):
        folder = seeded.path / f".git/orglab/runs/20180101-000000-abcd{suffix}"
        folder.mkdir(parents=True)
        began = {"event": "began", "ref": "e1.1", "argv": ["true"], "exit_code": 0, "writer": "theirs", "why": suffix}
        began |= {"began": "2018-01-01T00:00:00+00:00", "before": seeded.git("rev-parse", "HEAD"), **RECORDS[name]}
        (folder / "record.jsonl").write_text(json.dumps(began) + "\n")
    for command in COMMANDS:
        answer = start(*command.split(), cwd=seeded.path)  # within a minute
        assert answer.code in ((0, 2, 127) if "rerun" in command else (0,)), (command, answer.err[-500:])


def test_many_secrets_of_one_name_have_names_of_their_own():
    found = find_values(["x", *["--key", "v"] * 60_000])
    assert len(found) == 60_000
    assert [*found][:3] == ["key", "key_2", "key_3"]
    assert len(join_secrets(found, dict.fromkeys(found, "w"))) == 120_000
    assert name_secrets(["x", "***" * 40_000]) == ["argument_1"]
    assert name_secrets(["--key_2", "***", "--key", "***", "--key", "***"]) == ["key_2", "key", "key_3"]


def test_what_a_run_says_of_many_names_is_read_once(tmp_path):
    run = Run(
        tmp_path, {"metrics": {"m": "NaN"}, "diverged": {"m": 1}, "environment": {"A": "b"}, "argv": ["x"] * 180_000}
    )
    for name in (
        "diverged",
        "environment",
        "packages",
        "parameters",
        "constant_parameters",
        "secrets",
        "recorded_argv",
    ):
        assert getattr(run, name) is getattr(run, name)
    assert len(parse_arguments(run.argv).words) == 180_000


def test_numbers_that_are_none_are_no_parameters_of_a_script(tmp_path):
    values = {"a": 10**400, "b": float("nan"), "c": [1], "d": 1, "e": "x", "f": True}
    run = Run(tmp_path, {"script_parameters": values, "parameters": values})
    assert run.script_parameters == run.parameters == {"d": 1, "e": "x", "f": True}
