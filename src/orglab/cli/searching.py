"""The command that searches."""

import os

import click

from orglab.cli import output
from orglab.cli.hits import show_found
from orglab.cli.options import TextCommand, log_options, this_log
from orglab.search.hits import LIMIT
from orglab.search.search import search_log


@click.command(name="search", cls=TextCommand)
@click.argument("words", nargs=-1, required=True)
@click.option(
    "--limit", type=click.IntRange(min=1), default=LIMIT, metavar="N", help=f"So many hits at the most ({LIMIT})."
)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@log_options
def search_command(words: tuple[str, ...], limit: int, *, as_json: bool) -> None:
    """Find experiments, steps, notes, conclusions, commit messages and journal entries.

    All words are looked for, in any order and form; "..." keeps words together, -WORD leaves out, WOR* is a beginning.
    Fields narrow it: tag:nlp state:DONE verdict:refuted since:2026-01-01 until:2w in:conclusion.

    \b
    Example:
      orglab search dropout encoder
      orglab search 'lr=3e-4 -warmup in:conclusion'
      orglab search '"label smoothing" verdict:refuted since:2026'
    """
    log = this_log()
    text = " ".join(words)
    with output.Bar("Reading") as bar:
        found = search_log(log, text, limit=limit, progress=bar.update)
    journal = os.path.join(os.path.dirname(os.fspath(log.path)), log.config.journal)
    show_found(found, text, os.fspath(log.path), journal, as_json=as_json)
