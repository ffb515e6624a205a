"""The merge commits of a file, and its versions in them."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from orglab.git.repository import Repository

MOST = 20


class Merge(NamedTuple):
    """A file in a merge commit.

    Attributes:
        hash: The merge's full hash.
        parents: The full hashes of its two parents.
        base: The file in the merge base; empty if there is none.
        sides: The file in each parent.
        merged: The file in the merge commit.
    """

    hash: str
    parents: tuple[str, str]
    base: bytes
    sides: tuple[bytes, bytes]
    merged: bytes


def read_merges(repository: Repository, path: Path, revision: str = "HEAD", most: int = MOST) -> Iterator[Merge]:
    """Yield the merges in the history of a revision in which a file differs between the two parents, newest first.

    Args:
        repository: The repository.
        path: The file.
        revision: The revision.
        most: The number of merges to look at.
    """
    try:
        name = path.absolute().resolve().relative_to(repository.top.resolve())
    except ValueError:
        return
    # Without --full-history, git log leaves out merges that took the file from one side (git-log(1)).
    listed = repository.read(
        "log",
        f"--max-count={most}",
        "--merges",
        "--full-history",
        "--format=%H %P",
        revision,
        "--",
        f":(top){name.as_posix()}",
    )
    for line in (listed or b"").decode().splitlines():
        full, *parents = line.split()
        if len(parents) != 2:  # noqa: PLR2004 - an octopus merge has more than two sides
            continue
        bases = (repository.read("merge-base", parents[0], parents[1]) or b"").split()
        path_bytes = os.fsencode(name)
        commits = [full.encode(), *(parent.encode() for parent in parents), *bases[:1]]
        texts = _read_blobs(repository, [commit + b":" + path_bytes for commit in commits])
        if texts[0] is None or texts[1] is None or texts[2] is None:
            continue
        base = texts[3] if bases else b""
        if texts[1] != texts[2]:
            yield Merge(full, (parents[0], parents[1]), base or b"", (texts[1], texts[2]), texts[0])


def _read_blobs(repository: Repository, names: list[bytes]) -> list[bytes | None]:
    """Return the content of each named blob, or None if it does not exist."""
    out = repository.read("cat-file", "--batch", stdin=b"".join(name + b"\n" for name in names)) or b""
    contents: list[bytes | None] = []
    at = 0
    for _ in names:
        end = out.find(b"\n", at)
        head = out[at:end].split()
        if len(head) < 3 or head[-2] != b"blob":  # noqa: PLR2004 - hash, kind, size
            contents.append(None)
            at = end + 1
            continue
        size = int(head[-1])
        contents.append(out[end + 1 : end + 1 + size])
        at = end + 2 + size
    return contents
