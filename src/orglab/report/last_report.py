"""The last reports of a clone: the ends of their periods, what they planned, and the evidence of the newest one.

They are stored in `.git/orglab`, not in the log.
"""

import datetime
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from orglab.errors import NotWritableError
from orglab.git.private_files import PrivateFolder

_NAME = "last_report.json"
_MOST = 1 << 28  # the evidence of a report on many runs is large
_MOST_DAYS = 20


class EarlierReport(NamedTuple):
    """A report on the whole log; of the reports that end on the same day, the last one that was written.

    Attributes:
        until: The end of its period.
        planned: The references of what it named as next, and their texts.
    """

    until: datetime.datetime
    planned: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class LastReport:
    """The last report that was written to a file.

    Attributes:
        earlier: The last reports on the whole log, this one included, one for each day on which one ended, in order.
        file: The absolute path of the last report; None if there is none.
        sha256: The SHA-256 of that file's content.
        evidence: The evidence for its statements.
    """

    earlier: tuple[EarlierReport, ...] = ()
    file: str | None = None
    sha256: str = ""
    evidence: Mapping[str, Any] | None = None

    def find_before(self, until: datetime.datetime) -> EarlierReport | None:
        """Return the last report that ended on an earlier day than a period that ends at `until`; None if none did."""
        return next((one for one in reversed(self.earlier) if _last_day(one.until) < _last_day(until)), None)

    def add(self, until: datetime.datetime, planned: Sequence[tuple[str, str]]) -> tuple[EarlierReport, ...]:
        """Return the earlier reports with one on the whole log that was written now."""
        others = (one for one in self.earlier if _last_day(one.until) != _last_day(until))
        return _sort((*others, EarlierReport(until, tuple((ref, text) for ref, text in planned))))


def _last_day(until: datetime.datetime) -> datetime.date:
    """Return the last day of a period, whose end is exclusive."""
    return (until - datetime.timedelta(microseconds=1)).date()


def _sort(reports: Iterable[EarlierReport]) -> tuple[EarlierReport, ...]:
    return tuple(sorted(reports, key=lambda one: one.until)[-_MOST_DAYS:])


def read_last(folder: Path) -> LastReport:
    """Return the last report of a clone from its folder; an empty one if there is none or it cannot be read."""
    try:
        fields = json.loads(_find_files(folder).read(_NAME, _MOST) or b"")
        # A version of orglab before 0.1 kept only the end of the last one.
        reports = fields["earlier"] if "earlier" in fields else [[fields["until"], []]] if fields["until"] else []
        earlier = _sort(
            EarlierReport(_read_moment(until), tuple((str(ref), str(text)) for ref, text in planned))
            for until, planned in reports
        )
        return LastReport(earlier, str(fields["file"]), str(fields["sha256"]), dict(fields["evidence"]))
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return LastReport()


def _read_moment(text: str) -> datetime.datetime:
    moment = datetime.datetime.fromisoformat(text)
    if moment.tzinfo is not None or moment == datetime.datetime.min:  # noqa: DTZ901 - the times of the log have none
        raise ValueError(text)
    return moment


def _find_files(folder: Path) -> PrivateFolder:
    return PrivateFolder(folder.parent, folder.name)


def write_last(folder: Path, last: LastReport) -> None:
    """Store the last report in a clone's folder.

    Raises:
        NotWritableError: The folder is not writable.
    """
    earlier = [[one.until.isoformat(), one.planned] for one in last.earlier]
    fields = {"earlier": earlier, "file": last.file, "sha256": last.sha256, "evidence": last.evidence}
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _find_files(folder).write(_NAME, json.dumps(fields).encode())
    except OSError as error:
        place = folder / _NAME
        raise NotWritableError(
            f"The report was written, but not recorded as the last one: cannot write {place}: {error.strerror}."
        ) from error
