"""The methods of `Log` that share it: committing, reports."""

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from orglab.api.leftovers import remove_leftovers
from orglab.log.log import LogFile
from orglab.text import Tell

if TYPE_CHECKING:
    from orglab.experiment.check import Progress
    from orglab.log.log_commit import LogCommit
    from orglab.report.content.statements import Report
    from orglab.report.progress_report import ReportCheck


class ShareMethods(LogFile):
    """The methods of `Log` that share it."""

    def commit(self, text: str | None = None, *, tell: Tell = lambda _: None) -> "LogCommit | None":
        """Commit only the log and the journal; return None if there is nothing to commit.

        A log that is kept apart is committed to its own branch; see `log.kept_text` and `log.log_commit`.  What killed
        processes left in the git directory is removed.

        Args:
            text: The message; None for one that says what has changed.
            tell: Called with each message for the user.
        """
        remove_leftovers(self, tell)
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
        progress: "Progress | None" = None,
    ) -> "Report":
        """Return a progress report.

        Args:
            what: References of experiments, or an Org match string, to narrow the report to; all if empty.
            since: The first day, in any form that `--since` accepts, such as `last report`; if None, the report begins
                where the last one of an earlier day ended, or two weeks ago.
            until: The last day; if None, the report ends now.
            title: The title; if empty, it is made from the period.
            journal: Whether to include the entries of the journal.
            now: The local time; that of the machine if None.
            progress: Called with the number of parts that are read, and their total.

        Raises:
            NotFoundError: There is no such experiment, or no report of an earlier day.
            UsageError: A date or the match string is not valid, or there are two match strings.
        """
        from orglab.report.progress_report import make_report
        from orglab.report.report_options import ReportOptions, split_arguments

        references, match = split_arguments(self, what)
        return make_report(self, ReportOptions(references, match, since, until, title, journal), now, progress)

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

    def write_report(
        self, report: "Report", path: Path, template: Path | None = None, *, appendix: bool = False
    ) -> Path | None:
        """Write a report to a file, in the format of its extension, and remember where it ended.

        Args:
            report: The report.
            path: The file.
            template: A Jinja2 template, or None.
            appendix: Whether a PDF or docx has the appendix; other formats have it always.

        Returns:
            The folder next to it that has its pictures and charts, if there is one.

        Raises:
            NotWritableError: The file cannot be written.
            OrglabError: A library that the format needs is not installed.
            UsageError: The format is unknown, the template has an error, or the report is empty and the file holds
                something else.
        """
        from orglab.api.serialize_report import report_form
        from orglab.report.rendering import choose_format, write_report

        chosen = choose_format(self, path, template)
        return write_report(self, report, path, chosen, report_form, with_appendix=appendix)

    def check_report(self, path: Path | None = None) -> "ReportCheck":
        """Return what no longer holds of a report, and what was changed in its text; by default, of the last one here.

        Raises:
            NotFoundError: There is no such report, or it contains no evidence.
        """
        from orglab.report.progress_report import check_report

        return check_report(self, path)
