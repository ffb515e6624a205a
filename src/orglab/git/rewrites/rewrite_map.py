"""What git told of commits that were rewritten: the map that our post-rewrite hook writes, and the reflogs.

The map is `orglab/rewrites` in the git directory that all worktrees share, a line each: the old hash, the new one,
and the command, `amend` or `rebase`.  It only grows, several may write it at once, and a crash may tear a line, so
a line that is not whole is not read.
"""

import fcntl
import os
import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from orglab.git.repository import FULL_HASH, Repository

KINDS = ("amend", "rebase")
_LINE = re.compile(rb"(%b) (%b) (?:%b)\s*" % (FULL_HASH, FULL_HASH, "|".join(KINDS).encode()))
# A line of a reflog: what was, what is, who, when, why (gitrepository-layout(5), "logs").
_REFLOG = re.compile(rb"(%b) (%b) [^\n]*?> (\d+) [-+]\d+\t([^\n]*)" % (FULL_HASH, FULL_HASH))
_AMENDS = re.compile(rb"commit \(amend\)|rebase(?: -i)? \((?:reword|edit|squash|fixup|amend)\)")
# A map that is written out of order is read again; a chain of more links than this is none that people make.
_PASSES = 20

Rewrite = tuple[str, str]
"""The full hash of a commit, and of the one that it became."""


def rewrites_path(repository: Repository) -> Path:
    """Return where the map is, or would be."""
    return repository.shared_folder / "rewrites"


def append_rewrites(repository: Repository, kind: str, pairs: Iterable[Rewrite]) -> None:
    """Add to the map what git told of commits that were rewritten; it is written whole, by one process after the other.

    Args:
        repository: The repository.
        kind: The command, `amend` or `rebase`; of another nothing is written.
        pairs: The full hashes of a commit and of the one that it became.

    Raises:
        OSError: The map cannot be written.
    """
    lines = "".join(f"{old} {new} {kind}\n" for old, new in pairs if old != new).encode()
    if kind not in KINDS or not lines:
        return
    repository.shared_folder.mkdir(exist_ok=True)
    with rewrites_path(repository).open("a+b", buffering=0) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if file.seek(0, os.SEEK_END) and os.pread(file.fileno(), 1, file.tell() - 1) != b"\n":
            lines = b"\n" + lines  # who wrote last was killed in the middle of a line
        while lines:
            lines = lines[os.write(file.fileno(), lines) :]


def read_rewrites(repository: Repository, recorded: Collection[str]) -> list[Rewrite]:
    """Return what the map tells of recorded commits and of what became of them, the last told last.

    It is read line by line, so that a map of a million lines takes no memory.

    Args:
        repository: The repository.
        recorded: Hashes, short or full; a short one that several old hashes begin with is told of all of them.
    """
    wanted = {name.encode() for name in recorded}
    lengths = sorted({len(name) for name in wanted})
    found: dict[Rewrite, None] = {}
    for _ in range(_PASSES):
        before = len(found)
        for old, new in _lines(rewrites_path(repository)):
            if any(old[:length] in wanted for length in lengths):
                if new not in wanted:
                    wanted.add(new)
                    lengths = sorted({*lengths, len(new)})
                pair = old.decode(), new.decode()
                # The last time that it was told counts.
                found.pop(pair, None)
                found[pair] = None
        if len(found) == before:
            break
    return list(found)


def _lines(path: Path) -> Iterator[tuple[bytes, bytes]]:
    """Yield the old and the new hash of each whole line."""
    try:
        with path.open("rb") as file:
            for line in file:
                if match := _LINE.fullmatch(line):
                    yield match.group(1), match.group(2)
    except OSError:
        return


class Reflogs(NamedTuple):
    """What the reflogs tell.

    Attributes:
        amended: Pairs of a commit and the one that git says replaced it; whether it did shows in their parents.
        seen: All commits that HEAD or a branch has stood at, the newest last.
    """

    amended: tuple[Rewrite, ...]
    seen: tuple[str, ...]


def read_reflogs(repository: Repository) -> Reflogs:
    """Return what the reflogs of HEAD (of each worktree) and of the branches tell.

    They are read as files, for git lists no commit that is gone.
    """
    common = repository.common_dir
    amended: dict[Rewrite, None] = {}
    seen: dict[str, int] = {}
    places = [common / "logs" / "HEAD", *(common / "worktrees").glob("*/logs/HEAD")]
    places += [path for path in (common / "logs" / "refs" / "heads").rglob("*") if path.is_file()]
    for path in places:
        try:
            text = path.read_bytes()
        except OSError:
            continue
        for match in _REFLOG.finditer(text):
            old, new, when, why = match.groups()
            for one in (old, new):
                if one.strip(b"0"):
                    seen[one.decode()] = max(int(when), seen.get(one.decode(), 0))
            if _AMENDS.match(why):
                amended[old.decode(), new.decode()] = None
    return Reflogs(tuple(amended), tuple(sorted(seen, key=seen.__getitem__)))
