"""The features by which experiments are compared: words, synonym groups, ideas and experimental settings.

A feature is a string whose first character tells its kind: `=remove` is a group of synonyms, `!label smoothing` an
idea, `@bert` a setting, anything else the stem of a word.  Its weight says how much the text is about it: the title
counts more than a step, and what is changed counts more than the setting in which it is changed.
"""

import re
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from orglab.experiment.title_dates import remove_title_dates
from orglab.org.timestamp import remove_dates
from orglab.search.similar.clauses import Clause, split_clauses
from orglab.search.similar.lexicon import WINDOW, Lexicon
from orglab.search.similar.setting_values import find_values
from orglab.search.similar.stems import EVERYDAY_WORDS, WEAK_WORDS, find_compounds, stems

SYNONYMS, IDEA, SETTING, VALUE = "=", "!", "@", "#"
# The setting follows a preposition (`Focal loss for weld defects`) or precedes a colon (`Routing: label smoothing`).
_PREPOSITION = re.compile(r"\s(?:for|in|on|at|from|over)\s", re.IGNORECASE)
_SENTENCE = re.compile(r"(?<=[.?!:;])\s+")
_TITLE, _ON, _DO, _WHY, _STEP, _END = 1.0, 0.45, 0.8, 0.5, 0.4, 0.25
# A shared topic counts about half as much as a shared idea.
_TOPIC = 0.5
# Characters of a text to use: more would not help, and any text must be compared in reasonable time.
_LONGEST = 4_000
# Weights of numbers and words of settings: many experiments share one, and nothing else.
_NUMBER, _SETTING_WORD, _EVERYDAY_WORD, _VALUE, _PART = 0.5, 0.6, 0.3, 0.5, 0.5
_MOST_STEPS = 50


class ExperimentText(NamedTuple):
    """The texts of an experiment, or of a question.

    Attributes:
        title: The title.
        description: The description.
        steps: The steps and notes.
        conclusion: The conclusion.
    """

    title: str
    description: str = ""
    steps: tuple[str, ...] = ()
    conclusion: str = ""


def parse_question(text: str) -> ExperimentText:
    """Return a free text as the texts of an experiment, with the first sentence as the title."""
    parts = _SENTENCE.split(" ".join(text[:_LONGEST].split()), maxsplit=1)
    return ExperimentText(parts[0], parts[1] if len(parts) > 1 else "")


def extract_features(texts: ExperimentText, lexicon: Lexicon) -> dict[str, float]:
    """Return the features of an experiment's texts, each with a weight from 0 to 1, rounded to hundredths.

    Dates do not count: they tell when something was done, and not what.
    """
    texts = _prepare_texts(texts)
    features: dict[str, float] = {}
    plain: list[tuple[int, str]] = []
    replaced: list[tuple[int, str]] = []
    weights: list[float] = []
    for field in _split_fields(texts):
        if not field.is_near:
            weights += [0.0] * (WINDOW + 1)
        for text, share in field.clauses:
            own = stems(text)
            own_replaced = lexicon.replace_synonyms(own)
            begin = len(weights)
            plain += [(begin + at, word) for at, word in enumerate(own)]
            replaced += [(begin + at, word) for at, word in own_replaced]
            weights += [field.idea_weight * share] * len(own)
            words = {*own, *(word for _, word in own_replaced if word[0] == SYNONYMS)}
            if compounds := dict(find_compounds(text, own)):
                # The whole counts; its parts only find the same words written apart.
                parts = {part for known in compounds.values() for part in known if part}
                _add_words(features, parts, _PART * field.word_weight * share, lexicon)
                words = (words - parts) | compounds.keys()
            _add_words(features, words, field.word_weight * share, lexicon)
    _add_groups(features, lexicon, plain, replaced, weights)
    for name, value in find_values(texts.title, texts.description):
        features[f"{VALUE}{name}={value}"] = _VALUE
    return {feature: round(weight, 2) for feature, weight in features.items()}


def _prepare_texts(texts: ExperimentText) -> ExperimentText:
    """Return the texts to use: no more than is compared, and without dates."""
    title = remove_title_dates(texts.title[:_LONGEST])
    description, conclusion = (remove_dates(text[:_LONGEST]) for text in (texts.description, texts.conclusion))
    steps = tuple(remove_dates(step[:_LONGEST]) for step in texts.steps[:_MOST_STEPS])
    return ExperimentText(title, description, steps, conclusion)


class _Field(NamedTuple):
    """A part of an experiment's texts.

    Attributes:
        clauses: Its clauses.
        word_weight: The weight of its words.
        idea_weight: The weight of its ideas.
        is_near: Whether a term may span it and the part before.
    """

    clauses: Iterable[Clause]
    word_weight: float
    idea_weight: float
    is_near: bool


def _split_fields(texts: ExperimentText) -> list[_Field]:
    """Return the parts of an experiment's texts with their weights."""
    idea, setting = _split_title(texts.title)
    sentences = [sentence for sentence in _SENTENCE.split(texts.description) if sentence]
    # The first of several sentences usually states the problem, the others what is done about it.
    weights = [_WHY if at == 0 and len(sentences) > 1 else _DO for at in range(len(sentences))]
    return [
        _Field(split_clauses(idea, is_title=True), _TITLE, _TITLE, is_near=False),
        _Field(split_clauses(setting, is_title=True), _ON, 0.9, is_near=True),
        *(
            _Field(split_clauses(text), weight, _DO, is_near=True)
            for text, weight in zip(sentences, weights, strict=True)
        ),
        *(_Field(split_clauses(step), _STEP, _STEP, is_near=False) for step in texts.steps),
        _Field(split_clauses(texts.conclusion), _END, 0.3, is_near=False),
    ]


def _split_title(title: str) -> tuple[str, str]:
    """Return the parts of a title that name the idea and the setting."""
    before, colon, after = title.partition(":")
    idea, setting = (after, before) if colon and after.strip() else (title, "")
    match = _PREPOSITION.search(idea)
    if match is None or not idea[: match.start()].strip():
        return idea, setting
    return idea[: match.start()], f"{setting} {idea[match.end() :]}"


def _add_words(features: dict[str, float], words: AbstractSet[str], weight: float, lexicon: Lexicon) -> None:
    for word in words - WEAK_WORDS:
        share = _NUMBER if word[0].isdigit() else _SETTING_WORD if word in lexicon.setting_words else 1.0
        own = weight * (_EVERYDAY_WORD if word in EVERYDAY_WORDS else share)
        if features.get(word, 0.0) < own:
            features[word] = own


def _add_groups(
    features: dict[str, float],
    lexicon: Lexicon,
    plain: list[tuple[int, str]],
    replaced: list[tuple[int, str]],
    weights: list[float],
) -> None:
    """Add the groups of terms, weighted by their certainty and the weight of the text that contains them."""
    doubt: dict[int, float] = {}
    best: dict[int, float] = {}
    for group, certainty, places in lexicon.find(plain, replaced):
        doubt[group] = doubt.get(group, 1.0) * (1.0 - certainty)
        best[group] = max(best.get(group, 0.0), min(map(weights.__getitem__, places)))
    for group, remaining_doubt in doubt.items():
        name = (SETTING if group in lexicon.settings else IDEA) + lexicon.names[group]
        features[name] = best[group] * (1.0 - remaining_doubt) * (_TOPIC if group in lexicon.topics else 1.0)
