"""Runs that a script or a notebook makes itself, with `orglab.run`."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from orglab.api import open_log
from orglab.runs.record_reader import find_run

HEAD = """\
import os, pathlib, sys
import orglab
"""
TRAIN = (
    HEAD
    + """\
with orglab.run("1.1", params={"lr": 0.1, "model": {"depth": 4}}, why="Is it stable?", results=["results"]) as run:
    pathlib.Path("results").mkdir(exist_ok=True)
    pathlib.Path("results/weights.txt").write_text(run.id)
    for step in range(1, 4):
        run.log({"val/acc": step / 10, "val": {"f1": step}}, step=step, loss=1 / step)
    {then}
"""
)


def python(*arguments, code=0, **environment):
    """Run Python in the current folder, and return what it printed on standard error."""
    done = subprocess.run(
        [sys.executable, *arguments], env={**os.environ, **environment}, capture_output=True, text=True, check=False,
        timeout=120,
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    return done.stderr


def make_script(study, then="pass", text=TRAIN):
    study.commit("script", {"script.py": text.replace("{then}", then)})


def read_one(study):
    (run,) = open_log(start=study.path).runs()
    return run


def test_a_script_has_the_record_of_any_run(study, orglab):
    make_script(study)
    study.write("helper.py", "extra = 1")
    head = study.git("rev-parse", "HEAD")
    python("script.py", "--seed", "3")
    run = read_one(study)
    assert (run.status, run.ref, run.why, run.argv) == (
        "done",
        "e1.1",
        "Is it stable?",
        ("python", "script.py", "--seed", "3"),
    )
    assert run.parameters == {"seed": 3, "lr": 0.1, "model.depth": 4}
    assert run.metrics == {"val/acc": 0.3, "val.f1": 3, "loss": pytest.approx(1 / 3), "step": 3}
    assert [row["step"] for row in run.history()] == [1, 2, 3]
    assert run.extremes["loss"].high == 1
    assert [output.path for output in run.outputs] == ["results/weights.txt"]
    # Nothing is committed or told yet, and the snapshot has the file that git does not track.
    assert study.git("rev-parse", "HEAD") == head == run.before
    assert study.git("show", f"{run.code}:helper.py") == "extra = 1"
    assert run.id not in (study.path / "experiment_log.org").read_text()
    said = orglab("status").err
    assert "Committed the results of the run" in said
    assert study.git("log", "-1", "--format=%s") == "[e1.1] Results: python script.py --seed 3"
    assert study.git("show", "HEAD:results/weights.txt") == run.id
    assert f"run {run.id}" in (study.path / "experiment_log.org").read_text()
    assert read_one(study).commit == study.git("rev-parse", "HEAD")


@pytest.mark.parametrize(
    ("then", "code", "status", "told"),
    [
        ("raise ValueError('bad\\nshape')", 1, "failed", "exit 1, 0s: ValueError: bad shape"),
        ("sys.exit(3)", 3, "failed", "exit 3"),
        ("sys.exit(0)", 0, "done", "exit 0"),
        ("sys.exit('no data')", 1, "failed", "exit 1"),
        ("raise KeyboardInterrupt", -signal.SIGINT, "stopped", "stopped by SIGINT"),
        ("raise MemoryError", 1, "failed", "MemoryError"),
        ("os._exit(0)", 0, "lost", "lost"),
    ],
)
def test_how_a_script_ended_is_recorded(study, orglab, then, code, status, told):
    make_script(study, then)
    python("script.py", code=code)
    assert read_one(study).status == status
    orglab("status")
    assert told in (study.path / "experiment_log.org").read_text()


@pytest.mark.parametrize(
    ("then", "code", "status"),
    [
        ("pass", 0, "done"),
        ("raise OSError('gone')", 1, "failed"),
        ("sys.exit(3)", 3, "failed"),
        ("sys.exit('no data')", 1, "failed"),
        ("sys.exit(0)", 0, "done"),
        ("sys.exit()", 0, "done"),
        ("try: sys.exit(3)\nexcept SystemExit: pass", 0, "done"),
        ("raise SystemExit(0)", 0, "done"),
        ("sys.last_value = stale", 0, "done"),
    ],
)
def test_a_run_without_a_context_ends_with_the_process(study, then, code, status):
    stale = "stale = sys.last_value = ValueError('earlier')\n"
    make_script(study, text=f"{HEAD}{stale}run = orglab.run('1.1')\nrun.log(acc=1)\n{then}\n")
    python("script.py", code=code)
    run = read_one(study)
    assert (run.status, run.exit_code, run.metrics) == (status, code, {"acc": 1})
    assert run.exception == ("OSError: gone" if "OSError" in then else None)


def test_the_next_run_of_a_process_ends_the_one_before(study):
    loop = "for seed in range(3):\n    run = orglab.run('1.1', params={'seed': seed})\n    run.log(acc=seed)\n"
    make_script(study, text=f"{HEAD}{loop}")
    python("script.py")
    runs = open_log(start=study.path).runs()
    assert [(run.status, run.parameters["seed"], run.metrics["acc"]) for run in runs] == [
        ("done", seed, seed) for seed in range(3)
    ]


def test_a_run_that_has_ended_is_not_joined_and_takes_no_metrics(study):
    make_script(
        study,
        text=HEAD
        + """\
run = orglab.run("1.1")
before = {name: os.environ[name] for name in ("ORGLAB_RUN", "ORGLAB_OUT")}
run.finish()
run.log(acc=1)
os.environ |= before
orglab.run("1.2").finish()
""",
    )
    assert "has ended; what is logged now is lost" in python("script.py")
    assert [(run.ref, run.metrics) for run in open_log(start=study.path).runs()] == [("e1.1", {}), ("e1.2", {})]


def test_parameters_of_the_script_stay_if_the_configuration_changes(study):
    study.commit("config", {"config.json": '{"depth": 4, "lr": 1}'})
    then = "pathlib.Path('config.json').write_text('{}')"
    make_script(study, text=f"{HEAD}with orglab.run('1.1', params={{'lr': 0.5}}):\n    {then}\n")
    python("script.py", "--config", "config.json")
    assert read_one(study).parameters == {"config": "config.json", "lr": 0.5}


def test_a_parameter_may_be_infinite(study):
    make_script(study, text=HEAD + "orglab.run('1.1', params={'clip': float('inf'), 'eps': float('nan')})")
    python("script.py")
    assert read_one(study).parameters == {"clip": "inf", "eps": "nan"}


ODD = """\
class Index:
    def __index__(self): return 2**50 + 1
    def __float__(self): return 0.0
class Bad:
    def __float__(self): raise IndexError
    def __str__(self): raise OSError
loop = {}
loop["self"] = loop
run = orglab.run("1.1")
run.log({(1, 2): 3}, step=Index(), bad=Bad(), large=10**5000)
run.log(loop)
run.log(other=1, step=Bad())
run.log(last=Index(), step=Index())
"""


def test_logging_a_value_never_raises(study):
    make_script(study, text=HEAD + ODD)
    python("script.py")
    metrics = read_one(study).metrics
    assert (metrics["(1, 2)"], metrics["last"], metrics["bad"]) == (3, 2**50 + 1, "Bad")
    assert metrics["step"] == 2**50 + 1


def test_under_orglab_run_a_script_joins_that_run(study, orglab):
    make_script(study)
    orglab("run", "1.2", "-m", "From outside", "--", sys.executable, "script.py", "--seed", "3")
    run = read_one(study)
    assert (run.ref, run.why, run.parameters["lr"], run.parameters["seed"]) == ("e1.2", "From outside", 0.1, 3)
    assert (run.metrics["val/acc"], run.metrics["val.f1"]) == (0.3, 3)
    assert run.extremes["loss"].high == 1


def test_processes_that_a_script_starts_join_its_run(study):
    inner = "with orglab.run('1.1') as run:\n    run.log(acc=float(sys.argv[1]))\n"
    study.commit("inner", {"inner.py": HEAD + inner})
    make_script(
        study,
        text=HEAD
        + """\
import subprocess
with orglab.run("1.1") as run:
    subprocess.run([sys.executable, "inner.py", "0.5"], check=True)
    if os.fork() == 0:
        run.log(forked=1)
        run.finish()
        os._exit(0)
    os.wait()
    run.log(last=2)
""",
    )
    python("script.py")
    run = read_one(study)
    assert (run.status, run.metrics) == ("done", {"acc": 0.5, "forked": 1, "last": 2})


def test_other_ranks_join_the_run_of_the_first(study):
    launched = {"WORLD_SIZE": "2", "MASTER_ADDR": "localhost", "MASTER_PORT": "29500", "TORCHELASTIC_RUN_ID": "x"}
    make_script(
        study,
        text=HEAD
        + """\
with orglab.run("1.1") as run:
    run.log(acc=float(os.environ["RANK"]))
    (run.out / ("of" + os.environ["RANK"])).write_text("")
    while not (run.out / "of1").exists():
        pass
""",
    )
    environment = {**os.environ, **launched}
    with subprocess.Popen([sys.executable, "script.py"], env={**environment, "RANK": "0"}) as first:
        try:
            python("script.py", **launched, RANK="1")
            assert first.wait(60) == 0
        finally:
            first.kill()
    assert read_one(study).metrics == {"acc": 0}


@pytest.mark.parametrize(
    ("call", "message"),
    [("orglab.run('9.1')", "NotFoundError"), ("orglab.run('1', done=True)", "--done needs a step"),
     ("orglab.run('1.1', params={1: 2})", "must be a text")],
)  # fmt: skip
def test_a_wrong_request_leaves_no_record(study, call, message):
    make_script(study, text=HEAD + call)
    assert message in python("script.py", code=1)
    assert open_log(start=study.path).runs() == []


def test_a_loop_over_seeds_makes_a_setting(study, orglab):
    make_script(
        study,
        text=HEAD
        + """\
for seed in range(3):
    with orglab.run("1.1", params={"lr": 0.1, "seed": seed}) as run:
        run.log(acc=seed / 10)
""",
    )
    python("script.py")
    assert "0.10 ± 0.10 (n = 3)" in orglab("runs", "--by", "setting").out


NOTEBOOK = [
    "import orglab\napi_key = 'of-cell-1'",
    "for seed in range(2):\n    with orglab.run('1.1', params={'seed': seed}) as run:\n        run.log(step=1, acc=seed / 2)",
    "run = orglab.run('1.2', params={'lr': 0.5})\nrun.log(acc=0.75)",
    "run.finish()",
]


@pytest.mark.slow
def test_a_notebook_makes_runs(study, orglab):
    cells = [
        {
            "cell_type": "code",
            "id": f"c{number}",
            "metadata": {},
            "execution_count": None,
            "outputs": [],
            "source": source,
        }
        for number, source in enumerate(NOTEBOOK)
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    study.commit("notebook", {"study.ipynb": json.dumps(notebook)})
    python("-m", "nbconvert", "--to", "notebook", "--execute", "study.ipynb", "--output", "done.ipynb")
    runs = open_log(start=study.path).runs()
    assert [(run.ref, run.status, run.metrics["acc"]) for run in runs] == [
        ("e1.1", "done", 0), ("e1.1", "done", 0.5), ("e1.2", "done", 0.75),
    ]  # fmt: skip
    assert "n = 2" in orglab("runs", "--by", "setting").out
    kept = (find_run(runs, runs[2].id).folder / "out" / "cells.py").read_text()
    assert "orglab.run('1.2'" in kept
    assert "api_key = '***'" in kept
    assert Path("done.ipynb").exists()
