"""What a killed process left in the git directory is removed; what a living one or the user has is not."""

import os
import subprocess
import sys
import threading

import pytest

from orglab.errors import GitError
from orglab.git import find_repository
from orglab.git.scratch import add_worktree, collect_scratch, scratch_folder, scratch_worktree

HOLD = """\
import sys
from pathlib import Path
from orglab.git import find_repository
from orglab.git.scratch import scratch_folder
with scratch_folder(find_repository(Path.cwd())) as folder:
    (folder / "index").write_text("x")
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def ours(repo):
    repo.commit("one", {"a": ""})
    return find_repository(repo.path)


def names_of(repo):
    return sorted(path.name for path in (repo.path / ".git/orglab").iterdir())


def test_a_folder_is_private_and_gone_afterwards(repo, ours):
    with scratch_folder(ours) as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "index").write_text("x")
        collect_scratch(ours)
        assert (folder / "index").exists()
    assert names_of(repo) == []


def test_the_folder_of_a_killed_process_is_collected(repo, ours):
    process = subprocess.Popen([sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    process.stdout.readline()
    collect_scratch(ours)
    assert len(names_of(repo)) == 1
    process.kill()
    process.communicate()
    assert len(names_of(repo)) == 1
    collect_scratch(ours)
    assert names_of(repo) == []


def test_only_folders_of_this_kind_are_collected(repo, ours, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    (outside / "file").write_text("x")
    own = repo.path / ".git/orglab"
    own.mkdir()
    (own / "temporary-link").symlink_to(outside)
    (own / "temporary-file").write_text("x")
    (own / "other").mkdir()
    collect_scratch(ours)
    assert names_of(repo) == ["other", "temporary-file", "temporary-link"]
    assert (outside / "file").exists()


def test_nothing_is_made_or_removed_where_the_folder_is_a_link(repo, ours, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    (outside / "temporary-x").mkdir()
    (outside / "worktrees").mkdir()
    (outside / "worktrees/.x").write_text("")
    (outside / "worktrees/x").mkdir()
    (repo.path / ".git/orglab").symlink_to(outside)
    collect_scratch(ours)
    with pytest.raises(GitError, match="symbolic link"), scratch_folder(ours):
        pass
    assert sorted(path.name for path in outside.rglob("*")) == [".x", "temporary-x", "worktrees", "x"]


def test_a_working_tree_is_added_while_another_process_adds_one(repo, ours, tmp_path_factory):
    other = tmp_path_factory.mktemp("other") / "tree"
    repo.git("worktree", "add", "--quiet", other)
    named = repo.path / ".git/worktrees/tree/commondir"
    written = named.read_bytes()
    named.unlink()
    os.mkfifo(named)

    def finish():
        # git has made the file, and not yet filled it; whoever waits for the pipe reads nothing.
        with named.open("wb"):
            full = named.with_name("commondir.full")
            full.write_bytes(written)
            full.replace(named)

    process = threading.Thread(target=finish)
    process.start()
    with scratch_worktree(ours, "new") as (checkout, _):
        add_worktree(checkout, repo.git("rev-parse", "HEAD"))
        assert (checkout.place / "a").exists()
    process.join()
