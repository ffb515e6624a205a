"""The recorded answers of Org 9.8.9, through the runner of `make conformance`."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

RUNNER = Path(__file__).parent / "conformance" / "run.py"


def conform(oracle):
    done = subprocess.run([sys.executable, RUNNER, oracle], capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


@pytest.mark.shared
@pytest.mark.parametrize("name", ["public.json.gz", "corpus-public.json.gz"])
def test_every_recorded_answer_is_ours(shared, name):
    code, result = conform(shared / "oracle" / name)
    assert (code, result["failed"]) == (0, [])


def case(name, text, form, output, value=None):
    expect = {"output": output} if value is None else {"output": output, "value": value}
    return {"id": name, "input": text, "form": form, "expect": expect, "differs": None}


def test_the_runner_counts_and_names_what_fails(tmp_path):
    recount = "(org-update-statistics-cookies t)"
    oracle = tmp_path / "oracle.json"
    oracle.write_text(
        json.dumps(
            [
                case("cookie_all/right", "* A [/]\n- [X] a\n", recount, "* A [1/1]\n- [X] a\n"),
                case("cookie_all/wrong", "* A [/]\n- [X] a\n", recount, "* A [0/1]\n- [X] a\n"),
                case("match/000", "* A :x:\n* B\n", '(match-titles "x")', "* A :x:\n* B\n", ["A"]),
                case("match/001", "* A :x:\n* B\n", '(match-titles "x | y")', "* A :x:\n* B\n", ["A", "B"]),
            ]
        )
    )
    code, result = conform(oracle)
    assert code == 1
    assert result["groups"] == {"cookie_all": [1, 2], "match": [1, 2]}
    assert result["failed"] == ["cookie_all/wrong"]
    assert list(result["on_purpose"].values()) == [["match/001"]]
