"""The output of `orglab init` for a file that exists: what is understood of it, and what could be experiments."""

import shlex
from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from orglab.api import Log
from orglab.cli import output
from orglab.cli.render.experiment_text import format_time
from orglab.experiment.adoption import Adoption, Candidate, Candidates
from orglab.experiment.diagnostic import CODES
from orglab.experiment.model import Experiment
from orglab.text import count, listed

WHAT_CHANGES = "Each gets a tag and properties such as its id; your text stays as it is."
_EXAMPLES = 3
_TITLE = 44


def adoption_lines(log: Log, adoption: Adoption, *, is_whole: bool = False) -> Iterator[str]:
    """Yield what is understood of an existing file, what could be an experiment, and what is not understood.

    Args:
        log: The log.
        adoption: What is recognized in the file.
        is_whole: Whether to show each heading that could be an experiment, and not only examples.
    """
    yield output.clean(f"{log.path} already exists, and was not changed.")
    yield ""
    yield output.paint("Understood", bold=True)
    yield from _understood(adoption)
    yield from candidate_lines(adoption, is_whole=is_whole)
    yield ""
    yield output.paint("Not understood", bold=True)
    for code, number in Counter(one.code for one in adoption.diagnostics).most_common():
        yield from output.wrap(CODES[code], "    ", f"  {number} {code}: ")
    yield (
        "  `orglab check` lists each with its line."
        if adoption.diagnostics
        else "  Nothing. (`orglab check` also checks the commits.)"
    )


def _understood(adoption: Adoption) -> Iterator[str]:
    """Yield the numbers of headings, states, experiments and their parts."""
    document, experiments = adoption.document, adoption.experiments
    levels = len({heading.level for heading in document.headings()})
    yield f"  {count(len(document), 'heading')}" + (f" on {count(levels, 'level')}" if len(document) else "")
    settings = document.settings
    words = f"{' '.join(settings.todo_names)} | {' '.join(settings.done_names)}"
    used = Counter(heading.state for heading in document.headings() if heading.state is not None)
    states = ", ".join(f"{number} {state}" for state, number in used.most_common()) or "none in use"
    yield from output.wrap(f"states {words}: {states}", "    ", "  ")
    if not experiments:
        yield "  no experiments"
        return
    yield from output.wrap("; ".join(_describe_parts(experiments)), "    ", "  ")


def _describe_parts(experiments: Sequence[Experiment]) -> Iterator[str]:
    """Yield how many parts of each kind some experiments have."""
    progress = [one.progress for one in experiments]
    notes = sum(len(one.notes) + sum(len(step.notes) for step in one.steps) for one in experiments)
    steps = sum(one.total for one in progress)
    times = sorted(one.created.when.date().isoformat() for one in experiments if one.created)
    yield f"{count(len(experiments), 'experiment')} ({_describe_range(experiments)})"
    yield f"{count(steps, 'step')}, {sum(one.done for one in progress)} of them done" if steps else "no steps"
    yield count(notes, "note")
    yield count(sum(bool(one.conclusion.text) for one in experiments), "conclusion")
    yield f"from {times[0]} to {times[-1]}" if times else "no timestamps"


def _describe_range(experiments: Sequence[Experiment]) -> str:
    """Return the references of the first and the last experiment."""
    first, last = experiments[0].ref, experiments[-1].ref
    return first if len(experiments) == 1 else f"{first} to {last}"


def candidate_lines(adoption: Adoption, *, is_whole: bool) -> Iterator[str]:
    """Yield the groups of headings that could be experiments, certain ones first."""
    groups = adoption.candidates
    for is_certain in (True, False):
        some = [group for group in groups if group.is_certain is is_certain]
        if some:
            title = "Look like experiments" if is_certain else "Could be experiments, and are only taken if you say so"
            yield ""
            yield output.paint(title, bold=True)
        for group in some:
            yield from _group_lines(group, {one.line for one in adoption.chosen}, is_whole=is_whole)
    known = {one.line for group in groups for one in group.headings}
    if others := [one for one in adoption.chosen if one.line not in known]:
        yield ""
        yield output.paint("Chosen by their lines", bold=True)
        yield from map(_heading_line, others)


def _group_lines(group: Candidates, chosen: Collection[int], *, is_whole: bool) -> Iterator[str]:
    """Yield a group, with its headings or three of them."""
    taken = sum(one.line in chosen for one in group.headings)
    usual = len(group.headings) if group.is_certain else 0
    note = "" if taken == usual else f" ({taken} of them chosen)"
    yield from output.wrap(f"{count(len(group.headings), 'heading')} {group.why}{note}", "     ", f"  {group.letter}  ")
    shown = group.headings if is_whole else group.headings[:_EXAMPLES]
    for one in shown:
        yield _heading_line(one)
    if len(shown) < len(group.headings):
        yield f"     ... and {len(group.headings) - len(shown)} more"


def _heading_line(candidate: Candidate) -> str:
    """Return a heading with the line of the file, the id that it would get, and what is read of it."""
    one = candidate.experiment
    facts = [f"created {format_time(one.created)}"] if one.created else []
    facts += [f"{one.progress.done} of {count(one.progress.total, 'step')} done"] if one.progress.total else []
    facts += ["with a conclusion"] if one.conclusion.text else []
    facts += [f"{candidate.wanted} is taken"] if candidate.wanted else []
    words = output.fit(output.clean(f"{one.state or ''} {one.title}".strip()), _TITLE)
    line = f"     line {candidate.line:<5} {one.ref:<6} {words}"
    return (f"{line}  {', '.join(facts)}" if facts else line).rstrip()


def hint_lines(adoption: Adoption, log_name: str | None = None) -> Iterator[str]:
    """Yield how to adopt the headings.

    Args:
        adoption: What is recognized in the file.
        log_name: The file to name as the log, or None if commands find it.
    """
    option = f"--log {shlex.quote(log_name)} " if log_name is not None else ""
    if not adoption.candidates:
        return
    certain = [group.letter for group in adoption.candidates if group.is_certain]
    yield ""
    if certain:
        yield output.clean(f"To adopt {listed(certain)}:  orglab {option}init --adopt")
        yield "  --exclude and --include leave out and add others, by the letter of a group or the line of a heading."
    else:
        yield output.clean(f"To adopt some:  orglab {option}init --include LINE")
    yield f"  {WHAT_CHANGES} --dry-run lists all of them."


def adopted_lines(log: Log, adoption: Adoption, made: Sequence[Experiment]) -> Iterator[str]:
    """Yield what was adopted."""
    if not made:
        yield output.clean(f"Nothing else in {log.path} looks like an experiment; nothing was changed.")
        return
    refs = listed((one.ref for one in made), most=6)
    yield from output.wrap(f"Adopted {count(len(made), 'heading')} of {log.path} as experiments: {refs}.", "  ", "")
    yield from output.wrap(f"Read now: {'; '.join(_describe_parts(made))}.", "  ", "")
    for one in adoption.chosen:
        if one.wanted:
            words = output.fit(one.experiment.title, _TITLE).rstrip()
            text = f"{words} is {one.experiment.ref}, because another heading has {one.wanted} already."
            yield from output.wrap(text, "  ", "")
    diff = "`git diff` shows the change, and " if log.repository is not None else ""
    yield f"{diff}`orglab check` {'' if diff else 'shows '}what is not understood yet."
