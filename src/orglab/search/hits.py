"""The results of a search."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from orglab.search.passages import Passage


class FoundExperiment(NamedTuple):
    """The fields of an experiment that a hit shows, named as in `Experiment`."""

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
    """The fields of a commit that a hit shows, named as in `Commit`."""

    hash: str
    short: str
    author: str
    authored: int
    message: str

    @property
    def at(self) -> str:
        """The author date in ISO 8601, in local time."""
        return datetime.datetime.fromtimestamp(self.authored).isoformat()  # noqa: DTZ006 - the log holds local times


class FoundEntry(NamedTuple):
    """The fields of a journal entry that a hit shows, with references as users write them."""

    at: str | None
    title: str
    text: str
    line: int
    references: tuple[str, ...]


Shown: TypeAlias = FoundExperiment | FoundCommit | FoundEntry


@dataclass(slots=True)
class Hit:
    """A document that matches a query.

    Attributes:
        kind: `experiment`, `commit` or `journal`.
        found: The experiment, commit or journal entry.
        line: The line of the heading of the experiment or entry, or None.
        passages: The passages that match the query.
        is_archived: Whether the experiment is in the archive, and so is the line.
    """

    kind: str
    found: Shown
    line: int | None
    passages: "list[Passage]" = field(default_factory=list)
    is_archived: bool = False

    @property
    def at(self) -> str | None:
        """The date of the experiment's creation, the commit or the journal entry in ISO 8601, or None if unknown."""
        return self.found.created if isinstance(self.found, FoundExperiment) else self.found.at

    @property
    def form(self) -> Mapping[str, Any]:
        """The attributes of `found` by name."""
        return self.found._asdict()


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The result of a search.

    Attributes:
        hits: The best hits.
        count: The number of all hits.
        has_all: Whether the hits contain all words of the query, rather than some.
    """

    hits: list[Hit]
    count: int
    has_all: bool
