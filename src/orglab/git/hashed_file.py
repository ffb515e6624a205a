"""A file as it is known by its content: that of a snapshot, or the output of a run."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

_CHUNK = 1 << 20


class HashedFile(NamedTuple):
    """A file, known by its content.

    Attributes:
        path: Relative to the top of the repository.
        sha256: Of its content, in hexadecimal.
        size: In bytes.
    """

    path: str
    sha256: str
    size: int


def hash_file(path: Path, stop: Callable[[], bool] | None = None) -> str:
    """Return the sha256 of a file's content, in hexadecimal.

    Args:
        path: The file.
        stop: Asked between pieces whether to give up.

    Raises:
        OSError: It cannot be read; an InterruptedError if it was given up.
    """
    import hashlib  # noqa: PLC0415 - it loads OpenSSL, and most runs have nothing to hash

    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(_CHUNK):
            if stop is not None and stop():
                raise InterruptedError
            digest.update(chunk)
    return digest.hexdigest()
