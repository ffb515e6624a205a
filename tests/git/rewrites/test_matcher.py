"""Each rule of the matcher, in a real repository where it is the first to find the commit."""

import os
import subprocess

import pytest

from orglab.git import find_repository
from orglab.git.reachability import read_reachability
from orglab.git.rewrites.matcher import RewriteMatcher
from orglab.git.rewrites.rewrite_map import rewrites_path

LINES = [f"line {number} of the file" for number in range(60)]


class Rewritten:
    """A repository with three commits that are about to be rewritten."""

    def __init__(self, repo):
        self.repo = repo
        self.git = repo.git
        repo.commit("Begin", {"train.py": "\n".join(LINES)})
        self.old = [self.change(at, f"Change number {at}") for at in (1, 2, 3)]

    def change(self, at, message, *, words="changed"):
        path = self.repo.path / "train.py"
        lines = path.read_text().split("\n")
        lines[at * 10 : at * 10 + 3] = [f"{words} {at} {number} once and for all" for number in range(3)]
        return self.repo.commit(message, {"train.py": "\n".join(lines)})

    def edit_history(self, script):
        environment = {**os.environ, "GIT_SEQUENCE_EDITOR": f"sed -i.bak {script}", "GIT_EDITOR": "true"}
        subprocess.run(["git", "rebase", "--quiet", "-i", "HEAD~3"], check=True, env=environment, capture_output=True)

    def forget_reflogs(self):
        self.git("reflog", "expire", "--expire=now", "--all")

    def find(self, *names):
        """Return the subject of each successor, and the method that found it."""
        repository = find_repository(self.repo.path)
        matcher = RewriteMatcher(repository, read_reachability(repository, names), frozenset(), "e")
        found = matcher.find(names)
        return [
            (found[name].hash and self.git("log", "-1", "--format=%s", found[name].hash), found[name].method)
            for name in names
        ]

    def write_map(self, old, new):
        path = rewrites_path(find_repository(self.repo.path))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{old} {new} amend\n")


@pytest.fixture
def rewritten(repo):
    return Rewritten(repo)


def test_the_rewrite_map_comes_first(rewritten):
    rewritten.git("commit", "--quiet", "--amend", "-m", "Reworded")
    other = rewritten.change(5, "What the hook was told")
    assert rewritten.find(rewritten.old[2]) == [("Reworded", "reflog")]
    rewritten.write_map(rewritten.old[2], other)
    assert rewritten.find(rewritten.old[2]) == [("What the hook was told", "rewrite map")]


def test_the_map_finds_missing_commits_and_short_hashes(rewritten):
    gone = "1234567" + "0" * 33
    rewritten.write_map(gone, rewritten.old[0])
    assert rewritten.find(gone[:9]) == [("Change number 1", "rewrite map")]


def test_a_reflog_finds_an_amend_with_a_completely_different_change(rewritten):
    rewritten.change(4, "x", words="quite different")
    rewritten.git("reset", "--quiet", "--soft", "HEAD~2")
    rewritten.git("commit", "--quiet", "-m", "Third")
    third = rewritten.git("rev-parse", "HEAD")
    rewritten.git("checkout", "HEAD~1", "--", "train.py")
    rewritten.repo.write("other.py", "1\n")
    rewritten.git("add", "other.py")
    rewritten.git("commit", "--quiet", "--amend", "--reset-author", "-m", "Nothing of it")
    assert rewritten.find(third) == [("Nothing of it", "reflog")]


def test_a_cherry_pick_names_its_source(rewritten):
    rewritten.git("checkout", "--quiet", "-b", "release", "HEAD~3")
    rewritten.change(5, "Release")
    rewritten.git("cherry-pick", "-x", rewritten.old[1])
    rewritten.git("branch", "-D", "main")
    assert rewritten.find(rewritten.old[1]) == [("Change number 2", "cherry-pick")]
    rewritten.forget_reflogs()
    rewritten.git("gc", "--quiet", "--prune=now")
    # For a missing commit, this is the only rule.
    assert rewritten.find(*rewritten.old[1:]) == [("Change number 2", "cherry-pick"), (None, "gone")]


@pytest.mark.parametrize(
    ("script", "subjects"),
    [
        ("-e '1{h;d;};2{p;x;}'", ["Change number 1", "Change number 2"]),
        ("-e '1s/pick/reword/'", ["Change number 1", "Change number 2"]),
        ("-e '1a\\\nexec git commit --quiet --amend -m Otherwise'", ["Otherwise", "Change number 2"]),
        ("-e 's/^pick.*/&\\\nexec git commit --quiet --amend --no-edit --reset-author/'", ["Change number 1", "Change number 2"]),
    ],
    ids=["reordered", "reworded", "with another message", "with another author"],
)  # fmt: skip
def test_equal_patches_match(rewritten, script, subjects):
    rewritten.edit_history(script)
    if rewritten.old[0] in rewritten.git("rev-list", "HEAD"):
        rewritten.git("rebase", "--quiet", "--force-rebase", "HEAD~3")
    rewritten.forget_reflogs()
    assert rewritten.find(*rewritten.old[:2]) == [(subject, "patch id") for subject in subjects]


def test_equal_lines_in_another_context_match(rewritten):
    rewritten.git("checkout", "--quiet", "-b", "topic")
    rewritten.git("checkout", "--quiet", "-B", "main", "HEAD~3")
    rewritten.repo.commit("Upstream", {"train.py": "\n".join([*LINES[:19], "a line between", *LINES[19:]])})
    rewritten.git("rebase", "--quiet", "main", "topic")
    rewritten.forget_reflogs()
    assert rewritten.find(rewritten.old[1]) == [("Change number 2", "changed lines")]


def test_same_author_and_date_and_half_of_the_change_match(rewritten):
    rewritten.repo.write("train.py", (rewritten.repo.path / "train.py").read_text().replace("3 0 once", "3 0 twice"))
    rewritten.git("commit", "--quiet", "--all", "--amend", "--no-edit")
    rewritten.forget_reflogs()
    assert rewritten.find(rewritten.old[2]) == [("Change number 3", "author and date")]


def test_a_unique_subject_and_half_of_the_change_match(rewritten):
    rewritten.repo.write("train.py", (rewritten.repo.path / "train.py").read_text().replace("3 0 once", "3 0 twice"))
    rewritten.git("commit", "--quiet", "--all", "--amend", "--no-edit", "--reset-author")
    rewritten.forget_reflogs()
    assert rewritten.find(rewritten.old[2]) == [("Change number 3", "message and lines")]


def test_the_sum_of_changes_matches_a_squash(rewritten):
    rewritten.edit_history("-e '2,3s/pick/fixup/'")
    rewritten.git("commit", "--quiet", "--amend", "--reset-author", "-m", "All of it")
    rewritten.forget_reflogs()
    assert rewritten.find(*rewritten.old) == [("All of it", "branch diff")] * 3


def test_a_squash_message_lists_its_commits(rewritten):
    rewritten.git("reset", "--quiet", "--soft", "HEAD~3")
    rewritten.repo.write("train.py", (rewritten.repo.path / "train.py").read_text().replace("1 0 once", "1 0 twice"))
    rewritten.git("add", "--all")
    listed = "".join(f"* Change number {at}\n" for at in (1, 2, 3))
    rewritten.git("commit", "--quiet", "-m", f"All of it\n\n{listed}")
    rewritten.forget_reflogs()
    assert rewritten.find(*rewritten.old) == [("All of it", "squash message")] * 3


def test_a_squash_without_a_list_matches_by_lines(rewritten):
    rewritten.edit_history("-e '2s/pick/fixup/'")
    rewritten.repo.write("train.py", (rewritten.repo.path / "train.py").read_text().replace("1 0 once", "1 0 twice"))
    rewritten.git("commit", "--quiet", "--all", "--fixup=HEAD~1")
    environment = {**os.environ, "GIT_SEQUENCE_EDITOR": "true", "GIT_EDITOR": "true"}
    subprocess.run(
        ["git", "rebase", "--quiet", "-i", "--autosquash", "HEAD~3"], check=True, env=environment, capture_output=True
    )
    rewritten.forget_reflogs()
    assert rewritten.find(rewritten.old[1]) == [("Change number 1", "changed lines")]


def test_a_dropped_commit_has_no_successor(rewritten):
    rewritten.edit_history("-e '2d'")
    rewritten.forget_reflogs()
    assert rewritten.find(*rewritten.old[1:]) == [(None, "dropped"), ("Change number 3", "patch id")]


def test_a_commit_does_not_replace_two_related_ones(rewritten):
    rewritten.git("revert", "--no-edit", "HEAD")
    again = rewritten.change(3, "Change number 3")
    rewritten.git("reset", "--quiet", "--hard", "HEAD~3")
    rewritten.change(5, "Upstream")
    rewritten.git("cherry-pick", again)
    rewritten.forget_reflogs()
    found = rewritten.find(rewritten.old[2], again)
    assert [one for one in found if one[0]] == [("Change number 3", "patch id")]
    assert found[1][0] == "Change number 3"


def test_a_rewrite_that_moves_every_file(rewritten):
    environment = {**os.environ, "FILTER_BRANCH_SQUELCH_WARNING": "1"}
    command = ["git", "filter-branch", "--tree-filter", "mkdir src && mv train.py src/", "main"]
    subprocess.run(command, check=True, env=environment, capture_output=True, cwd=rewritten.repo.path)
    rewritten.forget_reflogs()
    assert rewritten.find(*rewritten.old) == [(f"Change number {at}", "changed lines") for at in (1, 2, 3)]
