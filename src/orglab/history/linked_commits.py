"""Commits that a text names, with their pages on the web."""

from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple

from orglab.errors import GitError
from orglab.git.commit import Commit
from orglab.git.forge import find_forge
from orglab.git.remote import find_unpublished, remote_url
from orglab.history.sources import Sources


class LinkedCommit(NamedTuple):
    """A commit.

    Attributes:
        commit: The commit.
        url: Its web page; empty without a forge, or if the forge is not known to have it.
    """

    commit: Commit
    url: str


def find_linked_commits(sources: Sources, names: Iterable[str]) -> dict[str, LinkedCommit]:
    """Return commits with their web pages, by their hashes as given; those that are not in this clone are left out.

    Args:
        sources: What is known about the log.
        names: Hashes, full or abbreviated.
    """
    repository = sources.repository
    if repository is None:
        return {}
    try:
        found = sources.find_named(names)
    except GitError:
        return {}
    forge, hidden = find_forge(remote_url(repository) or ""), set(found)
    if forge is not None and found:
        with suppress(GitError):
            hidden = find_unpublished(repository, {one.hash for one in found.values()})
    return {
        name: LinkedCommit(one, forge.commit_url(one.hash) if forge is not None and one.hash not in hidden else "")
        for name, one in found.items()
    }
