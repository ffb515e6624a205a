"""The messages of all commits that branches reach: at once, or what is new and what is gone."""

from collections.abc import Iterator
from typing import NamedTuple

from orglab.git.commit import Commit, read_commits
from orglab.git.mentions import Tips, commits_gone, read_tips, revision_lines
from orglab.git.repository import Repository


class Messages(NamedTuple):
    """What a reading found.

    Attributes:
        commits: The commits that were not reached from the tips that were known.
        gone: The full hashes of those that are reached no more; None if all that was known is void.
        tips: The tips that this, with what was known, is true for.
    """

    commits: Iterator[Commit]
    gone: frozenset[str] | None
    tips: Tips


def read_messages(repository: Repository, known: Tips | None = None) -> Messages:
    """Return the commits that HEAD, the local and the remote-tracking branches reach: all, or what changed.

    Args:
        repository: Where.
        known: The tips of the reading before; None if there was none.

    Raises:
        GitError: git refuses, or is not installed; that may be seen only when the commits are read.
    """
    tips = read_tips(repository)
    gone = None
    if known is not None and known.basis == tips.basis:
        gone = commits_gone(repository, known, tips)
    without = known.commits if known is not None and gone is not None else frozenset()
    if not tips.commits - without:
        return Messages(iter(()), gone, tips)
    lines = revision_lines(tips.commits, without)
    return Messages(read_commits(repository, "--ignore-missing", "--stdin", stdin=lines), gone, tips)
