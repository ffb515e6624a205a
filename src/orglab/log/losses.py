"""What git took out of the log: recorded when it is noticed, until it is restored or forgotten.

A record is a small JSON file in orglab's folder of the shared git directory.  It names a commit of the history of the
log's texts, which has the text from before; what is still missing is found by comparing that with the log now, and with
those of the branches and of the other worktrees.
"""

import os
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from orglab import clock
from orglab.errors import GitError, NotFoundError
from orglab.experiment.missing_parts import MissingPart, find_missing_parts, find_nearest
from orglab.experiment.model import Experiment
from orglab.git import Repository
from orglab.git.files import read_file_at
from orglab.git.log_branch import Version, find_tip, is_ancestor, save_texts
from orglab.git.private_files import PrivateFolder, read_regular
from orglab.git.repository import is_full_hash, list_worktrees
from orglab.git.versions import read_branch_versions
from orglab.git.worktree import find_rebased_branches
from orglab.log import file
from orglab.log.kept_text import find_text_ref
from orglab.log.merge.markers import split_sides
from orglab.log.merge.merge import merge
from orglab.log.text_guard import LOSSES, TEXTS, UNTOLD, Seen, TextGuard, read_seen
from orglab.text import Tell, count

if TYPE_CHECKING:
    from orglab.log.log import LogFile


GOING_BACK = "going back to an earlier version"
"""The operation where HEAD's reflog names none: a checkout of the file, unless somebody wrote what git had, too."""
_NOUNS = {
    "experiment": "experiment", "conclusion": "conclusion", "note": "note", "step": "step", "tick": "completed step",
}  # fmt: skip
_MOST_NAMED = 3
_MOST_BYTES = 1 << 30  # of a log
_MOST_FIELDS = 1 << 20  # of a record
_TRIES = 5


class Loss(NamedTuple):
    """What one operation of git took out of the log, as far as it is still missing.

    Attributes:
        path: The file of the record.
        operation: What git did, in the words of HEAD's reflog, or GOING_BACK.
        commit: The commit of the history that has the text from before.
        base: The commit of the history that has the version nearest to that text, of those that git left.
        parts: What is missing.
        forgotten: The references whose parts are not wanted.
    """

    path: Path
    operation: str
    commit: str
    base: str
    parts: tuple[MissingPart, ...]
    forgotten: tuple[str, ...] = ()


def record_loss(
    log: "LogFile",
    kept: bytes,
    operation: str,
    tell: Tell,
    *,
    history: str | None = None,
) -> None:
    """Record what git took out of the log, if anything, and tell the user once.

    Args:
        log: The log, as git has left it.
        kept: Its text from before.
        operation: What git did, in the words of HEAD's reflog, or GOING_BACK.
        tell: Called with each message for the user.
        history: A commit in the history of HEAD, whose parts are not missing.

    Raises:
        GitError: git fails.
        OSError: It cannot be recorded.
    """
    repository = log.repository
    if repository is None:
        return
    others = [log.read_file().data, *_read_elsewhere(log, repository), *_read_history(log, repository, history)]
    # At its end, a rebase moves its branch away from what may be on no other one.
    moving = find_rebased_branches(repository)
    remaining = [others[0], *_read_elsewhere(log, repository, moving)] if moving else others
    # If a merge was not resolved yet, the lines of both sides are parts of the log, and the markers are not.
    sides = split_sides(kept) if log.parse(kept).conflict is not None else (kept,)
    for side in sides:
        if not find_missing_parts(side, remaining, log.config):
            continue
        parts = find_missing_parts(side, others, log.config)
        _write_record(log, repository, side, (find_nearest(others, side), operation, history), is_told=bool(parts))
        others.append(side)
        if remaining is not others:
            remaining.append(side)
        if parts:
            tell(_describe_loss(operation, parts))


def _describe_loss(operation: str, parts: Sequence[MissingPart]) -> str:
    """Return what the user is told once about a loss."""
    cause = GOING_BACK.capitalize() if operation == GOING_BACK else f"git ({operation})"
    return (
        f"{cause} took {describe_parts(parts)} out of the log. `orglab check` lists what is missing; "
        "`orglab check --restore` puts it back, `orglab check --forget` agrees to it."
    )


def tell_untold_losses(log: "LogFile", tell: Tell) -> None:
    """Tell once what is missing since a rebase has ended, and was on the branch that it moved until then."""
    import json  # noqa: PLC0415 - a loss is rare

    repository = log.repository
    if repository is None:
        return
    files = repository.shared_files.folder(LOSSES)
    # Asked first: this is called whenever the log has changed.
    if files.stat(UNTOLD) is None or find_rebased_branches(repository):
        return
    for loss in find_losses(log):
        fields = _read(files, loss.path.name)
        if fields.get("told") is False:
            tell(_describe_loss(loss.operation, loss.parts))
            files.write(loss.path.name, json.dumps({**fields, "told": True}).encode())
    # A loss of another log of the repository waits for a command of that log.
    if not any(_read(files, name).get("told") is False for name in files.list_names() if name.endswith(".json")):
        files.unlink(UNTOLD)


def _write_record(
    log: "LogFile",
    repository: Repository,
    kept: bytes,
    what: tuple[bytes, str, str | None],
    *,
    is_told: bool,
) -> None:
    """Save the text from before an operation of git, and write the record of the loss.

    Args:
        log: The log.
        repository: Its repository.
        kept: The text.
        what: The version that is nearest to it, of those that git left; what git did; and a commit in the history of
            HEAD, whose parts are not missing, or None.
        is_told: Whether the user is told now.

    Raises:
        GitError: git fails.
        OSError: The record cannot be written.
    """
    nearest, operation, history = what
    import json  # noqa: PLC0415 - a loss is rare

    ref = find_text_ref(log, repository)
    before = Version(f"log: before {operation}", {log.name: kept})
    # The text before may be that of another branch: then a restore must bring only what was changed there.
    after = Version(f"log: after {operation}", {log.name: nearest})
    tip = _save(repository, ref, before, after)
    commit = repository.query("rev-parse", f"{tip}^").decode().strip()
    files = repository.shared_files.folder(LOSSES)
    fields: dict[str, object] = {
        "name": log.name,
        "operation": operation,
        "commit": commit,
        "base": tip,
        "at": clock.now().isoformat(),
    }
    fields |= {"history": history} if history is not None else {}
    if not is_told:
        fields["told"] = False
        files.touch(UNTOLD)
    files.write(f"{commit}.json", json.dumps(fields).encode())


def _save(repository: Repository, ref: str, *versions: Version) -> str:
    """Commit versions of the log to a ref, and return the full hash of the last commit.

    Raises:
        GitError: git fails, or other processes change the ref all the time.
    """
    for _ in range(_TRIES):
        tip = save_texts(repository, ref, find_tip(repository, ref), *versions)
        if tip is not None:
            return tip
    raise GitError(f"{ref} was changed by other processes.")


def _record_removed_worktrees(log: "LogFile", repository: Repository) -> None:
    """Record what only the logs of worktrees had that are gone; the links in the git directory still have it."""
    files = repository.shared_files.folder(TEXTS)
    own = TextGuard(repository, log.path).link.name
    for name, seen in _list_seen(repository, log.name):
        link = name.removesuffix(".seen")
        # The path of this log is another one if the whole repository was moved.
        if link == own or os.path.lexists(seen.path.removesuffix(f"/{seen.name}")):
            continue
        # What cannot be recorded now is recorded the next time.
        with suppress(OSError, GitError):
            kept = files.read(link, _MOST_BYTES)
            if kept is not None:
                record_loss(log, kept, "worktree remove", lambda _: None)
                files.unlink(name)
                files.unlink(link)


def _list_seen(repository: Repository, log: str) -> Iterator[tuple[str, Seen]]:
    """Yield what orglab last saw of the log in all worktrees, each with the name of the file that says so."""
    files = repository.shared_files.folder(TEXTS)
    for name in files.list_names():
        seen = read_seen(files, name) if name.endswith(".seen") else None
        if seen is not None and seen.name == log:
            yield name, seen


def describe_parts(parts: Sequence[MissingPart]) -> str:
    """Return how many experiments, notes and so on there are, with the references of the first."""
    counts = Counter(dict.fromkeys(_NOUNS, 0))
    counts.update(part.kind for part in parts)
    words = [count(number, _NOUNS[kind]) for kind, number in counts.items() if number]
    refs = list(dict.fromkeys(part.ref for part in parts))
    more = ", ..." if len(refs) > _MOST_NAMED else ""
    return f"{', '.join(words)} ({', '.join(refs[:_MOST_NAMED])}{more})"


def find_losses(log: "LogFile") -> list[Loss]:
    """Return what git took out of the log and is still missing, the oldest first.

    Records of what is back, here or on a branch, are removed.

    Raises:
        GitError: git fails.
    """
    repository = log.repository
    if repository is None:
        return []
    _record_removed_worktrees(log, repository)
    records = sorted(_read_records(repository, log.name), key=lambda record: str(record[1].get("at")))
    if not records:
        return []
    others = [log.read_file().data, *_read_elsewhere(log, repository)]
    found = []
    for path, fields in records:
        kept = read_file_at(repository, fields["commit"], log.name)
        if kept is None:
            continue  # git cannot read it now
        known = [*others, *_read_history(log, repository, fields.get("history"))]
        parts = find_missing_parts(kept, known, log.config)
        refs = fields.get("forgotten")
        forgotten = tuple(str(ref) for ref in refs) if isinstance(refs, list) else ()
        parts = [part for part in parts if not _is_in(part.ref, forgotten)]
        if parts:
            found.append(Loss(path, fields["operation"], fields["commit"], fields["base"], tuple(parts), forgotten))
            others.append(kept)  # what two operations took is listed once
        elif not find_rebased_branches(repository):
            with suppress(OSError):
                repository.shared_files.folder(LOSSES).unlink(path.name)
    return found


def restore_losses(log: "LogFile", reference: str | None = None) -> list[MissingPart]:
    """Put back what git took out of the log, and return what was put back.

    An experiment that conflicts with what was written since is left out, and stays listed.

    Args:
        log: The log.
        reference: An experiment, to put back only what belongs to it; None for everything.

    Raises:
        NotFoundError: Nothing is missing, or nothing of that experiment.
        ConflictMarkersError: The log has conflict markers.
        GitError: Nothing can be merged into the log without a conflict; the log is unchanged.
    """
    restored: list[MissingPart] = []
    refused: GitError | None = None
    for loss in _select(log, reference):
        wanted = [part for part in loss.parts if _is_wanted(part, reference, log)]
        refs = list(dict.fromkeys(part.ref.partition(".")[0] for part in wanted))
        is_whole = len(wanted) == len(loss.parts) and not loss.forgotten
        try:
            _restore(log, loss, None if is_whole else refs)
        except GitError as error:
            refused = error
        else:
            restored += wanted
            continue
        for ref in refs if len(refs) > 1 else ():
            with suppress(GitError):
                _restore(log, loss, [ref])
                restored += [part for part in wanted if _is_in(part.ref, [ref])]
    if refused is not None and not restored:
        raise refused
    find_losses(log)  # removes the records of what is back
    return restored


def _restore(log: "LogFile", loss: Loss, refs: Collection[str] | None) -> None:
    """Merge the text from before a loss into the log, or some experiments of it.

    Raises:
        GitError: It conflicts with the log, which is unchanged.
    """
    repository = log.repository
    if repository is None:
        raise GitError(f"{log.path} is not in a git repository.")
    base, kept = (read_file_at(repository, commit, log.name) or b"" for commit in (loss.base, loss.commit))
    if refs is not None:
        # Both with the same line ends; those of the log are restored by the merge.
        kept, base = _take_experiments(base, kept, refs, log), bytes(log.parse(base).text)

    wanted = {part for part in loss.parts if refs is None or _is_in(part.ref, refs)}

    def change(data: bytes) -> bytes:
        log.parse(data).require_no_conflict()
        restored = _merge_back(log, data, (base, kept), wanted)
        if restored is None:
            # Too much has changed since.  Both sides may have added these experiments, for all that is known.
            names = {part.ref.partition(".")[0] for part in wanted}
            sides = _take_experiments(data, b"", names, log), _take_experiments(data, kept, names, log)
            restored = _merge_back(log, data, sides, wanted)
        if restored is None:
            raise GitError(
                "The earlier text cannot be merged into the log without a conflict; nothing was restored. "
                f"See `git show {loss.commit[:10]}:{log.name}`."
            )
        return restored

    file.update(log.path, change, anyway=log.anyway)
    log.record_write()


def _merge_back(
    log: "LogFile", data: bytes, sides: tuple[bytes, bytes], wanted: Collection[MissingPart]
) -> bytes | None:
    """Return the log with what one version has and its ancestor has not; None if that is not just what is wanted.

    Args:
        log: The log.
        data: Its text.
        sides: The ancestor, and the version.
        wanted: What has to be in the result.
    """
    base, kept = sides
    merged = merge(base, data, kept, log.config, clock.now())
    is_twice = _count_repeated(log, merged.data) > _count_repeated(log, data)
    is_left = not {*find_missing_parts(kept, [merged.data], log.config)}.isdisjoint(wanted)
    if merged.conflicts or is_twice or is_left or find_missing_parts(data, [merged.data], log.config):
        return None
    return merged.data


def _count_repeated(log: "LogFile", data: bytes) -> int:
    """Return how many experiments of a text repeat another one: its id, and its title or the time of its creation."""
    experiments = log.read_experiments(log.parse(data))
    names = Counter(
        (experiment.id, what) for experiment in experiments for what in (experiment.title, experiment.created)
    )
    return sum(number - 1 for number in names.values())


def forget_losses(log: "LogFile", reference: str | None = None) -> list[MissingPart]:
    """Agree to what git took out of the log, so that it is no longer listed, and return what that was.

    Raises:
        NotFoundError: Nothing is missing, or nothing of that experiment.
        OSError: It cannot be recorded.
    """
    import json  # noqa: PLC0415 - a loss is rare

    forgotten: list[MissingPart] = []
    if log.repository is None:
        return forgotten
    files = log.repository.shared_files.folder(LOSSES)
    for loss in _select(log, reference):
        gone = [part for part in loss.parts if _is_wanted(part, reference, log)]
        forgotten += gone
        if len(gone) == len(loss.parts):
            files.unlink(loss.path.name)
            continue
        refs = sorted({*loss.forgotten, *(part.ref.partition(".")[0] for part in gone)})
        fields = {**_read(files, loss.path.name), "forgotten": refs}
        files.write(loss.path.name, json.dumps(fields).encode())
    return forgotten


def _select(log: "LogFile", reference: str | None) -> list[Loss]:
    """Return the losses that have parts of an experiment; all if None.

    Raises:
        NotFoundError: There are none.
    """
    losses = [loss for loss in find_losses(log) if any(_is_wanted(part, reference, log) for part in loss.parts)]
    if not losses:
        what = f" of {reference}" if reference is not None else ""
        raise NotFoundError(f"Nothing{what} is missing from the log.")
    return losses


def _is_wanted(part: MissingPart, reference: str | None, log: "LogFile") -> bool:
    return reference is None or _is_in(part.ref, (log.spell(reference).partition(".")[0],))


def _is_in(ref: str, experiments: Collection[str]) -> bool:
    return ref.partition(".")[0] in experiments


def _take_experiments(base: bytes, kept: bytes, refs: Collection[str], log: "LogFile") -> bytes:
    """Return the text from after, with some experiments as they were before; without them if there were none."""
    old = {one.ref: one for one in log.read_experiments(log.parse(kept))}
    text = bytearray(log.parse(base).text)  # with the line ends that positions refer to
    for experiment in reversed(log.read_experiments(log.parse(base))):
        if experiment.ref in refs:
            before = old.pop(experiment.ref, None)
            text[experiment.begin : experiment.end] = _read_subtree(before) if before is not None else b""
    for ref in [ref for ref in old if ref in refs]:
        if text and not text.endswith(b"\n"):
            text += b"\n"
        text += _read_subtree(old[ref])
    return bytes(text)


def _read_subtree(experiment: Experiment) -> bytes:
    data = experiment.document.text[experiment.begin : experiment.end]
    return data if data.endswith(b"\n") else data + b"\n"


def _read_history(log: "LogFile", repository: Repository, commit: object) -> list[bytes]:
    """Return the log as a commit has it, in a list that is empty if no history of a branch holds the commit."""
    if not is_full_hash(commit):
        return []
    refs = ("refs/heads", "refs/remotes", "refs/tags")
    is_held = repository.read("for-each-ref", "--count=1", f"--contains={commit}", *refs)
    text = read_file_at(repository, commit, log.name) if is_held or is_ancestor(repository, commit, "HEAD") else None
    return [text] if text is not None else []


def _read_elsewhere(log: "LogFile", repository: Repository, without: Collection[str] = ()) -> list[bytes]:
    """Return the versions of the log on branches, but for some of them, and in the other worktrees."""
    versions = read_branch_versions(repository, log.name, without)
    real = os.path.realpath(log.path)
    # What is written there of a file outside of these was not written by orglab.
    logs = {os.path.realpath(top / log.name) for top, _ in list_worktrees(repository)} - {real}
    for seen in [seen for _, seen in _list_seen(repository, log.name) if seen.path in logs]:
        with suppress(OSError):
            versions.append(read_regular(seen.path, _MOST_BYTES))
    return versions


def _read_records(repository: Repository, name: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield the records of losses of a log."""
    files = repository.shared_files.folder(LOSSES)
    for record in files.list_names():
        fields = _read(files, record) if record.endswith(".json") else {}
        is_complete = all(is_full_hash(fields.get(key)) for key in ("commit", "base"))
        if is_complete and isinstance(fields.get("operation"), str) and fields.get("name") == name:
            yield files.path / record, fields


def _read(files: PrivateFolder, name: str) -> dict[str, Any]:
    """Return the fields of a record; none if it cannot be read."""
    import json  # noqa: PLC0415 - a loss is rare

    try:
        fields = json.loads(files.read(name, _MOST_FIELDS) or b"")
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}
