"""The files that lie beside a report in Markdown or Org: its pictures and charts, in a folder of their own."""

import hashlib
import json
import os
import tempfile
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

from orglab.errors import NotWritableError
from orglab.git.hashed_file import hash_file

LIST_NAME = ".orglab-report.json"
"""The file that says which files of the folder are ours, and what they held when they were written."""


class Assets:
    """The files of one report, until they are written.

    Attributes:
        folder: The name of their folder, beside the report.
        contents: What each file holds, by name.
    """

    def __init__(self, report: Path) -> None:
        """Hold nothing yet.

        Args:
            report: The file of the report: `weekly.md` has its pictures in `weekly.md-files`.
        """
        self.report = report
        # With the ending: the same report may stand there in another format too.
        self.folder = f"{report.name}-files"
        self.contents: dict[str, bytes] = {}
        self._given: dict[bytes, str] = {}

    def add(self, stem: str, suffix: str, content: bytes, *, is_url: bool = True) -> str:
        """Keep a file for later, and return its path from the report as a link has it; the same is kept once."""
        name = self._given.get(content)
        if name is None:
            name, number = f"{stem}.{suffix}", 1
            while name in self.contents:
                number += 1
                name = f"{stem}-{number}.{suffix}"
            self.contents[name] = content
            self._given[content] = name
        return f"{quote(self.folder)}/{quote(name)}" if is_url else f"{self.folder}/{name}"

    def write(self) -> None:
        """Write the files; those of an earlier report that are no longer asked for are gone.

        Raises:
            NotWritableError: A file of that name is not ours, or was changed by hand; or the disk refuses.
        """
        folder = self.report.parent / self.folder
        known = _read_list(folder)
        if not self.contents and not known:
            return
        try:
            folder.mkdir(exist_ok=True)
            for name, content in self.contents.items():
                _check_ours(folder / name, known.get(name), content)
            for name, content in self.contents.items():
                write_atomically(folder / name, content)
            for name, digest in known.items():
                if name not in self.contents and _read_digest(folder / name) == digest:
                    (folder / name).unlink()
            listed = {name: compute_digest(content) for name, content in self.contents.items()}
            write_atomically(folder / LIST_NAME, json.dumps(listed, indent=1).encode())
        except OSError as error:
            raise NotWritableError(f"{folder} could not be written: {error.strerror}.") from error


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that it holds its old bytes or these, never others; a link is followed.

    Args:
        path: The file.  Its folder is there.
        content: What it holds afterwards.
    """
    path = path.resolve()
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name[:100]}.", dir=path.parent)
    with ExitStack() as undone:
        undone.callback(Path(name).unlink, missing_ok=True)
        with open(descriptor, "wb") as file:  # noqa: PTH123 - it is open already
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        umask = os.umask(0)
        os.umask(umask)
        Path(name).chmod(path.stat().st_mode & 0o7777 if path.exists() else 0o666 & ~umask)
        Path(name).replace(path)
        undone.pop_all()


def _read_list(folder: Path) -> dict[str, str]:
    """Return the digests of our files in a folder, by name; of one that nobody can read there are none."""
    try:
        listed = json.loads((folder / LIST_NAME).read_bytes())
    except (OSError, ValueError):
        return {}
    if not isinstance(listed, dict):
        return {}
    # A list from elsewhere names nothing outside of its folder.
    return {name: digest for name, digest in listed.items() if isinstance(digest, str) and Path(name).name == name}


def _check_ours(path: Path, known: str | None, content: bytes) -> None:
    """Refuse to overwrite a file that we have not written, or that has been changed since."""
    if path.is_symlink() or (path.exists() and _read_digest(path) not in (known, compute_digest(content))):
        raise NotWritableError(f"{path} is not of this report, or was changed; move it away, or choose another -o.")


def compute_digest(content: bytes) -> str:
    """Return the sha256 of bytes, in hex."""
    return hashlib.sha256(content).hexdigest()


def _read_digest(path: Path) -> str:
    """Return the sha256 of a file; of one that is not there, nothing."""
    try:
        return hash_file(path)
    except OSError:
        return ""
