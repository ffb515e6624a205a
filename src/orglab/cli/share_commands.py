"""Commands that give something away: commit, report."""

from pathlib import Path

import click

from orglab.api import Log
from orglab.cli import output
from orglab.cli.options import REFERENCE, TextCommand, log_options, this_log
from orglab.text import count

# What `--check` without a file is given.
_LAST = ""
_LONGEST = 70


@click.command(name="commit", cls=TextCommand)
@click.option("-m", "--message", metavar="TEXT", help="What to say; the references to what changed are put before it.")
@log_options
def commit_command(message: str | None) -> None:
    """Commit the log and the journal alone; whatever else is staged stays staged.

    The message says what changed, such as: [e201] log: step 1 done, 2 notes

    \b
    Example:
      orglab commit
      orglab commit -m "The plan for the second week"
    """
    done = this_log().commit(message)
    if done is None:
        click.echo("The log has nothing to commit.", err=True)
        return
    click.echo(f"{done.commit}  {output.clean(done.message.partition(chr(10))[0])}")


@click.command(name="report")
@click.argument("what", nargs=-1, type=REFERENCE)
@click.option("--since", metavar="D", help="The first day: 2026-11-01, monday, 2w, 'last month', 'last report'.")
@click.option("--until", metavar="D", help="The last day; now if not given.")
@click.option("--title", metavar="TEXT", default="", help="The title.")
@click.option("--journal", is_flag=True, help="Tell what the journal has, too.")
@click.option("-o", "out", metavar="FILE", type=click.Path(path_type=Path), help="Write it there, as the ending says.")
@click.option("--template", metavar="FILE", type=click.Path(path_type=Path), help="A Jinja2 template for it.")
@click.option(
    "--check", "checked", metavar="[FILE]", is_flag=False, flag_value=_LAST, default=None,
    help="Say what of a report no longer holds; of the last one, if no file is named.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@log_options
def report_command(  # noqa: PLR0917 - click calls it by name
    what: tuple[str, ...], since: str | None, until: str | None, title: str, out: Path | None, template: Path | None,
    checked: str | None, *, journal: bool, as_json: bool,
) -> int:  # fmt: skip
    """Write the progress report: what was learned, decided and done, with the evidence.

    WHAT are experiments, and an Org match string, that it is narrowed to. It begins where the last report ended, else
    two weeks ago. The ending of FILE says which format: .md .org .html .pdf .docx; without -o it is Markdown, on
    standard output. With --check, exit code 1 if something no longer holds.

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
    report = log.report(what, since=since, until=until, title=title, journal=journal)
    if as_json:
        from orglab.api.serialize import report_form  # noqa: PLC0415 - only for JSON

        output.show_json(report_form(report))
    elif out is None:
        text = log.render_report(report, template, for_people=output.is_terminal())
        output.show([output.clean(line) for line in text.splitlines()])
    else:
        log.write_report(report, out, template)
        output.tell(f"{out}: {report.title}")
    return 0


def _check(log: Log, path: Path | None, *, as_json: bool) -> int:
    """Say what of a report no longer holds, a line each."""
    found = log.check_report(path)
    if as_json:
        from orglab.api.serialize import checked_form  # noqa: PLC0415 - only for JSON

        output.show_json(checked_form(found))
    elif found.broken:
        output.show([output.clean(" ".join(_line(one.message, one.statement).split())) for one in found.broken])
        click.echo(f"{count(len(found.broken), 'thing')} no longer as {output.clean(found.file)} says.", err=True)
    else:
        click.echo(f"All {count(found.statements, 'statement')} of {output.clean(found.file)} hold.", err=True)
    return int(bool(found.broken))


def _line(message: str, statement: str) -> str:
    """Return what is so now, and what the report says."""
    if not statement:
        return message
    words = statement if len(statement) <= _LONGEST else statement[: _LONGEST - 1].rstrip() + "…"
    return f"{message}; the report: {words}"
