"""The notation of commits in the log: `(83d45cd)`, `(83d45cd -> 1f2e3d4, 0a1b2c3)`.

For a rewritten commit, the originally recorded hash is followed by an arrow and the current hash.  A chain edited by
hand may have several arrows; the first hash is the original one and the last is the current one.
"""

from typing import NamedTuple

HASH = "[0-9a-f]{7,64}"
ARROW = " -> "
CHAIN = rf"{HASH}(?:[ \t]*->[ \t]*{HASH})*"
CHAINS = rf"{CHAIN}(?:,[ \t]*{CHAIN})*"


class RecordedHash(NamedTuple):
    """The hashes of a commit in the log.

    Attributes:
        original: The hash that was recorded first.
        current: The current hash: the last of the chain, the same as `original` if there is only one.
    """

    original: str
    current: str


def parse_chain(text: str) -> RecordedHash:
    """Return the hashes in a chain such as `83d45cd -> 1f2e3d4`, which CHAIN matches."""
    hashes = text.split("->")
    return RecordedHash(hashes[0].strip(), hashes[-1].strip())


def parse_chains(text: str) -> tuple[RecordedHash, ...]:
    """Return the hashes in comma-separated chains, which CHAINS matches, in order."""
    return tuple(map(parse_chain, text.split(",")))
