"""A change of a text, as a value.

The command line applies it to the file; an editor server sends the same value
as a workspace edit.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from orglab.errors import UnsafeEditError


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace the text from `start` to `end` (positions in `Source.text`) by `replacement`, with `\\n` line ends."""

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
    composed = list(done)
    for edit in second:
        shift = 0
        for earlier in done:
            written = earlier.start + shift
            if edit.end <= written:
                break
            if edit.start < written + len(earlier.replacement):
                raise UnsafeEditError("An edit would have changed what another wrote; nothing was written.")
            shift += len(earlier.replacement) - (earlier.end - earlier.start)
        composed.append(Edit(edit.start - shift, edit.end - shift, edit.replacement))
    return composed
