"""The numbers that are or were ids in a log of this clone, so that none is given to a second experiment.

They are read from the texts of the log: in the working tree of each worktree, in the archives beside it (`*_archive`),
on branches, in the stash and where HEAD was before.  When orglab gives an id, it is remembered with all others in the
file `orglab/ids` in the git directory that all worktrees share, because a text may be lost before git has seen it:

    id 7 "experiment_log.org"   an id that was given, and the path of the log from the top
    text 3f2a… 12               the hash of a version of the log in git, and the highest number in it

Lines are appended under a lock; lines of another form are ignored.
"""

import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from orglab.config import ARCHIVE_SUFFIX
from orglab.errors import NotReadableError
from orglab.experiment.ids import find_numbers, next_number
from orglab.git import Repository, is_installed
from orglab.git.files import read_blobs
from orglab.git.private_files import is_path_text
from orglab.git.repository import FULL_HASH, list_worktrees
from orglab.git.versions import list_versions
from orglab.lock import held
from orglab.log import file

if TYPE_CHECKING:
    from orglab.log.log import LogFile

_NAME = "ids"
_LINE = re.compile(rb"^(?:id (\d{1,18}) (\"[^\n]*\")|text (%b) (\d{1,18}))$" % FULL_HASH, re.M)
# How many bytes of versions that were not read before are read at once; the others wait for the next time.
_MOST_BYTES = 1 << 26
# A crowd waits here, and then hardly for the log.
_LOCK_SECONDS = 60.0


class KnownIds:
    """The numbers that are or were ids in a log of this clone.

    Attributes:
        used: Those in texts of the log, and of each text read from git the highest.
        named: Those that were given, and what the caller adds: those that commit messages name.
        written_at: When an id was given last, in seconds since 1970; 0 if that is not known.
    """

    def __init__(self, log: "LogFile") -> None:
        """Read the texts of a log, and the ids that were given."""
        self._log = log
        self.used: set[int] = set()
        self.named: set[int] = set()
        self.written_at = 0.0
        self._given: set[int] = set()
        self._new: set[int] = set()
        self._text = b""
        self._numbers: set[int] = set()
        self._texts: dict[str, int] = {}
        self._new_texts: dict[str, int] = {}
        self._read_given()
        self._read_folders()
        if log.repository is not None and is_installed():
            self._read_versions(log.repository)

    @property
    def path(self) -> Path | None:
        """The file of the ids that were given; None without git."""
        return None if self._log.repository is None else self._log.repository.shared_folder / _NAME

    def add_given(self, numbers: Iterable[int]) -> None:
        """Add numbers of experiments that have runs; when an id is given, they are remembered as well."""
        self._new |= {*numbers} - self._given
        self.named |= self._new

    def find_next(self, text: bytes) -> int:
        """Return the next number for an experiment of a text of the log."""
        return next_number(self.used | self._find_numbers(text), self.named)

    def may_be_own(self, name: str | None) -> bool:
        """Return whether a recorded path is that of the log, or of one that is gone, as the log may have been moved."""
        return name in (None, self._log.name) or not os.path.lexists(self._log.top / (name or ""))

    @contextmanager
    def reserve(self) -> Iterator[None]:
        """Let no other orglab process of this clone give an id for the duration of a `with` block.

        If the git directory cannot be written, nothing is reserved.

        Raises:
            NotWritableError: Other processes took too long.
        """
        if self.path is None or not self._make_folder():
            yield
            return
        with held(os.fspath(self.path), _LOCK_SECONDS):
            self._read_given()
            yield

    def remember(self, text: bytes, name: str) -> None:
        """Remember an id that was given and all ids that are known here, if the git directory can be written.

        Args:
            text: A text of the log, whose ids are remembered.
            name: The id that was given; it is remembered if it is a number.
        """
        given = {int(name)} if re.fullmatch("[0-9]{1,18}", name) else set[int]()
        own = json.dumps(self._log.name)
        lines = [
            f"id {number} {own}\n" for number in sorted((self._new | self._find_numbers(text) | given) - self._given)
        ]
        lines += [f"text {blob} {highest}\n" for blob, highest in self._new_texts.items()]
        if self._log.repository is None or not lines:
            return
        # The experiment is in the log already.
        with suppress(OSError):
            self._log.repository.shared_files.append(_NAME, "".join(lines).encode(), durable=True)

    def _find_numbers(self, text: bytes) -> set[int]:
        """Return the numbers that are or were ids in a text of the log; the last answer is kept, as it takes long."""
        if text is not self._text:
            self._text, self._numbers = text, find_numbers(text)
        return self._numbers

    def _make_folder(self) -> bool:
        """Return whether files can be written beside `path`, and create the folder."""
        if self.path is None or self._log.repository is None:
            return False
        with suppress(OSError):
            self._log.repository.shared_files.make()
        return os.access(self.path.parent, os.W_OK | os.X_OK)

    def _read_given(self) -> None:
        """Read the file of the ids that were given."""
        ids = self._log.repository.shared_files.open(_NAME, _MOST_BYTES) if self._log.repository is not None else None
        if ids is None:
            return
        with ids:
            self.written_at = os.fstat(ids.fileno()).st_mtime
            lines = _LINE.findall(ids.read(_MOST_BYTES))
        own = {name: self.may_be_own(_parse(name)) for name in {name for number, name, _, _ in lines if number}}
        self._given = {int(number) for number, name, _, _ in lines if number and own[name]}
        self.named |= self._given
        self._texts = {blob.decode(): int(highest) for _, _, blob, highest in lines if blob}

    def _read_folders(self) -> None:
        """Read the log and the archives in the working tree of each worktree."""
        log = self._log
        paths = [log.path.absolute()]
        if log.repository is not None:
            trees = (tree for tree, _ in list_worktrees(log.repository))
            paths += [tree / log.name for tree in trees if _is_inside(tree / log.name, tree)]
        for path in dict.fromkeys(paths):
            for text in (path, *path.parent.glob(f"*{ARCHIVE_SUFFIX}")):
                # What a repository brings as a link may lead anywhere.
                if text != log.path.absolute() and text.is_file() and not text.is_symlink():
                    with suppress(NotReadableError):
                        self.used |= find_numbers(file.read(text).data)

    def _read_versions(self, repository: Repository) -> None:
        """Read the versions of the log and its archive in git that were not read before, the newest first."""
        name, size = Path(self._log.name).as_posix(), 0
        unread: list[str] = []
        for version in list_versions(repository, (name, f"{name}{ARCHIVE_SUFFIX}")):
            if version.blob in self._texts:
                self.used.add(self._texts[version.blob])
            elif not unread or size + version.size <= _MOST_BYTES:
                unread.append(version.blob)
                size += version.size
        for blob, text in read_blobs(repository, unread):
            self._new_texts[blob] = max(find_numbers(text), default=0)
        self.used.update(self._new_texts.values())


def _is_inside(path: Path, folder: Path) -> bool:
    """Return whether the folder of a file is inside of another one, with links resolved."""
    return Path(os.path.realpath(path.parent)).is_relative_to(os.path.realpath(folder))


def _parse(written: bytes) -> str | None:
    """Return the path in a line of the file; None if it cannot be read."""
    try:
        name = str(json.loads(written))
    except ValueError:
        return None
    return name if is_path_text(name) else None
