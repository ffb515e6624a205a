"""Rewritten commits as reported by git: the map that the post-rewrite hook writes, and the reflogs.

The map is the file `orglab/rewrites` in the git directory that all worktrees share.  Each line has the old hash, the
new one, and the command, `amend` or `rebase`.  Lines are only appended, possibly by several processes, and incomplete
lines, as left by a crash, are ignored.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from orglab.git.private_files import read_regular
from orglab.git.repository import FULL_HASH, Repository

_NAME = "rewrites"
_MOST = 1 << 28  # a million lines are 90 MB
KINDS = ("amend", "rebase")
_LINE = re.compile(rb"(%b) (%b) (?:%b)\s*" % (FULL_HASH, FULL_HASH, "|".join(KINDS).encode()))
# A line of a reflog: old hash, new hash, committer, time, reason (gitrepository-layout(5), "logs").
_REFLOG = re.compile(rb"(%b) (%b) [^\n]*?> (\d+) [-+]\d+\t([^\n]*)" % (FULL_HASH, FULL_HASH))
_AMENDS = re.compile(rb"commit \(amend\)|rebase(?: -i)? \((?:reword|edit|squash|fixup|amend)\)")
# If the lines are out of order, the map is read again; real chains of rewrites are shorter than this.
_PASSES = 20

Rewrite = tuple[str, str]
"""The full hashes of a commit and of the one that replaced it."""


def rewrites_path(repository: Repository) -> Path:
    """Return the path of the map, which may not exist."""
    return repository.shared_folder / _NAME


def append_rewrites(repository: Repository, kind: str, pairs: Iterable[Rewrite]) -> None:
    """Append rewritten commits to the map, under a lock.

    Args:
        repository: The repository.
        kind: The command, `amend` or `rebase`; for any other nothing is written.
        pairs: The rewritten commits.

    Raises:
        OSError: The map cannot be written.
    """
    lines = "".join(f"{old} {new} {kind}\n" for old, new in pairs if old != new).encode()
    if kind not in KINDS or not lines:
        return
    repository.shared_files.append(_NAME, lines)


def read_rewrites(repository: Repository, recorded: Collection[str]) -> list[Rewrite]:
    """Return the rewrites of recorded commits and of their successors from the map, the latest last.

    The map is read line by line, so that even a million lines take no memory.

    Args:
        repository: The repository.
        recorded: Hashes, short or full; a short hash matches all old hashes that begin with it.
    """
    wanted = {name.encode() for name in recorded}
    lengths = sorted({len(name) for name in wanted})
    found: dict[Rewrite, None] = {}
    for _ in range(_PASSES):
        before = len(found)
        for old, new in _read_lines(repository):
            if any(old[:length] in wanted for length in lengths):
                if new not in wanted:
                    wanted.add(new)
                    lengths = sorted({*lengths, len(new)})
                pair = old.decode(), new.decode()
                # A repeated line counts at its last position.
                found.pop(pair, None)
                found[pair] = None
        if len(found) == before:
            break
    return list(found)


def _read_lines(repository: Repository) -> Iterator[tuple[bytes, bytes]]:
    """Yield the old and the new hash of each complete line."""
    file = repository.shared_files.open(_NAME, _MOST)
    if file is None:
        return
    with file:
        for line in file:
            if match := _LINE.fullmatch(line):
                yield match.group(1), match.group(2)


class Reflogs(NamedTuple):
    """The contents of the reflogs.

    Attributes:
        amended: Commits and those recorded after them by an amend; their parents show whether it replaced them.
        seen: All commits that HEAD or a branch has pointed to, the newest last.
    """

    amended: tuple[Rewrite, ...]
    seen: tuple[str, ...]


def read_reflogs(repository: Repository) -> Reflogs:
    """Return the reflogs of HEAD (in each worktree) and of the branches.

    They are read as files, because git does not list commits that are gone.
    """
    common = repository.common_dir
    amended: dict[Rewrite, None] = {}
    seen: dict[str, int] = {}
    paths = [common / "logs" / "HEAD", *(common / "worktrees").glob("*/logs/HEAD")]
    paths += (common / "logs" / "refs" / "heads").rglob("*")
    for path in paths:
        try:
            text = read_regular(path, _MOST)
        except OSError:
            continue
        for match in _REFLOG.finditer(text):
            old, new, time, reason = match.groups()
            for name in (old, new):
                if name.strip(b"0"):
                    seen[name.decode()] = max(int(time[:18]), seen.get(name.decode(), 0))
            if _AMENDS.match(reason):
                amended[old.decode(), new.decode()] = None
    return Reflogs(tuple(amended), tuple(sorted(seen, key=seen.__getitem__)))
