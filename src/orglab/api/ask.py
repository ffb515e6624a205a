"""The methods that answer: show, next, search, similar, tried, refs, resolve, history, why."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from orglab.experiment.check import Progress
from orglab.experiment.lookup import find_step
from orglab.experiment.model import Experiment, Step
from orglab.log.log import LogFile
from orglab.reference import Reference, parse_reference

if TYPE_CHECKING:
    from orglab.history.events import Event
    from orglab.history.knowledge import Knowledge, Known
    from orglab.history.references import Place
    from orglab.history.why import Why
    from orglab.search.hits import Found
    from orglab.search.likeness import Map
    from orglab.search.similar.answering import Precedent
    from orglab.search.similar.features import Record


class Shown(NamedTuple):
    """An experiment, or a step of it, and what else is known of it.

    Attributes:
        experiment: The experiment.
        step: The step, if one is meant.
        known: Its commits, those that name it, its runs.
    """

    experiment: Experiment
    step: Step | None
    known: "Known"


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
        experiment, step = self._experiment_and_step(reference)
        return Shown(experiment, step, self._knowledge().known(experiment, step))

    def in_progress(self) -> list[Experiment]:
        """Return the experiments in progress, in the order of the log."""
        return [one for one in self.experiments() if one.kind == "doing"]

    def search(self, text: str, *, limit: int | None = None, progress: Progress | None = None) -> "Found":
        """Return what a query finds in the log, its journal and the messages of commits; see `search.search`."""
        from orglab.search.hits import LIMIT  # noqa: PLC0415 - for one command of many
        from orglab.search.search import search_log  # noqa: PLC0415 - the same

        return search_log(self, text, limit=LIMIT if limit is None else limit, progress=progress)

    def similar(self, text: str, *, progress: Progress | None = None) -> "list[Precedent]":
        """Return the experiments that tried the same idea, the surest first; none if none is sure enough.

        Args:
            text: The idea in words, or the reference of an experiment.
            progress: Told how many experiments are read, of how many.

        Raises:
            NotFoundError: The text is a reference, and there is no such experiment.
        """
        from orglab.search.likeness import precedents  # noqa: PLC0415 - for one command of many

        return precedents(self, text, progress=progress)

    def similar_to(self, record: "Record", *, progress: Progress | None = None) -> "list[Precedent]":
        """Return the experiments that tried the idea of one that is not in the log yet; see `similar`."""
        from orglab.search.likeness import precedents_like  # noqa: PLC0415 - for one command of many

        return precedents_like(self, record, progress=progress)

    def tried(self, match: str | None = None, tags: Sequence[str] = ()) -> "Map":
        """Return what was tried, by topic.

        Args:
            match: An Org match string; only what it selects.
            tags: Only what carries all of them.
        """
        from orglab.search.likeness import map_of  # noqa: PLC0415 - for one command of many

        return map_of(self, match, tags)

    def refs(self, reference: str | None = None) -> "list[Place]":
        """Return where an experiment or step, or everything, is named: commits, files, the log, the journal.

        Raises:
            NotFoundError: There is no such experiment.
            GitError: git refuses.
        """
        from orglab.history.references import find_places  # noqa: PLC0415 - for one command of many

        wanted = None
        if reference is not None:
            # The id as the log has it; whoever asks for a step that is not there may look for what names it.
            wanted = Reference(self.experiment(reference).id, parse_reference(reference).step)
        return [*find_places(self._knowledge(), wanted)]

    def history(self, reference: str) -> Happened:
        """Return all that happened to an experiment or a step, oldest first.

        Raises:
            NotFoundError: There is none.
            GitError: git refuses.
        """
        from orglab.history.events import concerns, read_events  # noqa: PLC0415 - for one command of many

        experiment, step = self._experiment_and_step(reference)
        wanted = Reference(experiment.id, step.number if step is not None else None)
        (events,) = read_events(self._knowledge(), [experiment])
        return Happened(experiment, step, [one for one in events if concerns(one, wanted, self.config.letter)])

    def why(self, what: str, folder: Path = Path()) -> "Why":
        """Return where a commit, a file or a line of a file comes from; see `history.why`."""
        from orglab.history.why import find_why  # noqa: PLC0415 - for one command of many

        return find_why(self, what, folder)

    def _knowledge(self) -> "Knowledge":
        from orglab.history.knowledge import Knowledge  # noqa: PLC0415 - writing needs none of it

        return Knowledge(self)

    def _experiment_and_step(self, reference: str) -> tuple[Experiment, Step | None]:
        experiment, parsed = self.experiment(reference), parse_reference(reference)
        return experiment, find_step(experiment, parsed) if parsed.step is not None else None
