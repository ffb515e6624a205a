"""The versions of a file that this clone has: on branches, in the histories of the log, in reflogs and in the stash."""

import os
import re
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from orglab.git.files import read_blobs
from orglab.git.log_branch import LOG_REF, TEXT_REFS, find_branch_copies
from orglab.git.private_files import open_regular
from orglab.git.repository import FULL_HASH, Repository

_MOST = 500
# A line of a reflog takes some 200 bytes.
_REFLOG_BYTES = 200 * _MOST
_REFLOG_LINE = re.compile(rb"^(%b) (%b) " % (FULL_HASH, FULL_HASH), re.M)


class Version(NamedTuple):
    """A version of a file.

    Attributes:
        blob: The hash of its content.
        size: Its size in bytes.
    """

    blob: str
    size: int


def list_versions(repository: Repository, paths: Iterable[str], without: Collection[str] = ()) -> list[Version]:
    """Return the different versions of some files: on the tips of the branches first, then the newest former ones.

    Former versions are those of the commits that HEAD and the stash have pointed to, according to their reflogs, and
    those in the history of a log that has one of its own; at most 500 of each.

    Args:
        repository: The repository.
        paths: Paths from the top of the repository.
        without: The full hashes of commits that do not count.

    Raises:
        GitError: git is not installed.
    """
    form = "--format=%(objectname) %(refname)"
    listed = os.fsdecode(repository.read("for-each-ref", form, "refs/heads", "refs/remotes", TEXT_REFS) or b"")
    tips = [line.split(" ", 1) for line in listed.split("\n")[:-1]]
    of_log = {LOG_REF, *find_branch_copies(repository)}
    histories = [tip for tip, ref in tips if ref.startswith(TEXT_REFS) or ref in of_log]
    former: list[str] = []
    if histories:
        lines = "".join(f"{tip}\n" for tip in histories).encode()
        former += (repository.read("rev-list", f"--max-count={_MOST}", "--stdin", stdin=lines) or b"").decode().split()
    commits = dict.fromkeys([*(tip for tip, _ in tips), *former, *_read_reflog_commits(repository)])
    counted = [commit for commit in commits if commit not in without]
    names = [f"{commit}:{path}\n" for path in paths if "\n" not in path for commit in counted]
    checked = repository.read(
        "cat-file", "--batch-check=%(objecttype) %(objectname) %(objectsize)", stdin=os.fsencode("".join(names))
    )
    # What is missing is printed as its name, which may hold anything.
    found = re.findall(rb"^blob (%b) (\d+)$" % FULL_HASH, checked or b"", re.M)
    return list(dict.fromkeys(Version(blob.decode(), int(size)) for blob, size in found))


def is_version(repository: Repository, path: str, data: bytes, without: Collection[str] = ()) -> bool:
    r"""Return whether a content is that of one of the known versions of a file, or git's copy of one with `\r\n`.

    Args:
        repository: The repository.
        path: The file, from the top.
        data: The content.
        without: The full hashes of commits that do not count.

    Raises:
        GitError: git is not installed.
    """
    blobs = {
        (repository.read("hash-object", "--stdin", "--no-filters", stdin=text) or b"").decode().strip()
        for text in {data, data.replace(b"\r\n", b"\n")}
    }
    return any(version.blob in blobs for version in list_versions(repository, [path], without))


def read_branch_versions(repository: Repository, path: str, without: Collection[str] = ()) -> list[bytes]:
    """Return the different versions of a file on local and remote-tracking branches.

    Args:
        repository: The repository.
        path: The file, from the top.
        without: The refs of branches that do not count.

    Raises:
        GitError: git is not installed.
    """
    form = "--format=%(objectname) %(refname)"
    listed = (repository.read("for-each-ref", form, "refs/heads", "refs/remotes") or b"").split(b"\n")[:-1]
    excluded = [os.fsencode(ref) for ref in without]
    tips = [tip for tip, _, ref in (line.partition(b" ") for line in listed) if ref not in excluded]
    names = b"".join(tip + b":" + os.fsencode(path) + b"\n" for tip in dict.fromkeys(tips))
    checked = repository.read("cat-file", "--batch-check=%(objecttype) %(objectname)", stdin=names) or b""
    blobs = dict.fromkeys(re.findall(rb"^blob (%b)$" % FULL_HASH, checked, re.M))
    return [data for _, data in read_blobs(repository, (blob.decode() for blob in blobs))]


def _read_reflog_commits(repository: Repository) -> Iterator[str]:
    """Yield the commits that HEAD (in each worktree) and the stash have pointed to, the newest of each first."""
    common = repository.common_dir
    stash = common / "logs" / "refs" / "stash"
    for path in (common / "logs" / "HEAD", *common.glob("worktrees/*/logs/HEAD"), stash):
        try:
            with open(open_regular(path, follow=True), "rb") as file:  # noqa: PTH123 - a descriptor
                file.seek(max(0, os.fstat(file.fileno()).st_size - _REFLOG_BYTES))
                lines = _REFLOG_LINE.findall(file.read())
        except OSError:
            continue
        for name in dict.fromkeys(name.decode() for pair in reversed(lines) for name in reversed(pair)):
            yield name
            if path == stash:
                yield f"{name}^3"  # the files that git did not track
