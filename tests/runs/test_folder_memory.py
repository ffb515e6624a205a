"""What is remembered of a folder, and when it is read again."""

import os

import pytest

from orglab.runs.folder_memory import FolderMemory


@pytest.fixture
def reads():
    """The folders that were read."""
    return []


@pytest.fixture
def memory(reads):
    def read(folder):
        reads.append(folder)
        return sorted(path.name for path in folder.iterdir()) if folder.exists() else []

    return FolderMemory(read)


def age(folder):
    """Let a folder be as old as most are."""
    os.utime(folder, (1_000_000_000, 1_000_000_000))


def test_an_old_folder_is_read_again_when_an_entry_is_added_or_removed(tmp_path, memory, reads):
    (tmp_path / "a").touch()
    age(tmp_path)
    assert [memory.read(tmp_path), memory.read(tmp_path)] == [["a"], ["a"]]
    assert reads == [tmp_path]
    (tmp_path / "b").touch()
    assert memory.read(tmp_path) == ["a", "b"]
    (tmp_path / "a").unlink()
    assert memory.read(tmp_path) == ["b"]


def test_a_folder_that_was_just_changed_is_not_remembered(tmp_path, memory, reads):
    """Another entry in the same tick of the clock would not be noticed."""
    (tmp_path / "a").touch()
    memory.read(tmp_path)
    memory.read(tmp_path)
    assert len(reads) == 2


def test_another_folder_in_its_place_is_another_one(tmp_path, memory):
    folder, other = tmp_path / "site", tmp_path / "other"
    for path, name in ((folder, "a"), (other, "b")):
        path.mkdir()
        (path / name).touch()
        age(path)
    assert memory.read(folder) == ["a"]
    folder.rename(tmp_path / "old")
    other.rename(folder)
    assert memory.read(folder) == ["b"]
    assert memory.read(tmp_path / "none") == []


def test_it_remembers_no_more_than_so_many(tmp_path, memory, reads):
    folders = [tmp_path / str(number) for number in range(150)]
    for folder in folders:
        folder.mkdir()
        age(folder)
        assert memory.read(folder) == []
    memory.read(folders[-1])
    assert len(reads) == 150
    memory.read(folders[0])
    assert len(reads) == 151
