"""Whether what a report claimed still holds: each claim asked again of the log, the repository and the records."""

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
from orglab.runs.statistics import read_final
from orglab.text import number


@dataclass(frozen=True, slots=True)
class FailedClaim:
    """A claim that no longer holds.

    Attributes:
        claim: The claim.
        message: What is so now, in one line.
        statement: The first statement that rests on it.
    """

    claim: Claim
    message: str
    statement: str


class CurrentFacts:
    """What the log, the repository and the records say now."""

    def __init__(
        self, experiments: Sequence[Experiment], runs: Iterable[Run], entries: Sequence[Entry],
        repository: Repository | None,
    ) -> None:  # fmt: skip
        """Stand for what is so now."""
        self.experiments = {one.ref: one for one in experiments}
        self.runs = {run.id: run for run in runs}
        self.entries = entries
        self.repository = repository
        self._events: dict[str, frozenset[Claim]] = {}

    @cached_property
    def steps(self) -> Mapping[str, Step]:
        """All steps, by reference."""
        return {step.ref: step for one in self.experiments.values() for step in one.steps}

    def read_claims(self, ref: str) -> frozenset[Claim]:
        """Return what could be claimed today of an experiment's changes of state, notes and journal entries."""
        if ref not in self._events:
            events = written_events(self.experiments[ref], self.entries)
            claims = [claim_change(event) if event.kind == "state" else claim_note(event) for event in events]
            self._events[ref] = frozenset(claims)
        return self._events[ref]


def verify(statements: Iterable[StoredStatement], present: CurrentFacts) -> list[FailedClaim]:
    """Return the claims that no longer hold, each once, in the order of the statements; git is asked twice."""
    held = list(statements)
    commits = {claim.about for one in held for claim in one.claims if claim.kind == "commit"}
    # What is no hash is not looked up: it comes from a file.
    names = tuple(sorted(name for name in commits if _is_hash(name)))
    alive = read_commits_by_hash(present.repository, names) if present.repository is not None and names else {}
    seen: set[str] = set()
    broken = []
    for statement in held:
        for claim in statement.claims:
            message = _commit(claim, alive) if claim.kind == "commit" else _find_mismatch(claim, present)
            if message is not None and message not in seen:
                seen.add(message)
                broken.append(FailedClaim(claim, message, statement.text))
    return broken


def _is_hash(text: str) -> bool:
    return len(text) in (40, 64) and set(text) <= set("0123456789abcdef")


def _commit(claim: Claim, alive: Mapping[str, object]) -> str | None:
    return None if claim.about in alive else f"the commit {claim.about[:12]} is no longer in the repository"


def _find_mismatch(claim: Claim, present: CurrentFacts) -> str | None:
    """Return what is wrong with a claim now, or None if it holds."""
    if claim.kind in ("run", "metric"):
        return _run(claim, present)
    if claim.kind in ("step", "text"):
        return _step(claim, present)
    one = present.experiments.get(claim.about.partition(".")[0])
    if one is None:
        return f"{claim.about.partition('.')[0]} is no longer in the log"
    return next(_experiment(claim, one, present), None)


def _experiment(claim: Claim, one: Experiment, present: CurrentFacts) -> Iterator[str]:
    """Yield what is wrong with a claim about an experiment."""
    ref = one.ref
    if claim.kind == "created":
        now = one.created.isoformat() if one.created is not None else "unknown"
        if now != claim.says:
            yield f"{ref} was opened {now} by the log, not {claim.says}"
    elif claim.kind == "verdict":
        if one.conclusion.verdict != claim.says:
            yield f"the verdict of {ref} is {one.conclusion.verdict or 'none'} now, not {claim.says}"
    elif claim.kind == "state":
        if one.state != claim.says:
            yield f"{ref} is {one.state or 'without a state'} now, not {claim.says}"
    elif claim.kind == "conclusion":
        if digest_text(one.conclusion.text) != claim.says:
            yield f"the conclusion of {ref} reads otherwise now"
    elif claim.kind in ("change", "note", "journal") and claim not in present.read_claims(ref):
        what = {"change": "a change of state", "note": "a note", "journal": "an entry of the journal"}[claim.kind]
        yield f"{what} of {claim.about} that the report tells of is gone, or reads otherwise now"


def _step(claim: Claim, present: CurrentFacts) -> str | None:
    step = present.steps.get(claim.about)
    if step is None:
        return f"{claim.about} is no longer in the log"
    if claim.kind == "text":
        if claim_text(step.ref, step.text) == claim:
            return None
        return f"{claim.about} reads otherwise now: {step.text}"
    return None if claim.says in (None, step.state) else f"{claim.about} is no longer {claim.says}"


def _run(claim: Claim, present: CurrentFacts) -> str | None:
    run = present.runs.get(claim.about)
    if run is None:
        return f"the record of the run {claim.about} is gone"
    if claim.kind == "metric":
        now = read_final(run, claim.name)
        if now == claim.says:
            return None
        shown, was = _format_pair(now, claim.says)
        return f"{claim.name} of the run {run.id} is recorded as {shown} now, not {was}"
    if claim.name == "seconds":
        if run.seconds == claim.says:
            return None
        shown, was = _format_pair(run.seconds, claim.says)
        return f"the run {run.id} took {shown} s by its record, not {was} s"
    return (
        None if claim.says in (None, run.status) else f"the run {run.id} is recorded as {run.status}, not {claim.says}"
    )


def _format_pair(now: float | None, before: float | str | None) -> tuple[str, str]:
    """Return what is recorded now and what the report has, in as many digits as tell them apart."""
    shown = number(now) if now is not None else "nothing"
    was = number(before) if isinstance(before, int | float) else str(before)
    return (repr(now), repr(before)) if was == shown else (shown, was)
