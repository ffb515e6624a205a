"""Statements about single experiments, for each section of the report."""

from collections.abc import Iterable, Iterator

from orglab.experiment.model import Step
from orglab.history.events import Event
from orglab.report.blocks import Badge, Inline, Text
from orglab.report.content.evidence import Claim, digest_text
from orglab.report.content.facts import ExperimentActivity
from orglab.report.content.key_numbers import describe_key_numbers
from orglab.report.content.sentence import cite, make_statement
from orglab.report.content.statements import Item, Statement
from orglab.report.content.wording import Wording, claim_change, claim_done, claim_exists, claim_note, claim_text
from orglab.runs.setting import find_reason, is_failed
from orglab.runs.step_results import Results
from orglab.text import cardinal, count

TONES = {"supported": "good", "refuted": "bad", "inconclusive": "unsure"}
_OPPOSITES = {("supported", "refuted"), ("refuted", "supported")}
_STATE_TONES = {"doing": "active", "waiting": "waiting", "dropped": "bad"}


def is_concluded(activity: ExperimentActivity, wording: Wording) -> bool:
    """Return whether an experiment was concluded in the period."""
    return activity.kind == "done" and wording.period.contains(activity.closed)


def is_dropped(activity: ExperimentActivity, wording: Wording) -> bool:
    """Return whether an experiment was dropped in the period."""
    return activity.kind == "dropped" and wording.period.contains(activity.closed)


def read_learned(activity: ExperimentActivity, results: Results, wording: Wording) -> Item:
    """Return the item on what a concluded experiment showed: verdict, conclusion, key numbers, evidence."""
    experiment, ref = activity.experiment, activity.ref
    conclusion = activity.conclusion
    verdict = conclusion.verdict
    closed = [Claim("state", ref, "", activity.state)] if activity.state else [claim_exists(experiment)]
    when = wording.on_day(activity.closed) if activity.closed else ""
    if verdict:
        first = make_statement(
            f"Concluded {when}: ", Badge(verdict, TONES.get(verdict, "plain")), cite([wording.links.to(ref)]), ".",
            claims=[*closed, Claim("verdict", ref, "", verdict)],
        )  # fmt: skip
    else:
        first = make_statement(
            f"Concluded {when}, without a verdict", cite([wording.links.to(ref)]), ".", claims=closed
        )
    statements = [first]
    if conclusion.text:
        statements.append(_conclusion(activity, wording))
    statements += describe_key_numbers(activity, results, wording)
    statements += _evidence(activity, wording)
    return Item(ref, experiment.title, "", "plain", tuple(statements))


def _conclusion(activity: ExperimentActivity, wording: Wording) -> Statement:
    """Return the text of a conclusion, as in the log."""
    text = activity.conclusion.text
    claim = Claim("conclusion", activity.ref, "", digest_text(text))
    return Statement((), (claim,), wording.blocks(text, activity.ref), text)


def _evidence(activity: ExperimentActivity, wording: Wording) -> Iterator[Statement]:
    """Yield the evidence for a conclusion: the steps done, their commits, the runs."""
    steps = activity.steps_done()
    links = wording.links
    commits = list(dict.fromkeys(name for step in steps for name in step.commits))
    runs = [run for run in activity.runs if find_reason(run) is None]
    pieces: list[str | list[Inline]] = []
    for amount, content in (
        (count(len(steps), "step", "words"), cite(links.to(step.ref, step.text) for step in steps)),
        (count(len(commits), "commit", "words"), cite((links.to_commit(name) for name in commits), 4)),
        (count(len(runs), "run", "words"), cite(map(links.to_run, runs), 3)),
    ):
        if content:
            pieces += [", " if pieces else "Evidence: ", amount, content]
    claims = [claim for step in steps for claim in claim_done(step.ref, step.text)]
    claims += [Claim("commit", links.commits[name].hash) for name in commits if name in links.commits]
    claims += [Claim("run", run.id, "status", run.status) for run in runs]
    if pieces:
        yield make_statement(*pieces, ".", claims=claims)
    lost = [name for name in commits if name not in links.commits]
    if lost and links.commits:
        yield make_statement(
            f"The log refers to {count(len(lost), 'commit', 'words')} missing from the repository",
            cite((links.to_commit(name) for name in lost), 4), ".", claims=[claim_exists(activity.experiment)],
        )  # fmt: skip


def read_decisions(
    activity: ExperimentActivity, others: dict[str, ExperimentActivity], wording: Wording
) -> Item | None:
    """Return the item on decisions: state changes with a note, reopenings, contradictions; None if there are none.

    State changes that the sections on dead ends and on work under way report are not repeated.
    """
    statements = [
        _change(event, activity, wording)
        for event in activity.of_kind("state")
        if (event.text or _is_reopening(event, activity)) and not _is_covered_elsewhere(event, activity, wording)
    ]
    if is_concluded(activity, wording):
        statements += _contradictions(activity, others, wording)
    experiment = activity.experiment
    return Item(activity.ref, experiment.title, "", "plain", tuple(statements)) if statements else None


def _is_reopening(event: Event, activity: ExperimentActivity) -> bool:
    settings = activity.experiment.document.settings
    new = event.facts.get("new")
    return settings.is_done(event.facts.get("old")) and new is not None and not settings.is_done(new)


def _is_covered_elsewhere(event: Event, activity: ExperimentActivity, wording: Wording) -> bool:
    """Return whether a state change is reported as a dead end or as what an experiment is waiting for."""
    if is_dropped(activity, wording):
        return event is _last_change(activity)
    return activity.kind == "waiting" and event is _last_change(activity)


def _last_change(activity: ExperimentActivity) -> Event | None:
    """Return the last dated state change."""
    changes = [event for event in activity.events if event.kind == "state" and event.at is not None]
    return changes[-1] if changes else None


def _quote_log(lead: str, text: str, ref: str, claims: Iterable[Claim], wording: Wording) -> Statement:
    """Return a statement that quotes the log after a colon, or below if the text is long, and cites the place."""
    quote, below = wording.quotation(text, ref.partition(".")[0]) if text else ([], ())
    content = make_statement(
        lead, [Text(": "), *quote] if quote else "", cite([wording.links.to(ref)]), ":" if below else "."
    )
    return Statement(content.content, tuple(claims), below, text if below else "")


def _change(event: Event, activity: ExperimentActivity, wording: Wording) -> Statement:
    """Return the statement about a state change."""
    old, new = event.facts.get("old"), event.facts.get("new")
    when = f" {wording.on_day(event.at)}" if event.at else ""
    if _is_reopening(event, activity):
        change = f"reopened{when}, from {old} to {new}"
    elif old and new:
        change = f"changed from {old} to {new}{when}"
    else:
        change = f"set to {new}{when}" if new else f"state changed{when}"
    return _quote_log(change, event.text, event.ref, [claim_change(event)], wording)


def _contradictions(
    activity: ExperimentActivity, others: dict[str, ExperimentActivity], wording: Wording
) -> Iterator[Statement]:
    """Yield a statement for each experiment that this one refers to and that had the opposite verdict."""
    verdict = activity.conclusion.verdict
    for ref in wording.find_mentioned(activity.experiment):
        other = others.get(ref)
        if other is None or other.kind != "done" or ref == activity.ref:
            continue
        before = other.conclusion.verdict
        if (before, verdict) in _OPPOSITES:
            yield make_statement(
                "This experiment was ", Badge(verdict or "", TONES[verdict or ""]), ", but ", wording.links.to(ref),
                ", which it refers to, was ", Badge(before or "", TONES[before or ""]), ".",
                claims=[Claim("verdict", activity.ref, "", verdict), Claim("verdict", ref, "", before)],
            )  # fmt: skip


def read_dead_end(activity: ExperimentActivity, wording: Wording) -> Item:
    """Return the item on a dropped experiment: when and why it was dropped, and how far it got."""
    experiment, ref = activity.experiment, activity.ref
    last = _last_change(activity)
    reason = last.text if last is not None else ""
    claims = [Claim("state", ref, "", activity.state), *([claim_change(last)] if last is not None and reason else [])]
    when = f" {wording.on_day(activity.closed)}" if activity.closed else ""
    statements = [_quote_log(f"dropped{when}", reason, ref, claims, wording)]
    if activity.conclusion.text:
        statements.append(_conclusion(activity, wording))
    if experiment.steps:
        statements.append(_progress(activity, wording))
    return Item(ref, experiment.title, activity.state or "", "bad", tuple(statements))


def _progress(activity: ExperimentActivity, wording: Wording) -> Statement:
    """Return how many steps are done; that others are open is not claimed, as they may be done later."""
    done, total = activity.steps_done(), activity.experiment.steps
    claims = [claim for step in done for claim in claim_done(step.ref, step.text)] or [
        claim_exists(activity.experiment)
    ]
    if not total:
        return make_statement("It has no steps yet", cite([wording.links.to(activity.ref)]), ".", claims=claims)
    if len(done) == len(total):
        all_of_them = {1: "its only step is", 2: "both steps are"}.get(
            len(total), f"all {count(len(total), 'step', 'words')} are"
        )
        return make_statement(all_of_them, " done", cite([wording.links.to(activity.ref)]), ".", claims=claims)
    if not done:
        none_of_them = {1: "its only step is not", 2: "neither of the two steps is"}.get(
            len(total), f"none of the {count(len(total), 'step', 'words')} is"
        )
        return make_statement(none_of_them, " done", cite([wording.links.to(activity.ref)]), ".", claims=claims)
    verb = "is" if len(done) == 1 else "are"
    return make_statement(
        f"{cardinal(len(done), 'words')} of {count(len(total), 'step', 'words')} {verb} done",
        cite([wording.links.to(activity.ref)]), ".", claims=claims,
    )  # fmt: skip


def read_under_way(activity: ExperimentActivity, wording: Wording) -> Item:
    """Return the item on an open experiment: progress, what it is waiting for, failed runs, the last note."""
    experiment = activity.experiment
    statements = [_progress(activity, wording)]
    if activity.kind == "waiting":
        statements.append(_waiting(activity, wording))
    statements += _failures(activity, wording)
    statements += _last_note(activity, wording)
    if not activity.recent:
        dated = [event.at for event in activity.events if event.at is not None]
        last = f"; the last entry is from {wording.day(max(dated))}" if dated else ""
        statements.append(
            make_statement(f"Nothing was recorded in this period{last}.", claims=[claim_exists(experiment)])
        )
    tone = _STATE_TONES.get(activity.kind or "", "plain")
    return Item(activity.ref, experiment.title, activity.state or "", tone, tuple(statements))


def _waiting(activity: ExperimentActivity, wording: Wording) -> Statement:
    """Return since when an experiment has been waiting, and for what."""
    last = _last_change(activity)
    if last is None or last.at is None or last.facts.get("new") != activity.state:
        return make_statement(
            "Waiting; the log does not record since when.", claims=[claim_exists(activity.experiment)]
        )
    return _quote_log(f"waiting since {wording.day(last.at)}", last.text, activity.ref, [claim_change(last)], wording)


def _failures(activity: ExperimentActivity, wording: Wording) -> Iterator[Statement]:
    """Yield a statement for each step with failed runs in the period."""
    recent = [run for run in activity.runs if wording.period.contains(run.began)]
    for ref in dict.fromkeys(run.ref for run in recent if run.ref and is_failed(run)):
        runs = [run for run in recent if run.ref == ref]
        failed = [run for run in runs if is_failed(run)]
        some = count(len(failed), "run", "words")
        if len(failed) < len(runs):
            some = f"{cardinal(len(failed), 'words')} of {count(len(runs), 'run', 'words')}"
        verb = "failed" if all(run.status == "failed" for run in failed) else "did not succeed"
        yield make_statement(
            f"{some} {verb}", cite([wording.links.to(ref), *map(wording.links.to_run, failed)], 4), ".",
            claims=[Claim("run", run.id, "status", run.status) for run in failed],
        )  # fmt: skip


def _last_note(activity: ExperimentActivity, wording: Wording) -> Iterator[Statement]:
    """Yield the last dated note, if there is one."""
    notes = [event for event in activity.events if event.kind == "note" and event.at is not None and event.text]
    for note in notes[-1:]:
        when = f", {wording.day(note.at)}" if note.at else ""
        yield _quote_log(f"last note{when}", note.text, note.ref, [claim_note(note)], wording)


def read_next(activity: ExperimentActivity, wording: Wording) -> Item | None:
    """Return the item on the next open step, or None if no step is open."""
    done = {step.ref for step in activity.steps_done()}
    remaining = [step for step in activity.experiment.steps if step.ref not in done]
    if not remaining:
        return None
    more = f", and {count(len(remaining) - 1, 'more step', 'words')}" if len(remaining) > 1 else ""
    statement = _open_step(remaining[0], more, activity, wording)
    return Item(activity.ref, activity.experiment.title, "", "plain", (statement,))


def _open_step(step: Step, more: str, activity: ExperimentActivity, wording: Wording) -> Statement:
    text = wording.inline(step.text, activity.ref)
    return make_statement(text, cite([wording.links.to(step.ref)]), more, ".", claims=[claim_text(step.ref, step.text)])
