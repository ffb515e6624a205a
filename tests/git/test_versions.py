"""The versions of the log in a clone, whose refs may have any names."""

import os
import subprocess

from orglab.git import find_repository
from orglab.git.log_branch import find_branch_copies, find_tracking_commits
from orglab.git.versions import list_versions

LOG = "log.org"


def sizes(repo):
    return [version.size for version in list_versions(find_repository(repo.path), [LOG])]


def test_a_branch_may_have_a_name_that_is_not_utf_8(repo):
    repo.commit("log", {LOG: "1"})
    subprocess.run(["git", "branch", os.fsdecode(b"caf\xe9")], cwd=repo.path, check=True)
    assert sizes(repo) == [1]


def test_only_the_branch_of_the_log_and_its_copies_on_remotes_have_its_history(repo):
    repo.git("switch", "--quiet", "--orphan", "code")
    repo.commit("old", {LOG: "1"})
    tip = repo.commit("new", {LOG: "22"})
    repo.git("switch", "--quiet", "--orphan", "other")
    repo.commit("other", {"train.py": ""})
    repo.git("branch", "-D", "code")
    (repo.path / ".git/logs/HEAD").unlink()
    for remote in ("origin", "team/shared"):
        repo.git("remote", "add", remote, "nowhere")
    for ref in ("refs/heads/x/experiment-log", "refs/remotes/origin/x/experiment-log"):
        repo.git("update-ref", ref, tip)
    assert sizes(repo) == [2]
    assert find_branch_copies(find_repository(repo.path)) == {}
    assert len(find_tracking_commits(find_repository(repo.path), LOG)) == 2
    for ref in ("heads", "remotes/origin", "remotes/team/shared"):
        repo.git("update-ref", f"refs/{ref}/experiment-log", tip)
        assert sizes(repo) == [2, 1], ref
        repo.git("update-ref", "-d", f"refs/{ref}/experiment-log")
