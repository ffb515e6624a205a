"""Which recorded commits a branch or tag reaches, which only exist in the object database, and which are gone."""

import re
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from typing import NamedTuple

from orglab.git.private_files import read_regular
from orglab.git.repository import FULL_HASH, Repository

KEEP_REFS = "refs/orglab/keep/"
RUN_REFS = "refs/orglab/runs/"
"""The refs of snapshots, which are on no branch, on purpose."""
_FULL = re.compile(FULL_HASH.decode())


class Reachability(NamedTuple):
    """Which recorded commits are reached by a branch or tag.

    Attributes:
        head: The commit that is checked out, or None before the first.
        tips: The commits of HEAD (in each worktree), branches, remote-tracking branches and tags.
        full: The full hash of each recorded commit that exists.
        dead: The full hashes of the commits among them that no tip reaches and that are not snapshots.
        kept: The full hashes of commits with a keep ref.
        is_shallow: Whether the clone is shallow, so that commits may be missing because they were never fetched.
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
    """Return which recorded commits are reachable; this runs git a fixed number of times.

    Args:
        repository: The repository.
        recorded: Hashes from the log, short or full.

    Raises:
        GitError: git is not installed.
    """
    ref_tips, kept, snapshots = _read_refs(repository)
    head, others = _read_heads(repository)
    tips = tuple(dict.fromkeys(([head] if head else []) + ref_tips + others))
    full = find_commits(repository, recorded, kept)
    # The parents of a snapshot are commits like any others: a rebase replaces them, and the snapshot stays.
    dead = find_unreachable(repository, set(full.values()) - snapshots, tips) if full else frozenset[str]()
    is_shallow = (repository.common_dir / "shallow").exists()
    return Reachability(head, tips, full, dead, kept, is_shallow)


def _read_refs(repository: Repository) -> tuple[list[str], frozenset[str], frozenset[str]]:
    """Return the tips of branches and tags, the commits with a keep ref, and the snapshots."""
    form = "--format=%(objecttype) %(objectname) %(*objecttype) %(*objectname) %(refname)"
    listed = (
        repository.read("for-each-ref", form, "refs/heads", "refs/remotes", "refs/tags", KEEP_REFS, RUN_REFS) or b""
    )
    tips, kept, snapshots = [], [], []
    for line in listed.decode("utf-8", "replace").splitlines():
        kind, name, tagged_kind, tagged, ref = line.split(" ", 4)
        if ref.startswith(KEEP_REFS):
            kept.append(name)
        elif ref.startswith(RUN_REFS):
            snapshots.append(name)
        elif "commit" in (kind, tagged_kind):
            tips.append(name if kind == "commit" else tagged)
    return tips, frozenset(kept), frozenset(snapshots)


def _read_heads(repository: Repository) -> tuple[str | None, list[str]]:
    """Return the commit that this worktree has checked out, and the detached HEADs of other worktrees."""
    head = (repository.read("rev-parse", "--verify", "--quiet", "HEAD^{commit}") or b"").decode().strip()
    others: list[str] = []
    for file in (repository.common_dir / "worktrees").glob("*/HEAD"):
        try:
            text = read_regular(file, follow=True).decode("ascii", "replace").strip()
        except OSError:
            continue
        if _FULL.fullmatch(text):
            others.append(text)
    main = repository.common_dir / "HEAD"
    if repository.common_dir != repository.git_dir:
        with suppress(OSError):
            text = read_regular(main, follow=True).decode("ascii", "replace").strip()
            others += [text] if _FULL.fullmatch(text) else []
    return head or None, others


def find_commits(repository: Repository, recorded: Iterable[str], kept: Collection[str] = ()) -> dict[str, str]:
    """Return the full hash of each recorded commit that exists.

    Since it was written, a short hash may have become ambiguous or the name of
    a branch.  Then the commit with a keep ref is meant.
    """
    names = list(dict.fromkeys(recorded))
    if not names:
        return {}
    lines = "".join(f"{name}^{{commit}}\n" for name in names)
    objects = repository.read("cat-file", "--batch-check=%(objectname) %(objecttype)", stdin=lines.encode()) or b""
    commits: dict[str, str] = {}
    kept_by_prefix: dict[str, list[str]] = {}
    for full in kept:
        kept_by_prefix.setdefault(full[:7], []).append(full)
    for name, line in zip(names, objects.decode().splitlines(), strict=False):
        matching = [full for full in kept_by_prefix.get(name[:7], ()) if full.startswith(name)]
        full, _, kind = line.partition(" ")
        if len(matching) == 1:
            commits[name] = matching[0]
        elif kind == "commit" and full.startswith(name):
            commits[name] = full
        elif not line.endswith(" missing"):
            commits.update(_find_by_prefix(repository, name))
    return commits


def _find_by_prefix(repository: Repository, name: str) -> dict[str, str]:
    """Return the only commit with this short hash, ignoring refs of that name; nothing if there are several."""
    objects = (repository.read("rev-parse", f"--disambiguate={name}") or b"").split()
    lines = b"".join(object_hash + b"\n" for object_hash in objects)
    kinds = repository.read("cat-file", "--batch-check=%(objectname) %(objecttype)", stdin=lines) or b""
    commits = [line.split()[0].decode() for line in kinds.splitlines() if line.endswith(b" commit")]
    return {name: commits[0]} if len(commits) == 1 else {}


def find_unreachable(repository: Repository, commits: Collection[str], tips: Iterable[str]) -> frozenset[str]:
    """Return the commits that none of the tips reaches."""
    lines = "".join(f"{commit}\n" for commit in commits) + "".join(f"^{tip}\n" for tip in tips)
    listed = repository.read("rev-list", "--stdin", stdin=lines.encode())
    if listed is None:
        # The ancestors of a commit are gone, so list everything that the tips reach instead.
        lines = "".join(f"{tip}\n" for tip in tips)
        alive = repository.read("rev-list", "--stdin", stdin=lines.encode()) or b""
        return frozenset(commits) - frozenset(alive.decode().split())
    return frozenset(commits) & frozenset(listed.decode().split())
