"""The topics of a log, and in each the groups of experiments with the same idea."""

import itertools
import re
from collections import Counter
from collections.abc import Collection, Container, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from orglab.experiment.title_dates import remove_title_dates

# The least weight of an idea that an experiment tried rather than mentioned.
_LEAST = 0.55
# The least weight of such an idea relative to the experiment's main idea.
_NEARLY_MAIN = 0.85
# The least weight of a word of a title that is more than its setting, a number or an everyday word.
_LEAST_OF_WORD = 0.9
# The least number of experiments in a group, and how many may always share an idea.
_SMALLEST, _FEW = 2, 3
# The greatest share of the experiments that may have an idea: what nearly all have tells them not apart.
_MOST_SHARED = 2 / 3
# The most words of titles in the name of a group.
_MOST_WORDS = 3
_WORD = re.compile(r"[^\W\d_](?:[\w-]*\w)?")
# The end of a tag that is the name of one experiment, such as `exp20180606161600`.
_LONG_NUMBER = re.compile(r"\d{6}\Z")
REST = ""
# An idea, or stems of words.
_Key = str | tuple[str, ...]


class Themes(NamedTuple):
    """What an experiment is about.

    Attributes:
        ideas: The ideas that it tried, by name, with their weights.
        words: The words of its title that say most, by their stem, as they are written and in their order.
        named: The ideas whose names are in its texts.
    """

    ideas: Mapping[str, float]
    words: Mapping[str, str]
    named: Sequence[str]


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


def drop_names(tags: Sequence[Sequence[str]], names: Sequence[Collection[str]]) -> list[list[str]]:
    """Return the tags of each experiment without those that name it rather than a topic.

    Such a tag is on no other experiment, and is one of its names or ends in a long number.

    Args:
        tags: The tags of each experiment.
        names: The ids of each experiment, the former ones among them.
    """
    counts = Counter(tag for own in tags for tag in {*own})
    return [
        [tag for tag in own if counts[tag] > 1 or not (tag in known or _LONG_NUMBER.search(tag))]
        for own, known in zip(tags, names, strict=True)
    ]


def choose_tags(tags: Sequence[Sequence[str]], common: AbstractSet[str], default: str) -> list[str]:
    """Return the topic tag of each experiment: its first one that not all have, else its first one, else the default.

    Args:
        tags: The tags of each experiment.
        common: Tags that are no topic.
        default: The topic of an experiment without another tag.
    """
    counts = Counter(tag for own in tags for tag in {*own})
    shared = {tag for tag, many in counts.items() if many == len(tags)}
    candidates = [[tag for tag in own if tag not in common] for own in tags]
    return [next((tag for tag in own if tag not in shared), next(iter(own), default)) for own in candidates]


def make_topics(tags: Sequence[str], themes: Sequence[Themes]) -> list[Topic]:
    """Return the topics of a log, the largest first, experiments without a tag last.

    Args:
        tags: The topic tag of each experiment; empty if it has none.
        themes: What each experiment is about.
    """
    by_tag: dict[str, list[int]] = {}
    for number, tag in enumerate(tags):
        by_tag.setdefault(tag, []).append(number)
    limit = max(_FEW, int(_MOST_SHARED * len(themes)))
    counts = Counter(name for theme in themes for name in (*theme.ideas, *theme.words))
    common = {name for name, many in counts.items() if many > limit}
    topics = [
        Topic(tag, _groups({number: themes[number] for number in numbers}, common)) for tag, numbers in by_tag.items()
    ]
    return sorted(topics, key=lambda topic: (topic.name == REST, -len(topic.numbers), topic.name))


def _groups(themes: Mapping[int, Themes], common: AbstractSet[str]) -> list[Group]:
    """Return the groups of some experiments.

    Each is grouped by what it shares with others: an idea that one of them names, else two words of its title, else
    another idea, else a word of its title.
    """
    named = {name for theme in themes.values() for name in theme.named}
    groups: list[Group] = []
    rest = dict(themes)
    for find_keys in (
        lambda theme: {key: weight for key, weight in theme.ideas.items() if key in named},
        lambda theme: dict.fromkeys(itertools.combinations(sorted(theme.words.keys() - common), 2), 1.0),
        lambda theme: theme.ideas,
        lambda theme: dict.fromkeys(((word,) for word in theme.words.keys() - common), 1.0),
    ):
        keys = {number: {key: weight for key, weight in find_keys(theme).items() if key not in common}
                for number, theme in rest.items()}  # fmt: skip
        for key, numbers in _gather(keys).items():
            name = key if isinstance(key, str) else _join_words([themes[number].words for number in numbers], common)
            groups.append(Group(name, numbers))
            for number in numbers:
                del rest[number]
    groups.sort(key=lambda group: (-len(group.numbers), group.name))
    return [*groups, Group(REST, sorted(rest))] if rest else groups


def _gather(keys: Mapping[int, Mapping[_Key, float]]) -> dict[_Key, list[int]]:
    """Return experiments by the key that they share and that has the most weight in them; without the others."""
    counts = Counter(key for own in keys.values() for key in own)
    members: dict[_Key, list[int]] = {}
    for number, own in sorted(keys.items()):
        shared = [key for key in own if counts[key] >= _SMALLEST]
        if shared:
            best = min(shared, key=lambda key: (-own[key], -counts[key], key))
            members.setdefault(best, []).append(number)
    # If all others with an idea went to other groups, the last one shares it with none.
    return {key: numbers for key, numbers in members.items() if len(numbers) >= _SMALLEST}


def _join_words(titles: Sequence[Mapping[str, str]], common: AbstractSet[str]) -> str:
    """Return the words that some titles share, as the first one has them, without those that nearly all share."""
    shared = [word for stem, word in titles[0].items() if stem not in common and all(stem in words for words in titles)]
    return " ".join(shared[:_MOST_WORDS])


def find_themes(features: Mapping[str, float], title: str, synonyms: Container[str]) -> Themes:
    """Return what an experiment is about.

    Args:
        features: Its features.
        title: Its title.
        synonyms: The stems of everyday words, which are no topic.
    """
    from orglab.search.similar.collection import idea_weights  # noqa: PLC0415 - not needed if the index is current
    from orglab.search.similar.features import IDEA  # noqa: PLC0415 - the same
    from orglab.search.similar.stems import stem, stems, tokens  # noqa: PLC0415 - the same

    least = max(_LEAST, _NEARLY_MAIN * idea_weights(features)[0])
    ideas = {name[1:]: weight for name, weight in features.items() if name[0] == IDEA and weight >= least}
    words: dict[str, str] = {}
    for word in _WORD.findall(remove_title_dates(title)):
        joined = stem("".join(tokens(word)))
        if joined not in synonyms and max(features.get(one, 0.0) for one in (joined, *stems(word))) >= _LEAST_OF_WORD:
            words.setdefault(joined, word)
    return Themes(ideas, words, [name for name in ideas if all(one in features for one in stems(name))])
