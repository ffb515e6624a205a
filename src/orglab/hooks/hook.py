"""One hook that git runs: where, about which log, and how it speaks."""

import os
import sys
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

from orglab.api import Log
from orglab.config import find_log, find_settings
from orglab.git.hook_commit import HookCommit
from orglab.git.hook_files import forget_names, write_named_references, write_names
from orglab.text import clean

REFUSED = 10
"""The exit code of a refusal; any other failure lets git go on."""


def print_message(text: str) -> None:
    """Say something; hooks speak on standard error, where git itself does."""
    sys.stderr.write(f"orglab: {clean(text)}\n")


class Hook:
    """One hook that git runs, in the top of the working tree.

    Attributes:
        commit: The commit that git is making, or has made.
        folder: Where the log is looked for, relative to the top.
        arguments: What git gives the hook.
    """

    def __init__(self, commit: HookCommit, folder: Path, arguments: Sequence[str]) -> None:
        """Stand for the hook; nothing is read."""
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
        given = os.environ.get("ORGLAB_LOG")
        if given:
            # It was said where the user is, and git has gone to the top.
            given = os.fspath(Path(os.environ.get("GIT_PREFIX", "")) / given)
        path, config = find_log(start, given)
        log = Log(Path(os.path.relpath(path)), config)
        log.repository = self.commit.repository
        return log

    def tell_names(self) -> None:
        """Tell the script what the log, the journal and the letter are, so that it need not ask again."""
        settings, table = find_settings(os.fspath(self.folder))
        names = self.log.names_in_repository()
        if os.environ.get("ORGLAB_LOG"):
            forget_names(self.commit.repository)
            return
        write_names(self.commit.repository, os.path.relpath(settings) if table else "", *names, self.log.config.letter)

    def tell_said(self, titles: Mapping[str, str]) -> None:
        """Tell the script what the message names, for it to say after the commit."""
        write_named_references(self.commit.repository, titles, ticks=self.log.config.hooks.auto_done)
