"""An experiment as the index keeps it: all that a page shows, as a JSON text, and as a value with the model's names.

Lines count from that of its heading, for what stands above may have moved it.
"""

from __future__ import annotations

import json
from types import SimpleNamespace

from orglab.api.serialize import experiment_form

TYPE_CHECKING = False
if TYPE_CHECKING:
    import datetime
    from typing import Any

    from orglab.experiment.model import Experiment


def form_text(experiment: Experiment) -> str:
    """Return an experiment as JSON text."""
    form: dict[str, Any] = experiment_form(experiment)
    for step in form["steps"]:
        step["line"] -= experiment.line
    del form["file"], form["line"]
    return json.dumps({**form, "verdict": experiment.verdict, "kind": experiment.kind})


def read_form(text: str, file: str, line: int) -> Experiment:
    """Return what `form_text` told, as a value that has the attributes of an experiment that pages and JSON ask for.

    Args:
        text: The form.
        file: The log, as the user knows it.
        line: The line of the experiment's heading, now.
    """
    form: dict[str, Any] = json.loads(text)
    form["steps"] = tuple(
        SimpleNamespace(**{**step, "notes": _notes(step["notes"]), "line": step["line"] + line})
        for step in form["steps"]
    )
    form["notes"] = _notes(form["notes"])
    form["conclusion"] = SimpleNamespace(**{**form["conclusion"], "closed": moment(form["conclusion"]["closed"])})
    form["progress"] = SimpleNamespace(**form["progress"])
    form["tags"] = tuple(form["tags"])
    form["created"], form["closed"] = moment(form["created"]), moment(form["closed"])
    return SimpleNamespace(**form, file=file, line=line)  # type: ignore[return-value]  # the same names, less parsing


def _notes(forms: list[dict[str, Any]]) -> tuple[SimpleNamespace, ...]:
    return tuple(SimpleNamespace(**{**form, "at": moment(form["at"])}) for form in forms)


class Moment:
    """A point in time, as ISO 8601 has it; what pages and JSON ask of a Timestamp."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        """Stand for a time."""
        self._text = text

    def isoformat(self) -> str:
        """Return it as ISO 8601, to the precision that it has."""
        return self._text

    @property
    def when(self) -> datetime.datetime:
        """Local time; midnight where there is no time of day."""
        import datetime  # noqa: PLC0415 - few ask

        return datetime.datetime.fromisoformat(self._text)


def moment(text: str | None) -> Moment | None:
    """Return the time that ISO 8601 text names, or None."""
    return Moment(text) if text else None
