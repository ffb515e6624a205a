"""The active step of a working tree: the step in progress, used by the hooks and by `orglab run`."""

import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from orglab.config import active_step_file
from orglab.errors import NotWritableError
from orglab.experiment.model import Experiment, Step
from orglab.git import Repository
from orglab.git.private_files import PrivateFolder

_NAME = "active"
_MOST = 1 << 12


class Active(NamedTuple):
    """What is active, and what the log has of it.

    Attributes:
        ref: The current reference of the step or the experiment.
        experiment: The experiment; None if the log does not have it, or has two with its id.
        step: The step; None if the whole experiment is active, or the log does not have the step.
        duplicate: A sentence about the experiments that have its id, or None.
    """

    ref: str
    experiment: Experiment | None = None
    step: Step | None = None
    duplicate: str | None = None


class ActiveStep:
    """The active step, stored as one line in a file of the git directory, which each worktree has of its own.

    Without git, or where the git directory is not writable, the file is in the user's state folder.  The file
    written last counts, as a sandbox may make the git directory read-only for a while.  The active step is not in
    the log, because people who share a log work on different steps.
    """

    def __init__(self, log: Path, repository: Repository | None) -> None:
        """Give access to the active step of the working tree that contains `log`."""
        path = os.fspath(log)
        git_dirs = [os.fspath(repository.git_dir), None] if repository is not None else [None]
        self._places = [_find_folder(Path(active_step_file(path, git_dir)), git_dir) for git_dir in git_dirs]

    @property
    def files(self) -> list[Path]:
        """The files that may hold it."""
        return [place.path / _NAME for place in self._places]

    def get(self) -> str | None:
        """Return the reference of the active step or experiment, such as `e201.1`, or None."""
        written = []
        for place in self._places:
            if (file := place.open(_NAME, _MOST)) is not None:
                with file:
                    text = file.read(_MOST).decode("utf-8", "replace").strip()
                    written.append((os.fstat(file.fileno()).st_mtime_ns, text))
        text = max(written)[1] if written else ""
        # What cannot be a reference was not written by orglab.
        return text if text and text.isprintable() and " " not in text else None

    def set(self, reference: str | None) -> None:
        """Make `reference` the active step or experiment; None clears it.

        Raises:
            NotWritableError: No file can be written.
        """
        if reference == self.get():
            return
        first_error: OSError | None = None
        for number, place in enumerate(self._places):
            try:
                if reference is None and number == 0:
                    place.unlink(_NAME)
                else:
                    # An empty file overrides the older files.
                    Path(place.base).mkdir(parents=True, exist_ok=True)
                    place.write(_NAME, f"{reference or ''}\n".encode())
            except OSError as error:
                first_error = first_error or error
                continue
            for other in self._places[number + 1 :]:
                with suppress(OSError):
                    other.unlink(_NAME)
            return
        reason = first_error.strerror if first_error is not None else None
        raise NotWritableError(
            f"Cannot write the active step to {self._places[0].path / _NAME}: {reason}."
        ) from first_error

    def clear(self, *refs: str, instead: str | None = None) -> None:
        """Clear the active step if it is one of `refs` or a step of one; `instead` becomes the active one.

        The operation that calls this has succeeded already, so an error is ignored and the active step stays.
        """
        if any(f"{self.get()}.".startswith(f"{ref}.") for ref in refs):
            with suppress(NotWritableError):
                self.set(instead)

    def rename(self, old: str, new: str) -> None:
        """Update the active experiment or step after the experiment's reference changed from `old` to `new`.

        An error is ignored: the old reference stays, and is resolved as an earlier id of the experiment.
        """
        active = self.get() or ""
        if f"{active}.".startswith(f"{old}."):
            with suppress(NotWritableError):
                self.set(new + active[len(old) :])


def _find_folder(file: Path, git_dir: str | None) -> PrivateFolder:
    """Return the folder of a file: that in the git directory, or one in the folder for orglab in the state folder."""
    if git_dir is not None:
        return PrivateFolder(git_dir, file.parent.name)
    folder = file.parent
    return PrivateFolder(folder.parent.parent, folder.parent.name, folder.name)
