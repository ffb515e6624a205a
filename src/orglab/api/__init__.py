"""The API: `Log`, with a method for each command.

Methods return plain values and print nothing; the caller decides how to show them.  Each method imports what it needs
when it is called.
"""

import os
from pathlib import Path

from orglab.api.ask import AskMethods
from orglab.api.commit_rules import CommitMethods
from orglab.api.share import ShareMethods
from orglab.api.status import StatusMethods
from orglab.config import find_log
from orglab.errors import NotFoundError

__all__ = ["Log", "open_log"]


class Log(CommitMethods, AskMethods, ShareMethods, StatusMethods):
    """One experiment log, with a method for each command.

    Each reading method reads the file again. Each writing method replaces the file
    durably, under a lock, and returns what the log holds afterwards.

    Attributes:
        path: The file.
        config: The settings.
        anyway: Whether to write although an editor holds unsaved changes.
    """


def open_log(
    path: str | os.PathLike[str] | None = None, *, start: str | os.PathLike[str] = ".", anyway: bool = False
) -> Log:
    """Open the experiment log.

    Args:
        path: The file; if None, it is found from `start`, as on the command line.
        start: The folder where the search begins.
        anyway: Whether to write although an editor holds unsaved changes.

    Raises:
        NotFoundError: There is no log.
    """
    log_path, config = find_log(Path(start), os.fspath(path) if path is not None else None)
    try:
        log_path.lstat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFoundError(f"There is no file {log_path}; create it with `orglab --log {log_path} init`.") from error
    except OSError:
        pass  # Reading the log will report it.
    return Log(log_path, config, anyway=anyway)
