"""From facts to statements: what is said of each experiment, and where."""

from collections.abc import Iterable, Iterator

from orglab.experiment.model import Step
from orglab.history.events import Event
from orglab.report.blocks import Badge, Inline, Text
from orglab.report.content.evidence import Claim, digest
from orglab.report.content.facts import ExperimentActivity
from orglab.report.content.key_numbers import figures
from orglab.report.content.sentence import cite, say
from orglab.report.content.statements import Item, Statement
from orglab.report.content.wording import Wording, changed, exists, is_done, noted, reads
from orglab.runs.statistics import Results, is_failed
from orglab.text import cardinal, count

TONES = {"supported": "good", "refuted": "bad", "inconclusive": "unsure"}
_OPPOSITES = {("supported", "refuted"), ("refuted", "supported")}
_STATE_TONES = {"doing": "active", "waiting": "waiting", "dropped": "bad"}


def is_concluded(account: ExperimentActivity, wording: Wording) -> bool:
    """Return whether an experiment was concluded in the period."""
    return account.kind == "done" and wording.period.holds(account.closed)


def is_dropped(account: ExperimentActivity, wording: Wording) -> bool:
    """Return whether an experiment was given up in the period."""
    return account.kind == "dropped" and wording.period.holds(account.closed)


def read_learned(account: ExperimentActivity, results: Results, wording: Wording) -> Item:
    """Return what an experiment that was concluded has shown: verdict, words, figures, evidence."""
    one, ref = account.experiment, account.ref
    conclusion = one.conclusion
    verdict = conclusion.verdict
    closed = [Claim("state", ref, "", account.state)] if account.state else [exists(one)]
    when = wording.on(account.closed) if account.closed else ""
    if verdict:
        first = say(
            f"Concluded {when}: ", Badge(verdict, TONES.get(verdict, "plain")), cite([wording.links.to(ref)]), ".",
            claims=[*closed, Claim("verdict", ref, "", verdict)],
        )  # fmt: skip
    else:
        first = say(f"Concluded {when}, without a verdict", cite([wording.links.to(ref)]), ".", claims=closed)
    statements = [first]
    if conclusion.text:
        statements.append(_conclusion(account, wording))
    statements += figures(account, results, wording)
    statements += _evidence(account, wording)
    return Item(ref, one.title, "", "plain", tuple(statements))


def _conclusion(account: ExperimentActivity, wording: Wording) -> Statement:
    """Return the words of a conclusion, as they stand in the log."""
    text = account.experiment.conclusion.text
    claim = Claim("conclusion", account.ref, "", digest(text))
    return Statement((), (claim,), wording.blocks(text, account.ref), text)


def _evidence(account: ExperimentActivity, wording: Wording) -> Iterator[Statement]:
    """Yield what a conclusion rests on: the steps done, their commits, the runs."""
    steps = account.steps_done()
    links = wording.links
    commits = list(dict.fromkeys(name for step in steps for name in step.commits))
    runs = [run for run in account.runs if run.status == "done"]
    pieces: list[str | list[Inline]] = []
    for amount, content in (
        (count(len(steps), "step", "words"), cite(links.to(step.ref, step.text) for step in steps)),
        (count(len(commits), "commit", "words"), cite((links.to_commit(name) for name in commits), 4)),
        (count(len(runs), "run", "words"), cite(map(links.to_run, runs), 3)),
    ):
        if content:
            pieces += [", " if pieces else "Evidence: ", amount, content]
    claims = [claim for step in steps for claim in is_done(step.ref, step.text)]
    claims += [Claim("commit", links.commits[name].hash) for name in commits if name in links.commits]
    claims += [Claim("run", run.id, "status", run.status) for run in runs]
    if pieces:
        yield say(*pieces, ".", claims=claims)
    lost = [name for name in commits if name not in links.commits]
    if lost and links.commits:
        yield say(
            f"The log names {count(len(lost), 'commit', 'words')} that the repository does not have",
            cite((links.to_commit(name) for name in lost), 4), ".", claims=[exists(account.experiment)],
        )  # fmt: skip


def read_decisions(account: ExperimentActivity, others: dict[str, ExperimentActivity], wording: Wording) -> Item | None:
    """Return what was decided on an experiment, or None if nothing was: changes with a note, reopenings, opposites.

    What is told where it is a dead end, or where it waits, is not told again.
    """
    statements = [
        _change(event, account, wording)
        for event in account.of_kind("state")
        if (event.text or _is_reopening(event, account)) and not _is_told_elsewhere(event, account, wording)
    ]
    if is_concluded(account, wording):
        statements += _contradictions(account, others, wording)
    one = account.experiment
    return Item(account.ref, one.title, "", "plain", tuple(statements)) if statements else None


def _is_reopening(event: Event, account: ExperimentActivity) -> bool:
    settings = account.experiment.document.settings
    new = event.facts.get("new")
    return settings.is_done(event.facts.get("old")) and new is not None and not settings.is_done(new)


def _is_told_elsewhere(event: Event, account: ExperimentActivity, wording: Wording) -> bool:
    """Return whether a change of state is the end of a dead end, or what an experiment still waits for."""
    if is_dropped(account, wording):
        return event is _last_change(account)
    return account.kind == "waiting" and event is _last_change(account)


def _last_change(account: ExperimentActivity) -> Event | None:
    """Return the newest change of the state that is dated."""
    changes = [event for event in account.events if event.kind == "state" and event.at is not None]
    return changes[-1] if changes else None


def _told(lead: str, text: str, ref: str, claims: Iterable[Claim], wording: Wording) -> Statement:
    """Return a statement that quotes the log: behind a colon, or below if it is long; then where it stands."""
    quote, below = wording.quotation(text, ref.partition(".")[0]) if text else ([], ())
    content = say(lead, [Text(": "), *quote] if quote else "", cite([wording.links.to(ref)]), ":" if below else ".")
    return Statement(content.content, tuple(claims), below, text if below else "")


def _change(event: Event, account: ExperimentActivity, wording: Wording) -> Statement:
    """Return the statement that a state was set."""
    old, new = event.facts.get("old"), event.facts.get("new")
    when = f"{wording.on(event.at)} " if event.at else ""
    was = "it was reopened, " if _is_reopening(event, account) else "it went " if old and new else "it was "
    way = f"from {old} to {new}" if old and new else f"set to {new}" if new else "changed"
    return _told(f"{when}{was}{way}", event.text, event.ref, [changed(event)], wording)


def _contradictions(
    account: ExperimentActivity, others: dict[str, ExperimentActivity], wording: Wording
) -> Iterator[Statement]:
    """Yield a statement for each experiment that this one refers to, and that came to the opposite verdict."""
    verdict = account.experiment.conclusion.verdict
    for ref in wording.mentioned(account.experiment):
        other = others.get(ref)
        if other is None or other.kind != "done" or ref == account.ref:
            continue
        before = other.experiment.conclusion.verdict
        if (before, verdict) in _OPPOSITES:
            yield say(
                "This one was ", Badge(verdict or "", TONES[verdict or ""]), "; ", wording.links.to(ref),
                ", to which it refers, was ", Badge(before or "", TONES[before or ""]), ".",
                claims=[Claim("verdict", account.ref, "", verdict), Claim("verdict", ref, "", before)],
            )  # fmt: skip


def read_dead_end(account: ExperimentActivity, wording: Wording) -> Item:
    """Return what is known of an experiment that was given up: when, why, how far it had come."""
    one, ref = account.experiment, account.ref
    last = _last_change(account)
    reason = last.text if last is not None else ""
    claims = [Claim("state", ref, "", account.state), *([changed(last)] if last is not None and reason else [])]
    when = f" {wording.on(account.closed)}" if account.closed else ""
    statements = [_told(f"given up{when}", reason, ref, claims, wording)]
    if one.conclusion.text:
        statements.append(_conclusion(account, wording))
    if one.steps:
        statements.append(_progress(account, wording))
    return Item(ref, one.title, account.state or "", "bad", tuple(statements))


def _progress(account: ExperimentActivity, wording: Wording) -> Statement:
    """Return how far an experiment has come; what is open may be done later, so that is not claimed."""
    done, total = account.steps_done(), account.experiment.steps
    claims = [claim for step in done for claim in is_done(step.ref, step.text)] or [exists(account.experiment)]
    if not total:
        return say("It has no steps yet", cite([wording.links.to(account.ref)]), ".", claims=claims)
    if len(done) == len(total):
        all_of_them = "its one step is" if len(total) == 1 else f"all {count(len(total), 'step', 'words')} are"
        return say(all_of_them, " done", cite([wording.links.to(account.ref)]), ".", claims=claims)
    if not done:
        none_of_them = (
            "its one step is not" if len(total) == 1 else f"none of the {count(len(total), 'step', 'words')} is"
        )
        return say(none_of_them, " done", cite([wording.links.to(account.ref)]), ".", claims=claims)
    verb = "is" if len(done) == 1 else "are"
    return say(
        f"{cardinal(len(done), 'words')} of {count(len(total), 'step', 'words')} {verb} done",
        cite([wording.links.to(account.ref)]), ".", claims=claims,
    )  # fmt: skip


def read_under_way(account: ExperimentActivity, wording: Wording) -> Item:
    """Return where an experiment stands: progress, what it waits for, failed runs, the last note."""
    one = account.experiment
    statements = [_progress(account, wording)]
    if account.kind == "waiting":
        statements.append(_waiting(account, wording))
    statements += _failures(account, wording)
    statements += _last_note(account, wording)
    if not account.recent:
        dated = [event.at for event in account.events if event.at is not None]
        last = f"; the last entry is of {wording.day(max(dated))}" if dated else ""
        statements.append(say(f"Nothing was recorded in this period{last}.", claims=[exists(one)]))
    tone = _STATE_TONES.get(account.kind or "", "plain")
    return Item(account.ref, one.title, account.state or "", tone, tuple(statements))


def _waiting(account: ExperimentActivity, wording: Wording) -> Statement:
    """Return since when, and for what, an experiment waits."""
    last = _last_change(account)
    if last is None or last.at is None or last.facts.get("new") != account.state:
        return say("It waits; the log does not say since when.", claims=[exists(account.experiment)])
    return _told(f"it waits since {wording.day(last.at)}", last.text, account.ref, [changed(last)], wording)


def _failures(account: ExperimentActivity, wording: Wording) -> Iterator[Statement]:
    """Yield a statement for each step whose runs in the period went wrong."""
    made = [run for run in account.runs if wording.period.holds(run.began)]
    for ref in dict.fromkeys(run.ref for run in made if run.ref and is_failed(run)):
        mine = [run for run in made if run.ref == ref]
        failed = [run for run in mine if is_failed(run)]
        some = count(len(failed), "run", "words")
        if len(failed) < len(mine):
            some = f"{cardinal(len(failed), 'words')} of {count(len(mine), 'run', 'words')}"
        verb = "failed" if all(run.status == "failed" for run in failed) else "did not end well"
        yield say(
            f"{some} {verb}", cite([wording.links.to(ref), *map(wording.links.to_run, failed)], 4), ".",
            claims=[Claim("run", run.id, "status", run.status) for run in failed],
        )  # fmt: skip


def _last_note(account: ExperimentActivity, wording: Wording) -> Iterator[Statement]:
    """Yield the newest note with a time, if there is one."""
    notes = [event for event in account.events if event.kind == "note" and event.at is not None and event.text]
    for note in notes[-1:]:
        when = f", {wording.day(note.at)}" if note.at else ""
        yield _told(f"last note{when}", note.text, note.ref, [noted(note)], wording)


def read_next(account: ExperimentActivity, wording: Wording) -> Item | None:
    """Return the step that comes next, or None if none is open."""
    done = {step.ref for step in account.steps_done()}
    left = [step for step in account.experiment.steps if step.ref not in done]
    if not left:
        return None
    more = f", and {count(len(left) - 1, 'more step', 'words')}" if len(left) > 1 else ""
    return Item(account.ref, account.experiment.title, "", "plain", (_open_step(left[0], more, account, wording),))


def _open_step(step: Step, more: str, account: ExperimentActivity, wording: Wording) -> Statement:
    text = wording.inline(step.text, account.ref)
    return say(text, cite([wording.links.to(step.ref)]), more, ".", claims=[reads(step.ref, step.text)])
