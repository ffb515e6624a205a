"""The statements of a report before layout, with their evidence, by section and experiment."""

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from orglab.report.blocks import Blocks, Inlines, Reference, Text, plain
from orglab.report.content.evidence import Claim
from orglab.report.content.facts import ExperimentActivity, Period
from orglab.report.content.wording import Wording
from orglab.runs.step_results import Results

# In the order of the reader's questions: what came out, what was decided, what failed, what is going on, what is next.
SECTIONS = {
    "learned": "What was learned",
    "decisions": "Decisions and reversals",
    "dead_ends": "Dead ends",
    "under_way": "Under way",
    "next": "Next",
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
    """

    ref: str
    title: str
    word: str
    tone: str
    statements: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """A progress report.

    Attributes:
        title: The title.
        period: The period it covers.
        made: When it was made, local time.
        log: The path of the log, as the user gave it.
        scope: The references and the match string that the report is limited to.
        counts: The numbers in the summary, by name.
        summary: The statements of the summary.
        sections: The items of each section, by the names in SECTIONS.
        touched: The experiments with events in the period, which are listed in the appendix.
        results: The results of the steps, by experiment.
        wording: The context for wording.
    """

    title: str
    period: Period
    made: datetime.datetime
    log: str
    scope: tuple[str, ...]
    counts: Mapping[str, int | float | Mapping[str, int]]
    summary: tuple[Statement, ...]
    sections: Mapping[str, tuple[Item, ...]]
    touched: tuple[ExperimentActivity, ...]
    results: Mapping[str, Results]
    wording: Wording

    @property
    def statements(self) -> Iterator[Statement]:
        """All statements, in the order of the report."""
        yield from self.summary
        for items in self.sections.values():
            for item in items:
                yield from item.statements


def to_plain_text(content: Inlines) -> str:
    """Return inlines as plain text, with citations of experiments and steps in brackets."""
    return plain(tuple(Text(inline.cited) if isinstance(inline, Reference) else inline for inline in content))
