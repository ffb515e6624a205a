"""The commits that branches reach, and which of them name experiments and steps, `[e201]`, `[e201.1]`.

Branches are HEAD, the local and the remote-tracking ones.  Nothing is stored here: who keeps an answer gives the tips
that it was true for, and is told what came and what went since.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from orglab.git.commit import MESSAGE, RECORDS, Commit, parse_commit, read_records
from orglab.git.repository import FULL_HASH, Repository
from orglab.reference import Reference, reference_pattern

_HASH = re.compile(FULL_HASH)
_REFS = ("refs/heads", "refs/remotes", "refs/replace")


class Mention(NamedTuple):
    """A commit, and what its message names.

    Attributes:
        hash: The commit's full hash.
        references: The experiments and steps, each once, in the order of the message.  Whether they
            exist is not known here: `[error]` is what an experiment `rror` would be called.
        record: The commit as git printed it.
    """

    hash: str
    references: tuple[Reference, ...]
    record: bytes

    @property
    def commit(self) -> Commit:
        """The commit, read from its record anew each time: many are scanned, and few are shown."""
        return parse_commit(self.record)


class Tips(NamedTuple):
    """What an answer was true for.

    Attributes:
        commits: The full hashes of the branches' tips and of HEAD.
        basis: What else decides which commits they reach: where a shallow clone ends, and what `git replace` replaces.
    """

    commits: frozenset[str] = frozenset()
    basis: str = ""


class Reached(NamedTuple):
    """The commits that branches reach: all, or what changed since some tips were read.

    Attributes:
        records: The commits that were not reached from the tips that were known, newest first, as git printed them.
        gone: The full hashes of the commits that were reached from those, and are no more; None if all that was
            known is void, and `records` is all there is.
        tips: The tips that this, with what was known, is true for.
    """

    records: Iterator[bytes]
    gone: frozenset[str] | None
    tips: Tips


class Scan(NamedTuple):
    """What a scan found.

    Attributes:
        mentions: The commits that name something, and were not reached from the tips that were known; newest first.
        gone: As `Reached` has it: whether those commits name something or not.
        tips: The tips that the answer, with what was known, is true for.
    """

    mentions: list[Mention]
    gone: frozenset[str] | None
    tips: Tips


def read_reached(repository: Repository, known: Tips | None = None, text: str | None = None) -> Reached:
    """Return the commits that branches reach: all, or what changed since some tips were read.

    A branch that was deleted, moved back or rewritten takes commits with it: they are told as gone, unless another
    branch still reaches them.  Where the tips that were known are no more, so that this cannot be told, or the bottom
    of the history is another, everything is read anew.

    Args:
        repository: Where.
        known: The tips of the reading before; None if there was none.
        text: Only commits whose message has this text, which is no pattern.

    Raises:
        GitError: git refuses, or is not installed; that may be seen only when the commits are read.
    """
    tips = read_tips(repository)
    gone: frozenset[str] | None = None
    if known is not None and tips.basis == known.basis:
        gone = find_lost_commits(repository, known, tips)
    without = known.commits if known is not None and gone is not None else frozenset()
    if tips.commits <= without:
        return Reached(iter(()), gone, tips)
    # git leaves out by itself those that have not the text, so that they cost no more than listing them.
    grep = ("--fixed-strings", f"--grep={text}") if text is not None else ()
    # First the option: git reads arguments in their order, and one broken branch must not hide the others.
    arguments = ("--ignore-missing", *grep, "--stdin")
    return Reached(read_records(repository, *arguments, stdin=revision_lines(tips.commits, without)), gone, tips)


def scan_mentions(repository: Repository, letter: str, known: Tips | None = None) -> Scan:
    """Return the commits that name experiments or steps: all, or what changed since some tips were scanned.

    Args:
        repository: Where.
        letter: What stands before the number in a reference; an answer for another letter is no answer.
        known: The tips of the scan before; None if there was none.

    Raises:
        GitError: git refuses, or is not installed.
    """
    records, gone, tips = read_reached(repository, known, f"[{letter}")
    return Scan([*read_mentions(records, letter)], gone, tips)


def read_tips(repository: Repository) -> Tips:
    """Return the tips of the branches as they are now, and HEAD.

    Raises:
        GitError: git refuses, or is not installed.
    """
    listed = repository.query("for-each-ref", "--format=%(objectname) %(refname) %(HEAD)", *_REFS)
    commits, replaced, is_on_branch = set(), [], False
    for line in listed.splitlines():
        name, ref, head = line.split(b" ", 2)
        if ref.startswith(b"refs/replace/"):
            replaced.append(line)
        else:
            commits.add(name.decode())
            is_on_branch = is_on_branch or head == b"*"
    if not is_on_branch:
        # Detached, or on a branch without a commit.
        head = (repository.read("rev-parse", "--verify", "--quiet", "HEAD") or b"").strip()
        commits |= {head.decode()} if _HASH.fullmatch(head) else set()
    return Tips(frozenset(commits), _basis(repository, replaced))


def _basis(repository: Repository, replaced: list[bytes]) -> str:
    """Return what decides how far a tip reaches, in short; empty where nothing does, as in most repositories."""
    try:
        shallow = (repository.common_dir / "shallow").read_bytes()
    except OSError:
        shallow = b""
    if not shallow and not replaced:
        return ""
    import hashlib  # noqa: PLC0415 - costs 3 ms, and few repositories need it

    return hashlib.sha256(b"\n".join([*sorted(shallow.split()), b"", *replaced])).hexdigest()


def find_lost_commits(repository: Repository, known: Tips, tips: Tips) -> frozenset[str] | None:
    """Return the commits that the known tips reach and the tips now do not; None if git no longer has them all."""
    if known.commits <= tips.commits:
        return frozenset()
    found = repository.read("rev-list", "--stdin", stdin=revision_lines(known.commits, tips.commits))
    return None if found is None else frozenset(found.decode().split())


def revision_lines(reached: frozenset[str], without: frozenset[str] = frozenset()) -> bytes:
    """Return the input of `--stdin` for what some commits reach, and others do not."""
    return "".join([f"{name}\n" for name in sorted(reached)] + [f"^{name}\n" for name in sorted(without)]).encode()


def find_mentions(repository: Repository, references: Collection[Reference], letter: str) -> Iterator[Mention]:
    """Yield the commits on HEAD that name any of some experiments or steps, newest first; none where git refuses.

    Args:
        repository: Where.
        references: The experiments and steps; a step is not named by naming its experiment.
        letter: As for `scan_mentions`.

    Raises:
        GitError: git is not installed.
    """
    wanted = [f"--grep=[{one.spell(letter)}]" for one in references]
    # They are few; and without a commit there is no HEAD, which is no mistake.
    found = repository.read(*RECORDS, "--fixed-strings", *wanted, "HEAD", "--") or b""
    for mention in read_mentions(filter(None, found.split(b"\0")), letter):
        if any(one in mention.references for one in references):
            yield mention


def read_mentions(records: Iterable[bytes], letter: str) -> Iterator[Mention]:
    """Yield those of some commits that name something, in their order.

    Args:
        records: The commits, as git printed them.
        letter: As for `scan_mentions`.
    """
    find = reference_pattern(letter).findall
    known: dict[tuple[bytes, bytes], tuple[Reference, ...]] = {}
    for record in records:
        # What stands before the message is a person's name, and may hold anything.
        full, *_, message = record.split(b"\n", MESSAGE)
        if found := find(message):
            for spelled in found:
                if spelled not in known:
                    known[spelled] = (Reference(spelled[0].decode(), int(spelled[1]) if spelled[1] else None),)
            references = known[found[0]]
            if len(found) > 1:
                references = tuple([known[spelled][0] for spelled in dict.fromkeys(found)])
            yield Mention(full.decode(), references, record)
