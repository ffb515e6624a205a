"""Records of runs as git objects: one ref for each writer, which only that writer updates."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from orglab.errors import GitError
from orglab.git.process import IDENTITY, read_error, run_as_user
from orglab.git.repository import Repository

REFS = "refs/orglab/records"


def writer_name(repository: Repository) -> str:
    """Return the name under which this clone writes records: the host name and a random number.

    A copy of the clone, or a clone that was moved to another folder or machine, gets a new name.

    Raises:
        OSError: The name cannot be stored.
    """
    git_dir = repository.common_dir.resolve()
    host = re.sub(r"[^A-Za-z0-9-]+", "-", os.uname().nodename).strip("-")[:40] or "host"
    files = repository.shared_files
    name, _, rest = os.fsdecode(files.read("writer") or b"").partition("\n")
    written_in = rest.partition("\n")[0]
    if written_in == os.fspath(git_dir) and name.startswith(f"{host}-") and re.fullmatch(r"[A-Za-z0-9-]+", name):
        return name
    name = f"{host}-{os.urandom(4).hex()}"
    files.write("writer", os.fsencode(f"{name}\n{git_dir}\n"))
    return name


def publish_records(repository: Repository, writer: str, files: Mapping[str, Path]) -> bool:
    """Commit these files to the ref of a writer, beside the files it has; return whether any of them is new.

    Args:
        repository: The repository.
        writer: The writer.
        files: The files, by their names in the ref: `RUN/record.jsonl`.

    Raises:
        GitError: git fails.
    """
    ref = f"{REFS}/{writer}"
    old = repository.read("rev-parse", "--verify", "--quiet", ref)
    known = _read_blobs(repository, old.decode().strip()) if old else {}
    paths = b"".join(os.fsencode(path.absolute()) + b"\n" for path in files.values())
    hashes = repository.run("hash-object", "-w", "--no-filters", "--stdin-paths", stdin=paths).decode().split()
    current = dict(zip(files, hashes, strict=True))
    if all(known.get(name) == blob for name, blob in current.items()):
        return False
    index = repository.shared_folder / f"records.{os.getpid()}"
    index.parent.mkdir(exist_ok=True)
    environment = {"GIT_INDEX_FILE": os.fspath(index.absolute())}
    try:
        lines = "".join(f"100644 {blob}\t{name}\0" for name, blob in (known | current).items())
        repository.run("update-index", "-z", "--index-info", stdin=lines.encode(), environment=environment)
        tree = repository.run("write-tree", environment=environment).decode().strip()
    finally:
        index.unlink(missing_ok=True)
    parents = ("-p", old.decode().strip()) if old else ()
    message = f"Records of {writer}\n".encode()
    commit = repository.run("commit-tree", *parents, tree, stdin=message, environment=IDENTITY).decode().strip()
    # Only if the ref is unchanged: another process of this clone may have updated it.
    repository.run("update-ref", ref, commit, old.decode().strip() if old else "0" * len(commit))
    return True


def _read_blobs(repository: Repository, commit: str) -> dict[str, str]:
    """Return the hashes of a commit's files, by name."""
    blobs = {}
    for line in repository.query("ls-tree", "-r", "-z", "--full-tree", commit).split(b"\0"):
        head, tab, name = line.partition(b"\t")
        if tab and head.split()[1] == b"blob":
            blobs[os.fsdecode(name)] = head.split()[2].decode()
    return blobs


def sync_records(repository: Repository, remote: str, writer: str, others: tuple[str, ...] = ()) -> None:
    """Fetch the refs of other writers from a remote, and push the ref of this one; no other ref is pushed.

    Args:
        repository: The repository.
        remote: The name or URL of the remote.
        writer: This writer.
        others: Other refs to push, such as snapshots.

    Raises:
        GitError: git fails, or the remote cannot be reached.
    """
    own = f"{REFS}/{writer}"
    if repository.read("remote", "get-url", "--", remote) is None and not any(char in remote for char in "/:."):
        raise GitError(f"There is no remote {remote!r}; add one with `git remote add {remote} URL`.")
    run_remote(repository, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--",
          remote, f"{REFS}/*:{REFS}/*", f"^{own}")  # fmt: skip
    pushed = [*([own] if repository.read("rev-parse", "--verify", "--quiet", own) else []), *others]
    if pushed:
        # Without a `+`: a ref that somebody else has updated must not be overwritten.
        run_remote(repository, "push", "--quiet", "--no-verify", "--", remote, *(f"{ref}:{ref}" for ref in pushed))


def run_remote(repository: Repository, *arguments: str) -> bytes:
    """Run a git command that talks to a remote, as the user would, and return its output.

    Raises:
        GitError: git fails, or the remote cannot be reached.
    """
    # git must not prompt for a password, because the command may run unattended.
    completed = run_as_user(repository.folder, arguments, environment={"GIT_TERMINAL_PROMPT": "0"})
    if completed.returncode != 0:
        raise GitError(f"git {arguments[0]} failed: {read_error(completed.stderr)}.")
    return completed.stdout


def read_other_records(repository: Repository, writer: str) -> dict[tuple[str, str], str]:
    """Return the blob hashes of other writers' records, by writer and file name.

    Raises:
        GitError: git fails, or is not installed.
    """
    records: dict[tuple[str, str], str] = {}
    for ref in repository.query("for-each-ref", "--format=%(refname)", f"{REFS}/").decode().split():
        name = ref.removeprefix(f"{REFS}/")
        if name != writer:
            records |= {(name, file): blob for file, blob in _read_blobs(repository, ref).items()}
    return records


def read_blob(repository: Repository, blob: str) -> bytes:
    """Return the content of a blob.

    Raises:
        GitError: git fails, or is not installed.
    """
    return repository.query("cat-file", "blob", blob)


def find_lines_on_branches(repository: Repository, name: str, marks: list[str]) -> set[str]:
    """Return the marks that are lines of a file on any local or remote-tracking branch.

    Args:
        repository: The repository.
        name: The file, relative to the top.
        marks: Lines to look for; each begins with `run `.

    Raises:
        GitError: git fails, or is not installed.
    """
    refs = repository.query("for-each-ref", "--format=%(objectname)", "refs/heads", "refs/remotes").split()
    names = b"".join(commit + b":" + os.fsencode(name) + b"\n" for commit in sorted(set(refs)))
    objects = repository.query("cat-file", "--batch-check=%(objectname) %(objecttype)", stdin=names)
    blobs = {line.split()[0] for line in objects.splitlines() if line.endswith(b" blob")}
    texts = [repository.query("cat-file", "blob", blob.decode()) for blob in sorted(blobs)]
    lines = {line.strip() for text in texts for line in text.splitlines() if line.lstrip().startswith(b"run ")}
    return {mark for mark in marks if mark.encode() in lines}
