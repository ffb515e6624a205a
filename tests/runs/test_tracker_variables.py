"""The variables by which trackers name and group the runs of a command."""

import json
import subprocess
import sys

import pytest

from orglab.runs.record_reader import read_runs
from orglab.runs.tracker_variables import RunNames, find_noted_run, set_tracker_variables

PREFIXES = ("WANDB_", "MLFLOW_", "COMET_")
PRINT = f"import json, os; print(json.dumps({{n: v for n, v in os.environ.items() if n.startswith({PREFIXES})}}))"
NAMES = RunNames("20260102-030405-a1b2c3", "e201.2", "1" * 40, "Lower rate")
TAGS = {
    "orglab.run": NAMES.id, "orglab.experiment": "e201", "orglab.step": "e201.2", "orglab.commit": "1" * 40,
}  # fmt: skip
VALUES = {
    "WANDB_NOTES": "Lower rate\n\norglab run 20260102-030405-a1b2c3 of e201.2, commit 1111111",
    "WANDB_RUN_GROUP": "e201.2",
    "WANDB_TAGS": "e201",
    "COMET_START_EXPERIMENT_TAGS": "e201,e201.2",
}


@pytest.fixture
def show(study, orglab):
    """Run a command for a step that prints its variables of trackers; the run, and what it printed."""

    def run(*options, command=(sys.executable, "-c", PRINT)):
        printed = orglab("run", *options, "--", *command).out
        return next(iter(read_runs(study.path)[-1:]), None), json.loads(printed.splitlines()[-1])

    return run


def read(environment):
    """Return an environment with the tags for MLflow as an object, and without the name of what orglab has set."""
    context = {"MLFLOW_RUN_CONTEXT": json.loads(environment["MLFLOW_RUN_CONTEXT"])}
    return {name: value for name, value in (environment | context).items() if not name.startswith("ORGLAB_")}


def test_trackers_are_told_the_step_the_reason_and_the_run(show):
    run, variables = show("1.2", "-m", "Lower rate")
    assert variables["WANDB_NOTES"] == f"Lower rate\n\norglab run {run.id} of e1.2, commit {run.code[:7]}"
    assert (variables["WANDB_RUN_GROUP"], variables["WANDB_TAGS"]) == ("e1.2", "e1")
    assert find_noted_run(variables["WANDB_NOTES"]) == run.id
    assert json.loads(variables["MLFLOW_RUN_CONTEXT"]) == {
        "orglab.run": run.id, "orglab.experiment": "e1", "orglab.step": "e1.2", "orglab.commit": run.code,
        "mlflow.note.content": "Lower rate",
    }  # fmt: skip


def test_a_run_of_an_experiment_or_of_none_has_no_step():
    for ref, group, tags in (("e201", "e201", "e201"), (None, None, None)):
        environment = {}
        set_tracker_variables(environment, NAMES._replace(ref=ref, code=None, why=None))
        assert (environment.get("WANDB_RUN_GROUP"), environment.get("WANDB_TAGS")) == (group, tags)
        assert environment.get("COMET_START_EXPERIMENT_TAGS") == tags
        of = " of e201" if ref else ""
        assert environment["WANDB_NOTES"] == f"orglab run {NAMES.id}{of}"
        experiment = {"orglab.experiment": "e201"} if ref else {}
        assert read(environment)["MLFLOW_RUN_CONTEXT"] == {"orglab.run": NAMES.id, **experiment}
        assert find_noted_run(environment["WANDB_NOTES"]) == NAMES.id


def test_what_the_user_has_set_stays(show, monkeypatch):
    for name in VALUES:
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("MLFLOW_RUN_CONTEXT", '{"mlflow.note.content": "mine", "orglab.step": "e9.9"}')
    run, variables = show("1", "-m", "Lower rate")
    assert {name: variables[name] for name in VALUES} == dict.fromkeys(VALUES, "")
    assert json.loads(variables["MLFLOW_RUN_CONTEXT"]) == {
        "mlflow.note.content": "mine", "orglab.run": run.id, "orglab.experiment": "e1", "orglab.commit": run.code,
    }  # fmt: skip


@pytest.mark.parametrize("context", ["", "{", "[]", "[" * 100_000])
def test_tags_of_the_user_that_are_not_valid_stay(context):
    environment = {"MLFLOW_RUN_CONTEXT": context}
    set_tracker_variables(environment, NAMES)
    assert environment["MLFLOW_RUN_CONTEXT"] == context


def test_a_run_in_a_run_has_names_of_its_own(show, study):
    inner = (sys.executable, "-m", "orglab", "run", "1.2", "-m", "Inner", "--", sys.executable, "-c", PRINT)
    _, variables = show("1.1", "-m", "Outer", command=inner)
    run = next(run for run in read_runs(study.path) if run.ref == "e1.2")
    assert variables["WANDB_NOTES"].startswith(f"Inner\n\norglab run {run.id} of e1.2")
    assert json.loads(variables["MLFLOW_RUN_CONTEXT"])["mlflow.note.content"] == "Inner"


def test_a_run_in_a_run_keeps_what_the_user_has_set():
    environment = {"WANDB_TAGS": "mine", "MLFLOW_RUN_CONTEXT": '{"mine": "1"}'}
    set_tracker_variables(environment, NAMES)
    set_tracker_variables(environment, NAMES._replace(ref=None, code=None))
    assert read(environment) == {
        "WANDB_TAGS": "mine",
        "WANDB_NOTES": f"Lower rate\n\norglab run {NAMES.id}",
        "MLFLOW_RUN_CONTEXT": {"mine": "1", "orglab.run": NAMES.id},
    }


def test_a_test_has_no_names(show):
    assert show("1.1", "--test", "-m", "Try it")[1] == {}
    environment = {}
    set_tracker_variables(environment, NAMES)
    assert read(environment) == VALUES | {"MLFLOW_RUN_CONTEXT": {**TAGS, "mlflow.note.content": "Lower rate"}}
    set_tracker_variables(environment, None)
    assert environment == {}


def test_no_secret_and_nothing_that_a_tracker_refuses(show):
    _, variables = show("1.1", "-m", "with API_KEY=hunter2hunter2")
    assert "hunter2" not in json.dumps(variables)
    environment = {}
    set_tracker_variables(environment, NAMES._replace(ref=f"e{'1' * 80}.1", why="x\0" * 100_000))
    assert "WANDB_TAGS" not in environment
    assert len(environment["WANDB_NOTES"]) < 4200
    assert "\0" not in environment["WANDB_NOTES"] + environment["MLFLOW_RUN_CONTEXT"]


def test_a_script_that_makes_its_run_has_the_names_while_it_lasts(study):
    script = f"import orglab\nwith orglab.run('1.1', why='Lower rate'):\n    {PRINT}\n{PRINT}\n"
    study.write("script.py", script)
    done = subprocess.run([sys.executable, "script.py"], capture_output=True, text=True, check=True)
    inside, after = map(json.loads, done.stdout.splitlines())
    run = read_runs(study.path)[-1]
    assert inside["WANDB_NOTES"] == f"Lower rate\n\norglab run {run.id} of e1.1, commit {run.code[:7]}"
    assert json.loads(inside["MLFLOW_RUN_CONTEXT"])["orglab.run"] == run.id
    assert after == {}
