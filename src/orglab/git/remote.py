"""Remotes: their addresses, and which commits they are known to have; nothing is asked of the net."""

from collections.abc import Iterable

from orglab.git.repository import Repository


def remote_url(repository: Repository) -> str | None:
    """Return the address of the remote `origin`, or else of the first one; None if there is none."""
    found: dict[str, str] = {}
    for line in (repository.read("remote", "-v") or b"").decode("utf-8", "surrogateescape").split("\n"):
        name, _, rest = line.partition("\t")
        if rest.endswith(" (fetch)"):
            found.setdefault(name, rest.removesuffix(" (fetch)"))
    return found.get("origin") or next(iter(found.values()), None)


def find_unpublished(repository: Repository, commits: Iterable[str]) -> set[str]:
    """Return those of some commits that no remote is known to have; none where no remote was ever fetched.

    Args:
        repository: Where.
        commits: Full hashes that are there.
    """
    asked = set(commits)
    if not asked or not repository.read("for-each-ref", "--count=1", "--format=%(objectname)", "refs/remotes"):
        return set()
    wanted = "".join(f"{commit}\n" for commit in sorted(asked)).encode()
    missing = repository.read("rev-list", "--stdin", "--not", "--remotes", stdin=wanted) or b""
    return asked & set(missing.decode().split())


def is_changed(repository: Repository, path: str) -> bool:
    """Return whether a file, from the top of the repository, differs from the one of HEAD, or is not in it."""
    if not repository.read("ls-tree", "--full-tree", "-z", "--name-only", "HEAD", "--", path):
        return True
    named = f":(top,literal){path}"
    return repository.read("diff", "--quiet", "--no-ext-diff", "--no-textconv", "HEAD", "--", named) is None
