"""The parameters of a run, from wherever they come."""

import json
import sys
from pathlib import Path

import pytest

from orglab.runs.cluster.scheduler import SchedulerJob
from orglab.runs.record import Run
from orglab.runs.record_reader import read_runs

HYDRA = """\
import hydra

@hydra.main(version_base=None, config_path="conf", config_name="config")
def main(config):
    print(config)

main()
"""


@pytest.fixture
def latest(study):
    """Read the newest run."""
    return lambda: read_runs(study.path)[-1]


def test_an_option_wins_over_a_file_and_a_file_over_the_environment(study, orglab, latest, monkeypatch):
    """A seed in the environment is kept there too, so that a rerun has it."""
    monkeypatch.setenv("SEED", "2")
    monkeypatch.setenv("DATA_SEED", "4")
    study.write("a.json", '{"lr": 0.1, "depth": 4, "DATA_SEED": 5}')
    orglab("run", "1.1", "--", "python", "train.py", "--config", "a.json", "--lr", "0.2")
    run = latest()
    assert run.parameters == {"SEED": 2, "DATA_SEED": 5, "lr": 0.2, "depth": 4, "config": "a.json"}
    assert run.seeds == ("2", "5")
    assert run.config_files == ("a.json",)
    page = orglab("runs", "show", run.id).out
    assert "Parameters    SEED 2, DATA_SEED 5, lr 0.2, depth 4, config a.json\n" in page
    form = json.loads(orglab("runs", "show", run.id, "--json").out)
    assert (form["parameters"], form["seeds"]) == (run.parameters, ["2", "5"])
    monkeypatch.delenv("SEED")
    orglab("runs", "rerun", run.id)
    assert latest().parameters == run.parameters


def test_what_runs_write_is_no_configuration(study, orglab, latest):
    """Neither results nor what an earlier run wrote, nor what the run itself writes over."""
    study.write("r/a.json", '{"loss": 1}')
    study.write("by-hand.json", '{"loss": 2}')
    program = "import pathlib, sys; pathlib.Path(sys.argv[1]).write_text('{\"loss\": 3}')"
    orglab("run", "1.1", "--results", "r", "--", "python", "-c", program, "r/a.json")
    assert (latest().parameters, latest().config_files) == ({}, ())
    orglab("run", "1.1", "--", "python", "-c", program, "new.json")
    orglab("run", "1.1", "--", "python", "-c", program, "new.json")
    assert latest().parameters == {}
    orglab("run", "1.1", "--", "python", "-c", program, "by-hand.json", "--lr", "1")
    assert latest().parameters == {"lr": 1}
    assert latest().config_files == ()


@pytest.mark.usefixtures("study")
def test_the_job_of_a_scheduler(orglab, latest, monkeypatch):
    """Its id, and its index in an array."""
    for name, value in {"SLURM_JOB_ID": "15", "SLURM_ARRAY_JOB_ID": "12", "SLURM_ARRAY_TASK_ID": "3"}.items():
        monkeypatch.setenv(name, value)
    orglab("run", "1.1", "--", "true")
    assert "slurm 12, index 3 of its array\n" in orglab("runs", "show", latest().id).out
    form = json.loads(orglab("runs", "show", latest().id, "--json").out)
    assert form["job"] == {"scheduler": "slurm", "id": "12", "array": 3, "restarts": 0}


@pytest.fixture
def hydra(study):
    """A study with a program that Hydra configures."""
    pytest.importorskip("hydra", reason="needs hydra-core")
    pytest.importorskip("yaml", reason="needs PyYAML")
    study.write("conf/config.yaml", "lr: 0.1\nseed: 1\nmodel: {depth: 4}\n")
    study.commit("Hydra", {"hy.py": HYDRA, ".gitignore": "outputs/\nmultirun/\n"})
    return study


@pytest.mark.parametrize("option", [[], ["hydra.run.dir=out/x"]])
def test_the_configuration_that_hydra_wrote_wins(hydra, orglab, latest, option):
    """The configurations of other runs in the same folder are not read."""
    hydra.write("outputs/old/.hydra/config.yaml", "lr: 9\n")
    hydra.write("out/old/.hydra/config.yaml", "lr: 9\n")
    orglab("run", "1.1", "--", sys.executable, "hy.py", "lr=1e-2", *option)
    expected = {"lr": 0.01, "seed": 1, "model.depth": 4}
    assert {name: value for name, value in latest().parameters.items() if "hydra." not in name} == expected
    assert latest().config_files[0].endswith(".hydra/config.yaml")
    assert latest().seeds == ("1",)


@pytest.mark.usefixtures("hydra")
def test_several_jobs_of_hydra_have_the_parameters_that_they_share(orglab, latest):
    """The sweep itself is in the arguments."""
    orglab("run", "1.1", "--", sys.executable, "hy.py", "-m", "lr=0.1,0.2")
    assert latest().parameters == {"m": True, "lr": "0.1,0.2", "seed": 1, "model.depth": 4}


@pytest.mark.usefixtures("hydra")
def test_without_a_yaml_reader_the_user_is_told(orglab, latest, monkeypatch):
    """In one line, and the record names the file."""
    monkeypatch.setitem(sys.modules, "yaml", None)
    answer = orglab("run", "1.1", "--", sys.executable, "hy.py", "hydra.run.dir=out")
    assert answer.err.count("Parameters not read: out/.hydra/config.yaml; YAML needs PyYAML") == 1
    assert latest().unread_files == ("out/.hydra/config.yaml",)
    assert "Not read" in orglab("runs", "show", latest().id).out


def test_a_record_may_hold_anything():
    """Its parameters and its job are checked."""
    fields = {"a": 1, "b": 0.5, "c": "x", "d": True, "e": None, "f": [1], "g": {}, "h": float("nan")}
    run = Run(Path("x"), {"parameters": fields, "job": {"scheduler": "slurm", "id": "1", "array": "x"}, "argv": ["a"]})
    assert run.parameters == {"a": 1, "b": 0.5, "c": "x", "d": True}
    assert run.job == SchedulerJob("slurm", "1")
    assert Run(Path("x"), {"job": ["slurm"], "parameters": 3, "seeds": ["4"]}).job is None
    assert Run(Path("x"), {"argv": ["a", "--lr", "1"], "seeds": ["4"]}).seeds == ("4",)


@pytest.mark.usefixtures("study")
def test_names_that_no_file_has_do_not_stop_a_run(orglab, latest, monkeypatch):
    """Neither in an option nor in a variable."""
    long = "x" * 5000
    monkeypatch.setenv("PYTHONPATH", f"{long}:/{long}")
    orglab("run", "1.1", "--", "true", f"{long}.json", f"hydra.run.dir={long}")
    assert latest().parameters == {"hydra.run.dir": long}
    assert latest().metrics == {}


def test_a_file_whose_values_are_not_all_parameters_is_code(study, orglab, latest):
    """A data file, and a text that is too long: another version of them is other code, and is not pooled."""
    for name, first, second in (
        ("data.json", "[1, 2]", "[1, 3]"),
        ("prompt.json", json.dumps({"prompt": "x" * 600}), json.dumps({"prompt": "x" * 600 + "y"})),
        ("small.json", '{"lr": 1}', '{"lr": 1 }'),
    ):
        for seed, text in enumerate((first, second)):
            study.commit("settings", {name: text})
            orglab("run", "1.1", "--", "python", "train.py", name, "--seed", str(seed))
        counted = json.loads(orglab("runs", "--by", "setting", "--json").out)["settings"][-1]["runs"]
        assert len(counted) == (2 if name == "small.json" else 1), name
    assert latest().config_files == ("small.json",)
