"""Verification of a report: each claim is checked against the current log, repository and run records."""

import datetime
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from orglab.experiment.model import Experiment, Step
from orglab.git.commit import read_commits_by_hash
from orglab.history.events import Event, written_events
from orglab.history.sources import Sources
from orglab.log.text_history import find_state_changes, find_verdict_changes
from orglab.org.timestamp import skip_date
from orglab.report.content.evidence import Claim, StoredStatement, digest_text
from orglab.report.content.facts import list_closing
from orglab.report.content.figures import claim_figure, describe_role, find_outcome, name_setting
from orglab.report.content.headline import make_headline
from orglab.report.content.wording import claim_change, claim_note, claim_text
from orglab.runs.record import Run
from orglab.runs.record_lines import read_number
from orglab.runs.setting import read_final
from orglab.runs.step_results import Results
from orglab.text import cut, number

_LONGEST = 40  # characters of a claimed value that is not a number
_LONGEST_TEXT = 100


@dataclass(frozen=True, slots=True)
class FailedClaim:
    """A claim that no longer holds.

    Attributes:
        claim: The claim.
        message: What has changed, in one line.
        statement: The first statement that depends on it.
    """

    claim: Claim
    message: str
    statement: str


class CurrentFacts:
    """The current state of the log, the repository and the run records, of which a report of a period tells."""

    def __init__(
        self, sources: Sources, statements: Iterable[StoredStatement], until: datetime.datetime | None = None
    ) -> None:
        """Take what to check against.

        Args:
            sources: The log, the repository and the runs.
            statements: The statements of the report.
            until: The end of its period; None for the present.
        """
        log = sources.log
        self.sources = sources
        self.experiments = {one.ref: one for one in log.read_experiments(sources.document)}
        self.runs = {run.id: run for run in sources.runs}
        self.repository = sources.repository
        self._claims = [claim for one in statements for claim in one.claims]
        self._entries = sources.entries if any(claim.kind == "journal" for claim in self._claims) else []
        self._until = until or datetime.datetime.max  # noqa: DTZ901 - the times of the log have none
        self._events: dict[str, list[Event]] = {}
        self._told: dict[str, frozenset[Claim]] = {}
        self._results: dict[str, Results] = {}

    @cached_property
    def steps(self) -> Mapping[str, Step]:
        """All steps, by reference."""
        return {step.ref: step for experiment in self.experiments.values() for step in experiment.steps}

    @cached_property
    def descriptions(self) -> Mapping[str, str]:
        """The descriptions that are claimed, by experiment; read in the order of the log, which counts lines once."""
        refs = {claim.about for claim in self._claims if claim.kind == "text" and claim.name == "description"}
        return {ref: experiment.description for ref, experiment in self.experiments.items() if ref in refs}

    def read_claims(self, ref: str) -> frozenset[Claim]:
        """Return the claims that hold now about an experiment's state changes, notes and journal entries."""
        if ref not in self._told:
            events = self._read_events(ref)
            claims = [claim_change(event) if event.kind == "state" else claim_note(event) for event in events]
            # Reports of an earlier version do not claim the time of a note.
            self._told[ref] = frozenset((*claims, *(claim._replace(name="") for claim in claims)))
        return self._told[ref]

    def _read_events(self, ref: str) -> list[Event]:
        if ref not in self._events:
            self._events[ref] = written_events(self.experiments[ref], self._entries)
        return self._events[ref]

    def read_closed(self, ref: str) -> datetime.datetime | None:
        """Return when an experiment was closed by the end of the period or, if not by then, afterwards, or None."""
        if dates := list_closing(self._read_events(ref), self.experiments[ref]):
            return max((date for date in dates if date < self._until), default=max(dates))
        return self._closing.get(ref)

    @cached_property
    def _closing(self) -> Mapping[str, datetime.datetime]:
        """When the experiments were closed whose date of closing is claimed, but not in the log, as git tells."""
        refs = {claim.about for claim in self._claims if claim.kind == "closed"} & self.experiments.keys()
        undated = [
            self.experiments[ref] for ref in refs if not list_closing(self._read_events(ref), self.experiments[ref])
        ]
        if self.repository is None or not undated:
            return {}
        found: dict[str, datetime.datetime] = {}
        for find_changes in (find_state_changes, find_verdict_changes):
            for ref, change in find_changes(self.sources.log, undated).items():
                # The first verdict may be written after the experiment was closed.
                if find_changes is find_verdict_changes and change.old is None:
                    continue
                found[ref] = max(change.commit.when, found.get(ref, change.commit.when))
        return found

    def read_results(self, ref: str) -> Results:
        """Return the results of an experiment now, by the runs that the report names."""
        if ref not in self._results:
            experiment = self.experiments[ref]
            runs = self.sources.find_runs(experiment)
            self._results[ref] = self.sources.read_results(experiment, runs, select=self._select_named)
        return self._results[ref]

    def _select_named(self, runs: Iterable[Run]) -> list[Run]:
        """Return those of some runs that the report names; of those that went on, nobody knew the end."""
        named = ((run, self._named[run.id]) for run in runs if run.id in self._named)
        unknown = {"lost": True, "asked_by": None}
        return [run if had_ended else Run(run.folder, {**run.fields, **unknown}) for run, had_ended in named]

    @cached_property
    def _named(self) -> Mapping[str, bool]:
        """The ids of the runs that the report names, each with whether it had ended."""
        named: dict[str, bool] = {}
        for claim in self._claims:
            if claim.kind in ("run", "metric"):
                named[claim.about] = named.get(claim.about, False) or bool(claim.name)
        return named


def verify(statements: Iterable[StoredStatement], current: CurrentFacts) -> list[FailedClaim]:
    """Return the claims that no longer hold, each once, in the order of the statements; git is called twice."""
    statements = list(statements)
    commits = {claim.about for statement in statements for claim in statement.claims if claim.kind == "commit"}
    # The names come from a file, so only hashes are passed to git.
    names = tuple(sorted(name for name in commits if _is_hash(name)))
    existing = read_commits_by_hash(current.repository, names) if current.repository is not None and names else {}
    checked: set[Claim] = set()
    seen: set[str] = set()
    failed = []
    for statement in statements:
        for claim in statement.claims:
            if claim in checked:
                continue
            checked.add(claim)
            message = _check_commit(claim, existing) if claim.kind == "commit" else _find_mismatch(claim, current)
            if message is not None and message not in seen:
                seen.add(message)
                failed.append(FailedClaim(claim, message, statement.text))
    return failed


def _is_hash(text: str) -> bool:
    return len(text) in (40, 64) and set(text) <= set("0123456789abcdef")


def _check_commit(claim: Claim, existing: Mapping[str, object]) -> str | None:
    return None if claim.about in existing else f"commit {claim.about[:12]} is no longer in the repository"


def _find_mismatch(claim: Claim, current: CurrentFacts) -> str | None:
    """Return why a claim no longer holds, or None if it does."""
    if claim.kind in ("run", "metric"):
        return _check_run(claim, current)
    if claim.kind == "step" or (claim.kind == "text" and not claim.name):
        return _check_step(claim, current)
    ref = claim.about.partition(" ")[0].partition(".")[0]
    experiment = current.experiments.get(ref)
    if experiment is None:
        return f"{ref} is no longer in the log"
    if claim.kind == "text":
        return _check_text(claim, experiment, current)
    if claim.kind == "figures":
        return _check_figures(claim, current.read_results(ref))
    return next(_check_experiment(claim, experiment, current), None)


def _check_experiment(claim: Claim, experiment: Experiment, current: CurrentFacts) -> Iterator[str]:
    """Yield why a claim about an experiment no longer holds."""
    ref = experiment.ref
    if claim.kind == "created":
        now = experiment.created.isoformat() if experiment.created is not None else "unknown"
        if now != claim.says:
            yield f"the opening date of {ref} is now {now}, not {claim.says}"
    elif claim.kind == "closed":
        yield from _check_closed(claim, experiment, current)
    elif claim.kind == "verdict":
        if experiment.conclusion.verdict != claim.says:
            yield f"the verdict of {ref} is now {experiment.conclusion.verdict or 'none'}, not {claim.says}"
    elif claim.kind == "confirmed":
        yield from _check_confirmed(claim, experiment)
    elif claim.kind == "state":
        if experiment.state != claim.says:
            yield f"the state of {ref} is now {experiment.state or 'none'}, not {claim.says}"
    elif claim.kind == "conclusion":
        if digest_text(experiment.conclusion.text) != claim.says:
            yield f"the conclusion of {ref} has changed"
    elif claim.kind in ("change", "note", "journal") and claim not in current.read_claims(ref):
        what = {"change": "a state change of", "note": "a note on", "journal": "a journal entry on"}[claim.kind]
        yield f"{what} {claim.about} that the report cites was removed or edited"


def _check_confirmed(claim: Claim, experiment: Experiment) -> Iterator[str]:
    """Yield that a person has confirmed the conclusion of an author since, or written another one."""
    conclusion = experiment.conclusion
    if conclusion.author is None:
        yield f"the conclusion of {experiment.ref} is now a person's, not that of {claim.name}"
    elif not conclusion.is_unconfirmed:
        yield f"a person has confirmed the conclusion of {experiment.ref}"
    elif conclusion.author != claim.name:
        yield f"the conclusion of {experiment.ref} is now that of {conclusion.author}, not of {claim.name}"


def _check_closed(claim: Claim, experiment: Experiment, current: CurrentFacts) -> Iterator[str]:
    """Yield that an experiment was closed on another day, unless it is open again, which its state tells."""
    concluded = experiment.concluded
    if concluded is not None and concluded.when.date().isoformat() == claim.says:
        return
    closed = current.read_closed(experiment.ref)
    day = closed.date().isoformat() if closed is not None else "unknown"
    if day != claim.says and (closed is not None or experiment.is_done):
        yield f"the closing date of {experiment.ref} is now {day}, not {claim.says}"


def _check_step(claim: Claim, current: CurrentFacts) -> str | None:
    step = current.steps.get(claim.about)
    if step is None:
        return f"{claim.about} is no longer in the log"
    if claim.kind == "text":
        if claim_text(step.ref, step.text) == claim:
            return None
        return f"the text of {claim.about} is now: {step.text}"
    return None if claim.says in (None, step.state) else f"{claim.about} is no longer {claim.says}"


def _check_text(claim: Claim, experiment: Experiment, current: CurrentFacts) -> str | None:
    if claim.name == "title":
        now = skip_date(experiment.title)
    elif claim.name == "description":
        now = current.descriptions.get(claim.about, "")
    else:
        now = experiment.properties.get(claim.name, "").strip()
    if claim_text(claim.about, now, claim.name) == claim:
        return None
    return f"the {claim.name} of {claim.about} is now: {cut(' '.join(now.split()), _LONGEST_TEXT) or 'none'}"


def _check_figures(claim: Claim, results: Results) -> str | None:
    """Return what the runs of a setting give now, if that is not what is claimed."""
    found = [outcome for outcome in results.outcomes if name_setting(outcome) == claim.about]
    if any(claim_figure(outcome, claim.name, results) == claim for outcome in found):
        return None
    for outcome in found:
        if outcome.values(claim.name):
            now = make_headline(claim.name, outcome, results._replace(claim=None)).describe().replace("\u00a0", " ")
            role = describe_role(outcome, claim.name, results)
            also = f", {role}" if role and role not in str(claim.says) else ""
            return f"the runs of {claim.about} now give {now}{also}"
    return f"the runs of {claim.about} no longer give {claim.name}"


def _check_run(claim: Claim, current: CurrentFacts) -> str | None:
    run = current.runs.get(claim.about)
    if run is None:
        return f"the record of run {claim.about} is missing"
    if claim.kind == "metric":
        value = read_final(run, claim.name)
        if value == claim.says:
            return None
        now, before = _format_pair(value, claim.says)
        return f"{claim.name} of run {run.id} is now {now}, not {before}"
    if claim.name == "seconds":
        if run.seconds == claim.says:
            return None
        now, before = _format_pair(run.seconds, claim.says)
        return f"the duration of run {run.id} is now {now} s, not {before} s"
    if claim.name == "outcome":
        outcome = find_outcome(run)
        return None if claim.says == outcome else f"run {run.id} is now {outcome}, not {claim.says}"
    return (
        None
        if claim.says in (None, run.status)
        else f"the status of run {run.id} is now {run.status}, not {claim.says}"
    )


def _format_pair(now: float | None, before: float | str | None) -> tuple[str, str]:
    """Return a current and a claimed value, with enough digits to differ."""
    shown = number(now) if now is not None else "missing"
    is_number = isinstance(before, float) or read_number(before) is not None
    claimed = number(before) if is_number and not isinstance(before, str | None) else cut(str(before), _LONGEST)
    return (repr(now), repr(before)) if claimed == shown else (shown, claimed)
