"""Creating or adopting a log, and setting it up in git."""

from pathlib import Path

import pytest

from orglab.api import Log, open_log
from orglab.api.setup import choose_log
from orglab.errors import NotFoundError, NotWritableError
from texts import SEED


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_in_an_empty_folder_a_new_log_is_chosen():
    assert choose_log(None)[::2] == (Path("experiment_log.org"), True)


def test_a_log_that_is_named_is_chosen():
    assert choose_log("other.org")[::2] == (Path("other.org"), True)


def test_a_log_in_a_parent_folder_is_chosen_by_its_relative_path(folder, monkeypatch):
    (folder / "experiment_log.org").write_text(SEED)
    (folder / "sub").mkdir()
    monkeypatch.chdir(folder / "sub")
    assert choose_log(None)[::2] == (Path("../experiment_log.org"), True)


def test_of_other_org_files_the_largest_is_only_suggested(folder):
    (folder / "small.org").write_text("* A\n")
    (folder / "large.org").write_text(SEED)
    (folder / "README.org").write_text(SEED * 2)
    assert choose_log(None)[::2] == (Path("large.org"), False)


def test_a_log_is_created_once_and_adopted_afterwards(folder):
    log = Log(Path("experiment_log.org"))
    made = log.init(with_settings=True)
    assert (made.adoption, made.settings) == (None, Path("orglab.toml"))
    assert open_log().experiments() == []
    text = (folder / "experiment_log.org").read_bytes()
    assert log.init().adoption.experiments == ()
    assert (folder / "experiment_log.org").read_bytes() == text


def test_with_an_existing_settings_file_no_log_is_created(folder):
    (folder / "orglab.toml").write_text("")
    with pytest.raises(NotWritableError, match="already exists"):
        Log(Path("experiment_log.org")).init(with_settings=True)
    assert not (folder / "experiment_log.org").exists()


def test_without_a_repository_nothing_is_set_up_in_git(folder):
    (folder / "experiment_log.org").write_text(SEED)
    assert open_log().attach() == (None, False, [])
    for method in (open_log().install_hooks, open_log().detach, open_log().hook_status):
        with pytest.raises(NotFoundError, match="is not in a git repository"):
            method()


def test_a_repository_is_set_up_once(repo):
    repo.write("experiment_log.org", SEED)
    first, again = open_log().attach(), open_log().attach()
    assert (first.hooks.is_new, [path.name for path in first.changed]) == (True, [".gitattributes"])
    assert (again.hooks.is_new, again.changed) == (False, [])
    assert {one.state for one in open_log().hook_status().hooks} == {"installed"}
    assert open_log().hook_status().is_there
    assert open_log().detach() == []
    assert {one.state for one in open_log().hook_status().hooks} != {"installed"}


def test_hooks_of_another_tool_are_left_alone(repo):
    repo.write("experiment_log.org", SEED)
    repo.git("config", "core.hooksPath", ".husky/_")
    (repo.path / ".husky" / "_").mkdir(parents=True)
    done = open_log().attach()
    assert (done.hooks, done.is_left_to_others) == (None, True)
