"""A file of a snapshot, or an output of a run, identified by the hash of its content."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

_CHUNK = 1 << 20


class HashedFile(NamedTuple):
    """A file, identified by the hash of its content.

    Attributes:
        path: Relative to the top of the repository.
        sha256: The hash of its content, in hexadecimal.
        size: Its size in bytes.
    """

    path: str
    sha256: str
    size: int


def hash_file(path: Path, stop: Callable[[], bool] | None = None) -> str:
    """Return the sha256 of a file's content, in hexadecimal.

    Args:
        path: The file.
        stop: Called between chunks; hashing stops when it returns True.

    Raises:
        OSError: It cannot be read; an InterruptedError if `stop` returned True.
    """
    import hashlib  # noqa: PLC0415 - it loads OpenSSL, and most runs hash no files

    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(_CHUNK):
            if stop is not None and stop():
                raise InterruptedError
            digest.update(chunk)
    return digest.hexdigest()
