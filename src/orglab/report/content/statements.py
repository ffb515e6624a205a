"""The statements of a report before layout, with their evidence, by section and experiment."""

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from orglab.report.blocks import Blocks, Inline, Inlines, Isolated, Reference, Small, Text, plain
from orglab.report.content.evidence import Claim
from orglab.report.content.facts import ExperimentActivity, Period
from orglab.report.content.wording import Wording
from orglab.runs.step_results import Results

# In the order of the reader's questions: the first five, with what stands before them, are on the first page.
SECTIONS = {
    "changed": "Changed our mind",
    "dropped": "Dropped",
    "under_way": "Under way",
    "without_state": "Without a state",
    "blocked": "Blocked",
    "next": "Next",
    "results": "Results",
    "journal": "From the journal",
}


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence made from facts.

    Attributes:
        content: The sentence, including its citations.
        claims: The facts that support it.
        quote: Blocks below the sentence: a quotation too long for it, or a table.
        source: The quoted text as it is in the log; empty for a table.
    """

    content: Inlines
    claims: tuple[Claim, ...]
    quote: Blocks = ()
    source: str = ""

    @property
    def text(self) -> str:
        """The sentence as plain text, with citations in brackets."""
        return to_plain_text(self.content)


@dataclass(frozen=True, slots=True)
class Item:
    """The part of a section about one experiment.

    Attributes:
        ref: The reference of the experiment; empty if the item is not about a single one.
        title: The title.
        word: The verdict or state, shown as a badge; or empty.
        tone: The tone of that badge.
        statements: The statements.
        chart_after: How many of them come before the chart, if there is one.
        metric: The metric of the chart; empty for the first key metric.
    """

    ref: str
    title: str
    word: str
    tone: str
    statements: tuple[Statement, ...]
    chart_after: int = 0
    metric: str = ""


class Planned(NamedTuple):
    """What a report names as next.

    Attributes:
        ref: The reference of the step or experiment.
        text: Its text or title.
    """

    ref: str
    text: str


@dataclass(frozen=True, slots=True)
class Short:
    """What a report says in short.

    Attributes:
        lead: The sentences that say how much happened.
        conclusions: What was concluded, an item for each experiment that was concluded last.
        legend: What the figures of the conclusions mean, or empty.
        earlier: How many more were concluded.
        needed: What the author needs of the reader.
        risks: What the results are at risk of.
        planned: What became of what the last report named as next, if anything.
        remarks: What the report cannot say.
    """

    lead: tuple[Statement, ...]
    conclusions: tuple[Item, ...] = ()
    legend: str = ""
    earlier: int = 0
    needed: tuple[Statement, ...] = ()
    risks: tuple[Statement, ...] = ()
    planned: tuple[Statement, ...] = ()
    remarks: tuple[Statement, ...] = ()

    @property
    def statements(self) -> Iterator[Statement]:
        """All its statements."""
        yield from self.lead
        for item in self.conclusions:
            yield from item.statements
        yield from (*self.needed, *self.risks, *self.planned, *self.remarks)


@dataclass(frozen=True, slots=True)
class Report:
    """A progress report.

    Attributes:
        title: The title.
        author: The author, or empty.
        source: The repository and its commit, such as `abc/xyz@83d45cd`, or empty.
        period: The period it covers.
        made: When it was made, local time.
        log: The path of the log, as the user gave it.
        scope: The references and the match string that the report is limited to.
        counts: The numbers of the period, by name.
        short: What it says in short.
        sections: The items of each section, by the names in SECTIONS.
        planned_next: What it names as next.
        touched: The experiments with events in the period, which are listed in the appendix.
        results: The results of the steps, by experiment.
        wording: The context for wording.
        nearest: If nothing happened in the period, when the last thing before it happened, else the first one after it;
            None if nothing has a date.
    """

    title: str
    author: str
    source: str
    period: Period
    made: datetime.datetime
    log: str
    scope: tuple[str, ...]
    counts: Mapping[str, int | float | Mapping[str, int]]
    short: Short
    sections: Mapping[str, tuple[Item, ...]]
    planned_next: tuple[Planned, ...]
    touched: tuple[ExperimentActivity, ...]
    results: Mapping[str, Results]
    wording: Wording
    nearest: datetime.datetime | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing happened in the period."""
        return not self.touched and not self.counts["entries"]

    @property
    def statements(self) -> Iterator[Statement]:
        """All statements, in the order of the report."""
        yield from self.short.statements
        for items in self.sections.values():
            for item in items:
                yield from item.statements


def to_plain_text(content: Inlines) -> str:
    """Return inlines as plain text, with citations of experiments and steps in brackets."""
    return plain(tuple(_cite(inline) for inline in content))


def _cite(inline: Inline) -> Inline:
    if isinstance(inline, Small | Isolated):
        return type(inline)(tuple(map(_cite, inline.content)))
    return Text(inline.cited) if isinstance(inline, Reference) else inline
