"""The seal tells what this user ran from what somebody else says that was run."""

import json
import os
import stat
import subprocess
from pathlib import Path

import pytest

from orglab.runs.record_reader import read_run, read_runs
from orglab.runs.seal import is_own


@pytest.fixture
def state(tmp_path, monkeypatch):
    """The state folder of the user."""
    folder = tmp_path.parent / f"{tmp_path.name}-state"
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    return folder


@pytest.fixture
def made(state, study, orglab):  # noqa: ARG001 - its key is there
    """A run of this user."""
    orglab("run", "1.1", "--", "true")
    (run,) = read_runs(study.path)
    return run


def rewrite(run, **fields):
    record = run.folder / "record.jsonl"
    first, *others = record.read_text().splitlines()
    record.write_text("\n".join([json.dumps({**json.loads(first), **fields}), *others]) + "\n")
    return read_run(run.folder)


def test_a_run_of_this_user_is_sealed_with_a_key_that_nobody_else_reads(made, state):
    assert is_own(made)
    key = state / "orglab" / "key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert key.stat().st_size == 32
    assert [path.name for path in key.parent.iterdir()] == ["key"]


def test_a_command_that_is_no_utf_8_is_sealed_too(study, orglab):
    orglab("run", "1.1", "--", "test", os.fsdecode(b"\xff"))
    (run,) = read_runs(study.path)
    assert is_own(run)


@pytest.mark.parametrize(
    "change", [{"argv": ["false"]}, {"seal": "0" * 64}, {"seal": None}, {"seal": "é"}, {"environment": {"A": "b"}}]
)
def test_what_somebody_has_changed_is_not_of_this_user(made, change):
    assert not is_own(rewrite(made, **change))


def test_what_a_later_line_changes_of_the_command_is_not_of_this_user(made):
    with (made.folder / "record.jsonl").open("a") as file:
        file.write(json.dumps({"event": "measured", "metrics": {"a": 1}}) + "\n")
    assert is_own(read_run(made.folder))
    with (made.folder / "record.jsonl").open("a") as file:
        file.write(json.dumps({"event": "measured", "repository": "/elsewhere"}) + "\n")
    assert not is_own(read_run(made.folder))


def test_a_seal_belongs_to_one_run(made):
    other = made.folder.with_name("20180101-000000-abcdef")
    other.mkdir()
    (other / "record.jsonl").write_bytes((made.folder / "record.jsonl").read_bytes())
    assert not is_own(read_run(other))


def test_without_the_key_no_run_is_of_this_user(made, state):
    (state / "orglab" / "key").unlink()
    assert not is_own(made)


def test_no_key_is_made_or_read_through_a_link(state, study, orglab):
    elsewhere = state.with_name(f"{state.name}-elsewhere")
    elsewhere.mkdir()
    (state / "orglab").mkdir(parents=True)
    (state / "orglab" / "key").symlink_to(elsewhere / "key")
    orglab("run", "1.1", "--", "true")
    (run,) = read_runs(study.path)
    assert not list(elsewhere.iterdir())
    assert "seal" not in run.fields
    assert not is_own(run)


def test_a_run_is_recorded_where_no_key_can_be_made(study, orglab, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", "/dev/null/nowhere")
    orglab("run", "1.1", "--results", "results", "--", "python", "train.py")
    (run,) = read_runs(study.path)
    assert "seal" not in run.fields
    # What has just run is of this user, whatever the record says later.
    assert run.commit is not None


def test_a_sync_publishes_no_seal(made, study, orglab, tmp_path_factory):
    hub = tmp_path_factory.mktemp("hub")
    subprocess.run(["git", "init", "--quiet", "--bare", hub], check=True)
    study.git("remote", "add", "origin", str(hub))
    orglab("sync")
    (ref,) = study.git("for-each-ref", "--format=%(refname)", "refs/orglab/records").split()
    published = study.git("cat-file", "blob", f"{ref}:{made.id}/record.jsonl")
    assert f'"log": "{made.log}"' in published
    assert "seal" not in published
    assert is_own(made)


def plant(path: Path, fields: dict) -> str:
    """Write a run that somebody else has put into the git directory, and leave it to the next command."""
    name = "20180101-000000-abcdef"
    folder = path / ".git" / "orglab"
    (folder / "runs" / name).mkdir(parents=True)
    (folder / "waiting").mkdir(exist_ok=True)
    began = {"event": "began", "ref": "e1.1", "log": "experiment_log.org", "argv": ["true"], "exit_code": 0}
    began |= {"began": "2018-01-01T00:00:00+00:00", "branch": "main"}
    (folder / "runs" / name / "record.jsonl").write_text(json.dumps(began | fields) + "\n")
    (folder / "waiting" / name).write_text("{}")
    return name


OUTPUT = {"path": "out.txt", "sha256": "73cb3858a687a8494ca3323053016282f3dad39d42cf62ca4e79dda2aac7d9ac", "size": 2}


def test_results_of_a_run_of_somebody_else_are_committed_on_request_only(study, orglab):
    hook = study.write(".git/hooks/pre-commit", "#!/bin/sh\ntouch .git/hooked\n")
    hook.chmod(0o755)
    study.write("out.txt", "x\n")
    name = plant(study.path, {"results": ["out.txt"], "outputs": [OUTPUT], "before": study.git("rev-parse", "HEAD")})
    head = study.git("rev-parse", "HEAD")
    answer = orglab("list")
    assert answer.err.count("this user did not make the run") == 1
    assert f"`orglab commit --results {name}`" in answer.err
    assert f"run {name}" in (study.path / "experiment_log.org").read_text()
    assert "this user did not make the run (not committed yet; `orglab commit --results RUN`" in " ".join(
        orglab("status").out.split()
    )
    orglab("commit", "--results")
    assert study.git("rev-parse", "HEAD") == head
    assert not (study.path / ".git/hooked").exists()
    orglab("commit", "--results", name)
    assert study.git("rev-parse", "HEAD~1") == head
    assert (study.path / ".git/hooked").exists()
    assert orglab("list").err == ""


def test_no_other_repository_is_touched_for_a_run_of_somebody_else(study, orglab, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    subprocess.run(["git", "init", "--quiet", other], check=True)
    (other / "out.txt").write_text("x\n")
    before = sorted(os.fspath(path) for path in other.rglob("*"))
    plant(study.path, {"repository": str(other), "results": ["out.txt"], "outputs": [OUTPUT]})
    name = read_runs(study.path)[0].id
    orglab("list")
    orglab("commit", "--results", name)
    assert sorted(os.fspath(path) for path in other.rglob("*")) == before


@pytest.mark.parametrize(
    ("field", "value"),
    [("kept", "--output={}"), ("before", "--index-output={}"), ("before", ":/code"), ("kept", "HEAD")],
)
def test_a_field_of_a_record_is_no_option_of_git_and_no_expression(study, orglab, tmp_path_factory, field, value):
    precious = tmp_path_factory.mktemp("precious") / "file"
    precious.write_text("precious")
    study.write("out.txt", "x\n")
    fields = {"results": ["out.txt"], "outputs": [OUTPUT], field: value.format(precious)}
    name = plant(study.path, {**fields, "exit_code": 1})
    orglab("list")
    orglab("status")
    orglab("commit", "--results", name)
    assert precious.read_text() == "precious"
    assert (study.path / "out.txt").read_text() == "x\n"
