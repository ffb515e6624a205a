"""What a report says, before it is laid out: statements with their evidence, by experiment and by section."""

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from orglab.report.blocks import Blocks, Inlines, Reference, Text, plain
from orglab.report.content.evidence import Claim
from orglab.report.content.facts import ExperimentActivity, Period
from orglab.report.content.wording import Wording
from orglab.runs.statistics import Results

# In this order, as the reader asks: what came of it, what was decided, what failed, what goes on, what comes.
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
        content: The sentence, its citations in it.
        claims: The facts that it rests on.
        quote: What it quotes below, if that does not fit into a sentence, or a table.
        source: The text that it quotes, as it stands in the log; empty for a table.
    """

    content: Inlines
    claims: tuple[Claim, ...]
    quote: Blocks = ()
    source: str = ""

    @property
    def text(self) -> str:
        """The sentence as plain text, citations in brackets."""
        return spelled(self.content)


@dataclass(frozen=True, slots=True)
class Item:
    """What a section says of one experiment.

    Attributes:
        ref: The experiment; empty for what is of none.
        title: Its title.
        word: Its verdict or state, to stand out; or empty.
        tone: The tone of that word, as a Badge has it.
        statements: What is said.
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
        title: Its title.
        period: What time it is about.
        made: When it was made, local time.
        log: The log's file, as its user knows it.
        scope: The references and the match string that it was narrowed to, as the user wrote them.
        counts: The numbers of the summary, by name.
        summary: What it says first.
        sections: What it says of each experiment, by the names of SECTIONS.
        touched: The experiments of the appendix: those to which something happened in the period.
        results: What came out of the steps, by experiment.
        wording: What it is put into words with.
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


def spelled(content: Inlines) -> str:
    """Return inlines as plain text, citations of the log in brackets as people write them."""
    return plain(tuple(Text(one.cited) if isinstance(one, Reference) else one for one in content))
