"""The conclusion of an experiment, and the earlier ones, with their dates, verdicts and authors.

An experiment may be concluded more than once.  The newest words come last; a paragraph that begins with a time begins
a conclusion of its own, and may name its verdict and its author before a colon:

    [2018-06-06 Wed 16:16] supported (by: claude):
    ABC adds 1.2 points.

    [2018-06-20 Wed 10:00] refuted:
    Not on the other data.

Text before the first such paragraph is the first conclusion.  A time without text changes the verdict alone.  The
property AUTHOR tells who wrote words that begin with no time.
"""

import datetime
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from orglab.experiment.author import AUTHOR, format_author, is_author
from orglab.experiment.note_text import plain_text
from orglab.experiment.section_text import headings_below, read_written_parts, title_and_text
from orglab.org.heading import Heading
from orglab.org.source import decode, encode
from orglab.org.syntax import compile_late
from orglab.org.timestamp import INACTIVE, Timestamp, format_timestamp, parse_timestamp

# Not the beginning of a range of times.
STAMP = compile_late(rb"[ \t]*(" + INACTIVE.pattern + rb")(?!-)")
_AUTHOR = compile_late(rf"\({AUTHOR}\)")


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
        author: The name of its author; None if it has no mark, so that a person wrote it.
    """

    at: Timestamp | None
    verdict: str | None
    text: str
    line: int
    begin: int | None = None
    head_end: int | None = None
    has_verdict: bool = False
    author: str | None = None


class Conclusion(NamedTuple):
    """The conclusion of an experiment.

    Attributes:
        state: The TODO keyword of its heading, or None.
        verdict: `supported`, `refuted`, `inconclusive`, the user's own word, or None; the newest.
        text: The text under the heading; the newest, if the experiment was concluded more than once.
        closed: The time of its CLOSED timestamp, or None.
        entries: Each time that it was concluded, oldest first.
        author: The name of whoever concluded it last; None if that has no mark, so that it was a person.
        confirmed: When a person confirmed that, or None.
    """

    state: str | None
    verdict: str | None
    text: str
    closed: Timestamp | None
    entries: tuple[ConclusionEntry, ...] = ()
    author: str | None = None
    confirmed: Timestamp | None = None

    @property
    def is_unconfirmed(self) -> bool:
        """Whether no person wrote or confirmed it."""
        return self.author is not None and self.confirmed is None

    @property
    def at(self) -> Timestamp | None:
        """When it was concluded last, or None."""
        return self.entries[-1].at if self.entries else self.closed

    def before(self, moment: datetime.datetime) -> "Conclusion":
        """Return the conclusion as it was before a local time, as far as the log tells."""
        entries = tuple(entry for entry in self.entries if entry.at is None or entry.at.when < moment)
        confirmed = self.confirmed if self.confirmed is not None and self.confirmed.when < moment else None
        if len(entries) == len(self.entries):
            return self._replace(confirmed=confirmed)
        author = entries[-1].author if entries else None
        text, verdict = _find_text(entries), _find_verdict(entries)
        return self._replace(verdict=verdict, text=text, entries=entries, author=author, confirmed=None)


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
        if entries[-1].head_end is None and entries[-1].author is None:
            entries[-1] = entries[-1]._replace(author=_read_author(heading))
    author = entries[-1].author if entries else _read_author(heading)
    return Conclusion(
        heading.state, verdict or told, _find_text(entries), own, tuple(entries), author,
        _read_confirmed(heading, entries),
    )  # fmt: skip


def add_first_entry(conclusion: Conclusion, text: str, line: int, closed: Timestamp | None) -> Conclusion:
    """Return a conclusion with a text that was there before it.

    Args:
        conclusion: The conclusion.
        text: The text.
        line: The 1-based line where it begins.
        closed: When the experiment was closed, or None.
    """
    if not text:
        return conclusion
    verdict = conclusion.verdict if not conclusion.entries else None
    first = ConclusionEntry(None, verdict, text, line)
    entries = (_date_first([first, *conclusion.entries], closed), *conclusion.entries)
    return conclusion._replace(text=conclusion.text or text, entries=entries)


def add_before(conclusion: Conclusion, text: str, line: int) -> Conclusion:
    """Return a conclusion whose oldest text begins with `text`, which is in the line with the number `line`."""
    if not conclusion.entries:
        return add_first_entry(conclusion, text, line, None)
    oldest, *others = conclusion.entries
    oldest = oldest._replace(text="\n\n".join(filter(None, (text, oldest.text))), line=line)
    return conclusion._replace(text=_find_text((oldest, *others)), entries=(oldest, *others))


def _read_author(heading: Heading) -> str | None:
    """Return the property AUTHOR of a heading, or None if it is no name."""
    name = (heading.property("AUTHOR") or "").strip()
    return name if is_author(name) else None


def _read_confirmed(heading: Heading, entries: Sequence[ConclusionEntry]) -> Timestamp | None:
    """Return when the newest of some conclusions was confirmed; None if it was not, or only an earlier one was."""
    confirmed = parse_timestamp(encode(heading.property("CONFIRMED") or ""))
    newest = entries[-1].at if entries else None
    is_older = confirmed is not None and newest is not None and confirmed.when < newest.when
    return None if is_older else confirmed


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
        is_paragraph = element.type == "paragraph" and element.begin == element.start
        match = STAMP.match(part) if is_paragraph else None
        if entry is not None and match is None:
            parts.append(part)
            continue
        if entry is not None:
            yield _with_text(_read_undated_head(entry, parts, known) if entry.head_end is None else entry, parts)
        line = document.source.line_number(begin)
        if match is None:
            entry, parts = ConclusionEntry(None, None, "", line, begin), [part]
        else:
            verdict, author, rest = _split_verdict(part[match.end() :], known)
            entry, parts = ConclusionEntry(
                parse_timestamp(match.group(1)), verdict, "", line, begin, begin + match.end(), verdict is not None,
                author,
            ), [rest]  # fmt: skip
    if entry is not None:
        yield _with_text(entry, parts)


def _with_text(entry: ConclusionEntry, parts: Iterable[bytes]) -> ConclusionEntry:
    return entry._replace(text=plain_text(b"".join(parts)))


def _read_undated_head(entry: ConclusionEntry, parts: list[bytes], known: dict[str, str]) -> ConclusionEntry:
    """Return the first of several conclusions with the verdict and the author on a line before it, which is removed.

    `conclude` writes the line before it adds another conclusion.  Before that, such a line is the user's own.
    """
    line, _, rest = parts[0].partition(b"\n")
    word, author, after = _split_head(decode(line))
    verdict = known.get(word.casefold())
    if after is None or after.strip() or (verdict is None and (word or author is None)):
        return entry
    parts[0] = rest
    return entry._replace(verdict=verdict, author=author, has_verdict=True)


def _split_verdict(text: bytes, known: dict[str, str]) -> tuple[str | None, str | None, bytes]:
    """Return the verdict and the author that the text after a time begins with, each or None, and the rest.

    The verdict is a known one before a colon or alone on the line, or any single word before a colon at the end of the
    line.  The author is in parentheses before the colon: `supported (by: claude):`.
    """
    line, newline, rest = text.partition(b"\n")
    word, author, after = _split_head(decode(line))
    verdict = known.get(word.casefold())
    if after is None:
        return (None, None, text) if verdict is None else (verdict, None, newline + rest)
    if verdict is None and not (author and not word) and (after.strip() or len(word.split()) != 1):
        return None, None, text
    return verdict or word or None, author, encode(after) + newline + rest


def _split_head(line: str) -> tuple[str, str | None, str | None]:
    """Return what stands before a colon, without the author after it; the author; and what follows the colon.

    Without a colon, before a blank or at the end of the line, the first is the whole line, and the others are None.
    """
    word, colon, after = line.partition(":")
    author, before = None, word.removesuffix("(by")
    is_marked = before != word and (not before or before[-1].isspace())
    if is_marked and (match := _AUTHOR.match(line, len(before))) is not None:
        rest = line[match.end() :].lstrip()
        word, author, colon, after = before, match.group(1), rest[:1], rest[1:]
    if colon != ":" or (after and not after[0].isspace()):
        return line.strip(), None, None
    return word.strip(), author, after


def format_conclusion_head(at: Timestamp | None, verdict: str | None, author: str | None) -> str:
    """Return the line that a conclusion begins with: its time, its verdict and its author; empty if all are None."""
    mark = f"({format_author(author)})" if author else ""
    words = " ".join(filter(None, (verdict, mark)))
    return " ".join(filter(None, (decode(format_timestamp(at)) if at else "", f"{words}:" if words else "")))
