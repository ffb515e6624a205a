"""The numbers of an experiment's setting, by what they are numbers of: `C=30`, `dropout 0.5`, `24 h`.

Experiments that differ only in them are near, and not the same.
"""

import re
from collections.abc import Iterator

from orglab.search.similar.stems import WEAK_WORDS, stem, stems, tokens

_ASSIGNED = re.compile(r"([^\W\d_][\w.-]{0,40})\s?[=:]\s?(\d+(?:[.,]\d+)*(?:e[-+]?\d+)?)")
# How often something was measured is no setting of the idea.
_REPETITIONS = frozenset(map(stem, ("seed", "seeds", "fold", "run", "runs", "repeat", "replicate", "times", "trial")))


def find_values(title: str, description: str) -> Iterator[tuple[str, str]]:
    """Yield the names and values of a setting: in a title of any number, in a description of what is assigned."""
    words = [stem(word) for word in tokens(title)]
    names = [word if word and not word[0].isdigit() and word not in WEAK_WORDS else "" for word in words]
    for at, word in enumerate(words):
        if word[:1].isdigit():
            after = next(iter(names[at + 1 : at + 2]), "")
            if after not in _REPETITIONS:
                before = next(filter(None, reversed(names[:at])), "")
                yield from ((name, _spell(word)) for name in (before, after) if name)
    for name, value in _ASSIGNED.findall(description):
        if own := stems(name)[-1:]:
            yield own[0], _spell(value.casefold())


def _spell(number: str) -> str:
    """Return a number in one spelling: `0.10`, `0,1` and `1e-1` are the same."""
    try:
        return format(float(number.replace(",", ".")), "g")
    except ValueError:
        return number
