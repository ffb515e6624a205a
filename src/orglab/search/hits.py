"""What a search finds, as values that can be shown."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from orglab.search.passages import Passage


class FoundExperiment(NamedTuple):
    """An experiment; each attribute is the one that an experiment has."""

    id: str
    ref: str
    title: str
    state: str | None
    kind: str | None
    is_done: bool
    tags: tuple[str, ...]
    created: str | None
    verdict: str | None


class FoundCommit(NamedTuple):
    """A commit; each attribute is the one that a commit has."""

    hash: str
    short: str
    author: str
    authored: int
    message: str

    @property
    def at(self) -> str:
        """When it was written, as ISO 8601 has it, in local time."""
        return datetime.datetime.fromtimestamp(self.authored).isoformat()  # noqa: DTZ006 - the log holds local times


class FoundEntry(NamedTuple):
    """An entry of the journal; each attribute is the one that an entry has, references as users write them."""

    at: str | None
    title: str
    text: str
    line: int
    references: tuple[str, ...]


Shown: TypeAlias = FoundExperiment | FoundCommit | FoundEntry


@dataclass(slots=True)
class Hit:
    """A document that a query means.

    Attributes:
        kind: `experiment`, `commit` or `journal`.
        found: The experiment, the commit or the entry.
        line: The line of the experiment's heading or the entry's, or None.
        passages: Where the query was found in it.
    """

    kind: str
    found: Shown
    line: int | None
    passages: "list[Passage]" = field(default_factory=list)

    @property
    def at(self) -> str | None:
        """When the experiment was created, the commit written, the entry made, as ISO 8601 has it, if that is known."""
        return self.found.created if isinstance(self.found, FoundExperiment) else self.found.at

    @property
    def form(self) -> Mapping[str, Any]:
        """What was found, by the names of its attributes."""
        return self.found._asdict()


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What a query found.

    Attributes:
        hits: The best hits.
        count: How many there are in all.
        has_all: Whether they have all of the words; if not, some.
    """

    hits: list[Hit]
    count: int
    has_all: bool
