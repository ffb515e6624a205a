"""Reading a log for the index: only the parts whose bytes are new are parsed."""

from __future__ import annotations

import datetime
import gc
import hashlib
from dataclasses import asdict
from typing import TYPE_CHECKING

from orglab.config import Config
from orglab.experiment.fast_reader import Span, glance_at, split_parts
from orglab.experiment.model import Experiment, Progress
from orglab.experiment.states import kind_of
from orglab.org.timestamp import Timestamp
from orglab.search.contents import PART, Contents, gather

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orglab.org.document import Document
    from orglab.org.settings import Settings
    from orglab.search.contents import Row

_DATE = 10  # the length of 2018-06-06


def settings_form(settings: Settings, config: Config) -> dict[str, object]:
    """Return what the reading of each part depends on, beside its bytes; and of it what a page needs."""
    return {
        "config": repr(config),
        "is_default": config == Config(),
        "letter": config.letter,
        "journal": config.journal,
        "keywords": [list(asdict(word).values()) for word in settings.keywords.values()],
        "kinds": {word: kind_of(word, settings) for word in settings.keywords},
        "filetags": list(settings.filetags),
        "groups": {tag: list(members) for tag, members in (settings.tag_groups or {}).items()},
        "startup": sorted(settings.startup),
        "properties": settings.properties,
        "category": settings.category,
    }


def build_contents(document: Document, config: Config, known: dict[bytes, list[Row]]) -> Contents:
    """Return the contents of a document.

    Args:
        document: The log.
        config: Its settings.
        known: What parts hold, by their digest: those need not be read.
    """
    text = document.text
    glance = glance_at(document, config, "")
    rows: list[Row] = []
    begins: list[int] = []
    lines: list[int] = []
    line, counted = document.source.line_number(0), 0
    spans = list(split_parts(text))
    for number, span in enumerate(spans):
        part = _digest(span, is_last=number == len(spans) - 1)
        found = known.get(part)
        if found is None:
            found = known[part] = [_row(one, part, nth, span, text) for nth, one in enumerate(glance(span))]
        if found:
            line += text.count(b"\n", counted, span.begin)
            counted = span.begin
            rows += found
            begins += [span.begin + row[10] for row in found]
            lines += [line + row[11] for row in found]
    return gather(rows, begins, lines)


def _digest(span: Span, *, is_last: bool) -> bytes:
    """Return what tells a part from others; the last one may lack the newline that ends those."""
    mark = hashlib.sha256(span.chunk)
    if is_last or not span.is_subtree:
        mark.update(b"\0last" if span.is_subtree else b"\0first")
    return mark.digest()[:PART]


def _row(one: Experiment, part: bytes, nth: int, span: Span, text: bytes) -> Row:
    """Return what the columns have of an experiment."""
    created = one.created.isoformat() if one.created is not None else ""
    inner = one.begin - span.begin
    # Most parts hold no verdict, and the model would have to look for the end of the experiment to say so.
    verdict = one.verdict if b"VERDICT" in span.chunk.upper() else None
    return (
        one.id, one.state or "", one.title, ":".join(one.tags), created, one.progress.done, one.progress.total,
        verdict, part, nth, inner, text.count(b"\n", span.begin, one.begin) if inner else 0,
    )  # fmt: skip


def experiments_of(contents: Contents, document: Document, config: Config, file: str) -> list[Experiment]:
    """Return the experiments that the contents tell of; what they do not tell is read from the document."""
    # Ten thousand new values, and no cycle among them: to look for one takes as long as to make them.
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        return list(_experiments(contents, document, config, file))
    finally:
        if was_enabled:
            gc.enable()


def _experiments(contents: Contents, document: Document, config: Config, file: str) -> Iterator[Experiment]:
    read, new = datetime.datetime.fromisoformat, Experiment.__new__
    # Names looked up once, and no call of Python's own: ten thousand of each take milliseconds.
    put, make = object.__setattr__, tuple.__new__
    tuples = {tags: tuple(tags.split(":")) for tags in set(contents.tags)}
    progress = {counts: Progress(*counts) for counts in set(zip(contents.done, contents.total, strict=True))}
    columns = zip(
        contents.ids, contents.states, contents.titles, contents.tags, contents.created,
        zip(contents.done, contents.total, strict=True), contents.begins,
        map(contents.verdicts.get, range(len(contents))), strict=True,
    )  # fmt: skip
    for name, state, title, tags, created, counts, begin, verdict in columns:
        one = new(Experiment)
        put(one, "__dict__", {
            "document": document,
            "begin": begin,
            "config": config,
            "file": file,
            "id": name,
            "state": state or None,
            "title": title,
            "tags": tuples[tags],
            "created": make(Timestamp, (read(created), len(created) > _DATE)) if created else None,
            "progress": progress[counts],
            "verdict": verdict,
        })  # fmt: skip
        yield one
