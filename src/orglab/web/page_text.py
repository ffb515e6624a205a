"""What users wrote, and charts, as HTML of a page: with links to the pages of experiments, runs and commits."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from markupsafe import Markup

from orglab.report import blocks as b
from orglab.report.content.org_blocks import read_line, read_org
from orglab.report.content.org_inlines import TextContext
from orglab.report.formats.pictures import Picture, read_picture
from orglab.report.formats.to_html import HtmlWriter
from orglab.web.addresses import Addresses, is_own

_NAMED = re.compile(
    r"\b(?P<run>(?:19[7-9]\d|2[01]\d\d)\d{4}-\d{6}-[0-9a-f]{4,16})\b"
    r"|(?<=[(\s])(?P<commit>[0-9a-f]{7,40})(?=[),;.\s]|\Z)"
    r"|\[(?P<day>\d{4}-\d\d-\d\d)(?: [^\W\d_]{1,12}\.?)?(?: (?P<time>\d\d:\d\d))?\]",
)
_TEXT_LEVEL = 2
"""The level of the heading before a text of a user."""


class Linked(NamedTuple):
    """What texts are linked with.

    Attributes:
        find_experiment: Returns the reference and the title of the experiment or step that an id and a number name;
            None if there is none.
        has_experiment: Returns whether a reference such as `e201.1` names an experiment of the log.
        runs: The ids of the runs that have pages.
        sweeps: The ids of the sweeps that have pages.
        commits: The subject and the web page, or an empty text, of commits, by hashes as the log has them.
        add_picture: Takes a picture, and returns its address.
        find_footnote: Returns the definition of a footnote of the log by its label; empty if there is none.
    """

    find_experiment: Callable[[str, int | None], tuple[str, str] | None]
    has_experiment: Callable[[str], bool]
    runs: frozenset[str]
    sweeps: frozenset[str]
    commits: Mapping[str, tuple[str, str]]
    add_picture: Callable[[Picture], str]
    find_footnote: Callable[[bytes], bytes]


class _PageWriter(HtmlWriter):
    """A writer of HTML for one page."""

    def __init__(self, addresses: Addresses, linked: Linked) -> None:
        super().__init__(b.Document("", ()))
        self._addresses = addresses
        self._linked = linked

    def target(self, link: "b.Link | b.Reference") -> str:
        """Return the target of a link: a page of the log, or what a report links to."""
        if is_own(link.url):
            return link.url
        return (self._find_page(link) if isinstance(link, b.Reference) else "") or super().target(link)

    def _find_page(self, reference: b.Reference) -> str:
        """Return the page of what a report cites; empty if there is none."""
        if reference.kind in ("experiment", "step") and self._linked.has_experiment(reference.text):
            return self._addresses.experiment(reference.text)
        return self._addresses.run(reference.text) if reference.text in self._linked.runs else ""

    def picture(self, image: b.InlineImage) -> str:
        """Write an `img` element with the address of the picture, or the name of the file if it cannot be shown."""
        picture = read_picture(image.path)
        if isinstance(picture, str):
            return super().picture(image)
        address = self._linked.add_picture(picture)
        return f'<img src="{address}" alt="{Markup.escape(image.alt)}" loading="lazy">'

    def _write_text(self, inline: b.Text) -> str:
        """Write text, with the runs, sweeps and commits in it as links, and times without their brackets."""
        text, parts, end = inline.text, [], 0
        for match in _NAMED.finditer(text):
            if written := self._write_named(match):
                parts += [super()._write_text(b.Text(text[end : match.start()])), written]
                end = match.end()
        return "".join((*parts, super()._write_text(b.Text(text[end:]))))

    def _write_named(self, match: re.Match[str]) -> str:
        """Write a run, a sweep, a commit or a time; nothing if it is not known."""
        name, commit, day = match["run"], match["commit"], match["day"]
        if day is not None:
            moment = f"{day} {match['time'] or ''}".strip()
            return f'<time class="stamp" datetime="{moment.replace(" ", "T")}">{moment}</time>'
        if name is not None:
            is_run, is_sweep = name in self._linked.runs, name in self._linked.sweeps
            address = self._addresses.run(name) if is_run else self._addresses.sweep(name) if is_sweep else ""
            return self._write_reference(b.Reference(name, address, "", "run")) if address else ""
        known = self._linked.commits.get(commit)
        return self._write_reference(b.Reference(commit, known[1], "", "commit", known[0])) if known is not None else ""

    def begin_text(self) -> None:
        """Begin another text, whose headings are below the one before it."""
        self._level = _TEXT_LEVEL


class PageText:
    """The texts of one page."""

    def __init__(self, folder: Path, root: Path, letter: str, addresses: Addresses, linked: Linked) -> None:
        """Begin a page.

        Args:
            folder: The folder of the log, which links to files are relative to.
            root: The folder outside of which files are only named.
            letter: The letter before the number in a reference.
            addresses: The addresses of pages.
            linked: What texts are linked with.
        """
        self._writer = _PageWriter(addresses, linked)
        self._context = TextContext(folder, self._resolve, letter, "", root, linked.find_footnote)
        self._addresses = addresses
        self._linked = linked

    def text(self, text: str | bytes, ref: str = "") -> Markup:
        """Return a text of the log, such as a description.

        Args:
            text: Org text.
            ref: The experiment whose text it is, which keeps its footnotes apart from others.
        """
        return self.blocks(read_org(text, replace(self._context, prefix=ref)))

    def line(self, text: str, ref: str = "") -> Markup:
        """Return one line of the log, such as a title."""
        return Markup(self._writer.inlines(self.read_line(text, ref)))  # noqa: S704 - the writer escapes

    def read_line(self, text: str, ref: str = "") -> b.Inlines:
        """Return one line of the log as inlines, for a chart."""
        return read_line(text, replace(self._context, prefix=ref))

    def blocks(self, blocks: b.Blocks) -> Markup:
        """Return blocks, such as a chart."""
        self._writer.begin_text()
        return Markup("\n".join(self._writer.pieces(blocks)))  # noqa: S704 - the writer escapes

    def footnotes(self) -> Markup:
        """Return the footnotes of the texts so far."""
        return Markup(self._writer.notes())  # noqa: S704 - the writer escapes

    def _resolve(self, name: str, step: int | None) -> b.Reference | None:
        found = self._linked.find_experiment(name, step)
        if found is None:
            return None
        ref, title = found
        return b.Reference(ref, self._addresses.experiment(ref), "", "step" if "." in ref else "experiment", title)
