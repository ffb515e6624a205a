"""Hashes as the log records them: `(83d45cd)`, `(83d45cd -> 1f2e3d4, 0a1b2c3)`.

A commit that was rewritten stands with the hash that was recorded first; behind an arrow stands the one under which
it lives.  Written by hand there may be several arrows: the first hash is the original, the last one counts.
"""

from typing import NamedTuple

HASH = "[0-9a-f]{7,64}"
ARROW = " -> "
CHAIN = rf"{HASH}(?:[ \t]*->[ \t]*{HASH})*"
CHAINS = rf"{CHAIN}(?:,[ \t]*{CHAIN})*"


class RecordedHash(NamedTuple):
    """A commit that the log records.

    Attributes:
        original: The hash that was written first.
        living: The hash that counts now: the last of the chain, the original if there is no other.
    """

    original: str
    current: str


def parse_chain(text: str) -> RecordedHash:
    """Return what a chain such as `83d45cd -> 1f2e3d4` records; CHAIN matches it."""
    hashes = text.split("->")
    return RecordedHash(hashes[0].strip(), hashes[-1].strip())


def parse_chains(text: str) -> tuple[RecordedHash, ...]:
    """Return what several chains record, in their order; CHAINS matches them."""
    return tuple(map(parse_chain, text.split(",")))
