"""Which experiments tried the same idea: the evidence of scorers is added up, and below a limit nothing is said.

Each scorer gives evidence as log-odds, so that a further one (of meaning, by vectors of a language model) can join
`SCORERS` without the others changing: it gives what it knows, and 0 for what it does not.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from orglab.search.similar.collection import Collection, find_near_word, rarity
from orglab.search.similar.features import IDEA, SETTING, WORDS

# Log-odds that an experiment that shares nothing is the one, and from which on one is shown.
PRIOR = -6.1
SHOWN_FROM = -3.1
# A question of a few words gives less evidence, for and against.
SHORT, SHOWN_FROM_IF_SHORT = 8, -3.6
MOST_SHOWN = 3
# What each kind of evidence is worth, in log-odds; see docs/decisions/similar-experiments.md for how they were found.
CENTRAL, STRONGEST, COVERED, MISSING = 3.1, 2.4, 1.7, 2.8
WORD, KIND, ON_THE_SAME = 2.6, 2.5, 1.0
# What nearly every experiment has tells nothing, and to look at all of them takes time.
_WORTHLESS = 0.05
# An idea that is hardly mentioned does not count as the main one.
_LEAST_MAIN = 0.4


class Evidence(NamedTuple):
    """What a scorer knows, in log-odds.

    Attributes:
        of: By the number of the experiment.
        otherwise: Of every experiment that is not there.
    """

    of: Mapping[int, float]
    otherwise: float = 0.0


class Scorer(Protocol):
    """Gives evidence on which experiments tried the idea of a question: one voice in the fusion."""

    def __call__(self, asked: Mapping[str, float], collection: Collection) -> Evidence:
        """Return what it knows.

        Args:
            asked: The features of the question.
            collection: The experiments.
        """


class Match(NamedTuple):
    """An experiment that is like a question.

    Attributes:
        number: Its number in the collection.
        score: How sure that is, in log-odds.
        shared: The features that both have, and what each is worth, the most telling first.
    """

    number: int
    score: float
    shared: tuple[tuple[str, float], ...]


def score_ideas(asked: Mapping[str, float], collection: Collection) -> Evidence:
    """Give evidence by ideas: whether the main one of both is the same, and whether the question has another."""
    ideas = {feature: weight for feature, weight in asked.items() if feature[0] == IDEA}
    worth = {feature: weight * rarity(collection, feature) for feature, weight in ideas.items()}
    order = sorted(worth, key=lambda feature: (-worth[feature], feature))
    best: dict[int, float] = {}
    covered: dict[int, float] = {}
    # How many of the first ideas of the question, by worth, an experiment has: the next one is missing.
    has_first: dict[int, int] = {}
    for place, feature in enumerate(order):
        value, weight = worth[feature], ideas[feature]
        for number, other in collection.having(feature).items() if value > _WORTHLESS else ():
            if value * other > best.get(number, 0.0):
                best[number] = value * other
            covered[number] = covered.get(number, 0.0) + weight * other
            if has_first.get(number, 0) == place:
                has_first[number] = place + 1
    missing = [MISSING * worth[feature] for feature in order] + [0.0]
    central = CENTRAL / max([*ideas.values(), _LEAST_MAIN])
    evidence = {}
    for number, strongest in best.items():
        main, total = collection.ideas(number)
        evidence[number] = (
            strongest * (STRONGEST + central / (max(_LEAST_MAIN, main)))
            + COVERED * covered[number] / (total + 0.5)
            - missing[has_first.get(number, 0)]
        )
    return Evidence(evidence, -missing[0])


def score_words(asked: Mapping[str, float], collection: Collection) -> Evidence:
    """Give evidence by words, as they are written and as groups of everyday words."""
    evidence: dict[int, float] = {}
    for feature, weight in asked.items():
        if feature[0] in (IDEA, SETTING):
            continue
        word = feature
        if feature[0] != WORDS and not collection.count(word):
            word = find_near_word(collection, word) or word
        value = (KIND if feature[0] == WORDS else WORD) * weight * rarity(collection, word)
        for number, other in collection.having(word).items() if value > _WORTHLESS else ():
            evidence[number] = evidence.get(number, 0.0) + value * other
    return Evidence(evidence)


def score_settings(asked: Mapping[str, float], collection: Collection) -> Evidence:
    """Give evidence by what the idea is tried on: the same dataset, model or task."""
    evidence: dict[int, float] = {}
    for feature, weight in asked.items():
        if feature[0] == SETTING:
            value = ON_THE_SAME * weight * rarity(collection, feature)
            for number, other in collection.having(feature).items() if value > _WORTHLESS else ():
                evidence[number] = evidence.get(number, 0.0) + value * other
    return Evidence(evidence)


SCORERS: tuple[Scorer, ...] = (score_ideas, score_words, score_settings)


def find_similar(
    asked: Mapping[str, float],
    collection: Collection,
    *,
    most: int = MOST_SHOWN,
    scorers: Sequence[Scorer] = SCORERS,
    but: int | None = None,
    place: Callable[[int], int] = int,
) -> list[Match]:
    """Return the experiments that tried the idea of a question, the surest first; none if none is sure enough.

    Args:
        asked: The features of the question.
        collection: The experiments.
        most: How many at the most.
        scorers: Whose evidence is added up.
        but: The number of an experiment that is not to be found: the one that is asked about.
        place: Where an experiment stands in the log; the number says it, if nothing else does.
    """
    voices = [scorer(asked, collection) for scorer in scorers]
    usual = PRIOR + sum(voice.otherwise for voice in voices)
    sure: dict[int, float] = {}
    for voice in voices:
        for number, value in voice.of.items():
            sure[number] = sure.get(number, usual) + value - voice.otherwise
    sure.pop(-1 if but is None else but, None)
    words = sum(feature[0] not in (IDEA, SETTING, WORDS) for feature in asked)
    limit = SHOWN_FROM_IF_SHORT if words < SHORT else SHOWN_FROM
    # Of those that are equally alike, the newest is of most use.
    best = sorted((number for number in sure if sure[number] >= limit), key=lambda one: (-sure[one], -place(one)))
    return [Match(number, sure[number], shared_features(asked, collection, number)) for number in best[:most]]


def shared_features(asked: Mapping[str, float], collection: Collection, number: int) -> tuple[tuple[str, float], ...]:
    """Return the features that a question and an experiment have both, with what each is worth, the best first."""
    worth = {}
    for feature, weight in asked.items():
        other = collection.weight(feature, number)
        if other is not None:
            worth[feature] = weight * other * rarity(collection, feature)
    return tuple(sorted(worth.items(), key=lambda pair: (-pair[1], pair[0])))
