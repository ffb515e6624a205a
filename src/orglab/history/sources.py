"""What is known of experiments beside the log: commits, runs, the journal."""

import os
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from orglab.errors import GitError
from orglab.experiment.ids import ALIASES, aliases_of
from orglab.experiment.journal import Entry, read_entries
from orglab.experiment.lookup import nearest_ids
from orglab.experiment.model import Experiment, Step
from orglab.git import is_installed
from orglab.git.commit import Commit, read_named
from orglab.git.mentions import Mention, scan, scan_for
from orglab.log.log import LogFile
from orglab.org.document import Document
from orglab.reference import Reference
from orglab.search.known import Known, runs_of
from orglab.search.store import open_store

if TYPE_CHECKING:
    from orglab.runs.record import Run


class History:
    """All that is known of the experiments of one log; each source is read once, when it is first asked for.

    Attributes:
        log: The log.
    """

    def __init__(self, log: LogFile) -> None:
        """Know nothing yet."""
        self.log = log

    @cached_property
    def document(self) -> Document:
        """The log as it stands."""
        return self.log.document()

    @cached_property
    def experiments(self) -> dict[str, Experiment]:
        """The experiments by their ids, in the order of the log; of two with one id, the first."""
        found: dict[str, Experiment] = {}
        for experiment in self.log.experiments():
            found.setdefault(experiment.id, experiment)
        return found

    def find(self, reference: Reference) -> Experiment | None:
        """Return the experiment that a reference in a text names, by its id or one that it had before, or None."""
        return self.experiments.get(reference.id) or self._once_called.get(reference.id)

    def nearest(self, name: str) -> list[str]:
        """Return the ids that are nearest to one that there is not; in a stream the same is asked for often."""
        if name not in self._nearest:
            self._nearest[name] = nearest_ids(name, self.experiments)
        return self._nearest[name]

    @cached_property
    def _nearest(self) -> dict[str, list[str]]:
        return {}

    @cached_property
    def _once_called(self) -> dict[str, Experiment]:
        """The experiments that were renumbered, by the ids that they had before."""
        if ALIASES.encode() not in self.document.text.upper():
            return {}
        return {alias: one for one in self.experiments.values() for alias in aliases_of(one.heading)}

    @cached_property
    def mentions(self) -> list[Mention]:
        """The commits that name anything, newest first; none without git.

        Raises:
            GitError: git refuses.
        """
        repository = self.log.repository
        if repository is None or not is_installed():
            return []
        store = open_store(self.log)
        if store.path is None:
            return scan(repository, self.log.config.letter).mentions
        from orglab.search.mentions import scan_kept  # noqa: PLC0415 - it loads SQLite

        return scan_kept(store, repository, self.log.config.letter)

    def mentions_of(self, experiment: Experiment) -> list[Mention]:
        """Return the commits that name an experiment or a step of it, by any id that it has or had, newest first.

        Raises:
            GitError: git refuses.
        """
        aliases = aliases_of(experiment.heading)
        found = self._mentions_with(experiment.id)
        if not aliases:
            return found
        every = {mention.hash: mention for name in aliases for mention in self._mentions_with(name)}
        every |= {mention.hash: mention for mention in found}
        now = [
            mention._replace(references=tuple(
                Reference(experiment.id, one.step) if one.id in aliases else one for one in mention.references
            ))
            for mention in every.values()
        ]  # fmt: skip
        return sorted(now, key=lambda mention: mention.commit.committed, reverse=True)

    def _mentions_with(self, name: str) -> list[Mention]:
        """Return the commits that name an id; git is asked for it alone, unless all are known already."""
        repository = self.log.repository
        if "mentions" in vars(self) or repository is None or not is_installed():
            return self._mentions_by_id.get(name, [])
        store = open_store(self.log)
        if store.path is None:
            return scan_for(repository, self.log.config.letter, name)
        from orglab.search.commit_references import scan_kept_for  # noqa: PLC0415 - it loads SQLite

        return scan_kept_for(store, repository, self.log.config.letter, name)

    @cached_property
    def _mentions_by_id(self) -> dict[str, list[Mention]]:
        found: dict[str, list[Mention]] = {}
        for mention in self.mentions:
            for name in {reference.id for reference in mention.references}:
                found.setdefault(name, []).append(mention)
        return found

    @cached_property
    def runs(self) -> "list[Run]":
        """The runs that are recorded here, oldest first."""
        top = self.log.top
        if not (top / ".orglab").is_dir():
            return []
        from orglab.runs.record import read_runs  # noqa: PLC0415 - costs 5 ms, and many projects have none

        return read_runs(top)

    @cached_property
    def entries(self) -> list[Entry]:
        """The entries of the journal; none without one."""
        journal = journal_of(self.log)
        return [] if journal is None else [*read_entries(journal, self.log.config)]

    def named(self, hashes: Iterable[str]) -> dict[str, Commit]:
        """Return the commits that hashes of the log name, by these; those of them that are there."""
        repository = self.log.repository
        wanted = tuple(dict.fromkeys(hashes))
        return read_named(repository, wanted) if wanted and repository is not None and is_installed() else {}

    def known(self, experiment: Experiment, step: Step | None = None) -> Known:
        """Return what else is known of one experiment, or of one step of it: its commits, those that name it, its runs.

        It costs one git, and two more where the log records commits that do not name it.  Where git refuses, its part
        is empty: the log is readable without.
        """
        commits, mentions = self._in_git(experiment)
        runs = self.runs_of(experiment)
        return Known(commits, mentions, tuple(runs)).narrowed(experiment.id, step)

    def _in_git(self, experiment: Experiment) -> tuple[Mapping[str, Commit], tuple[Mention, ...]]:
        """Return the commits that an experiment records, by their hashes, and those that name it: from the index."""
        store, repository = open_store(self.log), self.log.repository
        try:
            if store.path is None or repository is None:
                return self._ask_git(experiment)
            from orglab.search import (
                kept,
                known,
            )

            look, key = known.look_at_git(os.fspath(repository.git_dir)), known.known_key(experiment)
            content = kept.read_kept(store, known.KIND, [key]).get(key)
            if content is not None and (held := known.read_known(content, look)) is not None:
                return held
            found = self._ask_git(experiment)
            kept.keep(store, known.KIND, {key: known.known_text(look, *found)})
        except (GitError, OSError):
            return {}, ()
        return found

    def _ask_git(self, experiment: Experiment) -> tuple[Mapping[str, Commit], tuple[Mention, ...]]:
        """Return the same from git.

        Raises:
            GitError: git refuses.
        """
        naming = self.mentions_of(experiment)
        recorded = dict.fromkeys(name for step in experiment.steps for name in step.commits)
        commits = {name: one.commit for name in recorded for one in naming if one.hash.startswith(name)}
        others = self.named(name for name in recorded if name not in commits)
        return {name: found for name in recorded if (found := commits.get(name) or others.get(name))}, tuple(naming)

    def runs_of(self, experiment: Experiment) -> "list[Run]":
        """Return the runs of an experiment and of its steps, oldest first."""
        return runs_of(self.runs, experiment)


def journal_of(log: LogFile) -> Document | None:
    """Return the journal, or None if there is none that can be read."""
    try:
        return Document((log.path.parent / log.config.journal).read_bytes(), log.config.keywords)
    except OSError:
        return None
