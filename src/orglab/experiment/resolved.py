"""Resolution of a reference in a text to an experiment or step, or to similar references if it is unknown."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from orglab.experiment.model import Experiment, Step
from orglab.reference import Reference

_NEAR = 3


@dataclass(frozen=True, slots=True)
class Resolved:
    """A reference in a text, and the experiment or step it refers to.

    Attributes:
        reference: The reference.
        at: The byte offset in the text where it begins.
        spelled: The reference as written in the log: `e201.1`.
        experiment: The experiment, or None if it does not exist.
        step: The step, or None if the reference has no step or it does not exist.
        near: The nearest existing references, if this one is unknown.
    """

    reference: Reference
    at: int
    spelled: str
    experiment: Experiment | None
    step: Step | None
    near: tuple[str, ...] = ()

    @property
    def is_known(self) -> bool:
        """Whether the experiment exists, and the step too if the reference has one."""
        return self.experiment is not None and (self.reference.step is None or self.step is not None)


def resolve(
    reference: Reference,
    experiment: Experiment | None,
    letter: str,
    find_nearest: Callable[[str], Iterable[str]],
    at: int = 0,
) -> Resolved:
    """Return the resolved reference.

    Args:
        reference: The reference in the text.
        experiment: The experiment with its id, or None if there is none.
        letter: The letter that references begin with.
        find_nearest: Returns the ids nearest to an unknown id.
        at: The byte offset in the text where it begins.
    """
    spelled = reference.spell(letter)
    if experiment is None:
        return Resolved(reference, at, spelled, None, None, tuple(letter + name for name in find_nearest(reference.id)))
    if reference.step is None:
        return Resolved(reference, at, spelled, experiment, None)
    step = next((step for step in experiment.steps if step.number == reference.step), None)
    nearest = sorted(experiment.steps, key=lambda other: abs(other.number - (reference.step or 0)))[:_NEAR]
    near = () if step is not None else tuple(other.ref for other in nearest) or (experiment.ref,)
    return Resolved(reference, at, spelled, experiment, step, near)
