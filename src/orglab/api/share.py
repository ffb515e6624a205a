"""The methods that give something away: the commit of the log, the report."""

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from orglab.log.log import LogFile

if TYPE_CHECKING:
    from orglab.log.log_commit import LogCommit
    from orglab.report.content.statements import Report
    from orglab.report.progress_report import ReportCheck


class ShareMethods(LogFile):
    """The methods of `Log` that give something away."""

    def commit(self, text: str | None = None) -> "LogCommit | None":
        """Commit the log and the journal alone; return None if there is nothing to commit; see `log.log_commit`."""
        from orglab.log.log_commit import commit_log

        return commit_log(self, text)

    def report(
        self,
        what: Sequence[str] = (),
        *,
        since: str | None = None,
        until: str | None = None,
        title: str = "",
        journal: bool = False,
        now: datetime.datetime | None = None,
    ) -> "Report":
        """Return a progress report.

        Args:
            what: Experiments that it is narrowed to, and an Org match string; all if empty.
            since: Its first day as people write it, `last report` too; None: since the last report, else two weeks.
            until: Its last day; None: until now.
            title: Its title; empty for one made from the period.
            journal: Whether the journal's entries are told.
            now: The local time; that of the machine if None.

        Raises:
            NotFoundError: An experiment is not there, or there was no last report.
            UsageError: A date or the match string cannot be read, or there are two match strings.
        """
        from orglab.report.progress_report import make_report
        from orglab.report.report_options import ReportOptions, split_arguments

        references, match = split_arguments(self, what)
        return make_report(self, ReportOptions(references, match, since, until, title, journal), now)

    def check_format(self, path: Path | None, template: Path | None = None) -> None:
        """Do nothing if a report can be written so; say it before the work is done.

        Args:
            path: The file, whose ending says the format; None for text.
            template: A Jinja2 template for it, or None.

        Raises:
            UsageError: There is no such format.
        """
        from orglab.report.rendering import choose_format

        choose_format(self, path, template)

    def render_report(self, report: "Report", template: Path | None = None, *, for_people: bool = False) -> str:
        """Return a report as text: Markdown, or what a template makes.

        Args:
            report: The report.
            template: A Jinja2 template, or None.
            for_people: Whether it is looked at, and so need not carry its evidence.

        Raises:
            OrglabError: Jinja2 is not installed.
            UsageError: The template has a mistake.
        """
        from orglab.api.serialize import report_form
        from orglab.report.rendering import choose_format, render_report

        chosen = choose_format(self, None, template)
        return render_report(report, chosen, report_form, for_people=for_people)

    def write_report(self, report: "Report", path: Path, template: Path | None = None) -> None:
        """Write a report to a file, as its ending says, and remember until when it went; see `report.rendering`.

        Raises:
            NotWritableError: It cannot be written.
            OrglabError: A library that the format needs is not installed.
            UsageError: There is no such format, or the template has a mistake.
        """
        from orglab.api.serialize import report_form
        from orglab.report.rendering import choose_format, write_report

        write_report(self, report, path, choose_format(self, path, template), report_form)

    def check_report(self, path: Path | None = None) -> "ReportCheck":
        """Return what of a report no longer holds: of a file, or of the last one that was written here."""
        from orglab.report.progress_report import check_report

        return check_report(self, path)
