"""The summary: sentences that say how much happened, each with what it counts."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence

from orglab.history.events import Event
from orglab.report.blocks import Inline
from orglab.report.content.evidence import Claim
from orglab.report.content.facts import CLOSED_KINDS, ExperimentActivity
from orglab.report.content.findings import TONES, is_concluded, is_dropped
from orglab.report.content.sentence import cite, make_statement
from orglab.report.content.statements import Statement
from orglab.report.content.wording import Wording, claim_done, claim_exists
from orglab.runs.record import Run
from orglab.runs.setting import is_failed
from orglab.text import cardinal, count, duration

# How an unsuccessful run ended, in the singular and the plural.
_ENDINGS = (
    ("failed", "failed", "failed"),
    ("killed", "was killed by a signal", "were killed by signals"),
    ("stopped", "was stopped", "were stopped"),
    ("lost", "was lost", "were lost"),
    ("discarded", "was discarded", "were discarded"),
)

Counts = dict[str, int | float | dict[str, int]]


def count_facts(activities: Sequence[ExperimentActivity], wording: Wording) -> Counts:
    """Return the numbers of a period.

    Returns:
        `opened`, `concluded`, `dropped`: experiments; `verdicts`: concluded experiments by verdict;
        `steps_done`; `steps_undated`: steps done at an unknown time, in experiments not closed before the period;
        `runs`, `runs_failed` (including killed and lost ones), `runs_running`; `seconds`: the total wall-clock time
        of the runs; `commits`: commits in the period that name an experiment or are recorded in a step;
        `undated`: experiments without any date.
    """
    runs = _runs(activities, wording)
    concluded = [activity for activity in activities if is_concluded(activity, wording)]
    verdicts = Counter(activity.conclusion.verdict or "" for activity in concluded)
    return {
        "opened": len(_opened(activities)),
        "concluded": len(concluded),
        "dropped": sum(is_dropped(activity, wording) for activity in activities),
        "verdicts": dict(sorted(verdicts.items())),
        "steps_done": sum(len(activity.of_kind("step")) for activity in activities),
        "steps_undated": len(_undated_steps(activities, wording)),
        "runs": len(runs),
        "runs_failed": sum(is_failed(run) for run in runs),
        "runs_running": sum(run.status == "running" for run in runs),
        "seconds": math.fsum(run.seconds or 0 for run in runs),
        "commits": len(_commits(activities, wording)),
        "undated": len(_undated(activities)),
    }


def summarize(activities: Sequence[ExperimentActivity], wording: Wording) -> Iterator[Statement]:
    """Yield the sentences of the summary; what did not happen is not mentioned."""
    sentences = list(_sentences(activities, wording))
    if not sentences:
        yield make_statement("No log entries, commits or runs were recorded in this period.")
    yield from sentences
    yield from _undated_facts(activities, wording)


def _sentences(activities: Sequence[ExperimentActivity], wording: Wording) -> Iterator[Statement]:
    opened = _opened(activities)
    if opened:
        yield make_statement(
            f"{count(len(opened), 'experiment', 'words')} {_was(opened)} opened", _cited(opened, wording), ".",
            claims=[Claim("created", activity.ref, "", _created(activity)) for activity in opened],
        )  # fmt: skip
    yield from _conclusions([activity for activity in activities if is_concluded(activity, wording)], wording)
    if dropped := [activity for activity in activities if is_dropped(activity, wording)]:
        yield make_statement(
            f"{count(len(dropped), 'experiment', 'words')} {_was(dropped)} dropped", _cited(dropped, wording), ".",
            claims=[Claim("state", activity.ref, "", activity.state) for activity in dropped if activity.state],
        )  # fmt: skip
    yield from _steps(activities, wording)
    yield from _runs_and_commits(activities, wording)


def _opened(activities: Sequence[ExperimentActivity]) -> list[ExperimentActivity]:
    return [activity for activity in activities if activity.of_kind("created")]


def _created(activity: ExperimentActivity) -> str | None:
    created = activity.experiment.created
    return created.isoformat() if created is not None else None


def _was(things: Sequence[object]) -> str:
    return "was" if len(things) == 1 else "were"


def _is(things: Sequence[object]) -> str:
    return "is" if len(things) == 1 else "are"


def _cited(activities: Sequence[ExperimentActivity], wording: Wording) -> list[Inline]:
    return cite(wording.links.to(activity.ref, activity.experiment.title) for activity in activities)


def _conclusions(concluded: Sequence[ExperimentActivity], wording: Wording) -> Iterator[Statement]:
    """Yield how many experiments were concluded, and with which verdicts."""
    if not concluded:
        return
    groups: dict[str, list[ExperimentActivity]] = {}
    for activity in concluded:
        groups.setdefault(activity.conclusion.verdict or "", []).append(activity)
    known = [*TONES, *(verdict for verdict in groups if verdict not in TONES and verdict), ""]
    pieces: list[str | list[Inline]] = [f"{count(len(concluded), 'experiment', 'words')} {_was(concluded)} concluded"]
    separator = ": " if any(groups) else " " if len(concluded) == 1 else ", "
    claims = []
    for verdict in (verdict for verdict in known if verdict in groups):
        group = groups[verdict]
        amount = (
            ""
            if len(groups) == 1 and len(group) == 1
            else "all "
            if len(groups) == 1
            else f"{cardinal(len(group), 'words')} "
        )
        pieces += [separator, amount, verdict or "without a verdict", _cited(group, wording)]
        separator = ", "
        claims += [Claim("state", activity.ref, "", activity.state) for activity in group if activity.state]
        claims += [Claim("verdict", activity.ref, "", verdict) for activity in group if verdict]
    yield make_statement(*pieces, ".", claims=claims)


def _steps(activities: Sequence[ExperimentActivity], wording: Wording) -> Iterator[Statement]:
    """Yield how many steps were completed."""
    done = [event for activity in activities for event in activity.of_kind("step")]
    if done:
        experiments = {event.ref.partition(".")[0] for event in done}
        where = f" in {count(len(experiments), 'experiment', 'words')}" if len(experiments) > 1 else ""
        yield make_statement(
            f"{count(len(done), 'step', 'words')}{where} {_was(done)} completed",
            cite(wording.links.to(event.ref, event.text) for event in done), ".",
            claims=[claim for event in done for claim in claim_done(event.ref, event.text)],
        )  # fmt: skip


def _runs_and_commits(activities: Sequence[ExperimentActivity], wording: Wording) -> Iterator[Statement]:
    """Yield how many runs there were, how long they took, how many failed; and how many commits."""
    if runs := _runs(activities, wording):
        yield _run_sentence(runs, wording)
    if running := [run for run in runs if run.status == "running"]:
        yield make_statement(
            f"{count(len(running), 'run', 'words')} {_is(running)} still running",
            cite(map(wording.links.to_run, running), 4), ".", claims=[Claim("run", run.id) for run in running],
        )  # fmt: skip
    commits = _commits(activities, wording)
    if commits:
        yield make_statement(
            f"{count(len(commits), 'commit', 'words')} {'belongs' if len(commits) == 1 else 'belong'} to this work",
            cite(map(wording.links.to_commit, commits), 4), ".",
            claims=[Claim("commit", commit) for commit in commits],
        )  # fmt: skip


def _run_sentence(runs: Sequence[Run], wording: Wording) -> Statement:
    """Return how many runs were made, how long they took, and how many were unsuccessful."""
    timed = [run for run in runs if run.seconds is not None]
    took = f", taking {duration(math.fsum(run.seconds or 0 for run in timed))}" if timed else ""
    in_all = " in total" if len(timed) > 1 else ""
    claims = [Claim("run", run.id, "status", run.status) for run in runs if run.status != "running"]
    claims += [Claim("run", run.id, "seconds", run.seconds) for run in timed]
    pieces: list[str | list[Inline]] = [f"{count(len(runs), 'run', 'words')} {_was(runs)} made{took}{in_all}"]
    for status, singular, plural in _ENDINGS:
        if group := [
            run
            for run in runs
            if (run.discarded is not None) == (status == "discarded") and status in (run.status, "discarded")
        ]:
            amount = "all" if 1 < len(group) == len(runs) else "it" if len(runs) == 1 else cardinal(len(group), "words")
            verb = singular if len(group) == 1 else plural
            pieces += [f"; {amount} {verb}", cite(map(wording.links.to_run, group), 4)]
    return make_statement(*pieces, ".", claims=claims)


def _runs(activities: Sequence[ExperimentActivity], wording: Wording) -> list[Run]:
    return [run for activity in activities for run in activity.runs if wording.period.contains(run.began)]


def _commits(activities: Sequence[ExperimentActivity], wording: Wording) -> list[str]:
    """Return the full hashes of the commits of the period that belong to the experiments, oldest first."""
    known = wording.links.commits
    hashes = {event.commit for activity in activities for event in activity.of_kind("commit") if event.commit}
    recorded = {name for activity in activities for step in activity.experiment.steps for name in step.commits}
    hashes |= {known[name].hash for name in recorded if name in known and wording.period.contains(known[name].when)}
    return sorted(hashes, key=lambda name: (known[name].authored, name))


def _undated_steps(activities: Sequence[ExperimentActivity], wording: Wording) -> list[Event]:
    """Return the steps that were done at an unknown time, possibly in the period."""
    since = wording.period.since
    candidates = [activity for activity in activities if activity.closed is None or activity.closed >= since]
    return [event for activity in candidates for event in activity.events if event.kind == "step" and event.at is None]


def _undated(activities: Sequence[ExperimentActivity]) -> list[ExperimentActivity]:
    """Return the experiments without any dated event."""
    return [activity for activity in activities if not _has_date(activity)]


def _has_date(activity: ExperimentActivity) -> bool:
    return activity.closed is not None or any(event.at is not None for event in activity.events)


def _undated_facts(activities: Sequence[ExperimentActivity], wording: Wording) -> Iterator[Statement]:
    """Yield what happened at an unknown time, and so is not counted."""
    steps = _undated_steps(activities, wording)
    if steps:
        yield make_statement(
            f"{count(len(steps), 'step', 'words')} {_was(steps)} done at an unknown time",
            cite((wording.links.to(event.ref, event.text) for event in steps), 4),
            f" and {_is(steps)} not counted here.",
            claims=[claim for event in steps for claim in claim_done(event.ref, event.text)],
        )  # fmt: skip
    if closed := [
        activity
        for activity in activities
        if activity.kind in CLOSED_KINDS and activity.closed is None and _has_date(activity)
    ]:
        yield make_statement(
            f"{count(len(closed), 'experiment', 'words')} {_was(closed)} closed at an unknown time",
            _cited(closed, wording), f" and {_is(closed)} not counted here.",
            claims=[claim_exists(activity.experiment) for activity in closed],
        )  # fmt: skip
    undated = _undated(activities)
    if undated:
        yield make_statement(
            f"{count(len(undated), 'experiment', 'words')} {'has' if len(undated) == 1 else 'have'} no date in the log",
            _cited(undated, wording), ".", claims=[claim_exists(activity.experiment) for activity in undated],
        )  # fmt: skip
