"""Who reports on what: the name of the study, its author, and the repository with its commit."""

import os

from orglab.config import DEFAULT_TITLE, ReportConfig
from orglab.git import Repository
from orglab.git.forge import Forge
from orglab.org.document import Document
from orglab.org.source import decode
from orglab.org.syntax import compile_late

_KEYWORD = compile_late(rb"(?im)^[ \t]*#\+(TITLE|AUTHOR):[ \t]*(.*?)[ \t]*\r?$")
_SHORT_HASH = 7


def read_title(document: Document, repository: Repository | None, config: ReportConfig) -> str:
    """Return the name of a study: the setting, the `#+TITLE` of its log, or the name of the repository."""
    title = config.title or _read_keyword(document, "TITLE")
    if title and title.casefold() != DEFAULT_TITLE.casefold():
        return title
    return os.path.basename(os.path.realpath(repository.top)) if repository is not None else title  # noqa: PTH119


def read_author(document: Document, repository: Repository | None, config: ReportConfig) -> str:
    """Return the author: the setting, the `#+AUTHOR` of the log, or the name that git knows; empty without any."""
    author = config.author or _read_keyword(document, "AUTHOR")
    if author or repository is None:
        return author
    return decode(repository.read("config", "user.name") or b"").strip()


def describe_source(repository: Repository | None, forge: Forge | None, head: str) -> str:
    """Return the repository and its commit, such as `abc/xyz@83d45cd`; empty without a commit."""
    if repository is None or not head:
        return ""
    name = forge.base.partition("://")[2].partition("/")[2] if forge is not None else os.path.basename(repository.top)  # noqa: PTH119
    return f"{name}@{head[:_SHORT_HASH]}"


def _read_keyword(document: Document, name: str) -> str:
    """Return the value of a `#+` line before the first heading; several are joined, as Org does."""
    text = document.text[: document.first_section.end]
    found = [decode(match[2]) for match in _KEYWORD.finditer(text) if match[1].upper() == name.encode()]
    return " ".join(filter(None, found))
