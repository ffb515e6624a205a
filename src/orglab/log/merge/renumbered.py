"""Experiments that have different ids in the versions of a merge, because a side gave them another one."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from orglab.config import Config
from orglab.experiment.fast_reader import scan_experiments
from orglab.experiment.ids import ALIASES, read_aliases, rename_heading
from orglab.org.document import Document

if TYPE_CHECKING:
    from orglab.experiment.model import Experiment

Identity = tuple[str, str]


class _Known(NamedTuple):
    """An experiment in one version."""

    id: str
    aliases: tuple[str, ...]
    heading: int


def agree_on_ids(versions: Sequence[Document], config: Config) -> list[Document]:
    """Return the versions with the new id of each experiment that a side renumbered, so that all have the same id.

    If both sides did, it is the id that nothing else has on the other side, or else the lower one: the same for whoever
    merges.  The former ids become aliases.

    Args:
        versions: The common ancestor, our version and theirs.
        config: The settings.
    """
    if not any(ALIASES.encode() in version.text.upper() for version in versions):
        return list(versions)
    known = [dict(_read_unique(version, config)) for version in versions]
    ids = [{one.id for one in version.values()} for version in known]
    given: dict[str, Identity] = {}
    renamed: list[list[tuple[_Known, str]]] = [[] for _ in versions]
    for identity in dict.fromkeys(identity for version in known for identity in version):
        same = [version.get(identity) for version in known]
        chosen = _choose(same, ids, given)
        if chosen is not None:
            given[chosen] = identity
            for place, one in enumerate(same):
                if one is not None and one.id != chosen:
                    renamed[place].append((one, chosen))
    return [_rename(version, names) for version, names in zip(versions, renamed, strict=True)]


def _choose(same: Sequence[_Known | None], ids: Sequence[set[str]], given: dict[str, Identity]) -> str | None:
    """Return the id for an experiment that the versions know by different ids; None if they agree, or may be two."""
    present = [one for one in same if one is not None]
    names = {one.id for one in present}
    if len(names) <= 1:
        return None
    if any(not {one.id, *one.aliases} & {other.id, *other.aliases} for one in present for other in present):
        return None
    # An id that another version has as an alias is the former one.
    former = {alias for one in present for alias in one.aliases}
    new = names - former or names
    unused = [name for name in new if name not in given] or [*new]
    own = [one.id if one is not None else None for one in same]
    free = [
        name for name in unused if all(name == mine or name not in taken for mine, taken in zip(own, ids, strict=True))
    ]
    return min(free or unused, key=lambda name: (len(name), name))


def _read_unique(document: Document, config: Config) -> Iterator[tuple[Identity, _Known]]:
    """Yield the experiments that have a time of creation and are not there twice, each after what it is known by."""
    experiments: dict[Identity, list[Experiment]] = {}
    for experiment in scan_experiments(document, config, ""):
        if experiment.created is not None:
            experiments.setdefault((experiment.title, experiment.created.isoformat()), []).append(experiment)
    for identity, found in experiments.items():
        if len(found) == 1:
            heading = found[0].heading
            yield identity, _Known(found[0].id, read_aliases(heading), heading.index)


def _rename(document: Document, names: Sequence[tuple[_Known, str]]) -> Document:
    """Return a version in which some experiments have other ids."""
    if not names:
        return document
    edits = [edit for one, new in names for edit in rename_heading(document.heading(one.heading), one.id, new)]
    return document.apply(edits)
