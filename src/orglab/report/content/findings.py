"""From facts to statements: what is said of each experiment, and where."""

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
from orglab.runs.statistics import Results, is_failed
from orglab.text import cardinal, count

TONES = {"supported": "good", "refuted": "bad", "inconclusive": "unsure"}
_OPPOSITES = {("supported", "refuted"), ("refuted", "supported")}
_STATE_TONES = {"doing": "active", "waiting": "waiting", "dropped": "bad"}


def is_concluded(activity: ExperimentActivity, wording: Wording) -> bool:
    """Return whether an experiment was concluded in the period."""
    return activity.kind == "done" and wording.period.contains(activity.closed)


def is_dropped(activity: ExperimentActivity, wording: Wording) -> bool:
    """Return whether an experiment was given up in the period."""
    return activity.kind == "dropped" and wording.period.contains(activity.closed)


def read_learned(activity: ExperimentActivity, results: Results, wording: Wording) -> Item:
    """Return what an experiment that was concluded has shown: verdict, words, figures, evidence."""
    one, ref = activity.experiment, activity.ref
    conclusion = one.conclusion
    verdict = conclusion.verdict
    closed = [Claim("state", ref, "", activity.state)] if activity.state else [claim_exists(one)]
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
    return Item(ref, one.title, "", "plain", tuple(statements))


def _conclusion(activity: ExperimentActivity, wording: Wording) -> Statement:
    """Return the words of a conclusion, as they stand in the log."""
    text = activity.experiment.conclusion.text
    claim = Claim("conclusion", activity.ref, "", digest_text(text))
    return Statement((), (claim,), wording.blocks(text, activity.ref), text)


def _evidence(activity: ExperimentActivity, wording: Wording) -> Iterator[Statement]:
    """Yield what a conclusion rests on: the steps done, their commits, the runs."""
    steps = activity.steps_done()
    links = wording.links
    commits = list(dict.fromkeys(name for step in steps for name in step.commits))
    runs = [run for run in activity.runs if run.status == "done"]
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
            f"The log names {count(len(lost), 'commit', 'words')} that the repository does not have",
            cite((links.to_commit(name) for name in lost), 4), ".", claims=[claim_exists(activity.experiment)],
        )  # fmt: skip


def read_decisions(
    activity: ExperimentActivity, others: dict[str, ExperimentActivity], wording: Wording
) -> Item | None:
    """Return what was decided on an experiment, or None if nothing was: changes with a note, reopenings, opposites.

    What is told where it is a dead end, or where it waits, is not told again.
    """
    statements = [
        _change(event, activity, wording)
        for event in activity.of_kind("state")
        if (event.text or _is_reopening(event, activity)) and not _is_covered_elsewhere(event, activity, wording)
    ]
    if is_concluded(activity, wording):
        statements += _contradictions(activity, others, wording)
    one = activity.experiment
    return Item(activity.ref, one.title, "", "plain", tuple(statements)) if statements else None


def _is_reopening(event: Event, activity: ExperimentActivity) -> bool:
    settings = activity.experiment.document.settings
    new = event.facts.get("new")
    return settings.is_done(event.facts.get("old")) and new is not None and not settings.is_done(new)


def _is_covered_elsewhere(event: Event, activity: ExperimentActivity, wording: Wording) -> bool:
    """Return whether a change of state is the end of a dead end, or what an experiment still waits for."""
    if is_dropped(activity, wording):
        return event is _last_change(activity)
    return activity.kind == "waiting" and event is _last_change(activity)


def _last_change(activity: ExperimentActivity) -> Event | None:
    """Return the newest change of the state that is dated."""
    changes = [event for event in activity.events if event.kind == "state" and event.at is not None]
    return changes[-1] if changes else None


def _quote_log(lead: str, text: str, ref: str, claims: Iterable[Claim], wording: Wording) -> Statement:
    """Return a statement that quotes the log: behind a colon, or below if it is long; then where it stands."""
    quote, below = wording.quotation(text, ref.partition(".")[0]) if text else ([], ())
    content = make_statement(
        lead, [Text(": "), *quote] if quote else "", cite([wording.links.to(ref)]), ":" if below else "."
    )
    return Statement(content.content, tuple(claims), below, text if below else "")


def _change(event: Event, activity: ExperimentActivity, wording: Wording) -> Statement:
    """Return the statement that a state was set."""
    old, new = event.facts.get("old"), event.facts.get("new")
    when = f"{wording.on_day(event.at)} " if event.at else ""
    was = "it was reopened, " if _is_reopening(event, activity) else "it went " if old and new else "it was "
    way = f"from {old} to {new}" if old and new else f"set to {new}" if new else "changed"
    return _quote_log(f"{when}{was}{way}", event.text, event.ref, [claim_change(event)], wording)


def _contradictions(
    activity: ExperimentActivity, others: dict[str, ExperimentActivity], wording: Wording
) -> Iterator[Statement]:
    """Yield a statement for each experiment that this one refers to, and that came to the opposite verdict."""
    verdict = activity.experiment.conclusion.verdict
    for ref in wording.find_mentioned(activity.experiment):
        other = others.get(ref)
        if other is None or other.kind != "done" or ref == activity.ref:
            continue
        before = other.experiment.conclusion.verdict
        if (before, verdict) in _OPPOSITES:
            yield make_statement(
                "This one was ", Badge(verdict or "", TONES[verdict or ""]), "; ", wording.links.to(ref),
                ", to which it refers, was ", Badge(before or "", TONES[before or ""]), ".",
                claims=[Claim("verdict", activity.ref, "", verdict), Claim("verdict", ref, "", before)],
            )  # fmt: skip


def read_dead_end(activity: ExperimentActivity, wording: Wording) -> Item:
    """Return what is known of an experiment that was given up: when, why, how far it had come."""
    one, ref = activity.experiment, activity.ref
    last = _last_change(activity)
    reason = last.text if last is not None else ""
    claims = [Claim("state", ref, "", activity.state), *([claim_change(last)] if last is not None and reason else [])]
    when = f" {wording.on_day(activity.closed)}" if activity.closed else ""
    statements = [_quote_log(f"given up{when}", reason, ref, claims, wording)]
    if one.conclusion.text:
        statements.append(_conclusion(activity, wording))
    if one.steps:
        statements.append(_progress(activity, wording))
    return Item(ref, one.title, activity.state or "", "bad", tuple(statements))


def _progress(activity: ExperimentActivity, wording: Wording) -> Statement:
    """Return how far an experiment has come; what is open may be done later, so that is not claimed."""
    done, total = activity.steps_done(), activity.experiment.steps
    claims = [claim for step in done for claim in claim_done(step.ref, step.text)] or [
        claim_exists(activity.experiment)
    ]
    if not total:
        return make_statement("It has no steps yet", cite([wording.links.to(activity.ref)]), ".", claims=claims)
    if len(done) == len(total):
        all_of_them = "its one step is" if len(total) == 1 else f"all {count(len(total), 'step', 'words')} are"
        return make_statement(all_of_them, " done", cite([wording.links.to(activity.ref)]), ".", claims=claims)
    if not done:
        none_of_them = (
            "its one step is not" if len(total) == 1 else f"none of the {count(len(total), 'step', 'words')} is"
        )
        return make_statement(none_of_them, " done", cite([wording.links.to(activity.ref)]), ".", claims=claims)
    verb = "is" if len(done) == 1 else "are"
    return make_statement(
        f"{cardinal(len(done), 'words')} of {count(len(total), 'step', 'words')} {verb} done",
        cite([wording.links.to(activity.ref)]), ".", claims=claims,
    )  # fmt: skip


def read_under_way(activity: ExperimentActivity, wording: Wording) -> Item:
    """Return where an experiment stands: progress, what it waits for, failed runs, the last note."""
    one = activity.experiment
    statements = [_progress(activity, wording)]
    if activity.kind == "waiting":
        statements.append(_waiting(activity, wording))
    statements += _failures(activity, wording)
    statements += _last_note(activity, wording)
    if not activity.recent:
        dated = [event.at for event in activity.events if event.at is not None]
        last = f"; the last entry is of {wording.day(max(dated))}" if dated else ""
        statements.append(make_statement(f"Nothing was recorded in this period{last}.", claims=[claim_exists(one)]))
    tone = _STATE_TONES.get(activity.kind or "", "plain")
    return Item(activity.ref, one.title, activity.state or "", tone, tuple(statements))


def _waiting(activity: ExperimentActivity, wording: Wording) -> Statement:
    """Return since when, and for what, an experiment waits."""
    last = _last_change(activity)
    if last is None or last.at is None or last.facts.get("new") != activity.state:
        return make_statement("It waits; the log does not say since when.", claims=[claim_exists(activity.experiment)])
    return _quote_log(f"it waits since {wording.day(last.at)}", last.text, activity.ref, [claim_change(last)], wording)


def _failures(activity: ExperimentActivity, wording: Wording) -> Iterator[Statement]:
    """Yield a statement for each step whose runs in the period went wrong."""
    made = [run for run in activity.runs if wording.period.contains(run.began)]
    for ref in dict.fromkeys(run.ref for run in made if run.ref and is_failed(run)):
        mine = [run for run in made if run.ref == ref]
        failed = [run for run in mine if is_failed(run)]
        some = count(len(failed), "run", "words")
        if len(failed) < len(mine):
            some = f"{cardinal(len(failed), 'words')} of {count(len(mine), 'run', 'words')}"
        verb = "failed" if all(run.status == "failed" for run in failed) else "did not end well"
        yield make_statement(
            f"{some} {verb}", cite([wording.links.to(ref), *map(wording.links.to_run, failed)], 4), ".",
            claims=[Claim("run", run.id, "status", run.status) for run in failed],
        )  # fmt: skip


def _last_note(activity: ExperimentActivity, wording: Wording) -> Iterator[Statement]:
    """Yield the newest note with a time, if there is one."""
    notes = [event for event in activity.events if event.kind == "note" and event.at is not None and event.text]
    for note in notes[-1:]:
        when = f", {wording.day(note.at)}" if note.at else ""
        yield _quote_log(f"last note{when}", note.text, note.ref, [claim_note(note)], wording)


def read_next(activity: ExperimentActivity, wording: Wording) -> Item | None:
    """Return the step that comes next, or None if none is open."""
    done = {step.ref for step in activity.steps_done()}
    left = [step for step in activity.experiment.steps if step.ref not in done]
    if not left:
        return None
    more = f", and {count(len(left) - 1, 'more step', 'words')}" if len(left) > 1 else ""
    return Item(activity.ref, activity.experiment.title, "", "plain", (_open_step(left[0], more, activity, wording),))


def _open_step(step: Step, more: str, activity: ExperimentActivity, wording: Wording) -> Statement:
    text = wording.inline(step.text, activity.ref)
    return make_statement(text, cite([wording.links.to(step.ref)]), more, ".", claims=[claim_text(step.ref, step.text)])
