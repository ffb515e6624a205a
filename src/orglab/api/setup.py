"""Making a new log, and its settings file."""

from pathlib import Path

from orglab.config import CONFIG_TEXT
from orglab.log import file

_HEADER = """\
#+TITLE: Experiment log
#+TODO: TODO(t) INPROGRESS(i!) WAIT(w@/!) | DONE(d) CANCELED(c@)
#+STARTUP: overview logdone logdrawer
"""


def create_settings(path: Path, log: Path) -> None:
    """Make a settings file that names a log beside it, and explains the other settings.

    Raises:
        NotWritableError: Something of that name exists, or it cannot be written.
    """
    file.create(path, CONFIG_TEXT.format(log=log.name).encode())


def create_log(path: Path) -> None:
    """Make a new log with its header.

    Raises:
        NotWritableError: Something of that name exists, or it cannot be written.
    """
    file.create(path, _HEADER.encode())
