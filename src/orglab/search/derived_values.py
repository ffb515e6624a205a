"""Small things that others derive, such as the features of an experiment, kept under a digest of what they are of."""

import sqlite3
import zlib
from collections.abc import Collection, Iterable, Mapping

from orglab.search.store import Store


def read_values(store: Store, kind: str, digests: Iterable[bytes] | None = None) -> dict[bytes, bytes]:
    """Return what is kept of a kind, by digest: of those asked for, or all; what is damaged is not there.

    Args:
        store: The index.
        kind: Whose it is, with a number that changes when its form does: `similar-1`.
        digests: Of what; any bytes that are another when it is another.
    """
    return store.read(lambda connection: select_values(connection, kind, digests)) or {}


def select_values(
    connection: sqlite3.Connection, kind: str, digests: Iterable[bytes] | None = None
) -> dict[bytes, bytes]:
    """Return what is kept of a kind, while the index is asked for other things too."""
    every = "SELECT digest, content, mark FROM kept WHERE kind = ?"
    if digests is None:
        rows = connection.execute(every, (kind,)).fetchall()
    else:
        asked = f"{every} AND digest = ?"
        rows = [row for one in digests for row in connection.execute(asked, (kind, one))]
    return {digest: content for digest, content, mark in rows if mark == _mark(kind, digest, content)}


def keep(store: Store, kind: str, contents: Mapping[bytes, bytes], current: Collection[bytes] | None = None) -> bool:
    """Keep things of a kind, each under its digest; return whether it was done, which nobody may rely upon.

    Args:
        store: The index.
        kind: As for `read_values`.
        contents: What is to be kept, by digest.
        current: The digests of all that there is now, if known; what is kept of others goes.
    """

    def write(connection: sqlite3.Connection) -> None:
        insert_values(connection, kind, contents)
        if current is not None:
            known = {digest for (digest,) in connection.execute("SELECT digest FROM kept WHERE kind = ?", (kind,))}
            gone = [(kind, digest) for digest in known.difference(current)]
            connection.executemany("DELETE FROM kept WHERE kind = ? AND digest = ?", gone)

    return store.change(write)


def insert_values(connection: sqlite3.Connection, kind: str, contents: Mapping[bytes, bytes]) -> None:
    """Keep things of a kind, each under its digest, while the index is changed in other ways too."""
    rows = [(kind, digest, content, _mark(kind, digest, content)) for digest, content in contents.items()]
    connection.executemany("INSERT OR REPLACE INTO kept VALUES (?, ?, ?, ?)", rows)


def _mark(kind: str, digest: bytes, content: bytes) -> int:
    """Return a check sum."""
    return zlib.crc32(content, zlib.crc32(digest, zlib.crc32(kind.encode())))
