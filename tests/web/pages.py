"""Pages made in this process, and what a reader sees of them."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import NamedTuple
from urllib.parse import parse_qs

from starlette.routing import compile_path

from orglab.api import open_log
from orglab.web.addresses import Addresses
from orglab.web.app import PAGES
from orglab.web.site import Site
from orglab.web.templating import render

_UNSEEN = ("script", "style", "head")
_INLINE = ("a", "span", "code", "strong", "em", "mark", "time", "bdi", "sup", "b", "i", "u", "small")


class _Reader(HTMLParser):
    """Reads the text and the links of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.links: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._unseen = 0

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._part(tag)
        self._unseen += tag in _UNSEEN
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "action")]

    def _part(self, tag):
        if tag not in _INLINE:
            self.words.append(" ")

    def handle_endtag(self, tag):
        self._part(tag)
        self._unseen -= tag in _UNSEEN

    def handle_data(self, data):
        if not self._unseen:
            self.words.append(data)


class Seen(NamedTuple):
    """A page as a reader sees it.

    Attributes:
        html: The page.
        text: Its text, with single blanks.
        links: Where its links, pictures and forms lead.
        tags: Its elements with their attributes.
    """

    html: str
    text: str
    links: list[str]
    tags: list[tuple[str, dict[str, str | None]]]


def read_html(html):
    reader = _Reader()
    reader.feed(html)
    return Seen(html, " ".join("".join(reader.words).split()), reader.links, reader.tags)


def open_site(folder, *, may_write=True):
    """Return the site of the log in a folder."""
    return Site(lambda tell: open_log(start=folder, tell=tell), may_write=may_write)


def see(site, address, *, is_export=False):
    """Return the page at an address as a reader sees it; its errors are raised."""
    path, _, query = address.partition("?")
    for pattern, make_page in PAGES.items():
        if match := compile_path(pattern)[0].fullmatch("/" + path):
            view = site.view(parse_qs(query), Addresses(is_export=is_export))
            page = make_page(view, **match.groupdict())
            return read_html(render(page, view, site_name=site.name, log_key=site.log_key, version=site.version))
    raise AssertionError(address)
