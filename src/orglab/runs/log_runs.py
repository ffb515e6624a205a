"""Find the runs of a log, an experiment or a step.

A repository may contain several logs, and an experiment may have had other ids, so all code that needs runs uses this.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from orglab.errors import NotFoundError, UsageError
from orglab.experiment.ids import list_ids
from orglab.experiment.lookup import find_renumbered
from orglab.experiment.model import Experiment
from orglab.experiment.note_text import RUN_MARK
from orglab.experiment.shared_ids import SharedIds, read_shared_ids
from orglab.git import is_installed
from orglab.log.log import LogFile
from orglab.org.document import Document
from orglab.org.source import decode
from orglab.reference import parse_reference, without_letter
from orglab.runs.record import Run
from orglab.runs.record_reader import list_runs, read_newest_runs, read_run, read_runs

if TYPE_CHECKING:
    from orglab.runs.code import GeneratedPaths


class LogRuns:
    """The runs of one log, with the current reference of their experiment.

    These are the runs whose record names the log, by its path from the top of the repository.  If the log was moved, it
    is known by its notes of earlier runs, or because git knows of the move.  A run that names no log belongs to every
    log.  The records are read once.
    """

    def __init__(
        self,
        log: LogFile,
        read_document: Callable[[], Document] | None = None,
        read: Callable[[Path], list[Run]] = read_runs,
    ) -> None:
        """Take a log; its runs are read when they are needed.

        Args:
            log: The log.
            read_document: Returns the current document of the log; None reads the file.
            read: Returns the runs of all logs below the top of a repository.
        """
        self._read = read
        self._log = log
        self._name = log.name
        self._read_document = read_document or log.document
        self._owned: dict[str, bool] = {self._name: True}

    def owns(self, name: str) -> bool:
        """Return whether a name is that of the log, or was before the log was moved."""
        if name not in self._owned:
            is_gone = not os.path.lexists(self._log.top / name)
            is_former = is_gone and (name in self._noted_names or name in self._former_names)
            self._owned[name] = is_former or name in self._branch_names
        return self._owned[name]

    @cached_property
    def _noted_names(self) -> set[str | None]:
        """The names of logs in the records of the runs that the log has notes of."""
        ids = {decode(name) for name in RUN_MARK.findall(self._read_document().text)}
        runs = (read_run(folder) for name, folder in list_runs(self._log.top).items() if name in ids)
        return {run.log for run in runs if run is not None}

    @cached_property
    def _former_names(self) -> set[str]:
        """The names that the log had before it was moved, according to git."""
        repository = self._log.repository
        if repository is None or not is_installed():
            return set()
        from orglab.git.files import find_former_paths  # noqa: PLC0415 - few logs have been moved

        names = (self._name, *self._branch_names)
        return {former for name in names for former in find_former_paths(repository, name)}

    @cached_property
    def _branch_names(self) -> set[str]:
        """The names that a log which is kept apart had before, according to its branch.

        Commits from before still have a file of such a name, so there is one while they are checked out.
        """
        repository = self._log.repository
        if repository is None or not self._log.is_apart or not is_installed():
            return set()
        from orglab.git.files import find_former_paths  # noqa: PLC0415 - few logs have been moved
        from orglab.git.log_branch import LOG_REF  # noqa: PLC0415 - the same

        return find_former_paths(repository, self._name, LOG_REF)

    @cached_property
    def all(self) -> list[Run]:
        """All runs of the log, oldest first."""
        return [self._with_renumbered_ref(run) for run in self._recorded]

    def find(self, reference: str) -> list[Run]:
        """Return the runs of an experiment and its steps, or of a step, oldest first.

        If the log no longer has the experiment, its runs are found by the reference in their records.

        Raises:
            UsageError: The reference is not valid.
        """
        parsed = parse_reference(reference)
        try:
            experiment = self._log.find(self._read_document(), parsed)
        except (NotFoundError, UsageError):
            spelled = self._log.spell(reference)
            return [run for run in self.all if f"{run.ref}.".startswith(f"{spelled}.")]
        runs = self.find_by_experiment(experiment)
        return runs if parsed.step is None else [run for run in runs if run.ref == f"{experiment.ref}.{parsed.step}"]

    def find_by_experiment(self, experiment: Experiment) -> list[Run]:
        """Return the runs of an experiment and its steps, under its current and former ids, oldest first."""
        letter = self._log.config.letter
        positions = {at for name in list_ids(experiment) for at in self._positions.get(letter + name, ())}
        runs = [_with_ref(self._recorded[at], experiment.ref) for at in sorted(positions)]
        return [run for run in runs if _is_of(run, experiment)]

    @cached_property
    def codes(self) -> dict[str, str]:
        """What the code of each run of the log is, by its id."""
        return self.identify_code(self.all)

    def identify_code(self, runs: Sequence[Run]) -> dict[str, str]:
        """Return what the code of each run is, by its id; see `code.identify_code`."""
        from orglab.runs.code import compare_code  # noqa: PLC0415 - most commands compare no code

        return compare_code(self._log.repository, runs, self._generated)

    @cached_property
    def _generated(self) -> "GeneratedPaths":
        """The paths that are not code, because a run of the log writes them."""
        from orglab.runs.code import find_generated_paths  # noqa: PLC0415 - the same

        repository = self._log.repository
        return find_generated_paths(self.all, self._log.find_own_paths(repository) if repository is not None else ())

    def read_newest(self, count: int) -> Iterator[Run]:
        """Yield the runs of the log among the newest `count` records, newest first; records are read lazily."""
        for run in read_newest_runs(self._log.top, count):
            if self._is_ours(run):
                yield self.with_current_ref(run)

    def with_current_ref(self, run: Run) -> Run:
        """Return a run of the log, or the record of a sweep, as read, with the current reference of its experiment.

        There is none if the experiment is not in this log.
        """
        return self._with_renumbered_ref(self._with_own_ref(run))

    @cached_property
    def _recorded(self) -> list[Run]:
        """The runs of the log as recorded, oldest first."""
        return [self._with_own_ref(run) for run in self._read(self._log.top) if self._is_ours(run)]

    def _with_own_ref(self, run: Run) -> Run:
        """Return a run with the reference of its experiment, if that had an id that another one kept."""
        letter = self._log.config.letter
        name = without_letter((run.ref or "").partition(".")[0], letter)
        owner = self._shared_ids.find_id(name, run.id)
        return run if owner == name else _with_ref(run, letter + owner)

    @cached_property
    def _shared_ids(self) -> SharedIds:
        document = self._read_document()
        return read_shared_ids(document, lambda: self._log.read_experiments(document))

    @cached_property
    def _positions(self) -> dict[str, list[int]]:
        """The positions of the runs of each experiment in `_recorded`, by the recorded reference."""
        positions: dict[str, list[int]] = {}
        for position, run in enumerate(self._recorded):
            positions.setdefault((run.ref or "").partition(".")[0], []).append(position)
        return positions

    def _is_ours(self, run: Run) -> bool:
        return run.log is None or self.owns(run.log)

    def _with_renumbered_ref(self, run: Run) -> Run:
        """Return a run with the reference that its experiment was renumbered to; with none if that is not here."""
        name = without_letter((run.ref or "").partition(".")[0], self._log.config.letter)
        experiment = self._renumbered.get(name)
        if experiment is None and run.is_foreign and "experiment" in run.fields:
            experiment = self._experiments.get(name)
        if experiment is None:
            return run
        if not _is_of(run, experiment):
            return Run(run.folder, {**run.fields, "ref": None})
        return _with_ref(run, experiment.ref)

    @cached_property
    def _experiments(self) -> dict[str, Experiment]:
        """The experiments of the log, by their ids."""
        return {experiment.id: experiment for experiment in self._log.read_experiments(self._read_document())}

    @cached_property
    def _renumbered(self) -> dict[str, Experiment]:
        document = self._read_document()
        return find_renumbered(document, lambda: self._log.read_experiments(document))


def _is_of(run: Run, experiment: Experiment) -> bool:
    """Return whether a run belongs to an experiment with the id in its record."""
    if may_be_of(run, experiment):
        return True
    text = experiment.document.text[experiment.begin : experiment.end]
    return run.id.encode() in RUN_MARK.findall(text)


def _with_ref(run: Run, ref: str) -> Run:
    """Return a run with another reference of its experiment."""
    whole, dot, step = (run.ref or "").partition(".")
    return run if whole == ref else Run(run.folder, {**run.fields, "ref": f"{ref}{dot}{step}"})


def may_be_of(run: Run, experiment: Experiment) -> bool:
    """Return whether a run may be one of an experiment with the id in its record.

    Another clone may have given the id to another experiment, before the logs of both were merged.
    """
    return not run.is_foreign or describes(run, experiment)


def describes(run: Run, experiment: Experiment) -> bool:
    """Return whether an experiment has the title or the time of creation in the record of a run, if it has them."""
    own = run.fields.get("experiment")
    if not isinstance(own, dict) or not own.keys() >= {"title", "created"}:
        return True
    created = experiment.created
    return own["title"] == experiment.title or created is None or own["created"] == created.isoformat()
