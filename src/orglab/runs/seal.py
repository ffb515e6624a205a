"""The seal of a run: it tells the records that this user has made from those of others.

A record can come from anywhere: by `orglab sync`, or with a `.git` that somebody has packed.  So the first event of
each record that this user makes carries an HMAC with a key that is in the user's state folder, in no repository.
"""

import contextlib
import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from orglab.config import CLONE_FOLDER
from orglab.runs.pending import RECORD
from orglab.runs.record import Run, read_lines

FIELD = "seal"
_KEY_BYTES = 32
_MOST_BYTES = 1 << 24  # of the first event
# Later events add what is known later, and must not change what was run, where, and on which code.
_FINAL = (
    "argv", "cwd", "environment", "repository", "results", "metrics_files", "before", "snapshot", "branch", "left_out",
    "rerun_of", "script",
)  # fmt: skip


def make_seal(name: str, event: Mapping[str, object]) -> dict[str, str]:
    """Return the field that seals the first event of a record; none if there is no key, and none can be made.

    Args:
        name: The id of the run.
        event: The other fields of the event.
    """
    key = _read_key(can_make=True)
    return {FIELD: _compute(key, name, event)} if key is not None else {}


def is_own(run: Run) -> bool:
    """Return whether this user has made a run: its record was not received, and has a valid seal."""
    if run.is_foreign:
        return False
    first = _read_first(run.folder / RECORD)
    seal, key = first.get(FIELD), _read_key(can_make=False)
    if not isinstance(seal, str) or key is None:
        return False
    import hmac  # noqa: PLC0415 - it loads OpenSSL, and few commands have to know

    is_valid = hmac.compare_digest(seal.encode("utf-8", "replace"), _compute(key, run.id, first).encode())
    # As a run has them: what cannot be shown may have been replaced there.
    shown = next(read_lines(run.folder / RECORD), {})
    return is_valid and all(run.fields.get(field) == shown.get(field) for field in _FINAL)


def _read_first(record: Path) -> dict[str, object]:
    """Return the first event of a record exactly as it was written; nothing if it cannot be read."""
    try:
        with open(os.open(record, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:  # noqa: PTH123
            event = json.loads(file.readline(_MOST_BYTES)) if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else None
    except (OSError, ValueError, RecursionError):
        return {}
    return event if isinstance(event, dict) else {}


def remove_seal(record: bytes) -> bytes:
    """Return a record as others may have it: without its seal."""
    first, newline, rest = record.partition(b"\n")
    try:
        event = json.loads(first)
    except (ValueError, RecursionError):
        return record
    if not isinstance(event, dict) or FIELD not in event:
        return record
    del event[FIELD]
    return json.dumps(event, ensure_ascii=True).encode() + newline + rest


def _compute(key: bytes, name: str, event: Mapping[str, object]) -> str:
    """Return the HMAC of an event; the id is part of it, so that no event can be moved to another run."""
    import hashlib  # noqa: PLC0415 - it loads OpenSSL, and few commands have to know
    import hmac  # noqa: PLC0415 - the same

    others = {field: value for field, value in event.items() if field != FIELD}
    text = json.dumps([name, others], ensure_ascii=True, sort_keys=True)
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _read_key(*, can_make: bool) -> bytes | None:
    """Return the key of this user; None if there is none, or it is not a file that this user alone can read."""
    state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")  # noqa: PTH111 - may lack a home
    if not os.path.isabs(state):  # noqa: PTH117 - a string is at hand
        return None
    folder = Path(state, CLONE_FOLDER)
    try:
        if can_make:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        if can_make:
            with contextlib.suppress(FileExistsError):
                _write_key(place)
        return _read_key_in(place)
    except OSError:
        return None
    finally:
        os.close(place)


def _read_key_in(place: int) -> bytes | None:
    fd = os.open("key", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=place)
    with open(fd, "rb") as file:  # noqa: PTH123 - an open file
        status = os.fstat(fd)
        is_private = stat.S_ISREG(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o077
        key = file.read(_KEY_BYTES + 1) if is_private else b""
    return key if len(key) == _KEY_BYTES else None


def _write_key(place: int) -> None:
    """Make a key, unless there is one; another process never sees a part of it.

    Raises:
        FileExistsError: There is one.
        OSError: It cannot be written.
    """
    with contextlib.suppress(FileNotFoundError):
        os.stat("key", dir_fd=place, follow_symlinks=False)
        raise FileExistsError("key")
    new = f"key.{os.urandom(8).hex()}"
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=place)
    try:
        with open(fd, "wb") as file:  # noqa: PTH123 - an open file
            file.write(os.urandom(_KEY_BYTES))
            file.flush()
            os.fsync(fd)
        os.link(new, "key", src_dir_fd=place, dst_dir_fd=place, follow_symlinks=False)
    finally:
        os.unlink(new, dir_fd=place)
