"""What the store of a tracker has: experiments, and runs that have ended or may go on."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from orglab.experiment.escape import escape_title
from orglab.runs.description import parameter_text
from orglab.runs.parameters.arguments import Value
from orglab.runs.sources.tracked_run import TrackedRun
from orglab.text import cut

MOST_RUNS = 10_000
"""How many runs of a store are read."""
_MOST = 20  # tags or parameters in a note
_TAG = 100  # characters of a tag
_NOTES = 4000  # characters of a description


class StoredRun(NamedTuple):
    """A run in the store of a tracker.

    Attributes:
        tracker: The name of the tracker, such as `mlflow`.
        id: The id of the run there.
        name: Its name; empty if it has none.
        status: `done`, `failed`, `killed`, or `running` if it has no end.
        began: When it began, in seconds since 1970.
        ended: When it ended; None if that is not known.
        exit_code: Its exit code; None if that is not known.
        argv: Its command, as far as it is known.
        commit: The full hash of the commit that it ran on; None if that is not known.
        notes: What was written about it.
        tags: Its tags.
        parameters: Its parameters.
        seen: When it last showed signs of life, in seconds since 1970.
        find_metrics: Returns its metrics.
    """

    tracker: str
    id: str
    name: str
    status: str
    began: float
    ended: float | None
    exit_code: int | None = None
    argv: tuple[str, ...] = ()
    commit: str | None = None
    notes: str = ""
    tags: tuple[str, ...] = ()
    parameters: Mapping[str, Value] = {}
    seen: float = 0.0
    find_metrics: Callable[[], list[TrackedRun]] = list

    def describe(self, title: str, parameters: Mapping[str, Value]) -> str:
        """Return what the note of the run says besides its command and its metrics.

        Args:
            title: What the tracker is called.
            parameters: Its parameters, without secrets.
        """
        first = f"{title} run {self.name or self.id}"
        notes = cut(self.notes.strip(), _NOTES)
        given = [f"{' '.join(name.split())}={parameter_text(value)}" for name, value in parameters.items()]
        lines = (f"{first}: {notes}" if notes else first, _describe_list("parameters", given), describe_tags(self.tags))
        return "\n".join(filter(None, lines))


def describe_tags(tags: Sequence[str]) -> str:
    """Return tags as a line of text; empty if there are none."""
    return _describe_list("tags", [cut(" ".join(tag.split()), _TAG) for tag in tags])


def _describe_list(what: str, texts: Sequence[str]) -> str:
    rest = f", and {len(texts) - _MOST} more" if len(texts) > _MOST else ""
    return f"{what}: {', '.join(texts[:_MOST])}{rest}" if texts else ""


class StoredExperiment(NamedTuple):
    """An experiment in the store of a tracker, or a project.

    Attributes:
        tracker: The name of the tracker.
        name: Its name.
        description: What was written about it.
        created: When it was created, in seconds since 1970; None if that is not known.
        runs: Its runs, oldest first.
        own: How many other runs it has that orglab recorded itself.
        id: What tells it apart from others of the tracker; empty if its name does.
    """

    tracker: str
    name: str
    description: str
    created: float | None
    runs: tuple[StoredRun, ...]
    own: int = 0
    id: str = ""

    @property
    def key(self) -> str:
        """What tells it apart from others in the log."""
        return escape_title(f"{self.tracker}: {self.id or self.name}")
