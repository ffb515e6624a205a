"""Fit a brief to its tokens: every section keeps its first entries before any keeps its later ones."""

from collections.abc import Callable, Iterator
from typing import Any

from orglab.report.brief.brief import BYTES_PER_TOKEN, SECTIONS, Brief

_SAME = {"verdicts": "dead_ends", "dead_ends": "verdicts"}
ROOMY = 500
"""From so many tokens on, what was refuted last is told as a verdict, with its number."""


def fit(brief: Brief, measure: Callable[[Brief], int]) -> Brief:
    """Return a brief with as many entries as its tokens have room for.

    An entry that is in one section is left out of another: what was refuted last is a verdict, and a dead end.

    Args:
        brief: The brief.
        measure: Returns the bytes that a brief takes when it is written.
    """
    room = brief.tokens * BYTES_PER_TOKEN
    order = [*_list_in_turn(brief)]
    low, high = 0, len(order)
    while low < high:
        middle = (low + high + 1) // 2
        if measure(_select(brief, order[:middle])) <= room:
            low = middle
        else:
            high = middle - 1
    chosen, full = order[:low], set[str]()
    # An entry may be too long where a shorter one of another section has room.
    for name, place in order[low:]:
        if name not in full and measure(_select(brief, [*chosen, (name, place)])) <= room:
            chosen.append((name, place))
        else:
            full.add(name)
        if len(full) == len(SECTIONS):
            break
    while chosen and measure(_select(brief, chosen)) > room:
        chosen.pop()
    return _select(brief, chosen)


def count_left_out(brief: Brief) -> dict[str, int]:
    """Return how many entries of each section a brief does not have; sections that have all of them are left out."""
    counts = {name: brief.totals.get(name, 0) - len(getattr(brief, name)) for name in SECTIONS}
    return {name: count for name, count in counts.items() if count > 0}


def _list_in_turn(brief: Brief) -> Iterator[tuple[str, int]]:
    """Yield the entries of all sections, each by its section and its place, one of each section in turn."""
    places = dict.fromkeys(SECTIONS, 0)
    known = {entry.ref: place for place, entry in enumerate(brief.verdicts)} if brief.tokens >= ROOMY else {}
    told: set[str] = set()
    while places:
        for name in [*places]:
            entries, place = getattr(brief, name), places[name]
            while name in _SAME and place < len(entries) and entries[place].ref in told:
                place += 1
            if place >= len(entries):
                del places[name]
                continue
            places[name] = place + 1
            if name in _SAME:
                told.add(entries[place].ref)
            if name == "dead_ends" and entries[place].ref in known:
                yield "verdicts", known[entries[place].ref]
            else:
                yield name, place


def _select(brief: Brief, chosen: list[tuple[str, int]]) -> Brief:
    """Return a brief with some of its entries; what one section says of an experiment, another has not left out."""
    places: dict[str, set[int]] = {name: set() for name in SECTIONS}
    for name, place in chosen:
        places[name].add(place)
    kept: dict[str, Any] = {
        name: tuple(entry for place, entry in enumerate(getattr(brief, name)) if place in own)
        for name, own in places.items()
    }
    totals = dict(brief.totals)
    for name, other in _SAME.items():
        told = {entry.ref for entry in kept[other]}
        totals[name] -= sum(entry.ref in told for entry in getattr(brief, name))
    return brief._replace(**kept, totals=totals)
