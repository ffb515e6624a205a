"""A change of a text, as a value that whoever asked for it can verify and apply."""

from bisect import bisect_right
from collections.abc import Iterable
from typing import NamedTuple

from orglab.errors import UnsafeEditError


class Edit(NamedTuple):
    r"""Replace the text from `start` to `end` (positions in `Source.text`) by `replacement`, with `\n` line ends."""

    start: int
    end: int
    replacement: bytes


def compose(first: Iterable[Edit], second: Iterable[Edit]) -> list[Edit]:
    """Return edits that do at once what `first` and then `second` do.

    Args:
        first: Edits of a text.
        second: Edits of the text after `first`; none may touch what `first` wrote.

    Raises:
        UnsafeEditError: An edit of `second` touches what `first` wrote.
    """
    done = sorted(first, key=lambda edit: (edit.start, edit.end))
    # For each of them: where what it wrote begins and ends, and how much longer the text is from there on.
    begins: list[int] = []
    ends: list[int] = []
    shifts = [0]
    for edit in done:
        begins.append(edit.start + shifts[-1])
        ends.append(begins[-1] + len(edit.replacement))
        shifts.append(shifts[-1] + len(edit.replacement) - (edit.end - edit.start))
    between: list[list[Edit]] = [[] for _ in range(len(done) + 1)]
    for edit in second:
        # The first that ends after this one begins; an insertion right before it is no touch.
        place = bisect_right(ends, edit.start)
        if place < len(done) and begins[place] < edit.end:
            raise UnsafeEditError("An edit would have changed what another wrote; nothing was written.")
        between[place].append(Edit(edit.start - shifts[place], edit.end - shifts[place], edit.replacement))
    # In the order of the text: of two insertions at one place it decides which stands first.
    composed = between[0]
    for edit, following in zip(done, between[1:], strict=True):
        composed += [edit, *following]
    return composed
