"""Commands that tell what was tried before: similar, tried."""

from collections import Counter
from collections.abc import Iterator, Sequence

import click

from orglab.api.serialize import render
from orglab.cli import output
from orglab.cli.likeness import show_precedents
from orglab.cli.options import TextCommand, log_options, this_log
from orglab.search.likeness import Map, Tried, map_of, precedents
from orglab.search.similar.topics import Group, Topic
from orglab.text import count

# Of a large log, the map is one that a person still reads.
_MOST_TOPICS, _MOST_GROUPS, _MOST_LINES = 12, 6, 3


@click.command(name="similar", cls=TextCommand)
@click.argument("text", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@log_options
def similar_command(text: tuple[str, ...], *, as_json: bool) -> None:
    """Show up to three experiments that tried the same idea, however it was worded, and how they ended.

    TEXT is the idea in your words, or the reference of an experiment.

    \b
    Example:
      orglab similar "ramp the step size up over the first epochs"
      orglab similar 201
    """
    with output.Bar("Reading") as bar:
        found = precedents(this_log(), " ".join(text), progress=bar.update)
    show_precedents(found, as_json=as_json)


def _short_form(experiment: Tried) -> dict[str, object]:
    return {
        "id": experiment.id,
        "ref": experiment.ref,
        "title": experiment.title,
        "state": experiment.state,
        "verdict": experiment.verdict,
        "outcome": experiment.outcome,
        "file": experiment.file,
        "line": experiment.line,
    }


@click.command(name="tried")
@click.argument("match", required=False)
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="Only what carries TAG; several mean all of them.")
@click.option("--all", "every", is_flag=True, help="Every experiment, however many there are.")
@click.option("--json", "as_json", is_flag=True, help="As JSON: every experiment.")
@log_options
def tried_command(match: str | None, tags: tuple[str, ...], *, every: bool, as_json: bool) -> None:
    """Show what was tried, by topic (tags) and idea, with verdicts: the newest conclusions first.

    MATCH is an Org match string, as for `list`.

    \b
    Example:
      orglab tried
      orglab tried --tag nlp
    """
    found = map_of(this_log(), match, [tag.strip(":") for tag in tags])
    if as_json:
        output.show([render({"topics": [_topic_form(topic, found) for topic in found.topics]})])
    elif found.experiments:
        output.show(map_lines(found, every=every))
    else:
        click.echo("No experiments." if not (match or tags) else "No experiment matches.", err=True)


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
    words = Counter(_verdict(found.experiments[number]) for number in numbers)
    order = sorted(words.items(), key=lambda item: (-item[1], item[0]))
    return f"{count(len(numbers), 'experiment')}: {', '.join(f'{many} {word}' for word, many in order)}"


def _verdict(experiment: Tried) -> str:
    """Return the word under which an experiment is counted."""
    if experiment.verdict:
        return experiment.verdict
    return "without verdict" if experiment.is_done else "open"


def _group_lines(group: Group, found: Map, *, has_name: bool, every: bool) -> Iterator[str]:
    """Yield the lines of a group: its idea, and its newest experiments."""
    if has_name:
        name = group.name or "each by itself"
        yield from output.wrap(f"{name} ({len(group.numbers)})", "    ", "  ")
    order = newest_first(group.numbers, found)
    shown = order if every else order[:_MOST_LINES]
    for number in shown:
        yield from _experiment_lines(found.experiments[number], "    " if has_name else "  ")
    if len(shown) < len(order):
        yield f"{'    ' if has_name else '  '}… {len(order) - len(shown)} more"


def _experiment_lines(experiment: Tried, indent: str) -> Iterator[str]:
    """Yield an experiment of the map: two lines, cut to the terminal."""
    ref = output.clean(experiment.ref)
    begin = f"{indent}{output.paint(ref, bold=True)}  "
    verdict = output.clean(_verdict(experiment))
    room = output.columns() - len(indent) - output.width(ref) - 2 if output.columns() else 0
    title = output.clean(experiment.title)
    if room:
        title = output.fit(title, max(room - output.width(verdict) - 4, 8)).rstrip()
    yield f"{begin}{title}  ({output.paint(verdict, state=experiment.kind)})"
    line = output.clean(experiment.outcome)
    yield " " * (len(indent) + output.width(ref) + 2) + (output.fit(line, max(room, 8)).rstrip() if room else line)


def newest_first(numbers: Sequence[int], found: Map) -> list[int]:
    """Return experiments by when they were concluded, the newest first, and those without conclusion last."""

    def key(number: int) -> tuple[bool, str, int]:
        one = found.experiments[number]
        return one.is_concluded, one.at, number

    return sorted(numbers, key=key, reverse=True)


def _topic_form(topic: Topic, found: Map) -> dict[str, object]:
    """Return a topic as it stands in `tried --json`."""
    return {
        "tag": topic.name or None,
        "count": len(topic.numbers),
        "verdicts": dict(sorted(Counter(_verdict(found.experiments[number]) for number in topic.numbers).items())),
        "groups": [
            {
                "idea": group.name or None,
                "count": len(group.numbers),
                "experiments": [
                    _short_form(found.experiments[number]) for number in newest_first(group.numbers, found)
                ],
            }
            for group in topic.groups
        ],
    }
