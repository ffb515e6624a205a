"""Settings, and finding the log."""

import os
import re

import pytest

from commands import Orglab
from conftest import Repository
from orglab.config import Config, ReportConfig
from orglab.errors import NotFoundError
from orglab.settings.settings_files import find_log


def clone(folder):
    """Return a repository in a folder that has other things, too."""
    Repository(folder).git("init", "--quiet", "clone")
    return Repository(folder / "clone")


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
    ("text", "says"),
    [
        ("nosuch = 1", "Unknown setting 'nosuch'"),
        ("log = 3", "'log'"),
        ("log = 'notes.txt'", "ends in .org"),
        ("tags = 'exp'", "'tags'"),
        ("tags = ['x']", "a list with 'exp'"),
        ("id_property = 'UUID'", "ID or CUSTOM_ID"),
        ("notes = '* Notes'", "markup"),
        ("steps = 'DONE Steps'", "markup"),
        ("conclusions = 'Results :exp:'", "markup"),
        ('notes = "Notes\\n* [9] Not yours :exp:"', "one line"),
        ('keywords = "TODO | DONE\\n#+SETUPFILE: x"', "one line"),
        ('verdicts = ["good\\u202e"]', "one line"),
        ("[run]\nenvironment = ['GITHUB_TOKEN']", "not secret"),
        ("[run]\nenvironment = ['A=B']", "name of an environment variable"),
        ("[run]\nsnapshot_files = 1000000000", "at most 100000"),
        ("[run]\nresults = ['../..']", "stays in the repository"),
        ("[run]\nresults = ['~/results']", "only your own configuration may"),
        ("[report]\npictures_outside = true", "in your own configuration"),
        ("log = ", "cannot be read"),
        ("\xff", "cannot be read"),
        (f"[run]\nsize_limit = {'9' * 5000}", "too long"),
        (f"x = {'[' * 5000}{']' * 5000}", "too long or too deep"),
        (f"# {'x' * (1 << 20)}", "larger than 1 MB"),
    ],
)
def test_a_refused_setting_is_named_in_a_sentence_and_stops_nothing(tmp_path, monkeypatch, capsys, text, says):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "experiment_log.org").write_text("* TODO [1] A :exp:\n")
    (tmp_path / "orglab.toml").write_bytes(f'letter = "x"\n{text}\n'.encode("latin-1"))
    listed = Orglab(capsys)("list")
    (sentence,) = listed.err.splitlines()
    assert says in sentence
    assert "orglab.toml" in sentence
    assert re.search(r"\b(x|e)1\b", listed.out)[1] == ("e" if "cannot be read" in sentence else "x")
    assert "orglab.toml" not in Orglab(capsys)("list", "--json").out


def test_items_that_are_refused_leave_the_others(tmp_path):
    (tmp_path / "orglab.toml").write_text(
        'log = "x.org"\n[run]\nenvironment = ["WANDB_API_KEY", "SEED", "MAX_TOKENS"]\n'
    )
    config = find_log(tmp_path)[1]
    assert config.run.environment == ("SEED", "MAX_TOKENS")
    assert len(config.refused) == 1


@pytest.mark.parametrize(
    "value",
    [
        *("../home/x.org", "/etc/x.org", "out/x.org", ".git/hooks/x.org", ".GIT/x.org"),
        *("~/x.org", "~root/x.org", "~nobody-of-this-name/x.org"),
    ],
)
@pytest.mark.parametrize("setting", ["log", "journal"])
def test_settings_of_a_repository_lead_nowhere_outside(tmp_path, setting, value):
    repo = clone(tmp_path)
    (tmp_path / "home").mkdir()
    (repo.path / "out").symlink_to(tmp_path / "home")
    repo.write("experiment_log.org", "")
    repo.write("orglab.toml", f'{setting} = "{value}"\n')
    log, config = find_log(repo.path)
    assert (log, config.journal) == (repo.path / "experiment_log.org", "journal.org")
    (sentence,) = config.refused
    assert f"'{setting}'" in sentence


def test_a_template_of_a_repository_is_in_its_folder(tmp_path):
    repo = clone(tmp_path)
    (tmp_path / "home").mkdir()
    (tmp_path / "home/mail.txt").write_text("private")
    (repo.path / "out").symlink_to(tmp_path / "home")
    repo.write("experiment_log.org", "")
    for value in ("out/mail.txt", "../home/mail.txt", f"{tmp_path}/home/mail.txt", "~/mail.txt"):
        repo.write("orglab.toml", f'[report]\ntemplate = "{value}"\n')
        config = find_log(repo.path)[1]
        assert (config.report.template, len(config.refused)) == ("", 1)


def test_the_own_configuration_wins_and_may_lead_outside(tmp_path, monkeypatch):
    repo = clone(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    own = tmp_path / "config/orglab/config.toml"
    own.parent.mkdir(parents=True)
    own.write_text(
        f'log = "{tmp_path}/notes/log.org"\njournal = "../days.org"\n[report]\ntemplate = "mail.txt.j2"\npictures_outside = true\n'
        '[run]\nsnapshot_files = 1000000000\n[metrics]\nacc = "max"\n'
    )
    repo.write(
        "orglab.toml", 'log = "x.org"\nletter = "x"\n[run]\nsize_limit = 5\n[metrics]\nloss = "min"\nacc = "min"\n'
    )
    log, config = find_log(repo.path)
    assert (log, config.journal, config.letter) == (tmp_path / "notes/log.org", "../days.org", "x")
    assert (config.run.snapshot_files, config.run.size_limit) == (1000000000, 5)
    assert config.report == ReportConfig(template=str(own.with_name("mail.txt.j2")), pictures_outside=True)
    assert list(config.metrics.items()) == [("acc", "max"), ("loss", "min")]
    assert config.refused == ()


def test_only_paths_of_the_own_configuration_may_begin_with_the_home(tmp_path, monkeypatch):
    repo = clone(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    own = tmp_path / "config/orglab/config.toml"
    own.parent.mkdir(parents=True)
    own.write_text(
        'log = "~/log.org"\njournal = "~/days.org"\n[report]\ntemplate = "~/mail.j2"\n[run]\nresults = ["~/out"]\n'
    )
    log, config = find_log(repo.path)
    assert (log, config.journal) == (tmp_path / "home/log.org", f"{tmp_path}/home/days.org")
    assert (config.report.template, config.run.results) == (f"{tmp_path}/home/mail.j2", (f"{tmp_path}/home/out",))
    assert config.refused == ()


def test_without_a_repository_settings_above_the_home_do_not_count(tmp_path, monkeypatch):
    folder = tmp_path / "home/lab/deep"
    folder.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (folder / "experiment_log.org").touch()
    (tmp_path / "orglab.toml").write_text('letter = "x"\n')
    assert find_log(folder)[1].letter == "e"
    (tmp_path / "home/orglab.toml").write_text('letter = "y"\n')
    assert find_log(folder)[1].letter == "y"


def test_a_settings_file_elsewhere_to_which_a_link_leads_is_not_read(tmp_path):
    repo = clone(tmp_path)
    repo.write("experiment_log.org", "")
    (tmp_path / "private.toml").write_text('letter = "x"\npassword = "p"\n')
    (repo.path / "orglab.toml").symlink_to("../private.toml")
    config = find_log(repo.path)[1]
    assert config.letter == "e"
    assert "link that leads out of the repository" in config.refused[0]


def test_a_settings_file_that_is_no_file_is_passed_over(tmp_path):
    (tmp_path / "experiment_log.org").touch()
    os.mkfifo(tmp_path / "orglab.toml")
    assert find_log(tmp_path) == (tmp_path / "experiment_log.org", Config())


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
    (tmp_path / "experiment_log.org").touch()
    (tmp_path / "orglab.toml").write_text(text)
    (sentence,) = find_log(tmp_path)[1].refused
    assert "metrics" in sentence
