"""Settings, and finding the log."""

import re

import pytest

from commands import Orglab
from orglab.config import Config, find_log
from orglab.errors import NotFoundError, UsageError


def test_the_nearest_log_up_to_the_root_of_the_repository(tmp_path):
    (tmp_path / "experiment_log.org").touch()
    inner = tmp_path / "repository" / "deep"
    inner.mkdir(parents=True)
    assert find_log(inner)[0] == tmp_path / "experiment_log.org"
    (tmp_path / "repository" / ".git").mkdir()
    with pytest.raises(NotFoundError, match="orglab init"):
        find_log(inner)


def test_the_option_overrides_the_environment_and_the_files(tmp_path, monkeypatch):
    (tmp_path / "orglab.toml").write_text('log = "own.org"\nletter = "x"\n')
    assert find_log(tmp_path) == (tmp_path / "own.org", Config(log="own.org", letter="x"))
    monkeypatch.setenv("ORGLAB_LOG", "env.org")
    assert str(find_log(tmp_path)[0]) == "env.org"
    path, config = find_log(tmp_path, "given.org")
    assert (str(path), config.letter) == ("given.org", "x")


def test_settings_in_pyproject(tmp_path):
    (tmp_path / "pyproject.toml").write_text('[tool.orglab]\nlog = "notes/log.org"\ntags = ["exp", "x"]\n')
    path, config = find_log(tmp_path)
    assert (path, config.tags) == (tmp_path / "notes/log.org", ("exp", "x"))


@pytest.mark.parametrize(
    "text",
    ["nosuch = 1", "log = 3", "tags = 'exp'", "tags = ['x']", "id_property = 'UUID'", "log = ", "\xff"],
)
def test_an_invalid_setting_is_named(tmp_path, text):
    (tmp_path / "orglab.toml").write_bytes(text.encode("latin-1"))
    with pytest.raises(UsageError, match=r"orglab\.toml"):
        find_log(tmp_path)


def test_names_of_the_parts_are_settings(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "orglab.toml").write_text(
        'tag = "run"\ntags = ["run"]\nletter = "r"\nid_property = "CUSTOM_ID"\n'
        'notes = "Remarks"\nsteps = "Plan"\nconclusions = "Result"\nkeywords = "OPEN | SHUT"\n'
    )
    orglab = Orglab(capsys)
    orglab("init")
    (tmp_path / "experiment_log.org").write_text("")
    assert orglab("new", "A", "-s", "one").out == "r1\n"
    orglab("done", "r1.1", "--no-commit")
    orglab("conclude", "1", "Yes.")
    text = (tmp_path / "experiment_log.org").read_text()
    assert ":CUSTOM_ID: 1\n" in text
    assert "** SHUT Plan [1/1]\n1. [X] one\n" in text
    assert re.search(r"^\*\* SHUT Result\n\[[^]\n]+\]\nYes\.\n", text, re.M)


def test_tags_follow_from_the_tag_setting(tmp_path):
    (tmp_path / "orglab.toml").write_text('log = "x.org"\ntag = "run"\n')
    assert find_log(tmp_path)[1] == Config(log="x.org", tag="run", tags=("run",))


def test_the_directions_of_metrics_keep_their_order(tmp_path):
    (tmp_path / "orglab.toml").write_text('log = "x.org"\n[metrics]\nval_loss = "min"\n"val.acc" = "max"\na = "min"\n')
    metrics = find_log(tmp_path)[1].metrics
    assert list(metrics.items()) == [("val_loss", "min"), ("val.acc", "max"), ("a", "min")]


@pytest.mark.parametrize("text", ["metrics = 3", "[metrics]\nloss = 'least'", "[metrics]\nval.acc = 'max'"])
def test_a_metric_without_a_direction_is_named(tmp_path, text):
    (tmp_path / "orglab.toml").write_text(text)
    with pytest.raises(UsageError, match="metrics"):
        find_log(tmp_path)
