"""Reading the settings: those that a repository brings, and the user's own ones; and finding the log by them.

What a repository brings may be hostile: its paths stay inside, and a setting that is refused does not stop a command.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from orglab.config import (
    CLONE_FOLDER,
    CONFIG_NAME,
    DEFAULT_KEYWORDS,
    DEFAULT_TAG,
    JOURNAL_NAME,
    LOG_NAME,
    MARKDOWN_SUFFIXES,
    Config,
    HooksConfig,
    ReportConfig,
    RunConfig,
    SlurmConfig,
    SweepConfig,
    find_apart,
    find_log_file,
    folders,
    is_git_name,
    read_regular,
    shorten_path,
)
from orglab.errors import NotFoundError, UsageError

_TABLES: Mapping[str, type[HooksConfig | RunConfig | SweepConfig | SlurmConfig | ReportConfig]] = {
    "hooks": HooksConfig,
    "run": RunConfig,
    "sweep": SweepConfig,
    "slurm": SlurmConfig,
    "report": ReportConfig,
}
_MOST_REFUSED = 20
_OWN_ONLY = ("report.pictures_outside", "sweep.before_each", "sweep.after_each", "slurm.options")
_PATHS = ("log", "journal", "report.template", "run.results", "run.link")


class SettingsFile(NamedTuple):
    """A settings file.

    Attributes:
        path: The file, which may not exist.
        table: Its table; empty if there is none.
        problem: Why it cannot be read; an empty text if it can.
        is_own: Whether it is the user's own configuration, whose paths may lead anywhere.
    """

    path: str
    table: Mapping[str, object] = {}
    problem: str = ""
    is_own: bool = False


def find_log(start: Path, option: str | None = None) -> tuple[Path, Config]:
    """Return the log that a command in the folder `start` works on, and its settings.

    The log is `option` (`--log`), else `ORGLAB_LOG`, else the `log` setting of the
    user's own configuration or of the nearest `orglab.toml` or `pyproject.toml`,
    else the log in this folder or the nearest parent folder, up to the root of the
    git repository: one that is kept apart, or `experiment_log.org`.  A file that is
    named explicitly need not exist.  A log that is kept apart is one file for all
    worktrees.

    Raises:
        NotFoundError: There is no log.
        UsageError: It is Markdown, by its name.
    """
    settings = read_settings(os.fspath(start))
    apart = find_apart(os.fspath(start))
    log = find_log_file(os.fspath(start), option, settings.log, apart)
    if log is None:
        raise NotFoundError(
            f"No {LOG_NAME} in this folder or a parent folder; create one with `orglab init` or name one with --log."
        )
    if log.lower().endswith(MARKDOWN_SUFFIXES):
        name = shorten_path(log)
        raise UsageError(f"{name} is Markdown, and a log is Org; `orglab import {name}` makes a log of it.")
    config = settings.check_journal(log, *([apart.home] if apart is not None else []))
    if apart is not None and (journal := apart.find_journal(log)) is not None:
        config = config._replace(journal=journal)
    return Path(log), config


class Settings(NamedTuple):
    """The settings for a folder: those of its repository, and the user's own ones, which have precedence.

    Attributes:
        file: The settings file of the repository, which may not exist; the log is relative to its folder.
        config: The settings.
        log: The log that they name, or None.
        is_own_journal: Whether the user's own configuration names the journal.
    """

    file: str
    config: Config
    log: str | None = None
    is_own_journal: bool = False

    def check_journal(self, log: str, *others: str) -> Config:
        """Return the settings for a log; without the journal, if that would be outside of the repository.

        Args:
            log: The file of the log.
            others: Further folders in which the journal may be.
        """
        config, folder = self.config, os.path.dirname(log)
        if self.is_own_journal or config.journal == JOURNAL_NAME:
            return config
        problem = _find_path_problem(config.journal, folder, (find_root(self.file), folder, *others))
        if problem is None:
            return config
        return config._replace(
            journal=JOURNAL_NAME, refused=(*config.refused, _explain_refusal("journal", self.file, problem))
        )


def read_settings(start: str) -> Settings:
    """Return the settings for a folder.

    A setting that is unknown or has an invalid value is refused: `Config.refused` says so, and the rest counts.

    Args:
        start: The folder to search from.

    Raises:
        NotFoundError: The current folder no longer exists.
    """
    found, own = find_settings(start), _read_own_settings()
    if not (found.table or found.problem or own.table or own.problem):
        return Settings(found.path, Config())
    refused: list[str] = []
    own_values = _Reader(own, refused).read()
    values = _merge(own_values, _Reader(found, refused).read())
    for name, kind in _TABLES.items():
        if name in values:
            values[name] = kind(**values[name])
    tag = values.get("tag", DEFAULT_TAG)
    if tag not in values.setdefault("tags", (tag,)):
        # A new experiment must have the tag that makes it one.
        refused.append(_explain_refusal("tags", found.path, f"a list with {tag!r}, the tag of experiments"))
        values["tags"] = (tag,)
    if len(refused) > _MOST_REFUSED:
        refused[_MOST_REFUSED:] = [f"{len(refused) - _MOST_REFUSED} further settings are ignored."]
    config = Config(**values, refused=tuple(refused))
    log = os.path.join(os.path.dirname(found.path), config.log) if "log" in values else None
    return Settings(found.path, config, log, is_own_journal="journal" in own_values)


def _merge(own: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Return the values of two files, of which the first one has precedence."""
    tables = {name: _merge(value, other.get(name, {})) for name, value in own.items() if isinstance(value, dict)}
    return own | tables | {name: value for name, value in other.items() if name not in own}


class _Reader:
    """Reads the valid settings of a file, and says which ones are refused."""

    def __init__(self, file: SettingsFile, refused: list[str]) -> None:
        self._file = file
        self._refused = refused
        self._folder = os.path.dirname(file.path)

    def read(self) -> dict[str, Any]:
        """Return the valid values of the file, by name."""
        if self._file.problem:
            where = shorten_path(self._file.path)
            self._refused.append(f"{where} cannot be read: {self._file.problem}; its settings are ignored.")
        return self._read_table(Config, self._file.table, "")

    def _read_table(self, kind: type[tuple[Any, ...]], table: Mapping[str, object], prefix: str) -> dict[str, Any]:
        defaults = {name: value for name, value in kind._field_defaults.items() if name != "refused"}  # type: ignore[attr-defined]  # a NamedTuple
        values: dict[str, Any] = {}
        for name, value in table.items():
            if name not in defaults:
                known = ", ".join(sorted(prefix + one for one in defaults))
                where = shorten_path(self._file.path)
                self._refused.append(f"Unknown setting '{prefix}{name[:60]}' in {where} is ignored; known are {known}.")
                continue
            read = self._read_value(prefix + name, defaults[name], value)
            if read is not None:
                values[name] = read
        return values

    def _read_value(self, name: str, default: object, value: object) -> object | None:
        """Return the value of a setting as `Config` has it, or None if it is refused."""
        from orglab.settings.setting_rules import find_type_problem  # noqa: PLC0415 - most logs have no settings

        if name in _TABLES and isinstance(value, Mapping):
            return self._read_table(_TABLES[name], value, f"{name}.")
        if isinstance(default, Mapping) and isinstance(value, Mapping):
            return {metric: one for metric, one in value.items() if self._is_direction(f"{name}.{metric}", metric, one)}
        if name in _TABLES or isinstance(default, Mapping):
            self._refuse(name, "a table")
            return None
        problem = find_type_problem(name, default, value, is_own=self._file.is_own)
        if name in _OWN_ONLY and not self._file.is_own:
            problem = "in your own configuration, orglab/config.toml in ~/.config"
        if problem is not None:
            self._refuse(name, problem)
            return None
        if isinstance(value, list):
            checked_items = (self._check(name, item, is_item=True) for item in value)
            return tuple(item for item in checked_items if item is not None)
        if not isinstance(value, str):
            return value
        checked = self._check(name, value)
        return os.path.join(self._folder, checked) if checked and name == "report.template" else checked

    def _check(self, name: str, value: str, *, is_item: bool = False) -> str | None:
        """Return a value or an item of one, the home in the user's own paths expanded; None if it is refused."""
        from orglab.settings.setting_rules import find_problem  # noqa: PLC0415 - most logs have no settings

        problem = find_problem(name, value, str(self._file.table.get("keywords") or DEFAULT_KEYWORDS))
        problem = problem or (None if self._file.is_own else self._find_path_problem(name, value))
        if problem is not None:
            self._refuse(name, problem, value, is_item=is_item)
            return None
        return os.path.expanduser(value) if self._file.is_own and name in _PATHS else value

    def _find_path_problem(self, name: str, value: str) -> str | None:
        """Return what a path of the repository's settings must be; None if it is that, or no path."""
        root = find_root(self._file.path)
        if name in _PATHS and value.startswith("~"):
            return "a path that does not begin with ~, which only your own configuration may have"
        if name == "log":
            return _find_path_problem(value, self._folder, (root,))
        if name in ("run.results", "run.link"):
            # A path stands before the first pattern.
            start = re.split(r"[*?\[]", value, maxsplit=1)[0]
            return _find_path_problem(start, root, (root,)) or (_LEADS_OUT if ".." in value.split("/") else None)
        if name == "report.template" and value:
            return _find_path_problem(value, self._folder, (self._folder,)) and "a file in the same folder or below"
        return None

    def _is_direction(self, name: str, metric: str, direction: object) -> bool:
        from orglab.settings.setting_rules import find_metric_problem  # noqa: PLC0415 - most logs have no settings

        problem = find_metric_problem(metric, direction)
        if problem is not None:
            self._refuse(name[:60], problem)
        return problem is None

    def _refuse(self, name: str, problem: str, value: str | None = None, *, is_item: bool = False) -> None:
        where = shorten_path(self._file.path)
        self._refused.append(_explain_refusal(name, where, problem, value, is_item=is_item))


def _explain_refusal(name: str, where: str, problem: str, value: str | None = None, *, is_item: bool = False) -> str:
    """Return the sentence about a setting that does not count."""
    what = "Each item of the setting" if is_item else "The setting"
    return f"{what} {name!r} in {where} must be {problem}; {'it' if value is None else repr(value[:60])} is ignored."


_LEADS_OUT = "a path that stays in the repository, with links resolved, and out of .git"


def _find_path_problem(path: str, folder: str, roots: Iterable[str]) -> str | None:
    """Return what a path must be, in words, or None if it is that.

    Args:
        path: The path.
        folder: The folder that it is relative to.
        roots: The folders one of which it must be in, with links resolved.
    """
    full = os.path.join(folder, path)
    is_inside = any(_is_inside(root, full) for root in roots) and not any(map(is_git_name, path.split("/")))
    return None if is_inside else _LEADS_OUT


def _is_inside(root: str, path: str) -> bool:
    """Return whether a path is in a folder, and not in a git directory there, with links resolved."""
    parts = os.path.relpath(os.path.realpath(path), os.path.realpath(root)).split(os.sep)
    return parts[0] != os.pardir and not any(map(is_git_name, parts))


def find_root(settings: str) -> str:
    """Return the folder that the paths in a settings file must not leave: the top of its repository, or its own."""
    chain = folders(os.path.dirname(settings))
    return chain[-1] if os.path.lexists(os.path.join(chain[-1], ".git")) else chain[0]


def find_settings(start: str) -> SettingsFile:
    """Return the nearest settings file, with an empty table if there is none.

    Args:
        start: The folder to search from, upwards to the root of its git repository; without one, to the home folder,
            or to a folder that another user owns.

    Raises:
        NotFoundError: The current folder no longer exists.
    """
    chain = folders(start)
    if not os.path.lexists(os.path.join(chain[-1], ".git")):
        chain = list(_leave_out_others(chain))
    for folder in chain:
        own = os.path.join(folder, CONFIG_NAME)
        if os.path.isfile(own):
            return SettingsFile(own, *_read_table(own))
        project = os.path.join(folder, "pyproject.toml")
        # Checking the bytes first saves most commands the import of the TOML parser.
        if os.path.isfile(project) and not _leads_out(project) and b"tool.orglab" in (data := _read(project) or b""):
            table, problem = _parse(data)
            for name in ("tool", "orglab"):
                inner = table.get(name)
                table = inner if isinstance(inner, dict) else {}
            if table or problem:
                return SettingsFile(project, table, problem)
    return SettingsFile(os.path.join(start, CONFIG_NAME))


def _leave_out_others(chain: Iterable[str]) -> Iterator[str]:
    """Yield the first of some folders, up to the home folder or one that another user owns."""
    home = os.path.expanduser("~")
    for folder in chain:
        try:
            if os.stat(folder).st_uid != os.geteuid():
                return
        except OSError:
            return
        yield folder
        if folder == home:
            return


def has_own_settings() -> bool:
    """Return whether the user's own configuration has settings."""
    own = _read_own_settings()
    return bool(own.table or own.problem)


def read_own_variables() -> tuple[str, ...]:
    """Return the environment variables that the user's own configuration names, in `run.environment`."""
    names: tuple[str, ...] = _Reader(_read_own_settings(), []).read().get("run", {}).get("environment", ())
    return names


def _read_own_settings() -> SettingsFile:
    """Return the user's own configuration."""
    place = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    path = os.path.join(place, CLONE_FOLDER, "config.toml")
    data = read_regular(path, _MOST_SETTINGS) if os.path.isabs(path) else b""
    return SettingsFile(path, *(_parse(data) if data else ({}, "")), is_own=True)


def _read_table(path: str) -> tuple[Mapping[str, object], str]:
    """Return the tables of a settings file of a repository, and why it cannot be read; an empty text if it can."""
    if _leads_out(path):
        return {}, "it is a link that leads out of the repository"
    return _parse(_read(path))


def _leads_out(path: str) -> bool:
    """Return whether a settings file of a repository is a link to a file outside of it."""
    return os.path.islink(path) and not _is_inside(find_root(path), path)


def _read(path: str) -> bytes | None:
    """Return the bytes of a settings file, one more than may be in it; None if it cannot be read."""
    return read_regular(path, _MOST_SETTINGS)


def _parse(data: bytes | None) -> tuple[Mapping[str, object], str]:
    """Return the tables of a settings file, and why it cannot be read; an empty text if it can."""
    if data is None:
        return {}, "it is not a file that you may read"
    if not data:
        return {}, ""
    from orglab.settings.setting_rules import parse_toml  # noqa: PLC0415 - costs 5 ms, and most logs have no settings file

    return parse_toml(data)


_MOST_SETTINGS = (1 << 20) + 1
