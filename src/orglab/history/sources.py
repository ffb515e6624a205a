"""What git, the journal and the runs know of the experiments of one log."""

import datetime
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Generic, NamedTuple, TypeVar

from orglab.errors import GitError, OrglabError
from orglab.experiment.ids import list_ids, read_aliases
from orglab.experiment.journal import Entry, read_entries
from orglab.experiment.lookup import find_nearest_ids, find_renumbered
from orglab.experiment.model import Experiment, Step
from orglab.git import Repository, is_installed
from orglab.git.commit import Commit, read_commits, read_commits_by_hash
from orglab.git.mentions import Mention
from orglab.log import file
from orglab.log.log import LogFile
from orglab.org.document import Document
from orglab.reference import Reference, find_references
from orglab.runs.log_runs import LogRuns
from orglab.runs.record import Run
from orglab.search.commit_references import find_experiment_mentions, find_mentions
from orglab.search.store import open_store

Item = TypeVar("Item")

# git counts seconds from here.
_FIRST_YEAR = 1970
_A_DAY = datetime.timedelta(days=1)


class CommitsAndRuns(NamedTuple):
    """What is known of one experiment, or of one step of it, beside what the log says.

    Attributes:
        commits: The commits that its steps record, by the hashes that they record; those of them that are there.
        mentions: The commits that name it or a step of it, newest first.
        runs: Its runs and those of its steps, oldest first.
    """

    commits: Mapping[str, Commit]
    mentions: tuple[Mention, ...]
    runs: tuple[Run, ...]

    def narrowed(self, name: str, step: Step | None) -> "CommitsAndRuns":
        """Return what of it is of one step of the experiment with the id `name`; all if the step is None."""
        if step is None:
            return self
        return CommitsAndRuns(
            {name: self.commits[name] for name in step.commits if name in self.commits},
            tuple(one for one in self.mentions if Reference(name, step.number) in one.references),
            tuple(run for run in self.runs if run.ref == step.ref),
        )


class _ByName(Generic[Item]):
    """Items in their order, to be had by the names that stand in them."""

    def __init__(self, items: Sequence[Item], names_in: Callable[[Item], Iterable[str]]) -> None:
        self._items = items
        self._places: dict[str, list[int]] = {}
        for place, item in enumerate(items):
            for name in set(names_in(item)):
                self._places.setdefault(name, []).append(place)

    def find(self, names: Iterable[str]) -> list[Item]:
        """Return the items in which any of some names stands, each once, in their order."""
        places = {place for name in names for place in self._places.get(name, ())}
        return [self._items[place] for place in sorted(places)]


class Sources:
    """All that is known of the experiments of one log; each source is read once, when it is first asked for.

    An experiment is known by the id that it has and by those that it had before (ALIASES).  Without git there are
    no commits.

    Attributes:
        log: The log.
        since: What ended before this moment is not looked into; None for all.
    """

    since: datetime.datetime | None = None

    def __init__(self, log: LogFile, *, use_git: bool = True) -> None:
        """Remember what is asked for; nothing is read yet.

        Args:
            log: The log.
            use_git: Whether git may be asked; it may have refused.
        """
        self.log = log
        self._use_git = use_git
        self._named: dict[str, Commit | None] = {}

    # The log and its journal

    @cached_property
    def document(self) -> Document:
        """The log as it stands."""
        return self.log.document()

    @cached_property
    def experiments(self) -> dict[str, Experiment]:
        """The experiments by their ids, in the order of the log; of two with one id, the first."""
        found: dict[str, Experiment] = {}
        for experiment in self.log.read_experiments(self.document):
            found.setdefault(experiment.id, experiment)
        return found

    def find(self, reference: Reference) -> Experiment | None:
        """Return the experiment that a reference in a text names, by its id or one that it had before, or None."""
        return self.experiments.get(reference.id) or self._once_called.get(reference.id)

    def nearest(self, name: str) -> list[str]:
        """Return the ids that are nearest to one that there is not; in a stream the same is asked for often."""
        if name not in self._nearest:
            self._nearest[name] = find_nearest_ids(name, self.experiments)
        return self._nearest[name]

    @cached_property
    def _nearest(self) -> dict[str, list[str]]:
        return {}

    @cached_property
    def _once_called(self) -> dict[str, Experiment]:
        """The experiments that were renumbered, by the ids that they had before."""
        return find_renumbered(self.document, self.experiments.values)

    @cached_property
    def journal(self) -> Document | None:
        """The journal, or None if there is none that can be read."""
        try:
            return self.log.parse(file.read(self.log.journal).data)
        except OrglabError:
            return None

    @cached_property
    def entries(self) -> list[Entry]:
        """The entries of the journal; none without one."""
        return [] if self.journal is None else [*read_entries(self.journal, self.log.config)]

    @cached_property
    def _entries_by_id(self) -> _ByName[Entry]:
        return _ByName(self.entries, lambda entry: (one.id for one in entry.references))

    def find_entries(self, experiment: Experiment) -> list[Entry]:
        """Return the entries of the journal that name an experiment or a step of it, as they stand there."""
        return self._entries_by_id.find(list_ids(experiment))

    # Runs

    @cached_property
    def _log_runs(self) -> LogRuns:
        return LogRuns(self.log, lambda: self.document)

    @property
    def runs(self) -> list[Run]:
        """The runs of the log, oldest first, each under the reference that its experiment has now."""
        return self._log_runs.all

    def find_runs(self, experiment: Experiment) -> list[Run]:
        """Return the runs of an experiment and of its steps, oldest first, under the reference that it has now."""
        return self._log_runs.find_by_experiment(experiment)

    # Commits

    @cached_property
    def repository(self) -> Repository | None:
        """The log's repository, where git can be asked."""
        return self.log.repository if self._use_git and is_installed() else None

    @cached_property
    def mentions(self) -> list[Mention]:
        """The commits that name anything, newest first; none without git.

        Raises:
            GitError: git refuses.
        """
        if self.repository is None:
            return []
        return find_mentions(open_store(self.log), self.repository, self.log.config.letter)

    @cached_property
    def _mentions_by_id(self) -> _ByName[Mention]:
        return _ByName(self.mentions, lambda mention: (one.id for one in mention.references))

    def find_mentions(self, experiment: Experiment) -> list[Mention]:
        """Return the commits that name an experiment or a step of it, newest first, by the id that it has now.

        Raises:
            GitError: git refuses.
        """
        aliases = read_aliases(experiment.heading)
        if not aliases and "mentions" not in vars(self) and self.repository is not None:
            return self._find_mentions_of(experiment.id)
        found = self._mentions_by_id.find(list_ids(experiment))
        if not aliases:
            return found
        return [
            mention._replace(references=tuple(
                Reference(experiment.id, one.step) if one.id in aliases else one for one in mention.references
            ))
            for mention in found
        ]  # fmt: skip

    def _find_mentions_of(self, name: str) -> list[Mention]:
        """Return the commits that name an id, newest first, without reading those that name others."""
        if name not in self._mentions_of_one:
            letter = self.log.config.letter
            found = (
                find_experiment_mentions(open_store(self.log), self.repository, letter, name) if self.repository else []
            )
            self._mentions_of_one[name] = found
        return self._mentions_of_one[name]

    @cached_property
    def _mentions_of_one(self) -> dict[str, list[Mention]]:
        return {}

    def find_commits(self, experiment: Experiment) -> list[Commit]:
        """Return the commits that name an experiment or a step of it, by any id that it has or had, oldest first.

        Raises:
            GitError: git refuses.
        """
        return [mention.commit for mention in reversed(self.find_mentions(experiment))]

    def find_named(self, hashes: Iterable[str]) -> dict[str, Commit]:
        """Return the commits that hashes of the log name, by these; those of them that are there."""
        wanted = tuple(dict.fromkeys(hashes))
        new = tuple(name for name in wanted if name not in self._named)
        if new and self.repository is not None:
            found = read_commits_by_hash(self.repository, new)
            self._named |= {name: found.get(name) for name in new}
        return {name: commit for name in wanted if (commit := self._named.get(name)) is not None}

    def find_commits_and_runs(self, experiment: Experiment, step: Step | None = None) -> CommitsAndRuns:
        """Return what else is known of one experiment, or of one step of it: its commits, those that name it, its runs.

        Where git refuses, its part is empty: the log is readable without.
        """
        commits: Mapping[str, Commit] = {}
        mentions: list[Mention] = []
        try:
            mentions = self.find_mentions(experiment)
            commits = self._recorded(experiment, mentions)
        except GitError:
            mentions = []
        return CommitsAndRuns(commits, tuple(mentions), tuple(self.find_runs(experiment))).narrowed(experiment.id, step)

    def _recorded(self, experiment: Experiment, mentions: Iterable[Mention]) -> dict[str, Commit]:
        """Return the commits that the steps of an experiment record, by the hashes that they record.

        Most name it too; git is asked for the others only.
        """
        recorded = dict.fromkeys(name for step in experiment.steps for name in step.commits)
        commits = {name: one.commit for one in mentions for name in recorded if one.hash.startswith(name)}
        commits |= self.find_named(name for name in recorded if name not in commits)
        return {name: commits[name] for name in recorded if name in commits}


class PeriodSources(Sources):
    """What is known for a report on a period: of the commits, only those that the report may tell of.

    Those are the commits of HEAD and of the local branches since then, and those that steps and runs record.  git is
    asked four times, however many experiments there are.

    Attributes:
        since: When the period begins, local time.
    """

    def __init__(
        self, log: LogFile, experiments: Sequence[Experiment], since: datetime.datetime, *, use_git: bool = True
    ) -> None:
        """Remember what is asked for; nothing is read yet.

        Args:
            log: The log.
            experiments: Those that the report is about.
            since: When the period begins, local time.
            use_git: Whether git may be asked; it may have refused.
        """
        super().__init__(log, use_git=use_git)
        self.since: datetime.datetime = since
        self._experiments = experiments

    @cached_property
    def recorded(self) -> dict[str, Commit]:
        """The commits that steps and runs record, by the hashes that they write; those of them that are there."""
        names = [name for one in self._experiments for step in one.steps for name in step.commits]
        return self.find_named([*names, *(run.commit for run in self.runs if run.commit is not None)])

    @cached_property
    def head(self) -> str:
        """The full hash of HEAD; empty if there is none."""
        if self.repository is None:
            return ""
        return (self.repository.read("rev-parse", "--verify", "--quiet", "HEAD") or b"").decode().strip()

    @cached_property
    def commits(self) -> dict[str, Commit]:
        """The commits that the report may tell of, by their full hashes; newest first, then those only recorded.

        Raises:
            GitError: git refuses.
        """
        if self.repository is None:
            return {}
        # By the committer's date, which is never before the author's; a day more, for clocks go wrong.
        since = int((self.since - _A_DAY).timestamp()) if self.since.year > _FIRST_YEAR else 0
        recent = read_commits(self.repository, f"--since=@{since}", "--branches", *filter(None, (self.head,)), "--")
        return {one.hash: one for one in recent} | {one.hash: one for one in self.recorded.values()}

    @cached_property
    def _commits_by_id(self) -> _ByName[Commit]:
        letter = self.log.config.letter
        begin = f"[{letter}"

        def names_in(commit: Commit) -> Iterable[str]:
            if begin not in commit.message:
                return ()
            return (one.id for _, one in find_references(commit.message.encode("utf-8", "replace"), letter))

        return _ByName([*reversed(self.commits.values())], names_in)

    def find_commits(self, experiment: Experiment) -> list[Commit]:
        """Return the commits of the period that name an experiment, and those recorded that do, oldest first.

        Raises:
            GitError: git refuses.
        """
        return self._commits_by_id.find(list_ids(experiment))
