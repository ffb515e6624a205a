"""The commits that name experiments, as the index keeps them: after new commits, only those are looked through."""

import json
from typing import NamedTuple

from orglab.git import Repository
from orglab.git.mentions import Mention, Scan, Tips, scan
from orglab.reference import Reference
from orglab.search.kept import keep, read_kept
from orglab.search.store import Store

_KIND = "mentions-1"


class _Kept(NamedTuple):
    """What is kept: the tips that it is true for, and the mentions, newest first."""

    tips: Tips
    mentions: list[Mention]


def scan_kept(store: Store, repository: Repository, letter: str) -> list[Mention]:
    """Return the commits that name experiments or steps, newest first, as `scan` does.

    Args:
        store: The index.
        repository: Where.
        letter: What stands before the number in a reference.

    Raises:
        GitError: git refuses.
    """
    key = letter.encode()
    content = read_kept(store, _KIND, [key]).get(key)
    kept = _read(content) if content is not None else None
    found = scan(repository, letter, kept.tips if kept is not None else None)
    if kept is not None and not found.mentions and not found.gone and found.tips == kept.tips:
        return kept.mentions
    mentions = _joined(kept, found)
    if mentions is None:
        found = scan(repository, letter)
        mentions = found.mentions
    keep(store, _KIND, {key: _text(_Kept(found.tips, mentions))})
    return mentions


def _joined(kept: _Kept | None, found: Scan) -> list[Mention] | None:
    """Return the mentions that there are now; None if it cannot be told in what order git would list them."""
    if kept is None or found.gone is None:
        return found.mentions
    if any(mention.hash in found.gone for mention in kept.mentions):
        return None
    if found.mentions and kept.mentions:
        oldest = min(mention.commit.committed for mention in found.mentions)
        if oldest <= max(mention.commit.committed for mention in kept.mentions):
            return None
    return [*found.mentions, *kept.mentions]


def _text(kept: _Kept) -> bytes:
    """Return what is kept as bytes: a line of JSON, and the commits as git printed them."""
    head = {
        "tips": sorted(kept.tips.commits),
        "basis": kept.tips.basis,
        "references": [[[one.id, one.step] for one in mention.references] for mention in kept.mentions],
    }
    # No record holds a NUL.
    return b"\0".join((json.dumps(head).encode(), *(mention.record for mention in kept.mentions)))


def _read(content: bytes) -> _Kept | None:
    """Return what `_text` gave."""
    head, *records = content.split(b"\0")
    form = json.loads(head)
    mentions = [
        Mention(record[: record.index(b"\n")].decode(), tuple(Reference(*one) for one in references), record)
        for record, references in zip(records, form["references"], strict=True)
    ]
    return _Kept(Tips(frozenset(form["tips"]), form["basis"]), mentions)
