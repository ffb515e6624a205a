"""Beginning with a log: made or adopted, its settings file, the git hooks, merging in git."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from orglab.api.care import CareMethods
from orglab.config import CONFIG_NAME, LOG_NAME, Config, find_log, shorten_path
from orglab.errors import NotFoundError, NotWritableError

if TYPE_CHECKING:
    from orglab.experiment.adoption import Adoption
    from orglab.git import Repository
    from orglab.git.hook_install import HooksFolder, HookState, Installed
    from orglab.log.merge import Merged

_HEADER = """\
#+TITLE: Experiment log
#+TODO: TODO(t) INPROGRESS(i!) WAIT(w@/!) | DONE(d) CANCELED(c@)
#+STARTUP: overview logdone logdrawer
"""
_NO_LOGS = ("readme.org", "journal.org")


class Chosen(NamedTuple):
    """Which log is to be made or adopted.

    Attributes:
        path: The file: the one named, the one found, or that of a new log.
        config: Its settings.
        is_certain: Whether it is meant; else it is the likeliest of several files, which someone has to name.
    """

    path: Path
    config: Config
    is_certain: bool


class Initialized(NamedTuple):
    """A log that was made or adopted.

    Attributes:
        adoption: What is understood of a log that was there; None of one that was made.
        settings: The settings file that was made, or None.
    """

    adoption: "Adoption | None"
    settings: Path | None


class HookStatus(NamedTuple):
    """How it stands with the git hooks.

    Attributes:
        place: Where git takes them from.
        hooks: Each hook.
        interpreter: What they start, or None if they are not installed.
        is_there: Whether that can be started.
    """

    place: "HooksFolder"
    hooks: "list[HookState]"
    interpreter: Path | None
    is_there: bool


class Attached(NamedTuple):
    """What ties a repository to its log.

    Attributes:
        hooks: How the git hooks were installed; None if they were not, for there is no git, or others write them.
        is_left_to_others: Whether others write the hooks of this repository.
        changed: The files that tell git to merge the log by orglab, and are new or changed.
    """

    hooks: "Installed | None"
    is_left_to_others: bool
    changed: list[Path]


class SetupMethods(CareMethods):
    """The methods of `Log` that make it, and tie it to git."""

    def init(self, *, with_settings: bool = False) -> Initialized:
        """Make the log with its header, or if it is there, read it; it is not changed then.

        Args:
            with_settings: Whether to make a settings file beside it, which names it and explains the other settings.

        Raises:
            NotWritableError: There is a settings file already, or something cannot be written.
        """
        from orglab.config import CONFIG_TEXT
        from orglab.log import file

        settings = self.path.parent / CONFIG_NAME
        if with_settings and os.path.lexists(settings):
            raise NotWritableError(f"{settings} is here already, so it is left as it is; edit it.")
        adoption = None
        if os.path.lexists(self.path):
            adoption = self.adopt()
        else:
            file.create(self.path, _HEADER.encode())
        if with_settings:
            file.create(settings, CONFIG_TEXT.format(log=self.path.name).encode())
        return Initialized(adoption, settings if with_settings else None)

    def attach(self) -> Attached:
        """Install the git hooks, if they are this clone's own, and have git merge the log by orglab.

        Raises:
            NotWritableError: Something cannot be written.
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
        return Attached(hooks, repository is not None and not is_ours, install_merge_driver(self))

    def install_hooks(self) -> "Installed":
        """Install the git hooks that look after the log, beside those that are there.

        Raises:
            NotFoundError: The log is not in a git repository.
            NotWritableError: They cannot be written.
        """
        import orglab
        from orglab.git.files import path_in
        from orglab.git.hook_install import install_hooks

        repository = self._require_repository()
        folder = os.path.dirname(path_in(repository, Path(os.path.realpath(self.path))) or "")  # noqa: PTH120 - a name
        return install_hooks(repository, sys.executable, Path(orglab.__file__).resolve().parents[1], folder or ".")

    def uninstall_hooks(self) -> list[str]:
        """Take the git hooks away, put back what was there before, and return the names of that.

        Raises:
            NotFoundError: The log is not in a git repository.
            NotWritableError: They cannot be taken away.
        """
        from orglab.git.hook_install import uninstall_hooks

        return uninstall_hooks(self._require_repository())

    def hook_status(self) -> HookStatus:
        """Return how it stands with the git hooks.

        Raises:
            NotFoundError: The log is not in a git repository.
        """
        from orglab.git.hook_install import find_hooks_folder, read_hook_states, read_interpreter

        repository = self._require_repository()
        python = read_interpreter(repository)
        is_there = python is not None and os.access(python, os.X_OK)
        return HookStatus(find_hooks_folder(repository), read_hook_states(repository), python, is_there)

    def _find_repository(self) -> "Repository | None":
        """Return the repository whose hooks are meant: that of the file, wherever a link to it lies."""
        from orglab.git import find_repository

        return find_repository(Path(os.path.realpath(self.path)).parent)

    def _require_repository(self) -> "Repository":
        found = self._find_repository()
        if found is None:
            raise NotFoundError(f"{self.path} is not in a git repository; create one with `git init`.")
        return found


def choose_log(given: str | None) -> Chosen:
    """Return which log is to be made or adopted in the current folder.

    Args:
        given: The file that the user names, or None.

    Raises:
        UsageError: A settings file cannot be read.
    """
    try:
        path, config = find_log(Path(), given)
        return Chosen(path if given else Path(shorten_path(os.fspath(path))), config, is_certain=True)
    except NotFoundError:
        others = sorted(path for path in Path().glob("*.org") if path.name.lower() not in _NO_LOGS and path.is_file())
    if others:
        return Chosen(max(others, key=lambda path: path.stat().st_size), Config(), is_certain=False)
    return Chosen(Path(LOG_NAME), Config(), is_certain=True)


def merge_versions(base: Path, ours: Path, theirs: Path, marker_size: int = 7) -> "Merged":
    """Merge the versions of a log in three files into that of `ours`, and return what came of it.

    Args:
        base: The version that both grew from.
        ours: Our version; replaced.
        theirs: Theirs.
        marker_size: How long conflict markers are.
    """
    from orglab.log.merge.driver import merge_files

    return merge_files(base, ours, theirs, marker_size)
