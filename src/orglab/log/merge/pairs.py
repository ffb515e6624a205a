"""Pairs of parts that correspond to each other in two versions of a log."""

import difflib
from collections import defaultdict
from collections.abc import Sequence

from orglab.log.merge.node import ADDED_ALONE, Node
from orglab.org.source import decode

_LEAST_SIMILARITY = 0.5


def pair(old: Sequence[Node], new: Sequence[Node]) -> dict[int, int]:
    """Return the index in `new` of each part of `old` that still exists, changed or not, by its index in `old`.

    Parts in the same order are paired by their keys; a heading, item or property
    that was moved is found by its key; a reworded item is paired with the most
    similar item between the same neighbours.
    """
    pairs: dict[int, int] = {}
    for tag, begin, end, new_begin, new_end in _opcodes(old, new):
        if tag == "equal":
            pairs.update(zip(range(begin, end), range(new_begin, new_end), strict=True))
        elif tag == "replace":
            pairs.update(_pair_reworded(old, new, range(begin, end), range(new_begin, new_end)))
    _pair_moved(old, new, pairs)
    return pairs


def _opcodes(old: Sequence[Node], new: Sequence[Node]) -> list[tuple[str, int, int, int, int]]:
    """Return the difflib opcodes between the keys of two sequences; a common beginning and end are skipped first."""
    head = 0
    while head < min(len(old), len(new)) and old[head].key == new[head].key:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail].key == new[-1 - tail].key:
        tail += 1
    middle = [node.key for node in old[head : len(old) - tail]], [node.key for node in new[head : len(new) - tail]]
    inner = difflib.SequenceMatcher(None, *middle, autojunk=False).get_opcodes()
    return [
        ("equal", 0, head, 0, head),
        *((tag, a + head, b + head, c + head, d + head) for tag, a, b, c, d in inner),
        ("equal", len(old) - tail, len(old), len(new) - tail, len(new)),
    ]


def _pair_reworded(old: Sequence[Node], new: Sequence[Node], olds: range, news: range) -> dict[int, int]:
    """Return the pairs of items between the same neighbours whose words are similar."""
    pairs: dict[int, int] = {}
    free = [place for place in news if new[place].kind == "item"]
    for place in olds:
        if old[place].kind != "item":
            continue
        best = max(free, key=lambda other: _compare_words(old[place], new[other]), default=None)
        if best is not None and _compare_words(old[place], new[best]) >= _LEAST_SIMILARITY:
            pairs[place] = best
            free.remove(best)
    return pairs


def _compare_words(old: Node, new: Node) -> float:
    """Return the similarity of the words of two items, from 0 to 1."""
    if old.item is None or new.item is None:
        return 0.0
    old_words, new_words = decode(old.words).split(), decode(new.words).split()
    return float(difflib.SequenceMatcher(None, old_words, new_words, autojunk=False).ratio())


def _pair_moved(old: Sequence[Node], new: Sequence[Node], pairs: dict[int, int]) -> None:
    """Add to `pairs` the parts whose key is unique among the unpaired parts of each side."""
    paired = set(pairs.values())
    new_places: dict[tuple[str, bytes], list[int]] = defaultdict(list)
    for place, node in enumerate(new):
        if place not in paired and node.kind in ADDED_ALONE and node.kind != "row":
            new_places[node.key].append(place)
    old_places: dict[tuple[str, bytes], list[int]] = defaultdict(list)
    for place, node in enumerate(old):
        if place not in pairs and node.key in new_places:
            old_places[node.key].append(place)
    for key, places in old_places.items():
        if len(places) == len(new_places[key]) == 1:
            pairs[places[0]] = new_places[key][0]
