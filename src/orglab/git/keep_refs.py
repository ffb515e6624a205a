"""Keeping recorded commits alive, so that a rewritten one can still be shown when git has cleaned up."""

import os
from collections.abc import Collection

from orglab.git.reachability import KEEP_REFS, find_commits
from orglab.git.repository import Repository

# To ask which are kept costs as much as to write a few refs once more.
_FEW = 8
_NO_HOOKS = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.hooksPath", "GIT_CONFIG_VALUE_0": os.devnull}


def keep_commits(repository: Repository, recorded: Collection[str]) -> None:
    """See that each recorded commit that is there has a ref `refs/orglab/keep/<hash>`.

    Args:
        repository: Where.
        recorded: Hashes, short or full.

    Raises:
        GitError: git refuses; no ref is written then.
    """
    full = frozenset(find_commits(repository, recorded).values())
    if len(full) <= _FEW:
        write_keep_refs(repository, full, ())
    else:
        known = (repository.read("for-each-ref", "--format=%(objectname)", KEEP_REFS) or b"").decode().split()
        write_keep_refs(repository, full, frozenset(known))


def write_keep_refs(repository: Repository, commits: Collection[str], kept: Collection[str]) -> None:
    """Write the refs of commits that are not yet kept.

    Args:
        repository: Where.
        commits: Full hashes of commits that are there.
        kept: The full hashes of those that are kept.

    Raises:
        GitError: git refuses; no ref is written then.
    """
    new = sorted(set(commits) - set(kept))
    if new:
        # `update` and not `create`: another process may have kept the same.
        lines = "".join(f"update {KEEP_REFS}{commit} {commit}\n" for commit in new)
        # Commands that only read keep commits too, and must run no hook that the repository names.
        repository.run("update-ref", "--stdin", stdin=lines.encode(), environment=_NO_HOOKS)
