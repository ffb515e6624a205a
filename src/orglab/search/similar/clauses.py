"""The clauses of a text: what an experiment does, what it replaces, and what it is only compared with.

`Gradient boosting beats the SVM` is about boosting: without this distinction, it would be found as an experiment with
an SVM.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

# How much the words count of what is replaced, and of what results are compared with.
_REPLACED, _COMPARED = 0.5, 0.15
_BEGIN = re.compile(
    # The first letters, so that most words are passed over at once.
    r"(?<!\w)(?=[abcefgilmnoprstuvw])(?:(?P<replaced>instead of|rather than|in place of|in lieu of)"
    r"|(?P<sides>versus|vs|compar\w+ (?:\S+ ){0,4}?(?:with|to|against))"
    r"|beat(?:s|en|ing)?|outperform\w*|surpass\w*|exceed\w*|than|unlike"
    r"|relative to|superior to|ahead of|on (?:a )?par with|(?:close|narrow)\w* the gap to|as \w+ as|same \w+ as"
    r"|(?:gain|improv|advantage|win|lift|points?)\w* (?:on|over)|within (?:\w+ )?noise of|match\w* the"
    r"|(?:over|above|below|under|against|from|by|to) (?:the |its |our )?\d[\d.,]*(?: ?%| points?)? of"
    r"|(?:over|above|below|against|to) (?:the |our )?baseline)\b",
    re.IGNORECASE,
)
_END = re.compile(
    r"[,;:()?!]|[.](?=\s|$)|\b(?:because|since|so that|while|whereas|but|though|if|when)\b", re.IGNORECASE
)


class Clause(NamedTuple):
    """A part of a text.

    Attributes:
        text: The text.
        share: How much its words count, from 0 to 1.
    """

    text: str
    share: float


def split_clauses(text: str, *, is_title: bool = False) -> Iterator[Clause]:
    """Yield the clauses of a text in order.

    Args:
        text: The text.
        is_title: Whether both sides of a comparison are what is tried, as in `One layer versus all layers`.
    """
    at = 0
    while match := _BEGIN.search(text, at):
        if is_title and (match["sides"] or not text[at : match.start()].strip()):
            yield Clause(text[at : match.end()], 1.0)
            at = match.end()
            continue
        end = _END.search(text, match.end())
        stop = end.start() if end is not None else len(text)
        yield Clause(text[at : match.start()], 1.0)
        yield Clause(text[match.start() : stop], _REPLACED if match["replaced"] else _COMPARED)
        at = stop
    yield Clause(text[at:], 1.0)
