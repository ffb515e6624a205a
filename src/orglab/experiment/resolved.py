"""What a reference in a text is: an experiment or a step, or what is nearest to it if it is unknown."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from orglab.experiment.model import Experiment, Step
from orglab.reference import Reference

_NEAR = 3


@dataclass(frozen=True, slots=True)
class Resolved:
    """A reference in a text, and what it is.

    Attributes:
        reference: What stands there.
        at: The index in the text, in bytes, where it begins.
        spelled: As the log's users write it: `e201.1`.
        experiment: The experiment, or None if there is none.
        step: The step, or None if none is named or there is none.
        near: If it is unknown, the references of what there is that are nearest to it.
    """

    reference: Reference
    at: int
    spelled: str
    experiment: Experiment | None
    step: Step | None
    near: tuple[str, ...] = ()

    @property
    def is_known(self) -> bool:
        """Whether there is such an experiment, and such a step if one is named."""
        return self.experiment is not None and (self.reference.step is None or self.step is not None)


def resolve(
    reference: Reference,
    experiment: Experiment | None,
    letter: str,
    find_nearest: Callable[[str], Iterable[str]],
    at: int = 0,
) -> Resolved:
    """Return what a reference is.

    Args:
        reference: What stands in the text.
        experiment: The experiment that it, or its step, is of; None if there is none.
        letter: The letter of references.
        find_nearest: From an id that there is not to those nearest to it.
        at: The index in the text, in bytes, where it begins.
    """
    spelled = reference.spell(letter)
    if experiment is None:
        return Resolved(reference, at, spelled, None, None, tuple(letter + name for name in find_nearest(reference.id)))
    if reference.step is None:
        return Resolved(reference, at, spelled, experiment, None)
    step = next((one for one in experiment.steps if one.number == reference.step), None)
    nearest = sorted(experiment.steps, key=lambda one: abs(one.number - (reference.step or 0)))[:_NEAR]
    near = () if step is not None else tuple(one.ref for one in nearest) or (experiment.ref,)
    return Resolved(reference, at, spelled, experiment, step, near)
