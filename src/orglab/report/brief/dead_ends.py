"""What a brief says of what did not work: experiments that were refuted or dropped, and settings that always failed."""

from collections.abc import Sequence
from typing import NamedTuple

from orglab.report.brief.brief import DeadEnd, Failure
from orglab.report.brief.short_text import shorten
from orglab.runs.description import describe_end, describe_not_number
from orglab.runs.record import Run
from orglab.runs.setting import Setting, has_diverged, is_failed
from orglab.runs.step_results import is_bookkeeping, label_settings
from orglab.search.similarity import NO_CONCLUSION, Map

_REFUTED = "refuted"


def read_dead_ends(overview: Map, most: int, room: int) -> tuple[tuple[DeadEnd, ...], int]:
    """Return the experiments that were refuted or dropped, the last one first, and how many there are.

    Args:
        overview: What was tried, by topic.
        most: How many are returned.
        room: The bytes of each text.
    """
    topics = {
        number: topic.name or group.name
        for topic in overview.topics
        for group in topic.groups
        for number in group.numbers
    }
    numbers = [
        number for number, one in enumerate(overview.experiments)
        if one.verdict == _REFUTED or one.kind == "dropped"
    ]  # fmt: skip
    numbers.sort(key=lambda number: (overview.experiments[number].at, number), reverse=True)
    found = []
    for number in numbers[:most]:
        one = overview.experiments[number]
        reason = one.reason if one.kind == "dropped" else "" if one.outcome.startswith(NO_CONCLUSION) else one.outcome
        word = _REFUTED if one.verdict == _REFUTED else one.state or ""
        title, topic = shorten(one.title, room), shorten(topics.get(number, ""), room // 2)
        found.append(DeadEnd(one.ref, topic, title, word, one.at, shorten(reason, room)))
    return tuple(found), len(numbers)


def read_failures(settings: Sequence[Setting], overview: Map, most: int, room: int) -> tuple[tuple[Failure, ...], int]:
    """Return the settings of which no run counts, one entry for each step and reason, and how many entries there are.

    The newest come first. What the conclusion of the experiment says as well is left out.

    Args:
        settings: The settings of the log.
        overview: What was tried, with the conclusions.
        most: How many are returned.
        room: The bytes of each text.
    """
    groups: dict[tuple[str, str, str], list[_Failed]] = {}
    by_ref: dict[str, list[Setting]] = {}
    outcomes = {one.ref: one.outcome.lower() for one in overview.experiments if one.is_concluded}
    for setting in settings:
        ref = setting.ref or ""
        by_ref.setdefault(ref, []).append(setting)
        failed = _find_failed(setting)
        if failed:
            run, word, reason = failed[-1]
            if reason.lower().rstrip(".") in outcomes.get(ref.partition(".")[0], ""):
                continue
            groups.setdefault((ref, word, reason), []).append(_Failed(run, setting, len(failed)))
    newest = {name: max(members, key=lambda one: _order(one.run)) for name, members in groups.items()}
    ordered = sorted(groups, key=lambda name: _order(newest[name].run), reverse=True)
    found = []
    for name in ordered[:most]:
        (ref, word, reason), (run, setting, _) = name, newest[name]
        label = label_settings(by_ref[ref])[by_ref[ref].index(setting)]
        amount = sum(one.amount for one in groups[name])
        found.append(Failure(
            ref, shorten(label, room), word, amount, len(groups[name]), shorten(reason, room), run.id
        ))  # fmt: skip
    return tuple(found), len(groups)


class _Failed(NamedTuple):
    """A setting of which no run counts: its newest run, and how many there are."""

    run: Run
    setting: Setting
    amount: int


def _order(run: Run) -> tuple[float, str]:
    return (run.began_at or 0, run.id)


def _find_failed(setting: Setting) -> list[tuple[Run, str, str]]:
    """Return the runs of a setting that failed, were discarded or diverged, oldest first, each with the reason.

    None of them is returned if another run of the setting counts: then it is no dead end.
    """
    diverged = [(run, metric) for run in setting.counted if (metric := _find_diverged(run)) is not None]
    if len(diverged) < len(setting.counted):
        return []
    found = [
        (run, "diverged", f"{metric} {describe_not_number(run, metric) or ''}".strip()) for run, metric in diverged
    ]
    for run, reason in setting.left_out:
        if run.discarded is not None:
            found.append((run, "discarded", run.discarded))
        elif is_failed(run):
            found.append((run, reason, run.exception or describe_end(run)))
    return sorted(found, key=lambda one: _order(one[0]))


def _find_diverged(run: Run) -> str | None:
    """Return the first metric of a run that diverged, or None."""
    return next((name for name in run.metrics if has_diverged(run, name) and not is_bookkeeping(name)), None)
