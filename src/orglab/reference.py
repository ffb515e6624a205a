"""References: `[e201]` is experiment 201, `[e201.1]` its step 1."""

import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from orglab.errors import UsageError

if TYPE_CHECKING:
    import mmap

_SPELLING = r"(\[)?([A-Za-z0-9_-]+)(?:\.([0-9]{1,9}))?(?(1)\])"


class Reference(NamedTuple):
    """What a reference names.

    Attributes:
        id: The experiment's id.
        step: The step's number, or None for the experiment.
    """

    id: str
    step: int | None = None

    def spell(self, letter: str) -> str:
        """Return the reference as the log's users write it, such as `e201.1`, given an id without the letter."""
        return letter + self.id + (f".{self.step}" if self.step is not None else "")


def without_letter(name: str, letter: str) -> str:
    """Return an id without the letter that a user may have written before it: `201` for `e201`."""
    return name.removeprefix(letter) or name


def parse_reference(text: str) -> Reference:
    """Return the reference that a user wrote as `201`, `e201`, `[e201.1]` or `201.1`; the id keeps the letter.

    Raises:
        UsageError: `text` has none of these forms.
    """
    match = re.fullmatch(_SPELLING, text.strip())
    if match is None:
        raise UsageError(f"{text!r} is not a reference; write e12 or e12.1.")
    return Reference(match.group(2), int(match.group(3)) if match.group(3) else None)


def reference_pattern(letter: str) -> "re.Pattern[bytes]":
    """Return a regexp for references in any text: group 1 is the id, group 2 the step.

    A match inside a word or a longer bracket does not count: `foo[e201]` is an
    index, `[[e201]]` an Org link.
    """
    begin = rb"\[" + re.escape(letter.encode())
    # The lookbehind comes after the bracket: only a pattern that begins with a literal is searched fast.
    before = rb"(?<![\w\[\]\x80-\xff]" + begin + rb")"
    return re.compile(begin + before + rb"([A-Za-z0-9_-]+)(?:\.(\d{1,9}))?\](?![\]\[(])")


def link_pattern(file: str | None = None) -> "re.Pattern[bytes]":
    """Return a regexp for Org links to experiments, in any text: group 1 is the id.

    `[[id:201]]`, `[[#201]]`, and with a file `[[file:experiment_log.org::#201]]`.

    Args:
        file: The name of the log that a link with a file must point to; None for any file.
    """
    place = rb"[^\]\[]*" if file is None else rb"(?:(?:file:)?(?:\./)?%s)" % re.escape(os.fsencode(file))
    return re.compile(rb"\[\[(?:(?i:id):|(?:%b::)?#)([A-Za-z0-9_-]+)\]" % place)


def find_references(text: "bytes | mmap.mmap", letter: str) -> Iterator[tuple[int, Reference]]:
    """Yield each reference in `text`, preceded by its offset."""
    for match in reference_pattern(letter).finditer(text):
        step = match.group(2)
        yield match.start(), Reference(match.group(1).decode(), int(step) if step else None)
