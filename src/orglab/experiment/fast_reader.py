"""The fields of a list's line, for experiments that follow the template: read by a few regexps each.

A log of ten thousand experiments is listed in the time that parsing a hundred
takes.  What is read here is what the model would read: a regexp matches only
where Org's rules leave no other reading, and what it does not match is left to
the model, field by field or whole.
"""

import datetime
import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from orglab.config import Config
from orglab.experiment.model import Experiment, Progress, read_experiments_between
from orglab.org.document import Document
from orglab.org.source import decode, encode
from orglab.org.timestamp import Timestamp, parse_timestamp

_FULL_STAMP = 22  # the length of [2018-06-06 Wed 16:16]
_HEAD = (
    # The heading, after its star and blank: state, id, title, cookies, tags.
    rb"(?:(%s) )?+(?:\[([A-Za-z0-9_-]+)\] )?+(?![ \t]|\[|COMMENT)"
    rb"([^\n\[]*[^\n\[ \t])(?: \[[0-9]*[%%/][0-9]*\])*+[ \t]+(:(?:[\w@#%%]+:)+)[ \t]*\n"
    # Planning and properties.
    rb"(?:[ \t]*CLOSED: \[[^\]\n]*\][ \t]*\n)?+[ \t]*:PROPERTIES:\n"
    rb"[ \t]*:(?:ID|CUSTOM_ID):[ \t]+([A-Za-z0-9_-]+)[ \t]*\n[ \t]*:END:[ \t]*\n"
    # A log drawer, and the time it was written down.
    rb"(?:[ \t]*:LOGBOOK:\n(?:(?![ \t]*:END:|\*)[^\n]*\n)*+[ \t]*:END:[ \t]*\n)?+"
    rb"(?:[ \t\n]*(\[\d{4}-\d{2}-\d{2}(?: [^\n\]]*)?\]))?+"
)
# What is neither a line's end nor a bracket, as ranges: they are looked up, where exceptions are tried one by one.
_PLAIN = rb"[\x00-\x09\x0b-\x5a\x5c-\xff]"
# The rest of a line in which no bracket is a box.
_TEXT = _PLAIN + rb"*+(?:\[(?![ Xx-]\])" + _PLAIN + rb"*+)*+\n"
# A child that may be the steps' heading: in the plainest form (group 1 spans its list), or in one to look at closer.
_STEPS = (
    rb"\n\*\* (?:(?:%s) )?+(?:%s(?: \[[0-9]*[%%/][0-9]*\])*+[ \t]*\n(?:[ \t]*CLOSED: [^\n]*\n)?+"
    # Steps, and text below them that neither opens a block or drawer nor has a box.
    rb"((?:\d+[.)] \[[ X]\] " + _TEXT + rb"|[ \t]+[^\s#:\[]" + _TEXT + rb")*+)"
    rb"\n*+(?:\*|\Z)|(?i:%s)|\[|[ \t]|COMMENT)"
)  # fmt: skip


def scan_experiments(document: Document, config: Config, file: str) -> Iterator[Experiment]:
    """Yield the experiments of a document, in order, as `model.read_experiments` does."""
    read = make_subtree_reader(document, config, file)
    for part in split_subtrees(document.text):
        yield from read(part)


class Span(NamedTuple):
    """A subtree of the first level, or what stands before the first one.

    Attributes:
        begin: Where it begins in the text.
        end: Where it ends there, its last newline left out.
        chunk: What stands behind its first star and blank; for what stands before all subtrees, all of it.
        is_subtree: Whether it is one.
    """

    begin: int
    end: int
    chunk: bytes
    is_subtree: bool


def split_subtrees(text: bytes) -> Iterator[Span]:
    """Yield the parts of a text, in order."""
    first, *chunks = text.split(b"\n* ")
    end = len(first)
    is_subtree = first.startswith(b"* ")
    yield Span(0, end, first[2:] if is_subtree else first, is_subtree)
    for chunk in chunks:
        begin, end = end + 1, end + 3 + len(chunk)
        yield Span(begin, end, chunk, True)  # noqa: FBT003 - ten thousand keyword arguments take a millisecond


def make_subtree_reader(document: Document, config: Config, file: str) -> Callable[[Span], Sequence[Experiment]]:
    """Return the function that returns the experiments of a part."""
    words_first = sorted(document.settings.keywords, key=len, reverse=True)
    names = b"|".join(re.escape(encode(word)) for word in words_first)
    steps = re.escape(encode(config.steps))
    match_head = re.compile(_HEAD % names).match
    find_steps = re.compile(_STEPS % (names, steps, steps)).search
    tag = encode(f":{config.tag}:")
    words: dict[bytes, str] = {}
    tags: dict[bytes, tuple[str, ...]] = {}
    size = len(document.text)

    def read(part: Span) -> Sequence[Experiment]:
        begin, end, chunk, is_subtree = part
        match = match_head(chunk) if is_subtree else None
        if match is None or tag not in match.group(4) or chunk.find(tag, match.end(4)) >= 0:
            return tuple(read_experiments_between(document, config, file, begin, end)) if tag in chunk else ()
        state, number, title, marks, name, stamp = match.groups()
        one = Experiment.__new__(Experiment)
        known = one.__dict__
        known["document"] = document
        known["begin"] = begin
        known["end"] = min(end + 1, size)
        known["config"] = config
        known["file"] = file
        if state is None:
            known["state"] = None
        else:
            known["state"] = words.get(state) or words.setdefault(state, decode(state))
        if number is None or number == name:
            known["title"] = decode(title)
        known["tags"] = tags.get(marks) or tags.setdefault(marks, tuple(decode(marks).strip(":").split(":")))
        known["id"] = name.decode()
        if stamp is not None:
            known["created"] = read_created(stamp)
        found = find_steps(chunk, match.end() - 1)
        if found is not None and (block := found.group(1)):
            done = block.count(b"[X]")
            known["progress"] = Progress(done, done + block.count(b"[ ]"))
        return (one,)

    return read


def read_created(stamp: bytes) -> Timestamp | None:
    """Return a timestamp; the usual form without the parser's regexp."""
    if len(stamp) == _FULL_STAMP and stamp[18] == 0x3A and stamp[15] == 0x20:
        try:
            when = datetime.datetime.fromisoformat((stamp[1:11] + stamp[15:21]).decode())
        except ValueError:
            return parse_timestamp(stamp)
        return Timestamp(when, has_time=True)
    return parse_timestamp(stamp)
