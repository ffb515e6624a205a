"""The wording of facts: quotations from the log, dates in sentences, and the claims behind them."""

import datetime
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from orglab.config import Config
from orglab.experiment.model import Experiment, Step, strip_cookies
from orglab.history.events import Event
from orglab.reference import find_references, link_pattern, without_letter
from orglab.report.blocks import Blocks, Inline, Inlines, Isolated, Paragraph, Reference, Text
from orglab.report.characters import has_right_to_left
from orglab.report.content.citations import Links
from orglab.report.content.evidence import Claim, digest_text
from orglab.report.content.facts import Period
from orglab.report.content.org_blocks import read_line, read_org
from orglab.report.content.org_inlines import TextContext, find_no_footnote
from orglab.text import day

# Longer texts are quoted below the sentence.
_SHORT = 200
_PLAIN = re.compile(r"(?:[^\W_\u0590-\u08ff]|[ ,.;()%!?-])+")
_LINK = link_pattern()


@dataclass(frozen=True, slots=True)
class Wording:
    """The context in which facts are put into words.

    Attributes:
        period: The period of the report.
        links: The source of citations.
        config: The settings.
        folder: The folder of the log, which file links are relative to.
        root: The folder outside of which files are only named; None if they may be anywhere.
        find_footnote: Returns the definition of a footnote of the log by its label; empty or None if there is none.
    """

    period: Period
    links: Links
    config: Config
    folder: Path
    root: Path | None = None
    find_footnote: Callable[[bytes], bytes | None] = find_no_footnote

    def context(self, ref: str) -> TextContext:
        """Return the context of a text of an experiment."""
        return TextContext(self.folder, self._resolve, self.config.letter, ref, self.root, self.find_footnote)

    def _resolve(self, name: str, step: int | None) -> Reference | None:
        for bare in (name, without_letter(name, self.config.letter)):
            ref = self.config.letter + bare + (f".{step}" if step is not None else "")
            if ref in self.links.lines:
                return self.links.to(ref)
        return None

    def inline(self, text: str, ref: str) -> Inlines:
        """Return one line of the log, such as a title or the text of a step, without statistics cookies."""
        text = strip_cookies(text)
        # Most lines contain no markup, and need no parsing.
        if _PLAIN.fullmatch(text):
            return (Text(text),)
        content = read_line(text, self.context(ref)) or (Text("…"),)
        # Otherwise "0 of 1" after a Hebrew title would become a part of it.
        return (Isolated(content),) if has_right_to_left(text) else content

    def blocks(self, text: str, ref: str) -> Blocks:
        """Return a longer text of the log, such as a conclusion, as blocks."""
        return read_org(text, self.context(ref))

    def quotation(self, text: str, ref: str, *, is_marked: bool = True) -> tuple[list[Inline], Blocks]:
        """Return a text of the log as inlines, or if it is long as blocks below the sentence.

        The inlines are in quotation marks if `is_marked`.
        """
        blocks = self.blocks(text, ref)
        match blocks:
            case (Paragraph(content),) if len(text) <= _SHORT:
                content = (Isolated(content),) if has_right_to_left(text) else content
                return [Text("“"), *content, Text("”")] if is_marked else [*content], ()
        return [], blocks

    def find_commits(self, step: Step) -> list[str]:
        """Return the commits that a step records, without those made after the period."""
        known = self.links.commits
        return [name for name in step.commits if name not in known or known[name].when < self.period.until]

    def find_mentioned(self, experiment: Experiment) -> Iterator[str]:
        """Yield the references to other experiments in an experiment's text, each once."""
        text = experiment.document.text[experiment.begin : experiment.end]
        own = self.config.letter + experiment.id
        yield from (ref for ref in dict.fromkeys(ref for _, ref in find_cited(text, self.config.letter)) if ref != own)

    def on_day(self, moment: datetime.datetime) -> str:
        """Return the day of a time for a sentence, `on 4 November`, with the year if it differs from the period's."""
        return f"on {self.day(moment)}"

    def day(self, moment: datetime.datetime) -> str:
        """Return the day of a time, with the year if it differs from that of the period's end."""
        return day(moment, self.period.last_day)


def find_cited(text: bytes, letter: str) -> Iterator[tuple[int, str]]:
    """Yield the experiments that a text refers to, each with the offset: first those in links."""
    yield from ((match.start(), letter + match.group(1).decode()) for match in _LINK.finditer(text))
    yield from ((at, letter + reference.id) for at, reference in find_references(text, letter))


def claim_exists(experiment: Experiment) -> Claim:
    """Return the claim that an experiment is in the log."""
    return Claim("experiment", experiment.ref)


def claim_done(ref: str, text: str) -> tuple[Claim, Claim]:
    """Return the claims that a step is done, and that its text is still the same."""
    return Claim("step", ref, "state", "done"), claim_text(ref, text)


def claim_text(ref: str, text: str, name: str = "") -> Claim:
    """Return the claim that a step has this text, or that an experiment has this `title`, `description` or `CLAIM`."""
    return Claim("text", ref, name, digest_text(strip_cookies(text)))


def claim_closed(ref: str, closed: datetime.datetime | None) -> list[Claim]:
    """Return the claim that an experiment was closed on that day; nothing if it is unknown."""
    return [Claim("closed", ref, "", closed.date().isoformat())] if closed is not None else []


def claim_change(event: Event) -> Claim:
    """Return the claim that a state was set at that time, with that note; of a commit that set it, that it exists."""
    if event.commit is not None:
        return Claim("commit", event.commit)
    at = event.at.isoformat(timespec="minutes") if event.at else ""
    new = event.facts.get("new", "")
    return Claim("change", event.ref, at, f"{new} {digest_text(event.text)}".strip())


def claim_note(event: Event) -> Claim:
    """Return the claim that a note or journal entry of that time exists."""
    at = event.at.isoformat(timespec="minutes") if event.at else ""
    return Claim(event.kind, event.ref, at, digest_text(event.text))
