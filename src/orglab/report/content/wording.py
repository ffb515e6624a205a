"""How facts are put into words: quotations of the log, dates in a sentence, citations."""

import datetime
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from orglab.config import Config
from orglab.experiment.model import Experiment, strip_cookies
from orglab.history.events import Event
from orglab.reference import find_references, link_pattern, without_letter
from orglab.report.blocks import Blocks, Inline, Inlines, Paragraph, Reference, Text
from orglab.report.content.citations import Links
from orglab.report.content.evidence import Claim, digest_text
from orglab.report.content.facts import Period
from orglab.report.content.org_blocks import read_line, read_org
from orglab.report.content.org_inlines import TextContext
from orglab.text import day

# What is longer than this is quoted below the sentence.
_SHORT = 200
_PLAIN = re.compile(r"(?:[^\W_]|[ ,.;()%!?-])+")
_LINK = link_pattern()


@dataclass(frozen=True, slots=True)
class Wording:
    """What statements are put into words with.

    Attributes:
        period: What time the report is about.
        links: Makes citations.
        config: The settings.
        folder: The folder of the log, which links to files start from.
    """

    period: Period
    links: Links
    config: Config
    folder: Path

    def context(self, ref: str) -> TextContext:
        """Return what a text of an experiment stands in."""
        return TextContext(self.folder, self._resolve, self.config.letter, ref)

    def _resolve(self, name: str, step: int | None) -> Reference | None:
        for known in (name, without_letter(name, self.config.letter)):
            ref = self.config.letter + known + (f".{step}" if step is not None else "")
            if ref in self.links.lines:
                return self.links.to(ref)
        return None

    def inline(self, text: str, ref: str) -> Inlines:
        """Return one line of the log, such as a title or the text of a step, without counts."""
        text = strip_cookies(text)
        # Most lines hold nothing that Org would read.
        if _PLAIN.fullmatch(text):
            return (Text(text),)
        return read_line(text, self.context(ref)) or (Text("…"),)

    def blocks(self, text: str, ref: str) -> Blocks:
        """Return a text of the log, such as a conclusion."""
        return read_org(text, self.context(ref))

    def quotation(self, text: str, ref: str) -> tuple[list[Inline], Blocks]:
        """Return a text of the log as a sentence quotes it: in quotation marks, or below it if it is long."""
        blocks = self.blocks(text, ref)
        match blocks:
            case (Paragraph(content),) if len(text) <= _SHORT:
                return [Text("“"), *content, Text("”")], ()
        return [], blocks

    def find_mentioned(self, experiment: Experiment) -> Iterator[str]:
        """Yield the references of the other experiments that an experiment's text names, each once."""
        text = experiment.document.text[experiment.begin : experiment.end]
        names = [match.group(1).decode() for match in _LINK.finditer(text)]
        names += [one.id for _, one in find_references(text, self.config.letter)]
        for name in dict.fromkeys(names):
            if name != experiment.id:
                yield self.config.letter + name

    def on_day(self, moment: datetime.datetime) -> str:
        """Return the day of a moment as a sentence has it: `on 4 November`; with the year where it is another."""
        return f"on {self.day(moment)}"

    def day(self, moment: datetime.datetime) -> str:
        """Return the day of a moment, with its year where it is not that of the period's end."""
        return day(moment, self.period.last_day)


def claim_exists(experiment: Experiment) -> Claim:
    """Return the claim that an experiment is in the log."""
    return Claim("experiment", experiment.ref)


def claim_done(ref: str, text: str) -> tuple[Claim, Claim]:
    """Return the claims that a step is done, and that it is this one."""
    return Claim("step", ref, "state", "done"), claim_text(ref, text)


def claim_text(ref: str, text: str) -> Claim:
    """Return the claim that a step, or a title, reads so."""
    return Claim("text", ref, "", digest_text(strip_cookies(text)))


def claim_change(event: Event) -> Claim:
    """Return the claim that a state was set then, with what was said of it."""
    at = event.at.isoformat(timespec="minutes") if event.at else ""
    new = event.facts.get("new", "")
    return Claim("change", event.ref, at, f"{new} {digest_text(event.text)}".strip())


def claim_note(event: Event) -> Claim:
    """Return the claim that a note is there."""
    return Claim(event.kind, event.ref, "", digest_text(event.text))
