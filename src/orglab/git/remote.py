"""Remotes: their URLs, and the commits that they are known to have; the network is not used."""

from collections.abc import Iterable

from orglab.git.files import compare_with_head
from orglab.git.repository import Repository


def remote_url(repository: Repository) -> str | None:
    """Return the URL of the remote `origin`, or else of the first one; None if there is none."""
    urls: dict[str, str] = {}
    for line in (repository.read("remote", "-v") or b"").decode("utf-8", "surrogateescape").split("\n"):
        name, _, rest = line.partition("\t")
        if rest.endswith(" (fetch)"):
            urls.setdefault(name, rest.removesuffix(" (fetch)"))
    return urls.get("origin") or next(iter(urls.values()), None)


def find_default_remote(repository: Repository) -> str:
    """Return the remote that is meant if none is named: `origin`, or the only one."""
    names = (repository.read("remote") or b"").decode("utf-8", "surrogateescape").split()
    return names[0] if len(names) == 1 else "origin"


def find_unpublished(repository: Repository, commits: Iterable[str]) -> set[str]:
    """Return the commits that no remote is known to have; none if no remote was ever fetched.

    Args:
        repository: The repository.
        commits: Full hashes of existing commits.
    """
    hashes = set(commits)
    if not hashes or not repository.read("for-each-ref", "--count=1", "--format=%(objectname)", "refs/remotes"):
        return set()
    lines = "".join(f"{commit}\n" for commit in sorted(hashes)).encode()
    missing = repository.read("rev-list", "--stdin", "--not", "--remotes", stdin=lines) or b""
    return hashes & set(missing.decode().split())


def is_changed(repository: Repository, path: str) -> bool | None:
    """Return whether a file, relative to the top of the repository, differs from HEAD or is not in it.

    None if only a filter in the repository's own configuration could tell, because that is not run.
    """
    if not repository.read("ls-tree", "--full-tree", "-z", "--name-only", "HEAD", "--", path):
        return True
    compared = compare_with_head(repository, path)
    return None if compared.unknown else bool(compared.changed)
