"""Notices what git does to the file of a log, and keeps the text that it had before.

git replaces a file by removing it and writing a new one.  So a second name of the file, a hard link in the git
directory, still has the text that a reset, a checkout, a stash or `git clean` has taken out of the working tree, with
everything that an editor had saved in place.  Where links are not possible, a copy is made after each command.

Beside the link, a small file says what the log's file and HEAD were like when orglab last looked: as long as the
file's attributes are the same, there is nothing to notice.
"""

import itertools
import os
import zlib
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from orglab.git import Repository, find_repository
from orglab.git.inside import find_tracked_link, read_inside
from orglab.git.private_files import PrivateFolder, open_regular
from orglab.git.repository import is_full_hash

TEXTS = "texts"
LOSSES = "losses"
UNTOLD = "untold"
"""The name of the empty file in that folder which says that the user has not been told of a loss."""
_MOST = 1 << 30  # of a log
_MOST_SEEN = 1 << 16
_NO_TREE = ("commit:", "commit (amend):", "commit (initial):", "commit (merge):", "branch:", "fast-import")
"""The beginnings of the messages in HEAD's reflog of operations that leave the files in the working tree alone."""


class Seen(NamedTuple):
    """A file when orglab last looked.

    Attributes:
        path: Its real path.
        stamp: Its attributes, in a string that differs after each change.
        reflog: The size of HEAD's reflog in its worktree.
        name: Its path from the top of the worktree.
    """

    path: str
    stamp: str
    reflog: int
    name: str


class TextGuard:
    """The second name of a file, and what was known of it.

    Attributes:
        path: The file.
        link: Its second name.
    """

    def __init__(self, repository: Repository, path: Path) -> None:
        """Take a file in the working tree of a repository; nothing is read."""
        # What git has put in the place of the file is not the file.
        self._is_there = find_tracked_link(repository, path) is None
        self._real = os.path.realpath(path) if self._is_there else os.path.abspath(path)  # noqa: PTH100 - a text
        # The log may be in another worktree than the one that a command runs in.
        found = find_repository(Path(self._real).parent) if self._is_there else None
        self._repository = found or repository
        self.path = path
        self._files = repository.shared_files.folder(TEXTS)
        # Relative to the git directory, so that a repository that is moved or copied has what was known in it.
        place = os.path.relpath(self._real, os.path.realpath(repository.shared_folder))
        self._name = f"{zlib.crc32(os.fsencode(place)):08x}"
        self.link = self._files.path / self._name

    def read_seen(self) -> Seen | None:
        """Return the file as orglab last saw it, or None."""
        return read_seen(self._files, f"{self._name}.seen")

    def is_unchanged(self) -> bool:
        """Return whether the file is as orglab last saw it, and no text waits for its place."""
        seen = self.read_seen()
        is_known = seen is not None and self._is_there and seen.stamp == read_stamp(self.path)
        return is_known and not self._files.stat(self._aside)

    def is_written_in_place(self) -> bool:
        """Return whether the file is still the one that orglab last saw, whatever it contains now."""
        return self.is_link_of(Path(self._real))

    def is_link_of(self, path: Path) -> bool:
        """Return whether the second name is one of a file that has another path now."""
        status = self._files.stat(self._name)
        with suppress(OSError):
            return status is not None and os.path.samestat(status, path.stat())
        return False

    def has_inode(self, inode: int) -> bool:
        """Return whether the file has an inode, of which the lower 32 bits are given."""
        with suppress(OSError):
            return Path(self._real).stat().st_ino & 0xFFFFFFFF == inode
        return False

    def was_replaced_after(self, moment: int) -> bool:
        """Return whether the file that orglab last saw kept its place at least until a time in nanoseconds."""
        status = self._files.stat(self._name)
        return status is not None and status.st_ctime_ns >= moment

    def read_kept(self) -> bytes | None:
        """Return the text of the file that orglab last saw, with what was written to it since; None if unknown."""
        return self._files.read(self._name, _MOST)

    def read_base(self) -> str | None:
        """Return the commit of the history of texts that the file was saved in or taken from last, or None."""
        commit = (self._files.read(f"{self._name}.base") or b"").decode("ascii", "replace").strip()
        return commit if is_full_hash(commit) else None

    def set_base(self, commit: str) -> None:
        """Remember the commit that the file was saved in or taken from; if that cannot be written, nothing happens."""
        with suppress(OSError):
            self._files.write(f"{self._name}.base", f"{commit}\n".encode("ascii"))

    @property
    def _aside(self) -> str:
        return f"{self._name}.aside"

    def read_aside(self) -> bytes | None:
        """Return the text that was set aside while another one has its place, or None."""
        return self._files.read(self._aside, _MOST)

    def set_aside(self, data: bytes) -> None:
        """Keep a text until its place is free again, unless one is kept already.

        Raises:
            OSError: It cannot be written.
        """
        if self._files.stat(self._aside) is None:
            self._files.write(self._aside, data)

    def drop_aside(self) -> None:
        """Forget the text that was set aside."""
        self._files.unlink(self._aside)

    def record(self) -> None:
        """Take the file as it is now as the last one seen.

        Nothing happens if that cannot be written, or if a link that git tracks leads to a file of the user.
        """
        if not self._is_there or (stamp := read_stamp(self.path)) is None:
            return
        with suppress(OSError):
            if not self.is_written_in_place():
                self._files.link(self._real, self._name)
            seen = (self._real, stamp, str(self._measure_reflog()), os.path.relpath(self._real, self._repository.top))
            self._files.write(f"{self._name}.seen", os.fsencode("\n".join(seen) + "\n"))

    def keep_replaced(self) -> Path | None:
        """Keep the text of the file that orglab last saw, if another file has its name now; return where it is kept.

        It is kept once, however often this is asked.  The next `record` forgets that text, but not the file returned.
        """
        kept = self.read_kept()
        if kept is None or not os.path.lexists(self._real) or self.is_written_in_place():
            return None
        with suppress(OSError):
            if kept == read_inside(self._repository, self.path, _MOST):
                return None
        for number in itertools.count(1):
            lost = f"{self._name}.lost-{number}"
            if not os.path.lexists(self._files.path / lost):
                try:
                    self._files.link(self.link, lost)
                except OSError:
                    return None
            if self._files.read(lost, _MOST) == kept:
                return self._files.path / lost
        return None

    def _measure_reflog(self) -> int:
        try:
            return (self._repository.git_dir / "logs" / "HEAD").lstat().st_size
        except OSError:
            return 0

    def find_operation(self) -> str | None:
        """Return what git did to the working tree since orglab last saw the file, as in HEAD's reflog; None if nothing.

        A commit does nothing to it.
        """
        messages = [message for line in self._read_reflog() if (message := line.partition("\t")[2])]
        return next((message for message in reversed(messages) if not message.startswith(_NO_TREE)), None)

    def find_former_head(self) -> str | None:
        """Return the full hash of HEAD when orglab last saw the file, if HEAD has moved since."""
        return next((line[: line.find(" ")] for line in self._read_reflog() if line.strip("0 ")), None)

    def find_commits(self) -> list[str]:
        """Return the full hashes of the commits that were made of the index since orglab last saw the file."""
        pairs = (line.partition("\t") for line in self._read_reflog())
        return [names.split(" ")[1] for names, _, message in pairs if message.startswith("commit") and " " in names]

    def _read_reflog(self) -> list[str]:
        """Return the lines of HEAD's reflog since orglab last saw the file, oldest first."""
        seen = self.read_seen()
        if seen is None:
            return []
        try:
            with open(open_regular(self._repository.git_dir / "logs" / "HEAD"), "rb") as file:  # noqa: PTH123
                # It is shorter once its old entries have expired.
                file.seek(seen.reflog if seen.reflog <= os.fstat(file.fileno()).st_size else 0)
                return file.read().decode("utf-8", "replace").splitlines()
        except OSError:
            return []

    @property
    def repository(self) -> Repository:
        """The repository, in the worktree that has the file."""
        return self._repository


def read_seen(files: PrivateFolder, name: str) -> Seen | None:
    """Return what a file of the folder TEXTS tells of a log when orglab last looked, or None."""
    try:
        path, stamp, reflog, log = os.fsdecode(files.read(name, _MOST_SEEN) or b"").split("\n")[:4]
        return Seen(path, stamp, int(reflog[:18]), log) if "\0" not in path + log else None
    except ValueError:
        return None


def read_stamp(path: Path) -> str | None:
    """Return a string that differs between versions of a file, or None if there is no such file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return f"{status.st_mtime_ns} {status.st_size} {status.st_ino}"
