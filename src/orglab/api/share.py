"""The methods of `Log` that share it: committing, reports."""

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
    """The methods of `Log` that share it."""

    def commit(self, text: str | None = None) -> "LogCommit | None":
        """Commit only the log and the journal; return None if there is nothing to commit.

        A log that is kept apart is committed to its own branch; see `log.kept_text` and `log.log_commit`.  What killed
        processes left in the git directory is removed.
        """
        if self.repository is not None:
            from orglab.git.scratch import collect_scratch

            collect_scratch(self.repository)
        if self.is_apart:
            from orglab.log.kept_text import commit_apart_log

            return commit_apart_log(self, text)
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
            what: References of experiments, or an Org match string, to narrow the report to; all if empty.
            since: The first day, in any form that `--since` accepts, such as `last report`; if None, the report begins
                where the last one ended, or two weeks ago.
            until: The last day; if None, the report ends now.
            title: The title; if empty, it is made from the period.
            journal: Whether to include the entries of the journal.
            now: The local time; that of the machine if None.

        Raises:
            NotFoundError: There is no such experiment, or no last report.
            UsageError: A date or the match string is not valid, or there are two match strings.
        """
        from orglab.report.progress_report import make_report
        from orglab.report.report_options import ReportOptions, split_arguments

        references, match = split_arguments(self, what)
        return make_report(self, ReportOptions(references, match, since, until, title, journal), now)

    def check_format(self, path: Path | None, template: Path | None = None) -> None:
        """Raise an error before the report is made if its format is not supported.

        Args:
            path: The file, whose extension chooses the format; None for text.
            template: A Jinja2 template, or None.

        Raises:
            UsageError: The format is unknown.
        """
        from orglab.report.rendering import choose_format

        choose_format(self, path, template)

    def render_report(self, report: "Report", template: Path | None = None, *, for_people: bool = False) -> str:
        """Return a report as text: Markdown, or the output of a template.

        Args:
            report: The report.
            template: A Jinja2 template, or None.
            for_people: Whether to leave out the evidence, which only programs need.

        Raises:
            OrglabError: Jinja2 is not installed.
            UsageError: The template has an error.
        """
        from orglab.api.serialize_report import report_form
        from orglab.report.rendering import choose_format, render_report

        chosen = choose_format(self, None, template)
        return render_report(report, chosen, report_form, for_people=for_people)

    def write_report(self, report: "Report", path: Path, template: Path | None = None) -> None:
        """Write a report to a file, in the format of its extension, and remember where it ended.

        Raises:
            NotWritableError: The file cannot be written.
            OrglabError: A library that the format needs is not installed.
            UsageError: The format is unknown, or the template has an error.
        """
        from orglab.api.serialize_report import report_form
        from orglab.report.rendering import choose_format, write_report

        write_report(self, report, path, choose_format(self, path, template), report_form)

    def check_report(self, path: Path | None = None) -> "ReportCheck":
        """Return the statements of a report that no longer hold; by default, of the last report written here."""
        from orglab.report.progress_report import check_report

        return check_report(self, path)
