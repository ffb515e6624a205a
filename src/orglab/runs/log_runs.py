"""Which of the recorded runs are those of a log, of an experiment, of a step.

A repository may hold several logs, and an experiment may have had other ids: whoever asks for runs asks here.
"""

import os
from collections.abc import Callable, Iterator
from functools import cached_property

from orglab.errors import NotFoundError, UsageError
from orglab.experiment.ids import list_ids
from orglab.experiment.lookup import find_renumbered
from orglab.experiment.model import Experiment
from orglab.log.log import LogFile
from orglab.org.document import Document
from orglab.reference import parse_reference, without_letter
from orglab.runs.record import Run, read_newest_runs, read_runs


class LogRuns:
    """The runs of one log, each under the reference that its experiment has now.

    They are those whose records name the log; those that name none, or one that is no more (it was moved), count for
    every log.  The records are read once.
    """

    def __init__(self, log: LogFile, read_document: Callable[[], Document] | None = None) -> None:
        """Stand for the runs of a log; nothing is read yet.

        Args:
            log: The log.
            read_document: Returns the log as it stands; it is read anew if None.
        """
        self._log = log
        self._name = log.name
        self._read_document = read_document or log.document
        self._is_there: dict[str, bool] = {}

    @cached_property
    def all(self) -> list[Run]:
        """All of them, oldest first."""
        return [self._renamed(run) for run in self._recorded]

    def find(self, reference: str) -> list[Run]:
        """Return the runs of an experiment with its steps, or of a step, oldest first.

        Of an experiment that is not in the log any more they are found by the reference that they have.

        Raises:
            UsageError: It is no reference.
        """
        parsed = parse_reference(reference)
        try:
            experiment = self._log.find(self._read_document(), parsed)
        except (NotFoundError, UsageError):
            wanted = self._log.spell(reference)
            return [run for run in self.all if f"{run.ref}.".startswith(f"{wanted}.")]
        found = self.find_by_experiment(experiment)
        return found if parsed.step is None else [run for run in found if run.ref == f"{experiment.ref}.{parsed.step}"]

    def find_by_experiment(self, experiment: Experiment) -> list[Run]:
        """Return the runs of an experiment and of its steps, by any id that it has or had, oldest first."""
        letter = self._log.config.letter
        places = {place for name in list_ids(experiment) for place in self._places.get(letter + name, ())}
        return [_with_ref(self._recorded[place], experiment.ref) for place in sorted(places)]

    def read_newest(self, count: int) -> Iterator[Run]:
        """Yield those of the newest `count` records that are of the log, the newest first; each read when asked for."""
        yield from (self._renamed(run) for run in read_newest_runs(self._log.top, count) if self._is_ours(run))

    @cached_property
    def _recorded(self) -> list[Run]:
        """The runs of the log, oldest first, as they were recorded."""
        return [run for run in read_runs(self._log.top) if self._is_ours(run)]

    @cached_property
    def _places(self) -> dict[str, list[int]]:
        """Where the runs of each experiment stand among all, by the reference that was recorded."""
        found: dict[str, list[int]] = {}
        for place, run in enumerate(self._recorded):
            found.setdefault((run.ref or "").partition(".")[0], []).append(place)
        return found

    def _is_ours(self, run: Run) -> bool:
        if run.log is None or run.log == self._name:
            return True
        if run.log not in self._is_there:
            self._is_there[run.log] = os.path.lexists(self._log.top / run.log)
        return not self._is_there[run.log]

    def _renamed(self, run: Run) -> Run:
        """Return a run under the reference that its experiment has now."""
        letter = self._log.config.letter
        now = self._renumbered.get(without_letter((run.ref or "").partition(".")[0], letter))
        return run if now is None else _with_ref(run, now.ref)

    @cached_property
    def _renumbered(self) -> dict[str, Experiment]:
        document = self._read_document()
        return find_renumbered(document, lambda: self._log.read_experiments(document))


def _with_ref(run: Run, ref: str) -> Run:
    """Return a run with another reference of its experiment."""
    whole, dot, step = (run.ref or "").partition(".")
    return run if whole == ref else Run(run.folder, {**run.fields, "ref": f"{ref}{dot}{step}"})
