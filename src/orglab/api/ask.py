"""The methods that answer: show, list, next, search, similar, tried, refs, resolve, history, why."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from orglab import clock
from orglab.errors import UsageError
from orglab.experiment.lookup import find_step
from orglab.experiment.model import Experiment, Step
from orglab.log.log import LogFile
from orglab.reference import Reference, find_references, parse_reference, without_letter

if TYPE_CHECKING:
    from orglab.experiment.check import Progress
    from orglab.experiment.resolved import Resolved
    from orglab.git.commit import Commit
    from orglab.git.mentions import Mention
    from orglab.history.events import Event
    from orglab.history.references import Occurrence
    from orglab.history.sources import Sources
    from orglab.history.why import Why
    from orglab.runs.record import Run
    from orglab.search.hits import SearchResult
    from orglab.search.similar.precedent import Precedent
    from orglab.search.similarity import Map

SORT_KEYS = ("log", "id", "created", "state", "title", "progress")
HITS_SHOWN = 20
"""How many hits of a search are shown where nobody says."""
KINDS = ("todo", "doing", "waiting", "done", "all")


class Shown(NamedTuple):
    """An experiment, or a step of it, and what else is known of it.

    Attributes:
        experiment: The experiment.
        step: The step, if one is meant.
        commits: The commits that its steps record, by the hashes that they record; those of them that are there.
        mentions: The commits that name it or a step of it, newest first.
        runs: Its runs and those of its steps, oldest first.
        active: The active step of this clone, or None.
    """

    experiment: Experiment
    step: Step | None
    commits: "Mapping[str, Commit]"
    mentions: "tuple[Mention, ...]"
    runs: "tuple[Run, ...]"
    active: str | None


class Listed(NamedTuple):
    """Experiments of a list.

    Attributes:
        experiments: The experiments, in the order that was asked for.
        active: The active step of this clone, or None.
    """

    experiments: list[Experiment]
    active: str | None


class OpenSteps(NamedTuple):
    """The open steps of the experiments in progress.

    Attributes:
        steps: The steps, each with its experiment; those of the active experiment first.
        active: The active step of this clone, or None.
    """

    steps: list[tuple[Experiment, Step]]
    active: str | None


class References(NamedTuple):
    """Where experiments are named.

    Attributes:
        places: Where: commits (newest first), files, the log, the journal.
        experiments: What is named there, by id and in the order of the log; None for what the log does not have.
    """

    places: "list[Occurrence]"
    experiments: Mapping[str, Experiment | None]


class Happened(NamedTuple):
    """What happened to an experiment, or a step of it.

    Attributes:
        experiment: The experiment.
        step: The step, if one is meant.
        events: What happened, oldest first.
    """

    experiment: Experiment
    step: Step | None
    events: "list[Event]"


class AskMethods(LogFile):
    """The methods of `Log` that answer."""

    def show(self, reference: str) -> Shown:
        """Return one experiment, or one step, with its commits, those that name it, and its runs.

        Raises:
            NotFoundError: There is none.
            UsageError: Two headings have this id, or it is no reference.
        """
        from orglab.runs.storage import RUNS, list_entries

        experiment, step = self._experiment_and_step(reference)
        active = self.find_active()
        if self.repository is None and not list_entries(self.top, RUNS):
            # Nothing else can be known, and to load what would ask costs more than to read the log.
            return Shown(experiment, step, {}, (), (), active)
        linked = self._sources().find_commits_and_runs(experiment, step)
        return Shown(experiment, step, linked.commits, linked.mentions, linked.runs, active)

    def list_experiments(
        self,
        match: str | None = None,
        *,
        kinds: Iterable[str] = (),
        since: str | None = None,
        tags: Iterable[str] = (),
        sort: str = "log",
    ) -> Listed:
        """Return experiments, chosen and sorted.

        Args:
            match: An Org match string over headings; all if None.
            kinds: Of KINDS: the kinds of state; all if there are none.
            since: The first day on which they were created, as people write it.
            tags: What all of them carry.
            sort: Of SORT_KEYS; with `-` before it turned around.

        Raises:
            MatchSyntaxError: The match string cannot be read.
            UsageError: There is no such order, or `since` is no date.
        """
        chosen = _choose(self.select(match), set(kinds), since, [tag.strip(":") for tag in tags])
        return Listed(sort_experiments(chosen, sort), self.find_active())

    def open_steps(self) -> OpenSteps:
        """Return the open steps of the experiments in progress, those of the active experiment first."""
        active = self.find_active()
        in_progress = [one for one in self.experiments() if one.kind == "doing"]
        in_progress.sort(key=lambda one: not is_active(one, active))
        return OpenSteps([(one, step) for one in in_progress for step in one.steps if step.state != "done"], active)

    def find_line(self, reference: str) -> int:
        """Return the 1-based line of an experiment's heading, or of a step.

        Raises:
            NotFoundError: There is none.
        """
        experiment, step = self._experiment_and_step(reference)
        return experiment.line if step is None else step.line

    def complete_reference(self, begun: str) -> list[tuple[str, str]]:
        """Return the references that begin with what is typed, and what each is: steps once there is a dot."""
        found: list[tuple[str, str]] = []
        for experiment in self.experiments():
            name = experiment.ref if begun.startswith(self.config.letter) else experiment.id
            if begun.startswith(f"{name}."):
                found += [(f"{name}.{step.number}", step.text) for step in experiment.steps]
            else:
                found.append((name, experiment.title))
        return [one for one in found if one[0].startswith(begun)]

    def complete_keyword(self, begun: str) -> list[str]:
        """Return the TODO keywords of the log that begin with what is typed."""
        return [name for name in self.document().settings.keywords if name.startswith(begun)]

    def search(self, text: str, *, limit: int = HITS_SHOWN, progress: "Progress | None" = None) -> "SearchResult":
        """Return what a query finds in the log, its journal and the messages of commits; see `search.search`."""
        from orglab.search.search import search_log

        return search_log(self, text, limit=limit, progress=progress)

    def similar(self, text: str, *, progress: "Progress | None" = None) -> "list[Precedent]":
        """Return the experiments that tried the same idea, the surest first; none if none is sure enough.

        Args:
            text: The idea in words, or the reference of an experiment.
            progress: Told how many experiments are read, of how many.

        Raises:
            NotFoundError: The text is a reference, and there is no such experiment.
        """
        from orglab.search.similarity import find_precedents

        return find_precedents(self, text, progress=progress)

    def similar_to_new(
        self, title: str, description: str = "", steps: Sequence[str] = (), *, progress: "Progress | None" = None
    ) -> "list[Precedent]":
        """Return the experiments that tried the idea of one that is not in the log yet; see `similar`."""
        from orglab.search.similar.features import ExperimentText
        from orglab.search.similarity import find_precedents_for_new

        return find_precedents_for_new(self, ExperimentText(title, description, tuple(steps)), progress=progress)

    def tried(self, match: str | None = None, tags: Iterable[str] = ()) -> "Map":
        """Return what was tried, by topic.

        Args:
            match: An Org match string; only what it selects.
            tags: Only what carries all of them.
        """
        from orglab.search.similarity import make_map

        return make_map(self, match, [tag.strip(":") for tag in tags])

    def refs(self, reference: str | None = None) -> References:
        """Return where an experiment or step, or everything, is named: commits, files, the log, the journal.

        Raises:
            NotFoundError: There is no such experiment.
            GitError: git refuses.
        """
        from orglab.history.references import find_occurrences

        sources, wanted = self._sources(), None
        if reference is not None:
            # The id as the log has it; whoever asks for a step that is not there may look for what names it.
            wanted = Reference(self.experiment(reference).id, parse_reference(reference).step)
        places = [*find_occurrences(sources, wanted)]
        order = {name: number for number, name in enumerate(sources.experiments)}
        named = {place.reference.id: sources.find(place.reference) for place in places}
        ids = sorted(named, key=lambda name: (order.get(name, len(order)), len(name), name))
        return References(places, {name: named[name] for name in ids})

    def resolve(self, text: str) -> "list[Resolved]":
        """Return what the references in a text are, each once; a text that is itself a reference is one.

        Args:
            text: Any text.
        """
        from orglab.history.references import resolve_reference, resolve_text

        sources, letter = self._sources(), self.config.letter
        encoded = text.encode("utf-8", "surrogateescape")
        if any(True for _ in find_references(encoded, letter)):
            return list({one.spelled: one for one in resolve_text(sources, encoded)}.values())
        try:
            reference = parse_reference(text)
        except UsageError:
            return []
        name = reference.id if reference.id in sources.experiments else without_letter(reference.id, letter)
        return [resolve_reference(sources, Reference(name, reference.step))]

    def resolve_lines(self, lines: Iterable[bytes]) -> "Iterator[tuple[bytes, list[Resolved]]]":
        """Yield lines as they come, each with what the references in it are, in its order."""
        from orglab.history.references import resolve_text

        sources = self._sources()
        for line in lines:
            yield line, [*resolve_text(sources, line)]

    def history(self, reference: str) -> Happened:
        """Return all that happened to an experiment or a step, oldest first.

        Raises:
            NotFoundError: There is none.
            GitError: git refuses.
        """
        from orglab.history.events import concerns, read_events

        experiment, step = self._experiment_and_step(reference)
        wanted = Reference(experiment.id, step.number if step is not None else None)
        (events,) = read_events(self._sources(), [experiment])
        return Happened(experiment, step, [one for one in events if concerns(one, wanted, self.config.letter)])

    def why(self, what: str, folder: Path = Path()) -> "Why":
        """Return where a commit, a file or a line of a file comes from; see `history.why`."""
        from orglab.history.why import find_why

        return find_why(self, what, folder)

    def _sources(self) -> "Sources":
        from orglab.history.sources import Sources

        return Sources(self)

    def _experiment_and_step(self, reference: str) -> tuple[Experiment, Step | None]:
        experiment, parsed = self.experiment(reference), parse_reference(reference)
        return experiment, find_step(experiment, parsed) if parsed.step is not None else None


def is_active(experiment: Experiment, active: str | None) -> bool:
    """Return whether an experiment, or a step of it, is the active one."""
    return active is not None and f"{active}.".startswith(f"{experiment.ref}.")


def _choose(found: list[Experiment], kinds: set[str], since: str | None, tags: Sequence[str]) -> list[Experiment]:
    """Return those experiments that have the kinds and tags that are wanted, and are not older."""
    if kinds and "all" not in kinds:
        kinds |= {"dropped"} if "done" in kinds else set()
        found = [one for one in found if one.kind in kinds]
    if since is not None:
        first = clock.parse_since(since, clock.now().date())
        found = [one for one in found if one.created is not None and one.created.when.date() >= first]
    return [one for one in found if all(tag in one.tags for tag in tags)]


def sort_experiments(found: list[Experiment], key: str) -> list[Experiment]:
    """Return experiments sorted by one of SORT_KEYS; `-` before it turns the order around.

    Raises:
        UsageError: There is no such key.
    """
    name = key.removeprefix("-")
    if name not in SORT_KEYS:
        raise UsageError(f"There is no order {key!r}; there is {', '.join(SORT_KEYS)}, each with - before it too.")
    if name != "log":
        found = sorted(found, key=_SORTS[name])
    return found[::-1] if key.startswith("-") else found


_SORTS: dict[str, Callable[[Experiment], tuple[object, ...]]] = {
    # As numbers where they are numbers, of any length.
    "id": lambda one: (not one.id.isdecimal(), len(one.id.lstrip("0")) * one.id.isdecimal(), one.id.lstrip("0")),
    "created": lambda one: (one.created is None, one.created.when if one.created else None),
    "state": lambda one: (one.state_number,),
    "title": lambda one: (one.title.casefold(),),
    "progress": lambda one: (one.progress.done / max(1, one.progress.total),),
}
