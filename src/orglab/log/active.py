"""The active step of a clone: what one works on now; hooks and `orglab run` use it."""

import os
from contextlib import suppress
from pathlib import Path

from orglab.config import active_file, read_active
from orglab.errors import NotWritableError
from orglab.git import Repository


class ActiveStep:
    """One line in a file of this clone: in its git directory, without git in the user's state folder.

    It is not in the log, for two people who share the log work on two things.
    """

    def __init__(self, log: Path, repository: Repository | None) -> None:
        """Stand for the active step of the clone that `log` lies in."""
        git_dir = os.fspath(repository.git_dir) if repository is not None else None
        self._file = Path(active_file(os.fspath(log), git_dir))

    def get(self) -> str | None:
        """Return the reference of the active step or experiment, such as `e201.1`, or None."""
        return read_active(os.fspath(self._file))

    def set(self, reference: str | None) -> None:
        """Make `reference` the active one; None leaves none.

        Raises:
            NotWritableError: The file cannot be written.
        """
        try:
            if reference is None:
                self._file.unlink(missing_ok=True)
                return
            self._file.parent.mkdir(parents=True, exist_ok=True)
            new = self._file.with_name(f"active.{os.getpid()}")
            new.write_text(reference + "\n", "utf-8")
            new.replace(self._file)
        except OSError as error:
            raise NotWritableError(
                f"The active step could not be written to {self._file}: {error.strerror}."
            ) from error

    def leave(self, ref: str) -> None:
        """Have `ref`, or a step of it, be the active one no more.

        What was done is done: where that cannot be written, the old one stays.
        """
        active = self.get() or ""
        if active == ref or active.startswith(f"{ref}."):
            with suppress(NotWritableError):
                self.set(None)
