"""Steps that a commit said are done, kept until the log can be written: an editor may hold it, or a disk be full."""

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from orglab.errors import NotFoundError, NotReadableError, NotWritableError, UsageError
from orglab.git import Repository
from orglab.lock import editor_holding

if TYPE_CHECKING:
    from orglab.api.write import WriteMethods


class Pending:
    """A file in the git directory, a line for each: the step, and the full hash of the commit that said so."""

    def __init__(self, repository: Repository) -> None:
        """Stand for what is pending in the clone of `repository`."""
        self._path = pending_path(repository)

    def add(self, ref: str, commit: str) -> None:
        """Keep that a commit said a step is done; it is on disk before the log is tried."""
        self._path.parent.mkdir(exist_ok=True)
        with self._path.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write(f"{ref} {commit}\n".encode())
            file.flush()
            os.fsync(file.fileno())

    def fold(self, log: "WriteMethods") -> list[str]:
        """Tick what is pending, forget what was ticked meanwhile or is gone, and return what was done, in sentences.

        Of two commits that said so the last is recorded: the other was amended.
        """
        try:
            with self._path.open("r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                return list(self._fold(log, file))
        except FileNotFoundError:
            return []

    def _fold(self, log: "WriteMethods", file: BinaryIO) -> Iterator[str]:
        wanted = dict(line.split() for line in file.read().decode("utf-8", "replace").splitlines() if " " in line)
        for ref, commit in list(wanted.items()):
            if editor_holding(os.path.realpath(log.path)) is not None:
                yield f"An editor holds {log.path}, so {ref} is ticked by the next orglab command after it has saved."
                break
            try:
                if log.step(ref).state != "done":
                    done = log.complete_step(ref, [commit])
                    yield f"{ref} done, with {', '.join(done.commits)}; commit the log with `orglab commit`."
            except (NotWritableError, NotReadableError) as error:
                yield f"{ref} is ticked by the next orglab command, for now it could not be: {error}"
                break
            except (NotFoundError, UsageError) as error:
                yield f"{ref} is not ticked: {error}"
            del wanted[ref]
        file.seek(0)
        file.write("".join(f"{ref} {commit}\n" for ref, commit in wanted.items()).encode())
        file.truncate()


def pending_path(repository: Repository) -> Path:
    """Return where what is pending is kept."""
    return repository.git_dir / "orglab" / "pending"
