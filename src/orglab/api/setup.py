"""The methods of `Log` that set it up: creating or adopting it, its settings file, the git hooks, merging."""

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from orglab.api.care import CareMethods
from orglab.config import CONFIG_NAME, DEFAULT_TITLE, JOURNAL_NAME, LOG_NAME, Config, folders, shorten_path
from orglab.errors import NotFoundError, NotReadableError, NotWritableError
from orglab.log.log import LogFile
from orglab.settings.settings_files import find_log, read_settings
from orglab.text import listed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orglab.experiment.adoption import Adoption
    from orglab.git import Repository
    from orglab.git.hook_install import HooksFolder, HookState, Installed
    from orglab.log.merge import Merged
    from orglab.log.move import MovedApart
    from orglab.settings.setting_rules import SettingValue
    from orglab.text import Tell

LOG_HEADER = f"""\
#+TITLE: {DEFAULT_TITLE}
#+TODO: TODO(t) INPROGRESS(i!) WAIT(w@/!) | DONE(d) CANCELED(c@)
#+STARTUP: overview logdone logdrawer
"""
"""The text of a new log."""
_NO_LOGS = ("readme.org", JOURNAL_NAME)
_MOST_FILES = 50


class Chosen(NamedTuple):
    """The log that `orglab init` creates or adopts.

    Attributes:
        path: The file: the one that the user named, an existing log, or the file of a new one.
        config: Its settings.
        is_certain: Whether this is the log; otherwise it is another Org file here, and the user has to agree.
    """

    path: Path
    config: Config
    is_certain: bool


class Initialized(NamedTuple):
    """A log that was created or adopted.

    Attributes:
        adoption: How the existing file is read as a log; None if the log was created.
        settings: The settings file that was created, or None.
    """

    adoption: "Adoption | None"
    settings: Path | None


class HookStatus(NamedTuple):
    """The state of the git hooks.

    Attributes:
        place: The folder where git looks for hooks.
        hooks: The state of each hook.
        interpreter: The Python that the hooks start; None if they are not installed.
        is_there: Whether that Python can be started.
    """

    place: "HooksFolder"
    hooks: "list[HookState]"
    interpreter: Path | None
    is_there: bool


class Attached(NamedTuple):
    """What was set up in git for a log.

    Attributes:
        hooks: The result of installing the git hooks; None if there is no git, or another tool manages the hooks.
        is_left_to_others: Whether another tool manages the hooks of this repository.
        changed: The new or changed files that have git merge the log with orglab.
    """

    hooks: "Installed | None"
    is_left_to_others: bool
    changed: list[Path]


class SetupMethods(CareMethods):
    """The methods of `Log` that set it up, also in git."""

    def init(
        self,
        *,
        with_settings: bool = False,
        tracked: bool = False,
        settings: "Mapping[str, SettingValue] | None" = None,
    ) -> Initialized:
        """Create the log with its header; an existing one is only read.

        In a git repository, a new log is kept apart from the code: its history is the branch `experiment-log`.

        Args:
            with_settings: Whether to also create a settings file, which names the log and explains every setting.
            tracked: Whether the branches of the code are to hold a new log.
            settings: The values of settings in the new settings file, by their names without those of their tables.

        Raises:
            NotWritableError: There is a settings file already, or a file cannot be written.
            GitError: git fails.
        """
        from orglab.git.inside import require_inside
        from orglab.log import file
        from orglab.log.apart import restore_missing
        from orglab.settings.setting_rules import choose_journal, make_config_text

        if self.is_apart and self.repository is not None:
            # What was deleted is not begun again.
            restore_missing(self.repository)
        if not (tracked or os.path.lexists(self.path)):
            self._keep_new_apart()

        place = self.path.parent / CONFIG_NAME
        for path in (self.path, place):
            require_inside(self.repository, path)
        if with_settings and os.path.lexists(place):
            raise NotWritableError(f"{place} already exists; edit it instead.")
        adoption = None
        if os.path.lexists(self.path):
            adoption = self.adopt()
        else:
            file.create(self.path, LOG_HEADER.encode())
            self.record_write()
        if with_settings:
            own = {"id_property": self.config.id_property} if self.config.id_property != "ID" else {}
            file.create(place, make_config_text(self.path.name, {**own, **(settings or {})}).encode())
            if self.config.journal == JOURNAL_NAME:
                self.config = self.config._replace(journal=choose_journal(self.path.name))
        return Initialized(adoption, place if with_settings else None)

    def uses_org_id(self) -> bool:
        """Return whether headings of the log have UUIDs as `:ID:`, as org-id makes them for links between files."""
        from orglab.experiment.check import find_targets
        from orglab.experiment.model import is_uuid

        return any(map(is_uuid, find_targets(self.document().text)))

    def is_tracked(self) -> bool:
        """Return whether the branches of the code hold the log, in the index of git."""
        from orglab.git import is_installed
        from orglab.git.files import is_tracked, path_in

        name = path_in(self.repository, self.path.absolute()) if self.repository is not None else None
        return self.repository is not None and name is not None and is_installed() and is_tracked(self.repository, name)

    def find_missing_setting(self) -> Path | None:
        """Return the settings file that has to name the log, so that commands find it; None if they find it already.

        It may not exist.
        """
        folder = self.path.absolute().parent
        with suppress(NotFoundError):
            if os.path.realpath(find_log(folder)[0]) == os.path.realpath(self.path):
                return None
        return Path(shorten_path(read_settings(os.fspath(folder)).file))

    def _keep_new_apart(self) -> None:
        """Keep a log apart that is about to be created, if it is in a git repository; it may get another name."""
        from orglab.git import is_installed
        from orglab.log.apart import add_apart, choose_names

        repository = self.repository
        if repository is None or not is_installed() or self.path.is_symlink():
            return
        name, journal = choose_names(repository, self.path, self.config.journal)
        add_apart(repository, (name, journal))
        self.rename(self.path.with_name(Path(name).name), os.path.relpath(journal, Path(name).parent))

    def move_apart(self) -> "MovedApart":
        """Move a log that the branches of the code hold to the branch `experiment-log`, with its history.

        The file gets a name that no commit has, because git would overwrite it when it checks such a commit out.  The
        old file is removed from the branch that is checked out, in a commit.

        Raises:
            NotFoundError: The log is not in a git repository.
            UsageError: It is kept apart already.
            GitError: git is in the middle of an operation, or fails.
            NotWritableError: A file cannot be written.
        """
        from orglab.log.move import move_apart

        return move_apart(self)

    def attach(self) -> Attached:
        """Install the git hooks, unless another tool manages them, and have git merge the log with orglab.

        Raises:
            NotWritableError: A file cannot be written.
            GitError: git cannot write its settings.
        """
        from orglab.git import is_installed
        from orglab.git.hook_install import find_hooks_folder
        from orglab.log.merge.driver import install_merge_driver

        if not is_installed():
            return Attached(None, is_left_to_others=False, changed=[])
        repository = self._find_repository()
        is_ours = repository is not None and find_hooks_folder(repository).is_ours
        hooks = self.install_hooks() if is_ours else None
        # Only git merges what its branches hold.
        changed = [] if self.is_apart else install_merge_driver(self)
        return Attached(hooks, repository is not None and not is_ours, changed)

    def install_hooks(self) -> "Installed":
        """Install the git hooks; existing hooks keep running.

        Raises:
            NotFoundError: The log is not in a git repository.
            NotWritableError: The hooks cannot be written.
        """
        import orglab
        from orglab.git.files import path_in
        from orglab.git.hook_install import install_hooks

        repository = self._require_repository()
        folder = os.path.dirname(path_in(repository, Path(os.path.realpath(self.path))) or "")  # noqa: PTH120 - a name
        return install_hooks(repository, sys.executable, Path(orglab.__file__).resolve().parents[1], folder or ".")

    def detach(self) -> list[str]:
        """Remove the git hooks and the merge driver from this clone, and restore the hooks that were there before.

        `.gitattributes` stays, because other clones share it; without a driver, git merges the log as text.

        Returns:
            The names of the restored hooks.

        Raises:
            NotFoundError: The log is not in a git repository.
            NotWritableError: The hooks cannot be removed.
            GitError: git cannot write its configuration.
        """
        from orglab.git.hook_install import uninstall_hooks
        from orglab.git.merge_config import unregister_driver

        repository = self._require_repository()
        restored = uninstall_hooks(repository)
        unregister_driver(repository)
        return restored

    def hook_status(self) -> HookStatus:
        """Return the state of the git hooks.

        Raises:
            NotFoundError: The log is not in a git repository.
        """
        from orglab.git.hook_install import find_hooks_folder, read_hook_states, read_interpreter

        repository = self._require_repository()
        python = read_interpreter(repository)
        is_there = python is not None and os.access(python, os.X_OK)
        return HookStatus(find_hooks_folder(repository), read_hook_states(repository), python, is_there)

    def _find_repository(self) -> "Repository | None":
        """Return the repository that contains the log; if the log is a link, that of the linked file.

        Raises:
            NotWritableError: git tracks that link, and it leads out of the repository.
        """
        from orglab.git import find_repository
        from orglab.git.inside import require_inside

        require_inside(self.repository, self.path)
        return find_repository(Path(os.path.realpath(self.path)).parent)

    def _require_repository(self) -> "Repository":
        repository = self._find_repository()
        if repository is None:
            raise NotFoundError(f"{self.path} is not in a git repository; create one with `git init`.")
        return repository


def find_restored_log(start: Path, given: str | None, tell: "Tell | None" = None) -> tuple[Path, Config]:
    """Return the log and its settings as `find_log` does; a removed one that no commit has is put back before.

    Args:
        start: The folder where the search for the log begins.
        given: The file that the user named, or None.
        tell: Called with a message about what was put back.

    Raises:
        NotFoundError: There is no log.
        NotWritableError: The log cannot be written.
    """
    try:
        log, config = find_log(start, given)
    except NotFoundError:
        from orglab.log.apart import find_journal_setting

        logs = [Path(folder, LOG_NAME) for folder in folders(os.fspath(start))]
        journal = find_journal_setting(start)
    else:
        if os.path.lexists(log):
            return log, config
        logs, journal = [log], config.journal
    from orglab.log.removed_file import restore_uncommitted

    restored = next(filter(None, (restore_uncommitted(path, journal) for path in logs)), [])
    if restored and tell is not None:
        names = listed(shorten_path(os.fspath(path)) for path in restored)
        tell(f"Restored {names}, which had been removed from the working tree, and which no commit has.")
    return find_log(start, given)


def choose_log(given: str | None, tell: "Tell | None" = None) -> Chosen:
    """Return the log to create or adopt in the current folder.

    A fresh clone gets the log of the branch `experiment-log`, if its remote has one.

    Args:
        given: The file that the user named, or None.
        tell: Called with a message if a log was put back.

    Raises:
        GitError: git fails.
        NotWritableError: The log of the branch cannot be written.
    """
    from orglab.log.apart import adopt_branch

    with suppress(NotFoundError):
        find_restored_log(Path(), given, tell)
    try:
        adopt_branch(Path())
        path, config = find_log(Path(), given)
        _tell_refused(config, tell)
        return Chosen(path if given else Path(shorten_path(os.fspath(path))), config, is_certain=True)
    except NotFoundError:
        config = read_settings("").check_journal(LOG_NAME)
        _tell_refused(config, tell)
        other = _find_notebook(config)
    if other is not None:
        return Chosen(other, config, is_certain=False)
    return Chosen(Path(LOG_NAME), Config(), is_certain=True)


def _find_notebook(config: Config) -> Path | None:
    """Return the Org file here that is most likely a log: the one with the most experiments, else the largest.

    A readme or a journal is one only if it has experiments, and no other file has.
    """
    from orglab.experiment.candidate_headings import Finder

    paths = sorted((path for path in Path().glob("*.org") if path.is_file()), key=_read_size, reverse=True)
    amounts: dict[Path, int] = {}
    for path in paths[:_MOST_FILES]:
        log = LogFile(path, config)
        with suppress(NotFoundError, NotReadableError):
            document = log.document()
            found = Finder(document, config, path.name).find()
            certain = sum(len(headings) for kind, headings in found.items() if kind.is_certain)
            amounts[path] = certain + len(log.read_experiments(document))
            is_own = f"[[file:{LOG_NAME}::".encode() in document.text
            if path.name.lower() == JOURNAL_NAME and len(paths) == 1 and found and not is_own:
                return path
    with_some = [path for path, amount in amounts.items() if amount > 0]
    if with_some:
        return max(with_some, key=lambda path: (path.name.lower() not in _NO_LOGS, amounts[path]))
    return next((path for path in paths if path.name.lower() not in _NO_LOGS), None)


def _read_size(path: Path) -> int:
    return path.stat().st_size


def _tell_refused(config: Config, tell: "Tell | None") -> None:
    """Say which settings do not count."""
    if tell is not None:
        for refused in config.refused:
            tell(refused)


def fetch_log(remote: str | None = None) -> bool:
    """Fetch the log of a remote into a clone that has none, as one of a single branch; return whether it has one.

    Args:
        remote: The remote; if None, `origin` or the only one.

    Raises:
        GitError: git refuses, or the remote cannot be reached.
    """
    from orglab.git import find_repository
    from orglab.git.remote import find_default_remote
    from orglab.log.branch_sync import fetch_branch

    repository = find_repository(Path())
    return repository is not None and fetch_branch(repository, remote or find_default_remote(repository)) is not None


def merge_versions(base: Path, ours: Path, theirs: Path, marker_size: int = 7) -> "Merged":
    """Merge three versions of a log into the file `ours`, and return the result.

    Args:
        base: The common ancestor.
        ours: Our version; it is replaced by the result.
        theirs: Their version.
        marker_size: The length of conflict markers.
    """
    from orglab.log.merge.driver import merge_files

    return merge_files(base, ours, theirs, marker_size)
