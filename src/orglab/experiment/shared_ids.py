"""Ids that two experiments had at a time, and to which of them a commit or a run belongs that names one.

When one of the two gets another id, its property SHARED lists what is its own; everything else belongs to the
experiment that keeps the id:

    :SHARED:   7: 83d45cd 0a1b2c3 20260601-093000-ab12
"""

from collections.abc import Callable, Iterable

from orglab.experiment.ids import SHARED, read_shared
from orglab.experiment.model import Experiment
from orglab.org.document import Document
from orglab.reference import Reference


class SharedIds:
    """The ids of a log that two experiments had."""

    def __init__(self, experiments: Iterable[Experiment] = ()) -> None:
        """Take the experiments of the log."""
        self._owners: dict[str, dict[str, str]] = {}
        for experiment in experiments:
            for name, things in read_shared(experiment.heading).items():
                self._owners.setdefault(name, {}).update(dict.fromkeys(things, experiment.id))

    def __bool__(self) -> bool:
        """Return whether there are any."""
        return bool(self._owners)

    def find_id(self, name: str, thing: str) -> str:
        """Return the current id of the experiment that an id names in a commit or a run.

        Args:
            name: The id.
            thing: The full hash of the commit, or the id of the run.
        """
        owners = self._owners.get(name, {})
        return next((owner for listed, owner in owners.items() if thing.startswith(listed)), name)

    def resolve(self, references: Iterable[Reference], commit: str) -> tuple[Reference, ...]:
        """Return references in the message of a commit, with the current ids of what they name."""
        if not self:
            return tuple(references)
        return tuple(reference._replace(id=self.find_id(reference.id, commit)) for reference in references)


def read_shared_ids(document: Document, read: Callable[[], Iterable[Experiment]]) -> SharedIds:
    """Return the shared ids of a log.

    Args:
        document: The log.
        read: Returns its experiments; not called if there are no shared ids.
    """
    return SharedIds(read()) if f":{SHARED}:".encode() in document.text.upper() else SharedIds()
