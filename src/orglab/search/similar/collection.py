"""The experiments of a log, ready to be compared: which of them have a feature, and how much."""

import math
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Protocol

from orglab.search.similar.features import IDEA, WORDS

# What is seldom in a log of a thousand experiments is so in one of ten: as if there were so many others beside it,
# with each feature in its usual share of them.
_OTHERS = 40
_SHARE, _SHARE_OF_WORDS = 0.02, 0.05
# A typing error leaves the first letter, and most triples of letters.
_NEAR = 0.6
_SHORTEST = 5


class Collection(Protocol):
    """Experiments by number, from 0 on, with their features."""

    def __len__(self) -> int:
        """Return how many there are."""

    def having(self, feature: str) -> Mapping[int, float]:
        """Return the numbers of the experiments that have a feature, with its weight in each."""

    def ideas(self, number: int) -> tuple[float, float]:
        """Return the greatest weight of an idea of an experiment, and the sum of all of them."""

    def words(self, begin: str) -> Iterable[str]:
        """Return the words that begin with a letter."""


class Features:
    """A collection in memory."""

    def __init__(self, experiments: Iterable[Mapping[str, float]]) -> None:
        """Make a collection of the features of experiments, in order."""
        self._having: dict[str, dict[int, float]] = {}
        self._ideas: list[tuple[float, float]] = []
        for number, found in enumerate(experiments):
            for feature, weight in found.items():
                self._having.setdefault(feature, {})[number] = weight
            self._ideas.append(idea_weights(found))

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._ideas)

    def having(self, feature: str) -> Mapping[int, float]:
        """Return the numbers of the experiments that have a feature, with its weight in each."""
        return self._having.get(feature, {})

    def ideas(self, number: int) -> tuple[float, float]:
        """Return the greatest weight of an idea of an experiment, and the sum of all of them."""
        return self._ideas[number]

    @cached_property
    def _by_letter(self) -> dict[str, list[str]]:
        letters: dict[str, list[str]] = {}
        for feature in self._having:
            letters.setdefault(feature[0], []).append(feature)
        return letters

    def words(self, begin: str) -> Iterable[str]:
        """Return the words that begin with a letter."""
        return self._by_letter.get(begin, ())


def idea_weights(found: Mapping[str, float]) -> tuple[float, float]:
    """Return the greatest weight of the ideas among features, and the sum of all of them."""
    weights = [weight for feature, weight in found.items() if feature[0] == IDEA]
    return max(weights, default=0.0), sum(weights)


def rarity(collection: Collection, feature: str) -> float:
    """Return how telling a feature is: about 1 for one that no experiment has, 0 for one that all have."""
    share = _SHARE_OF_WORDS if feature[0] == WORDS else _SHARE
    size = len(collection) + _OTHERS
    return math.log(size / (len(collection.having(feature)) + _OTHERS * share)) / math.log(size)


def near_word(collection: Collection, word: str) -> str | None:
    """Return the word of a collection that is most like one it does not have, by triples of letters."""
    if len(word) < _SHORTEST or not word.isalpha():
        return None
    mine = _triples(word)
    best, likeness = None, _NEAR
    for other in collection.words(word[0]):
        if abs(len(other) - len(word)) <= 2 and other != word:  # noqa: PLR2004 - more is no slip of the finger
            theirs = _triples(other)
            alike = 2 * len(mine & theirs) / (len(mine) + len(theirs))
            if (alike, other) > (likeness, best or ""):
                best, likeness = other, alike
    return best


def _triples(word: str) -> set[str]:
    padded = f" {word} "
    return {padded[at : at + 3] for at in range(len(padded) - 2)}
