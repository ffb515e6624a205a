"""The reason why an experiment is similar to a question, and its outcome in one line."""

import re
from typing import NamedTuple

from orglab.search.similar.features import IDEA, SETTING, SYNONYMS, ExperimentText
from orglab.search.similar.fusion import Match
from orglab.search.similar.stems import stem, stems, tokens

_MOST_IDEAS, _MOST_SETTINGS, _MOST_WORDS = 2, 2, 4
# The least worth of a shared feature that counts as a reason.
_LEAST = 0.1
_BULLET = r"(?:[-+*]|\d+[.)])\s+"
# A line may also end within a sentence: where an editor wrapped it.
_SENTENCE = re.compile(rf"(?<=[.!?])\s+(?=[^a-z])|\n\s*\n|\n(?=[ \t]*{_BULLET})")
_LIST = re.compile(rf"^\s*{_BULLET}(?:\[[ Xx-]\]\s+)?")
# Signs and words that are typical of a sentence about the outcome.
_RESULT = re.compile(
    r"->|→|[-+±<>=]\s?\d|\d\s?%|\b(?:better|worse|best|same|equal|no (?:gain|difference|effect|change|improvement)|"
    r"unchanged|improv\w+|refuted|supported|confirmed|adopted|keep|kept|drop(?:ped)?|hurts?|help(?:s|ed)|fail(?:s|ed)|"
    r"because|worth|not (?:usable|worth|enough)|diverge[sd]?|collapse[sd]?|faster|slower|gains?|lost|loses)\b",
    re.IGNORECASE,
)


class Why(NamedTuple):
    """What a question and an experiment have in common.

    Attributes:
        ideas: The ideas, by the names of their groups.
        settings: The kinds of datasets, tasks and models that the question names and the experiment has a term of, by
            the names of their groups; if nothing else is in common, also those that only have terms in both.
        words: Words of the question, if no idea is shared.
    """

    ideas: tuple[str, ...]
    settings: tuple[str, ...]
    words: tuple[str, ...]

    def __str__(self) -> str:
        """Return the explanation as one line."""
        ideas = f"in common: {', '.join(self.ideas)}" if self.ideas else ""
        words = f"words in common: {', '.join(self.words)}" if self.words else ""
        # No "same setting": they may have different terms of the group, or one in another sense.
        settings = f"related: {', '.join(self.settings)}" if self.settings else ""
        return "; ".join(filter(None, (ideas, words, settings)))


def explain(match: Match, question: ExperimentText) -> Why:
    """Return why an experiment matches a question.

    Args:
        match: The experiment.
        question: The texts of the question.
    """
    names = [feature for feature, worth in match.shared if worth >= _LEAST]
    worths = [worth for feature, worth in match.shared if feature[0] == IDEA and worth >= _LEAST]
    # Next to a strong reason, a weak one is often none.
    main = max(worths, default=0.0) / 2
    ideas = tuple(name[1:] for name, worth in match.shared if name[0] == IDEA and worth >= max(main, _LEAST))
    ideas = ideas[:_MOST_IDEAS]
    settings = tuple(name[1:] for name in names if name[0] == SETTING)
    written: dict[str, str] = {}
    for word in tokens(f"{question.title} {question.description}"):
        written.setdefault(stem(word), word)
    shared = {feature: worth for feature, worth in match.shared if feature[0] not in (IDEA, SETTING, SYNONYMS)}
    enough = max(shared.values(), default=0.0) / 2
    words = [written[name] for name, worth in shared.items() if worth >= enough and name in written]
    if ideas or words:
        # Who writes `U-Net` does not say that it is about segmentation, and the word itself is among those in common.
        settings = tuple(name for name in settings if written.keys() >= {*stems(name)})
    return Why(ideas, settings[:_MOST_SETTINGS], () if ideas else tuple(words[:_MOST_WORDS]))


def find_outcome_sentence(text: str) -> str:
    """Return the sentence of a conclusion that says most about the outcome; empty if there is no text."""
    sentences = [_LIST.sub("", part).strip() for part in _SENTENCE.split(text)]
    sentences = [sentence for sentence in sentences if any(map(str.isalnum, sentence))]
    if not sentences:
        return ""
    counts = [len(_RESULT.findall(sentence[:1000])) for sentence in sentences[:20]]
    # The first sentence is preferred, unless another says clearly more.
    best = max(range(len(counts)), key=lambda at: (counts[at] - (at > 0), -at))
    return " ".join(sentences[best].split())
