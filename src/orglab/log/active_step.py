"""The active step of a clone: what one works on now; hooks and `orglab run` use it."""

import os
from contextlib import suppress
from pathlib import Path

from orglab.config import active_step_file
from orglab.errors import NotWritableError
from orglab.git import Repository


class ActiveStep:
    """One line in a file of this clone: in its git directory; without git, or where that cannot be written, elsewhere.

    Then it is in the user's state folder.  What was written last counts: a sandbox may keep us out of the git
    directory for a while.  It is not in the log, for two people who share the log work on two things.
    """

    def __init__(self, log: Path, repository: Repository | None) -> None:
        """Stand for the active step of the clone that `log` lies in."""
        named = os.fspath(log)
        places = [os.fspath(repository.git_dir), None] if repository is not None else [None]
        self._files = [Path(active_step_file(named, place)) for place in places]

    def get(self) -> str | None:
        """Return the reference of the active step or experiment, such as `e201.1`, or None."""
        found = []
        for file in self._files:
            with suppress(OSError):
                found.append((file.stat().st_mtime_ns, file.read_text("utf-8", "replace").strip()))
        return max(found)[1] or None if found else None

    def set(self, reference: str | None) -> None:
        """Make `reference` the active one; None leaves none.

        Raises:
            NotWritableError: No file can be written.
        """
        if reference == self.get():
            return
        failed: OSError | None = None
        for number, file in enumerate(self._files):
            try:
                if reference is None and number == 0:
                    file.unlink(missing_ok=True)
                else:
                    # An empty one says that what stands in the file before it is no more.
                    _write(file, f"{reference or ''}\n")
            except OSError as error:
                failed = failed or error
                continue
            for other in self._files[number + 1 :]:
                with suppress(OSError):
                    other.unlink(missing_ok=True)
            return
        why = failed.strerror if failed is not None else None
        raise NotWritableError(f"The active step could not be written to {self._files[0]}: {why}.") from failed

    def clear(self, *refs: str) -> None:
        """Have none of these, and no step of one, be the active one any more.

        What was done is done: where that cannot be written, the old one stays.
        """
        if any(f"{self.get()}.".startswith(f"{ref}.") for ref in refs):
            with suppress(NotWritableError):
                self.set(None)

    def rename(self, old: str, new: str) -> None:
        """Have an experiment, or the step of it, that is the active one be so under its new reference.

        Where that cannot be written the old one stays, and is understood as one that it had before.
        """
        active = self.get() or ""
        if f"{active}.".startswith(f"{old}."):
            with suppress(NotWritableError):
                self.set(new + active[len(old) :])


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_name(f"active.{os.getpid()}")
    new.write_text(text, "utf-8")
    new.replace(file)
