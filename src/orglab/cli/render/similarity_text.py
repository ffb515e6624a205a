"""Similar experiments, and the overview of everything that was tried."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from orglab.cli import output
from orglab.experiment.states import KIND_WORDS
from orglab.org.timestamp import skip_date
from orglab.search.similar.precedent import Precedent
from orglab.search.similar.topics import Group
from orglab.search.similarity import Map, TriedExperiment
from orglab.text import count

if TYPE_CHECKING:
    from orglab.runs.step_results import Results

# The overview of a large log is limited to what a person reads.
_MOST_TOPICS, _MOST_GROUPS, _MOST_LINES = 12, 6, 3


def precedent_lines(heading: str, precedents: Sequence[Precedent], results: Mapping[str, "Results"]) -> Iterator[str]:
    """Yield a heading and the lines that show precedents: title, verdict, outcome, numbers, and why they are similar.

    Args:
        heading: The heading, without its colon.
        precedents: The precedents.
        results: The results of those that have runs, by reference.
    """
    yield f"{heading}:"
    for precedent in precedents:
        ref = output.clean(precedent.ref)
        indent = " " * (len(ref) + 4)
        lines = output.wrap(skip_date(precedent.title), indent, f"  {output.paint(ref, bold=True)}  ")
        state = output.clean(precedent.state or KIND_WORDS["without_state"])
        word = output.verdict(precedent.verdict) if precedent.verdict else f"({state})"
        yield from (*lines[:-1], f"{lines[-1]}  {word}")
        yield from output.wrap(precedent.outcome, indent)
        if precedent.ref in results:
            from orglab.cli.render.results_text import best_result_line  # noqa: PLC0415 - most experiments have no runs

            yield from output.wrap(best_result_line(results[precedent.ref]), indent)
        if why := str(precedent):
            yield from (output.paint(line, dim=not precedent.is_sure) for line in output.wrap(why, indent))


def map_lines(overview: Map, *, every: bool) -> Iterator[str]:
    """Yield the lines of the overview; if it is large, part of it is left out and counted."""
    topics = overview.topics if every else overview.topics[:_MOST_TOPICS]
    for number, topic in enumerate(topics):
        if number:
            yield ""
        name = topic.name or ("other" if len(overview.topics) > 1 else "all")
        head = output.paint(output.clean(name), bold=True) + "  "
        yield from output.wrap(_counts(topic.numbers, overview), "  ", head)
        groups = topic.groups if every else topic.groups[:_MOST_GROUPS]
        for group in groups:
            yield from _group_lines(group, overview, has_name=len(topic.groups) > 1 or bool(group.name), every=every)
        if rest := topic.groups[len(groups) :]:
            yield f"  … {count(len(rest), 'more idea')}, {count(sum(len(one.numbers) for one in rest), 'experiment')}"
    if left_out := overview.topics[len(topics) :]:
        yield ""
        yield f"… {count(len(left_out), 'more topic')}; narrow with --tag or --match, or show all with --all"


def _counts(numbers: Sequence[int], overview: Map) -> str:
    """Return the number of experiments, and of each verdict, the most frequent first."""
    words = Counter(overview.experiments[number].verdict_word for number in numbers)
    order = sorted(words.items(), key=lambda item: (-item[1], item[0]))
    return f"{count(len(numbers), 'experiment')}: {', '.join(f'{many} {word}' for word, many in order)}"


def _group_lines(group: Group, overview: Map, *, has_name: bool, every: bool) -> Iterator[str]:
    """Yield the lines of a group: its idea, and its newest experiments."""
    if has_name:
        name = group.name or "no common idea"
        yield from output.wrap(f"{name} ({len(group.numbers)})", "    ", "  ")
    order = overview.newest_first(group.numbers)
    shown = order if every else order[:_MOST_LINES]
    for number in shown:
        yield from _experiment_lines(overview.experiments[number], "    " if has_name else "  ")
    if len(shown) < len(order):
        yield f"{'    ' if has_name else '  '}… {len(order) - len(shown)} more"


def _experiment_lines(experiment: TriedExperiment, indent: str) -> Iterator[str]:
    """Yield an experiment of the overview: two lines, cut to the terminal."""
    ref = output.clean(experiment.ref)
    begin = f"{indent}{output.paint(ref, bold=True)}  "
    word = output.paint(experiment.verdict_word, state=experiment.kind)
    verdict = output.verdict(experiment.verdict) if experiment.verdict else f"({word})"
    room = output.columns() - len(indent) - output.width(ref) - 2 if output.columns() else 0
    title = output.clean(skip_date(experiment.title))
    if room:
        title = output.fit(title, max(room - output.width(output.plain(verdict)) - 2, 8)).rstrip()
    yield f"{begin}{title}  {verdict}"
    line = output.clean(experiment.outcome)
    yield " " * (len(indent) + output.width(ref) + 2) + (output.fit(line, max(room, 8)).rstrip() if room else line)
