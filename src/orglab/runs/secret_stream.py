"""Keep secrets out of what a command prints, and learn those of a script that it runs."""

import contextlib
import json
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Self

from orglab.runs.secret_spans import MASK, SHORT

_PIPE = "secrets"  # in the folder of a run, while it goes on: what is written to it is never on the disk
_CHUNK_BYTES = 1 << 16


class SecretFilter:
    """Passes a stream of bytes on without some secrets, as soon as no secret can begin in what it has."""

    def __init__(self, write: Callable[[bytes], None], secrets: Iterable[str]) -> None:
        """Take where to write, and the secrets."""
        self._write = write
        self._secrets: set[bytes] = set()
        self._rest = b""
        self._masked = 0  # bytes at the beginning of the rest that belong to a secret whose mask is written
        self.add(secrets)

    def add(self, secrets: Iterable[str]) -> None:
        """Take more secrets, for what comes from now on."""
        for secret in secrets:
            # A configuration file may have half a surrogate pair, which no program prints.
            with contextlib.suppress(UnicodeEncodeError):
                encoded = secret.encode("utf-8", "surrogateescape")
                if len(encoded) >= SHORT:
                    self._secrets.add(encoded)

    def feed(self, piece: bytes) -> None:
        """Take the next bytes."""
        data = self._rest + piece if self._rest else piece
        kept = max((_count_beginning(data, secret) for secret in self._secrets), default=0)
        self._pass(data, len(data) - kept)

    def close(self) -> None:
        """Pass on what was held back."""
        self._pass(self._rest, len(self._rest))

    def _pass(self, data: bytes, size: int) -> None:
        """Pass on as many bytes, with a mask for all of what secrets that overlap have; keep the others."""
        pieces, place = [], self._masked
        for begin, end in _find_all(data, self._secrets):
            if begin >= size:
                break
            if begin > place or not place:
                pieces += [data[place:begin], MASK.encode()]
            place = max(place, end)
        pieces.append(data[place:size])
        self._masked, self._rest = max(0, place - size), data[size:]
        if ready := b"".join(pieces):
            self._write(ready)


def _find_all(data: bytes, secrets: Iterable[bytes]) -> list[tuple[int, int]]:
    """Return where some secrets are in some bytes, in their order."""
    found = []
    for secret in secrets:
        begin = data.find(secret)
        while begin >= 0:
            found.append((begin, begin + len(secret)))
            begin = data.find(secret, begin + 1)
    return sorted(found)


def _count_beginning(data: bytes, secret: bytes) -> int:
    """Return the length of the longest end of some bytes that a secret begins with."""
    sizes = range(min(len(data), len(secret) - 1), 0, -1)
    return next((size for size in sizes if data.endswith(secret[:size])), 0)


class SecretPipe:
    """Takes the secrets among the parameters of a script that joins the run (`orglab.run`), as a context manager."""

    def __init__(self, folder: Path) -> None:
        """Take the folder of the run."""
        self._path = folder / _PIPE
        self._fd: int | None = None
        self._rest = b""

    def __enter__(self) -> Self:
        """Open the pipe; where the file system has none, nothing is taken."""
        with contextlib.suppress(OSError):
            os.mkfifo(self._path, 0o600)
            self._fd = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the pipe."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
        remove_secret_pipe(self._path.parent)

    def read(self) -> dict[str, str]:
        """Return the secrets that have come since the last call, by name."""
        found = {}
        *lines, self._rest = (self._rest + b"".join(self._read_all())).split(b"\n")
        for line in lines:
            with contextlib.suppress(ValueError):
                name, value = json.loads(line)
                found[str(name)] = str(value)
        return found

    def _read_all(self) -> Iterator[bytes]:
        with contextlib.suppress(BlockingIOError):
            while self._fd is not None and (piece := os.read(self._fd, _CHUNK_BYTES)):
                yield piece


def remove_secret_pipe(folder: Path) -> None:
    """Remove the pipe from the folder of a run, which a process that was killed leaves behind."""
    with contextlib.suppress(OSError):
        if stat.S_ISFIFO((folder / _PIPE).lstat().st_mode):
            (folder / _PIPE).unlink()


def tell_secrets(folder: Path, secrets: Mapping[str, str]) -> None:
    """Tell the process of a run about secrets, if it listens; nothing is written to a file."""
    with contextlib.suppress(OSError):
        fd = os.open(folder / _PIPE, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            for pair in secrets.items() if stat.S_ISFIFO(os.fstat(fd).st_mode) else ():
                os.write(fd, json.dumps(pair).encode() + b"\n")
        finally:
            os.close(fd)
