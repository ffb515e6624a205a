"""Small derived values, such as a compiled lexicon, stored in the index under a digest of their source."""

import sqlite3
import zlib
from collections.abc import Collection, Iterable, Mapping

from orglab.search.store import Store


def read_values(store: Store, kind: str, digests: Iterable[bytes] | None = None) -> dict[bytes, bytes]:
    """Return the intact values of a kind by digest.

    Args:
        store: The index.
        kind: The kind of the values, with a version number of their format: `similar-1`.
        digests: The digests of the values to read; all if None.
    """
    return store.read(lambda connection: select_values(connection, kind, digests)) or {}


def select_values(
    connection: sqlite3.Connection, kind: str, digests: Iterable[bytes] | None = None
) -> dict[bytes, bytes]:
    """Return the intact values of a kind by digest, as `read_values` does, through an open connection."""
    every = "SELECT digest, content, mark FROM kept WHERE kind = ?"
    if digests is None:
        rows = connection.execute(every, (kind,)).fetchall()
    else:
        query = f"{every} AND digest = ?"
        rows = [row for digest in digests for row in connection.execute(query, (kind, digest))]
    return {digest: content for digest, content, mark in rows if mark == _checksum(kind, digest, content)}


def write_values(
    store: Store, kind: str, contents: Mapping[bytes, bytes], current: Collection[bytes] | None = None
) -> bool:
    """Store values of a kind, each under its digest; return whether that succeeded, which is not guaranteed.

    Args:
        store: The index.
        kind: The kind, as for `read_values`.
        contents: The values by digest.
        current: The digests of all current values, if known; the values of other digests are removed.
    """

    def write(connection: sqlite3.Connection) -> None:
        insert_values(connection, kind, contents)
        if current is not None:
            known = {digest for (digest,) in connection.execute("SELECT digest FROM kept WHERE kind = ?", (kind,))}
            gone = [(kind, digest) for digest in known.difference(current)]
            connection.executemany("DELETE FROM kept WHERE kind = ? AND digest = ?", gone)

    return store.change(write)


def insert_values(connection: sqlite3.Connection, kind: str, contents: Mapping[bytes, bytes]) -> None:
    """Store values of a kind, each under its digest, through an open connection."""
    rows = [(kind, digest, content, _checksum(kind, digest, content)) for digest, content in contents.items()]
    connection.executemany("INSERT OR REPLACE INTO kept VALUES (?, ?, ?, ?)", rows)


def _checksum(kind: str, digest: bytes, content: bytes) -> int:
    return zlib.crc32(content, zlib.crc32(digest, zlib.crc32(kind.encode())))
