"""Read the sources of one log: its experiments, journal, runs and commits."""

import datetime
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, cached_property
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from orglab.errors import GitError, OrglabError
from orglab.experiment.ids import list_ids, read_own_aliases
from orglab.experiment.journal import Entry, read_entries
from orglab.experiment.lookup import find_nearest_ids, find_renumbered
from orglab.experiment.model import Experiment, Step
from orglab.experiment.shared_ids import SharedIds, read_shared_ids
from orglab.git import Repository, is_installed
from orglab.git.commit import Commit, read_commits, read_commits_by_hash
from orglab.git.mentions import Mention
from orglab.git.message import TRAILER, read_references
from orglab.log.log import LogFile
from orglab.org.document import Document
from orglab.reference import Reference
from orglab.runs.log_runs import LogRuns
from orglab.runs.record import Run
from orglab.search.commit_references import find_experiment_mentions, find_mentions
from orglab.search.store import open_store

if TYPE_CHECKING:
    from orglab.runs.best_settings import LogSettings
    from orglab.runs.step_results import Outcome, Results

Item = TypeVar("Item")

# git cannot handle earlier dates.
_FIRST_YEAR = 1970
_A_DAY = datetime.timedelta(days=1)


class CommitsAndRuns(NamedTuple):
    """The commits and runs of an experiment or a step.

    Attributes:
        commits: The commits that its steps record, by their recorded hashes; missing commits are left out.
        mentions: The commits that name it or its steps, newest first.
        runs: Its runs and those of its steps, oldest first.
    """

    commits: Mapping[str, Commit]
    mentions: tuple[Mention, ...]
    runs: tuple[Run, ...]

    def select_step(self, name: str, step: Step | None) -> "CommitsAndRuns":
        """Return the part for a step of the experiment with the id `name`; all if the step is None."""
        if step is None:
            return self
        return CommitsAndRuns(
            {commit: self.commits[commit] for commit in step.commits if commit in self.commits},
            tuple(mention for mention in self.mentions if Reference(name, step.number) in mention.references),
            tuple(run for run in self.runs if run.ref == step.ref),
        )


class _NameIndex(Generic[Item]):
    """An ordered list of items, with lookup by the names that they contain."""

    def __init__(self, items: Sequence[Item], names_in: Callable[[Item], Iterable[str]]) -> None:
        self._items = items
        self._positions: dict[str, list[int]] = {}
        for position, item in enumerate(items):
            for name in set(names_in(item)):
                self._positions.setdefault(name, []).append(position)

    def find(self, names: Iterable[str]) -> list[Item]:
        """Return the items that contain any of some names, in order."""
        positions = {position for name in names for position in self._positions.get(name, ())}
        return [self._items[position] for position in sorted(positions)]


class Sources:
    """The experiments of one log, with its journal, runs and commits; each is read once, when first needed.

    Experiments are found by their current and former ids (ALIASES).  Without git there are no commits.

    Attributes:
        log: The log.
        since: What ended before this time is not read; None for everything.
    """

    since: datetime.datetime | None = None

    def __init__(self, log: LogFile, *, use_git: bool = True) -> None:
        """Take a log; nothing is read yet.

        Args:
            log: The log.
            use_git: Whether to use git; False after it has failed.
        """
        self.log = log
        self._use_git = use_git
        self._named: dict[str, Commit | None] = {}

    # The log and its journal

    @cached_property
    def document(self) -> Document:
        """The document of the log."""
        return self.log.document()

    @cached_property
    def all_experiments(self) -> list[Experiment]:
        """All experiments, in the order of the log."""
        return self.log.read_experiments(self.document)

    @cached_property
    def experiments(self) -> dict[str, Experiment]:
        """The experiments by id, in the order of the log; of two with the same id, the first."""
        experiments: dict[str, Experiment] = {}
        for experiment in self.all_experiments:
            experiments.setdefault(experiment.id, experiment)
        return experiments

    @cached_property
    def archived(self) -> dict[str, Experiment]:
        """The experiments of the archive by their current and former ids."""
        archived: dict[str, Experiment] = {}
        for experiment in self.log.archived_experiments(self.document):
            for name in list_ids(experiment):
                archived.setdefault(name, experiment)
        return archived

    def find(self, reference: Reference) -> Experiment | None:
        """Return the experiment of the log or of its archive that has an id now or had it before, or None."""
        known = self.experiments.get(reference.id) or self._renumbered.get(reference.id)
        return known or self.archived.get(reference.id)

    def nearest(self, name: str) -> list[str]:
        """Return the ids that are most similar to an unknown one; answers are cached."""
        if name not in self._nearest:
            self._nearest[name] = find_nearest_ids(name, self.experiments)
        return self._nearest[name]

    @cached_property
    def _nearest(self) -> dict[str, list[str]]:
        return {}

    @cached_property
    def _renumbered(self) -> dict[str, Experiment]:
        """The renumbered experiments by their former ids."""
        return find_renumbered(self.document, self.experiments.values)

    @cached_property
    def shared_ids(self) -> SharedIds:
        """The ids that two experiments had."""
        # A lambda: most logs have none, and need not be read for it.
        return read_shared_ids(self.document, lambda: self.experiments.values())  # noqa: PLW0108

    @cached_property
    def journal(self) -> Document | None:
        """The document of the journal, or None if it is missing or cannot be read."""
        try:
            return self.log.parse(self.log.read_journal().data)
        except OrglabError:
            return None

    @cached_property
    def entries(self) -> list[Entry]:
        """The entries of the journal."""
        return [] if self.journal is None else [*read_entries(self.journal, self.log.config)]

    @cached_property
    def _entries_by_id(self) -> _NameIndex[Entry]:
        return _NameIndex(self.entries, lambda entry: (reference.id for reference in entry.references))

    def find_entries(self, experiment: Experiment) -> list[Entry]:
        """Return the entries of the journal that name an experiment or a step of it, in their order."""
        return self._entries_by_id.find(list_ids(experiment))

    # Runs

    @cached_property
    def log_runs(self) -> LogRuns:
        """The runs of the log, by experiment, with what tells their code apart."""
        return LogRuns(self.log, lambda: self.document)

    @property
    def runs(self) -> list[Run]:
        """The runs of the log, oldest first, with the current reference of their experiment."""
        return self.log_runs.all

    def find_runs(self, experiment: Experiment) -> list[Run]:
        """Return the runs of an experiment and its steps, oldest first, with its current reference."""
        return self.log_runs.find_by_experiment(experiment)

    def read_results(
        self,
        experiment: Experiment,
        runs: Sequence[Run],
        *,
        is_alone: bool = False,
        until: datetime.datetime | None = None,
        words: str | None = None,
        select: Callable[[Iterable[Run]], Sequence[Run]] = list,
    ) -> "Results":
        """Return the results of an experiment by step and setting, compared with its baseline.

        Args:
            experiment: The experiment.
            runs: The runs of it that are considered.
            is_alone: Whether the results of no other experiment are needed, so that only its code is compared.
            until: The time whose results are wanted; None for the present.
            words: The conclusion at that time; None for the newest one.
            select: Returns those of some runs that are considered, its own or those of its baseline.
        """
        from orglab.runs.step_results import read_results  # noqa: PLC0415 - many logs have no runs

        identify = self.log_runs.identify_code if is_alone else lambda _: self.log_runs.codes

        def find(reference: str) -> Sequence[Run]:
            return select(self.log_runs.find(reference))

        return read_results(experiment, select(runs), identify, find, self.log.config.metrics, until, words=words)

    def read_log_settings(self) -> "LogSettings":
        """Return the settings of all experiments; only the experiments that are asked for are read."""
        from orglab.runs.best_settings import LogSettings  # noqa: PLC0415 - many logs have no runs

        by_ref = {one.ref: one for one in self.all_experiments}

        @cache
        def read_outcomes(ref: str) -> "Sequence[Outcome]":
            # The words of the conclusion choose metrics, which are not needed here.
            return self.read_results(by_ref[ref], self.find_runs(by_ref[ref]), words="").outcomes

        runs = [run for run in self.runs if (run.ref or "").partition(".")[0] in by_ref]
        return LogSettings(runs, self.log_runs.codes if runs else {}, self.log.config.metrics, read_outcomes)

    # Commits

    @cached_property
    def repository(self) -> Repository | None:
        """The repository of the log, or None if git cannot be used."""
        return self.log.repository if self._use_git and is_installed() else None

    @cached_property
    def mentions(self) -> list[Mention]:
        """The commits that name an experiment, newest first; empty without git.

        Raises:
            GitError: git refuses.
        """
        if self.repository is None:
            return []
        mentions = find_mentions(open_store(self.log), self.repository, self.log.config.letter)
        if not self.shared_ids:
            return mentions
        return [one._replace(references=self.shared_ids.resolve(one.references, one.hash)) for one in mentions]

    @cached_property
    def _mentions_by_id(self) -> _NameIndex[Mention]:
        return _NameIndex(self.mentions, lambda mention: (reference.id for reference in mention.references))

    def find_mentions(self, experiment: Experiment) -> list[Mention]:
        """Return the commits that name an experiment or a step of it, newest first, with its current id.

        Raises:
            GitError: git refuses.
        """
        aliases = read_own_aliases(experiment.heading)
        if not aliases and not self.shared_ids and "mentions" not in vars(self) and self.repository is not None:
            return self._read_mentions_of(experiment.id)
        mentions = self._mentions_by_id.find(list_ids(experiment))
        if not aliases:
            return mentions
        return [
            mention._replace(references=tuple(
                Reference(experiment.id, named.step) if named.id in aliases else named for named in mention.references
            ))
            for mention in mentions
        ]  # fmt: skip

    def _read_mentions_of(self, name: str) -> list[Mention]:
        """Return the commits that name an id, newest first, without reading all mentions."""
        if name not in self._mentions_of_one:
            letter = self.log.config.letter
            mentions = (
                find_experiment_mentions(open_store(self.log), self.repository, letter, name) if self.repository else []
            )
            self._mentions_of_one[name] = mentions
        return self._mentions_of_one[name]

    @cached_property
    def _mentions_of_one(self) -> dict[str, list[Mention]]:
        return {}

    def find_commits(self, experiment: Experiment) -> list[Commit]:
        """Return the commits that name an experiment or a step of it, by current or former ids, oldest first.

        Raises:
            GitError: git refuses.
        """
        return [mention.commit for mention in reversed(self.find_mentions(experiment))]

    def find_named(self, hashes: Iterable[str]) -> dict[str, Commit]:
        """Return the commits of some hashes in the log, by hash; missing commits are left out."""
        names = tuple(dict.fromkeys(hashes))
        new = tuple(name for name in names if name not in self._named)
        if new and self.repository is not None:
            commits = read_commits_by_hash(self.repository, new)
            self._named |= {name: commits.get(name) for name in new}
        return {name: commit for name in names if (commit := self._named.get(name)) is not None}

    def find_commits_and_runs(self, experiment: Experiment, step: Step | None = None) -> CommitsAndRuns:
        """Return the commits and runs of an experiment or a step; there are no commits if git fails."""
        commits: Mapping[str, Commit] = {}
        mentions: list[Mention] = []
        try:
            mentions = self.find_mentions(experiment)
            commits = self._find_recorded(experiment, mentions)
        except GitError:
            mentions = []
        return CommitsAndRuns(commits, tuple(mentions), tuple(self.find_runs(experiment))).select_step(
            experiment.id, step
        )

    def _find_recorded(self, experiment: Experiment, mentions: Iterable[Mention]) -> dict[str, Commit]:
        """Return the commits that the steps of an experiment record, by their recorded hashes.

        Most of them are mentions, so only the others are read from git.
        """
        recorded = dict.fromkeys(name for step in experiment.steps for name in step.commits)
        commits = {name: mention.commit for mention in mentions for name in recorded if mention.hash.startswith(name)}
        commits |= self.find_named(name for name in recorded if name not in commits)
        return {name: commits[name] for name in recorded if name in commits}


class PeriodSources(Sources):
    """The sources for a report on a period, with only the commits that may be in it.

    These are the commits of HEAD and of the local branches since the start of the period, and those that steps and runs
    record.  The number of git calls does not depend on the number of experiments.

    Attributes:
        since: The start of the period, in local time.
    """

    def __init__(
        self, log: LogFile, experiments: Sequence[Experiment], since: datetime.datetime, *, use_git: bool = True
    ) -> None:
        """Take a log and a period; nothing is read yet.

        Args:
            log: The log.
            experiments: The experiments of the report.
            since: The start of the period, in local time.
            use_git: Whether to use git; False after it has failed.
        """
        super().__init__(log, use_git=use_git)
        self.since: datetime.datetime = since
        self._experiments = experiments

    @cached_property
    def recorded(self) -> dict[str, Commit]:
        """The commits that steps and runs record, by their recorded hashes; missing commits are left out."""
        names = [name for experiment in self._experiments for step in experiment.steps for name in step.commits]
        return self.find_named([*names, *(run.commit for run in self.runs if run.commit is not None)])

    @cached_property
    def head(self) -> str:
        """The full hash of HEAD, or an empty string."""
        if self.repository is None:
            return ""
        return (self.repository.read("rev-parse", "--verify", "--quiet", "HEAD") or b"").decode().strip()

    @cached_property
    def commits(self) -> dict[str, Commit]:
        """The commits that may be in the report, by full hash: newest first, then those that are only recorded.

        Raises:
            GitError: git refuses.
        """
        if self.repository is None:
            return {}
        # git filters by the committer's date, which is not before the author's; a day allows for wrong clocks.
        since = int((self.since - _A_DAY).timestamp()) if self.since.year > _FIRST_YEAR else 0
        recent = read_commits(self.repository, f"--since=@{since}", "--branches", *filter(None, (self.head,)), "--")
        return {one.hash: one for one in recent} | {one.hash: one for one in self.recorded.values()}

    @cached_property
    def _commits_by_id(self) -> _NameIndex[Commit]:
        letter = self.log.config.letter
        prefix = f"[{letter}"

        def names_in(commit: Commit) -> Iterable[str]:
            if prefix not in commit.message and TRAILER not in commit.message:
                return ()
            named = read_references(commit.message.encode("utf-8", "replace"), letter)
            return (reference.id for reference in self.shared_ids.resolve(named, commit.hash))

        return _NameIndex([*reversed(self.commits.values())], names_in)

    def find_commits(self, experiment: Experiment) -> list[Commit]:
        """Return the commits of the period, and the recorded commits, that name an experiment, oldest first.

        Raises:
            GitError: git refuses.
        """
        return self._commits_by_id.find(list_ids(experiment))
