"""The document about one run, as in `run --json`: all that decides the next step, within 2 KB; see `serialize`."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from orglab.api.serialize import format_moment, metrics_form, render_rows
from orglab.runs.description import describe_not_number, outcome_text
from orglab.runs.record import OUTPUT
from orglab.runs.run_wait import find_process
from orglab.text import cut

if TYPE_CHECKING:
    from orglab.runs.record import Run
    from orglab.runs.setting import Summary
    from orglab.runs.standing import Rival, Standing
    from orglab.runs.statistics import Comparison
    from orglab.runs.step_results import Outcome

MOST_BYTES = 2048
"""The size of the document with its last line break, whatever the run."""
_Item = TypeVar("_Item")
_DIGITS = 6
_REF = 40
_NO_DIRECTION = "not known whether less or more is better; say so under [metrics] in orglab.toml"
# What is shortened in turn until the document is small enough, each time to so many items or characters.
_CUTS = (
    ("folder", 0), ("metrics", 40), ("parameters", 20), ("argv", 20), ("seeds", 12), ("text", 200),
    ("parameters", 10), ("metrics", 20), ("argv", 10), ("seeds", 8), ("compared", 2), ("text", 120),
    ("parameters", 5), ("metrics", 10), ("argv", 5), ("not_numbers", 3), ("compared", 1), ("seeds", 4),
    ("parameters", 0), ("metrics", 5), ("text", 60), ("argv", 2), ("name", 60), ("seeds", 2), ("metrics", 3),
    ("name", 40), ("metrics", 1), ("not_numbers", 1), ("text", 30), ("compared", 0), ("argv", 0),
    ("path", 0), ("metrics", 0), ("not_numbers", 0), ("text", 10), ("name", 10),
)  # fmt: skip


def outcome_form(run: "Run", standings: "Sequence[Standing]", repeated: "Run | None") -> dict[str, object]:
    """Return a run with how it ended and where it stands, as in `run --json`, cut to MOST_BYTES.

    Args:
        run: The run.
        standings: Where it stands by each main metric, the most important first.
        repeated: The run that it repeats; None if there is none.
    """
    limits: dict[str, int] = {}
    form = _Form(run, standings, repeated, limits).make()
    for name, limit in _CUTS:
        if measure(form) <= MOST_BYTES:
            break
        limits[name] = limit
        form = _Form(run, standings, repeated, limits).make()
    return form


def measure(form: Mapping[str, object]) -> int:
    """Return how many bytes a document has when it is printed."""
    return len(render_rows(form).encode()) + 1


def name_outcome(run: "Run") -> str | None:
    """Return how a run ended, in one word: `ok`, `failed`, `timeout`, `diverged` or `killed`; None if it goes on."""
    if run.is_going_on:
        return None
    if run.timed_out:
        return "timeout"
    if run.status == "done":
        return "diverged" if run.is_diverged else "ok"
    return "failed" if run.status == "failed" else "killed"


class _Form:
    """The document, with at most so many items or characters of each of its parts."""

    def __init__(
        self, run: "Run", standings: "Sequence[Standing]", repeated: "Run | None", limits: Mapping[str, int]
    ) -> None:
        self._run, self._standings, self._repeated, self._limits = run, standings, repeated, limits
        self._shortened: dict[str, int] = {}

    def make(self) -> dict[str, object]:
        """Return the document, the most useful first."""
        run = self._run
        known = metrics_form(run)
        output = str(run.folder / OUTPUT)
        form = {
            "id": run.id,
            "ref": self._text(run.ref),
            "outcome": name_outcome(run),
            "status": run.status,
            "exit_code": run.exit_code,
            "reason": self._text(_describe_reason(run)),
            "exception": self._text(run.exception),
            "last_line": self._text(run.last_line),
            "seconds": run.seconds,
            "metrics": self._items("metrics", self._sort_metrics(known["metrics"])),
            "not_numbers": self._items("not_numbers", known["not_numbers"]),
            "compared": [self._compared_form(one) for one in self._first("compared", self._standings)],
            "repeats": self._repeats_form(),
            "commit": run.commit,
            "before": run.before,
            "snapshot": run.snapshot,
            "kept": run.kept,
            "kept_code": run.kept_code,
            "output": self._path("path", output),
            "folder": self._path("folder", str(run.folder)) if "path" not in self._limits else None,
            "pid": find_process(run),
            "asked_by": self._text(run.asked_by),
            "out_of_memory": run.out_of_memory,
            "timed_out": run.timed_out,
            "began": format_moment(run.began),
            "discarded": self._text(run.discarded),
            "author": self._text(run.author),
            "why": self._text(run.why),
            "argv": [self._text(word) for word in self._first("argv", run.argv)],
            "parameters": self._items("parameters", run.parameters),
        }
        return {**form, "shortened": self._shortened, "more": self._list_commands()}

    def _list_commands(self) -> list[str]:
        """Return the commands that print what is left out."""
        of_others = {"compared", "seeds"} & self._shortened.keys()
        commands = [f"orglab runs show {self._run.id} --json"] if self._shortened.keys() - of_others else []
        experiment = (self._run.ref or "").partition(".")[0]
        return [*commands, f"orglab show {cut(experiment, _REF)} --json"] if of_others else commands

    def _text(self, text: str | None) -> str | None:
        """Return a text that is cut, and counted if something of it is missing."""
        if text is None or len(text) <= self._limits.get("text", len(text)):
            return text
        self._count("characters", len(text) - self._limits["text"])
        return cut(text, self._limits["text"])

    def _path(self, name: str, path: str) -> str | None:
        """Return a path, which is of no use if it is cut; None if it is left out."""
        if name not in self._limits:
            return path
        self._count(name, 1)
        return None

    def _first(self, name: str, found: Sequence[_Item]) -> Sequence[_Item]:
        """Return the first of some things, and count the others."""
        most = self._limits.get(name, len(found))
        self._count(name, len(found) - most)
        return found[:most]

    def _items(self, name: str, values: Mapping[str, object]) -> dict[str, object]:
        """Return the first of some values, and count the others; one with too long a name is left out, too."""
        longest = self._limits.get("name")
        short = [(key, value) for key, value in values.items() if longest is None or len(key) <= longest]
        kept = short[: self._limits.get(name, len(short))]
        self._count(name, len(values) - len(kept))
        room = self._limits.get("text")
        return {key: cut(value, room) if isinstance(value, str) and room else value for key, value in kept}

    def _count(self, name: str, amount: int) -> None:
        if amount > 0:
            self._shortened[name] = self._shortened.get(name, 0) + amount

    def _sort_metrics(self, metrics: Mapping[str, object]) -> dict[str, object]:
        """Return metrics with the main ones first."""
        main = [one.metric for one in self._standings if one.metric in metrics]
        return {name: metrics[name] for name in dict.fromkeys((*main, *metrics))}

    def _repeats_form(self) -> dict[str, object] | None:
        if self._repeated is None:
            return None
        metrics = self._sort_metrics(metrics_form(self._repeated)["metrics"])
        most = min(self._limits.get("metrics", len(metrics)), 10)
        return {"id": self._repeated.id, "metrics": dict([*metrics.items()][:most])}

    def _compared_form(self, standing: "Standing") -> dict[str, object]:
        """Return where the run stands by a metric."""
        summary, baseline = standing.summary, standing.baseline
        # The newest first, so that the run itself is not left out.
        seeds = self._items("seeds", dict(reversed(summary.by_seed().items())))
        form: dict[str, object] = {
            "metric": self._text(standing.metric),
            "direction": standing.direction,
            "setting": {**_summary_form(summary), "of": summary.total, "seeds": seeds},
            "best": self._rival_form(standing.best),
            "best_of_log": self._rival_form(standing.best_of_log),
            "baseline": None,
        }
        if standing.direction is None:
            form["no_best"] = _NO_DIRECTION
        if baseline is not None:
            form["baseline"] = {
                **self._name_form(baseline), **_summary_form(baseline.setting.summarize(standing.metric)),
                "is_this": standing.is_baseline, "has_other_code": standing.has_other_code,
                "difference": _difference_form(standing.change),
            }  # fmt: skip
        return form

    def _rival_form(self, rival: "Rival | None") -> dict[str, object] | None:
        if rival is None:
            return None
        return {
            **self._name_form(rival.outcome), **_summary_form(rival.summary),
            "is_this": rival.is_same, "has_other_code": rival.has_other_code,
            "run_is_better": rival.run_is_better, "setting_is_better": rival.setting_is_better,
            "difference": _difference_form(rival.difference),
        }  # fmt: skip

    def _name_form(self, outcome: "Outcome") -> dict[str, object]:
        """Return which setting is meant."""
        return {"ref": self._text(outcome.ref), "label": self._text(outcome.label)}


def _describe_reason(run: "Run") -> str | None:
    """Return why a run did not end well, without what it said itself; None if it did, or goes on."""
    outcome = name_outcome(run)
    if outcome in (None, "ok"):
        return None
    if outcome != "diverged":
        return outcome_text(run)
    pairs = ((name, describe_not_number(run, name)) for name in run.diverged if name in run.metrics)
    return "; ".join(f"{name} {reason}" for name, reason in pairs if reason is not None)


def _summary_form(summary: "Summary") -> dict[str, object]:
    return {"mean": _round(summary.mean), "sd": _round(summary.deviation), "n": len(summary.values)}


def _difference_form(comparison: "Comparison | None") -> dict[str, object] | None:
    if comparison is None:
        return None
    value, low, high = (_round(one) for one in comparison[:3])
    return {"value": value, "low": low, "high": high, "method": comparison.method}


def _round(value: float | None) -> float | None:
    """Return a number with six digits, which is more than a few runs can tell."""
    return value if value is None or not math.isfinite(value) else float(f"{value:.{_DIGITS}g}")
