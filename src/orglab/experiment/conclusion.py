"""The conclusion of an experiment, and the earlier ones, with their dates and verdicts.

An experiment may be concluded more than once.  The newest words come last; a paragraph that begins with a time begins
a conclusion of its own, and may name its verdict before a colon:

    [2018-06-06 Wed 16:16] supported:
    ABC adds 1.2 points.

    [2018-06-20 Wed 10:00] refuted:
    Not on the other data.

Text before the first such paragraph is the first conclusion.  A time without text changes the verdict alone.
"""

import datetime
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from orglab.experiment.note_text import plain_text
from orglab.experiment.section_text import headings_below, read_written_parts, title_and_text
from orglab.org.heading import Heading
from orglab.org.source import decode, encode
from orglab.org.syntax import compile_late
from orglab.org.timestamp import INACTIVE, Timestamp, format_timestamp, parse_timestamp

# Not the beginning of a range of times.
STAMP = compile_late(rb"[ \t]*(" + INACTIVE.pattern + rb")(?!-)")


class ConclusionEntry(NamedTuple):
    """One of the times that an experiment was concluded.

    Attributes:
        at: When, or None.
        verdict: The verdict that it was given then, or None.
        text: The text; empty if only the verdict changed.
        line: The 1-based line where it begins.
        begin: Where it begins in the document, or None if it only has subheadings.
        head_end: Where its time ends in the document, or None if it does not begin with one.
        has_verdict: Whether its verdict is written beside its time, not only in the property drawer.
    """

    at: Timestamp | None
    verdict: str | None
    text: str
    line: int
    begin: int | None = None
    head_end: int | None = None
    has_verdict: bool = False


class Conclusion(NamedTuple):
    """The conclusion of an experiment.

    Attributes:
        state: The TODO keyword of its heading, or None.
        verdict: `supported`, `refuted`, `inconclusive`, the user's own word, or None; the newest.
        text: The text under the heading; the newest, if the experiment was concluded more than once.
        closed: The time of its CLOSED timestamp, or None.
        entries: Each time that it was concluded, oldest first.
    """

    state: str | None
    verdict: str | None
    text: str
    closed: Timestamp | None
    entries: tuple[ConclusionEntry, ...] = ()

    @property
    def at(self) -> Timestamp | None:
        """When it was concluded last, or None."""
        return self.entries[-1].at if self.entries else self.closed

    def before(self, moment: datetime.datetime) -> "Conclusion":
        """Return the conclusion as it was before a local time, as far as the log tells."""
        entries = tuple(entry for entry in self.entries if entry.at is None or entry.at.when < moment)
        if len(entries) == len(self.entries):
            return self
        return self._replace(verdict=_find_verdict(entries), text=_find_text(entries), entries=entries)


def read_conclusion(
    heading: Heading, verdict: str | None, closed: Timestamp | None, known: Iterable[str]
) -> Conclusion:
    """Return the conclusion under a heading.

    Args:
        heading: The heading of the conclusions.
        verdict: The verdict in the property drawer, or None.
        closed: When the experiment was closed, if the heading does not tell.
        known: The verdicts of the settings.
    """
    own = parse_timestamp(encode(heading.closed)) if heading.closed else None
    words = {word.casefold(): word for word in known}
    # A time alone is no conclusion: some people date every heading.
    entries = [entry for entry in _read_entries(heading, words) if entry.text or entry.verdict]
    if below := "\n\n".join(filter(None, map(title_and_text, headings_below(heading)))):
        # They were there before `conclude` added text above them.
        first = entries[0] if entries else ConclusionEntry(None, None, "", heading.line_number)
        entries[:1] = [first._replace(text="\n\n".join(filter(None, (first.text, below))))]
    told = _find_verdict(entries)
    verdict = words.get(verdict.casefold(), verdict) if verdict else None
    if entries:
        entries[0] = _date_first(entries, own or closed)
        if verdict and not entries[-1].verdict and (told is None or told.casefold() != verdict.casefold()):
            entries[-1] = entries[-1]._replace(verdict=verdict)
    return Conclusion(heading.state, verdict or told, _find_text(entries), own, tuple(entries))


def _find_verdict(entries: Sequence[ConclusionEntry]) -> str | None:
    """Return the newest verdict of some conclusions, or None."""
    return next((entry.verdict for entry in reversed(entries) if entry.verdict), None)


def _find_text(entries: Sequence[ConclusionEntry]) -> str:
    """Return the newest text of some conclusions, perhaps empty."""
    return next((entry.text for entry in reversed(entries) if entry.text), "")


def _date_first(entries: list[ConclusionEntry], closed: Timestamp | None) -> ConclusionEntry:
    """Return the first conclusion, dated by CLOSED if it has no time and CLOSED is not later than the next one."""
    first, *others = entries
    if first.at is not None or closed is None:
        return first
    is_later = any(entry.at is not None and entry.at.when < closed.when for entry in others[:1])
    return first if is_later else first._replace(at=closed)


def _read_entries(heading: Heading, known: dict[str, str]) -> Iterator[ConclusionEntry]:
    """Yield the conclusions in the section of a heading, oldest first, as they are written.

    Args:
        heading: The heading of the conclusions.
        known: The verdicts of the settings, by their case-folded form.
    """
    document = heading.document
    entry: ConclusionEntry | None = None
    parts: list[bytes] = []
    for element, begin, part in read_written_parts(heading):
        rest = part
        new: ConclusionEntry | None = None
        line = document.source.line_number(begin)
        is_paragraph = element.type == "paragraph" and element.begin == element.start
        if is_paragraph and (match := STAMP.match(part)) is not None:
            verdict, rest = _split_verdict(part[match.end() :], known)
            new = ConclusionEntry(
                parse_timestamp(match.group(1)), verdict, "", line, begin, begin + match.end(), verdict is not None
            )
        elif entry is None:
            verdict, rest = _split_undated_verdict(part, known) if is_paragraph else (None, part)
            new = ConclusionEntry(None, verdict, "", line, begin, None, verdict is not None)
        if new is not None:
            if entry is not None:
                yield entry._replace(text=plain_text(b"".join(parts)))
            entry, parts = new, []
        parts.append(rest)
    if entry is not None:
        yield entry._replace(text=plain_text(b"".join(parts)))


def _split_verdict(text: bytes, known: dict[str, str]) -> tuple[str | None, bytes]:
    """Return the verdict that the text after a time begins with, or None, and the rest.

    It is a known verdict before a colon or alone on the line, or any single word before a colon at the end of the line.
    """
    line, newline, rest = text.partition(b"\n")
    word, colon, after = decode(line).partition(":")
    word = word.strip()
    if after and not after[0].isspace():
        return None, text
    verdict = known.get(word.casefold())
    if verdict is None and (not colon or after.strip() or len(word.split()) != 1):
        return None, text
    return verdict or word, encode(after) + newline + rest


def _split_undated_verdict(text: bytes, known: dict[str, str]) -> tuple[str | None, bytes]:
    """Return the verdict if it stands before a colon in the first line and nothing else does, or None, and the rest."""
    line, _, rest = text.partition(b"\n")
    words = decode(line).strip()
    verdict = known.get(words.removesuffix(":").rstrip().casefold()) if words.endswith(":") else None
    return (verdict, rest) if verdict is not None else (None, text)


def format_conclusion_head(at: Timestamp | None, verdict: str | None) -> str:
    """Return the line that a conclusion begins with: its time and its verdict; empty if both are None."""
    return " ".join(filter(None, (decode(format_timestamp(at)) if at else "", f"{verdict}:" if verdict else "")))
