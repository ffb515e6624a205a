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
        """Return it as the log's users write it, such as `e201.1`; its id is without the letter."""
        return letter + self.id + (f".{self.step}" if self.step is not None else "")


def without_letter(name: str, letter: str) -> str:
    """Return the id that a person spelled with the letter of references before it, or without: `201` of `e201`."""
    return name.removeprefix(letter) or name


def parse_reference(text: str) -> Reference:
    """Return the reference that a user spelled as `201`, `e201`, `[e201.1]` or `201.1`; the letter is kept in the id.

    Raises:
        UsageError: It is none of these.
    """
    match = re.fullmatch(_SPELLING, text.strip())
    if match is None:
        raise UsageError(f"{text!r} is no reference; write 201, e201, 201.1 or [e201.1].")
    return Reference(match.group(2), int(match.group(3)) if match.group(3) else None)


def reference_pattern(letter: str) -> "re.Pattern[bytes]":
    """Return a regexp for references in any text: group 1 is the id, group 2 the step.

    Inside a word or a longer bracket they do not count: `foo[e201]` is an
    index, `[[e201]]` an Org link.
    """
    begin = rb"\[" + re.escape(letter.encode())
    # What stands before is looked at behind the bracket, for only what begins with plain text is found fast.
    before = rb"(?<![\w\[\]\x80-\xff]" + begin + rb")"
    return re.compile(begin + before + rb"([A-Za-z0-9_-]+)(?:\.(\d{1,9}))?\](?![\]\[(])")


def link_pattern(file: str | None = None) -> "re.Pattern[bytes]":
    """Return a regexp for Org links to experiments, in any text: group 1 is the id.

    `[[id:201]]`, `[[#201]]`, and with a file `[[file:experiment_log.org::#201]]`.

    Args:
        file: The name of the log, to which a link with a file has to lead; None for any file.
    """
    place = rb"[^\]\[]*" if file is None else rb"(?:(?:file:)?(?:\./)?%s)" % re.escape(os.fsencode(file))
    return re.compile(rb"\[\[(?:(?i:id):|(?:%b::)?#)([A-Za-z0-9_-]+)\]" % place)


def find_references(text: "bytes | mmap.mmap", letter: str) -> Iterator[tuple[int, Reference]]:
    """Yield each reference in `text` and where it begins."""
    for match in reference_pattern(letter).finditer(text):
        step = match.group(2)
        yield match.start(), Reference(match.group(1).decode(), int(step) if step else None)
