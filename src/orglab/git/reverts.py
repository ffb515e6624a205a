"""Reverts: which commits are some, and which commits they have undone."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from orglab.git.commit import Commit, read_commits
from orglab.git.repository import Repository

SUBJECT_START = r"^(?:[\w()-]+!?: )?(?:\[[\w.-]+\]\s*)*"
"""What may stand before a subject that git or orglab made: the type of the commit, and references."""
SEARCHED = ("This reverts commit ", 'Revert "', 'Reapply "')
"""Every revert has one of these in its message."""
# A forge adds the number of a pull request.
_SUBJECT = re.compile(SUBJECT_START + r'(Revert|Reapply) "(.*)"(?: \(#\d+\))?$')
_TARGET = re.compile(r"This reverts commit ([0-9a-f]{7,64})(?:, reversing\s+changes made to ([0-9a-f]{7,64}))?")


class _Revert(NamedTuple):
    """What a revert says it undoes.

    Attributes:
        commit: The revert.
        subject: The subject of that commit; empty if the revert does not tell.
        hashes: The hashes of the commits; after a rebase, they are those from before.
    """

    commit: Commit
    subject: str
    hashes: tuple[str, ...]


def is_revert(commit: Commit) -> bool:
    """Return whether a commit reverts another one, or reapplies it.

    A squash that lists a revert among its commits is none.
    """
    return _SUBJECT.match(commit.subject) is not None or _TARGET.match(_read_body(commit)) is not None


def find_undone(repository: Repository, commits: Iterable[Commit]) -> dict[str, Commit]:
    """Return the commits that were reverted, and not reapplied since: the reverts by the full hashes of the commits.

    Args:
        repository: The repository.
        commits: Commits on HEAD, newest first, the reverts among them.

    Raises:
        GitError: git is not installed.
    """
    undone: dict[str, Commit] = {}
    reverts: list[_Revert] = []
    for commit in commits:
        found = next((revert for revert in reverts if _undoes(repository, revert, commit)), None)
        if found is not None:
            undone[commit.hash] = found.commit
            # It may have undone several commits, but only one by its subject.
            reverts[reverts.index(found)] = found._replace(subject="")
        elif is_revert(commit):
            # A revert that was reverted has undone nothing.
            reverts.append(_read_revert(repository, commit))
    return undone


def find_revert(repository: Repository, commit: Commit) -> Commit | None:
    """Return the commit on HEAD that reverted a commit, unless it was reapplied; None if there is none.

    Raises:
        GitError: git fails.
    """
    searched = (f"--grep={text}" for text in SEARCHED)
    reverts = read_commits(repository, "--date-order", "--fixed-strings", *searched, f"{commit.hash}..HEAD", "--")
    return find_undone(repository, [*reverts, commit]).get(commit.hash)


def _read_revert(repository: Repository, commit: Commit) -> _Revert:
    match = _SUBJECT.match(commit.subject)
    kind, subject = match.groups() if match is not None else ("", "")
    hashes: list[str] = []
    for name, base in _TARGET.findall(commit.message):
        hashes.append(name)
        if base:  # the revert of a merge undoes what was merged
            hashes += (repository.read("rev-list", f"{base}..{name}", "--") or b"").decode().split()
    return _Revert(commit, f'Revert "{subject}"' if kind == "Reapply" else subject, tuple(hashes))


def _undoes(repository: Repository, revert: _Revert, commit: Commit) -> bool:
    """Return whether a revert undoes an older commit: by its hash, or by its subject if HEAD does not have the hash."""
    if any(commit.hash.startswith(name) for name in revert.hashes):
        return True
    if not revert.subject or commit.subject != revert.subject:
        return False
    return not any(repository.read("merge-base", "--is-ancestor", name, "HEAD") is not None for name in revert.hashes)


def _read_body(commit: Commit) -> str:
    return commit.message.strip("\n").partition("\n\n")[2].lstrip("\n")
