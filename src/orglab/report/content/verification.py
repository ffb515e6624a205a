"""Verification of a report: each claim is checked against the current log, repository and run records."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from orglab.experiment.journal import Entry
from orglab.experiment.model import Experiment, Step
from orglab.git import Repository
from orglab.git.commit import read_commits_by_hash
from orglab.history.events import written_events
from orglab.report.content.evidence import Claim, StoredStatement, digest_text
from orglab.report.content.wording import claim_change, claim_note, claim_text
from orglab.runs.record import Run
from orglab.runs.record_lines import read_number
from orglab.runs.setting import read_final
from orglab.text import cut, number

_LONGEST = 40  # characters of a claimed value that is not a number


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
    """The current state of the log, the repository and the run records."""

    def __init__(
        self, experiments: Sequence[Experiment], runs: Iterable[Run], entries: Sequence[Entry],
        repository: Repository | None,
    ) -> None:  # fmt: skip
        """Take the experiments, runs, journal entries and repository to check against."""
        self.experiments = {experiment.ref: experiment for experiment in experiments}
        self.runs = {run.id: run for run in runs}
        self.entries = entries
        self.repository = repository
        self._events: dict[str, frozenset[Claim]] = {}

    @cached_property
    def steps(self) -> Mapping[str, Step]:
        """All steps, by reference."""
        return {step.ref: step for experiment in self.experiments.values() for step in experiment.steps}

    def read_claims(self, ref: str) -> frozenset[Claim]:
        """Return the claims that hold now about an experiment's state changes, notes and journal entries."""
        if ref not in self._events:
            events = written_events(self.experiments[ref], self.entries)
            claims = [claim_change(event) if event.kind == "state" else claim_note(event) for event in events]
            self._events[ref] = frozenset(claims)
        return self._events[ref]


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
    if claim.kind in ("step", "text"):
        return _check_step(claim, current)
    experiment = current.experiments.get(claim.about.partition(".")[0])
    if experiment is None:
        return f"{claim.about.partition('.')[0]} is no longer in the log"
    return next(_check_experiment(claim, experiment, current), None)


def _check_experiment(claim: Claim, experiment: Experiment, current: CurrentFacts) -> Iterator[str]:
    """Yield why a claim about an experiment no longer holds."""
    ref = experiment.ref
    if claim.kind == "created":
        now = experiment.created.isoformat() if experiment.created is not None else "unknown"
        if now != claim.says:
            yield f"the opening date of {ref} is now {now}, not {claim.says}"
    elif claim.kind == "verdict":
        if experiment.conclusion.verdict != claim.says:
            yield f"the verdict of {ref} is now {experiment.conclusion.verdict or 'none'}, not {claim.says}"
    elif claim.kind == "state":
        if experiment.state != claim.says:
            yield f"the state of {ref} is now {experiment.state or 'none'}, not {claim.says}"
    elif claim.kind == "conclusion":
        if digest_text(experiment.conclusion.text) != claim.says:
            yield f"the conclusion of {ref} has changed"
    elif claim.kind in ("change", "note", "journal") and claim not in current.read_claims(ref):
        what = {"change": "a state change of", "note": "a note on", "journal": "a journal entry on"}[claim.kind]
        yield f"{what} {claim.about} that the report cites was removed or edited"


def _check_step(claim: Claim, current: CurrentFacts) -> str | None:
    step = current.steps.get(claim.about)
    if step is None:
        return f"{claim.about} is no longer in the log"
    if claim.kind == "text":
        if claim_text(step.ref, step.text) == claim:
            return None
        return f"the text of {claim.about} is now: {step.text}"
    return None if claim.says in (None, step.state) else f"{claim.about} is no longer {claim.says}"


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
