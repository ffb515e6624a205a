"""What changed between two readings of a log, experiment by experiment, in the words of a commit's subject."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from orglab.experiment.model import Experiment, Note, Step
from orglab.text import count

_WORDS_OF_STATE = {"done": "done", "open": "open again", "partial": "begun"}


class Change(NamedTuple):
    """What changed in one experiment.

    Attributes:
        ref: Its reference, such as `e201`.
        words: What changed, the most telling first: `new`, `step 1 done`, `2 notes`.
        title: Its title, as it is now, or was where it is gone.
    """

    ref: str
    words: tuple[str, ...]
    title: str


def compare_experiments(before: Iterable[Experiment], after: Iterable[Experiment]) -> list[Change]:
    """Return what changed, in the order of the log as it is now; what is gone stands last.

    Of two experiments with one id the n-th is compared with the n-th.
    """
    old, new = _numbered(before), _numbered(after)
    found = []
    for key, experiment in new.items():
        words = tuple(_differences(old[key], experiment)) if key in old else _new(experiment)
        if words:
            found.append(Change(experiment.ref, words, experiment.title))
    found += [Change(one.ref, ("removed",), one.title) for key, one in old.items() if key not in new]
    return found


def _numbered(experiments: Iterable[Experiment]) -> dict[tuple[str, int], Experiment]:
    seen: Counter[str] = Counter()
    found = {}
    for one in experiments:
        found[one.id, seen[one.id]] = one
        seen[one.id] += 1
    return found


def _new(experiment: Experiment) -> tuple[str, ...]:
    steps = len(experiment.steps)
    return ("new", *([f"with {count(steps, 'step')}"] if steps else []))


def _differences(old: Experiment, new: Experiment) -> Iterator[str]:
    """Yield what is different in an experiment, in words."""
    if _text(old) == _text(new):
        return
    found = [*_state(old, new), *_steps(old.steps, new.steps), *_notes(old, new), *_rest(old, new), *_hashes(old, new)]
    # Blank lines, a drawer, prose below a heading of the user's own.
    yield from found or ["edited"]


def _text(experiment: Experiment) -> bytes:
    # Without the blank lines that set it off from the next, which come with that one.
    return experiment.document.text[experiment.begin : experiment.end].rstrip()


def _state(old: Experiment, new: Experiment) -> Iterator[str]:
    if new.verdict != old.verdict and new.verdict:
        yield f"concluded: {new.verdict}"
    elif new.conclusion.text != old.conclusion.text:
        yield "conclusion" if old.conclusion.text else "concluded"
    if new.state != old.state and not (new.is_done and new.conclusion.text != old.conclusion.text):
        yield new.state or "no state"


def _steps(old: Sequence[Step], new: Sequence[Step]) -> Iterator[str]:
    before = {step.number: step for step in old}
    both = [(before[step.number], step) for step in new if step.number in before]
    for state, word in _WORDS_OF_STATE.items():
        changed = [now.number for then, now in both if now.state == state != then.state]
        # A step that was written down and done between two commits is told by its being done.
        changed += [step.number for step in new if step.number not in before and step.state == state == "done"]
        if changed:
            yield f"{_named('step', changed)} {word}"
    added = [step.number for step in new if step.number not in before and step.state != "done"]
    if added:
        yield f"{_named('step', added)} added"
    gone = set(before) - {step.number for step in new}
    if gone:
        yield f"{_named('step', sorted(gone))} removed"
    reworded = [now.number for then, now in both if now.text != then.text]
    if reworded:
        yield f"{_named('step', reworded)} reworded"
    committed = [now.number for then, now in both if now.originals != then.originals and now.state == then.state]
    if committed:
        yield f"{_named('step', committed)}: commits"


def _notes(old: Experiment, new: Experiment) -> Iterator[str]:
    before, after = Counter(_all_notes(old)), Counter(_all_notes(new))
    added, gone = (after - before).total(), (before - after).total()
    if added > gone:
        yield count(added - gone, "note")
    if gone > added:
        yield f"{count(gone - added, 'note')} removed"
    if changed := min(added, gone):
        yield f"{count(changed, 'note')} changed"


def _all_notes(experiment: Experiment) -> Iterator[str]:
    """Yield the texts of all notes: where a note stands in the file is no matter."""
    notes: list[Note] = [*experiment.notes, *(note for step in experiment.steps for note in step.notes)]
    return (f"{note.at} {note.original} {note.text}" for note in notes)


def _hashes(old: Experiment, new: Experiment) -> Iterator[str]:
    """Yield a word if commits that were recorded got other hashes, by a rebase or the like."""
    before, after = (dict(_living(one)) for one in (old, new))
    moved = sum(before[original] != living for original, living in after.items() if original in before)
    if moved:
        yield f"{moved} hash{'' if moved == 1 else 'es'} rewritten"


def _living(experiment: Experiment) -> Iterator[tuple[str, str]]:
    """Yield each hash that is recorded, as it was written first and as it is now."""
    for step in experiment.steps:
        yield from zip(step.originals, step.commits, strict=True)
        yield from ((note.original, note.commit) for note in step.notes if note.original and note.commit)
    yield from ((note.original, note.commit) for note in experiment.notes if note.original and note.commit)


def _rest(old: Experiment, new: Experiment) -> Iterator[str]:
    if new.title != old.title:
        yield "renamed"
    if new.description != old.description:
        yield "description"
    if new.tags != old.tags:
        yield "tags"


def _named(noun: str, numbers: Sequence[int]) -> str:
    """Return `step 1`, `steps 1, 2`, or `steps 1-4`."""
    if len(numbers) == 1:
        return f"{noun} {numbers[0]}"
    if len(numbers) > 2 and list(numbers) == list(range(numbers[0], numbers[-1] + 1)):  # noqa: PLR2004 - 1-2 is no span
        return f"{noun}s {numbers[0]}-{numbers[-1]}"
    return f"{noun}s {', '.join(map(str, numbers))}"
