"""The files that are open in the editor, and the logs that they belong to, with what is open in place of the disk."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from lsprotocol import types
from pygls.uris import from_fs_path, to_fs_path

from orglab.api import Log
from orglab.config import find_apart
from orglab.errors import NotFoundError, NotReadableError, OrglabError
from orglab.git import find_repository
from orglab.git.repository import list_worktrees
from orglab.log.file import FileContent
from orglab.log.log import LogFile
from orglab.lsp.log_view import Found, LogView
from orglab.lsp.parted_text import PartedText, Place
from orglab.lsp.positions import ENCODINGS, UTF_16, count_units, find_byte
from orglab.org.source import Source
from orglab.settings.settings_files import find_log

COMMIT_MESSAGES = ("gitcommit", "git-commit")
_MESSAGE_FILES = ("COMMIT_EDITMSG", "MERGE_MSG", "TAG_EDITMSG", "SQUASH_MSG")
_ORG = (".org", ".org_archive")


class OpenFile:
    """A file that is open in the editor.

    Attributes:
        uri: Its address, as the editor spells it.
        path: Its path.
        language: What the editor takes it for, such as `python`.
        version: The version of its text, as the editor counts.
        text: Its text.
        has_crlf: Whether its lines end with two characters.
        known_reads: How often logs had been read again from disk when it was reported last.
    """

    def __init__(self, item: types.TextDocumentItem, path: Path) -> None:
        """Take what the editor has opened."""
        self.uri = item.uri
        self.path = path
        self.language = item.language_id
        self.version: int | None = item.version
        self.known_reads = 0
        self.has_crlf = "\r\n" in item.text
        self.text = PartedText(encode_text(item.text))

    @property
    def is_message(self) -> bool:
        """Whether it is the message of a commit."""
        return self.language in COMMIT_MESSAGES or self.path.name in _MESSAGE_FILES

    @property
    def is_org(self) -> bool:
        """Whether it is an Org file."""
        return self.language == "org" or self.path.suffix in _ORG


class LogOfFile(NamedTuple):
    """The log that a file belongs to.

    Attributes:
        log: The log, as its commands have it.
        view: Its text, as it is in the editor or on disk.
        is_log: Whether the file is the log itself.
        archive: The archive, or None.
    """

    log: Log
    view: LogView
    is_log: bool
    archive: Callable[[], LogView | None]

    def find(self, name: str) -> Found | None:
        """Return the experiment of the log, or else of its archive, that has an id or had it before; or None."""
        found = self.view.find(name)
        if found is None and (archive := self.archive()) is not None:
            found = archive.find(name)
        return found


class OpenFiles:
    """The files that are open in the editor, and the logs that they belong to.

    Attributes:
        reads: How often a log was read again, because it or a setting has changed on disk.
    """

    def __init__(self, given: str | None) -> None:
        """Begin without any.

        Args:
            given: The log that was named; None to find that of each file.
        """
        self.reads = 0
        self._encoding = UTF_16
        self._given = given
        self._files: dict[str, OpenFile] = {}
        self._logs: dict[Path, tuple[str, str]] = {}
        self._views: dict[str, tuple[tuple[int, ...], LogView]] = {}

    def __iter__(self) -> Iterator[OpenFile]:
        """Yield the open files."""
        return iter([*self._files.values()])

    @property
    def encoding(self) -> str:
        """How the editor counts positions."""
        return self._encoding

    @encoding.setter
    def encoding(self, encoding: str) -> None:
        if encoding not in ENCODINGS:
            raise ValueError(encoding)
        self._encoding = encoding

    # What the editor tells

    def add(self, item: types.TextDocumentItem) -> OpenFile | None:
        """Remember a file that was opened, and return it; None if it has no path."""
        path = to_fs_path(item.uri)
        if not path:
            return None
        opened = self._files[item.uri] = OpenFile(item, Path(path))
        opened.known_reads = self.reads
        return opened

    def change(self, params: types.DidChangeTextDocumentParams) -> OpenFile | None:
        """Edit the text of an open file as the editor did, and return it; None if it is not open."""
        opened = self._files.get(params.text_document.uri)
        if opened is None:
            return None
        for change in params.content_changes:
            if not isinstance(change, types.TextDocumentContentChangePartial):
                text = PartedText(encode_text(change.text))
                text.take_known(opened.text)
                opened.text, opened.has_crlf = text, "\r\n" in change.text
                continue
            start, end = (self.find_place(opened.text, at) for at in (change.range.start, change.range.end))
            gone, made = opened.text.replace(start, end, encode_text(change.text))
            for _, view in self._views.values():
                if view.text is opened.text:
                    view.follow_edit(gone, made)
        opened.version = params.text_document.version
        return opened

    def close(self, uri: str) -> None:
        """Forget a file that was closed, and the logs that no open file belongs to; others are read from disk again."""
        self._files.pop(uri, None)
        paths = {opened.path for opened in self}
        self._logs = {path: keys for path, keys in self._logs.items() if path in paths}
        kept = {key for keys in self._logs.values() for key in keys}
        self._views = {key: known for key, known in self._views.items() if key in kept}

    def get(self, uri: str) -> OpenFile | None:
        """Return the open file with an address, or None."""
        return self._files.get(uri)

    def find_open(self, path: str | os.PathLike[str]) -> OpenFile | None:
        """Return the open file with a path, or None."""
        real = os.path.realpath(path)
        return next((one for one in self._files.values() if os.path.realpath(one.path) == real), None)

    def spell_uri(self, path: str | os.PathLike[str]) -> str:
        """Return the address of a file, as the editor spells it if it is open there."""
        opened = self.find_open(path)
        return opened.uri if opened is not None else from_fs_path(os.fspath(Path(path).absolute())) or ""

    # Logs

    def find_log(self, path: Path) -> LogOfFile | None:
        """Return the log that a file belongs to; None if there is none, or it cannot be read."""
        folder = _find_folder(path)
        try:
            log_path, config = find_log(folder, self._given)
            log = Log(log_path.absolute(), config)
            apart = find_apart(os.fspath(folder))
            if apart is not None and apart.find_name(os.fspath(log_path)) is not None:
                # The file may be in another worktree; commits and the active step are those of this one.
                log.repository = find_repository(folder)
            view = self._read_view(log.path, log, log.read_file)
        except (OrglabError, OSError):
            return None
        real = os.path.realpath(log.path)
        self._logs[path] = real, os.path.realpath(log.archive)
        is_log = os.path.realpath(path) == real
        return LogOfFile(log, view, is_log, lambda: self._read_archive(log, view))

    def _read_archive(self, log: Log, view: LogView) -> LogView | None:
        try:
            return self._read_view(log.archive, log, log.read_archive_file, view.keywords)
        except (NotFoundError, NotReadableError, OSError):
            return None

    def _read_view(
        self, path: Path, log: LogFile, read: Callable[[], FileContent], keywords: str | None = None
    ) -> LogView:
        """Return a log or an archive as it is in the editor, or on disk if it is not open or has changed there."""
        now: tuple[int, ...] = ()
        key, opened = os.path.realpath(path), self.find_open(path)
        status, view = self._views.get(key, ((), None))
        if view is not None and view.config != log.config:
            self.reads += 1
            view = None
        if opened is not None:
            text = opened.text
        else:
            now = _read_status(path)
            is_changed = status != now
            self.reads += is_changed and view is not None
            text = PartedText(_read_text(read)) if view is None or is_changed else view.text
        if view is None:
            view = LogView(path, log.config, text, keywords)
        elif view.text is not text:
            if text.version == 0:
                text.take_known(view.text)
            view.replace_text(text)
        self._views[key] = now, view
        return view

    # Positions

    def find_place(self, text: PartedText, position: types.Position) -> Place:
        """Return the place of a position in a text."""
        line = max(0, position.line)
        return Place(line, find_byte(text.line(line), position.character, self.encoding))

    def make_position(self, line: int, text: bytes, column: int) -> types.Position:
        """Return the position of a byte of a line.

        Args:
            line: The 0-based line.
            text: The line.
            column: The byte.
        """
        return types.Position(line, count_units(text[:column], self.encoding))

    def make_range(self, line: int, text: bytes, begin: int = 0, end: int | None = None) -> types.Range:
        """Return the range of some bytes of a line; up to its end if `end` is None."""
        stop = len(text) if end is None else end
        return types.Range(self.make_position(line, text, begin), self.make_position(line, text, stop))


def encode_text(text: str) -> bytes:
    r"""Return a text of the editor as bytes, with `\n` at the end of each line."""
    return text.replace("\r\n", "\n").encode("utf-8", "replace")


def _read_text(read: Callable[[], FileContent]) -> bytes:
    return Source(read().data).text


def _read_status(path: Path) -> tuple[int, ...]:
    """Return the size and the times of a file.

    Raises:
        OSError: There is no file.
    """
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _find_folder(path: Path) -> Path:
    """Return the folder that decides which log a file belongs to: for the message of a commit that of its worktree."""
    folder = path.parent
    if path.name not in _MESSAGE_FILES:
        return folder
    git_dir = folder
    while git_dir.name != ".git" and git_dir != git_dir.parent:
        git_dir = git_dir.parent
    if git_dir.name != ".git":
        return folder
    repository = find_repository(git_dir.parent)
    trees = list_worktrees(repository) if repository is not None and git_dir != folder else ()
    return next((top for top, own in trees if own.samefile(folder)), git_dir.parent)
