"""The layout of a report as a document: in short, what is going on, the results, and the record to check them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from orglab.report.blocks import (
    Badge,
    Block,
    Details,
    Document,
    Heading,
    Inline,
    List,
    ListItem,
    Paragraph,
    Small,
    Strong,
    Text,
)
from orglab.report.content.appendix import choose_charted, claim_record, lay_out_record
from orglab.report.content.conclusions import make_title
from orglab.report.content.evidence import Claim, StoredStatement, to_evidence
from orglab.report.content.plots import claim_chart, steps_chart, timeline
from orglab.report.content.sections import period_text
from orglab.report.content.sentence import capitalize_first
from orglab.report.content.statements import SECTIONS, Item, Report, Statement
from orglab.report.content.wording import Wording, claim_text
from orglab.text import cardinal, count, day

# In these sections each experiment has a heading; in the others it is a line of a list.
_WITH_HEADINGS = ("results",)
_ONE_LINE = 130  # characters of statements that share a paragraph


def lay_out(report: Report, *, with_appendix: bool = True) -> Document:
    """Return a report as a document.

    Args:
        report: The report.
        with_appendix: Whether the record of the experiments follows.
    """
    blocks: list[Block] = [Heading(1, (Text("In short"),), "short"), *_lay_out_short(report)]
    drawn = choose_charted(report)
    for name, items in report.sections.items():
        blocks.append(Heading(1, (Text(SECTIONS[name]),), name.replace("_", "-")))
        if name in _WITH_HEADINGS:
            for item in items:
                blocks += _lay_out_result(item, report, with_chart=item.ref in drawn)
        else:
            blocks.append(List(tuple(_list_item(item, report.wording) for item in items)))
    if with_appendix and report.touched:
        blocks.append(_lay_out_appendix(report, drawn))
    return Document(
        title=report.title,
        blocks=tuple(blocks),
        subtitle=_subtitle(report),
        date=day(report.made.date()),
        author=report.author,
        source=report.source,
        made=report.made,
        evidence=collect_evidence(report, with_appendix=with_appendix),
    )


def collect_evidence(report: Report, *, with_appendix: bool = True) -> dict[str, object]:
    """Return the evidence for the statements of a report, as JSON values."""
    head = {
        "title": report.title,
        "made": report.made.isoformat(timespec="seconds"),
        "since": report.period.since.isoformat(timespec="seconds"),
        "until": report.period.until.isoformat(timespec="seconds"),
    }
    records = [claim_record(activity, report) for activity in report.touched] if with_appendix else []
    statements = (*report.short.statements, *_list_statements(report), *records)
    supported = (statement for statement in statements if statement.claims)
    return to_evidence((StoredStatement(statement.text, statement.claims) for statement in supported), head)


def _list_statements(report: Report) -> Iterator[Statement]:
    """Yield the statements of the sections with the charts before them, the first of each item with its heading."""
    drawn = choose_charted(report)
    for name, items in report.sections.items():
        for item in items:
            heading = [claim_text(item.ref, item.title, "title")] if item.ref else []
            heading += [Claim("verdict", item.ref, "", item.word)] if item.word else []
            if name in _WITH_HEADINGS and item.ref in drawn:
                chart = claim_chart(item.ref, report.results[item.ref], item.metric)
                yield from [chart] if chart is not None else []
            for one in item.statements:
                yield replace(one, claims=(*one.claims, *heading)) if heading else one
                heading = []


def _subtitle(report: Report) -> str:
    """Return the period, unless the title has it, why it is this one, and what the report is limited to."""
    period = period_text(report.period)
    parts = [] if period in report.title else [period]
    if report.period.reason and report.period.reason != "as asked":
        parts.append(report.period.reason)
    if report.scope:
        parts.append(f"only {', '.join(report.scope)}")
    return capitalize_first("; ".join(parts))


def _lay_out_short(report: Report) -> Iterator[Block]:
    """Yield what the report says in short."""
    short = report.short
    yield Paragraph(_join(short.lead))
    if short.conclusions:
        has_signs = any(item.word for item in short.conclusions)
        yield List(tuple(_conclusion(item) for item in short.conclusions), "plain" if has_signs else "bullets")
    if short.legend:
        yield Paragraph((Small((Text(short.legend),)),))
    if short.earlier:
        yield Paragraph((Text(f"{capitalize_first(cardinal(short.earlier, 'words'))} more under Results."),))
    labelled = [("Needed from you", short.needed), ("Risk", short.risks), ("Planned last time", short.planned)]
    if short.conclusions and not short.needed:
        labelled[0] = ("Needed from you", (Statement((Text("nothing."),), ()),))
    for label, statements in labelled:
        yield from _label(label, statements)
    if short.remarks:
        yield Paragraph(_join(short.remarks))


def _conclusion(item: Item) -> ListItem:
    sign = (Badge(item.word, item.tone, is_sign=True), Text(" ")) if item.word else ()
    (statement,) = item.statements
    return ListItem((Paragraph((*sign, *statement.content)),))


def _label(label: str, statements: Sequence[Statement]) -> Iterator[Block]:
    """Yield statements below a label: a single one or short ones beside it, others as a list."""
    name = Strong((Text(f"{label}:"),))
    is_short = sum(len(one.text) for one in statements) < _ONE_LINE and not any(one.quote for one in statements)
    if statements and (len(statements) == 1 or is_short):
        yield Paragraph((name, Text(" "), *_join(statements)))
        yield from (block for one in statements for block in one.quote)
    elif statements:
        yield Paragraph((name,))
        yield List(tuple(ListItem((Paragraph(one.content), *one.quote)) for one in statements))


def _lay_out_result(item: Item, report: Report, *, with_chart: bool) -> Iterator[Block]:
    """Yield a result under its heading."""
    yield Heading(2, tuple(make_title(item, report.wording)))
    yield from _paragraphs(item.statements[: item.chart_after])
    results = report.results.get(item.ref)
    if with_chart and results is not None:
        chart = steps_chart(item.ref, results, report.wording.inline, item.metric)
        yield from () if chart is None else (chart,)
    yield from _paragraphs(item.statements[item.chart_after :])


def _paragraphs(statements: Sequence[Statement]) -> Iterator[Block]:
    """Yield each statement as a paragraph with what it quotes."""
    for statement in statements:
        if statement.content:
            yield Paragraph(statement.content)
        yield from statement.quote


def _list_item(item: Item, wording: Wording) -> ListItem:
    """Return an item of a section as a line: its title, and what is said about it."""
    if not item.ref:
        return ListItem((Paragraph((Text(f"{item.title}."),)),))
    title = Strong(wording.inline(item.title, item.ref))
    if len(item.statements) == 1:
        (statement,) = item.statements
        return ListItem((Paragraph((title, Text(": "), *statement.content)), *statement.quote))
    below = tuple(ListItem(tuple(_paragraphs([statement]))) for statement in item.statements)
    return ListItem((Paragraph((title,)), List(below)))


def _join(statements: Sequence[Statement]) -> tuple[Inline, ...]:
    content: list[Inline] = []
    for statement in statements:
        content += [*([Text(" ")] if content else []), *statement.content]
    return tuple(content)


def _lay_out_appendix(report: Report, drawn: frozenset[str]) -> Details:
    """Return the record of the experiments, folded."""
    blocks: list[Block] = []
    if (chart := timeline(report)) is not None:
        blocks.append(chart)
    if len(drawn) < sum(activity.ref in report.results for activity in report.touched):
        limited = f"Charts are drawn only for the {len(drawn)} most recently active experiments."
        blocks.append(Paragraph((Text(limited),)))
    results = {item.ref for item in report.sections.get("results", ())}
    for activity in report.touched:
        ref = activity.ref
        blocks += lay_out_record(activity, report, report.wording, is_drawn=ref in drawn, is_result=ref in results)
    title = f"Appendix: the record of {count(len(report.touched), 'experiment', 'words')}"
    return Details((Text(title),), tuple(blocks))
