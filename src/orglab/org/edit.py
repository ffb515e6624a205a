"""Edits of a text, as values that the caller can verify and apply."""

from bisect import bisect_right
from collections.abc import Iterable
from typing import NamedTuple

from orglab.errors import UnsafeEditError


class Edit(NamedTuple):
    r"""Replace `Source.text[start:end]` with `replacement`, whose line endings are `\n`."""

    start: int
    end: int
    replacement: bytes


def compose(first: Iterable[Edit], second: Iterable[Edit]) -> list[Edit]:
    """Return the edits that have the effect of `first` followed by `second`.

    Args:
        first: Edits of a text.
        second: Edits of the text after `first`; none may change what `first` wrote.

    Raises:
        UnsafeEditError: An edit in `second` changes what `first` wrote.
    """
    earlier = sorted(first, key=lambda edit: (edit.start, edit.end))
    # For each edit: where its replacement begins and ends, and by how much it shifts the text after it.
    begins: list[int] = []
    ends: list[int] = []
    shifts = [0]
    for edit in earlier:
        begins.append(edit.start + shifts[-1])
        ends.append(begins[-1] + len(edit.replacement))
        shifts.append(shifts[-1] + len(edit.replacement) - (edit.end - edit.start))
    between: list[list[Edit]] = [[] for _ in range(len(earlier) + 1)]
    for edit in second:
        # The first replacement that ends after this edit begins; inserting right before it is allowed.
        place = bisect_right(ends, edit.start)
        if place < len(earlier) and begins[place] < edit.end:
            raise UnsafeEditError("One edit would overwrite the result of another; nothing was written.")
        between[place].append(Edit(edit.start - shifts[place], edit.end - shifts[place], edit.replacement))
    # In text order, because that decides which of two insertions at one place comes first.
    composed = between[0]
    for edit, following in zip(earlier, between[1:], strict=True):
        composed += [edit, *following]
    return composed
