"""The methods that give something away: the commit of the log, the report."""

import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from orglab.log.log import LogFile

if TYPE_CHECKING:
    from orglab.log.commit_log import CommittedLog
    from orglab.report.content.statements import Report
    from orglab.report.report_file import ReportFormat
    from orglab.report.reporting import Checked
    from orglab.report.request import ReportRequest


class ShareMethods(LogFile):
    """The methods of `Log` that give something away."""

    def commit(self, text: str | None = None) -> "CommittedLog | None":
        """Commit the log and the journal alone; return None if there is nothing to commit; see `log.commit_log`."""
        from orglab.log.commit_log import commit_log  # noqa: PLC0415 - for one command of many

        return commit_log(self, text)

    def report(self, request: "ReportRequest | None" = None, now: datetime.datetime | None = None) -> "Report":
        """Return a progress report; see `report.reporting`."""
        from orglab.report.reporting import make_report  # noqa: PLC0415 - for one command of many
        from orglab.report.request import ReportRequest  # noqa: PLC0415 - the same

        return make_report(self, request or ReportRequest(), now)

    def write_report(self, report: "Report", path: Path, form: "ReportFormat") -> None:
        """Write a report to a file, and remember until when it went; see `report.reporting`."""
        from orglab.report.form import report_form  # noqa: PLC0415 - for one command of many
        from orglab.report.reporting import write_report  # noqa: PLC0415 - the same

        write_report(self, report, path, form, report_form(report))

    def check_report(self, path: Path | None = None) -> "Checked":
        """Return what of a report no longer holds: of a file, or of the last one that was written here."""
        from orglab.report.reporting import check_report  # noqa: PLC0415 - for one command of many

        return check_report(self, path)
