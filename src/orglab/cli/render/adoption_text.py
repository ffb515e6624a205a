"""The output of `orglab init` for a file that exists: what is understood of it, and what could be experiments."""

import shlex
from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from orglab.api import Log
from orglab.api.ask import sort_experiments
from orglab.cli import output
from orglab.experiment.adoption import Adoption, Candidate, Candidates
from orglab.experiment.diagnostic import CODES
from orglab.experiment.model import Experiment
from orglab.experiment.title_dates import find_date
from orglab.org.timestamp import skip_date
from orglab.text import count, listed

WHAT_CHANGES = "Each gets a tag and properties such as its id; your text stays as it is."
_EXAMPLES = 3
_TITLE = 44
_NARROWEST = 20


def adoption_lines(log: Log, adoption: Adoption, *, is_whole: bool = False) -> Iterator[str]:
    """Yield what is understood of an existing file, what could be an experiment, and what is not understood.

    Args:
        log: The log.
        adoption: What is recognized in the file.
        is_whole: Whether to show each heading that could be an experiment, and not only examples.
    """
    yield from output.wrap(f"{log.path} already exists, and was not changed.", "")
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
    if not times:
        yield "no timestamps"
    else:
        yield f"of {times[0]}" if times[0] == times[-1] else f"from {times[0]} to {times[-1]}"


def _describe_range(experiments: Sequence[Experiment]) -> str:
    """Return the references of the experiments with the smallest and the largest number; ids with words come last."""
    by_number = sort_experiments([*experiments], "id")
    first, last = by_number[0].ref, by_number[-1].ref
    return first if len(experiments) == 1 else f"{first} to {last}"


def candidate_lines(adoption: Adoption, *, is_whole: bool) -> Iterator[str]:
    """Yield the groups of headings that could be experiments, certain ones first."""
    groups = adoption.candidates
    known = {one.line for group in groups for one in group.headings}
    others = [one for one in adoption.chosen if one.line not in known]
    rows = _Rows([*(one for group in groups for one in _examples(group, is_whole=is_whole)), *others], adoption.chosen)
    for is_certain in (True, False):
        some = [group for group in groups if group.is_certain is is_certain]
        if some:
            title = "Look like experiments" if is_certain else "Could be experiments, and are only taken if you say so"
            yield ""
            yield output.paint(title, bold=True)
            yield rows.head
        for group in some:
            yield from _group_lines(group, {one.line for one in adoption.chosen})
            shown = _examples(group, is_whole=is_whole)
            yield from (rows.line(one, is_usual=is_certain) for one in shown)
            if len(shown) < len(group.headings):
                yield f"     ... and {len(group.headings) - len(shown)} more"
    if others:
        yield ""
        yield output.paint("Chosen by their lines", bold=True)
        yield from map(rows.line, others)


def _examples(group: Candidates, *, is_whole: bool) -> Sequence[Candidate]:
    """Return the headings of a group, or three of them."""
    # A line that says that there is one more could as well show it.
    is_short = len(group.headings) <= _EXAMPLES + 1
    return group.headings if is_whole or is_short else group.headings[:_EXAMPLES]


def _group_lines(group: Candidates, chosen: Collection[int]) -> list[str]:
    """Return what the headings of a group have in common, and how many are chosen if that is not usual."""
    taken = sum(one.line in chosen for one in group.headings)
    usual = len(group.headings) if group.is_certain else 0
    note = "" if taken == usual else f" ({taken} of them chosen)"
    return output.wrap(f"{count(len(group.headings), 'heading')} {group.why}{note}", "     ", f"  {group.letter}  ")


class _Rows:
    """The rows of headings, in columns."""

    def __init__(self, shown: Sequence[Candidate], chosen: Sequence[Candidate]) -> None:
        """Measure the columns for the headings that are shown, of which some are chosen."""
        self._chosen = {one.line: one for one in chosen}
        self._line = max([len("line"), *(len(str(one.line)) for one in shown)])
        self._ref = max([len("id"), *(len(one.experiment.ref) for one in shown)])
        self._steps = max([len("steps"), *(len(_describe_steps(one)) for one in shown)])
        self.head = output.paint(self._begin("line", "id", "created", "steps"), dim=True)

    def _begin(self, line: str, ref: str, created: str, steps: str) -> str:
        return f"     {line:>{self._line}}  {ref:<{self._ref}}  {created:<10}  {steps:<{self._steps}}  "

    def line(self, candidate: Candidate, *, is_usual: bool = False) -> str:
        """Return the row of a heading: its line, the id that it gets if it is chosen, and what is read of it.

        Args:
            candidate: The heading.
            is_usual: Whether it is chosen unless the user leaves it out.
        """
        chosen = self._chosen.get(candidate.line)
        candidate = chosen or candidate
        one = candidate.experiment
        created = one.created.when.date().isoformat() if one.created else "-"
        ref = one.ref if chosen is not None else "-"
        begin = self._begin(str(candidate.line), ref, created, _describe_steps(candidate))
        facts = "; ".join(["left out"] if is_usual and chosen is None else _describe(candidate, is_chosen=bool(chosen)))
        end = f"  ({facts})" if facts else ""
        title = skip_date(output.clean(one.title))
        room = output.columns() - output.width(begin) - output.width(end)
        return (
            begin + (output.fit(title, max(room, _NARROWEST)).rstrip() if output.columns() else title) + end
        ).rstrip()


def _describe_steps(candidate: Candidate) -> str:
    progress = candidate.experiment.progress
    return f"{progress.done}/{progress.total}" if progress.total else "-"


def _describe(candidate: Candidate, *, is_chosen: bool) -> Iterator[str]:
    """Yield what else there is to know of a heading."""
    one = candidate.experiment
    if one.conclusion.text:
        yield "conclusion"
    if is_chosen and candidate.wanted:
        yield f"{candidate.wanted} is taken"
    said = find_date(one.heading.title)
    if said is not None and one.created is not None and said.when.date() != one.created.when.date():
        yield f"title: {said.when.date()}"


def hint_lines(adoption: Adoption, log_name: str | None = None, options: str = "") -> Iterator[str]:
    """Yield how to adopt the headings.

    Args:
        adoption: What is recognized in the file.
        log_name: The file to name as the log, or None if commands find it.
        options: The options that have chosen headings; empty for those that look like experiments.
    """
    option = f"--log {shlex.quote(log_name)} " if log_name is not None else ""
    if not adoption.candidates:
        return
    certain = [group.letter for group in adoption.candidates if group.is_certain]
    yield ""
    if options:
        yield output.clean(f"To adopt {count(len(adoption.chosen), 'heading')}:  orglab {option}init {options}")
    elif certain:
        yield output.clean(f"To adopt {listed(certain)}:  orglab {option}init --adopt")
        text = "--exclude and --include leave out and add others, by the letter of a group or the line of a heading."
        yield from output.wrap(text, "  ")
    else:
        yield output.clean(f"To adopt some:  orglab {option}init --include LINE")
    yield from output.wrap(f"{WHAT_CHANGES} --dry-run lists all of them.", "  ")


def adopted_lines(log: Log, adoption: Adoption, made: Sequence[Experiment]) -> Iterator[str]:
    """Yield what was adopted."""
    if not made:
        yield output.clean(f"Nothing else in {log.path} looks like an experiment; nothing was changed.")
        return
    refs = listed((one.ref for one in made), most=6)
    kind = "experiments" if len(made) > 1 else "an experiment"
    yield from output.wrap(f"Adopted {count(len(made), 'heading')} of {log.path} as {kind}: {refs}.", "  ", "")
    yield from output.wrap(f"Read now: {'; '.join(_describe_parts(made))}.", "  ", "")
    for one in adoption.chosen:
        if one.wanted:
            words = output.fit(one.experiment.title, _TITLE).rstrip()
            text = f"{words} is {one.experiment.ref}, because another heading has {one.wanted} already."
            yield from output.wrap(text, "  ", "")
    diff = "`git diff` shows the change, and " if log.repository is not None else ""
    yield from output.wrap(f"{diff}`orglab check` {'' if diff else 'shows '}what is not understood yet.", "  ", "")
