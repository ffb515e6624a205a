"""Which untracked files are kept with the code of a run."""

import pytest

from orglab.git import find_repository
from orglab.git.untracked import list_files
from orglab.git.worktree import read_changes


@pytest.fixture
def results(repo):
    """A repository with an untracked folder of results, of which one folder is skipped."""
    repo.commit("first", {"a.py": "1\n", ".gitignore": "*.log\n"})
    for name in ("results/e1/a/metrics.json", "results/e1/pyvenv.cfg", "results/e2/b.json", "results/notes.txt",
                 "results/old.log", "results/e2/old.log", "new.py"):  # fmt: skip
        repo.write(name, "1\n")
    return find_repository(repo.path)


def list_untracked(repository, *skipped):
    files, left_out = list_files(repository, read_changes(repository, all_files=False).untracked, skipped)
    return sorted(files), [one.path for one in left_out]


def test_a_folder_that_is_skipped_is_not_looked_into(results):
    """What is beside it is listed like other untracked files."""
    assert list_untracked(results) == (["new.py", "results/e2/b.json", "results/notes.txt"], ["results/e1/"])
    listed = list_untracked(results, "results/e1/", "runs/")
    assert listed == (["new.py", "results/e2/b.json", "results/notes.txt"], [])
    assert list_untracked(results, "results/") == (["new.py"], [])
    assert list_untracked(results, "results/e1/", "results/e2/") == (["new.py", "results/notes.txt"], [])


def test_a_skipped_folder_among_very_many_changes_nothing(results, repo):
    """A command line of git has no room for all their names."""
    for number in range(600):
        repo.write(f"results/{number}.txt", "")
    files, _ = list_untracked(results, "results/e1/")
    assert len([name for name in files if name.startswith("results/")]) == 602


def test_files_of_a_repository_inside_are_not_listed(results, repo):
    repo.git("init", "--quiet", repo.path / "results/inner")
    repo.git("init", "--quiet", repo.path / "own")
    repo.write("own/skipped/a.txt", "1\n")
    assert list_untracked(results, "own/skipped/", "results/e1/")[0] == list_untracked(results)[0]
