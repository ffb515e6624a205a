"""Which file is the log, and what its parts are called: `orglab.toml`, `[tool.orglab]`, the environment."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from orglab.errors import NotFoundError, UsageError

LOG_NAME = "experiment_log.org"
CONFIG_NAME = "orglab.toml"
CONFIG_TEXT = """\
# Settings of orglab; what stands here is what it does without this file.
log = "{log}"
# journal = "journal.org"
# tag = "exp"                  # what makes a heading an experiment
# tags = ["@work", "exp"]      # the tags of a new one
# letter = "e"                 # [e201]
# id_property = "ID"           # or CUSTOM_ID
# notes = "Notes"
# steps = "Experiments"
# conclusions = "Conclusions"
# keywords = "TODO INPROGRESS WAIT | DONE CANCELED"   # of a log without a #+TODO line
"""


@dataclass(frozen=True, slots=True)
class Config:
    """The settings of a project; each may stand in `orglab.toml`, or under `[tool.orglab]` in `pyproject.toml`.

    Attributes:
        log: The log's file, relative to the file that says so.
        journal: The journal's file, relative to the log.
        tag: The tag that makes a heading an experiment.
        tags: The tags of a new experiment.
        letter: What stands before the number in a reference, such as `e` in `[e201]`.
        id_property: The property that new ids are written to, `ID` or `CUSTOM_ID`.
        notes: The heading of the notes.
        steps: The heading of the steps.
        conclusions: The heading of the conclusions.
        keywords: The TODO keywords of a log that has no `#+TODO` line, as such a line has them.
    """

    log: str = LOG_NAME
    journal: str = "journal.org"
    tag: str = "exp"
    tags: tuple[str, ...] = ("@work", "exp")
    letter: str = "e"
    id_property: str = "ID"
    notes: str = "Notes"
    steps: str = "Experiments"
    conclusions: str = "Conclusions"
    keywords: str = "TODO INPROGRESS WAIT | DONE CANCELED"


def read_config(table: Mapping[str, object], where: Path) -> Config:
    """Return the settings that a table of a TOML file makes.

    Args:
        table: The table.
        where: The file, for the message of an error.

    Raises:
        UsageError: A setting is unknown, or not of the right kind.
    """
    values: dict[str, object] = {}
    known = {field.name for field in fields(Config)}
    for name, value in table.items():
        if name not in known:
            raise UsageError(f"There is no setting {name!r} (in {where}); the settings are {', '.join(sorted(known))}.")
        if name == "tags" and isinstance(value, list) and all(isinstance(tag, str) for tag in value):
            values[name] = tuple(value)
        elif name != "tags" and isinstance(value, str) and value:
            values[name] = value
        else:
            kind = "a list of strings" if name == "tags" else "a string"
            raise UsageError(f"The setting {name!r} in {where} must be {kind}.")
    if "tag" in values:
        # Whoever says what makes an experiment has said what a new one carries.
        values.setdefault("tags", ("@work", values["tag"]))
    config = Config(**values)  # type: ignore[arg-type]  # checked above, field by field
    if config.id_property.upper() not in ("ID", "CUSTOM_ID"):
        raise UsageError(f"The setting 'id_property' in {where} must be ID or CUSTOM_ID.")
    if not re.fullmatch("[A-Za-z]+", config.letter):
        raise UsageError(f"The setting 'letter' in {where} must be one letter or more, such as e for [e201].")
    for tag in config.tags:
        if not is_tag(tag):
            raise UsageError(f"The setting 'tags' in {where} holds {tag!r}; letters, digits, _, @, # and % make a tag.")
    if config.tag not in config.tags:
        raise UsageError(f"The setting 'tags' in {where} must hold the tag {config.tag!r}, which makes an experiment.")
    return config


def is_tag(text: str) -> bool:
    """Return whether Org reads `text` as a tag."""
    return bool(text) and all(char.isalnum() or char in "_@#%" for char in text)


def find_log(start: Path, given: str | None = None) -> tuple[Path, Config]:
    """Return the log that a command in the folder `start` is about, and its settings.

    `given` (`--log`), else `ORGLAB_LOG`, else what the nearest `orglab.toml` or
    `pyproject.toml` says, else `experiment_log.org` in this folder or the
    nearest above, up to the root of the git repository.  The file of an
    explicit path need not exist.

    Raises:
        NotFoundError: There is none.
        UsageError: A settings file cannot be read.
    """
    place, table = _find_table(start)
    config = read_config(table, place)
    explicit = given or os.environ.get("ORGLAB_LOG")
    if explicit:
        return Path(explicit), config
    if "log" in table:
        return place.parent / config.log, config
    for folder in _folders(start):
        if os.path.lexists(folder / LOG_NAME):
            return folder / LOG_NAME, config
    raise NotFoundError(f"There is no {LOG_NAME} here or above; make one with `orglab init`, or name it with --log.")


def _find_table(start: Path) -> tuple[Path, Mapping[str, object]]:
    """Return the nearest settings file and what it says; nothing if there is none."""
    for folder in _folders(start):
        own = folder / CONFIG_NAME
        if own.is_file():
            return own, _read_toml(own)
        project = folder / "pyproject.toml"
        # A look at the bytes saves most commands the import of the TOML parser.
        if project.is_file() and b"tool.orglab" in _read(project):
            tool = _read_toml(project).get("tool")
            table = tool.get("orglab") if isinstance(tool, dict) else None
            if isinstance(table, dict):
                return project, table
    return start / CONFIG_NAME, {}


def _read(path: Path) -> bytes:
    """Return the bytes of a settings file."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error


def _read_toml(path: Path) -> dict[str, object]:
    """Return the tables of a TOML file."""
    import tomllib  # noqa: PLC0415 - costs 5 ms, and most logs have no settings file

    try:
        return tomllib.loads(_read(path).decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}.") from error


def _folders(start: Path) -> list[Path]:
    """Return the folder `start` and those above it, up to the root of its git repository."""
    try:
        start = start.absolute()
    except FileNotFoundError:
        raise NotFoundError("The current folder has been removed; go to one that exists.") from None
    folders = []
    for folder in (start, *start.parents):
        folders.append(folder)
        if os.path.lexists(folder / ".git"):
            break
    return folders
