"""A snapshot contains the whole working tree, and changes nothing of the user."""

import hashlib
import os
import time

import pytest

from orglab.errors import GitError
from orglab.git import find_repository
from orglab.git.hashed_file import LeftOut
from orglab.git.snapshot import make_snapshot, patch_id
from orglab.git.untracked import Budget, hash_left_out
from orglab.git.worktree import read_changes


@pytest.fixture
def found(repo):
    repo.commit("first", {"a.py": "1\n", "b.py": "1\n", ".gitignore": "*.log\n"})
    return find_repository(repo.path)


def take(repository, name):
    """Take a snapshot, with files of at most 1,000 bytes."""
    return make_snapshot(repository, name, "A snapshot\n", Budget(1000, 100, 100_000))


def files_of(repo, commit):
    names = repo.git("ls-tree", "-r", "--name-only", "-z", commit).rstrip("\0").split("\0")
    return {name: repo.git("show", f"{commit}:{name}") for name in names}


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def state_of(repo):
    """Everything that a snapshot must not change."""
    index = repo.path / ".git" / "index"
    status = index.stat()
    return (
        index.read_bytes(), status.st_mtime_ns, status.st_ino, repo.git("rev-parse", "HEAD"),
        repo.git("for-each-ref", "refs/heads"), repo.git("--no-optional-locks", "status", "--porcelain"), names_in(repo.path / ".git"),
    )  # fmt: skip


def test_it_contains_all_changes_and_leaves_the_working_tree_alone(repo, found):
    repo.write("a.py", "staged\n")
    repo.git("add", "a.py")
    repo.write("a.py", "staged and more\n")
    repo.write("new/deep.py", "new\n")
    repo.write("run.log", "ignored\n")
    (repo.path / "b.py").unlink()
    (repo.path / "link").symlink_to("a.py")
    (repo.path / ".git" / "orglab").mkdir()
    before = state_of(repo)
    snapshot = take(found, "r1")
    assert state_of(repo) == before
    assert files_of(repo, snapshot.commit) == {
        ".gitignore": "*.log", "a.py": "staged and more", "link": "a.py", "new/deep.py": "new",
    }  # fmt: skip
    assert repo.git("rev-parse", "refs/orglab/runs/r1", f"{snapshot.commit}^").split() == [
        snapshot.commit, before[3],
    ]  # fmt: skip
    assert names_in(repo.path / ".git" / "orglab") == []


def test_an_edit_of_the_same_size_in_the_same_second_is_not_missed(repo, found):
    # All of this is in one second, ten seconds ago; the time of a change of the inode cannot be set, so it is not asked.
    repo.git("config", "core.trustctime", "false")
    moment = (time.time_ns() // 10**9 - 10) * 10**9
    file = repo.write("a.py", "2\n")
    os.utime(file, ns=(moment, moment))
    repo.git("add", "a.py")
    os.utime(repo.path / ".git" / "index", ns=(moment, moment))
    file.write_text("3\n")
    os.utime(file, ns=(moment, moment))
    # git looks into a file that is not older than the index; a copy of the index that is newer would hide the edit.
    assert files_of(repo, take(found, "r1").commit)["a.py"] == "3"


def test_a_clean_working_tree_is_its_own_snapshot_and_is_kept_alive(repo, found):
    head = repo.git("rev-parse", "HEAD")
    assert take(found, "r1").commit == head
    assert repo.git("rev-parse", "refs/orglab/runs/r1") == head


def test_a_large_file_is_left_out(repo, found):
    repo.write("big.bin", b"x" * 1001)
    repo.write("small.bin", b"x" * 1000)
    snapshot = take(found, "r1")
    assert "small.bin" in files_of(repo, snapshot.commit)
    assert "big.bin" not in files_of(repo, snapshot.commit)
    assert snapshot.left_out == (LeftOut("big.bin", "large", 1001),)


def test_of_files_that_are_left_out_the_small_ones_are_hashed(repo):
    """Not several files together, nor what takes long."""
    repo.write("a.bin", b"x")
    repo.write("b.bin", b"")
    os.truncate(repo.path / "b.bin", 32_000_000)
    left_out = [
        LeftOut("b.bin", "large", 32_000_000), LeftOut("a.bin", "large", 1), LeftOut("data/*.png", "limit", 9),
        LeftOut("venv/", "environment"),
    ]  # fmt: skip
    hashed = hash_left_out(find_repository(repo.path), left_out)
    assert [one.sha256 for one in hashed] == [None, hashlib.sha256(b"x").hexdigest(), None, None]
    assert [one._replace(sha256=None) for one in hashed] == left_out


def test_uncaptured_files_are_listed(repo, found):
    repo.git("init", "--quiet", "nested")
    repo.write("nested/x", "1\n")
    snapshot = take(found, "r1")
    assert snapshot.uncaptured == ("nested/",)


def test_submodules_are_captured_in_their_own_repositories(repo, found, tmp_path_factory):
    inner = tmp_path_factory.mktemp("inner")
    repo.git("init", "--quiet", inner)
    repo.git("-C", inner, "commit", "--quiet", "--allow-empty", "-m", "one")
    repo.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", inner, "sub")
    repo.commit("with a submodule")
    repo.write("sub/new.py", "inside\n")
    repo.write("sub/large.bin", b"x" * 2000)
    before = repo.git("-C", repo.path / "sub", "status", "--porcelain")
    snapshot = take(found, "r1")
    module = repo.git("rev-parse", f"{snapshot.commit}:sub")
    assert repo.git("-C", repo.path / "sub", "show", f"{module}:new.py") == "inside"
    assert repo.git("-C", repo.path / "sub", "rev-parse", "refs/orglab/runs/r1") == module
    assert [one.path for one in snapshot.left_out] == ["sub/large.bin"]
    assert repo.git("-C", repo.path / "sub", "status", "--porcelain") == before


def test_a_split_index_stays_split_and_its_base_the_only_one(repo, found):
    repo.git("update-index", "--split-index")
    repo.git("config", "core.splitIndex", "true")
    repo.write("a.py", "2\n")
    repo.write("c.py", "new\n")
    shared = [name for name in names_in(repo.path / ".git") if name.startswith("sharedindex.")]
    index = (repo.path / ".git" / "index").read_bytes()
    snapshot = take(found, "r1")
    assert {"a.py": "2", "c.py": "new"}.items() <= files_of(repo, snapshot.commit).items()
    assert [name for name in names_in(repo.path / ".git") if name.startswith("sharedindex.")] == shared
    assert (repo.path / ".git" / "index").read_bytes() == index


def test_what_a_sparse_checkout_leaves_out_stays_in_the_snapshot(repo, found):
    repo.commit("more", {"out/x.py": "out\n", "in/y.py": "in\n"})
    repo.git("sparse-checkout", "set", "--cone", "--sparse-index", "in")
    assert not (repo.path / "out").exists()
    repo.write("in/y.py", "changed\n")
    snapshot = take(found, "r1")
    assert {"out/x.py": "out", "in/y.py": "changed"}.items() <= files_of(repo, snapshot.commit).items()


def test_a_monitor_that_the_repository_names_is_not_run(repo, found):
    program = repo.write(".git/monitor", "#!/bin/sh\ntouch owned\n")
    program.chmod(0o755)
    repo.git("config", "core.fsmonitor", str(program))
    repo.write("a.py", "2\n")
    take(found, "r1")
    assert not (repo.path / "owned").exists()


def test_before_the_first_commit_a_snapshot_has_no_parent(repo):
    repo.write("a.py", "1\n")
    snapshot = take(find_repository(repo.path), "r1")
    assert repo.git("rev-list", "--count", snapshot.commit) == "1"
    assert files_of(repo, snapshot.commit) == {"a.py": "1"}
    assert repo.git("status", "--porcelain") == "?? a.py"


def test_it_needs_no_git_identity(repo, found, monkeypatch):
    for name in ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"):
        monkeypatch.delenv(name)
    repo.git("config", "user.useConfigOnly", "true")
    repo.write("a.py", "2\n")
    assert take(found, "r1").commit


def test_a_conflict_is_an_error(repo, found):
    repo.git("switch", "--quiet", "--create", "other")
    repo.commit("theirs", {"a.py": "theirs\n"})
    repo.git("switch", "--quiet", "main")
    repo.commit("ours", {"a.py": "ours\n"})
    repo.git("merge", "other", check=False)
    with pytest.raises(GitError, match=r"a\.py has a conflict"):
        take(found, "r1")


def test_the_patch_id_is_that_of_the_change_wherever_it_is_and_whatever_the_log_says(repo, found):
    repo.commit("long", {"a.py": "".join(f"{n}\n" for n in range(40)), "log.org": "* 1\n"})
    ids = []
    for begin in ("", "another line\n" * 5):
        repo.commit("moved", {"a.py": begin + "".join(f"{n}\n" for n in range(40))})
        repo.write("a.py", begin + "".join(f"{n}\n" for n in range(40)).replace("20\n", "twenty\n"))
        repo.write("log.org", f"* {len(begin)} notes\n")
        snapshot = take(found, f"r{len(ids)}")
        head = read_changes(found).head
        ids.append(patch_id(found, head, snapshot.commit, ("log.org",)))
        repo.git("checkout", "--quiet", ".")
    assert ids[0] == ids[1]
    assert len(ids[0]) == 40
    assert patch_id(found, head, head) is None
