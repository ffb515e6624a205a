"""The values of metrics: which there are, and the last, smallest and largest of each metric in a history."""

import functools
import json
import math
import re
from collections.abc import Iterable
from typing import NamedTuple

from orglab.text import cut

Value = float | str
Row = dict[str, Value]

NAME = 200
"""The most characters of the name of a metric that are kept."""
TEXT = 500
"""The most characters of a value that is not a number that are kept."""
_STEPS = (
    "step", "global_step", "iteration", "iterations", "iter", "epoch", "round", "update", "timestep", "timesteps",
    "total_timesteps",
)  # fmt: skip
_EXACT = 2**53  # larger integers are not exact as a float
_NAMES = 1000
_WORDS = {"nan": "NaN", "inf": "Infinity", "infinity": "Infinity"}


class Extremes(NamedTuple):
    """The smallest and the largest finite value of a metric, each with the first step that has it.

    Attributes:
        low: The smallest value.
        low_step: Its step.
        high: The largest value.
        high_step: Its step.
    """

    low: float
    low_step: float
    high: float
    high_step: float


def parse_cell(text: str) -> object:
    """Return a text as a number, or unchanged if it is not one."""
    try:
        return parse_number(text)
    except ValueError:
        return text


def parse_number(text: str) -> Value:
    """Return a text as a number, or unchanged if an int or float would lose digits or is not finite.

    Raises:
        ValueError: The text is not a number.
    """
    value = float(text)
    if not math.isfinite(value) or "_" in text:
        return text
    if value.is_integer() and abs(value) < _EXACT and not set(".eE") & set(text):
        return int(value)
    if abs(value) >= _EXACT and not set(".eE") & set(text):
        return text
    return value


def to_value(value: object, most: int = TEXT) -> Value:
    """Return the value of a metric: a finite number, or else a text.

    What is not a number has one spelling: `NaN`, `Infinity` or `-Infinity`.

    Args:
        value: The value.
        most: The characters of a text that are kept.
    """
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _EXACT:
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    text = value if isinstance(value, str) else str(value) if isinstance(value, float) else json.dumps(value)
    word = _WORDS.get(text.strip().lstrip("+-").lower())
    if word is not None:
        return f"-{word}" if text.strip()[0] == "-" and word != "NaN" else word
    return cut(text.encode("utf-8", "replace").decode(), most)


def is_not_finite(value: Value) -> bool:
    """Return whether a value is NaN or infinite, as a text; other texts are not."""
    if not isinstance(value, str):
        return False
    try:
        # A number with too many digits for an int or a float is finite or not as a float.
        return not math.isfinite(float(value))
    except ValueError:
        return False


def find_step_name(names: Iterable[str]) -> str | None:
    """Return the name of the column that counts the steps: `step`, `epoch`, `time/iterations`, ..., or None."""
    return _find_step_name(tuple(names))


@functools.lru_cache(maxsize=256)
def _find_step_name(names: tuple[str, ...]) -> str | None:
    found = {_get_last_part(name): name for name in reversed(names)}
    return next((found[step] for step in _STEPS if step in found), None)


@functools.lru_cache(maxsize=4096)
def is_step_name(name: str) -> bool:
    """Return whether a column counts steps and is no metric."""
    return _get_last_part(name) in _STEPS


def _get_last_part(name: str) -> str:
    return re.split(r"[/.]", name.lower())[-1].strip("_ ")


def find_step(row: Row) -> float | None:
    """Return the step of a row, or None if it has none."""
    name = find_step_name(row)
    value = row[name] if name is not None else None
    return value if isinstance(value, int | float) else None


class MetricSummary:
    """The last, smallest and largest values of metrics in a history, of which it keeps nothing else.

    Attributes:
        final: The last value of each metric.
    """

    def __init__(self) -> None:
        """Begin without values."""
        self.final: Row = {}
        self._extremes: dict[str, tuple[float, float, float, float]] = {}
        self._diverged: dict[str, float | None] = {}

    def add(self, row: Row, step: float | None = None) -> None:
        """Add the next row of a history, or final values without a step."""
        for name, value in row.items():
            if name not in self.final and len(self.final) >= _NAMES:
                continue
            self.final[name] = value
            if is_not_finite(value):
                self._diverged.setdefault(name, step)
                continue
            self._diverged.pop(name, None)
            if step is not None and not isinstance(value, str) and not is_step_name(name):
                low, low_step, high, high_step = self._extremes.get(name, (value, step, value, step))
                low, low_step = (value, step) if value < low else (low, low_step)
                high, high_step = (value, step) if value > high else (high, high_step)
                self._extremes[name] = (low, low_step, high, high_step)

    @property
    def extremes(self) -> dict[str, dict[str, list[float]]]:
        """The smallest and the largest finite value of each metric, each with its first step, as in a record."""
        return {
            name: {"min": [low, low_step], "max": [high, high_step]}
            for name, (low, low_step, high, high_step) in self._extremes.items()
        }

    @property
    def diverged(self) -> dict[str, float | None]:
        """The metrics whose last value is NaN or infinite, each with the step since which it is; None if unknown."""
        return dict(self._diverged)
