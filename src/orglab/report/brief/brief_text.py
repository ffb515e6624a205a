"""A brief as text, for the command line and for the server that agents ask."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from orglab.experiment.states import describe_kinds
from orglab.org.timestamp import skip_date
from orglab.report.brief.brief import (
    TOKENS,
    ActiveWork,
    Best,
    Brief,
    Contradiction,
    DeadEnd,
    Failure,
    LastVerdict,
    OpenStep,
    Situation,
    Standstill,
    Wait,
)
from orglab.report.brief.fitting import ROOMY, count_left_out, fit
from orglab.text import count, number


def write_text(brief: Brief) -> str:
    """Return a brief as text within its tokens; it ends in a newline."""
    return _write(fit(brief, lambda one: len(_write(one).encode())))


def _write(brief: Brief) -> str:
    left_out = count_left_out(brief)
    lines = [_describe_situation(brief.situation)]
    lines += [line for active in brief.active for line in _describe_active(active)]
    if not brief.totals["active"] and brief.situation.counts:
        lines.append("Active: none; choose one with `orglab start`, or add one with `orglab new`")
    for name, (title, describe, command) in _SECTIONS.items():
        if entries := getattr(brief, name):
            lines.append(f"{title}:")
            lines += [f"  {describe(entry)}" for entry in entries]
            if name in left_out:
                lines.append(f"  and {left_out.pop(name)} more: {command}")
    left_out.pop("active", None)
    if left_out:
        each = ", ".join(count(amount, _NOUNS[name]) for name, amount in left_out.items())
        # Where room is scarce, an entry of one of them is worth more than the names of all.
        words = each if brief.tokens >= ROOMY else f"{sum(left_out.values())} more"
        lines.append(f"Left out: {words} (orglab brief --tokens {2 * max(brief.tokens, TOKENS // 2)})")
    return "".join(f"{line}\n" for line in lines)


def _describe_situation(situation: Situation) -> str:
    total = sum(situation.counts.values())
    kinds = describe_kinds(situation.counts)
    words = f"{situation.log}{_describe_commit(situation)}: {count(total, 'experiment')}"
    words += (f" ({kinds})" if kinds else "") + f", {count(situation.runs, 'run')}"
    if situation.conflict is not None:
        words += f"; a git conflict marker in line {situation.conflict}: nothing is written until it is resolved"
    return words


def _describe_commit(situation: Situation) -> str:
    if situation.branch is None:
        return ", without git"
    where = f" on {situation.branch}" if situation.branch else ", HEAD detached"
    commit = f" at {situation.commit}" if situation.commit else ", no commit yet"
    changed = f", {count(situation.changed, 'other file')} changed" if situation.changed else ""
    return f"{where}{commit}{changed}"


def _describe_active(active: ActiveWork) -> Iterator[str]:
    """Yield the active experiment and step, the question and the claim, each on a line."""
    if active.problem:
        yield f"Active: {active.ref}, {active.problem}"
        return
    done = f" ({active.done} of {count(active.total, 'step')} done)" if active.total else ""
    yield f"Active: {active.ref} {active.step or skip_date(active.title)}{done}"
    if active.step:
        yield f"  of: {skip_date(active.title)}"
    if active.question:
        yield f"  Question: {active.question}"
    if active.claim:
        yield f"  Claim: {active.claim}"


def _describe_best(best: Best) -> str:
    if best.direction is None:
        return f"{best.metric}: more or less is better? The setting `metrics` does not say"
    label = f" {best.label}" if best.label else ""
    text = f"{best.metric} {best.figures}: {best.ref}{label}; run {best.run}, {_describe_code(best)}"
    if best.repeated is not None and best.repeated_mean is not None:
        text += f"; of several runs {number(best.repeated_mean)}: {best.repeated}"
    return text


def _describe_code(best: Best) -> str:
    """Return the commit of the code, and whether the working tree is that."""
    if best.commit is None:
        return "its code is in no commit"
    name = f"{'snapshot' if best.is_snapshot else 'commit'} {best.commit}"
    if best.differing is None:
        return f"{name} (is the working tree that? unknown)"
    same = f"differs in {count(best.differing, 'file')}" if best.differing else "is that"
    return f"{name} (the working tree {same})"


def _describe_standstill(one: Standstill) -> str:
    at = f" on {one.at:%Y-%m-%d}" if one.at is not None else ""
    return f"no better {one.metric} in the last {count(one.runs, 'run')}, since {one.ref}{at} ({number(one.value)})"


def _describe_verdict(one: LastVerdict) -> str:
    at = f" ({one.at.partition('T')[0]})" if one.at else ""
    figures = f" [{_describe_figures(one)}]" if one.figures else ""
    text = f": {one.text}" if one.text else ""
    return f"{one.ref} {one.verdict or 'without verdict'}{at}: {skip_date(one.title)}{text}{figures}"


def _describe_figures(one: LastVerdict) -> str:
    """Return the number of a conclusion, with the mean if it is a difference."""
    is_change = one.difference is not None and one.mean is not None
    return f"{one.figures}; mean {number(one.mean)}" if is_change and one.mean is not None else one.figures


def _describe_dead_end(one: DeadEnd) -> str:
    topic = f"{one.topic}: " if one.topic else ""
    return f"{topic}{one.ref} {skip_date(one.title)}: {one.word}: {one.reason or 'no reason is noted'}"


def _describe_failure(one: Failure) -> str:
    label = f" {one.label}" if one.label else ""
    others = f" and {count(one.settings - 1, 'other setting')}" if one.settings > 1 else ""
    reason = f": {one.reason}" if one.reason else ""
    return f"{one.ref}{label}{others}: {count(one.runs, 'run')} {one.word}{reason}"


def _describe_contradiction(one: Contradiction) -> str:
    return f"{one.ref}: {one.text}"


def _describe_step(one: OpenStep) -> str:
    return f"{one.ref} {one.text} ({skip_date(one.title)})"


def _describe_wait(one: Wait) -> str:
    name = f"{one.what} {one.ref}" if one.what in ("run", "sweep") else one.ref
    return ": ".join(filter(None, (f"{name} {skip_date(one.title)}".strip(), one.text)))


# In the order in which a reader uses them: the title of each, how an entry is told, and the command that has them all.
_SECTIONS: Mapping[str, tuple[str, Callable[[Any], str], str]] = {
    "open_steps": ("Open steps", _describe_step, "orglab next"),
    "best": ("Best", _describe_best, "orglab runs --best METRIC"),
    "standstills": ("Standing still", _describe_standstill, "orglab runs --best METRIC"),
    "verdicts": ("Last verdicts", _describe_verdict, "orglab list --done"),
    "contradictions": ("Contradictions", _describe_contradiction, "orglab report"),
    "dead_ends": ("Dead ends", _describe_dead_end, "orglab tried"),
    "failures": ("Without a result", _describe_failure, "orglab runs --all"),
    "waits": ("Waiting", _describe_wait, "orglab status, orglab list --waiting"),
}
_NOUNS = {
    "open_steps": "open step", "best": "best setting", "standstills": "standstill", "verdicts": "verdict",
    "contradictions": "contradiction", "dead_ends": "dead end", "failures": "failure", "waits": "wait",
}  # fmt: skip
