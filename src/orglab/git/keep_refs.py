"""Refs that keep recorded commits from being garbage-collected, so that rewritten ones can still be shown."""

from collections.abc import Collection

from orglab.git.process import NO_HOOKS
from orglab.git.reachability import KEEP_REFS, find_commits
from orglab.git.repository import Repository

# Up to this many, writing all refs again is as fast as listing the existing ones.
_FEW = 8


def keep_commits(repository: Repository, recorded: Collection[str]) -> None:
    """Give each recorded commit that exists a ref `refs/orglab/keep/<hash>`.

    Args:
        repository: The repository.
        recorded: Hashes, short or full.

    Raises:
        GitError: git fails; then no ref is written.
    """
    full = frozenset(find_commits(repository, recorded).values())
    if len(full) <= _FEW:
        write_keep_refs(repository, full, ())
    else:
        known = (repository.read("for-each-ref", "--format=%(objectname)", KEEP_REFS) or b"").decode().split()
        write_keep_refs(repository, full, frozenset(known))


def write_keep_refs(repository: Repository, commits: Collection[str], kept: Collection[str]) -> None:
    """Write the keep refs of commits that have none.

    Args:
        repository: The repository.
        commits: Full hashes of existing commits.
        kept: The full hashes of commits with a keep ref.

    Raises:
        GitError: git fails; then no ref is written.
    """
    new = sorted(set(commits) - set(kept))
    if new:
        # `update`, not `create`: another process may have written the same ref.
        lines = "".join(f"update {KEEP_REFS}{commit} {commit}\n" for commit in new)
        # Read-only commands write keep refs, too, and must not run the repository's hooks.
        repository.run("update-ref", "--stdin", stdin=lines.encode(), environment=NO_HOOKS)
