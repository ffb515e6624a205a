"""What every front door calls: `Log`, with a method for each command.

A method reads or writes, and returns plain values; how they are shown is the caller's business.  What a method needs
is imported when it is called.
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

    Every reading method reads the file anew; every writing method replaces it
    durably, under a lock, and returns the model's values as they stand afterwards.

    Attributes:
        path: The file.
        config: The settings.
        anyway: Whether to write although an editor holds unsaved changes.
    """


def open_log(
    path: str | os.PathLike[str] | None = None, *, start: str | os.PathLike[str] = ".", anyway: bool = False
) -> Log:
    """Return the experiment log.

    Args:
        path: The file; found from `start` if None, as the command line finds it.
        start: The folder to look from.
        anyway: Whether to write although an editor holds unsaved changes.

    Raises:
        NotFoundError: There is none.
    """
    found, config = find_log(Path(start), os.fspath(path) if path is not None else None)
    try:
        found.lstat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFoundError(f"There is no file {found}; make it with `orglab init`.") from error
    except OSError:
        pass  # reading will say what is the matter
    return Log(found, config, anyway=anyway)
