"""What of a text counts when experiments are compared: its words, their groups, its ideas and its settings.

A feature is a string, and its kind is its first character: `=remove` is a group of everyday words, `!label smoothing`
an idea, `@bert` a setting, anything else the stem of a word.  Its weight says how much the text is about it: what
stands in the title counts more than what stands in a step, and what is changed counts more than on what.
"""

import re
from typing import NamedTuple

from orglab.search.similar.lexicon import WINDOW, Lexicon
from orglab.search.similar.stems import WEAK_WORDS, stems

WORDS, IDEA, SETTING = "=", "!", "@"
# `Focal loss for weld defects`, `Ticket routing: label smoothing`: the setting stands behind, or before a colon.
_ON_WHAT = re.compile(r"\s(?:for|in|on|at|from|over)\s", re.IGNORECASE)
_SENTENCE = re.compile(r"(?<=[.?!:;])\s+")
_TITLE, _ON, _DO, _WHY, _STEP, _END = 1.0, 0.45, 0.8, 0.5, 0.4, 0.25
# To share a topic says about half of what it says to share an idea.
_TOPIC = 0.5
# No log gains from more than that of one experiment, and every text must be compared in reasonable time.
_LONGEST = 4_000
# Many experiments share a number, or the name of a dataset, and have nothing else in common.
_NUMBER, _SETTING_WORD = 0.5, 0.6
_MOST_STEPS = 50


class ExperimentText(NamedTuple):
    """The texts of an experiment, or of a question.

    Attributes:
        title: What it is called.
        description: Why, and what is done.
        steps: Its steps, and what was noted.
        conclusion: What came of it.
    """

    title: str
    description: str = ""
    steps: tuple[str, ...] = ()
    conclusion: str = ""


def question(text: str) -> ExperimentText:
    """Return a free text as a record: its first sentence is the title."""
    parts = _SENTENCE.split(" ".join(text[:_LONGEST].split()), maxsplit=1)
    return ExperimentText(parts[0], parts[1] if len(parts) > 1 else "")


def features(record: ExperimentText, lexicon: Lexicon) -> dict[str, float]:
    """Return the features of a record, each with its weight from 0 to 1, in hundredths."""
    what, on_what = _split_title(record.title[:_LONGEST])
    sentences = [sentence for sentence in _SENTENCE.split(record.description[:_LONGEST]) if sentence]
    fields = [
        # Text, what its words weigh, what its ideas do, and whether a term may reach into it from the text before.
        (what, _TITLE, _TITLE, False),
        (on_what, _ON, 0.9, True),
        # The first of several sentences says what is wrong, the others what is done about it.
        *((text, _WHY if at == 0 and len(sentences) > 1 else _DO, _DO, True) for at, text in enumerate(sentences)),
        *((step[:_LONGEST], _STEP, _STEP, False) for step in record.steps[:_MOST_STEPS]),
        (record.conclusion[:_LONGEST], _END, 0.3, False),
    ]
    found: dict[str, float] = {}
    plain: list[tuple[int, str]] = []
    kinds: list[tuple[int, str]] = []
    weights: list[float] = []
    for text, weight, idea_weight, is_near in fields:
        if not is_near:
            weights += [0.0] * (WINDOW + 1)
        own = stems(text)
        own_kinds = lexicon.kinds(own)
        begin = len(weights)
        plain += [(begin + at, word) for at, word in enumerate(own)]
        kinds += [(begin + at, kind) for at, kind in own_kinds]
        weights += [idea_weight] * len(own)
        _add_words(found, {*own, *(kind for _, kind in own_kinds if kind[0] == WORDS)}, weight, lexicon)
    _add_groups(found, lexicon, plain, kinds, weights)
    return {feature: round(weight, 2) for feature, weight in found.items()}


def _split_title(title: str) -> tuple[str, str]:
    """Return what of a title says what is done, and what of it on what."""
    before, colon, behind = title.partition(":")
    what, on = (behind, before) if colon and behind.strip() else (title, "")
    match = _ON_WHAT.search(what)
    if match is None or not what[: match.start()].strip():
        return what, on
    return what[: match.start()], f"{on} {what[match.end() :]}"


def _add_words(found: dict[str, float], words: set[str], weight: float, lexicon: Lexicon) -> None:
    for word in words - WEAK_WORDS:
        own = weight * (_NUMBER if word[0].isdigit() else _SETTING_WORD if word in lexicon.setting_words else 1.0)
        if found.get(word, 0.0) < own:
            found[word] = own


def _add_groups(
    found: dict[str, float],
    lexicon: Lexicon,
    plain: list[tuple[int, str]],
    kinds: list[tuple[int, str]],
    weights: list[float],
) -> None:
    """Add the groups: how sure each is, times the weight of the text it stands in."""
    doubt: dict[int, float] = {}
    best: dict[int, float] = {}
    for group, sure, places in lexicon.find(plain, kinds):
        doubt[group] = doubt.get(group, 1.0) * (1.0 - sure)
        best[group] = max(best.get(group, 0.0), min(map(weights.__getitem__, places)))
    for group, left in doubt.items():
        name = (SETTING if group in lexicon.settings else IDEA) + lexicon.names[group]
        found[name] = best[group] * (1.0 - left) * (_TOPIC if group in lexicon.topics else 1.0)
