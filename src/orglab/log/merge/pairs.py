"""Which part of one version is which part of another."""

import difflib
from collections import defaultdict
from collections.abc import Sequence

from orglab.log.merge.node import ADDED_ALONE, Node, words_of
from orglab.org.source import decode

_ALIKE = 0.5


def pair(old: Sequence[Node], new: Sequence[Node]) -> dict[int, int]:
    """Return for each part of `old` that is in `new` still, changed or not, its place there.

    In order as far as the order is the same; a heading, item or property that
    was moved is found by its key; of items whose words were changed, the
    likeliest one between the same neighbours is taken.
    """
    found: dict[int, int] = {}
    for tag, begin, end, new_begin, new_end in _opcodes(old, new):
        if tag == "equal":
            found.update(zip(range(begin, end), range(new_begin, new_end), strict=True))
        elif tag == "replace":
            found.update(_pair_reworded(old, new, range(begin, end), range(new_begin, new_end)))
    _pair_moved(old, new, found)
    return found


def _opcodes(old: Sequence[Node], new: Sequence[Node]) -> list[tuple[str, int, int, int, int]]:
    """Return how the keys of one sequence become those of another; what both begin and end with costs nothing."""
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
    """Return pairs of items between the same neighbours whose words are alike, and of the headings likewise."""
    found: dict[int, int] = {}
    free = [place for place in news if new[place].kind == "item"]
    for place in olds:
        if old[place].kind != "item":
            continue
        best = max(free, key=lambda other: _likeness(old[place], new[other]), default=None)
        if best is not None and _likeness(old[place], new[best]) >= _ALIKE:
            found[place] = best
            free.remove(best)
    return found


def _likeness(one: Node, other: Node) -> float:
    """Return how alike the words of two items are, from 0 to 1."""
    if one.item is None or other.item is None:
        return 0.0
    mine, others = decode(words_of(one.head, one.item)).split(), decode(words_of(other.head, other.item)).split()
    return float(difflib.SequenceMatcher(None, mine, others, autojunk=False).ratio())


def _pair_moved(old: Sequence[Node], new: Sequence[Node], found: dict[int, int]) -> None:
    """Add the pairs of parts that have a key that stands once on each side, wherever that is."""
    taken = set(found.values())
    left: dict[tuple[str, bytes], list[int]] = defaultdict(list)
    for place, node in enumerate(new):
        if place not in taken and node.kind in ADDED_ALONE and node.kind != "row":
            left[node.key].append(place)
    counts: dict[tuple[str, bytes], list[int]] = defaultdict(list)
    for place, node in enumerate(old):
        if place not in found and node.key in left:
            counts[node.key].append(place)
    for key, places in counts.items():
        if len(places) == len(left[key]) == 1:
            found[places[0]] = left[key][0]
