"""Open the SQLite file of a tracker to read it: without a change to it, and without trust in what is in it.

The file may come with a clone.  So nothing in it is run: only tables that hold rows are read, and only through the
functions that are named here.  The strings are bounded, and so is the time of all queries to all files of a run: an
operation may take a nanosecond or, where pages and indexes are not what they say, a thousand times that.
"""

import contextlib
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orglab.errors import NotReadableError
from orglab.git.inside import open_inside
from orglab.runs.sources.tracked_run import TrackerFile
from orglab.text import clean, cut

if TYPE_CHECKING:
    import sqlite3

_MAGIC = b"SQLite format 3\0"
_WAL = 2  # the version of the file format, in the header, of a database with a write-ahead log
_HEADER = 100
_SECONDS = 2.0  # to wait for a writer
_STATEMENT = 1 << 17  # bytes of one statement, and of a definition in the schema
_OPERATIONS = 1000  # between two looks at the clock
_ROWS = 100  # the same
_MESSAGE = 200  # characters of an error, which may quote the schema
_FUNCTIONS = frozenset(("count", "max", "min"))


class Database:
    """A connection that counts the processor time of its queries, in microseconds, as work on a file.

    The time between the rows, in which their reader does something else, is not counted.

    Attributes:
        columns: The names of the columns of each table that the tracker must have.
        refusal: Why a query was interrupted; None if none was.
    """

    def __init__(self, connection: "sqlite3.Connection", file: TrackerFile) -> None:
        """Take a connection, and the file."""
        self.columns: dict[str, set[str]] = {}
        self.refusal: NotReadableError | None = None
        self._connection = connection
        self._file = file
        self._since = 0
        connection.set_progress_handler(self._is_too_much, _OPERATIONS)

    def select(self, statement: str, parameters: Sequence[object] = ()) -> Iterator[tuple[Any, ...]]:
        """Yield the rows that a statement selects.

        Raises:
            NotReadableError: It takes too long.
        """
        self._since = time.thread_time_ns()
        found = self._connection.execute(statement, parameters)
        while rows := found.fetchmany(_ROWS):
            self._count_time()
            yield from rows
            self._since = time.thread_time_ns()
        self._count_time()

    def _count_time(self) -> None:
        now = time.thread_time_ns()
        steps, rest = divmod(now - self._since, 1000)
        self._since = now - rest
        self._file.take(steps)

    def _is_too_much(self) -> bool:
        try:
            self._count_time()
        except NotReadableError as error:  # which Python would not pass on
            self.refusal = error
        return self.refusal is not None


@contextlib.contextmanager
def open_database(file: TrackerFile, tables: Mapping[str, AbstractSet[str]], longest: int) -> Iterator[Database | None]:
    """Open a file as an SQLite database, read-only; None if it is none, or lacks one of the tables.

    No file is made beside it, but where a writer that has not ended left its write-ahead log: what is in there is read.

    Args:
        file: The file.
        tables: The columns that it must have, by table; they are names of our own.
        longest: The most bytes of a value.

    Raises:
        NotReadableError: It is damaged or locked, holds a longer value, takes too much work to read, or a link leads
            out of the repository.
    """
    import sqlite3  # noqa: PLC0415 - few runs have such a file

    database: Database | None = None
    header = _read_header(file)
    if not header.startswith(_MAGIC):
        yield None
        return
    try:
        with contextlib.closing(
            _connect(os.path.realpath(file.path), has_log=header[18:20] == bytes((_WAL, _WAL)))
        ) as connection:
            database = Database(connection, file)
            database.columns.update((name, _find_columns(database, name)) for name in tables)
            connection.set_authorizer(_authorize)
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, longest)
            yield database if all(tables[name] <= columns for name, columns in database.columns.items()) else None
    except (sqlite3.Error, UnicodeError) as error:  # a message may quote what is no text
        if database is not None and database.refusal is not None:
            raise database.refusal from error
        raise NotReadableError(f"Cannot read the runs in {file.path}: {_explain(error)}.") from error


def _read_header(file: TrackerFile) -> bytes:
    """Return the first bytes of a regular file; none if there is none, or if it is empty.

    Raises:
        NotReadableError: It cannot be read, or a link that git tracks leads from it out of the repository.
    """
    try:
        with open_inside(file.repository, file.path) as opened:
            return opened.read(_HEADER)
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise NotReadableError(f"Cannot read the runs in {file.path}: {error.strerror}.") from error


def _connect(path: str, *, has_log: bool) -> "sqlite3.Connection":
    """Return a connection that changes nothing and can run nothing that is in the file."""
    import sqlite3  # noqa: PLC0415 - few runs have such a file
    from urllib.parse import quote  # noqa: PLC0415 - the same

    # Without a log there is no writer, and SQLite would make one, and leave it there.
    is_alone = has_log and not _has_content(Path(f"{path}-wal"))
    uri = f"file:{quote(path)}?mode=ro{'&immutable=1' if is_alone else ''}"
    connection = sqlite3.connect(uri, uri=True, timeout=_SECONDS, isolation_level=None)
    connection.text_factory = _decode
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _STATEMENT)
    connection.setlimit(sqlite3.SQLITE_LIMIT_SQL_LENGTH, _STATEMENT)
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    for pragma in ("trusted_schema = OFF", "query_only = ON", "cell_size_check = ON", "mmap_size = 0"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _has_content(path: Path) -> bool:
    try:
        return path.lstat().st_size > 0
    except OSError:
        return False


def _decode(text: bytes) -> str:
    return text.decode("utf-8", "replace")


def _find_columns(database: Database, table: str) -> set[str]:
    """Return the columns of a table that hold what was written to them; none if there is no such table.

    A view, and a table that a module computes, have no page in the file.
    """
    tables = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ? AND rootpage > 0"
    is_stored = len(list(database.select(tables, (table,)))) == 1
    # A column that is computed is not listed.
    return {name for _, name, *_ in database.select(f"PRAGMA table_info({table})")} if is_stored else set()


def _authorize(action: int, _: str | None, name: str | None, *__: str | None) -> int:
    import sqlite3  # noqa: PLC0415 - few runs have such a file

    is_call = action == sqlite3.SQLITE_FUNCTION
    is_allowed = name in _FUNCTIONS if is_call else action in (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ)
    return sqlite3.SQLITE_OK if is_allowed else sqlite3.SQLITE_DENY


def _explain(error: Exception) -> str:
    import sqlite3  # noqa: PLC0415 - few runs have such a file

    code = getattr(error, "sqlite_errorcode", None)
    if code is not None and code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return "another program has locked it"
    return clean(cut(" ".join(str(error).split()), _MESSAGE)) if isinstance(error, sqlite3.Error) else "it is damaged"
