"""The changes of a report's text since it was written, each as a sentence; the time grows with the length of it."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from difflib import SequenceMatcher
from itertools import pairwise
from typing import NamedTuple

from orglab.text import cut

_CONTEXT = 3  # words on each side
_CONTEXT_LENGTH, _LONGEST = 30, 60  # characters
_ANCHOR = 3  # words
# What is longer, and has no anchor inside, counts as replaced as a whole.
_MAX_PAIRS = 10_000
_MAX_WORDS = 1_000_000


class TextChange(NamedTuple):
    """A change of the text.

    Attributes:
        message: The change, as a sentence without a period.
        was: The words as written; empty if words were added.
        now: The words that are there now; empty if words were removed.
    """

    message: str
    was: str = ""
    now: str = ""


class _Span(NamedTuple):
    """Words that may differ: from `begin` to `end` as written, and from `new_begin` to `new_end` now."""

    begin: int
    end: int
    new_begin: int
    new_end: int


def find_changes(
    was: Sequence[str], now: Sequence[str], starts: AbstractSet[int] = frozenset()
) -> Iterator[TextChange]:
    """Yield the changes of a text, in order.

    Args:
        was: Its words as written.
        now: Its words now.
        starts: The indices of the words that begin a line now, where mail may have divided a word.
    """
    for span in _find_spans(was, now):
        old, new = was[span.begin : span.end], now[span.new_begin : span.new_end]
        if not _is_wrapped(old, new, span.new_begin, starts):
            yield _describe(old, new, now, span)


def _find_spans(was: Sequence[str], now: Sequence[str]) -> Iterator[_Span]:
    """Yield the words that differ."""
    whole = _trim(was, now, _Span(0, len(was), 0, len(now)))
    if max(whole.end, whole.new_end) - whole.begin > _MAX_WORDS:
        yield whole
        return
    anchors = [(whole.begin, whole.new_begin), *_find_anchors(was, now, whole), (whole.end, whole.new_end)]
    for (begin, new_begin), (end, new_end) in pairwise(anchors):
        span = _trim(was, now, _Span(begin, end, new_begin, new_end))
        old, new = was[span.begin : span.end], now[span.new_begin : span.new_end]
        if not 0 < len(old) * len(new) <= _MAX_PAIRS:
            if old or new:
                yield span
            continue
        for kind, first, last, new_first, new_last in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
            if kind != "equal":
                at, new_at = span.begin, span.new_begin
                yield _Span(at + first, at + last, new_at + new_first, new_at + new_last)


def _trim(was: Sequence[str], now: Sequence[str], span: _Span) -> _Span:
    """Return a span without the words at its begin and end that are the same."""
    begin, end, new_begin, new_end = span
    while begin < end and new_begin < new_end and was[begin] == now[new_begin]:
        begin, new_begin = begin + 1, new_begin + 1
    while begin < end and new_begin < new_end and was[end - 1] == now[new_end - 1]:
        end, new_end = end - 1, new_end - 1
    return _Span(begin, end, new_begin, new_end)


def _find_anchors(was: Sequence[str], now: Sequence[str], span: _Span) -> list[tuple[int, int]]:
    """Return the positions, as written and now, of words that occur once in both texts, in the order of both."""
    old = _index_unique(was, span.begin, span.end)
    new = _index_unique(now, span.new_begin, span.new_end)
    pairs = [(position, new[words]) for words, position in old.items() if words in new]
    # The longest increasing sequence of positions: for each length, the pair with the smallest position that ends one.
    positions: list[int] = []
    ends: list[int] = []
    before: list[int] = []
    for index, (_, position) in enumerate(pairs):
        length = bisect_left(positions, position)
        before.append(ends[length - 1] if length else -1)
        positions[length : length + 1] = [position]
        ends[length : length + 1] = [index]
    anchors = []
    index = ends[-1] if ends else -1
    while index >= 0:
        anchors.append(pairs[index])
        index = before[index]
    return anchors[::-1]


def _index_unique(words: Sequence[str], begin: int, end: int) -> dict[tuple[str, ...], int]:
    """Return the positions of the sequences of words that occur once, in order."""
    found: dict[tuple[str, ...], int] = {}
    for position in range(begin, end - _ANCHOR + 1):
        key = tuple(words[position : position + _ANCHOR])
        found[key] = -1 if key in found else position
    return {key: position for key, position in found.items() if position >= 0}


def _is_wrapped(old: Sequence[str], new: Sequence[str], position: int, starts: AbstractSet[int]) -> bool:
    """Return whether words differ only because mail divided them, or took a `>` that begins a line for its own."""
    at = range(position, position + len(new)) if new else (position,)
    if not all(index in starts for index in at[1:]):
        return False
    before, after = "".join(old), "".join(new)
    return before == after or (at[0] in starts and before.replace(">", "") == after)


def _describe(old: Sequence[str], new: Sequence[str], now: Sequence[str], span: _Span) -> TextChange:
    """Return a change as a sentence, with a few words around it."""
    was, is_now = " ".join(old), " ".join(new)
    before = " ".join(now[max(0, span.new_begin - _CONTEXT) : span.new_begin])
    after = cut(" ".join(now[span.new_end : span.new_end + _CONTEXT]), _CONTEXT_LENGTH)
    if len(before) > _CONTEXT_LENGTH:
        before = "…" + before[1 - _CONTEXT_LENGTH :]
    said, says = _shorten(was, is_now), _shorten(is_now, was)
    around = " ".join(part for part in (before, says, after) if part)
    if not old:
        change = f'"{says}" was added'
    elif not new:
        change = f'"{said}" was removed' + (f' after "{before}"' if before else "")
    else:
        change = f'"{says}" was "{said}" when the report was written'
    return TextChange(f'"{around}": {change}' if around else change, was, is_now)


def _shorten(text: str, other: str) -> str:
    """Return a text cut to some characters: the first ones that differ from another text, and those around."""
    begin = 0
    if len(text) > _LONGEST:
        same = next((at for at, (one, two) in enumerate(zip(text, other, strict=False)) if one != two), len(other))
        begin = max(0, same - _CONTEXT_LENGTH // 2)
    return cut(("…" if begin else "") + text[begin:], _LONGEST)
