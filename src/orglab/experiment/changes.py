"""What changed between two versions of a log, experiment by experiment, worded for the subject of a commit."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from orglab.experiment.model import Experiment, Step
from orglab.text import count

_WORDS_OF_STATE = {"done": "done", "open": "open again", "partial": "started"}


class Change(NamedTuple):
    """What changed in one experiment.

    Attributes:
        ref: Its reference, such as `e201`.
        words: What changed, most important first: `new`, `step 1 done`, `2 notes`.
        title: Its current title, or its last one if it was removed.
    """

    ref: str
    words: tuple[str, ...]
    title: str


def compare_experiments(before: Iterable[Experiment], after: Iterable[Experiment]) -> list[Change]:
    """Return the changes in the order of `after`, followed by the removed experiments.

    If several experiments have the same id, the n-th one is compared with the n-th one.
    """
    old, new = _number_by_id(before), _number_by_id(after)
    changes = []
    for key, experiment in new.items():
        words = tuple(_describe_changes(old[key], experiment)) if key in old else _describe_new(experiment)
        if words:
            changes.append(Change(experiment.ref, words, experiment.title))
    changes += [Change(gone.ref, ("removed",), gone.title) for key, gone in old.items() if key not in new]
    return changes


def _number_by_id(experiments: Iterable[Experiment]) -> dict[tuple[str, int], Experiment]:
    seen: Counter[str] = Counter()
    numbered = {}
    for experiment in experiments:
        numbered[experiment.id, seen[experiment.id]] = experiment
        seen[experiment.id] += 1
    return numbered


def _describe_new(experiment: Experiment) -> tuple[str, ...]:
    steps = len(experiment.steps)
    concluded = f"concluded: {experiment.verdict}" if experiment.verdict else "concluded"
    has_ended = experiment.verdict or experiment.conclusion.text
    return ("new", *([f"with {count(steps, 'step')}"] if steps else []), *([concluded] if has_ended else []))


def _describe_changes(old: Experiment, new: Experiment) -> Iterator[str]:
    """Yield what changed in an experiment, in words."""
    if _text(old) == _text(new):
        return
    words = [*_state(old, new), *_steps(old.steps, new.steps), *_notes(old, new), *_rest(old, new), *_hashes(old, new)]
    # "edited": blank lines, a drawer or text below a heading that orglab does not read.
    yield from words or ["edited"]


def _text(experiment: Experiment) -> bytes:
    # Without the blank lines before the next experiment, which are added together with that one.
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
        # A step that was added and done between two commits is only reported as done.
        changed += [step.number for step in new if step.number not in before and step.state == state == "done"]
        if changed:
            yield f"{_join_numbers('step', changed)} {word}"
    added = [step.number for step in new if step.number not in before and step.state != "done"]
    if added:
        yield f"{_join_numbers('step', added)} added"
    gone = set(before) - {step.number for step in new}
    if gone:
        yield f"{_join_numbers('step', sorted(gone))} removed"
    reworded = [now.number for then, now in both if now.text != then.text]
    if reworded:
        yield f"{_join_numbers('step', reworded)} reworded"
    committed = [now.number for then, now in both if now.originals != then.originals and now.state == then.state]
    if committed:
        yield f"{_join_numbers('step', committed)}: commits"


def _notes(old: Experiment, new: Experiment) -> Iterator[str]:
    before, after = Counter(_note_texts(old)), Counter(_note_texts(new))
    added, gone = (after - before).total(), (before - after).total()
    if added > gone:
        yield count(added - gone, "note")
    if gone > added:
        yield f"{count(gone - added, 'note')} removed"
    if changed := min(added, gone):
        yield f"{count(changed, 'note')} changed"


def _note_texts(experiment: Experiment) -> Iterator[str]:
    """Yield the texts of all notes, regardless of where they are in the file."""
    return (f"{note.at} {note.original} {note.text}" for note in experiment.all_notes)


def _hashes(old: Experiment, new: Experiment) -> Iterator[str]:
    """Yield how many recorded commits got a new hash, for example by a rebase."""
    before, after = (dict(_current_hashes(experiment)) for experiment in (old, new))
    moved = sum(before[original] != current for original, current in after.items() if original in before)
    if moved:
        yield f"{moved} hash{'' if moved == 1 else 'es'} rewritten"


def _current_hashes(experiment: Experiment) -> Iterator[tuple[str, str]]:
    """Yield the original and the current hash of each recorded commit."""
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


def _join_numbers(noun: str, numbers: Sequence[int]) -> str:
    """Return `step 1`, `steps 1, 2`, or `steps 1-4`."""
    if len(numbers) == 1:
        return f"{noun} {numbers[0]}"
    if len(numbers) > 2 and list(numbers) == list(range(numbers[0], numbers[-1] + 1)):  # noqa: PLR2004 - 1-2 is no span
        return f"{noun}s {numbers[0]}-{numbers[-1]}"
    return f"{noun}s {', '.join(map(str, numbers))}"
