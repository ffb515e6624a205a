"""Commands that share: commit, sync, report."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from orglab.api import Log
from orglab.cli import output
from orglab.cli.options import REFERENCE, TextCommand, json_option, log_options, this_log, write_options
from orglab.errors import NotFoundError, UsageError
from orglab.text import count, cut, day, days

if TYPE_CHECKING:
    from orglab.log.branch_sync import BranchSync
    from orglab.report.content.statements import Report
    from orglab.report.progress_report import ReportCheck

# The value of `--check` without a file, and of `--results` without a run.
_LAST = _ALL = ""
_LONGEST = 70


@click.command(name="commit", cls=TextCommand)
@click.option("-m", "--message", metavar="TEXT", help="The message; references to what changed are put before it.")
@click.option("--results", "run", metavar="[RUN]", is_flag=False, flag_value=_ALL, default=None,
              help="Commit results that are not committed yet instead: of RUN, or of all runs that wait.")  # fmt: skip
@json_option
@log_options
def commit_command(message: str | None, run: str | None, *, as_json: bool) -> None:
    """Commit the log and the journal, and nothing else; what is staged stays staged.

    By default the message describes the changes: [e201] log: step 1 done, 2 notes

    With --results, the results of runs are committed to the branch that is checked
    out: those that wait for another branch, for the end of a merge or for a hook,
    and those of a failed RUN.

    \b
    Example:
      orglab commit
      orglab commit -m "Plan the second week"
      orglab commit --results 3c0749
    """
    if run is not None:
        _commit_results(message, run, as_json=as_json)
        return
    committed = this_log().commit(message, tell=output.tell)
    if as_json:
        form = {"commit": None} if committed is None else {"commit": committed.commit, "message": committed.message}
        output.show_json(form)
    elif committed is None:
        output.tell("Nothing to commit: the log and the journal have not changed.")
    else:
        click.echo(f"{committed.commit}  {output.clean(committed.message.partition(chr(10))[0])}")


def _commit_results(message: str | None, run: str, *, as_json: bool) -> None:
    """Commit the results of a run, or of all that wait, and print what was committed."""
    if message is not None:
        raise UsageError("Use --results or -m, not both: the message of such a commit says what ran.")
    committed = this_log().commit_results(run if run != _ALL else None, output.tell)
    if as_json:
        output.show_json({"committed": [{"run": one.id, "commit": one.commit} for one in committed]})
    elif not committed:
        output.tell("No results were committed.")


@click.command(name="sync")
@click.argument("remote", required=False)
@click.option("--here", is_flag=True, help="Only write the runs that wait, wherever HEAD is; no remote is used.")
@click.option("--snapshots", is_flag=True, help="Also push the snapshots, which hold whole working trees.")
@write_options
def sync_command(remote: str | None, *, here: bool, snapshots: bool, as_json: bool, anyway: bool) -> None:
    """Exchange run records with other clones through a git remote, and add notes on their runs to the log.

    A log that is kept apart is exchanged too: the changes of others are merged into
    it, and the branch experiment-log is pushed.

    The remote is origin, or the only one, if none is named. A clone without a log
    gets that of the remote. With --here, the runs of this clone that
    wait for another branch or for the end of a rebase are written now: their notes
    to the log that is here, their results to the branch that is checked out.

    \b
    Example:
      orglab sync
      orglab sync cluster --snapshots
      orglab sync --here
    """
    try:
        log = this_log(anyway=anyway)
    except NotFoundError:
        from orglab.api.setup import fetch_log  # noqa: PLC0415 - for a clone without a log

        if here or not fetch_log(remote):
            raise
        log = this_log(anyway=anyway)
    if here:
        if remote is not None or snapshots:
            raise UsageError("Use --here alone: it exchanges nothing with a remote.")
        written = log.write_here(output.tell)
        if as_json:
            output.show_json({"written": [run.id for run in written]})
        else:
            output.tell(f"Added {count(len(written), 'run')} to the log.")
        return
    synced = log.sync(remote, output.tell, snapshots=snapshots)
    if as_json:
        from orglab.api.serialize import synced_form  # noqa: PLC0415 - only for JSON

        output.show_json(synced_form(synced))
        return
    from orglab.runs.description import describe_run  # noqa: PLC0415 - for one command of several

    for run in synced.received:
        if run not in synced.already_written:
            click.echo(f"{run.id}  {output.clean(run.ref or '-')}  {output.clean(describe_run(run))}")
    if synced.on_other_branches:
        output.tell(
            f"{count(len(synced.on_other_branches), 'run')} not added, because another branch's log has them; "
            "merge that branch."
        )
    if synced.branch is not None:
        output.tell(_describe_branch(synced.branch))
    sent = "Sent our run records." if synced.sent else "No run records to send."
    output.tell(f"Received {count(len(synced.received), 'run')}; added {len(synced.written)} to the log. {sent}")


def _describe_branch(branch: "BranchSync") -> str:
    """Return what the exchange did to a log that is kept apart."""
    received = "The log has the changes of others" if branch.received else "The log has no new changes of others"
    if branch.conflicts:
        return f"{received}, with conflicts, so it was not sent."
    return f"{received}, and was sent." if branch.sent else f"{received}, and none of its own to send."


@click.command(name="report")
@click.argument("what", nargs=-1, type=REFERENCE)
@click.option("--since", metavar="D", help="The first day: 2026-11-01, monday, 2w, 'last month', 'last report'.")
@click.option("--until", metavar="D", help="The last day; today by default.")
@click.option("--title", metavar="TEXT", default="", help="The title.")
@click.option("--journal", is_flag=True, help="Include the journal.")
@click.option(
    "-o", "out", metavar="FILE", type=click.Path(path_type=Path), help="Write to FILE, in the format of its extension."
)
@click.option("--template", metavar="FILE", type=click.Path(path_type=Path), help="Use a Jinja2 template.")
@click.option("--appendix", is_flag=True, help="Add the appendix to a PDF or docx; the other formats have it folded.")
@click.option(
    "--check", "checked", metavar="[FILE]", is_flag=False, flag_value=_LAST, default=None,
    help="List what was changed in FILE, and its statements that no longer hold; by default, of the last report.",
)  # fmt: skip
@json_option
@log_options
def report_command(  # noqa: PLR0913, PLR0917 - click calls it by name
    what: tuple[str, ...], since: str | None, until: str | None, title: str, out: Path | None, template: Path | None,
    checked: str | None, *, journal: bool, appendix: bool, as_json: bool,
) -> int:  # fmt: skip
    """Write a progress report: what was learned, decided and done, with the evidence.

    WHAT narrows it to experiments, or to what an Org match string selects. The report
    begins where the last one of an earlier day ended, or else two weeks ago. The
    extension of FILE chooses the format: .md .org .html .pdf .docx. Without -o, it is
    printed as Markdown. With --check, the exit code is 1 if FILE was changed, or if
    something in it no longer holds.

    \b
    Example:
      orglab report
      orglab report --since monday -o week.html
      orglab report 201 202 --title "The ABC study" -o abc.pdf
      orglab report --check week.html
    """
    log = this_log()
    if checked is not None:
        return _check(log, Path(checked) if checked != _LAST else None, as_json=as_json)
    log.check_format(out, template)
    text, folder = "", None
    with output.progress_bar("Making the report") as update:
        report = log.report(
            what, since=since, until=until, title=title, journal=journal,
            progress=lambda done, total: update(done, total + 1),
        )  # fmt: skip
        if out is not None and not as_json:
            folder = log.write_report(report, out, template, appendix=appendix)
        elif not as_json:
            text = log.render_report(report, template, for_people=output.is_terminal())
    if report.is_empty and not log.experiments():
        output.tell("The log has no experiments; `orglab init` tells which of its headings could be some.")
    elif report.is_empty:
        output.tell(f"Nothing happened in this period{_describe_nearest(report)}.")
    if as_json:
        from orglab.api.serialize_report import report_form  # noqa: PLC0415 - only for JSON

        output.show_json(report_form(report))
    elif out is None:
        output.show([output.clean(line) for line in text.splitlines()])
    else:
        files = f"{out} and {folder}/" if folder is not None else out
        output.tell(f"Wrote {files}: {_describe_period(report)}")
    return 0


def _describe_nearest(report: "Report") -> str:
    """Return of which day the nearest thing in the log is, and the option with which the period includes it."""
    if report.nearest is None:
        return ", and nothing in the log has a date"
    which, option = ("first", "--until") if report.nearest >= report.period.until else ("last", "--since")
    side = "after" if which == "first" else "before"
    when = report.nearest.date()
    return f"; the {which} thing {side} it is of {day(when)}: include it with {option} {when.isoformat()}"


def _describe_period(report: "Report") -> str:
    """Return the title of a report, its period unless the title has it, and why it is this one."""
    period = days(report.period.since.date(), report.period.last_day)
    title = report.title if period in report.title else f"{report.title}, {period}"
    return f"{title} ({report.period.reason})"


def _check(log: Log, path: Path | None, *, as_json: bool) -> int:
    """Print what was changed in a report and what no longer holds, one change or statement per line."""
    checked = log.check_report(path)
    if as_json:
        from orglab.api.serialize_report import checked_form  # noqa: PLC0415 - only for JSON

        output.show_json(checked_form(checked))
    else:
        lines = [one.message for one in checked.changes]
        lines += [_describe_broken(broken.message, broken.statement) for broken in checked.broken]
        if lines:
            output.show([output.one_line(line) for line in lines])
        output.tell(_describe_check(checked))
    return int(bool(checked.broken or checked.changes))


def _describe_check(checked: "ReportCheck") -> str:
    """Return in a sentence what became of the text and the statements of a report."""
    from orglab.report.progress_report import MOST_CHANGES  # noqa: PLC0415 - only for this

    changed, broken, file = len(checked.changes), len(checked.broken), checked.file
    found = []
    if changed:
        more = " or more" if changed == MOST_CHANGES else ""
        found.append(f"{count(changed, 'change')}{more} {'was' if changed == 1 else 'were'} made")
    if broken:
        found.append(f"{count(broken, 'statement')} no longer {'holds' if broken == 1 else 'hold'}")
    if found:
        return f"{' and '.join(found)} in {file}."
    text = ", and its text is unchanged" if checked.is_compared else "; its text could not be compared"
    if checked.statements == 0:
        return f"{file} contains no statements to check{text}."
    if checked.statements == 1:
        return f"The statement in {file} still holds{text}."
    return f"All {checked.statements} statements in {file} still hold{text}."


def _describe_broken(message: str, statement: str) -> str:
    """Return what is true now, and what the report says."""
    return f"{message}; the report says: {cut(statement, _LONGEST)}" if statement else message
