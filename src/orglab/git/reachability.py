"""Which recorded commits live: on a branch or tag, only in the object database, or not at all."""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from orglab.git.repository import FULL_HASH, Repository

KEEP_REFS = "refs/orglab/keep/"
RUN_REFS = "refs/orglab/runs/"
"""What runs ran on is on no branch, on purpose."""
_FULL = re.compile(FULL_HASH.decode())


class Reachability(NamedTuple):
    """Which recorded commits are reached by a branch or tag.

    Attributes:
        head: The commit that is checked out, or None before the first.
        tips: The commits from which what lives is reached: HEAD (of each worktree), branches, remote branches, tags.
        full: The full hash of each recorded commit that is there.
        dead: The full hashes of those that no tip reaches.
        kept: The full hashes that are kept alive by a ref of ours.
        is_shallow: Whether commits may be missing because they were never fetched.
    """

    head: str | None
    tips: tuple[str, ...]
    full: Mapping[str, str]
    dead: frozenset[str]
    kept: frozenset[str]
    is_shallow: bool

    def is_alive(self, recorded: str) -> bool:
        """Return whether a recorded hash names a commit that a tip reaches."""
        full = self.full.get(recorded)
        return full is not None and full not in self.dead


def read_reachability(repository: Repository, recorded: Collection[str]) -> Reachability:
    """Return which recorded commits live; three runs of git, however many there are.

    Args:
        repository: Where.
        recorded: Hashes as the log has them, short or full.

    Raises:
        GitError: git is not installed.
    """
    listed, kept = _refs(repository)
    head, others = _heads(repository)
    tips = tuple(dict.fromkeys(([head] if head else []) + listed + others))
    full = find_commits(repository, recorded, kept)
    dead = find_unreachable(repository, set(full.values()), tips) if full else frozenset[str]()
    is_shallow = (repository.common_dir / "shallow").exists()
    return Reachability(head, tips, full, dead, kept, is_shallow)


def _refs(repository: Repository) -> tuple[list[str], frozenset[str]]:
    """Return the commits that make others alive, and those that our own refs keep."""
    form = "--format=%(objecttype) %(objectname) %(*objecttype) %(*objectname) %(refname)"
    listed = (
        repository.read("for-each-ref", form, "refs/heads", "refs/remotes", "refs/tags", KEEP_REFS, RUN_REFS) or b""
    )
    tips, kept = [], []
    for line in listed.decode("utf-8", "replace").splitlines():
        kind, name, tagged_kind, tagged, ref = line.split(" ", 4)
        if ref.startswith(KEEP_REFS):
            kept.append(name)
        elif "commit" in (kind, tagged_kind):
            tips.append(name if kind == "commit" else tagged)
    return tips, frozenset(kept)


def _heads(repository: Repository) -> tuple[str | None, list[str]]:
    """Return the commit that this worktree has checked out, and those of others that stand on no branch."""
    head = (repository.read("rev-parse", "--verify", "--quiet", "HEAD^{commit}") or b"").decode().strip()
    found: list[str] = []
    for file in (repository.common_dir / "worktrees").glob("*/HEAD"):
        try:
            text = file.read_text("ascii", "replace").strip()
        except OSError:
            continue
        if _FULL.fullmatch(text):
            found.append(text)
    main = repository.common_dir / "HEAD"
    if repository.common_dir != repository.git_dir and main.is_file():
        text = main.read_text("ascii", "replace").strip()
        found += [text] if _FULL.fullmatch(text) else []
    return head or None, found


def find_commits(repository: Repository, recorded: Iterable[str], kept: Collection[str] = ()) -> dict[str, str]:
    """Return the full hash of each recorded commit that is there.

    A short hash may have come to name something else since it was written: a
    branch of that name, or another commit.  The one that is kept is meant.
    """
    names = list(dict.fromkeys(recorded))
    if not names:
        return {}
    asked = "".join(f"{name}^{{commit}}\n" for name in names)
    answer = repository.read("cat-file", "--batch-check=%(objectname) %(objecttype)", stdin=asked.encode()) or b""
    found: dict[str, str] = {}
    beginnings: dict[str, list[str]] = {}
    for one in kept:
        beginnings.setdefault(one[:7], []).append(one)
    for name, line in zip(names, answer.decode().splitlines(), strict=False):
        same = [one for one in beginnings.get(name[:7], ()) if one.startswith(name)]
        full, _, kind = line.partition(" ")
        if len(same) == 1:
            found[name] = same[0]
        elif kind == "commit" and full.startswith(name):
            found[name] = full
        elif not line.endswith(" missing"):
            found.update(_by_prefix(repository, name))
    return found


def _by_prefix(repository: Repository, name: str) -> dict[str, str]:
    """Return the one commit that a short hash begins, whatever ref is called so; nothing if there are several."""
    objects = (repository.read("rev-parse", f"--disambiguate={name}") or b"").split()
    asked = b"".join(one + b"\n" for one in objects)
    kinds = repository.read("cat-file", "--batch-check=%(objectname) %(objecttype)", stdin=asked) or b""
    commits = [line.split()[0].decode() for line in kinds.splitlines() if line.endswith(b" commit")]
    return {name: commits[0]} if len(commits) == 1 else {}


def find_unreachable(repository: Repository, commits: Collection[str], tips: Iterable[str]) -> frozenset[str]:
    """Return those of some commits that none of the tips reaches."""
    asked = "".join(f"{commit}\n" for commit in commits) + "".join(f"^{tip}\n" for tip in tips)
    listed = repository.read("rev-list", "--stdin", stdin=asked.encode())
    if listed is None:
        # An old commit is there and its ancestors are gone: so what lives is listed instead.
        asked = "".join(f"{tip}\n" for tip in tips)
        alive = repository.read("rev-list", "--stdin", stdin=asked.encode()) or b""
        return frozenset(commits) - frozenset(alive.decode().split())
    return frozenset(commits) & frozenset(listed.decode().split())
