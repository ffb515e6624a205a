"""Answers within a number of bytes: long lists and texts are shortened, and the answer says by how much."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from orglab.text import clean, cut

LIMIT = 8192
"""The number of bytes that the JSON text of an answer may have."""
# How long texts and lists may be: each pair is tried until the answer is short enough.
_STEPS = ((2000, 100), (1000, 40), (500, 20), (250, 10), (120, 5), (60, 2), (30, 1))
_MOST_KEYS = 24  # more are not fields of a form, but names that a run or a file has
_MOST_NAMED = (10, 3, 0)
_LONGEST_PATH = 60
_ROOM_FOR_HINT = 700


class Paged(NamedTuple):
    """A document with a list of which an answer has a part.

    Attributes:
        fields: The other fields.
        name: The name of the list.
        values: All its values.
        make_form: Returns the JSON value of one.
    """

    fields: Mapping[str, object]
    name: str
    values: Sequence[Any]
    make_form: Callable[[Any], Mapping[str, object]]


def write_compact(document: object) -> str:
    """Return a document as JSON text without spaces."""
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def fit(document: Mapping[str, object], hint: str) -> dict[str, object]:
    """Return a document within LIMIT, with what had to be left out counted in its field `left_out`.

    Args:
        document: The document.
        hint: How to get what is left out.
    """
    squeezed, losses = _squeeze(document, LIMIT - _ROOM_FOR_HINT)
    return {**squeezed, **losses.describe(hint)}


def fit_page(paged: Paged, offset: int, hint: str) -> dict[str, object]:
    """Return a document within LIMIT that has as many values of its list as there is room for.

    Args:
        paged: The document.
        offset: How many values to pass over.
        hint: How to get the others; `OFFSET` in it becomes the number where they begin.
    """
    room = LIMIT - _ROOM_FOR_HINT
    fields, losses = _squeeze(paged.fields, room // 3)
    room -= measure({**fields, paged.name: []})
    taken: list[object] = []
    for value in paged.values[offset:]:
        form, lost = _squeeze(paged.make_form(value), LIMIT // 3)
        size = measure(form) + 1
        if size > room:
            break
        room -= size
        taken.append(form)
        losses.add(lost, paged.name)
    end = offset + len(taken)
    losses.counts[paged.name] += max(0, len(paged.values) - end)
    more = {"next_offset": end} if end < len(paged.values) else {}
    return {**fields, paged.name: taken, **more, **losses.describe(hint.replace("OFFSET", str(end)))}


def measure(value: object) -> int:
    """Return how many bytes a value has as JSON text."""
    return len(write_compact(value).encode())


class _Losses:
    """What was left out of a document.

    Attributes:
        counts: How many values of lists and mappings, by the path of these.
        cut: The paths of texts that were cut.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.cut: dict[str, None] = {}

    def add(self, other: "_Losses", prefix: str) -> None:
        """Add what was left out of a part of the document."""
        self.counts.update({f"{prefix}.{path}": count for path, count in other.counts.items()})
        self.cut.update({f"{prefix}.{path}": None for path in other.cut})

    def describe(self, hint: str) -> dict[str, object]:
        """Return the fields of the document that say what was left out; none if nothing was."""
        counts = {path: count for path, count in self.counts.items() if count}
        if not counts and not self.cut:
            return {}
        fields: dict[str, object] = {}
        for most in _MOST_NAMED:
            # A name may be any text.
            left_out = {cut(path, _LONGEST_PATH): count for path, count in [*counts.items()][:most]}
            named = {"left_out": left_out, "cut": [cut(path, _LONGEST_PATH) for path in [*self.cut][:most]]}
            fields = {**{name: value for name, value in named.items() if value}, "hint": hint}
            if measure(fields) <= _ROOM_FOR_HINT:
                break
        return fields


def _squeeze(document: Mapping[str, object], room: int) -> tuple[dict[str, object], _Losses]:
    """Return a document within some room, and what was left out of it."""
    whole = clean_values(document)
    losses = _Losses()
    if measure(whole) <= room:
        return whole, losses
    squeezed: dict[str, object] = {}
    for longest, most in _STEPS:
        losses = _Losses()
        squeezed = {name: _shorten(value, name, longest, most, losses) for name, value in whole.items()}
        if measure(squeezed) <= room:
            return squeezed, losses
    # A document with very many fields: the largest ones go.
    for name in sorted(squeezed, key=lambda name: measure(squeezed[name]), reverse=True):
        if measure(squeezed) <= room:
            break
        del squeezed[name]
        losses.counts[name] += 1
    return squeezed, losses


def _shorten(value: object, path: str, longest: int, most: int, losses: _Losses) -> object:
    """Return a value with its texts and lists shortened; what is left out is added to the losses."""
    if isinstance(value, str):
        if len(value) > longest:
            losses.cut[path] = None
        return cut(value, longest)
    if isinstance(value, list):
        losses.counts[path] += max(0, len(value) - most)
        return [_shorten(one, path, longest, most, losses) for one in value[:most]]
    if isinstance(value, dict):
        kept = [*value.items()]
        is_open = len(kept) > _MOST_KEYS
        if is_open:
            kept = kept[: min(most, _MOST_KEYS)]
            losses.counts[path] += len(value) - len(kept)
        return {
            cut(name, longest): _shorten(one, path if is_open else f"{path}.{name}", longest, most, losses)
            for name, one in kept
        }
    return value


def clean_values(document: Mapping[str, object]) -> dict[str, object]:
    """Return a document whose texts, names included, have no control characters: they may be those of a stranger."""
    return {clean(name): _clean_value(value) for name, value in document.items()}


def _clean_value(value: object) -> object:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return clean_values(value)
    if isinstance(value, Iterable):
        return [_clean_value(one) for one in value]
    return value
