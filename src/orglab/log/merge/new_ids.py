"""Experiments that both sides gave another id, each a different one, as after both were told of a duplicate."""

from collections.abc import Iterator

from orglab.config import Config
from orglab.experiment.fast_reader import scan_experiments
from orglab.experiment.ids import ALIASES, read_aliases, renumber
from orglab.experiment.model import Experiment
from orglab.org.document import Document

Identity = tuple[str, str]


def agree_on_ids(ours: Document, theirs: Document, config: Config) -> tuple[Document, Document]:
    """Return both sides with one id for each experiment that both renumbered; the other id is a former one.

    It is the id that no other experiment of the other side has, or else the lower one: the same for whoever merges.
    """
    needle = ALIASES.encode()
    if needle not in ours.text.upper() or needle not in theirs.text.upper():
        return ours, theirs
    sides = [ours, theirs]
    for mine, other in _find_pairs(ours, theirs, config):
        taken = [{one.id for one in scan_experiments(side, config, "")} for side in sides]
        free = [name for name, ids in ((mine, taken[1]), (other, taken[0])) if name not in ids]
        chosen = min(free or (mine, other), key=lambda name: (len(name), name))
        at, old = (1, other) if chosen == mine else (0, mine)
        sides[at] = _renumber(sides[at], old, chosen, config)
    return sides[0], sides[1]


def _find_pairs(ours: Document, theirs: Document, config: Config) -> Iterator[tuple[str, str]]:
    """Yield the different ids of each experiment that both sides gave another one than a common former id."""
    known = dict(_read_renumbered(theirs, config))
    for identity, experiment in _read_renumbered(ours, config):
        other = known.get(identity)
        if other is None or other.id == experiment.id:
            continue
        if {*read_aliases(experiment.heading)} & {*read_aliases(other.heading)}:
            yield experiment.id, other.id


def _read_renumbered(document: Document, config: Config) -> Iterator[tuple[Identity, Experiment]]:
    """Yield the experiments that had other ids, each after its title and the time of its creation."""
    for experiment in scan_experiments(document, config, ""):
        if experiment.heading.property(ALIASES) is not None and experiment.created is not None:
            yield (experiment.title, experiment.created.isoformat()), experiment


def _renumber(document: Document, old: str, new: str, config: Config) -> Document:
    """Return a side whose experiment has another id."""
    for experiment in scan_experiments(document, config, ""):
        if experiment.id == old and experiment.heading.property(ALIASES) is not None:
            return document.apply(renumber(document.heading(experiment.heading.index), old, new, config, ""))
    return document
