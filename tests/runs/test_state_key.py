"""The key of a user."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from orglab.runs.state_key import read_key


@pytest.fixture
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


def test_the_key_is_created_once_and_only_its_user_can_read_it(state):
    key = read_key()
    assert key == read_key()
    assert len(key) == 32
    assert stat.S_IMODE((state / "orglab/key").stat().st_mode) == 0o600
    assert [path.name for path in (state / "orglab").iterdir()] == ["key"]


def test_processes_that_create_it_at_once_have_the_same_key(state):
    with ThreadPoolExecutor(8) as pool:
        assert len({*pool.map(lambda _: read_key(), range(32))}) == 1
    assert [path.name for path in (state / "orglab").iterdir()] == ["key"]


def test_what_is_no_key_is_neither_read_nor_replaced(state):
    (state / "orglab").mkdir(parents=True)
    (state / "other").write_bytes(bytes(32))
    place = state / "orglab/key"
    place.symlink_to(state / "other")
    assert read_key() is None
    place.unlink()
    os.mkfifo(place)
    assert read_key() is None
    place.unlink()
    place.write_bytes(b"short")
    assert read_key() is None
    assert place.read_bytes() == b"short"


def test_a_relative_state_folder_is_ignored_and_without_a_home_there_is_no_key(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", "here")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert read_key() is not None
    assert (tmp_path / "home/.local/state/orglab/key").is_file()
    assert not (tmp_path / "here").exists()
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HOME", str(tmp_path / "file"))
    assert read_key() is None
