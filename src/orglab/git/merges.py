"""The merges in which a file was put together, and its versions there."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from orglab.git.repository import Repository

MOST = 20


class Merge(NamedTuple):
    """A merge commit, and a file in it.

    Attributes:
        hash: The merge's full hash.
        parents: The full hashes of its two parents.
        base: The file in the commit that both parents grew from; empty if there was none.
        sides: The file in each parent.
        merged: The file in the merge.
    """

    hash: str
    parents: tuple[str, str]
    base: bytes
    sides: tuple[bytes, bytes]
    merged: bytes


def read_merges(repository: Repository, path: Path, most: int = MOST) -> Iterator[Merge]:
    """Yield the newest merges behind HEAD in which both sides had changed a file.

    Args:
        repository: Where.
        path: The file.
        most: How many merges are looked at.
    """
    try:
        name = path.absolute().resolve().relative_to(repository.top.resolve())
    except ValueError:
        return
    # With --full-history also those that took one side whole, which plain history leaves out (git-log(1)).
    listed = repository.read(
        "log",
        f"--max-count={most}",
        "--merges",
        "--full-history",
        "--format=%H %P",
        "HEAD",
        "--",
        f":(top){name.as_posix()}",
    )
    for line in (listed or b"").decode().splitlines():
        full, *parents = line.split()
        if len(parents) != 2:  # noqa: PLR2004 - an octopus has no two sides
            continue
        bases = (repository.read("merge-base", parents[0], parents[1]) or b"").split()
        spelled = os.fsencode(name)
        wanted = [full.encode(), *(parent.encode() for parent in parents), *bases[:1]]
        texts = _read_blobs(repository, [one + b":" + spelled for one in wanted])
        if texts[0] is None or texts[1] is None or texts[2] is None:
            continue
        base = texts[3] if bases else b""
        if texts[1] != texts[2]:
            yield Merge(full, (parents[0], parents[1]), base or b"", (texts[1], texts[2]), texts[0])


def _read_blobs(repository: Repository, names: list[bytes]) -> list[bytes | None]:
    """Return the content of each object named, None for one that is not there."""
    out = repository.read("cat-file", "--batch", stdin=b"".join(name + b"\n" for name in names)) or b""
    found: list[bytes | None] = []
    at = 0
    for _ in names:
        end = out.find(b"\n", at)
        head = out[at:end].split()
        if len(head) < 3 or head[-2] != b"blob":  # noqa: PLR2004 - hash, kind, size
            found.append(None)
            at = end + 1
            continue
        size = int(head[-1])
        found.append(out[end + 1 : end + 1 + size])
        at = end + 2 + size
    return found
