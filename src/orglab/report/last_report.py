"""The last report of a clone: the end of its period and its evidence, kept in `.git/orglab` and not in the log."""

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
    """What is remembered of the last report that was written to a file.

    Attributes:
        until: The end of the newest report on the whole log, where the next one begins; None if there was none.
        file: Where the last one was written, as an absolute path; None if none was.
        sha256: Of that file's content.
        evidence: What its statements rest on.
    """

    until: datetime.datetime | None = None
    file: str | None = None
    sha256: str = ""
    evidence: Mapping[str, Any] | None = None


def read_last(folder: Path) -> LastReport:
    """Return what is remembered in a clone's folder; nothing if there is none, or it cannot be read."""
    try:
        found = json.loads((folder / _NAME).read_text("utf-8"))
        until = datetime.datetime.fromisoformat(found["until"]) if found["until"] else None
        return LastReport(until, str(found["file"]), str(found["sha256"]), dict(found["evidence"]))
    except (OSError, ValueError, KeyError, TypeError):
        return LastReport()


def write_last(folder: Path, last: LastReport) -> None:
    """Remember a report.

    Raises:
        NotWritableError: It cannot be written down.
    """
    until = last.until.isoformat() if last.until else None
    form = {"until": until, "file": last.file, "sha256": last.sha256, "evidence": last.evidence}
    path = folder / _NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(form).encode())
    except OSError as error:
        raise NotWritableError(
            f"The report is written, but that it was cannot be remembered in {path}: {error.strerror}."
        ) from error
