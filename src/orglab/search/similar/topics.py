"""The topics of a log, and in each the groups of experiments with the same idea."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

# The least weight of an idea that an experiment tried rather than mentioned.
_LEAST = 0.55
# The least weight of such an idea relative to the experiment's main idea.
_NEARLY_MAIN = 0.85
# The least number of experiments in a group.
_SMALLEST = 2
REST = ""


class Group(NamedTuple):
    """Experiments with the same idea.

    Attributes:
        name: The idea; empty for experiments that share none.
        numbers: The experiments, in the order of the log.
    """

    name: str
    numbers: list[int]


class Topic(NamedTuple):
    """Experiments with the same tag.

    Attributes:
        name: The tag; empty for experiments without one.
        groups: The groups, the largest first, experiments that share no idea last.
    """

    name: str
    groups: list[Group]

    @property
    def numbers(self) -> list[int]:
        """The experiments, in the order of the log."""
        return sorted(number for group in self.groups for number in group.numbers)


def make_topics(tags: Sequence[str], ideas: Sequence[Mapping[str, float]]) -> list[Topic]:
    """Return the topics of a log, the largest first, experiments without a tag last.

    Args:
        tags: The topic tag of each experiment; empty if it has none.
        ideas: The main ideas of each experiment, with their weights.
    """
    by_tag: dict[str, list[int]] = {}
    for number, tag in enumerate(tags):
        by_tag.setdefault(tag, []).append(number)
    topics = [Topic(tag, _groups(numbers, ideas)) for tag, numbers in by_tag.items()]
    return sorted(topics, key=lambda topic: (topic.name == REST, -len(topic.numbers), topic.name))


def _groups(numbers: Sequence[int], main: Sequence[Mapping[str, float]]) -> list[Group]:
    """Return the groups of some experiments: each is grouped by the one of its shared ideas with the most weight."""
    ideas = {number: main[number] for number in numbers}
    counts = Counter(name for weights in ideas.values() for name in weights)
    members: dict[str, list[int]] = {}
    for number in numbers:
        shared = {name: weight for name, weight in ideas[number].items() if counts[name] >= _SMALLEST}
        best = min(shared, key=lambda name: (-shared[name], -counts[name], name), default=REST)
        members.setdefault(best, []).append(number)
    # If all others with an idea went to other groups, the last one shares it with none.
    too_small = [name for name, group in members.items() if name != REST and len(group) < _SMALLEST]
    for name in too_small:
        members.setdefault(REST, []).extend(members.pop(name))
    groups = [Group(name, sorted(group)) for name, group in members.items()]
    return sorted(groups, key=lambda group: (group.name == REST, -len(group.numbers), group.name))


def main_ideas(features: Mapping[str, float]) -> dict[str, float]:
    """Return the ideas that an experiment with these features tried, by name, with their weights."""
    from orglab.search.similar.collection import idea_weights  # noqa: PLC0415 - not needed if the index is current
    from orglab.search.similar.features import IDEA  # noqa: PLC0415 - the same

    least = max(_LEAST, _NEARLY_MAIN * idea_weights(features)[0])
    return {name[1:]: weight for name, weight in features.items() if name[0] == IDEA and weight >= least}
