"""The commits that branches reach, and those among them that mention experiments or steps: `[e201]`, `Refs: e201.1`.

Branches are HEAD, the local and the remote-tracking branches.  Nothing is stored here: a caller that has stored a
result passes its tips, and gets the commits that were added and lost since.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from orglab.git.commit import MESSAGE, Commit, parse_commit, read_raw_commits
from orglab.git.log_branch import LOG_BRANCH
from orglab.git.message import TRAILER, find_refs
from orglab.git.private_files import read_regular
from orglab.git.repository import FULL_HASH, Repository
from orglab.reference import Reference, reference_pattern

_HASH = re.compile(FULL_HASH)
_REFS = ("refs/heads", "refs/remotes", "refs/replace")


class Mention(NamedTuple):
    """A commit and the references in its message.

    Attributes:
        hash: The commit's full hash.
        references: The references, without duplicates, in the order of the message.  They need not exist in
            the log: `[error]` is a reference to an experiment `rror`.
        raw: The commit as git printed it.
    """

    hash: str
    references: tuple[Reference, ...]
    raw: bytes

    @property
    def commit(self) -> Commit:
        """The commit, parsed on each access: many are scanned, and few are shown."""
        return parse_commit(self.raw)


class Tips(NamedTuple):
    """The commits from which everything else is reached.

    Attributes:
        commits: The full hashes of the branches' tips and of HEAD.
        basis: A digest of what else decides which commits they reach: shallow boundaries and `git replace` refs.
    """

    commits: frozenset[str] = frozenset()
    basis: str = ""


class Reached(NamedTuple):
    """The commits that branches reach: all of them, or the changes since earlier tips.

    Attributes:
        raw_commits: The commits that the earlier tips did not reach, newest first, as git printed them.
        gone: The full hashes of the commits that only the earlier tips reach; None if the earlier result is no
            longer valid and `raw_commits` is complete.
        tips: The current tips.
    """

    raw_commits: Iterator[bytes]
    gone: frozenset[str] | None
    tips: Tips


class Scan(NamedTuple):
    """The result of a scan.

    Attributes:
        mentions: The commits with references that the earlier tips did not reach, newest first.
        gone: As in `Reached`, including commits without references.
        tips: The current tips.
    """

    mentions: list[Mention]
    gone: frozenset[str] | None
    tips: Tips


def read_reached(repository: Repository, known: Tips | None = None, texts: Collection[str] = ()) -> Reached:
    """Return the commits that branches reach: all of them, or the changes since earlier tips.

    When a branch is deleted, moved back or rewritten, the commits that no other branch reaches are reported as gone.
    If the earlier tips no longer exist, or the shallow boundaries or replace refs have changed, everything is read
    again.

    Args:
        repository: The repository.
        known: The earlier tips, or None.
        texts: If not empty, return only commits whose message contains one of these literal texts.

    Raises:
        GitError: git fails, or is not installed; possibly only when the commits are iterated.
    """
    tips = read_tips(repository)
    gone: frozenset[str] | None = None
    if known is not None and tips.basis == known.basis:
        gone = find_lost_commits(repository, known, tips)
    without = known.commits if known is not None and gone is not None else frozenset()
    if tips.commits <= without:
        return Reached(iter(()), gone, tips)
    # git filters the commits itself, which costs no more than listing them.
    grep = ("--fixed-strings", *(f"--grep={text}" for text in texts)) if texts else ()
    # --ignore-missing comes first, because git reads arguments in order: one broken branch must not hide the others.
    arguments = ("--ignore-missing", *grep, "--stdin")
    return Reached(read_raw_commits(repository, *arguments, stdin=revision_lines(tips.commits, without)), gone, tips)


def scan_mentions(repository: Repository, letter: str, known: Tips | None = None) -> Scan:
    """Return the commits that mention experiments or steps: all of them, or the changes since earlier tips.

    Args:
        repository: The repository.
        letter: The letter of references; a result for another letter cannot be continued.
        known: The tips of the earlier scan, or None.

    Raises:
        GitError: git fails, or is not installed.
    """
    raw_commits, gone, tips = read_reached(repository, known, (f"[{letter}", TRAILER))
    return Scan([*read_mentions(raw_commits, letter)], gone, tips)


def read_tips(repository: Repository) -> Tips:
    """Return the current tips of the branches of the code and HEAD.

    Raises:
        GitError: git fails, or is not installed.
    """
    listed = repository.query("for-each-ref", "--format=%(objectname) %(refname) %(HEAD)", *_REFS)
    commits, replaced, is_on_branch = set(), [], False
    for line in listed.splitlines():
        name, ref, head = line.split(b" ", 2)
        if ref.startswith(b"refs/replace/"):
            replaced.append(line)
        elif not ref.endswith(b"/" + LOG_BRANCH.encode()):  # whose commits say what the log itself says
            commits.add(name.decode())
            is_on_branch = is_on_branch or head == b"*"
    if not is_on_branch:
        # HEAD is detached, or on a branch without commits.
        head = (repository.read("rev-parse", "--verify", "--quiet", "HEAD") or b"").strip()
        commits |= {head.decode()} if _HASH.fullmatch(head) else set()
    return Tips(frozenset(commits), _basis(repository, replaced))


def _basis(repository: Repository, replaced: list[bytes]) -> str:
    """Return a digest of the shallow boundaries and replace refs; empty if there are none, as in most repositories."""
    try:
        shallow = read_regular(repository.common_dir / "shallow", follow=True)
    except OSError:
        shallow = b""
    if not shallow and not replaced:
        return ""
    import hashlib  # noqa: PLC0415 - takes 3 ms, and few repositories need it

    return hashlib.sha256(b"\n".join([*sorted(shallow.split()), b"", *replaced])).hexdigest()


def find_lost_commits(repository: Repository, known: Tips, tips: Tips) -> frozenset[str] | None:
    """Return the commits that only the known tips reach; None if git no longer has all of these tips."""
    if known.commits <= tips.commits:
        return frozenset()
    listed = repository.read("rev-list", "--stdin", stdin=revision_lines(known.commits, tips.commits))
    return None if listed is None else frozenset(listed.decode().split())


def revision_lines(reached: frozenset[str], without: frozenset[str] = frozenset()) -> bytes:
    """Return the `--stdin` lines that select what `reached` reach and `without` do not."""
    return "".join([f"{name}\n" for name in sorted(reached)] + [f"^{name}\n" for name in sorted(without)]).encode()


def read_mentions(raw_commits: Iterable[bytes], letter: str) -> Iterator[Mention]:
    """Yield the commits that contain references, in the given order.

    Args:
        raw_commits: The commits, as git printed them.
        letter: As for `scan_mentions`.
    """
    find = reference_pattern(letter).findall
    known: dict[tuple[bytes, bytes], tuple[Reference, ...]] = {}
    for raw in raw_commits:
        # The lines before the message hold names, which may contain anything.
        full, *_, message = raw.split(b"\n", MESSAGE)
        if matches := find(message) + find_refs(message, letter):
            for spelled in matches:
                if spelled not in known:
                    known[spelled] = (Reference(spelled[0].decode(), int(spelled[1]) if spelled[1] else None),)
            references = known[matches[0]]
            if len(matches) > 1:
                references = tuple([known[spelled][0] for spelled in dict.fromkeys(matches)])
            yield Mention(full.decode(), references, raw)
