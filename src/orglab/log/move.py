"""Moving a log that the branches of the code hold to a branch of its own, with its history."""

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from orglab.config import ARCHIVE_SUFFIX, JOURNAL_SUFFIX, is_journal
from orglab.errors import GitError, NotFoundError, UsageError
from orglab.experiment.missing_parts import find_nearest
from orglab.git import Repository
from orglab.git.files import is_tracked, path_in, read_file_at
from orglab.git.inside import find_tracked_link, require_inside
from orglab.git.log_branch import (
    LOG_BRANCH,
    LOG_REF,
    Version,
    find_tip,
    find_tracking_commits,
    is_in_commit,
    read_file_versions,
    read_texts,
    save_texts,
)
from orglab.git.worktree import commit_paths, find_operation
from orglab.lock import held
from orglab.log import file
from orglab.log.apart import add_apart, choose_names, find_apart_files, ignore_files, replace_apart
from orglab.log.text_guard import TextGuard

if TYPE_CHECKING:
    from orglab.log.log import LogFile


_MESSAGE = f"Move the experiment log to the branch {LOG_BRANCH}"
_TRIES = 5
_LOCK_SECONDS = 30.0


class MovedApart(NamedTuple):
    """A log that was moved.

    Attributes:
        path: The file now.
        old: The file before.
        versions: How many versions its history has.
        commit: The short hash of the commit that removed the old file from the branch; None if git did not track it.
    """

    path: Path
    old: Path
    versions: int
    commit: str | None


def move_apart(log: "LogFile") -> MovedApart:
    """Move a log and its journal to the branch `experiment-log`; see `api.setup.SetupMethods.move_apart`."""
    repository = log.repository
    if repository is None:
        raise NotFoundError(f"{log.path} is not in a git repository; create one with `git init`.")
    with hold_files(log):
        return _move_again(log, repository) if log.is_apart else _move_tracked(log, repository)


@contextmanager
def hold_files(log: "LogFile") -> Iterator[None]:
    """Let no other orglab process write the files of a log for the duration of a `with` block.

    What it would write into a file that is about to be removed would be lost.

    Raises:
        NotWritableError: Another process did not finish in time.
    """
    with ExitStack() as stack:
        for path in dict.fromkeys(
            os.path.realpath(one) for one in (log.path, log.journal) if find_tracked_link(log.repository, one) is None
        ):
            if os.path.lexists(path):
                stack.enter_context(held(path, _LOCK_SECONDS))
        yield


def _move_tracked(log: "LogFile", repository: Repository) -> MovedApart:
    """Move a log that the branches of the code may hold."""
    if (operation := find_operation(repository)) is not None:
        raise GitError(f"git is in the middle of {operation}; finish that first.")
    document = log.document()
    document.require_no_conflict()
    name, journal = choose_names(repository, log.path, log.config.journal)
    for path, _ in _list_files(log, name, journal):
        require_inside(repository, path)
    ignore_files(repository, (name, journal))
    home, old = repository.top, log.path
    renamed = {
        old_name: new
        for path, new in _list_files(log, name, journal)
        if (old_name := path_in(repository, path.absolute())) is not None and os.path.lexists(path)
    }
    tracked = [one for one in renamed if is_tracked(repository, one)]
    before = {one: (home / one).read_bytes() for one in renamed}
    texts = {new: _change_links(before[one], renamed) for one, new in renamed.items()}
    tip, history = find_tip(repository, LOG_REF), list(_read_history(repository, list(renamed)))
    saved = {one: data for version in history for one, data in version.files.items()}
    versions = [*history, *_rename(renamed, saved, before, texts, f"log: moved to {name}")]
    if save_texts(repository, LOG_REF, tip, *versions) is None:
        raise GitError(f"{LOG_BRANCH} was changed by another process; run the command again.")
    add_apart(repository, (name, journal))
    for one, new in renamed.items():
        if one == new:
            continue
        file.create(home / new, texts[new])
    for one, new in renamed.items():
        TextGuard(repository, home / new).record()
        if one != new:
            (home / one).unlink()
    commit = commit_paths(repository, _MESSAGE, tracked) if tracked else None
    log.rename(old.with_name(Path(name).name), os.path.relpath(journal, Path(name).parent))
    return MovedApart(log.path, old, len(versions), commit.short if commit else None)


def _move_again(log: "LogFile", repository: Repository) -> MovedApart:
    """Give a log that is kept apart another name, because commits have a file of its name.

    Raises:
        UsageError: No commit has one.
    """
    if not find_tracking_commits(repository, log.name, 1):
        raise UsageError(f"{log.path} is kept apart already, on the branch {LOG_BRANCH}.")
    old = log.path
    home = TextGuard(repository, old).repository
    rename_apart(log, repository, home, log.read_file().data)
    if not is_tracked(home, path_in(home, old.absolute()) or ""):
        old.unlink()
    return MovedApart(log.path, old, 1, None)


def rename_apart(log: "LogFile", repository: Repository, home: Repository, data: bytes) -> None:
    """Give a log that is kept apart a name that no commit has; the old file is left alone.

    The caller holds its files; see `hold_files`.

    Args:
        log: The log; it goes on with the new file.
        repository: The repository.
        home: The same, in the worktree that has the file.
        data: The text of the log.

    Raises:
        NotWritableError: A file cannot be written.
        OSError: The git directory cannot be written.
    """
    new_name, _ = choose_names(home, home.top / log.name, log.config.journal)
    renamed, texts = {log.name: new_name}, {new_name: data}
    journal = f"{log.name.rpartition('/')[0]}/{log.config.journal}".lstrip("/")
    path = home.top / journal
    is_hit = is_in_commit(home, "HEAD", journal)
    if is_hit or journal.endswith(JOURNAL_SUFFIX):
        # Its name follows that of the log.
        renamed[journal] = new_name.removesuffix(".org") + JOURNAL_SUFFIX
        text = _read_own(repository, path, is_hit=is_hit)
        texts |= {renamed[journal]: text} if text is not None else {}
    archive, old_archive = log.name + ARCHIVE_SUFFIX, home.top / (log.name + ARCHIVE_SUFFIX)
    has_archive_hit = is_in_commit(home, "HEAD", archive)
    text = _read_own(repository, old_archive, is_hit=has_archive_hit)
    if text is not None:
        renamed[archive] = new_name + ARCHIVE_SUFFIX
        texts[renamed[archive]] = text
    old_name = log.name
    _create_renamed(repository, home.top, renamed, texts)
    # From here on, nothing may leave the command writing into the file that git has put in the log's place.
    log.rename(home.top / new_name, Path(renamed.get(journal, log.config.journal)).name)
    for old, is_of_git in ((path, is_hit or journal not in renamed), (old_archive, has_archive_hit)):
        if not is_of_git:
            with suppress(OSError):
                old.unlink()
    with suppress(GitError):  # what is not saved now is saved by the next command
        _save_renamed(repository, renamed, texts, f"log: renamed to {new_name}, because a commit has {old_name}")


def follow_rename(log: "LogFile", repository: Repository) -> bool:
    """Go on with the new file of a log that another process has just given another name; return whether it has.

    The caller holds its files; see `hold_files`.
    """
    apart = find_apart_files(repository)
    if apart is None or log.name in apart.names:
        return False
    folder = log.name.rpartition("/")[0]
    beside = [name for name in apart.names if name.rpartition("/")[0] == folder]
    logs = [Path(apart.home, name) for name in beside if not is_journal(name) and Path(apart.home, name).is_file()]
    if not logs:
        return False
    # If there are several, it is the one with the text that this log had.
    kept = TextGuard(repository, log.path).read_kept() or b""
    texts = {one: file.read(one).data for one in logs}
    path = next(one for one, text in texts.items() if text is find_nearest([*texts.values()], kept))
    own = path.name.removesuffix(".org") + JOURNAL_SUFFIX
    log.rename(path, own if f"{folder}/{own}".lstrip("/") in beside else log.config.journal)
    return True


def _create_renamed(repository: Repository, top: Path, renamed: dict[str, str], texts: dict[str, bytes]) -> None:
    """Create files that are kept apart under their new names; after an error, there is none of them.

    Raises:
        NotWritableError: A file cannot be written.
        OSError: The git directory cannot be written.
    """
    with ExitStack() as undo:
        for name, text in texts.items():
            file.create(top / name, text)
            undo.callback((top / name).unlink, missing_ok=True)
        replace_apart(repository, renamed)
        undo.pop_all()
    for name in texts:
        TextGuard(repository, top / name).record()


def _save_renamed(repository: Repository, renamed: dict[str, str], texts: dict[str, bytes], message: str) -> None:
    """Give files new names in the branch, unless other processes change it all the time.

    Raises:
        GitError: git fails.
    """
    before = {old: texts[new] for old, new in renamed.items() if new in texts}
    for _ in range(_TRIES):
        tip = find_tip(repository, LOG_REF)
        saved = read_texts(repository, tip, list(renamed)) if tip is not None else {}
        if save_texts(repository, LOG_REF, tip, *_rename(renamed, saved, before, texts, message)) is not None:
            return


def _read_own(repository: Repository, path: Path, *, is_hit: bool) -> bytes | None:
    """Return the text of a file that is kept apart, or None; with `is_hit`, git has checked out another one over it."""
    is_hit = is_hit or find_tracked_link(repository, path) is not None
    return TextGuard(repository, path).read_kept() if is_hit or not path.exists() else path.read_bytes()


def _list_files(log: "LogFile", name: str, journal: str) -> list[tuple[Path, str]]:
    """Return the files of a log, each with its new path from the top."""
    archive = log.path.with_name(log.path.name + ARCHIVE_SUFFIX)
    return [(log.path, name), (log.journal, journal), (archive, name + ARCHIVE_SUFFIX)]


def _change_links(data: bytes, renamed: dict[str, str]) -> bytes:
    """Return a text whose links to renamed files beside it lead to their new names."""
    for old, new in renamed.items():
        before, after = (os.fsencode(Path(one).name) for one in (old, new))
        if before != after:
            data = re.sub(rb"(\[\[file:(?:\./)?)%s(?=::|\])" % re.escape(before), rb"\g<1>" + after, data)
    return data


def _rename(
    renamed: dict[str, str], saved: dict[str, bytes], before: dict[str, bytes], texts: dict[str, bytes], message: str
) -> list[Version]:
    """Return the commits that give files their new names; the last one changes little else, so that git sees a rename.

    Args:
        renamed: The new path of each file, by the old one.
        saved: The texts that the branch has under the old names.
        before: The texts now, under the old names.
        texts: The texts under the new names.
        message: The message of the last commit.
    """
    gone = tuple(old for old, new in renamed.items() if old != new)
    changed = {old: before[old] for old in gone if old in before and before[old] != saved.get(old)}
    earlier = [Version("log: before the new name", changed)] if changed else []
    return [*earlier, Version(message, texts, gone if saved or earlier else ())]


def _read_history(repository: Repository, paths: list[str]) -> Iterator[Version]:
    """Yield the versions of some files on HEAD, oldest first, as commits of the new branch, by their authors."""
    for commit in read_file_versions(repository, paths):
        files = {path: data for path in paths if (data := read_file_at(repository, commit.hash, path)) is not None}
        if files:
            yield Version(commit.message, files, author=commit.author)
