"""The file of an index: reading it, changing it atomically, detecting damage and rebuilding it.

The SQLite file is written without a journal on disk and without syncing.  A seal, a small file beside it, records
the file's size, times and inode after our last change, and the boot id of the machine.  Anything else that happens
to the file (a crash during a change, a power cut, a write by another program) breaks the seal, and a file whose
seal is broken is replaced instead of read.  So is a file that SQLite rejects.  Readers check the seal before and
after reading.

No process waits long for the index: if another process holds it for more than a moment, the answer is computed
without it.
"""

import json
import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from typing import TYPE_CHECKING, Any, TypeVar

from orglab.git.private_files import PrivateFolder
from orglab.search.location import index_path, program_version

if TYPE_CHECKING:
    from orglab.log.log import LogFile

Answer = TypeVar("Answer")
Reader = Callable[[sqlite3.Connection], Answer]

# Seconds to wait for another process that holds the file.
_TIMEOUT = 0.25
# The errors that reading a damaged file may cause; any other error is a bug and is not hidden.
DAMAGE_ERRORS = (sqlite3.Error, OSError, ValueError, LookupError, TypeError, ArithmeticError)
# The schema of the file is not trusted, nothing waits for the disk, and pages are large because columns are long.
_PRAGMAS = (
    "page_size=16384", "cache_size=-65536", "trusted_schema=OFF", "cell_size_check=ON", "synchronous=OFF",
    "journal_mode=MEMORY",
)  # fmt: skip
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_LEFTOVER_SECONDS = 3600.0  # an unfinished file of this age was abandoned
_VERSIONS = 2  # versions of orglab that may use a log in turn and keep their indexes
# Other modules create their own tables.
_TABLES = """
CREATE TABLE about(program TEXT NOT NULL);
CREATE TABLE source(name TEXT PRIMARY KEY, look TEXT NOT NULL);
CREATE TABLE kept(kind TEXT NOT NULL, digest BLOB NOT NULL, content BLOB NOT NULL, mark INTEGER NOT NULL,
                  PRIMARY KEY (kind, digest));
"""


class Store:
    """The file of one index, which may not exist.

    Attributes:
        path: The path of the file, or None if there is no place for it.
    """

    def __init__(self, path: str | None) -> None:
        """Give access to the index at `path`; nothing is opened yet."""
        self.path = path
        folder, self._name = os.path.split(path or os.devnull)
        base, name = os.path.split(folder)
        self._files = PrivateFolder(base, name)

    def read(self, question: Reader[Answer]) -> Answer | None:
        """Return what `question` reads from the index; None if the index does not exist or may be damaged."""
        if self.path is None or not self._is_sealed():
            return None
        try:
            with closing(_connect(self.path)) as connection:
                connection.execute("BEGIN")
                # From here on no other orglab process changes this file; it may only replace it.
                if not self._is_ours(connection):
                    return None
                answer = question(connection)
                return answer if self._is_sealed() else None
        except DAMAGE_ERRORS:
            return None

    def change(self, alter: Reader[object]) -> bool:
        """Change the index atomically, or rebuild it with what `alter` writes into an empty one.

        Args:
            alter: Writes into the current index or an empty one.

        Returns:
            Whether the index was changed.  It is not if there is no place for an index, or while another process
            writes it; nothing is lost then.
        """
        if self.path is None:
            return False
        try:
            if self._wait_for_seal() and (is_changed := self._alter(alter)) is not None:
                return is_changed
            return self._replace(alter)
        except DAMAGE_ERRORS:
            return False

    def answer(self, is_current: Reader[bool], update: Reader[object], question: Reader[Answer]) -> Answer:
        """Return what `question` reads from an up-to-date index: this one after an update, or one in memory.

        Args:
            is_current: Returns whether an index is up to date for the question.
            update: Brings an index, which may be empty, up to date.
            question: Reads the answer.
        """

        def read_if_current(connection: sqlite3.Connection) -> tuple[Answer] | None:
            return (question(connection),) if is_current(connection) else None

        answer = self.read(read_if_current)
        if answer is None and self.change(update):
            answer = self.read(read_if_current)
        if answer is not None:
            return answer[0]
        with closing(open_in_memory()) as connection:
            update(connection)
            return question(connection)

    def _alter(self, alter: Reader[object]) -> bool | None:
        """Change the existing file; return False if another process holds it, None if it may be damaged."""
        path = self.path or ""
        try:
            with closing(_connect(path)) as connection:
                connection.execute("BEGIN IMMEDIATE")
                if not self._wait_for_seal() or not self._is_ours(connection):
                    return None
                alter(connection)
                connection.execute("COMMIT")
                self._seal()
                return True
        except sqlite3.Error as error:
            return False if getattr(error, "sqlite_errorcode", 0) & 0xFF in _BUSY else None

    def _replace(self, alter: Reader[object]) -> bool:
        """Build a new file beside the existing one, if any, and replace that."""
        path = self.path or ""
        folder, name = os.path.split(path)
        # Private in the user's cache folder; with default permissions, like other files, in a git directory.
        os.makedirs(folder, mode=0o777 if name.startswith("index-") else 0o700, exist_ok=True)
        self._files.make()  # fails if it is a link
        _remove_leftovers(path)
        self._files.remove_leftovers()
        new = f"{path}.{os.urandom(8).hex()}.new"
        with ExitStack() as cleanup:
            cleanup.callback(_remove, new)
            with closing(_connect(new)) as connection:
                connection.executescript(f"BEGIN; {_TABLES}")
                connection.execute("INSERT INTO about VALUES (?)", (program_version(),))
                alter(connection)
                connection.execute("COMMIT")
            os.replace(new, path)
            cleanup.pop_all()
        self._seal()
        return True

    @staticmethod
    def _is_ours(connection: sqlite3.Connection) -> bool:
        """Return whether this version of orglab wrote the index: the hashes in file names may collide."""
        row: tuple[str] | None = connection.execute("SELECT program FROM about").fetchone()
        return row is not None and row[0] == program_version()

    def _is_sealed(self) -> bool:
        """Return whether the file is unchanged since our last change."""
        seal = self._files.read(_seal_name(self._name))
        return seal is not None and seal == self._describe_file()

    def _wait_for_seal(self) -> bool:
        """Return whether the file is sealed, waiting a moment for a process that has changed it to seal it."""
        if self._is_sealed():
            return True
        if self._files.stat(self._name) is None:
            return False
        time.sleep(0.005)
        return self._is_sealed()

    def _seal(self) -> None:
        """Write the seal for the current file."""
        if (description := self._describe_file()) is not None:
            self._files.write(_seal_name(self._name), description)

    def _describe_file(self) -> bytes | None:
        """Return the status of the file and the boot id of the machine; None if it is missing, or a link.

        A power cut may lose data but keep the status.
        """
        status = self._files.stat(self._name)
        if status is None:
            return None
        return (
            f"{_read_boot_id()} {status.st_dev} {status.st_ino} {status.st_size} {status.st_mtime_ns} "
            f"{status.st_ctime_ns}\n"
        ).encode("ascii")


def open_store(log: "LogFile") -> Store:
    """Return the index of a log."""
    git_dir = os.fspath(log.repository.git_dir) if log.repository is not None else None
    return Store(index_path(os.fspath(log.path), git_dir))


def open_in_memory() -> sqlite3.Connection:
    """Return an empty index in memory."""
    connection = _connect(":memory:")
    connection.executescript(_TABLES)
    return connection


def read_fingerprint(connection: sqlite3.Connection, name: str) -> dict[str, Any]:
    """Return the fingerprint of a source when it was last indexed; empty if it was not."""
    row: tuple[str] | None = connection.execute("SELECT look FROM source WHERE name = ?", (name,)).fetchone()
    return json.loads(row[0]) if row is not None else {}


def write_fingerprint(connection: sqlite3.Connection, name: str, fingerprint: dict[str, Any]) -> None:
    """Store the fingerprint that a source had when it was indexed."""
    connection.execute("INSERT OR REPLACE INTO source VALUES (?, ?)", (name, json.dumps(fingerprint)))


def _connect(path: str) -> sqlite3.Connection:
    """Return a connection to an SQLite file."""
    with ExitStack() as cleanup:
        connection = cleanup.enter_context(closing(sqlite3.connect(path, timeout=_TIMEOUT, isolation_level=None)))
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        cleanup.pop_all()
    return connection


def _remove(path: str) -> None:
    with suppress(OSError):
        os.unlink(path)


def _seal_name(path: str) -> str:
    return path.removesuffix(".db") + ".seal"


def _read_boot_id() -> str:
    """Return a string that changes with each boot of the machine; `-` on macOS, which has no file with it."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as boot:
            return boot.read().strip()
    except OSError:
        return "-"


def _remove_leftovers(path: str) -> None:
    """Remove abandoned files and all but the newest indexes of a log.

    Args:
        path: The index that is about to be created.
    """
    folder, name = os.path.split(path)
    log, _, _ = name.rpartition("-")
    files = []
    for entry in os.scandir(folder):
        if entry.name.startswith(f"{log}-"):
            with suppress(OSError):
                files.append((entry.stat(follow_symlinks=False).st_mtime, entry.path))
    indexes = sorted((file for file in files if file[1].endswith((".db", ".seal"))), reverse=True)
    unfinished = [file for file in files if file[1].endswith(".new") and time.time() - file[0] > _LEFTOVER_SECONDS]
    for _, old in (*indexes[2 * _VERSIONS :], *unfinished):
        with suppress(OSError):
            os.unlink(old)
