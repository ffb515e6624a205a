"""Where things are: settings, log, git directory, active step.  Found as text, by what starts at once.

`pathlib`, `dataclasses` and `typing` cost as much time as starting Python; what answers from the index and what
completes a word for the shell cannot wait for them.
"""

import os

from orglab.errors import NotFoundError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

LOG_NAME = "experiment_log.org"
CONFIG_NAME = "orglab.toml"
TERMS_NAME = "orglab-terms.txt"


def find_settings(start: str) -> "tuple[str, Mapping[str, object]]":
    """Return the nearest settings file and the table that it holds; an empty one if there is no such file.

    Args:
        start: The folder to look from, upwards to the root of its git repository.

    Raises:
        NotFoundError: The folder is no more.
        UsageError: The file cannot be read.
    """
    for folder in folders(start):
        own = os.path.join(folder, CONFIG_NAME)
        if os.path.isfile(own):
            return own, _read_toml(own)
        project = os.path.join(folder, "pyproject.toml")
        # A look at the bytes saves most commands the import of the TOML parser.
        if os.path.isfile(project) and b"tool.orglab" in _read(project):
            tool = _read_toml(project).get("tool")
            table = tool.get("orglab") if isinstance(tool, dict) else None
            if isinstance(table, dict):
                return project, table
    return os.path.join(start, CONFIG_NAME), {}


def find_log_file(start: str, given: str | None, named: str | None) -> str | None:
    """Return the log that a command in the folder `start` is about, or None if there is none.

    Args:
        start: The folder.
        given: What `--log` says, if it is there; else `ORGLAB_LOG` is asked.
        named: What the settings say, joined to the folder they stand in.
    """
    explicit = given or os.environ.get("ORGLAB_LOG") or named
    if explicit:
        return explicit
    places = (os.path.join(folder, LOG_NAME) for folder in folders(start))
    return next((place for place in places if os.path.lexists(place)), None)


def folders(start: str) -> list[str]:
    """Return the folder `start` and those above it, up to the root of its git repository.

    Raises:
        NotFoundError: The folder is no more.
    """
    try:
        folder = start if os.path.isabs(start) else os.path.join(os.getcwd(), start)
    except FileNotFoundError:
        raise NotFoundError("The current folder has been removed; go to one that exists.") from None
    # As pathlib has it: `a/..` stays, for `a` may be a symbolic link.
    folder = os.sep + os.sep.join(part for part in folder.split(os.sep) if part not in ("", "."))
    found = [folder]
    while not os.path.lexists(os.path.join(folder, ".git")) and os.path.dirname(folder) != folder:
        folder = os.path.dirname(folder)
        found.append(folder)
    return found


def find_git_dir(folder: str) -> tuple[str, str] | None:
    """Return the top of the repository that a folder lies in, and its git directory; None if it lies in none.

    It is found as git finds it, by a `.git` that is a folder, or a file that
    names one (in a worktree or submodule); to ask git itself costs 5 ms.
    """
    folder = os.path.join(os.getcwd(), folder)
    while True:
        git_dir = _git_dir(os.path.join(folder, ".git"))
        if git_dir is not None:
            return folder, git_dir
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above


def _git_dir(place: str) -> str | None:
    """Return the git directory that `.git` is or names, or None."""
    if os.path.isfile(os.path.join(place, "HEAD")):
        return place
    try:
        named = b""
        if os.path.isfile(place):
            with open(place, "rb") as file:
                named = file.read()
    except OSError:
        return None
    if not named.startswith(b"gitdir: "):
        return None
    return os.path.join(os.path.dirname(place), os.fsdecode(named.removeprefix(b"gitdir: ").rstrip(b"\r\n")))


def active_file(log: str, git_dir: str | None) -> str:
    """Return the file that holds the active step: of the clone, or without git in the user's state folder."""
    if git_dir is not None:
        return os.path.join(git_dir, "orglab", "active")
    state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    # A user without a home, as in some containers: nothing is there, and nothing can be written.
    state = os.devnull if state.startswith("~") else state
    return os.path.join(state, "orglab", os.path.realpath(log).replace(os.sep, "%")[-200:], "active")


def read_active(path: str) -> str | None:
    """Return the reference that a file of the active step holds, such as `e201.1`, or None."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip() or None
    except OSError:
        return None


def as_seen_from_here(path: str) -> str:
    """Return a path as a person in this folder would write it: relative, unless that is longer."""
    shorter = os.path.relpath(path)
    return shorter if _length(shorter) <= _length(path) else path


def tidy(path: str) -> str:
    """Return a path as pathlib writes it: without empty parts and those that are a dot."""
    root = "//" if path.startswith("//") and not path.startswith("///") else "/" if path.startswith("/") else ""
    return root + "/".join(part for part in path.split("/") if part not in ("", ".")) or "."


def _length(path: str) -> int:
    """Return how many names a path has; the root counts as one."""
    return os.path.isabs(path) + sum(part not in ("", ".") for part in path.split(os.sep))


def _read(path: str) -> bytes:
    """Return the bytes of a settings file."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error


def _read_toml(path: str) -> dict[str, object]:
    """Return the tables of a TOML file."""
    import tomllib  # noqa: PLC0415 - costs 5 ms, and most logs have no settings file

    try:
        return tomllib.loads(_read(path).decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}.") from error
