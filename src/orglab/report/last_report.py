"""The last report of a clone: the end of its period and its evidence, stored in `.git/orglab`, not in the log."""

import datetime
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orglab.errors import NotWritableError
from orglab.report.formats.assets import write_atomically

_NAME = "last_report.json"


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
        fields = json.loads((folder / _NAME).read_text("utf-8"))
        until = datetime.datetime.fromisoformat(fields["until"]) if fields["until"] else None
        return LastReport(until, str(fields["file"]), str(fields["sha256"]), dict(fields["evidence"]))
    except (OSError, ValueError, KeyError, TypeError):
        return LastReport()


def write_last(folder: Path, last: LastReport) -> None:
    """Store the last report in a clone's folder.

    Raises:
        NotWritableError: The folder is not writable.
    """
    until = last.until.isoformat() if last.until else None
    fields = {"until": until, "file": last.file, "sha256": last.sha256, "evidence": last.evidence}
    path = folder / _NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(fields).encode())
    except OSError as error:
        raise NotWritableError(
            f"The report was written, but not recorded as the last one: cannot write {path}: {error.strerror}."
        ) from error
