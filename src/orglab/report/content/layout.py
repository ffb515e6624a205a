"""The layout of a report as a document: headings, sentences, tables and charts, in reading order."""

from collections.abc import Iterator, Sequence

from orglab.report.blocks import (
    Badge,
    Block,
    Document,
    Heading,
    Inline,
    Inlines,
    List,
    ListItem,
    Paragraph,
    Strong,
    Text,
)
from orglab.report.content.appendix import choose_charted, lay_out_record
from orglab.report.content.evidence import StoredStatement, to_evidence
from orglab.report.content.plots import steps_chart, timeline
from orglab.report.content.sections import period_text
from orglab.report.content.statements import SECTIONS, Item, Report, Statement
from orglab.report.content.wording import Wording
from orglab.runs.step_results import Results
from orglab.text import day

# In these sections each experiment is a list item; in the others it has a heading.
_LISTED = ("next", "journal")


def lay_out(report: Report) -> Document:
    """Return a report as a document."""
    wording = report.wording
    drawn = choose_charted(report)
    blocks: list[Block] = [Heading(1, (Text("Summary"),), "summary"), *_summary(report)]
    for name, items in report.sections.items():
        blocks.append(Heading(1, (Text(SECTIONS[name]),), name.replace("_", "-")))
        if name in _LISTED:
            blocks.append(List(tuple(_list_item(item, wording) for item in items)))
        else:
            for item in items:
                blocks += _entry(item, report, wording, with_chart=name == "learned" and item.ref in drawn)
    if report.touched:
        blocks.append(Heading(1, (Text("Appendix: the experiments in detail"),), "appendix"))
        if len(drawn) < sum(activity.ref in report.results for activity in report.touched):
            limited = f"Charts are drawn only for the {len(drawn)} most recently active experiments."
            blocks.append(Paragraph((Text(limited),)))
        for activity in report.touched:
            blocks += lay_out_record(activity, report, wording, is_drawn=activity.ref in drawn)
    return Document(
        title=report.title,
        blocks=tuple(blocks),
        subtitle=_subtitle(report),
        date=day(report.made.date()),
        evidence=collect_evidence(report),
    )


def collect_evidence(report: Report) -> dict[str, object]:
    """Return the evidence for the statements of a report, as JSON values."""
    head = {
        "title": report.title,
        "made": report.made.isoformat(timespec="seconds"),
        "since": report.period.since.isoformat(timespec="seconds"),
        "until": report.period.until.isoformat(timespec="seconds"),
    }
    supported = (statement for statement in report.statements if statement.claims)
    return to_evidence((StoredStatement(statement.text, statement.claims) for statement in supported), head)


def _subtitle(report: Report) -> str:
    """Return the period, unless the title has it, and what the report is limited to."""
    days = period_text(report.period)
    parts = [] if days in report.title else [days]
    if report.scope:
        parts.append(f"only {', '.join(report.scope)}")
    return "; ".join(parts)


def _summary(report: Report) -> Iterator[Block]:
    """Yield the sentences and the timeline."""
    content: list[Inline] = []
    for statement in report.summary:
        content += [*([Text(" ")] if content else []), *statement.content]
    yield Paragraph(tuple(content))
    if (chart := timeline(report)) is not None:
        yield chart


def _title(item: Item, wording: Wording) -> Inlines:
    """Return the heading of an experiment: its reference, title and badge."""
    word: list[Inline] = [Text(" "), Badge(item.word, item.tone)] if item.word else []
    if not item.ref:
        return (Text(item.title), *word)
    return (wording.links.to(item.ref), Text(" "), *wording.inline(item.title, item.ref), *word)


def _entry(item: Item, report: Report, wording: Wording, *, with_chart: bool) -> Iterator[Block]:
    """Yield an item of a section under its own heading."""
    yield Heading(2, _title(item, wording))
    yield from _paragraphs(item.statements)
    if with_chart and (chart := steps_chart(item.ref, report.results.get(item.ref, Results()), wording)):
        yield chart


def _paragraphs(statements: Sequence[Statement]) -> Iterator[Block]:
    """Yield statements as paragraphs: sentences run on until a quotation ends the paragraph."""
    content: list[Inline] = []
    for statement in statements:
        content += [*([Text(" ")] if content and statement.content else []), *statement.content]
        if statement.quote:
            if content:
                yield Paragraph(tuple(content))
                content = []
            yield from statement.quote
    if content:
        yield Paragraph(tuple(content))


def _list_item(item: Item, wording: Wording) -> ListItem:
    """Return an item of a section as a list item."""
    lead = Paragraph((Strong(_title(item, wording)),))
    if len(item.statements) == 1 and not item.statements[0].quote:
        return ListItem((Paragraph((Strong(_title(item, wording)), Text(": "), *item.statements[0].content)),))
    below = tuple(ListItem(tuple(_paragraphs([statement]))) for statement in item.statements)
    return ListItem((lead, List(below)))
