"""A log by what was tried: topics, and in each the groups of experiments with the same idea."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

# An idea that an experiment only mentions does not make it one of those that tried it.
_LEAST = 0.55
# ... nor does one that is clearly not its main idea.
_NEARLY_MAIN = 0.85
# Two that share an idea are a group.
_SMALLEST = 2
REST = ""


class Group(NamedTuple):
    """Experiments with the same idea.

    Attributes:
        name: The idea; empty for those that share none.
        numbers: The experiments, in the order of the log.
    """

    name: str
    numbers: list[int]


class Topic(NamedTuple):
    """Experiments with the same tag.

    Attributes:
        name: The tag; empty for those without one.
        groups: The largest group first, those that share no idea last.
    """

    name: str
    groups: list[Group]

    @property
    def numbers(self) -> list[int]:
        """The experiments, in the order of the log."""
        return sorted(number for group in self.groups for number in group.numbers)


def make_topics(tags: Sequence[str], ideas: Sequence[Mapping[str, float]]) -> list[Topic]:
    """Return the topics of a log, the largest first, that of experiments without a tag last.

    Args:
        tags: The tag of each experiment that says what it is about; empty if it has none.
        ideas: The main ideas of each experiment.
    """
    by_tag: dict[str, list[int]] = {}
    for number, tag in enumerate(tags):
        by_tag.setdefault(tag, []).append(number)
    topics = [Topic(tag, _groups(numbers, ideas)) for tag, numbers in by_tag.items()]
    return sorted(topics, key=lambda topic: (topic.name == REST, -len(topic.numbers), topic.name))


def _groups(numbers: Sequence[int], main: Sequence[Mapping[str, float]]) -> list[Group]:
    """Return the groups of some experiments: each goes to the one of its ideas that says most and is shared."""
    ideas = {number: main[number] for number in numbers}
    counts = Counter(name for found in ideas.values() for name in found)
    members: dict[str, list[int]] = {}
    for number in numbers:
        shared = {name: weight for name, weight in ideas[number].items() if counts[name] >= _SMALLEST}
        best = min(shared, key=lambda name: (-shared[name], -counts[name], name), default=REST)
        members.setdefault(best, []).append(number)
    # Where all others of a group went to another, who is left shares its idea with nobody.
    lonely = [name for name, found in members.items() if name != REST and len(found) < _SMALLEST]
    for name in lonely:
        members.setdefault(REST, []).extend(members.pop(name))
    groups = [Group(name, sorted(found)) for name, found in members.items()]
    return sorted(groups, key=lambda group: (group.name == REST, -len(group.numbers), group.name))


def main_ideas(found: Mapping[str, float]) -> dict[str, float]:
    """Return the ideas among the features of an experiment that it tried, by name, with their weights."""
    from orglab.search.similar.collection import idea_weights  # noqa: PLC0415 - a map that is kept needs none of it
    from orglab.search.similar.features import IDEA  # noqa: PLC0415 - the same

    least = max(_LEAST, _NEARLY_MAIN * idea_weights(found)[0])
    return {name[1:]: weight for name, weight in found.items() if name[0] == IDEA and weight >= least}
