"""Files that a record names: outputs of a run, by the hash of their content, and files that no commit holds."""

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
