"""Logs that are kept apart: which files they are, how git is made to leave them alone, and how they are put back.

To git an ignored file is expendable: checking out a commit that tracks a file of that name overwrites it, and `git
clean -x` removes it.  So such a log has a name that no commit has, and what git takes away is put back.
"""

import errno
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from orglab.config import (
    APART_NAME,
    ARCHIVE_SUFFIX,
    JOURNAL_SUFFIX,
    LOG_NAME,
    MOST_FILES,
    Apart,
    is_journal,
    is_real_place,
    read_apart,
)
from orglab.errors import NotWritableError
from orglab.git import Repository, find_repository, is_installed
from orglab.git.files import path_in
from orglab.git.log_branch import (
    LOG_BRANCH,
    LOG_REF,
    find_branch_copies,
    find_tip,
    find_tracking_commits,
    list_texts,
    move_ref,
    read_texts,
)
from orglab.git.private_files import NOWHERE, read_regular
from orglab.log import file
from orglab.log.text_guard import TextGuard
from orglab.settings.settings_files import read_settings

_STEMS = ("experiment_log", "experiments")
_COMMENT = f"# The experiment log of orglab; its history is the branch {LOG_BRANCH}."


def find_apart_files(repository: Repository) -> Apart | None:
    """Return the files that are kept apart in a clone, or None."""
    return read_apart(os.fspath(repository.top), os.fspath(repository.git_dir))


def choose_names(repository: Repository, log: Path, journal: str) -> tuple[str, str]:
    """Return names for a log that is to be kept apart, and for its journal, that no commit has.

    Args:
        repository: The repository.
        log: The file that the user would have.
        journal: The journal's file, relative to the log.

    Returns:
        Their paths from the top: the given ones, if no commit has them.
    """
    name = _require_name(repository, log)
    folder = log.parent
    stems = dict.fromkeys((log.stem, *_STEMS))
    names = [log.name, *(f"{stem}.org" for stem in stems), *(f"{log.stem}-{number}.org" for number in range(2, 100))]
    prefix = name.removesuffix(log.name)
    usual = prefix + journal if os.sep not in journal and _is_free(repository, prefix + journal) else None
    for chosen in dict.fromkeys(names):
        if not _is_free(repository, prefix + chosen) or (chosen != log.name and os.path.lexists(folder / chosen)):
            continue
        own = prefix + chosen.removesuffix(".org") + JOURNAL_SUFFIX
        if usual is not None or _is_free(repository, own):
            return prefix + chosen, usual or own
    raise NotWritableError(f"Commits have files of all names that the log could have beside {log}; choose a name.")


def _is_free(repository: Repository, name: str) -> bool:
    """Return whether neither a commit nor the index has a file."""
    staged = repository.at_top.read("ls-files", "--", f":(top,literal){name}")
    return not staged and not find_tracking_commits(repository, name, 1)


def _require_name(repository: Repository, log: Path) -> str:
    """Return the path of a file from the top.

    Raises:
        NotWritableError: The file is a link, outside of the repository, or not an Org file by its name.
    """
    name = path_in(repository, log.absolute())
    if name is None or log.is_symlink():
        raise NotWritableError(f"{log} is a link or outside of the repository, so it cannot be kept apart.")
    if log.suffix != ".org":
        raise NotWritableError(f"{log} cannot be kept apart, because its name does not end in .org; use --tracked.")
    return name


def add_apart(repository: Repository, names: Iterable[str]) -> None:
    """Keep files apart: all worktrees find them, and git ignores them and their archives.

    Args:
        repository: The repository.
        names: The paths from the top.

    Raises:
        NotWritableError: The git directory cannot be written, or git does not ignore the files.
    """
    known = find_apart_files(repository)
    home = Path(known.home) if known is not None else repository.top
    new = [name for name in names if not name.endswith(ARCHIVE_SUFFIX)]
    all_names = tuple(dict.fromkeys((*(known.names if known is not None else ()), *new)))
    if len(all_names) > MOST_FILES:
        raise NotWritableError(f"At most {MOST_FILES} logs and journals can be kept apart in {repository.top}.")
    ignore_files(repository, new)
    try:
        _exclude(repository, all_names)
        _write_apart(repository, home, all_names)
    except OSError as error:
        raise NotWritableError(f"The log cannot be kept apart in {repository.common_dir}: {error.strerror}.") from error


def ignore_files(repository: Repository, names: Iterable[str]) -> None:
    """Have git ignore files that are to be kept apart; after an error, it is as before.

    Raises:
        NotWritableError: The git directory cannot be written, or git does not ignore the files.
    """
    path, names = _exclude_file(repository), list(names)
    try:
        before = _read_exclude(path)
        _exclude(repository, names)
        if (reason := _find_unignored(repository, names)) is not None:
            _write_exclude(path, before)
            raise NotWritableError(reason)
    except OSError as error:
        raise NotWritableError(f"The log cannot be kept apart in {repository.common_dir}: {error.strerror}.") from error


def replace_apart(repository: Repository, renamed: dict[str, str]) -> None:
    """Give files that are kept apart other names; git ignores both.

    Raises:
        OSError: The git directory cannot be written.
    """
    known = find_apart_files(repository)
    if known is not None:
        _exclude(repository, renamed.values())
        _write_apart(repository, Path(known.home), tuple(renamed.get(name, name) for name in known.names))


def follow_move(repository: Repository, path: Path) -> bool:
    """Keep a log apart under its new path, if its folder was moved, as by `git mv`; return whether it was.

    Its journal and its archive go with it.

    Args:
        repository: The repository.
        path: A log that is not kept apart under this path.

    Raises:
        OSError: The git directory cannot be written.
    """
    apart, new = find_apart_files(repository), path_in(repository, path.absolute())
    if apart is None or new is None:
        return False
    for name in apart.names:
        old = Path(apart.home) / name
        if os.path.lexists(old) or not TextGuard(repository, old).is_link_of(path):
            continue
        before, after = (one.rpartition("/")[0] for one in (name, new))
        renamed = {name: new}
        for journal in apart.names:
            moved = f"{after}/{journal.rpartition('/')[2]}".lstrip("/")
            is_beside = is_journal(journal) and journal.rpartition("/")[0] == before
            if is_beside and not os.path.lexists(Path(apart.home) / journal):
                renamed[journal] = moved
        replace_apart(repository, renamed)
        for one in (path, path.with_name(path.name + ARCHIVE_SUFFIX)):
            TextGuard(repository, one).record()
        return True
    return False


def _write_apart(repository: Repository, home: Path, names: Iterable[str]) -> None:
    folder = repository.shared_folder
    _require_folder(folder)
    relative = os.path.relpath(os.path.realpath(home), os.path.realpath(repository.common_dir))
    _write_new(folder / APART_NAME, "\n".join((relative, *names)) + "\n")


def _require_folder(folder: Path) -> None:
    """Make a folder of the git directory, if it is not there.

    Raises:
        OSError: It cannot be made, or is a link.
    """
    if folder.is_symlink() or folder.parent == NOWHERE:
        raise OSError(errno.ELOOP, f"{folder.name} is a link")
    folder.mkdir(exist_ok=True)


def _write_new(path: Path, text: str, mode: int | None = None) -> None:
    """Replace a file of the git directory at once; a link of its name, or of that of the new file, is not followed."""
    new = path.with_name(f"{path.name}.{os.urandom(6).hex()}")
    try:
        with new.open("x", encoding="utf-8", errors="surrogateescape") as written:
            written.write(text)
        if mode is not None:
            new.chmod(mode)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def _exclude(repository: Repository, names: Iterable[str]) -> None:
    """Have git ignore files in this clone, without a word in a file that others share (gitignore(5)).

    Raises:
        OSError: The file cannot be written.
    """
    path = _exclude_file(repository)
    _require_folder(path.parent)
    before = _read_exclude(path)
    lines = []
    for name in names:
        folder, _, base = name.rpartition("/")
        prefix = f"/{_escape(folder)}/" if folder else "/"
        lines.append(prefix + _escape(base))
        if not is_journal(name):
            # The archive, and the files that stand beside the log while it is written.
            lines += [prefix + _escape(base + ARCHIVE_SUFFIX), f"{prefix}.{_escape(base)}.orglab-*"]
            lines.append(f"{prefix}.#{_escape(base)}")  # while Emacs has unsaved changes
    new = [line for line in lines if line not in before.split("\n")]
    if new:
        begin = before if not before or before.endswith("\n") else before + "\n"
        comment = [] if _COMMENT in before else [_COMMENT]
        _write_exclude(path, begin + "".join(f"{line}\n" for line in (*comment, *new)))


def _exclude_file(repository: Repository) -> Path:
    return repository.common_dir / "info" / "exclude"


def _read_exclude(path: Path) -> str:
    return read_regular(path, follow=True).decode("utf-8", "surrogateescape") if os.path.lexists(path) else ""


def _write_exclude(path: Path, text: str) -> None:
    """Replace the file at once, with its mode; what a link leads to is left alone.

    Raises:
        OSError: It is a link, or cannot be written.
    """
    if path.is_symlink():
        raise OSError(errno.ELOOP, "info/exclude is a link")
    _write_new(path, text, stat.S_IMODE(path.stat().st_mode) if path.exists() else None)


def _find_unignored(repository: Repository, names: Iterable[str]) -> str | None:
    """Return why git does not ignore one of some files, which may not exist yet; None if it ignores all of them.

    A `.gitignore` has precedence over the file of the clone (gitignore(5)).
    """
    listed = "".join(f"{name}\0" for name in names)
    printed = repository.at_top.read(
        "check-ignore", "--no-index", "--verbose", "-z", "--stdin", stdin=os.fsencode(listed)
    )
    words = os.fsdecode(printed or b"").split("\0")
    for source, line, pattern, name in zip(words[::4], words[1::4], words[2::4], words[3::4], strict=False):
        if pattern.startswith("!"):
            return (
                f"{name} cannot be kept apart, because git does not ignore it: line {line} of {source} is `{pattern}`. "
                "Remove that line, or use `orglab init --tracked`, so that the branches of the code hold the log."
            )
    return None


def _escape(name: str) -> str:
    """Return the pattern that matches exactly this name."""
    return "".join(f"\\{char}" if char in "\\*?[]!# " else char for char in name)


def adopt_branch(start: Path) -> list[Path]:
    """Put the logs of the branch `experiment-log` into the working tree of a clone that does not have them yet.

    A fresh clone has the branch of its remote.  Files that exist, or that a commit has, are left alone.

    Args:
        start: A folder in the repository.

    Returns:
        The files; none if there is no such branch, or it holds no log.

    Raises:
        GitError: git fails.
        NotWritableError: A file cannot be written.
    """
    repository = find_repository(start)
    if repository is None or find_apart_files(repository) is not None or not is_installed():
        return []
    own, copies = find_tip(repository, LOG_REF), find_branch_copies(repository)
    origin = copies.get(f"refs/remotes/origin/{LOG_BRANCH}")
    commit = own or origin or next(iter(copies.values()), None)
    if commit is None:
        return []
    listed = [name for name in list_texts(repository, commit) if name.endswith((".org", ARCHIVE_SUFFIX))]
    if len(listed) > MOST_FILES:
        return []
    home = os.fspath(repository.top)
    names = [name for name in listed if is_real_place(home, name) and _is_free(repository, name)]
    if not any(name.endswith(".org") and not is_journal(name) for name in names):
        return []
    journals = name_journals(repository, names, find_journal_setting(start))
    if len({*names, *journals}) > MOST_FILES:
        return []
    texts = read_texts(repository, commit, names)
    if own is None:
        move_ref(repository, LOG_REF, commit, None)
    add_apart(repository, [*names, *journals])
    written = write_missing(repository, repository.top, {name: texts[name] for name in names})
    for path in written:
        TextGuard(repository, path).set_base(commit)
    return written


def find_journal_setting(start: Path) -> str:
    """Return the setting `journal` for a folder."""
    return read_settings(os.fspath(start)).check_journal(os.fspath(start / LOG_NAME)).journal


def name_journals(repository: Repository, names: Iterable[str], journal: str) -> list[str]:
    """Return the paths of the journals that logs which are kept apart may get, besides those that they have.

    Args:
        repository: The repository.
        names: The paths of logs and journals.
        journal: The setting `journal`.
    """
    known, journals = set(names), []
    for name in known:
        own = name.removesuffix(".org") + JOURNAL_SUFFIX
        if is_journal(name) or own in known:
            continue
        usual = f"{name.rpartition('/')[0]}/{journal}".lstrip("/")
        is_usual = os.sep not in journal and (usual in known or _is_free(repository, usual))
        journals.append(usual if is_usual else own)
    return journals


def write_missing(repository: Repository, home: Path, texts: dict[str, bytes]) -> list[Path]:
    """Write those of some files that are missing, and return them.

    Raises:
        NotWritableError: One cannot be written.
    """
    written = []
    for name, data in texts.items():
        path = home / name
        if os.path.lexists(path) or not is_real_place(os.fspath(home), name):
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        file.create(path, data)
        TextGuard(repository, path).record()
        written.append(path)
    return written


def restore_missing(repository: Repository) -> list[Path]:
    """Put back the files kept apart that are gone, as after `git clean -x`, and the archives; return them.

    Each gets the text that it had when orglab last looked, with what an editor had saved since, or else that of its
    branch.  If the worktree that had the files is gone, they go into the main one, or else into this one.

    Raises:
        GitError: git fails.
        NotWritableError: A file cannot be written.
    """
    apart = find_apart_files(repository)
    if apart is None:
        return []
    home = Path(apart.home)
    if not (home / ".git").exists():
        main = repository.common_dir.parent
        home = main if repository.common_dir.name == ".git" and main.is_dir() else repository.top
        try:
            _write_apart(repository, home, apart.names)
        except OSError as error:
            raise NotWritableError(f"{repository.common_dir} cannot be written: {error.strerror}.") from error
    archives = [name + ARCHIVE_SUFFIX for name in apart.names if not is_journal(name)]
    missing = [name for name in (*apart.names, *archives) if not os.path.lexists(home / name)]
    if not missing:
        return []
    tip = find_tip(repository, LOG_REF) if is_installed() else None
    saved = read_texts(repository, tip, missing) if tip is not None else {}
    kept = {name: TextGuard(repository, Path(apart.home) / name).read_kept() for name in missing}
    texts = {name: text for name in missing if (text := kept[name] or saved.get(name)) is not None}
    return write_missing(repository, home, texts)
