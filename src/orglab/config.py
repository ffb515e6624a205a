"""Which file is the log, and what its parts are called: `orglab.toml`, `[tool.orglab]`, the environment."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from orglab.errors import NotFoundError, UsageError

LOG_NAME = "experiment_log.org"
CONFIG_NAME = "orglab.toml"
TERMS_NAME = "orglab-terms.txt"
CLONE_FOLDER = "orglab"
"""What our folder is called in a git directory, and in the folders of a user."""

CONFIG_TEXT = """\
# Settings of orglab; what stands here is what it does without this file.
log = "{log}"
# journal = "journal.org"
# tag = "exp"                  # what makes a heading an experiment
# tags = ["exp"]               # the tags of a new one
# verdicts = []                # besides supported, refuted and inconclusive
# letter = "e"                 # [e201]
# id_property = "ID"           # or CUSTOM_ID
# notes = "Notes"
# steps = "Experiments"
# conclusions = "Conclusions"
# keywords = "TODO INPROGRESS WAIT | DONE CANCELED"   # of a log without a #+TODO line
# similar = true               # `orglab new` shows earlier experiments that tried the same

[hooks]
# references = "warn"          # a commit names what does not exist: warn, refuse or off
# separate = "refuse"          # log and code in one commit: refuse, warn or off
# auto_done = false            # "[e201.1] done" or "[e201.1] Results" ticks the step

[run]
# before = "commit"            # what is done with changed files: commit, snapshot or clean (refuse)
# results = []                 # paths whose changes are the results of a run
# environment = []             # variables to keep in a run's record, such as CUDA_VISIBLE_DEVICES
# size_limit = 10              # MB: a larger untracked file is kept in a snapshot by its hash alone

[report]
# template = ""                # a Jinja2 template beside this file: weekly.txt.j2 makes .txt files
"""


class HooksConfig(NamedTuple):
    """What the git hooks do; `[hooks]`.

    Attributes:
        references: When a commit's message names what the log does not have: `warn`, `refuse` or `off`.
        separate: When log and code are in one commit: `refuse`, `warn` or `off`.
        auto_done: Whether a commit that says `[e201.1] done` or `[e201.1] Results` ticks the step.
    """

    references: str = "warn"
    separate: str = "refuse"
    auto_done: bool = False


class RunConfig(NamedTuple):
    """What `orglab run` does; `[run]`.

    Attributes:
        before: What is done with changed files before: `commit`, `snapshot`, or `clean`, which refuses.
        results: Paths whose changes are the results, relative to the top of the repository.
        environment: Names of environment variables that the record keeps.
        size_limit: Megabytes; a larger untracked file is in a snapshot by its hash alone.
    """

    before: str = "commit"
    results: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    size_limit: int = 10


class ReportConfig(NamedTuple):
    """How a report is written; `[report]`.

    Attributes:
        template: A Jinja2 template for reports in its format; in the file relative to that, here from the current
            folder or absolute; empty for none.
    """

    template: str = ""


_CHOICES = {
    ("hooks", "references"): ("warn", "refuse", "off"),
    ("hooks", "separate"): ("refuse", "warn", "off"),
    ("run", "before"): ("commit", "snapshot", "clean"),
}


class Config(NamedTuple):
    """The settings of a project; each may stand in `orglab.toml`, or under `[tool.orglab]` in `pyproject.toml`.

    Attributes:
        log: The log's file, relative to the file that says so.
        journal: The journal's file, relative to the log.
        tag: The tag that makes a heading an experiment.
        tags: The tags of a new experiment.
        verdicts: Words for a verdict besides `supported`, `refuted` and `inconclusive`.
        letter: What stands before the number in a reference, such as `e` in `[e201]`.
        id_property: The property that new ids are written to, `ID` or `CUSTOM_ID`.
        notes: The heading of the notes.
        steps: The heading of the steps.
        conclusions: The heading of the conclusions.
        keywords: The TODO keywords of a log that has no `#+TODO` line, as such a line has them.
        similar: Whether `orglab new` shows earlier experiments that tried the same.
        hooks: What the git hooks do.
        run: What `orglab run` does.
        report: How a report is written.
    """

    log: str = LOG_NAME
    journal: str = "journal.org"
    tag: str = "exp"
    tags: tuple[str, ...] = ("exp",)
    verdicts: tuple[str, ...] = ()
    letter: str = "e"
    id_property: str = "ID"
    notes: str = "Notes"
    steps: str = "Experiments"
    conclusions: str = "Conclusions"
    keywords: str = "TODO INPROGRESS WAIT | DONE CANCELED"
    similar: bool = True
    hooks: HooksConfig = HooksConfig()
    run: RunConfig = RunConfig()
    report: ReportConfig = ReportConfig()


_TABLES = {"hooks": HooksConfig, "run": RunConfig, "report": ReportConfig}


def read_config(table: Mapping[str, object], where: Path) -> Config:
    """Return the settings that a table of a TOML file makes.

    Args:
        table: The table.
        where: The file, for the message of an error.

    Raises:
        UsageError: A setting is unknown, or not of the right kind.
    """
    values = _read_values(Config, table, where, "")
    for name, kind in _TABLES.items():
        if name in values:
            values[name] = kind(**_read_values(kind, values[name], where, f"{name}."))  # type: ignore[arg-type]  # checked there
    if "tag" in values:
        # Whoever says what makes an experiment has said what a new one carries.
        values.setdefault("tags", (values["tag"],))
    config = Config(**values)  # type: ignore[arg-type]  # checked above, field by field
    if config.report.template:
        if ".." in (parts := Path(config.report.template).parts) or Path(*parts).is_absolute():
            raise UsageError(
                f"The setting 'report.template' in {where} must be a file beside it, or in a folder there."
            )
        config = config._replace(report=ReportConfig(str(where.parent / config.report.template)))
    if config.id_property.upper() not in ("ID", "CUSTOM_ID"):
        raise UsageError(f"The setting 'id_property' in {where} must be ID or CUSTOM_ID.")
    if not re.fullmatch("[A-Za-z]+", config.letter):
        raise UsageError(f"The setting 'letter' in {where} must be one letter or more, such as e for [e201].")
    _check_words(config, where)
    return config


def _check_words(config: Config, where: Path) -> None:
    """Raise UsageError unless the tags are tags, and the verdicts one line of text each."""
    for tag in config.tags:
        if not is_tag(tag):
            raise UsageError(f"The setting 'tags' in {where} holds {tag!r}; letters, digits, _, @, # and % make a tag.")
    for word in config.verdicts:
        if not word.strip() or word != " ".join(word.split()):
            raise UsageError(f"The setting 'verdicts' in {where} contains {word!r}; a verdict is one line of text.")
    if config.tag not in config.tags:
        raise UsageError(f"The setting 'tags' in {where} must hold the tag {config.tag!r}, which makes an experiment.")


def _read_values(
    kind: type[Config | HooksConfig | RunConfig | ReportConfig], table: Mapping[str, object], where: Path, prefix: str
) -> dict[str, object]:
    """Return the values that a table gives to the fields of settings, each of the kind of its default."""
    defaults = kind._field_defaults
    values: dict[str, object] = {}
    for name, value in table.items():
        if name not in defaults:
            known = ", ".join(sorted(prefix + name for name in defaults))
            raise UsageError(f"There is no setting '{prefix}{name}' (in {where}); the settings are {known}.")
        choices = _CHOICES.get((prefix.rstrip("."), name))
        if (wanted := _kind_wanted(defaults[name], value, choices)) is not None:
            raise UsageError(f"The setting '{prefix}{name}' in {where} must be {wanted}.")
        values[name] = tuple(value) if isinstance(value, list) else value
    return values


def _kind_wanted(default: object, value: object, choices: tuple[str, ...] | None) -> str | None:
    """Return what a value should be, in words, or None if it is that."""
    if isinstance(default, HooksConfig | RunConfig | ReportConfig):
        return None if isinstance(value, Mapping) else "a table"
    if isinstance(default, tuple):
        fits = isinstance(value, list) and all(isinstance(one, str) for one in value)
        return None if fits else "a list of strings"
    if isinstance(default, bool):
        return None if isinstance(value, bool) else "true or false"
    if isinstance(default, int):
        return None if type(value) is int and value >= 0 else "a whole number"
    if choices is not None:
        return None if value in choices else " or ".join(choices)
    return None if isinstance(value, str) and (value or not default) else "a string"


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
    settings, table = find_settings(os.fspath(start))
    config = read_config(table, place := Path(settings))
    named = os.fspath(place.parent / config.log) if "log" in table else None
    found = find_log_file(os.fspath(start), given, named)
    if found is None:
        raise NotFoundError(
            f"There is no {LOG_NAME} here or above; make one with `orglab init`, or name it with --log."
        )
    return Path(found), config


def find_settings(start: str) -> tuple[str, Mapping[str, object]]:
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


def active_step_file(log: str, git_dir: str | None) -> str:
    """Return the file that holds the active step: of the clone, or without git in the user's state folder."""
    if git_dir is not None:
        return os.path.join(git_dir, CLONE_FOLDER, "active")
    state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    # A user without a home, as in some containers: nothing is there, and nothing can be written.
    state = os.devnull if state.startswith("~") else state
    return os.path.join(state, CLONE_FOLDER, os.path.realpath(log).replace(os.sep, "%")[-200:], "active")


def shorten_path(path: str) -> str:
    """Return a path as a person in this folder would write it: relative, unless that is longer."""
    shorter = os.path.relpath(path)
    return shorter if _length(shorter) <= _length(path) else path


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
