"""The assets of a report in Markdown or Org: its pictures and charts, in a folder next to it."""

import hashlib
import json
import os
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

from orglab.errors import NotWritableError
from orglab.git.hashed_file import hash_content
from orglab.git.private_files import PrivateFolder, is_path_text

FOLDER_SUFFIX = "-files"
"""What follows the name of a report in that of the folder with its assets."""
LIST_NAME = ".orglab-report.json"
"""The file that lists the files in the folder that we wrote, with their digests."""
_MOST_LISTED = 1 << 20


class Assets:
    """The asset files of one report, collected before they are written.

    Attributes:
        folder: The name of their folder, next to the report.
        contents: The content of each file, by name.
    """

    def __init__(self, report: Path) -> None:
        """Start without files.

        Args:
            report: The file of the report: the pictures of `weekly.md` are in `weekly.md-files`.
        """
        self.report = report
        # Includes the extension, because the same report may exist there in another format.
        self.folder = f"{report.name}{FOLDER_SUFFIX}"
        self.contents: dict[str, bytes] = {}
        self._names: dict[bytes, str] = {}

    def add(self, stem: str, suffix: str, content: bytes, *, is_url: bool = True) -> str:
        """Add a file and return its path relative to the report, for a link; equal files are added once."""
        name = self._names.get(content)
        if name is None:
            name, number = f"{stem}.{suffix}", 1
            while name in self.contents:
                number += 1
                name = f"{stem}-{number}.{suffix}"
            self.contents[name] = content
            self._names[content] = name
        return f"{quote(self.folder)}/{quote(name)}" if is_url else f"{self.folder}/{name}"

    def write(self) -> Path | None:
        """Write the files, remove those of an earlier report that are no longer used, and return the folder.

        Returns:
            The folder; None if the report has no assets.

        Raises:
            NotWritableError: A file of that name was not written by us or has changed since, or writing fails.
        """
        folder = self.report.parent / self.folder
        own = PrivateFolder(folder)
        known = _read_list(own)
        if not self.contents and not known:
            return None
        try:
            folder.mkdir(exist_ok=True)
            if (folder / LIST_NAME).is_symlink():
                raise NotWritableError(f"{folder / LIST_NAME} is a link; remove it or use another -o.")
            for name, content in self.contents.items():
                _check_ours(own, name, known.get(name), content)
            for name, content in self.contents.items():
                write_atomically(folder / name, content)
            for name, digest in known.items():
                if name not in self.contents and _read_digest(own, name) == digest:
                    own.unlink(name)
            digests = {name: compute_digest(content) for name, content in self.contents.items()}
            write_atomically(folder / LIST_NAME, json.dumps(digests, indent=1).encode())
        except OSError as error:
            raise NotWritableError(f"Cannot write {folder}: {error.strerror}.") from error
        return folder if self.contents else None


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that it has either its old content or the new one, never a mixture; symlinks are followed.

    Args:
        path: The file, in an existing folder.
        content: The new content.
    """
    path = path.resolve()
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name[:100]}.", dir=path.parent)
    with ExitStack() as cleanup:
        cleanup.callback(Path(name).unlink, missing_ok=True)
        with open(descriptor, "wb") as file:  # noqa: PTH123 - it is open already
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        umask = os.umask(0)
        os.umask(umask)
        Path(name).chmod(path.stat().st_mode & 0o7777 if path.exists() else 0o666 & ~umask)
        Path(name).replace(path)
        cleanup.pop_all()


def _read_list(folder: PrivateFolder) -> dict[str, str]:
    """Return the digests of our files in a folder, by name; none if the list cannot be read."""
    try:
        digests = json.loads(folder.read(LIST_NAME, _MOST_LISTED) or b"")
    except (ValueError, RecursionError):
        return {}
    if not isinstance(digests, dict):
        return {}
    # The list may come from elsewhere, so names outside the folder are ignored.
    return {
        name: digest
        for name, digest in digests.items()
        if isinstance(digest, str) and is_path_text(name) and Path(name).name == name
    }


def _check_ours(folder: PrivateFolder, name: str, known: str | None, content: bytes) -> None:
    """Refuse to overwrite a file that we did not write or that has changed since."""
    path = folder.path / name
    if os.path.lexists(path) and _read_digest(folder, name) not in {known, compute_digest(content)} - {None}:
        raise NotWritableError(f"{path} was not written by this report or was changed; move it away or use another -o.")


def compute_digest(content: bytes) -> str:
    """Return the SHA-256 of bytes, in hex."""
    return hashlib.sha256(content).hexdigest()


def _read_digest(folder: PrivateFolder, name: str) -> str | None:
    """Return the SHA-256 of a file; None if it is missing, a link, or cannot be read."""
    file = folder.open(name, sys.maxsize)
    if file is None:
        return None
    with file:
        return hash_content(file)
