"""One run of a hook: its commit, its log and its messages."""

import os
import sys
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

from orglab.api import Log
from orglab.git import hook_files
from orglab.git.hook_commit import HookCommit
from orglab.settings.settings_files import find_log, find_settings, has_own_settings
from orglab.text import clean

REFUSED = 10
"""The exit code that stops the commit; after any other failure git goes on."""


def print_message(text: str) -> None:
    """Print a message on standard error, as git does."""
    sys.stderr.write(f"orglab: {clean(text)}\n")


class Hook:
    """One run of a hook, in the top folder of the working tree.

    Attributes:
        commit: The commit that git is making, or has made.
        folder: The folder in which to look for the log, relative to the top.
        arguments: git's arguments for the hook.
    """

    def __init__(self, commit: HookCommit, folder: Path, arguments: Sequence[str]) -> None:
        """Store the arguments; nothing is read."""
        self.commit = commit
        self.folder = folder
        self.arguments = arguments

    @cached_property
    def log(self) -> Log:
        """The log, in the repository that git is working on.

        Raises:
            NotFoundError: There is none.
        """
        start = self.folder if self.folder.is_dir() else Path()
        chosen = os.environ.get("ORGLAB_LOG")
        if chosen:
            # It is relative to the user's folder, and git runs hooks in the top folder.
            chosen = os.fspath(Path(os.environ.get("GIT_PREFIX", "")) / chosen)
        path, config = find_log(start, chosen)
        log = Log(Path(os.path.relpath(path)), config)
        log.repository = self.commit.repository
        return log

    def write_names(self) -> None:
        """Write the names of the log and the journal and the letter for the script, so that it can skip Python."""
        settings = find_settings(os.fspath(self.folder))
        names = self.log.names_in_repository()
        if self.log.is_apart:
            # An absolute name tells the script that no commit of this working tree contains the log.
            names = os.path.abspath(self.log.path), os.path.abspath(self.log.journal)  # noqa: PTH100
        if os.environ.get("ORGLAB_LOG") or has_own_settings():  # the script would not see a change of these
            hook_files.remove_names(self.commit.repository)
            return
        hook_files.write_names(
            self.commit.repository,
            os.path.relpath(settings.path) if settings.table or settings.problem else "",
            *names,
            self.log.config.letter,
        )

    def write_named_references(self, titles: Mapping[str, str]) -> None:
        """Write the references in the message for the script, which prints them after the commit."""
        hook_files.write_named_references(self.commit.repository, titles, ticks=self.log.config.hooks.auto_done)

    def write_initial_message(self, reference: str, text: bytes) -> None:
        """Keep a message that git would not commit as it is, and the reference that was added to it."""
        hook_files.write_initial_message(self.commit.repository, reference, text)

    def read_initial_message(self) -> tuple[str, bytes] | None:
        """Return the reference that was added and the message before that, if git would not commit that message."""
        return hook_files.read_initial_message(self.commit.repository)
