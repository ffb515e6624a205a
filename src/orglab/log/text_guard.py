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

TEXTS = "texts"
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
        self._real = os.path.realpath(path)
        # The log may be in another worktree than the one that a command runs in.
        self._repository = find_repository(Path(self._real).parent) or repository
        self.path = path
        self.link = repository.shared_folder / TEXTS / f"{zlib.crc32(os.fsencode(self._real)):08x}"

    @property
    def _state(self) -> Path:
        return self.link.with_suffix(".seen")

    def read_seen(self) -> Seen | None:
        """Return the file as orglab last saw it, or None."""
        return read_seen(self._state)

    def is_unchanged(self) -> bool:
        """Return whether the file is as orglab last saw it, and no text waits for its place."""
        seen = self.read_seen()
        return seen is not None and seen.stamp == read_stamp(self.path) and not self._aside.exists()

    def is_written_in_place(self) -> bool:
        """Return whether the file is still the one that orglab last saw, whatever it contains now."""
        return self.is_link_of(Path(self._real))

    def is_link_of(self, path: Path) -> bool:
        """Return whether the second name is one of a file that has another path now."""
        with suppress(OSError):
            return os.path.samestat(self.link.stat(follow_symlinks=False), path.stat())
        return False

    def read_kept(self) -> bytes | None:
        """Return the text of the file that orglab last saw, with what was written to it since; None if unknown."""
        try:
            fd = os.open(self.link, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            return None
        with open(fd, "rb") as file:  # noqa: PTH123 - a descriptor
            return file.read()

    def read_base(self) -> str | None:
        """Return the commit of the history of texts that the file was saved in or taken from last, or None."""
        try:
            return self.link.with_suffix(".base").read_text("ascii").strip() or None
        except (OSError, UnicodeDecodeError):
            return None

    def set_base(self, commit: str) -> None:
        """Remember the commit that the file was saved in or taken from; if that cannot be written, nothing happens."""
        base = self.link.with_suffix(".base")
        with suppress(OSError):
            base.parent.mkdir(parents=True, exist_ok=True)
            new = base.with_name(f"{base.name}.{os.getpid()}")
            new.write_text(f"{commit}\n", "ascii")
            new.replace(base)

    @property
    def _aside(self) -> Path:
        return self.link.with_suffix(".aside")

    def read_aside(self) -> bytes | None:
        """Return the text that was set aside while another one has its place, or None."""
        try:
            return self._aside.read_bytes()
        except OSError:
            return None

    def set_aside(self, data: bytes) -> None:
        """Keep a text until its place is free again, unless one is kept already.

        Raises:
            OSError: It cannot be written.
        """
        if not self._aside.exists():
            new = self._aside.with_name(f"{self._aside.name}.{os.getpid()}")
            new.write_bytes(data)
            new.replace(self._aside)

    def drop_aside(self) -> None:
        """Forget the text that was set aside."""
        self._aside.unlink(missing_ok=True)

    def record(self) -> None:
        """Take the file as it is now as the last one seen; if that cannot be written, nothing happens."""
        if (stamp := read_stamp(self.path)) is None:
            return
        with suppress(OSError):
            self.link.parent.mkdir(parents=True, exist_ok=True)
            if not self.is_written_in_place():
                self._link(Path(self._real), self.link)
            seen = (self._real, stamp, str(self._measure_reflog()), os.path.relpath(self._real, self._repository.top))
            new = self._state.with_name(f"{self._state.name}.{os.getpid()}")
            new.write_text("\n".join(seen) + "\n", "utf-8", "surrogateescape")
            new.replace(self._state)

    def keep_replaced(self) -> Path | None:
        """Keep the text of the file that orglab last saw, if another file has its name now; return where it is kept.

        It is kept once, however often this is asked.  The next `record` forgets that text, but not the file returned.
        """
        kept = self.read_kept()
        if kept is None or not os.path.lexists(self._real) or self.is_written_in_place():
            return None
        with suppress(OSError):
            if kept == self.path.read_bytes():
                return None
        for number in itertools.count(1):
            lost = self.link.with_suffix(f".lost-{number}")
            with suppress(OSError):
                if not os.path.lexists(lost):
                    self._link(self.link, lost)
                if lost.read_bytes() == kept:
                    return lost
                continue
            return None
        return None

    def _link(self, source: Path, name: Path) -> None:
        """Give a file another name, or copy it.

        Raises:
            OSError: Neither can be written.
        """
        new = self.link.with_name(f"{self.link.name}.{os.getpid()}")
        with suppress(FileNotFoundError):
            new.unlink()
        try:
            os.link(source, new)
        except OSError:
            # Another file system, or one without links.
            new.write_bytes(source.read_bytes())
        new.replace(name)

    def _measure_reflog(self) -> int:
        try:
            return (self._repository.git_dir / "logs" / "HEAD").stat().st_size
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

    def _read_reflog(self) -> list[str]:
        """Return the lines of HEAD's reflog since orglab last saw the file, oldest first."""
        seen = self.read_seen()
        if seen is None:
            return []
        try:
            with (self._repository.git_dir / "logs" / "HEAD").open("rb") as file:
                # It is shorter once its old entries have expired.
                file.seek(seen.reflog if seen.reflog <= os.fstat(file.fileno()).st_size else 0)
                return file.read().decode("utf-8", "replace").splitlines()
        except OSError:
            return []

    @property
    def repository(self) -> Repository:
        """The repository, in the worktree that has the file."""
        return self._repository


def read_seen(state: Path) -> Seen | None:
    """Return what is recorded of a file when orglab last looked, or None."""
    try:
        path, stamp, reflog, name = state.read_text("utf-8", "surrogateescape").split("\n")[:4]
        return Seen(path, stamp, int(reflog), name)
    except (OSError, ValueError):
        return None


def read_stamp(path: Path) -> str | None:
    """Return a string that differs between versions of a file, or None if there is no such file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return f"{status.st_mtime_ns} {status.st_size} {status.st_ino}"
