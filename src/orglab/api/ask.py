"""The reading methods of `Log`: show, list, search, references, history and others."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from orglab import clock
from orglab.errors import NotFoundError, UsageError
from orglab.experiment.author import check_author
from orglab.experiment.lookup import find_step, is_active
from orglab.experiment.model import Experiment, Step
from orglab.log.log import LogFile
from orglab.reference import Reference, find_references, parse_reference, without_letter

if TYPE_CHECKING:
    from orglab.api.concluded_result import ConcludedResult
    from orglab.experiment.check import Progress
    from orglab.experiment.journal import Entry
    from orglab.experiment.resolved import Resolved
    from orglab.git.commit import Commit
    from orglab.git.mentions import Mention
    from orglab.history.events import Event
    from orglab.history.linked_commits import LinkedCommit
    from orglab.history.references import Occurrence
    from orglab.history.sources import Sources
    from orglab.history.why import Why
    from orglab.report.brief.brief import Brief
    from orglab.report.overview import Overview
    from orglab.runs.record import Run
    from orglab.runs.run_table import RunTable
    from orglab.runs.setting import Summary
    from orglab.runs.step_results import Results
    from orglab.search.hits import SearchResult
    from orglab.search.similar.precedent import Precedent
    from orglab.search.similarity import Map

SORT_KEYS = ("log", "id", "created", "state", "title", "progress", "verdict")
HITS_SHOWN = 20
"""The number of hits that a search shows by default."""
KINDS = ("todo", "doing", "waiting", "done", "all")


class Shown(NamedTuple):
    """An experiment or a step, with its commits and runs.

    Attributes:
        experiment: The experiment.
        step: The step; None if the whole experiment is shown.
        commits: The recorded commits that exist in this clone, by the recorded hash.
        mentions: The commits that name the experiment or a step of it, newest first.
        runs: The runs of the experiment and its steps, oldest first.
        results: The results by step and setting; None without runs.
        table: The table of the runs; None without runs.
        active: The active step of this clone, or None.
    """

    experiment: Experiment
    step: Step | None
    commits: "Mapping[str, Commit]"
    mentions: "tuple[Mention, ...]"
    runs: "tuple[Run, ...]"
    results: "Results | None"
    table: "RunTable | None"
    active: str | None


class Listed(NamedTuple):
    """A list of experiments.

    Attributes:
        experiments: The experiments, in the requested order.
        active: The active step of this clone, or None.
        metric: The metric that they are sorted by, or None.
        summaries: The best mean of that metric among the settings of each experiment, by its reference.
    """

    experiments: list[Experiment]
    active: str | None
    metric: str | None = None
    summaries: "Mapping[str, Summary]" = MappingProxyType({})


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
        places: The places: commits (newest first), files, the log, the journal.
        experiments: The named experiments by id, in the order of the log; None for an unknown id.
    """

    places: "list[Occurrence]"
    experiments: Mapping[str, Experiment | None]


class History(NamedTuple):
    """The history of an experiment or a step.

    Attributes:
        experiment: The experiment.
        step: The step; None for the history of the whole experiment.
        events: The events, oldest first.
    """

    experiment: Experiment
    step: Step | None
    events: "list[Event]"


class AskMethods(LogFile):
    """The reading methods of `Log`."""

    def show(self, reference: str) -> Shown:
        """Return an experiment or a step, with its recorded commits, the commits that name it, and its runs.

        Args:
            reference: The experiment, such as `201`, or the step, such as `201.1`.

        Raises:
            NotFoundError: There is no such experiment or step.
            UsageError: `reference` is not a reference, or two headings have this id.
        """
        from orglab.runs.storage import RUNS, list_entries

        experiment, step = self._experiment_and_step(reference)
        active = self.find_active()
        if self.repository is None and not list_entries(self.top, RUNS):
            # There can be no commits and runs, and loading the modules takes longer than reading the log.
            return Shown(experiment, step, {}, (), (), None, None, active)
        sources = self._sources()
        linked = sources.find_commits_and_runs(experiment, step)
        if not linked.runs:
            return Shown(experiment, step, linked.commits, linked.mentions, (), None, None, active)
        from orglab.api.concluded_result import read_concluded_results
        from orglab.runs.run_table import TableRequest, make_table

        # The results of a step are compared with those of the others.
        results = read_concluded_results(sources, experiment, is_alone=True)
        table = make_table(linked.runs, TableRequest(every=True, first=results.metrics), self.config.metrics)
        return Shown(experiment, step, linked.commits, linked.mentions, linked.runs, results, table, active)

    def list_experiments(
        self,
        match: str | None = None,
        *,
        kinds: Iterable[str] = (),
        since: str | None = None,
        tags: Iterable[str] = (),
        sort: str = "log",
        by: str | None = None,
    ) -> Listed:
        """Return the selected experiments, sorted; those that are archived only if `match` names the tag ARCHIVE.

        Args:
            match: An Org match string, such as `exp+nlp/!TODO`; all experiments if None.
            kinds: The kinds of state to include: `todo`, `doing`, `waiting`, `done`; all if empty.
            since: The earliest day of creation: `2026-06-01`, `2w`, `monday`, `last week`.
            tags: Tags that each experiment must have.
            sort: `log`, the order of the file; `id`, `created`, `state`, `title`, `progress` or `verdict`; or a metric.
                A `-` before it reverses the order.
            by: The author of a note, a conclusion or a run that each experiment must have.

        Raises:
            MatchSyntaxError: The match string is not valid.
            UsageError: The sort key is unknown, `since` is not a date, or `by` cannot be the name of an author.
        """
        selected = _filter(self.select(match, agenda=True), set(kinds), since, [tag.strip(":") for tag in tags])
        if by is not None:
            selected = self._select_by(selected, check_author(by).casefold())
        if sort.removeprefix("-") in SORT_KEYS:
            return Listed(sort_experiments(selected, sort), self.find_active())
        return self._sort_by_metric(selected, sort)

    def _select_by(self, experiments: list[Experiment], author: str) -> list[Experiment]:
        """Return the experiments with a note, a conclusion or a run by an author, whose name is case-folded."""
        sources = self._sources()
        made = {
            run.ref.partition(".")[0] for run in sources.runs if run.ref and (run.author or "").casefold() == author
        }

        def is_by(experiment: Experiment) -> bool:
            # Most experiments do not have the name, and need not be parsed.
            text = experiment.document.text[experiment.begin : experiment.end].decode("utf-8", "replace").casefold()
            return author in text and author in {name.casefold() for name in list_authors(experiment)}

        return [one for one in experiments if one.ref in made or is_by(one)]

    def _sort_by_metric(self, experiments: list[Experiment], sort: str) -> Listed:
        """Return experiments sorted by the best mean of a metric; those without come last."""
        metric, sources = sort.removeprefix("-"), self._sources()
        known = {name for run in sources.runs for name in run.metrics}
        if metric not in known:
            metrics = f", or a metric: {', '.join(sorted(known)[:20])}" if known else ""
            raise UsageError(
                f"Unknown sort key {sort!r}; use one of {', '.join(SORT_KEYS)}{metrics} (prefix - to reverse)."
            )
        settings = sources.read_log_settings()
        found = ((one.ref, settings.summarize(one, metric)) for one in experiments)
        summaries = {ref: summary for ref, summary in found if summary is not None}
        measured = sorted(
            (one for one in experiments if one.ref in summaries),
            key=lambda one: summaries[one.ref].mean or 0.0,
            reverse=sort.startswith("-"),
        )
        others = [one for one in experiments if one.ref not in summaries]
        return Listed([*measured, *others], self.find_active(), metric, summaries)

    def open_steps(self) -> OpenSteps:
        """Return the open steps of the experiments in progress, those of the active experiment first."""
        active = self.find_active()
        in_progress = [one for one in self.select(agenda=True) if one.kind == "doing"]
        in_progress.sort(key=lambda one: not is_active(one, active))
        return OpenSteps([(one, step) for one in in_progress for step in one.steps if step.state != "done"], active)

    def brief(self, tokens: int = 1500, *, progress: "Progress | None" = None) -> "Brief":
        """Return what to know before work begins: what is active, best, tried in vain, concluded and waiting.

        `report.brief.brief_text.write_text` returns it as text.

        Args:
            tokens: How many tokens it may take when it is written; three bytes count as one.
            progress: Called with the number of experiments that are read, and their total.

        Raises:
            UsageError: There are too few tokens.
        """
        from orglab.report.brief.gathering import make_brief

        return make_brief(self, tokens, progress)

    def overview(self, most: int = 12) -> "Overview":
        """Return what is in progress, what waits, what was concluded last, and what runs.

        Args:
            most: How many experiments each part has at most.
        """
        from orglab.report.overview import read_overview

        return read_overview(self._sources(), most)

    def journal_entries(self) -> "list[Entry]":
        """Return the entries of the journal, in the order of its file; none if there is no journal."""
        return self._sources().entries

    def linked_commits(self, names: Iterable[str]) -> "dict[str, LinkedCommit]":
        """Return commits with their web pages, by the hashes in the log; those that are not in this clone are left out.

        Args:
            names: Hashes, full or abbreviated.
        """
        from orglab.history.linked_commits import find_linked_commits

        return find_linked_commits(self._sources(), names)

    def find_line(self, reference: str) -> int:
        """Return the 1-based line of an experiment's heading, or of a step.

        Raises:
            NotFoundError: There is no such experiment or step.
        """
        experiment, step = self._experiment_and_step(reference)
        return experiment.line if step is None else step.line

    def find_reference(self, line: int) -> str:
        """Return the reference of the step that a line of the log belongs to, or else of the experiment.

        Args:
            line: The 1-based line.

        Raises:
            NotFoundError: The line is not in an experiment.
        """
        document = self.document()
        for experiment in self.read_experiments(document):
            first = experiment.line
            if first <= line <= first + document.text.count(b"\n", experiment.begin, experiment.end - 1):
                text = experiment.document.text
                steps = (
                    step.ref
                    for step in experiment.steps
                    if step.line <= line <= step.line + text.count(b"\n", step.item.begin, step.item.end - 1)
                )
                return next(steps, experiment.ref)
        raise NotFoundError(f"Line {line} of {self.path} is not in an experiment.")

    def complete_reference(self, begun: str) -> list[tuple[str, str]]:
        """Return the references that begin with `begun`, each with its title or text; after a dot, those of steps."""
        candidates: list[tuple[str, str]] = []
        for experiment in self.experiments():
            name = experiment.ref if begun.startswith(self.config.letter) else experiment.id
            if begun.startswith(f"{name}."):
                candidates += [(f"{name}.{step.number}", step.text) for step in experiment.steps]
            else:
                candidates.append((name, experiment.title))
        return [candidate for candidate in candidates if candidate[0].startswith(begun)]

    def complete_keyword(self, begun: str) -> list[str]:
        """Return the TODO keywords of the log that begin with `begun`."""
        return [name for name in self.document().settings.keywords if name.startswith(begun)]

    def search(self, text: str, *, limit: int = HITS_SHOWN, progress: "Progress | None" = None) -> "SearchResult":
        """Search the log, the journal and commit messages, and return what contains all words, best first.

        Args:
            text: The words, in any order and inflection. `"..."` keeps words together, `-WORD` excludes a word, `WOR*`
                is a prefix; `tag:nlp`, `state:DONE`, `verdict:refuted`, `since:2026-01-01` and `in:conclusion` narrow
                the search.
            limit: The most hits to return.
            progress: Called with the number of experiments that are indexed, and their total.
        """
        from orglab.search.search import search_log

        return search_log(self, text, limit=limit, progress=progress)

    def similar(self, text: str, *, progress: "Progress | None" = None) -> "list[Precedent]":
        """Return the three experiments that are closest to an idea, the closest first; `is_sure` says which tried it.

        Args:
            text: The idea in words, or the reference of an experiment.
            progress: Called with the number of experiments that are read, and their total.

        Raises:
            NotFoundError: The text is a reference to an unknown experiment.
        """
        from orglab.search.similarity import find_precedents

        return find_precedents(self, text, progress=progress)

    def similar_to_new(
        self, title: str, description: str = "", steps: Sequence[str] = (), *, progress: "Progress | None" = None
    ) -> "list[Precedent]":
        """Return the experiments that surely tried the idea of one that is not in the log yet, the closest first."""
        from orglab.search.similar.features import ExperimentText
        from orglab.search.similarity import find_sure_precedents

        return find_sure_precedents(self, ExperimentText(title, description, tuple(steps)), progress=progress)

    def results(self, references: Iterable[str]) -> "dict[str, Results]":
        """Return the results of some experiments by their references; those without runs are left out.

        Raises:
            NotFoundError: There is no such experiment.
        """
        from orglab.runs.storage import RUNS, list_entries

        if not list_entries(self.top, RUNS):
            return {}
        from orglab.api.concluded_result import read_concluded_results

        sources = self._sources()
        found = {}
        for experiment in map(self.experiment, references):
            if sources.find_runs(experiment):
                found[experiment.ref] = read_concluded_results(sources, experiment, is_alone=True)
        return found

    def find_concluded_result(self, reference: str) -> "ConcludedResult | None":
        """Return where the result of an experiment stands that its conclusion is about; see `api.concluded_result`.

        It is None if there is no number.

        Raises:
            NotFoundError: There is no such experiment.
        """
        from orglab.runs.storage import RUNS, list_entries

        if not list_entries(self.top, RUNS):
            return None
        from orglab.api.concluded_result import find_concluded_result

        sources = self._sources()
        return find_concluded_result(sources, self.experiment(reference))

    def tried(self, match: str | None = None, tags: Iterable[str] = ()) -> "Map":
        """Return an overview of what was tried, by topic.

        Args:
            match: An Org match string that selects experiments; all if None.
            tags: Tags that each experiment must have.
        """
        from orglab.search.similarity import make_map

        return make_map(self, match, [tag.strip(":") for tag in tags])

    def refs(self, reference: str | None = None) -> References:
        """Return where an experiment or step is named, or all references: commits, files, the log, the journal.

        Raises:
            NotFoundError: There is no such experiment.
            GitError: git fails.
        """
        from orglab.history.references import find_occurrences

        sources, target = self._sources(), None
        if reference is not None:
            # The id as the log has it.  The step may be missing: what refers to it can still be found.
            target = Reference(self.experiment(reference).id, parse_reference(reference).step)
        places = [*find_occurrences(sources, target)]
        order = {name: number for number, name in enumerate(sources.experiments)}
        named = {place.reference.id: sources.find(place.reference) for place in places}
        ids = sorted(named, key=lambda name: (order.get(name, len(order)), len(name), name))
        return References(places, {name: named[name] for name in ids})

    def resolve(self, text: str) -> "list[Resolved]":
        """Look up the references in a text, each once; the text may also be a bare reference such as `201`."""
        from orglab.history.references import resolve_reference, resolve_text

        sources, letter = self._sources(), self.config.letter
        encoded = text.encode("utf-8", "surrogateescape")
        if any(True for _ in find_references(encoded, letter)):
            return list({resolved.spelled: resolved for resolved in resolve_text(sources, encoded)}.values())
        try:
            reference = parse_reference(text)
        except UsageError:
            return []
        name = reference.id if reference.id in sources.experiments else without_letter(reference.id, letter)
        return [resolve_reference(sources, Reference(name, reference.step))]

    def resolve_lines(self, lines: Iterable[bytes]) -> "Iterator[tuple[bytes, list[Resolved]]]":
        """Yield each line as soon as it is read, with the references in it looked up, in their order."""
        from orglab.history.references import resolve_text

        sources = self._sources()
        for line in lines:
            yield line, [*resolve_text(sources, line)]

    def history(self, reference: str) -> History:
        """Return the history of an experiment or a step, oldest event first.

        Args:
            reference: The experiment, such as `201`, or the step, such as `201.1`.

        Raises:
            NotFoundError: There is no such experiment or step.
            GitError: git fails.
        """
        from orglab.history.events import concerns, read_events

        experiment, step = self._experiment_and_step(reference)
        target = Reference(experiment.id, step.number if step is not None else None)
        (events,) = read_events(self._sources(), [experiment])
        return History(experiment, step, [event for event in events if concerns(event, target, self.config.letter)])

    def why(self, what: str, folder: Path = Path()) -> "Why":
        """Return why a commit, a file, a line of a file or a run exists: its step, its experiment and their reason.

        Args:
            what: A revision, a path, a path and a line such as `train.py:12`, or the id of a run.
            folder: The base of relative paths.

        Raises:
            NotFoundError: It is none of these.
            UsageError: Several runs have the id.
            GitError: git fails.
        """
        from orglab.history.why import find_why

        return find_why(self, what, folder)

    def _sources(self) -> "Sources":
        from orglab.history.sources import Sources

        return Sources(self)

    def _experiment_and_step(self, reference: str) -> tuple[Experiment, Step | None]:
        experiment, parsed = self.experiment(reference), parse_reference(reference)
        return experiment, find_step(experiment, parsed) if parsed.step is not None else None


def list_authors(experiment: Experiment) -> list[str]:
    """Return the authors of the notes and the conclusions of an experiment."""
    conclusion = experiment.conclusion
    notes = (note.author for note in experiment.all_notes)
    names = (*notes, *(entry.author for entry in conclusion.entries), conclusion.author)
    return [name for name in names if name is not None]


def _filter(experiments: list[Experiment], kinds: set[str], since: str | None, tags: Sequence[str]) -> list[Experiment]:
    """Return the experiments with one of the kinds and all of the tags, created since a day."""
    if kinds and "all" not in kinds:
        kinds |= {"dropped"} if "done" in kinds else set()
        experiments = [one for one in experiments if one.kind in kinds]
    if since is not None:
        first = clock.parse_since(since, clock.now().date())
        experiments = [one for one in experiments if one.created is not None and one.created.when.date() >= first]
    return [one for one in experiments if all(tag in one.tags for tag in tags)]


def sort_experiments(experiments: list[Experiment], key: str) -> list[Experiment]:
    """Return experiments sorted by one of SORT_KEYS; a `-` before it reverses the order.

    Raises:
        UsageError: The key is unknown.
    """
    name = key.removeprefix("-")
    if name not in SORT_KEYS:
        raise UsageError(f"Unknown sort key {key!r}; use one of {', '.join(SORT_KEYS)} (prefix - to reverse).")
    if name != "log":
        experiments = sorted(experiments, key=_SORTS[name])
    return experiments[::-1] if key.startswith("-") else experiments


_VERDICT_ORDER = {"supported": 0, "inconclusive": 1, "refuted": 2}
_SORTS: dict[str, Callable[[Experiment], tuple[object, ...]]] = {
    # Numeric ids are sorted by value, whatever their length.
    "id": lambda one: (not one.id.isdecimal(), len(one.id.lstrip("0")) * one.id.isdecimal(), one.id.lstrip("0")),
    "created": lambda one: (one.created is None, one.created.when if one.created else None),
    "state": lambda one: (one.state_number,),
    "title": lambda one: (one.title.casefold(),),
    "verdict": lambda one: (
        _VERDICT_ORDER.get(one.verdict or "", 3) if one.is_done and one.verdict else 4,
        one.verdict or "",
    ),
    "progress": lambda one: (one.progress.done / max(1, one.progress.total),),
}
