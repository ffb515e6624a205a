"""Taking the newest commits off a branch, while others among them, such as those of the log, stay."""

import os
from collections.abc import Collection

from orglab.errors import GitError
from orglab.git.commit import Commit, read_commits
from orglab.git.process import NO_HOOKS
from orglab.git.repository import Repository
from orglab.git.rewrites.rewrite_map import Rewrite
from orglab.git.tree_changes import build_tree, compare_commits

_MOST = 10_000  # commits that are looked at


def read_since(repository: Repository, commits: Collection[str]) -> list[Commit]:
    """Return the oldest of some commits and all that follow it up to HEAD, by first parents, newest first.

    There are none if one of the commits is not among those of HEAD.

    Args:
        repository: The repository.
        commits: Full hashes.

    Raises:
        GitError: git fails.
    """
    found, left = [], set(commits)
    for commit in read_commits(repository, "--first-parent", f"--max-count={_MOST}", "HEAD", "--"):
        if not left:
            break
        found.append(commit)
        left.discard(commit.hash)
    return [] if left else found


def find_strangers(
    repository: Repository, commits: list[Commit], own: Collection[str], paths: Collection[str]
) -> list[Commit]:
    """Return those of some commits that are neither some of one's own nor change some paths alone.

    Args:
        repository: The repository.
        commits: The commits, each the first parent of the one before it.
        own: Full hashes.
        paths: Paths, relative to the top.

    Raises:
        OrglabError: git fails.
    """

    def is_stranger(commit: Commit) -> bool:
        if commit.hash in own or len(commit.parents) != 1:
            return len(commit.parents) != 1
        return any(one.path not in paths for one in compare_commits(repository, commit.parents[0], commit.hash))

    return [commit for commit in commits if is_stranger(commit)]


def find_branch(repository: Repository, commits: Collection[str]) -> str | None:
    """Return a local branch that has one of some commits, or None."""
    for commit in commits:
        form = "--format=%(refname:lstrip=2)"
        if found := repository.read("for-each-ref", "--count=1", form, f"--contains={commit}", "refs/heads"):
            return os.fsdecode(found).strip()
    return None


def has_remote(repository: Repository, commit: str) -> bool:
    """Return whether a remote-tracking branch has a commit, so that others may have it."""
    return bool(repository.read("for-each-ref", "--count=1", f"--contains={commit}", "refs/remotes"))


def replay(repository: Repository, onto: str, commits: list[Commit], own: Collection[str]) -> tuple[str, list[Rewrite]]:
    """Make commits again on another one, without some of them; no ref moves.

    They keep their messages, authors and dates.  Returns the full hash of the last, and the hashes of all, old and new.

    Args:
        repository: The repository.
        onto: The full hash of the commit that they follow then: the parent of the last of them.
        commits: The commits, each the first parent of the one before it.
        own: The full hashes of those to leave out.

    Raises:
        OrglabError: git fails.
    """
    top, rewritten = onto, []
    for commit in reversed(commits):
        if commit.hash in own:
            continue
        changes = compare_commits(repository, commit.parents[0], commit.hash)
        tree = build_tree(repository, top, {change.path: change.new for change in changes})
        author = {
            "GIT_AUTHOR_NAME": commit.author, "GIT_AUTHOR_EMAIL": commit.email,
            "GIT_AUTHOR_DATE": f"@{commit.authored} {commit.zone or '+0000'}",
        }  # fmt: skip
        text = commit.message.encode("utf-8", "replace")
        top = repository.run("commit-tree", "-p", top, tree, stdin=text, environment=author).decode().strip()
        rewritten.append((commit.hash, top))
    return top, rewritten


def move_branch(repository: Repository, commit: str) -> None:
    """Move the branch that is checked out to a commit, with index and working tree; other changes of files stay.

    Raises:
        GitError: A file that differs between the commit and HEAD has changes, or git fails.
    """
    try:
        repository.at_top.run("reset", "--quiet", "--keep", commit, environment=NO_HOOKS)
    except GitError as error:
        raise GitError(f"The branch was not moved: {error}") from error
