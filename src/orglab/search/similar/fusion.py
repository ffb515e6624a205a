"""The experiments closest to a question by the sum of the evidence of several scorers, and which of them are sure.

Scorers return evidence as log-odds, with 0 for experiments about which they know nothing.  So another scorer (such as
one with embeddings of a language model) can be added to `SCORERS` without changing the others.
"""

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from orglab.search.similar.collection import Collection, find_near_word, rarity
from orglab.search.similar.features import IDEA, SETTING, SYNONYMS, VALUE

# The log-odds of an experiment that shares nothing with the question.
PRIOR = -6.1
SURE_FROM, SURE_WITHIN = -1.25, 3.0
"""The log-odds from which an experiment surely tried the idea, and how much less they may be than those of the best."""
MOST_SHOWN = 3
CERTAIN = 5.0
"""The log-odds of an experiment with the same title or description."""
# The weight of each kind of evidence, in log-odds; docs/decisions/similar-experiments.md tells how they were tuned.
CENTRAL, STRONGEST, COVERED, MISSING = 3.1, 2.4, 1.7, 2.8
WORD, KIND, ON_THE_SAME = 2.6, 2.5, 1.0
# Features of nearly all experiments are skipped: they say nothing, and reading them takes time.
_WORTHLESS = 0.05
# The least weight for the main idea: an idea that is only mentioned does not count as one.
_LEAST_MAIN = 0.4


class Evidence(NamedTuple):
    """The evidence of one scorer, in log-odds.

    Attributes:
        by_experiment: The evidence by the number of the experiment.
        default: The evidence for all other experiments.
    """

    by_experiment: Mapping[int, float]
    default: float = 0.0


class Scorer(Protocol):
    """Gives evidence of which experiments tried the idea of a question."""

    def __call__(self, question: Mapping[str, float], collection: Collection) -> Evidence:
        """Return the evidence.

        Args:
            question: The features of the question.
            collection: The experiments.
        """


class Match(NamedTuple):
    """An experiment that is similar to a question.

    Attributes:
        number: The number of the experiment in the collection.
        score: The confidence, in log-odds.
        is_sure: Whether it surely tried the same idea, with the same numbers.
        shared: The features that both have and their worth, the most telling first.
    """

    number: int
    score: float
    is_sure: bool
    shared: tuple[tuple[str, float], ...]


def score_ideas(question: Mapping[str, float], collection: Collection) -> Evidence:
    """Return the evidence from ideas: shared ones, especially the main idea, and those that only the question has."""
    ideas = {feature: weight for feature, weight in question.items() if feature[0] == IDEA}
    worth = {feature: weight * rarity(collection, feature) for feature, weight in ideas.items()}
    order = sorted(worth, key=lambda feature: (-worth[feature], feature))
    best: dict[int, float] = {}
    covered: dict[int, float] = {}
    # The length of the prefix of `order` that an experiment has: the next idea is its most important missing one.
    prefix_lengths: dict[int, int] = {}
    for place, feature in enumerate(order):
        value, weight = worth[feature], ideas[feature]
        for number, other in collection.find_experiments(feature).items() if value > _WORTHLESS else ():
            if value * other > best.get(number, 0.0):
                best[number] = value * other
            covered[number] = covered.get(number, 0.0) + weight * other
            if prefix_lengths.get(number, 0) == place:
                prefix_lengths[number] = place + 1
    missing = [MISSING * worth[feature] for feature in order] + [0.0]
    central = CENTRAL / max([*ideas.values(), _LEAST_MAIN])
    evidence = {}
    for number, strongest in best.items():
        main, total = collection.ideas(number)
        evidence[number] = (
            strongest * (STRONGEST + central / (max(_LEAST_MAIN, main)))
            + COVERED * covered[number] / (total + 0.5)
            - missing[prefix_lengths.get(number, 0)]
        )
    return Evidence(evidence, -missing[0])


def score_words(question: Mapping[str, float], collection: Collection) -> Evidence:
    """Return the evidence from words, both as written and as synonym groups."""
    evidence: dict[int, float] = {}
    for feature, weight in question.items():
        if feature[0] in (IDEA, SETTING):
            continue
        word = feature
        if feature[0] != SYNONYMS and not collection.count(word):
            word = find_near_word(collection, word) or word
        value = (KIND if feature[0] == SYNONYMS else WORD) * weight * rarity(collection, word)
        for number, other in collection.find_experiments(word).items() if value > _WORTHLESS else ():
            evidence[number] = evidence.get(number, 0.0) + value * other
    return Evidence(evidence)


def score_settings(question: Mapping[str, float], collection: Collection) -> Evidence:
    """Return the evidence from experimental settings: the same dataset, model or task."""
    evidence: dict[int, float] = {}
    for feature, weight in question.items():
        if feature[0] == SETTING:
            value = ON_THE_SAME * weight * rarity(collection, feature)
            for number, other in collection.find_experiments(feature).items() if value > _WORTHLESS else ():
                evidence[number] = evidence.get(number, 0.0) + value * other
    return Evidence(evidence)


SCORERS: tuple[Scorer, ...] = (score_ideas, score_words, score_settings)


def find_similar(
    question: Mapping[str, float],
    collection: Collection,
    *,
    most: int = MOST_SHOWN,
    scorers: Sequence[Scorer] = SCORERS,
    exclude: int | None = None,
    place: Callable[[int], int] = int,
) -> list[Match]:
    """Return the experiments closest to a question, the closest first; those that share nothing are left out.

    Args:
        question: The features of the question.
        collection: The experiments.
        most: The maximum number of experiments.
        scorers: The scorers whose evidence is added up.
        exclude: The number of an experiment to leave out: the one that the question is taken from.
        place: Returns the position of an experiment in the log; by default its number.
    """
    evidences = [scorer(question, collection) for scorer in scorers]
    default = PRIOR + sum(evidence.default for evidence in evidences)
    scores: dict[int, float] = {}
    for evidence in evidences:
        for number, value in evidence.by_experiment.items():
            scores[number] = scores.get(number, default) + value - evidence.default
    scores.pop(-1 if exclude is None else exclude, None)
    # The position is read only of those that may be among the best.
    least = heapq.nlargest(most, scores.values())[-1:]
    candidates = [number for number, score in scores.items() if score >= least[0]] if least else []
    # Among equally similar experiments, the newest is the most useful.
    best = sorted(candidates, key=lambda number: (-scores[number], -place(number)))[:most]
    sure_from = max(SURE_FROM, scores[best[0]] - SURE_WITHIN) if best else 0.0
    return [
        Match(
            number, scores[number],
            scores[number] >= sure_from and not has_other_values(question, collection, number),
            shared_features(question, collection, number),
        )
        for number in best
    ]  # fmt: skip


def has_other_values(question: Mapping[str, float], collection: Collection, number: int) -> bool:
    """Return whether an experiment has other numbers of the same thing than a question, such as `C=100` and `C=30`."""
    asked, known = _group_values(question), _group_values(collection.features(number))
    return any(not asked[name] & known[name] for name in asked.keys() & known.keys())


def _group_values(features: Iterable[str]) -> dict[str, set[str]]:
    """Return the values of settings among features, by the name of the setting."""
    values: dict[str, set[str]] = {}
    for feature in features:
        if feature[0] == VALUE:
            name, _, value = feature.rpartition("=")
            values.setdefault(name, set()).add(value)
    return values


def shared_features(
    question: Mapping[str, float], collection: Collection, number: int
) -> tuple[tuple[str, float], ...]:
    """Return the features that a question and an experiment share, with their worth, the most telling first."""
    worth = {}
    for feature, weight in question.items():
        other = collection.weight(feature, number)
        if other is not None:
            worth[feature] = weight * other * rarity(collection, feature)
    return tuple(sorted(worth.items(), key=lambda pair: (-pair[1], pair[0])))
