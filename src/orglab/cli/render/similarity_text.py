"""Experiments that tried the same, and the map of all that was tried."""

from collections import Counter
from collections.abc import Iterator, Sequence

from orglab.cli import output
from orglab.search.similar.precedent import Precedent
from orglab.search.similar.topics import Group
from orglab.search.similarity import Map, TriedExperiment
from orglab.text import count

# Of a large log, the map is one that a person still reads.
_MOST_TOPICS, _MOST_GROUPS, _MOST_LINES = 12, 6, 3


def precedent_lines(found: Sequence[Precedent]) -> Iterator[str]:
    """Yield the lines that show precedents: title and verdict, what came of it, and why it is like this one."""
    for one in found:
        ref = output.clean(one.ref)
        indent = " " * (len(ref) + 2)
        title = f"{one.title}  ({one.verdict or one.state or 'no state'})"
        yield from output.wrap(title, indent, output.paint(ref, bold=True) + "  ")
        yield from output.wrap(one.outcome, indent)
        yield from (output.paint(line, dim=True) for line in output.wrap(str(one.why), indent))


def map_lines(found: Map, *, every: bool) -> Iterator[str]:
    """Yield the lines of a map; of a large one, what is left out is counted."""
    topics = found.topics if every else found.topics[:_MOST_TOPICS]
    for number, topic in enumerate(topics):
        if number:
            yield ""
        name = topic.name or ("other" if len(found.topics) > 1 else "all")
        yield from output.wrap(_counts(topic.numbers, found), "  ", output.paint(output.clean(name), bold=True) + "  ")
        groups = topic.groups if every else topic.groups[:_MOST_GROUPS]
        for group in groups:
            yield from _group_lines(group, found, has_name=len(topic.groups) > 1 or bool(group.name), every=every)
        if left := topic.groups[len(groups) :]:
            yield f"  … {count(len(left), 'more idea')}, {count(sum(len(one.numbers) for one in left), 'experiment')}"
    if left_out := found.topics[len(topics) :]:
        yield ""
        yield f"… {count(len(left_out), 'more topic')}; --tag TAG or MATCH shows less, --all everything"


def _counts(numbers: Sequence[int], found: Map) -> str:
    """Return how many experiments there are, and how they ended, the most frequent first."""
    words = Counter(found.experiments[number].verdict_word for number in numbers)
    order = sorted(words.items(), key=lambda item: (-item[1], item[0]))
    return f"{count(len(numbers), 'experiment')}: {', '.join(f'{many} {word}' for word, many in order)}"


def _group_lines(group: Group, found: Map, *, has_name: bool, every: bool) -> Iterator[str]:
    """Yield the lines of a group: its idea, and its newest experiments."""
    if has_name:
        name = group.name or "each by itself"
        yield from output.wrap(f"{name} ({len(group.numbers)})", "    ", "  ")
    order = found.newest_first(group.numbers)
    shown = order if every else order[:_MOST_LINES]
    for number in shown:
        yield from _experiment_lines(found.experiments[number], "    " if has_name else "  ")
    if len(shown) < len(order):
        yield f"{'    ' if has_name else '  '}… {len(order) - len(shown)} more"


def _experiment_lines(experiment: TriedExperiment, indent: str) -> Iterator[str]:
    """Yield an experiment of the map: two lines, cut to the terminal."""
    ref = output.clean(experiment.ref)
    begin = f"{indent}{output.paint(ref, bold=True)}  "
    verdict = output.clean(experiment.verdict_word)
    room = output.columns() - len(indent) - output.width(ref) - 2 if output.columns() else 0
    title = output.clean(experiment.title)
    if room:
        title = output.fit(title, max(room - output.width(verdict) - 4, 8)).rstrip()
    yield f"{begin}{title}  ({output.paint(verdict, state=experiment.kind)})"
    line = output.clean(experiment.outcome)
    yield " " * (len(indent) + output.width(ref) + 2) + (output.fit(line, max(room, 8)).rstrip() if room else line)
