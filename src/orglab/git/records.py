"""Records of runs as git objects: one ref for each writer, which only that writer updates.

The refs of others are fetched into a place of their own, whatever they are now.  Nothing in them is believed: their
names, types and sizes are known before anything is read.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import NamedTuple

from orglab.errors import GitError
from orglab.git.files import read_blobs
from orglab.git.process import IDENTITY, NO_HOOKS, read_error, run_as_user
from orglab.git.repository import Repository
from orglab.text import Tell, file_size

REFS = "refs/orglab/records"
FETCHED = "refs/orglab/fetched"
"""The refs of other writers, as they were when they were fetched last."""

_WRITER = re.compile(rb"[A-Za-z0-9._+@=-]{1,100}")
_MOST_WRITERS = 1000
_MOST_RUNS = 10_000  # of a writer
_MOST_BYTES = 1 << 30  # of a writer
_MOST_IN_ALL = 100_000  # runs of all writers
_TREE = 1 << 22  # bytes of the list of a writer's runs
_FILES = 1 << 12  # bytes of the list of a run's files
_BATCH = 1 << 26  # bytes that are read at once
_LARGE = 1 << 20  # bytes of a file that fast-import does not get
_BRANCH_LOG = 1 << 26  # bytes of a log on a branch
_FAILURES = 20
_TOLD = 10
_CHECKED = "%(objecttype) %(objectsize) %(objectname)"
_REGULAR = (b"100644", b"100755")


class RemoteRecords(NamedTuple):
    """The refs of records at a remote.

    Attributes:
        own: The object of this writer's ref, or None.
        others: The objects of the refs of other writers, which are here now, by writer.
    """

    own: str | None
    others: dict[str, str]


class RecordFile(NamedTuple):
    """A file of a run of another writer.

    Attributes:
        writer: The writer.
        run: The name of its folder, the id of the run.
        name: Its name in it.
        blob: The hash of its content.
        size: Its size in bytes.
    """

    writer: str
    run: str
    name: str
    blob: str
    size: int


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


def change_writer(repository: Repository) -> str:
    """Give this clone another name as a writer, and return it.

    Raises:
        OSError: It cannot be stored.
    """
    repository.shared_files.unlink("writer")
    return writer_name(repository)


def is_taken(repository: Repository, writer: str, tip: str | None) -> bool:
    """Return whether somebody else has written to the ref of this writer, which names `tip` at a remote."""
    own = _read_tip(repository, f"{REFS}/{writer}")
    if tip is None or tip == own:
        return False
    return own is None or repository.read("merge-base", "--is-ancestor", tip, own) is None


def publish_records(repository: Repository, writer: str, files: Iterable[tuple[str, bytes]]) -> bool:
    """Commit these files to the ref of a writer, beside the files it has; return whether any of them is new.

    Args:
        repository: The repository.
        writer: The writer.
        files: The names of the files in the ref, `RUN/record.jsonl`, and their contents.

    Raises:
        GitError: git fails.
    """
    import hashlib  # noqa: PLC0415 - takes 3 ms, and few commands need it

    ref = f"{REFS}/{writer}"
    old = _read_tip(repository, ref)
    known = _read_blobs(repository, old) if old else {}
    changed: list[bytes] = []
    for name, data in files:
        digest = hashlib.new("sha1" if old is None or len(old) == 40 else "sha256", usedforsecurity=False)  # noqa: PLR2004 - SHA-1
        digest.update(b"blob %d\0" % len(data))
        digest.update(data)
        if known.get(name) == digest.hexdigest():
            continue
        if len(data) > _LARGE:
            blob = repository.run("hash-object", "-w", "--stdin", stdin=data).strip()
            changed.append(b"M 100644 %s %s" % (blob, name.encode()))
        else:
            changed += [b"M 100644 inline " + name.encode(), b"data %d" % len(data), data]
    if not changed:
        return False
    message = f"Records of {writer}\n".encode()
    who = f"committer {IDENTITY['GIT_COMMITTER_NAME']} <{IDENTITY['GIT_COMMITTER_EMAIL']}> now"
    lines = [f"commit {ref}".encode(), who.encode(), b"data %d" % len(message), message]
    lines += [b"from " + old.encode()] if old else []
    # The ref is updated only if it is unchanged: another process of this clone may have updated it.
    command = ("fast-import", "--quiet", "--done", "--date-format=now")
    stream = b"\n".join([*lines, *changed, b"", b"done", b""])
    completed = run_as_user(repository.folder, command, stream, environment=NO_HOOKS)
    if completed.returncode != 0:
        raise GitError(f"git fast-import failed: {read_error(completed.stderr)}.")
    return True


def _read_tip(repository: Repository, ref: str) -> str | None:
    return (repository.read("rev-parse", "--verify", "--quiet", ref) or b"").decode().strip() or None


def _read_blobs(repository: Repository, commit: str) -> dict[str, str]:
    """Return the hashes of a commit's files, by name."""
    blobs = {}
    for line in repository.query("ls-tree", "-r", "-z", "--full-tree", commit).split(b"\0"):
        head, tab, name = line.partition(b"\t")
        if tab and head.split()[1] == b"blob":
            blobs[os.fsdecode(name)] = head.split()[2].decode()
    return blobs


def fetch_records(repository: Repository, remote: str, writer: str, tell: Tell) -> RemoteRecords:
    """Fetch the refs of other writers from a remote; one that cannot be used is passed over, with a sentence.

    Args:
        repository: The repository.
        remote: The name or URL of the remote.
        writer: This writer.
        tell: Called with each message for the user.

    Raises:
        GitError: git fails, or the remote cannot be reached.
    """
    if repository.read("remote", "get-url", "--", remote) is None and not any(char in remote for char in "/:."):
        raise GitError(f"There is no remote {remote!r}; add one with `git remote add {remote} URL`.")
    tips, problems = {}, []
    for line in run_remote(repository, "ls-remote", "--quiet", "--refs", "--", remote, f"{REFS}/*").split(b"\n"):
        tip, tab, ref = line.partition(b"\t")
        if not tab or not ref.startswith(REFS.encode() + b"/"):
            continue
        name = ref[len(REFS) + 1 :]
        if _WRITER.fullmatch(name):
            tips[name.decode()] = tip.decode()
        else:
            problems.append(f"{REFS}/{ascii(name)[2:-1]} was passed over: this is not the name of a clone.")
    own = tips.pop(writer, None)
    known = _read_fetched(repository)
    names = sorted(tips, key=lambda name: (name not in known, name))
    if len(names) > _MOST_WRITERS:
        problems.append(f"{remote} has the records of {len(names)} clones; only {_MOST_WRITERS} of them are read.")
    names = names[:_MOST_WRITERS]
    changed = [name for name in names if known.get(name) != tips[name]]
    if changed:
        problems += _fetch(repository, remote, changed)
        known = _read_fetched(repository)
    tell_some(problems, tell)
    return RemoteRecords(own, {name: known[name] for name in names if name in known})


def _read_fetched(repository: Repository) -> dict[str, str]:
    """Return the objects of the refs that have been fetched, by writer."""
    listed = repository.query("for-each-ref", "--format=%(objectname) %(refname)", f"{FETCHED}/").split(b"\n")
    refs = (line.decode("ascii", "replace").split(" ", 1) for line in listed if line)
    return {ref.removeprefix(f"{FETCHED}/"): tip for tip, ref in refs}


def _fetch(repository: Repository, remote: str, names: list[str]) -> list[str]:
    """Fetch the refs of writers, whatever they were before; return why some cannot be fetched.

    Raises:
        GitError: Too many cannot be fetched.
    """
    options = ("--quiet", "--no-tags", "--no-prune", "--no-write-fetch-head", "--no-recurse-submodules")
    specs = [f"+{REFS}/{name}:{FETCHED}/{name}" for name in names]
    with suppress(GitError):
        run_remote(repository, "fetch", *options, "--", remote, *specs)
        return []
    # One of them is broken, which must not stop the others.
    problems: list[str] = []
    for name, spec in zip(names, specs, strict=True):
        try:
            run_remote(repository, "fetch", *options, "--", remote, spec)
        except GitError as error:
            problems.append(f"{REFS}/{name} was passed over. {error}")
            if len(problems) == _FAILURES:
                raise
    return problems


def tell_some(problems: list[str], tell: Tell) -> None:
    """Tell the first of some problems, and how many more there are."""
    for problem in problems[:_TOLD]:
        tell(problem)
    if len(problems) > _TOLD:
        tell(f"There are {len(problems) - _TOLD} more problems of this kind.")


def push_records(repository: Repository, remote: str, writer: str, others: tuple[str, ...] = ()) -> None:
    """Push the ref of this writer to a remote; the ref of no other writer is pushed.

    Args:
        repository: The repository.
        remote: The name or URL of the remote.
        writer: This writer.
        others: Other refs to push, such as snapshots.

    Raises:
        GitError: git fails, or the remote cannot be reached.
    """
    own = f"{REFS}/{writer}"
    pushed = [*([own] if _read_tip(repository, own) else []), *others]
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


def list_record_files(
    repository: Repository,
    tips: Mapping[str, str],
    largest: Mapping[str, int],
    is_id: Callable[[str], bool],
    tell: Tell,
) -> list[RecordFile]:
    """Return the files of other writers' runs, without reading them; what cannot be used is told and left out.

    Args:
        repository: The repository.
        tips: The objects of the refs, by writer.
        largest: The most bytes of a file, by its name in the folder of a run; other names are left out.
        is_id: Returns whether a name is the id of a run; other folders are left out.
        tell: Called with each message for the user.

    Raises:
        GitError: git is not installed.
    """
    problems: list[str] = []
    roots = _find_trees(repository, tips, problems)
    folders: list[tuple[str, str, str]] = []  # writer, run, tree
    for writer, tree, data in _read_trees(repository, roots):
        listed = _parse_tree(data, len(tree))
        found = [(name, entry) for mode, name, entry in listed if mode == b"40000" and is_id(name)]
        if len(found) > _MOST_RUNS:
            problems.append(f"{REFS}/{writer} has {len(found)} runs; only the newest {_MOST_RUNS} are read.")
        if len(folders) + len(found[:_MOST_RUNS]) > _MOST_IN_ALL:
            problems.append(f"{REFS}/{writer} was passed over: other clones have {len(folders)} runs already.")
            continue
        folders += [(writer, name, entry) for name, entry in sorted(found)[-_MOST_RUNS:]]
    sizes = _read_sizes(repository, "tree", {tree for _, _, tree in folders})
    small = {tree: (tree, size) for tree, size in sizes.items() if size <= _FILES}
    entries = {tree: [*_parse_tree(data, len(tree))] for tree, _, data in _read_trees(repository, small)}
    files = [
        (writer, run, name, mode, blob)
        for writer, run, tree in folders for mode, name, blob in entries.get(tree, ())
        if name in largest
    ]  # fmt: skip
    sizes = _read_sizes(repository, "blob", {blob for *_, blob in files})
    return [*_choose_files(files, sizes, largest, problems, tell)]


def _choose_files(
    files: list[tuple[str, str, str, bytes, str]], sizes: Mapping[str, int], largest: Mapping[str, int],
    problems: list[str], tell: Tell,
) -> Iterator[RecordFile]:  # fmt: skip
    """Yield the files that are regular and not too large; tell about the others."""
    totals: dict[str, int] = {}
    for writer, run, name, mode, blob in files:
        what = f"{run}/{name} of {REFS}/{writer} was passed over:"
        if mode not in _REGULAR:
            problems.append(f"{what} it is not a regular file.")
        elif blob not in sizes:
            problems.append(f"{what} git does not have it.")
        elif sizes[blob] > largest[name]:
            problems.append(f"{what} it is larger than {file_size(largest[name])}.")
        elif totals.get(writer, 0) + sizes[blob] > _MOST_BYTES:
            problems.append(f"{what} this clone has published more than 1 GB.")
        else:
            totals[writer] = totals.get(writer, 0) + sizes[blob]
            yield RecordFile(writer, run, name, blob, sizes[blob])
    tell_some(problems, tell)


def _find_trees(repository: Repository, tips: Mapping[str, str], problems: list[str]) -> dict[str, tuple[str, int]]:
    """Return the tree of each writer's ref, and its size."""
    if not tips:
        return {}
    names = "".join(f"{tip}^{{tree}}\n" for tip in tips.values()).encode()
    objects = repository.query("cat-file", f"--batch-check={_CHECKED}", stdin=names)
    trees = {}
    for writer, line in zip(tips, objects.decode().splitlines(), strict=False):
        match = re.fullmatch(r"tree (\d+) ([0-9a-f]+)", line)
        if match is None:
            problems.append(f"{REFS}/{writer} was passed over: it is not a commit.")
        elif int(match[1]) > _TREE:
            problems.append(f"{REFS}/{writer} was passed over: it has too many files.")
        else:
            trees[writer] = match[2], int(match[1])
    return trees


def _read_trees(repository: Repository, trees: Mapping[str, tuple[str, int]]) -> Iterator[tuple[str, str, bytes]]:
    """Yield each name with its tree, and the content of that."""
    for batch in _split_batches([(name, *tree) for name, tree in trees.items()]):
        names = "".join(f"{tree}\n" for _, tree, _ in batch).encode()
        printed = repository.query("cat-file", "--batch=%(objecttype) %(objectsize)", stdin=names)
        at = 0
        for name, tree, _ in batch:
            end = printed.find(b"\n", at)
            kind, _, size = printed[at:end].partition(b" ")
            at = end + 1
            if size.isdigit():
                if kind == b"tree":
                    yield name, tree, printed[at : at + int(size)]
                at += int(size) + 1


def _split_batches(sized: list[tuple[str, str, int]]) -> Iterator[list[tuple[str, str, int]]]:
    """Yield parts of a list, none of which is much larger than what may be read at once."""
    batch: list[tuple[str, str, int]] = []
    total = 0
    for one in sized:
        if batch and total + one[2] > _BATCH:
            yield batch
            batch, total = [], 0
        batch.append(one)
        total += one[2]
    if batch:
        yield batch


def _parse_tree(data: bytes, digits: int) -> Iterator[tuple[bytes, str, str]]:
    """Yield the mode, the name and the hash of each entry of a tree, if the name is plain ASCII."""
    at = 0
    while (end := data.find(b"\0", at)) >= 0:
        mode, _, name = data[at:end].partition(b" ")
        at = end + 1 + digits // 2
        if name.isascii():
            yield mode, name.decode(), data[end + 1 : at].hex()


def _read_sizes(repository: Repository, kind: str, objects: set[str]) -> dict[str, int]:
    """Return the sizes of objects, without those that are of another kind, or that git does not have."""
    if not objects:
        return {}
    names = "".join(f"{name}\n" for name in sorted(objects)).encode()
    printed = repository.query("cat-file", f"--batch-check={_CHECKED}", stdin=names).decode()
    return {name: int(size) for size, name in re.findall(rf"^{kind} (\d+) ([0-9a-f]+)$", printed, re.M)}


def read_record_files(repository: Repository, files: Iterable[RecordFile]) -> Iterator[tuple[RecordFile, bytes]]:
    """Yield files of other writers' runs with their contents, a bounded amount at a time.

    Raises:
        GitError: git is not installed.
    """
    files = list(files)
    for batch in _split_batches([(str(number), one.blob, one.size) for number, one in enumerate(files)]):
        contents = dict(read_blobs(repository, dict.fromkeys(blob for _, blob, _ in batch)))
        for number, blob, _ in batch:
            if blob in contents:
                yield files[int(number)], contents[blob]


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
    objects = repository.query("cat-file", f"--batch-check={_CHECKED}", stdin=names)
    sizes = {blob.decode(): int(size) for size, blob in re.findall(rb"^blob (\d+) ([0-9a-f]+)$", objects, re.M)}
    lines = set()
    for batch in _split_batches([("", blob, size) for blob, size in sizes.items() if size <= _BRANCH_LOG]):
        for _, text in read_blobs(repository, [blob for _, blob, _ in batch]):
            lines |= {line.strip() for line in text.splitlines() if line.lstrip().startswith(b"run ")}
    return {mark for mark in marks if mark.encode() in lines}
