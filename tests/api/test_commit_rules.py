"""The methods that git hooks call: rules for commits and their messages."""

import pytest

from lab import NAME
from orglab.api import Log
from orglab.errors import NotFoundError
from orglab.git.hook_commit import HookCommit
from orglab.reference import Reference
from texts import SEED


@pytest.fixture
def log(repo, monkeypatch):
    """A log that is committed; the current folder is the top, as it is for a hook."""
    repo.commit("start", {NAME: SEED, "train.py": "lr = 0\n"})
    monkeypatch.chdir(repo.path)
    return Log(repo.path / NAME)


@pytest.fixture
def commit():
    return HookCommit(".git", None)


def stage(repo, **files):
    for name, text in files.items():
        (repo.path / name).write_text(text)
    repo.git("add", "--all")


def test_references_in_a_message_are_known_or_unknown(log):
    named = log.find_named(b"[e201.2] and [e201], not [e7], nor [e201.9], in an [eval] of [e201.2]")
    assert named.titles == {"e201.2": "Test XYZ with ABC", "e201": log.experiment("201").title}
    assert named.unknown == [Reference("7"), Reference("201", 9)]
    assert not any(log.find_named(b"an [eval] of [1]"))


def test_a_message_without_references_does_not_read_the_log(log):
    log.path.unlink()
    assert not any(log.find_named(b"tune"))
    with pytest.raises(NotFoundError):
        log.find_named(b"[e201]")


def test_an_id_of_two_experiments_is_known_without_a_title(log):
    log.path.write_text(SEED + SEED)
    assert log.find_named(b"[e201.9]") == ({"e201.9": ""}, [])


def test_a_missing_reference_comes_with_the_nearest_ones(log, commit):
    step, other = log.find_missing([Reference("201", 9), Reference("202")], commit)
    assert (step.spelled, step.experiment.ref, step.near) == ("e201.9", "e201", ("e201.2", "e201.1"))
    assert (other.spelled, other.experiment, other.near) == ("e202", None, ("e201",))


def test_a_missing_step_of_a_renumbered_experiment_has_that_experiment(log, commit):
    log.renumber("201", "300")
    assert log.find_named(b"[e201.1] [e201.9]") == ({"e201.1": log.step("300.1").text}, [Reference("201", 9)])
    (found,) = log.find_missing([Reference("201", 9)], commit)
    assert found.experiment.ref == "e300"


def test_an_experiment_that_only_the_staged_log_has_is_not_missing(log, commit, repo):
    stage(repo, **{NAME: SEED.replace("201", "202")})
    log.path.write_text(SEED)
    assert log.find_missing([Reference("202", 1)], commit) == []


def test_log_and_code_in_one_commit_are_a_mixture(log, commit, repo):
    stage(repo, **{NAME: SEED + "x\n"})
    assert log.find_mixture(commit) is None
    stage(repo, **{"train.py": "lr = 1\n"})
    found = log.find_mixture(commit)
    assert ([(change.state, change.path) for change in found.changes], found.rule) == ([("M", NAME)], "leave-out")
    assert not commit.is_staged_in_part(NAME)
    log.path.write_text(SEED + "y\n")
    assert commit.is_staged_in_part(NAME)


@pytest.mark.parametrize("setting", ["leave-out", "refuse", "warn", "off"])
def test_the_setting_decides_about_a_mixture(log, commit, repo, setting):
    log.config = log.config._replace(hooks=log.config.hooks._replace(separate=setting))
    stage(repo, **{NAME: SEED + "x\n", "train.py": "lr = 1\n"})
    found = log.find_mixture(commit)
    assert (found.rule if found else "off") == setting


def test_a_log_kept_apart_is_in_no_mixture(log, commit, repo, monkeypatch):
    monkeypatch.setattr(type(log), "is_apart", True)
    stage(repo, **{NAME: SEED + "x\n", "train.py": "lr = 1\n"})
    assert log.find_mixture(commit) is None


@pytest.mark.parametrize(
    ("message", "unknown"), [("[e9]", "9"), ("[ex9]", "x9"), ("x\n\nRefs: ex9, e9", "9"), ("[ex]", "")]
)
def test_an_unknown_reference_in_a_trailer_must_be_a_number(log, message, unknown):
    assert [reference.id for reference in log.find_named(message.encode()).unknown] == unknown.split()


def test_the_commit_that_adds_the_log_may_contain_code(repo, monkeypatch):
    monkeypatch.chdir(repo.path)
    stage(repo, **{NAME: SEED, "train.py": "lr = 1\n"})
    assert Log(repo.path / NAME).find_mixture(HookCommit(".git", None)) is None


def test_a_merge_or_a_message_without_done_ticks_nothing(log, commit, repo):
    log.config = log.config._replace(hooks=log.config.hooks._replace(auto_done=True))
    repo.commit("[e201.2] done", {"train.py": "lr = 2\n"})
    made = commit.read_commit()
    assert made.hash == repo.git("rev-parse", "HEAD").strip()
    log.complete_steps_in_message(made._replace(is_merge=True), print)
    log.complete_steps_in_message(made._replace(message=b"[e201.2] tune"), print)
    assert log.step("201.2").state != "done"
    log.complete_steps_in_message(made, print)
    assert log.step("201.2").state == "done"
