"""The last report of a clone: the end of its period and its evidence, stored in `.git/orglab`, not in the log."""

import datetime
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orglab.errors import NotWritableError
from orglab.git.private_files import PrivateFolder

_NAME = "last_report.json"
_MOST = 1 << 28  # the evidence of a report on many runs is large


@dataclass(frozen=True, slots=True)
class LastReport:
    """The last report that was written to a file.

    Attributes:
        until: The end of the last report on the whole log, where the next one begins; None if there is none.
        file: The absolute path of the last report; None if there is none.
        sha256: The SHA-256 of that file's content.
        evidence: The evidence for its statements.
    """

    until: datetime.datetime | None = None
    file: str | None = None
    sha256: str = ""
    evidence: Mapping[str, Any] | None = None


def read_last(folder: Path) -> LastReport:
    """Return the last report of a clone from its folder; an empty one if there is none or it cannot be read."""
    try:
        fields = json.loads(_find_files(folder).read(_NAME, _MOST) or b"")
        until = datetime.datetime.fromisoformat(fields["until"]) if fields["until"] else None
        if until is not None and until.tzinfo is not None:
            return LastReport()  # the times of the log have none
        return LastReport(until, str(fields["file"]), str(fields["sha256"]), dict(fields["evidence"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        return LastReport()


def _find_files(folder: Path) -> PrivateFolder:
    return PrivateFolder(folder.parent, folder.name)


def write_last(folder: Path, last: LastReport) -> None:
    """Store the last report in a clone's folder.

    Raises:
        NotWritableError: The folder is not writable.
    """
    until = last.until.isoformat() if last.until else None
    fields = {"until": until, "file": last.file, "sha256": last.sha256, "evidence": last.evidence}
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _find_files(folder).write(_NAME, json.dumps(fields).encode())
    except OSError as error:
        place = folder / _NAME
        raise NotWritableError(
            f"The report was written, but not recorded as the last one: cannot write {place}: {error.strerror}."
        ) from error
