"""Records of runs as git objects: a reference for each writer, which only that writer moves."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from orglab.config import CLONE_FOLDER
from orglab.errors import GitError
from orglab.git.process import read_error, run_as_user
from orglab.git.repository import Repository
from orglab.git.snapshot import IDENTITY

REFS = "refs/orglab/records"


def writer_name(repository: Repository) -> str:
    """Return what this clone is called as a writer of records: the host, and a number that is its own.

    A clone that was copied with its number, or moved to another machine, gets a new one.

    Raises:
        OSError: The number cannot be kept.
    """
    place = repository.common_dir.resolve()
    host = re.sub(r"[^A-Za-z0-9-]+", "-", os.uname().nodename).strip("-")[:40] or "host"
    kept = place / CLONE_FOLDER / "writer"
    try:
        name, where = kept.read_text("utf-8", "surrogateescape").split("\n")[:2]
    except (OSError, ValueError):
        name = where = ""
    if where == os.fspath(place) and name.startswith(f"{host}-") and re.fullmatch(r"[A-Za-z0-9-]+", name):
        return name
    name = f"{host}-{os.urandom(4).hex()}"
    kept.parent.mkdir(exist_ok=True)
    new = kept.with_name(f"writer.{os.getpid()}")
    new.write_text(f"{name}\n{place}\n", "utf-8", "surrogateescape")
    new.replace(kept)
    return name


def publish_records(repository: Repository, writer: str, files: Mapping[str, Path]) -> bool:
    """Have this writer's reference hold these files, beside those it holds; return whether that was news.

    Args:
        repository: The repository.
        writer: The writer.
        files: The files, by the name they get: `RUN/record.jsonl`.

    Raises:
        GitError: git refuses.
    """
    ref = f"{REFS}/{writer}"
    old = repository.read("rev-parse", "--verify", "--quiet", ref)
    known = _blobs(repository, old.decode().strip()) if old else {}
    paths = b"".join(os.fsencode(path.absolute()) + b"\n" for path in files.values())
    hashes = repository.run("hash-object", "-w", "--no-filters", "--stdin-paths", stdin=paths).decode().split()
    now = dict(zip(files, hashes, strict=True))
    if all(known.get(name) == blob for name, blob in now.items()):
        return False
    private = repository.shared_folder / f"records.{os.getpid()}"
    private.parent.mkdir(exist_ok=True)
    environment = {"GIT_INDEX_FILE": os.fspath(private.absolute())}
    try:
        lines = "".join(f"100644 {blob}\t{name}\0" for name, blob in (known | now).items())
        repository.run("update-index", "-z", "--index-info", stdin=lines.encode(), environment=environment)
        tree = repository.run("write-tree", environment=environment).decode().strip()
    finally:
        private.unlink(missing_ok=True)
    parents = ("-p", old.decode().strip()) if old else ()
    message = f"Records of {writer}\n".encode()
    commit = repository.run("commit-tree", *parents, tree, stdin=message, environment=IDENTITY).decode().strip()
    # Only if it is still what we read: another process of this clone may have moved it.
    repository.run("update-ref", ref, commit, old.decode().strip() if old else "0" * len(commit))
    return True


def _blobs(repository: Repository, commit: str) -> dict[str, str]:
    """Return the hashes of the files that a reference holds, by name."""
    found = {}
    for line in repository.query("ls-tree", "-r", "-z", "--full-tree", commit).split(b"\0"):
        head, tab, name = line.partition(b"\t")
        if tab and head.split()[1] == b"blob":
            found[os.fsdecode(name)] = head.split()[2].decode()
    return found


def sync_records(repository: Repository, remote: str, writer: str, others: tuple[str, ...] = ()) -> None:
    """Fetch what other writers have put on a remote, and push what this one has.  Nobody else's is moved there.

    Args:
        repository: The repository.
        remote: The remote's name, or a URL.
        writer: This writer.
        others: References to push beside the records.

    Raises:
        GitError: git refuses, or the remote cannot be reached.
    """
    own = f"{REFS}/{writer}"
    _talk(repository, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--",
          remote, f"{REFS}/*:{REFS}/*", f"^{own}")  # fmt: skip
    pushed = [*([own] if repository.read("rev-parse", "--verify", "--quiet", own) else []), *others]
    if pushed:
        # Without a `+`: a reference that somebody else has moved is not ours to move.
        _talk(repository, "push", "--quiet", "--no-verify", "--", remote, *(f"{ref}:{ref}" for ref in pushed))


def _talk(repository: Repository, *arguments: str) -> None:
    # Nobody can answer a question here: git asks on the terminal, which is ours to read from only while we wait.
    done = run_as_user(repository.folder, arguments, environment={"GIT_TERMINAL_PROMPT": "0"})
    if done.returncode != 0:
        raise GitError(f"git {arguments[0]} refused: {read_error(done.stderr)}.")


def read_other_records(repository: Repository, writer: str) -> dict[tuple[str, str], str]:
    """Return the records of other writers as hashes of blobs, by writer and name.

    Raises:
        GitError: git refuses, or is not installed.
    """
    found: dict[tuple[str, str], str] = {}
    for ref in repository.query("for-each-ref", "--format=%(refname)", f"{REFS}/").decode().split():
        name = ref.removeprefix(f"{REFS}/")
        if name != writer:
            found |= {(name, file): blob for file, blob in _blobs(repository, ref).items()}
    return found


def read_blob(repository: Repository, blob: str) -> bytes:
    """Return the content of a blob.

    Raises:
        GitError: git refuses, or is not installed.
    """
    return repository.query("cat-file", "blob", blob)


def find_lines_on_branches(repository: Repository, name: str, marks: list[str]) -> set[str]:
    """Return those marks that are a line of a file on some local or remote-tracking branch.

    Args:
        repository: The repository.
        name: The file, relative to the top.
        marks: The lines.

    Raises:
        GitError: git refuses, or is not installed.
    """
    refs = repository.query("for-each-ref", "--format=%(objectname)", "refs/heads", "refs/remotes").split()
    wanted = b"".join(commit + b":" + os.fsencode(name) + b"\n" for commit in sorted(set(refs)))
    known = repository.query("cat-file", "--batch-check=%(objectname) %(objecttype)", stdin=wanted)
    blobs = {line.split()[0] for line in known.splitlines() if line.endswith(b" blob")}
    texts = [repository.query("cat-file", "blob", blob.decode()) for blob in sorted(blobs)]
    lines = {line.strip() for text in texts for line in text.splitlines() if line.lstrip().startswith(b"run ")}
    return {mark for mark in marks if mark.encode() in lines}
