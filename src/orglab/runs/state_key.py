"""The key of this user, in the user's state folder: what it signs, no archive and no other user can have made."""

import contextlib
import os
from pathlib import Path

from orglab.git.private_files import open_regular

_BYTES = 32


def find_state_folder() -> Path | None:
    """Return the folder for what orglab remembers of this user; None for a user without a home folder."""
    state = os.environ.get("XDG_STATE_HOME", "")
    # The specification of XDG says that a relative path is to be ignored.
    state = state if os.path.isabs(state) else os.path.expanduser("~/.local/state")  # noqa: PTH111, PTH117 - no error without a home
    return Path(state, "orglab") if os.path.isabs(state) else None  # noqa: PTH117 - as above


def read_key() -> bytes | None:
    """Return the key of this user, which is created when it is first needed; None if it can be neither."""
    folder = find_state_folder()
    if folder is None:
        return None
    try:
        return _read(folder / "key") or _create(folder)
    except OSError:
        return None


def _read(path: Path) -> bytes | None:
    """Return the key in a file; None if there is no such file.

    Raises:
        OSError: It is something else than a key, others may read it, or it cannot be read.
    """
    try:
        fd = open_regular(path)
    except FileNotFoundError:
        return None
    with open(fd, "rb") as file:  # noqa: PTH123 - opened with flags
        status = os.fstat(fd)
        is_private = status.st_uid == os.getuid() and not status.st_mode & 0o077
        if status.st_size != _BYTES or not is_private:
            raise OSError(f"{path} is not a key")
        return file.read(_BYTES)


def _create(folder: Path) -> bytes | None:
    """Create the key and return it, or that of another process that was faster.

    Raises:
        OSError: It cannot be created.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = folder / f"key.{os.urandom(8).hex()}"
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        with open(fd, "wb") as file:  # noqa: PTH123 - opened with flags
            file.write(os.urandom(_BYTES))
            file.flush()
            os.fsync(fd)
        # A link appears at once with its content, and never replaces another key.
        with contextlib.suppress(FileExistsError):
            os.link(new, folder / "key")
    finally:
        new.unlink(missing_ok=True)
    return _read(folder / "key")
