"""The active step of a clone: what one works on now; hooks and `orglab run` use it."""

import os
from pathlib import Path

from orglab.errors import NotWritableError
from orglab.git import Repository


class ActiveStep:
    """One line in a file of this clone: in its git directory, without git in the user's state folder.

    It is not in the log, for two people who share the log work on two things.
    """

    def __init__(self, log: Path, repository: Repository | None) -> None:
        """Stand for the active step of the clone that `log` lies in."""
        self._file = clone_folder(log, repository) / "active"

    def get(self) -> str | None:
        """Return the reference of the active step or experiment, such as `e201.1`, or None."""
        try:
            return self._file.read_text("utf-8", "replace").strip() or None
        except OSError:
            return None

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


def clone_folder(log: Path, repository: Repository | None) -> Path:
    """Return the folder for what is remembered of one clone alone; it need not exist."""
    if repository is not None:
        return repository.git_dir / "orglab"
    return _state_folder() / "orglab" / os.fspath(log.resolve()).replace(os.sep, "%")[-200:]


def _state_folder() -> Path:
    """Return where programs keep what is of this user and machine alone."""
    try:
        return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    except RuntimeError:
        # A user without a home, as in some containers: nothing is there, and nothing can be written.
        return Path(os.devnull)
