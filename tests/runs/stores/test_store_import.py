"""`orglab import --from`: experiments and runs that trackers wrote become those of the log, each once."""

import datetime
import gzip
import json
import os
import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest

from commands import Orglab
from event_files import make_varint, part
from lab import NAME, SOURCE
from lab import orglab as process
from org_lint import LINT
from orglab import clock
from orglab.errors import NotReadableError
from orglab.runs.stores.dvc_store import read_store as read_dvc
from orglab.runs.stores.mlflow_store import read_store as read_mlflow
from orglab.runs.stores.trackio_store import read_store as read_trackio
from orglab.runs.stores.wandb_store import read_store as read_wandb
from wandb_files import describe_run, frame, history

DATA = Path(__file__).parent / "data"
COMMIT = "1234567890" * 4
DAYS_LATER = datetime.datetime(2026, 12, 3, 10)  # noqa: DTZ001 - local


@pytest.fixture
def orglab(capsys, monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: DAYS_LATER)
    return Orglab(capsys)


@pytest.fixture
def lab(repo, tmp_path_factory):
    """A repository beside a folder with what trackers wrote."""
    folder = tmp_path_factory.mktemp("stores")
    for name in ("mlflow.db", "study.db"):
        (folder / name).write_bytes(gzip.decompress((DATA / f"{name}.gz").read_bytes()))
    shutil.copytree(DATA / "mlruns", folder / "mlruns")
    shutil.copytree(DATA / "wandb-runs", folder / "wandb")
    repo.commit("Begin", {"train.py": ""})
    return folder


def runs_of(orglab):
    """Return the runs by the first line of what was written about them."""
    found = json.loads(orglab("runs", "--json", "--full").out)["runs"]
    return {run["why"].splitlines()[0]: run for run in found}


# ---- MLflow ----


@pytest.mark.parametrize("store", ["mlflow.db", "mlruns"])
def test_runs_of_mlflow(lab, orglab, store):
    said = orglab("import", "--from", "mlflow", lab / store)
    assert said.out == "e1  4 runs  Dropout study\n"
    assert "Dropout study: Not imported: 1 run that orglab recorded itself.\n" in said.err
    assert f"Created {NAME}, and added 1 experiment and 4 runs.\n" in said.err
    runs = runs_of(orglab)
    assert {why: run["status"] for why, run in runs.items()} == {
        "MLflow run base: No dropout": "done", "MLflow run broken": "failed", "MLflow run killed": "killed",
        "MLflow run open": "lost",
    }  # fmt: skip
    base = runs["MLflow run base: No dropout"]
    assert base["parameters"] == {"lr": 0.1, "model/depth": 3, "text": "x: 'y' \"z\"\nsecond line"}
    assert base["metrics"] == {"loss": pytest.approx(1 / 3), "val/acc": 0.5}
    assert base["argv"] == ["python", "train.py"]
    assert "tags: kind=baseline" in base["why"]
    assert "commit 1234567, which is not in this repository" in base["why"]
    assert base["trackers"][0]["tracker"] == "mlflow"
    assert runs["MLflow run broken"]["metrics"] == {"loss": None}
    text = Path(NAME).read_text()
    assert "- Does dropout help?\n  tags: team=nlp\n" in text
    assert "  parameters: lr=0.1, model/depth=3, text=x: 'y' \"z\" second line\n  tags: kind=baseline\n" in text
    assert "  :IMPORTED_FROM: mlflow: Dropout study\n" in text


def test_each_run_is_imported_once_and_new_ones_are_added(lab, orglab):
    orglab("import", "--from", "mlflow", lab / "mlflow.db")
    before = Path(NAME).read_bytes()
    said = orglab("import", "--from", "mlflow", lab / "mlflow.db")
    assert (said.out, said.err.splitlines()[-1]) == ("", "Added 0 experiments and 0 runs; 4 were there already.")
    assert Path(NAME).read_bytes() == before

    with sqlite3.connect(lab / "mlflow.db") as connection:
        connection.execute("UPDATE runs SET lifecycle_stage = 'active' WHERE lifecycle_stage = 'deleted'")
    assert orglab("import", "--from", "mlflow", lab / "mlflow.db").out == "e1  1 run  Dropout study\n"
    assert Path(NAME).read_text().count("MLflow run deleted") == 1


def test_a_run_whose_record_is_gone_has_one_note(lab, orglab, repo):
    orglab("import", "--from", "mlflow", lab / "mlflow.db")
    before = Path(NAME).read_bytes()
    shutil.rmtree(repo.path / ".git/orglab/runs")
    orglab("import", "--from", "mlflow", lab / "mlflow.db")
    assert Path(NAME).read_bytes() == before
    assert len(runs_of(orglab)) == 4


def test_a_record_that_was_begun_and_not_written_is_written(lab, orglab, repo):
    orglab("import", "--from", "mlflow", lab / "mlflow.db")
    folder = next((repo.path / ".git/orglab/runs").iterdir())
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / "record.jsonl").touch()
    assert orglab("import", "--from", "mlflow", lab / "mlflow.db").out == "e1  1 run  Dropout study\n"
    assert len(runs_of(orglab)) == 4


def test_a_run_that_goes_on_waits(lab, orglab, monkeypatch):
    began = datetime.datetime(2026, 12, 1, 3)  # noqa: DTZ001 - local, and soon after the run began
    monkeypatch.setattr(clock, "now", lambda: began)
    said = orglab("import", "--from", "mlflow", lab / "mlflow.db")
    assert said.out == "e1  3 runs  Dropout study\n"
    assert "Dropout study: Not imported yet: 1 run without an end.\n" in said.err


def test_a_commit_that_the_repository_has_is_that_of_the_note(lab, orglab, repo):
    head = repo.commit("Train", {"train.py": "x"})
    with sqlite3.connect(lab / "mlflow.db") as connection:
        connection.execute("UPDATE tags SET value = ? WHERE key = 'mlflow.source.git.commit'", (head,))
    orglab("import", "--from", "mlflow", lab / "mlflow.db")
    assert f"({head[:7]}) ran python train.py, exit 0" in Path(NAME).read_text()
    base = runs_of(orglab)["MLflow run base: No dropout"]
    assert base["before"] == head
    assert orglab("check").err.endswith("No problems found.\n")


def test_the_report_and_the_other_commands_see_the_runs(lab, orglab):
    orglab("import", "--from", "mlflow", lab / "mlflow.db")
    shown = orglab("show", "1").out
    assert "val/acc 0.5" in shown
    assert "Dropout study" in orglab("report", "--since", "2026-11-01").out
    run = runs_of(orglab)["MLflow run base: No dropout"]
    assert "Dropout study" in orglab("why", run["trackers"][0]["id"]).out
    (entry,) = [one for one in Path(".git/orglab/runs").iterdir() if one.name == run["id"]]
    rows = [json.loads(line) for line in (entry / "metrics.jsonl").read_text().splitlines()]
    assert [(row["step"], row["val/acc"]) for row in rows] == [(0, 0), (1, 0.25), (2, 0.5)]


def test_emacs_would_change_nothing(lab, orglab, emacs):
    for tracker, store in (("mlflow", "mlflow.db"), ("wandb", "wandb"), ("trackio", "study.db")):
        orglab("import", "--from", tracker, lab / store)
    said = emacs(LINT, NAME).splitlines()
    assert said[0] == "1 INPROGRESS [1] Dropout study [0%]"
    assert "changed" not in said


def test_a_dry_run_of_runs_writes_nothing(lab, orglab, repo):
    said = orglab("import", "-n", "--from", "mlflow", lab / "mlflow.db")
    assert said.out == "new  4 runs  Dropout study\n"
    assert said.err.endswith("Would add 1 experiment and 4 runs.\n")
    assert not Path(NAME).exists()
    assert not (repo.path / ".git/orglab/runs").exists()
    form = json.loads(orglab("import", "-n", "--json", "--from", "mlflow", lab / "mlflow.db").out)
    (one,) = [one for one in form["experiments"] if one["runs"]]
    assert (one["title"], one["ref"], one["is_new"], len(one["runs"]), one["own"]) == (
        "Dropout study",
        None,
        True,
        4,
        1,
    )


def test_an_imported_run_is_not_repeated_without_a_question(lab, orglab, repo):
    head = repo.commit("Train", {"train.py": "x"})
    with sqlite3.connect(lab / "mlflow.db") as connection:
        connection.execute("UPDATE tags SET value = ? WHERE key = 'mlflow.source.git.commit'", (head,))
    orglab("import", "--from", "mlflow", lab / "mlflow.db")
    run = runs_of(orglab)["MLflow run base: No dropout"]
    assert "train.py" in orglab("runs", "rerun", run["id"], code=2).err
    assert len(runs_of(orglab)) == 4


# ---- W&B ----


def test_runs_of_wandb(lab, orglab):
    assert orglab("import", "--from", "wandb", lab / "wandb").out == "e1  2 runs  study\n"
    runs = runs_of(orglab)
    fast, slow = runs["W&B run fast: Why not?"], runs["W&B run slow"]
    assert fast["parameters"] == {"lr": 0.1, "model.depth": 2, "api_key": "***", "later": "[1,2]"}
    assert fast["metrics"] == {"best": 0.9, "loss": pytest.approx(1 / 3), "val.acc": 0.5}
    assert "tags: a, b, group=pair" in fast["why"]
    assert (fast["status"], slow["status"], slow["exit_code"]) == ("done", "failed", 3)
    assert "sk-secret" not in Path(NAME).read_text()
    assert orglab("import", "--from", "wandb", lab).err.endswith("2 were there already.\n")


def write_wandb(folder, *records, name="abc"):
    path = folder / f"offline-run-20260102_030405-{name}" / f"run-{name}.wandb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(frame(records))
    return path


def test_the_command_and_the_commit_of_wandb(tmp_path):
    git = part(9, part(2, COMMIT.encode()))
    environment = part(26, part(5, b"--lr") + part(5, b"0.1") + part(6, b"train.py") + git)
    end = part(18, b"\x08\x03" + b"\x10" + make_varint(90))
    write_wandb(tmp_path, describe_run("abc", 1_767_323_045), environment, history(0, loss=1), end)
    (experiment,) = read_wandb(None, tmp_path)
    (run,) = experiment.runs
    assert experiment.name == "uncategorized"
    assert run.argv == ("python", "train.py", "--lr", "0.1")
    assert (run.commit, run.exit_code, run.status, run.ended - run.began) == (COMMIT, 3, "failed", 90)


def test_older_versions_of_wandb_have_these_in_a_file(tmp_path):
    path = write_wandb(tmp_path, describe_run("abc", 1_767_323_045))
    (path.parent / "files").mkdir()
    fields = {"program": "train.py", "args": ["--x"], "git": {"commit": COMMIT}}
    (path.parent / "files/wandb-metadata.json").write_text(json.dumps(fields))
    (run,) = read_wandb(None, path)[0].runs
    assert (run.argv, run.commit, run.status) == (("python", "train.py", "--x"), COMMIT, "running")


def test_a_run_of_wandb_that_was_resumed_is_one(tmp_path):
    end = part(18, b"\x10\x05")
    write_wandb(tmp_path / "1", describe_run("abc", 1_767_323_000), history(0, loss=2))
    write_wandb(tmp_path / "2", describe_run("abc", 1_767_323_100), history(1, loss=1), end)
    (run,) = read_wandb(None, tmp_path)[0].runs
    assert (run.began, run.ended, run.status) == (1_767_323_000, 1_767_323_105, "done")
    assert [row["loss"] for found in run.find_metrics() for row in found.read()] == [2, 1]


def test_a_run_of_wandb_that_orglab_recorded_is_left_out(tmp_path):
    write_wandb(tmp_path, describe_run("abc", 1_767_323_000, "orglab run 20260102-030405-a1b2c3 of e1"))
    (experiment,) = read_wandb(None, tmp_path)
    assert (experiment.runs, experiment.own) == ((), 1)


# ---- Trackio ----


def test_runs_of_trackio(lab, orglab):
    assert orglab("import", "--from", "trackio", lab / "study.db").out == "e1  2 runs  study\n"
    found = json.loads(orglab("runs", "--json", "--full").out)["runs"]
    assert sorted(run["parameters"]["lr"] for run in found) == [0.1, 0.2]
    first = next(run for run in found if run["parameters"]["lr"] == 0.1)
    assert first["parameters"] == {"lr": 0.1, "model.depth": 2}
    assert first["metrics"] == {"loss": pytest.approx(1 / 3)}
    assert "tags: group=pair" in first["why"]


def test_older_runs_of_trackio_are_told_apart_by_their_project(tmp_path):
    old = DATA.parents[1] / "sources/data/trackio/study-old.db.gz"
    for name in ("one", "two"):
        (tmp_path / f"{name}.db").write_bytes(gzip.decompress(old.read_bytes()))
    ids = {read_trackio(None, tmp_path / f"{name}.db")[0].runs[0].id for name in ("one", "two")}
    assert len(ids) == 2


# ---- DVC ----


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A repository in which DVC made experiments."""
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    subprocess.run(["git", "-C", tmp_path, "fetch", "--quiet", DATA / "dvc.bundle", "refs/*:refs/*", "-u"], check=True)
    subprocess.run(["git", "-C", tmp_path, "checkout", "--quiet", "main"], check=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("study")
def test_experiments_of_dvc(orglab):
    said = orglab("import", "--from", "dvc")
    assert said.out == "e1  2 runs  DVC experiments on 2d5f61d: The baseline of the study\n"
    runs = runs_of(orglab)
    first, second = runs["DVC run first"], runs["DVC run second: A higher rate"]
    assert second["parameters"] == {"lr": 0.3, "model.depth": 3}
    assert second["metrics"] == {"acc": 0.8, "val.loss": 0.3}
    assert first["argv"] == ["python", "train.py", "--fast"]
    assert f"({second['before'][:7]}) ran python train.py --fast, exit 0: acc 0.8" in Path(NAME).read_text()
    assert orglab("import", "--from", "dvc", ".").err.endswith("2 were there already.\n")
    assert orglab("check").err.endswith("No problems found.\n")


def test_a_folder_without_experiments_of_dvc_is_one_sentence(tmp_path, repo):
    with pytest.raises(NotReadableError, match="has no experiments of DVC"):
        read_dvc(None, repo.path)
    with pytest.raises(NotReadableError, match="is in no git repository"):
        read_dvc(None, tmp_path.parent)


def test_hostile_files_of_dvc_are_read_as_far_as_they_are_valid(study):
    """Aliases without end, a path out of the repository, a line break in a path, and what is no YAML."""
    bomb = "a: &a [x, x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(20)
    )
    (study / "params.yaml").write_text(bomb)
    (study / "dvc.lock").write_text("{")
    (study / "dvc.yaml").write_text('metrics: [../../../etc/passwd, "a\\nHEAD:train.py", {x: 1}, 5]\nstages: [1]\n')
    git = ["git", "-C", study, "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "add", "--all"], check=True)
    subprocess.run([*git, "commit", "--quiet", "-m", "Hostile"], check=True)
    subprocess.run([*git, "update-ref", f"refs/exps/ab/{'c' * 38}/hostile", "HEAD"], check=True)
    found = {run.name: run for one in read_dvc(None, study) for run in one.runs}
    assert found["hostile"].parameters == {}
    assert [list(one.read()) for one in found["hostile"].find_metrics()] == [[]]


# ---- what is not of the tracker ----


@pytest.mark.parametrize(
    ("tracker", "said"),
    [
        ("mlflow", "x.db is no database of MLflow."),
        ("trackio", "x.db is no database of Trackio."),
        ("wandb", "is not a valid file of W&B."),
    ],
)
@pytest.mark.parametrize("content", [b"", b"x" * 5000, b"SQLite format 3\0" + b"\xff" * 500])
@pytest.mark.usefixtures("repo")
def test_another_file_is_one_sentence_and_no_log(orglab, tracker, said, content):
    Path("x.db").write_bytes(content)
    answer = orglab("import", "--from", tracker, "x.db", code=3)
    assert answer.err.count("\n") == 1
    assert said in answer.err or "Cannot read the runs in x.db" in answer.err or "x.db has no runs" in answer.err
    assert not Path(NAME).exists()


@pytest.mark.usefixtures("repo")
def test_what_is_not_there_is_said(orglab):
    assert "There is no folder missing." in orglab("import", "--from", "dvc", "missing", code=3).err
    for tracker in ("mlflow", "wandb", "trackio"):
        assert "There is no file" in orglab("import", "--from", tracker, "missing", code=3).err
        assert "Name one file or folder" in orglab("import", "--from", tracker, code=2).err


def test_a_view_or_a_trigger_in_a_database_is_not_run(tmp_path):
    path = tmp_path / "mlflow.db"
    path.write_bytes(gzip.decompress((DATA / "mlflow.db.gz").read_bytes()))
    with sqlite3.connect(path) as connection:
        connection.execute("ALTER TABLE params RENAME TO hidden")
        connection.execute("CREATE VIEW params AS SELECT key, hex(zeroblob(1000000000)) AS value, run_uuid FROM hidden")
    with pytest.raises(NotReadableError, match="no database of MLflow"):
        read_mlflow(None, path)


def test_a_link_out_of_the_repository_is_not_followed(repo, tmp_path_factory, orglab):
    outside = tmp_path_factory.mktemp("private")
    shutil.copytree(DATA / "mlruns", outside / "mlruns")
    (repo.path / "mlruns").symlink_to(outside / "mlruns")
    repo.git("add", "mlruns")
    said = orglab("import", "--from", "mlflow", "mlruns", code=3)
    assert "Dropout" not in said.out + said.err


def test_titles_and_names_are_text_for_org(lab, orglab, emacs):
    hostile = "* [1/2] <b> :tag: [[x]]\n#+TODO: A | B\nLocal Variables:"
    with sqlite3.connect(lab / "mlflow.db") as connection:
        connection.execute("UPDATE experiments SET name = ? WHERE name = 'Dropout study'", (hostile,))
        connection.execute(
            "UPDATE tags SET value = ? WHERE key = 'mlflow.runName'", (hostile + "\n  run 20260102-030405-a1b2c3",)
        )
        connection.execute(
            "UPDATE tags SET value = ? WHERE key = 'mlflow.note.content'", (f"* x\n{hostile}\n:END:\n- [ ] y",)
        )
        connection.execute("UPDATE params SET value = ?", ("x" * 60_000,))
    orglab("import", "--from", "mlflow", lab / "mlflow.db")
    headings = emacs(
        '(find-file (car command-line-args-left)) (org-map-entries (lambda () (princ (format "%d\\n" (org-outline-level)))))',
        NAME,
    )
    assert headings.split() == ["1", "2", "2", "2"]
    assert orglab("check").err.endswith("No problems found.\n")
    assert Path(NAME).stat().st_size < 20_000


def test_runs_are_imported_without_the_library_for_markdown(lab, tmp_path_factory, repo):
    folder = tmp_path_factory.mktemp("blocked")
    (folder / "sitecustomize.py").write_text("import sys\nsys.modules['markdown_it'] = None\n")
    done = process(
        "import", "--from", "trackio", lab / "study.db", cwd=repo.path, PYTHONPATH=f"{folder}{os.pathsep}{SOURCE}"
    )
    assert done.code == 0
    assert "markdown" not in done.err
