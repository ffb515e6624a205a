"""The file of an index: asked, changed in one step, doubted, made anew.

It is an SQLite file that is written without a journal on disk, without waiting for the disk, and without trust:
beside it lies a seal, which says what the file looked like after our last change (size, times, inode) and since which
start of the machine.  Whatever else happened to it (a crash in the middle of a change, a power cut, bytes that
something else wrote) breaks the seal, and a file whose seal is broken is not asked but replaced.  So is one that
SQLite refuses.  Readers look at the seal before and after they read.

Nobody waits for it: where another process holds it for longer than a moment, the answer is had without it.
"""

import json
import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from typing import TYPE_CHECKING, Any, TypeVar

from orglab.search.location import index_path, program_version

if TYPE_CHECKING:
    from orglab.log.log import LogFile

Answer = TypeVar("Answer")
Reader = Callable[[sqlite3.Connection], Answer]

# How long to wait for another process that holds the file, in seconds.
_PATIENCE = 0.25
# What a file that is not what we wrote makes of reading it; what else may go wrong is a defect, and is seen.
DAMAGE_ERRORS = (sqlite3.Error, OSError, ValueError, LookupError, TypeError, ArithmeticError)
# What stands in the file is never run, and what would wait for the disk does not; columns are long, so pages are large.
_PRAGMAS = (
    "page_size=16384", "cache_size=-65536", "trusted_schema=OFF", "cell_size_check=ON", "synchronous=OFF",
    "journal_mode=MEMORY",
)  # fmt: skip
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_LEFT_OVER = 3600.0  # seconds after which a file that is being made is no longer
_PROGRAMS = 2  # that work on a log by turns, and each keep their index
# What is asked of makes its own tables when it has something to put in.
_TABLES = """
CREATE TABLE about(program TEXT NOT NULL);
CREATE TABLE source(name TEXT PRIMARY KEY, look TEXT NOT NULL);
CREATE TABLE kept(kind TEXT NOT NULL, digest BLOB NOT NULL, content BLOB NOT NULL, mark INTEGER NOT NULL,
                  PRIMARY KEY (kind, digest));
"""


class Store:
    """The file of one index, which may not be there.

    Attributes:
        path: Where it lies, or None for nowhere.
    """

    def __init__(self, path: str | None) -> None:
        """Stand for the index at `path`; nothing is opened."""
        self.path = path

    def read(self, question: Reader[Answer]) -> Answer | None:
        """Return what `question` reads from the index; None on any doubt, or if there is none."""
        if self.path is None or not self._is_sealed():
            return None
        try:
            with closing(_connect(self.path)) as connection:
                connection.execute("BEGIN")
                # From here on no other process of ours changes the file, or it is another file.
                if not self._is_ours(connection):
                    return None
                answer = question(connection)
                return answer if self._is_sealed() else None
        except DAMAGE_ERRORS:
            return None

    def change(self, alter: Reader[object]) -> bool:
        """Change the index in one step, or make it anew from what `alter` writes into an empty one.

        Args:
            alter: Writes; into the index as it is, or into one where there is nothing.

        Returns:
            Whether it was done; if not, nothing is lost: there may be no place for an index, or another process
            is writing it.
        """
        if self.path is None:
            return False
        try:
            if self._has_seal() and (done := self._alter(alter)) is not None:
                return done
            return self._replace(alter)
        except DAMAGE_ERRORS:
            return False

    def answer(self, is_current: Reader[bool], update: Reader[object], question: Reader[Answer]) -> Answer:
        """Return what `question` reads from an index that is current: this one, brought up to date, or one in memory.

        Args:
            is_current: Whether an index tells of all that is asked about, as it is now.
            update: Brings an index up to date, an empty one too.
            question: Reads the answer.
        """

        def ask(connection: sqlite3.Connection) -> tuple[Answer] | None:
            return (question(connection),) if is_current(connection) else None

        found = self.read(ask)
        if found is None and self.change(update):
            found = self.read(ask)
        if found is not None:
            return found[0]
        with closing(open_in_memory()) as connection:
            update(connection)
            return question(connection)

    def _alter(self, alter: Reader[object]) -> bool | None:
        """Change the file as it is; False if another holds it, None if it is not to be trusted."""
        path = self.path or ""
        try:
            with closing(_connect(path)) as connection:
                connection.execute("BEGIN IMMEDIATE")
                if not self._has_seal() or not self._is_ours(connection):
                    return None
                alter(connection)
                connection.execute("COMMIT")
                self._seal()
                return True
        except sqlite3.Error as error:
            return False if getattr(error, "sqlite_errorcode", 0) & 0xFF in _BUSY else None

    def _replace(self, alter: Reader[object]) -> bool:
        """Make the file anew, beside the one that may be there, and put it in its place."""
        path = self.path or ""
        folder, name = os.path.split(path)
        # In the cache folder of a user it is nobody else's; in a git directory it is as its neighbours are.
        os.makedirs(folder, mode=0o777 if name.startswith("index-") else 0o700, exist_ok=True)
        _tidy(path)
        new = f"{path}.{os.getpid()}-{time.monotonic_ns()}.new"
        with ExitStack() as undone:
            undone.callback(_remove, new)
            with closing(_connect(new)) as connection:
                connection.executescript(f"BEGIN; {_TABLES}")
                connection.execute("INSERT INTO about VALUES (?)", (program_version(),))
                alter(connection)
                connection.execute("COMMIT")
            os.replace(new, path)
            undone.pop_all()
        self._seal()
        return True

    @staticmethod
    def _is_ours(connection: sqlite3.Connection) -> bool:
        """Return whether this very program wrote the index: names may coincide."""
        found: tuple[str] | None = connection.execute("SELECT program FROM about").fetchone()
        return found is not None and found[0] == program_version()

    def _is_sealed(self) -> bool:
        """Return whether the file is as it was after our last change."""
        try:
            with open(_seal_name(self.path or ""), encoding="ascii") as seal:
                return seal.read() == _look(self.path or "")
        except (OSError, ValueError):
            return False

    def _has_seal(self) -> bool:
        """Return the same, and wait a moment for who has changed the file and is about to seal it."""
        if self._is_sealed():
            return True
        if not os.path.exists(self.path or ""):
            return False
        time.sleep(0.005)
        return self._is_sealed()

    def _seal(self) -> None:
        """Write down what the file looks like."""
        path = self.path or ""
        new = f"{path}.{os.getpid()}.seal.new"
        with open(new, "w", encoding="ascii") as seal:
            seal.write(_look(path))
        os.replace(new, _seal_name(path))


def open_store(log: "LogFile") -> Store:
    """Return the index of a log: a cache, and no more."""
    git_dir = os.fspath(log.repository.git_dir) if log.repository is not None else None
    return Store(index_path(os.fspath(log.path), git_dir))


def open_in_memory() -> sqlite3.Connection:
    """Return an index that is nowhere but in memory, with nothing in it."""
    connection = _connect(":memory:")
    connection.executescript(_TABLES)
    return connection


def read_fingerprint(connection: sqlite3.Connection, name: str) -> dict[str, Any]:
    """Return what a source looked like when it was read last; empty if it was not."""
    found: tuple[str] | None = connection.execute("SELECT look FROM source WHERE name = ?", (name,)).fetchone()
    return json.loads(found[0]) if found is not None else {}


def write_fingerprint(connection: sqlite3.Connection, name: str, look: dict[str, Any]) -> None:
    """Write down what a source looked like when it was read."""
    connection.execute("INSERT OR REPLACE INTO source VALUES (?, ?)", (name, json.dumps(look)))


def _connect(path: str) -> sqlite3.Connection:
    """Open a file."""
    with ExitStack() as undone:
        connection = undone.enter_context(closing(sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None)))
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        undone.pop_all()
    return connection


def _remove(path: str) -> None:
    with suppress(OSError):
        os.unlink(path)


def _seal_name(path: str) -> str:
    return path.removesuffix(".db") + ".seal"


def _look(path: str) -> str:
    """Return what a file looks like, and since when the machine runs: after a power cut only the names may be right."""
    status = os.stat(path)
    return f"{_started()} {status.st_dev} {status.st_ino} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}\n"


def _started() -> str:
    """Return what is another after each start of the machine; macOS tells it to no one who reads files."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as boot:
            return boot.read().strip()
    except OSError:
        return "-"


def _tidy(path: str) -> None:
    """Remove what nobody finished, and the indexes of this log that older programs made; of those a few stay.

    Args:
        path: The index that is about to be made.
    """
    folder, name = os.path.split(path)
    log, _, _ = name.rpartition("-")
    found = []
    for entry in os.scandir(folder):
        if entry.name.startswith(f"{log}-"):
            with suppress(OSError):
                found.append((entry.stat(follow_symlinks=False).st_mtime, entry.path))
    indexes = sorted((one for one in found if one[1].endswith((".db", ".seal"))), reverse=True)
    unfinished = [one for one in found if one[1].endswith(".new") and time.time() - one[0] > _LEFT_OVER]
    for _, old in (*indexes[2 * _PROGRAMS :], *unfinished):
        with suppress(OSError):
            os.unlink(old)
