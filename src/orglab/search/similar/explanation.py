"""Why an experiment is like a question, and what came of it in a line."""

import re
from typing import NamedTuple

from orglab.search.similar.features import IDEA, SETTING, WORDS, ExperimentText
from orglab.search.similar.fusion import Match
from orglab.search.similar.stems import stem, tokens

_MOST_IDEAS, _MOST_SETTINGS, _MOST_WORDS = 2, 2, 4
# A shared feature that is worth less than that is no reason.
_LEAST = 0.1
_SENTENCE = re.compile(r"(?<=[.!?;])\s+(?=[^a-z])|\n+")
_LIST = re.compile(r"^\s*(?:[-+*]|\d+[.)])\s+(?:\[[ Xx-]\]\s+)?")
# What a sentence that says how it ended is full of.
_RESULT = re.compile(
    r"->|→|[-+±<>=]\s?\d|\d\s?%|\b(?:better|worse|best|same|equal|no (?:gain|difference|effect|change|improvement)|"
    r"unchanged|improv\w+|refuted|supported|confirmed|adopted|keep|kept|drop(?:ped)?|hurts?|help(?:s|ed)|fail(?:s|ed)|"
    r"because|worth|not (?:usable|worth|enough)|diverge[sd]?|collapse[sd]?|faster|slower|gains?|lost|loses)\b",
    re.IGNORECASE,
)


class Why(NamedTuple):
    """What a question and an experiment have both.

    Attributes:
        ideas: The ideas, by the names of their groups.
        settings: What they are tried on.
        words: Words of the question, where no idea says enough.
    """

    ideas: tuple[str, ...]
    settings: tuple[str, ...]
    words: tuple[str, ...]

    def __str__(self) -> str:
        """Return it as a line."""
        ideas = f"both: {', '.join(self.ideas)}" if self.ideas else ""
        words = f"both say: {', '.join(self.words)}" if self.words else ""
        settings = f"same setting: {', '.join(self.settings)}" if self.settings else ""
        return "; ".join(filter(None, (ideas, words, settings)))


def explain(match: Match, asked: ExperimentText) -> Why:
    """Return why an experiment was found.

    Args:
        match: The experiment.
        asked: The question.
    """
    names = [feature for feature, worth in match.shared if worth >= _LEAST]
    worths = [worth for feature, worth in match.shared if feature[0] == IDEA and worth >= _LEAST]
    # Beside a strong reason a weak one is often none.
    main = max(worths, default=0.0) / 2
    ideas = tuple(name[1:] for name, worth in match.shared if name[0] == IDEA and worth >= max(main, _LEAST))
    ideas = ideas[:_MOST_IDEAS]
    settings = tuple(name[1:] for name in names if name[0] == SETTING)[:_MOST_SETTINGS]
    written: dict[str, str] = {}
    for word in tokens(f"{asked.title} {asked.description}"):
        written.setdefault(stem(word), word)
    shared = {feature: worth for feature, worth in match.shared if feature[0] not in (IDEA, SETTING, WORDS)}
    enough = max(shared.values(), default=0.0) / 2
    words = [written[name] for name, worth in shared.items() if worth >= enough and name in written]
    return Why(ideas, settings, () if ideas else tuple(words[:_MOST_WORDS]))


def find_outcome_sentence(text: str) -> str:
    """Return the sentence of a conclusion that says most of how it ended; empty if there is no text."""
    sentences = [_LIST.sub("", part).strip() for part in _SENTENCE.split(text)]
    sentences = [sentence for sentence in sentences if any(map(str.isalnum, sentence))]
    if not sentences:
        return ""
    counts = [len(_RESULT.findall(sentence[:1000])) for sentence in sentences[:20]]
    # The first one is meant to be it; another has to say clearly more.
    best = max(range(len(counts)), key=lambda at: (counts[at] - (at > 0), -at))
    return " ".join(sentences[best].split())
