"""The seal of a run: it tells the records that this user has made from those of others.

A record can come from anywhere: by `orglab sync`, or with a `.git` that somebody has packed.  So the first event of
each record that this user makes carries an HMAC with a key that is in the user's state folder, in no repository.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from orglab.runs.pending import RECORD
from orglab.runs.record import Run
from orglab.runs.record_lines import open_file, read_lines
from orglab.runs.state_key import read_key

FIELD = "seal"
_MOST_BYTES = 1 << 24  # of the first event
# Later events add what is known later, and must not change what was run, where, and on which code.
_FINAL = (
    "argv", "cwd", "environment", "repository", "results", "metrics_files", "before", "snapshot", "branch", "left_out",
    "rerun_of", "script", "sweep",
)  # fmt: skip


def make_seal(name: str, event: Mapping[str, object]) -> dict[str, str]:
    """Return the field that seals the first event of a record; none if there is no key, and none can be made.

    Args:
        name: The id of the run.
        event: The other fields of the event.
    """
    key = read_key()
    return {FIELD: _compute(key, name, event)} if key is not None else {}


def is_own(run: Run) -> bool:
    """Return whether this user has made a run: its record was not received, and has a valid seal."""
    if run.is_foreign:
        return False
    first = _read_first(run.folder / RECORD)
    seal, key = first.get(FIELD), read_key()
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
        with open_file(record) as file:
            event = json.loads(file.readline(_MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return event if isinstance(event, dict) else {}


def _compute(key: bytes, name: str, event: Mapping[str, object]) -> str:
    """Return the HMAC of an event; the id is part of it, so that no event can be moved to another run."""
    import hashlib  # noqa: PLC0415 - it loads OpenSSL, and few commands have to know
    import hmac  # noqa: PLC0415 - the same

    others = {field: value for field, value in event.items() if field != FIELD}
    text = json.dumps([name, others], ensure_ascii=True, sort_keys=True)
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
