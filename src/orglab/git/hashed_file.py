"""Files that a record names: outputs of a run, by the hash of their content, and files that no commit holds."""

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, NamedTuple

from orglab.git.inside import open_inside
from orglab.git.repository import Repository

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


class LeftOut(NamedTuple):
    """An untracked file, or several, that are kept in no commit.

    Attributes:
        path: Relative to the top of the repository; a folder ends in `/`, and `data/*.png` stands for several files.
        reason: `environment`, `secret`, `large`, or `limit` if there are too many files, or too much in all.
        size: In bytes, in all; None if it is not known.
        sha256: The hash of its content, in hexadecimal; None for several files, or if hashing would take long.
    """

    path: str
    reason: str
    size: int | None = None
    sha256: str | None = None


def hash_file(repository: Repository | None, path: Path, stop: Callable[[], bool] | None = None) -> str:
    """Return the sha256 of a file's content, in hexadecimal.

    Args:
        repository: The repository, out of which no link that git tracks is followed; None if there is none.
        path: The file.
        stop: Called between chunks; hashing stops when it returns True.

    Raises:
        OSError: It cannot be read, or is not a regular file; an InterruptedError if `stop` returned True.
    """
    with open_inside(repository, path) as file:
        return hash_content(file, stop)


def hash_content(file: BinaryIO, stop: Callable[[], bool] | None = None) -> str:
    """Return the sha256 of the content of an open file, in hexadecimal; see `hash_file`."""
    import hashlib  # noqa: PLC0415 - it loads OpenSSL, and most runs hash no files

    digest = hashlib.sha256()
    while chunk := file.read(_CHUNK):
        if stop is not None and stop():
            raise InterruptedError
        digest.update(chunk)
    return digest.hexdigest()
