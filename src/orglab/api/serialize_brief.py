"""A brief as JSON values; see `serialize`."""

import datetime
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from orglab.api.serialize import format_moment, render_rows
from orglab.report.brief.fitting import ROOMY, count_left_out, fit

if TYPE_CHECKING:
    from orglab.report.brief.brief import Brief

_WORDS = ("figures", "label")
_LEAST_USEFUL = ("direction", "interval", "of", "is_snapshot", "at", "topic")
"""What is left out where room is scarce."""


def render_brief(brief: "Brief") -> str:
    """Return a brief as a JSON document within its tokens, a field a line."""
    return render_rows(fitting_form(brief))


def fitting_form(brief: "Brief") -> dict[str, object]:
    """Return a brief with as many entries as its tokens have room for in a JSON document."""
    # The newline that is printed after it counts, too.
    return brief_form(fit(brief, lambda one: len(render_rows(brief_form(one)).encode()) + 1))


def brief_form(brief: "Brief") -> dict[str, object]:
    """Return a brief, as in `brief --json`; sections without entries are left out."""
    is_roomy, left_out = brief.tokens >= ROOMY, count_left_out(brief)
    unwanted = _WORDS if is_roomy else (*_WORDS, *_LEAST_USEFUL)
    form: dict[str, object] = _without_empty(brief.situation, ("counts",))
    if is_roomy:
        form["experiments"] = dict(brief.situation.counts)
    if brief.active:
        form["active"] = _without_empty(brief.active[0], unwanted)
    for name in (
        "open_steps", "best", "standstills", "verdicts", "contradictions", "dead_ends", "failures", "waits",
    ):  # fmt: skip
        if entries := getattr(brief, name):
            form[name] = [_without_empty(entry, unwanted) for entry in entries]
    return {**form, "left_out": left_out if is_roomy else {"all": sum(left_out.values())}}


def _without_empty(entry: Any, unwanted: Collection[str]) -> dict[str, object]:  # noqa: ANN401 - of any section
    """Return the fields of an entry that are wanted and not empty; what is a number is not repeated in words."""
    fields = ((name, _make_short(value)) for name, value in entry._asdict().items() if name not in unwanted)
    # Zero is a number: no step is done, no file differs.
    return {name: value for name, value in fields if value or (value == 0 and value is not False)}


def _make_short(value: object) -> object:
    """Return a value with six digits of a number: more would say nothing, and each two or three are a token."""
    match value:
        case float():
            return float(f"{value:.6g}")
        case (float() as low, float() as high):
            return [_make_short(low), _make_short(high)]
        case datetime.datetime():
            return format_moment(value)
    return value
