"""The settings, from `orglab.toml` or `[tool.orglab]`, and the location of the log and its settings file."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from orglab.errors import NotFoundError, UsageError

LOG_NAME = "experiment_log.org"
CONFIG_NAME = "orglab.toml"
TERMS_NAME = "orglab-terms.txt"
VERDICTS = ("supported", "refuted", "inconclusive")
CLONE_FOLDER = "orglab"
"""The name of orglab's folder in a git directory, and in the user's state and cache folders."""

CONFIG_TEXT = """\
# Settings of orglab.  Commented-out settings show their defaults.
log = "{log}"
# journal = "journal.org"
# tag = "exp"                  # a heading with this tag is an experiment
# tags = ["exp"]               # the tags of a new experiment
# verdicts = []                # verdicts besides supported, refuted and inconclusive
# letter = "e"                 # [e201]
# id_property = "ID"           # or CUSTOM_ID
# notes = "Notes"
# steps = "Experiments"
# conclusions = "Conclusions"
# keywords = "TODO INPROGRESS WAIT | DONE CANCELED"   # for a log without a #+TODO line
# similar = true               # `orglab new` shows earlier experiments that tried the same idea

[hooks]
# references = "warn"          # a commit message refers to an unknown experiment or step: warn, refuse or off
# separate = "leave-out"       # the log in a commit of code: leave-out, refuse, warn or off
# position = "start"           # the reference in a commit message: start, after-type (feat: [e201.1] x) or trailer
# auto_done = false            # "[e201.1] done" or "[e201.1] Results" in a commit message ticks the step

[run]
# before = "commit"            # changed files before a run: commit, snapshot or clean (refuse to run)
# results = []                 # paths whose changes are the results of a run
# environment = []             # variables to keep in a run's record, such as CUDA_VISIBLE_DEVICES
# size_limit = 10              # MB; larger new results are not committed
# snapshot_files = 2000        # untracked files in a snapshot
# snapshot_size = 100          # MB, in all
# commit_log = true            # a log that git tracks is committed after a run that did not fail
# share_output = true          # `orglab sync` sends the last 64 KB of what each run printed

[report]
# template = ""                # a Jinja2 template beside this file: weekly.txt.j2 makes .txt files

[metrics]
# val_loss = "min"             # the best value of a metric: min or max; the metric named first is shown first
"""


class HooksConfig(NamedTuple):
    """What the git hooks do; `[hooks]`.

    Attributes:
        references: When a commit message refers to an unknown experiment or step: `warn`, `refuse` or `off`.
        separate: When log and code are in one commit: `leave-out` takes the log out of it; `refuse`, `warn` or `off`.
        position: Where a reference is added to a commit message: at the `start` of the subject; `after-type`, as in
            `feat: [e201.1] tune`; or as a `trailer`, `Refs: e201.1`.
        auto_done: Whether `[e201.1] done` or `[e201.1] Results` in a commit message ticks the step.
    """

    references: str = "warn"
    separate: str = "leave-out"
    position: str = "start"
    auto_done: bool = False


class RunConfig(NamedTuple):
    """What `orglab run` does; `[run]`.

    Attributes:
        before: What to do with changed files before a run: `commit`, `snapshot`, or `clean`, which refuses to run.
        results: Paths whose changes are the results, relative to the top of the repository.
        environment: Names of environment variables that the record keeps.
        size_limit: Megabytes; a larger untracked file is not in a snapshot, and not committed with results.
        snapshot_files: The largest number of untracked files in a snapshot.
        snapshot_size: The largest size of these files in all, in megabytes.
        commit_log: Whether a log that git tracks is committed after a run that did not fail.
        share_output: Whether `orglab sync` sends the last 64 KB of what each run printed.
    """

    before: str = "commit"
    results: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    size_limit: int = 10
    snapshot_files: int = 2000
    snapshot_size: int = 100
    commit_log: bool = True
    share_output: bool = True


class ReportConfig(NamedTuple):
    """How a report is written; `[report]`.

    Attributes:
        template: A Jinja2 template for reports in its format; relative to the settings file there, to the current
            folder or absolute here; empty for none.
    """

    template: str = ""


_CHOICES = {
    ("hooks", "references"): ("warn", "refuse", "off"),
    ("hooks", "separate"): ("leave-out", "refuse", "warn", "off"),
    ("hooks", "position"): ("start", "after-type", "trailer"),
    ("run", "before"): ("commit", "snapshot", "clean"),
}


class Config(NamedTuple):
    """The settings of a project, from `orglab.toml` or from `[tool.orglab]` in `pyproject.toml`.

    Attributes:
        log: The log's file, relative to the settings file.
        journal: The journal's file, relative to the log.
        tag: The tag that makes a heading an experiment.
        tags: The tags of a new experiment.
        verdicts: Words for a verdict besides `supported`, `refuted` and `inconclusive`.
        letter: The letter before the number in a reference, such as `e` in `[e201]`.
        id_property: The property that new ids are written to, `ID` or `CUSTOM_ID`.
        notes: The heading of the notes.
        steps: The heading of the steps.
        conclusions: The heading of the conclusions.
        keywords: The TODO keywords of a log that has no `#+TODO` line, in the syntax of such a line.
        similar: Whether `orglab new` shows earlier experiments that tried the same idea.
        hooks: What the git hooks do.
        run: What `orglab run` does.
        report: How a report is written.
        metrics: Which value of a metric is the best, `min` or `max`, by name; the metric named first is shown first.
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
    metrics: Mapping[str, str] = {}

    @property
    def all_verdicts(self) -> tuple[str, ...]:
        """The words that a verdict may be."""
        return (*VERDICTS, *self.verdicts)


_TABLES = {"hooks": HooksConfig, "run": RunConfig, "report": ReportConfig}


def read_config(table: Mapping[str, object], where: Path) -> Config:
    """Return the settings in a table of a TOML file.

    Args:
        table: The table.
        where: The settings file.

    Raises:
        UsageError: A setting is unknown or has an invalid value.
    """
    values = _read_values(Config, table, where, "")
    for name, kind in _TABLES.items():
        if name in values:
            values[name] = kind(**_read_values(kind, values[name], where, f"{name}."))  # type: ignore[arg-type]  # checked there
    if "tag" in values:
        # A new experiment must have the tag that makes it one.
        values.setdefault("tags", (values["tag"],))
    config = Config(**values)  # type: ignore[arg-type]  # checked above, field by field
    if config.report.template:
        if ".." in (parts := Path(config.report.template).parts) or Path(*parts).is_absolute():
            raise UsageError(f"The setting 'report.template' in {where} must be a file in the same folder or below.")
        config = config._replace(report=ReportConfig(str(where.parent / config.report.template)))
    if config.id_property.upper() not in ("ID", "CUSTOM_ID"):
        raise UsageError(f"The setting 'id_property' in {where} must be ID or CUSTOM_ID.")
    if not re.fullmatch("[A-Za-z]+", config.letter):
        raise UsageError(f"The setting 'letter' in {where} must be one letter or more, such as e for [e201].")
    _check_words(config, where)
    _check_metrics(config, where)
    return config


def _check_metrics(config: Config, where: Path) -> None:
    """Raise UsageError unless each metric has a direction."""
    for name, direction in config.metrics.items():
        if direction not in ("min", "max"):
            # In TOML, `val.loss = "min"` without quotation marks is a table.
            hint = (
                f'; put quotation marks around a name with dots, as in "{name}.x"'
                if isinstance(direction, Mapping)
                else ""
            )
            raise UsageError(f"The setting 'metrics.{name}' in {where} must be min or max{hint}.")


def _check_words(config: Config, where: Path) -> None:
    """Raise UsageError unless the tags are tags, and the verdicts one line of text each."""
    for tag in config.tags:
        if not is_tag(tag):
            raise UsageError(
                f"The setting 'tags' in {where} contains {tag!r}; a tag consists of letters, digits, _, @, # and %."
            )
    for word in config.verdicts:
        if not word.strip() or word != " ".join(word.split()):
            raise UsageError(f"The setting 'verdicts' in {where} contains {word!r}; a verdict is one line of text.")
    if config.tag not in config.tags:
        raise UsageError(f"The setting 'tags' in {where} must include {config.tag!r}, the tag of experiments.")


def _read_values(
    kind: type[Config | HooksConfig | RunConfig | ReportConfig], table: Mapping[str, object], where: Path, prefix: str
) -> dict[str, object]:
    """Return the values of a settings table by name, each of the type of its default."""
    defaults = kind._field_defaults
    values: dict[str, object] = {}
    for name, value in table.items():
        if name not in defaults:
            known = ", ".join(sorted(prefix + name for name in defaults))
            raise UsageError(f"Unknown setting '{prefix}{name}' in {where}; the settings are {known}.")
        choices = _CHOICES.get((prefix.rstrip("."), name))
        if (expected := _find_expected_type(defaults[name], value, choices)) is not None:
            raise UsageError(f"The setting '{prefix}{name}' in {where} must be {expected}.")
        values[name] = tuple(value) if isinstance(value, list) else value
    return values


def _find_expected_type(default: object, value: object, choices: tuple[str, ...] | None) -> str | None:
    """Return what a value must be, in words, or None if it is valid."""
    if isinstance(default, HooksConfig | RunConfig | ReportConfig | Mapping):
        return None if isinstance(value, Mapping) else "a table"
    if isinstance(default, tuple):
        is_valid = isinstance(value, list) and all(isinstance(item, str) for item in value)
        return None if is_valid else "a list of strings"
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


def find_log(start: Path, option: str | None = None) -> tuple[Path, Config]:
    """Return the log that a command in the folder `start` works on, and its settings.

    The log is `option` (`--log`), else `ORGLAB_LOG`, else the `log` setting of the
    nearest `orglab.toml` or `pyproject.toml`, else the log in this folder or the
    nearest parent folder, up to the root of the git repository: one that is kept
    apart, or `experiment_log.org`.  A file that is named explicitly need not exist.
    A log that is kept apart is one file for all worktrees.

    Raises:
        NotFoundError: There is no log.
        UsageError: A settings file cannot be read.
    """
    settings, table = find_settings(os.fspath(start))
    config = read_config(table, settings_file := Path(settings))
    setting = os.fspath(settings_file.parent / config.log) if "log" in table else None
    apart = find_apart(os.fspath(start))
    log = find_log_file(os.fspath(start), option, setting, apart)
    if log is None:
        raise NotFoundError(
            f"No {LOG_NAME} in this folder or a parent folder; create one with `orglab init` or name one with --log."
        )
    if apart is not None and (journal := apart.find_journal(log)) is not None:
        config = config._replace(journal=journal)
    return Path(log), config


def find_settings(start: str) -> tuple[str, Mapping[str, object]]:
    """Return the nearest settings file and its table, which is empty if there is no such file.

    Args:
        start: The folder to search from, upwards to the root of its git repository.

    Raises:
        NotFoundError: The current folder no longer exists.
        UsageError: The file cannot be read.
    """
    for folder in folders(start):
        own = os.path.join(folder, CONFIG_NAME)
        if os.path.isfile(own):
            return own, _read_toml(own)
        project = os.path.join(folder, "pyproject.toml")
        # Checking the bytes first saves most commands the import of the TOML parser.
        if os.path.isfile(project) and b"tool.orglab" in _read(project):
            tool = _read_toml(project).get("tool")
            table = tool.get("orglab") if isinstance(tool, dict) else None
            if isinstance(table, dict):
                return project, table
    return os.path.join(start, CONFIG_NAME), {}


def find_log_file(start: str, option: str | None, setting: str | None, apart: "Apart | None" = None) -> str | None:
    """Return the log that a command in the folder `start` works on, or None if there is none.

    Args:
        start: The folder.
        option: The value of `--log`, which takes precedence over `ORGLAB_LOG`.
        setting: The log named in the settings, joined to the folder of the settings file.
        apart: The files of this clone that are kept apart; None if there are none.
    """
    explicit = option or os.environ.get("ORGLAB_LOG") or setting
    if explicit:
        return apart.locate(explicit) if apart is not None else explicit
    for folder in folders(start):
        if apart is not None and (log := apart.find_log(folder)) is not None:
            return log
        place = os.path.join(folder, LOG_NAME)
        if os.path.lexists(place):
            return place
    return None


class Apart(NamedTuple):
    """The files of a clone whose history is on a branch of its own: logs and journals.

    They are in one of the worktrees, for all of them; `orglab/apart` in the shared git directory names it, and them.

    Attributes:
        top: The top of the worktree that a command runs in.
        home: The top of the worktree that has the files.
        names: Their paths from there.
    """

    top: str
    home: str
    names: tuple[str, ...]

    def locate(self, path: str) -> str:
        """Return the one file for a path in any worktree; the path itself if that is not kept apart."""
        name = self._name(path)
        return path if name not in self.names or self._is_home else os.path.join(self.home, name)

    def find_log(self, folder: str) -> str | None:
        """Return the log for a folder of a worktree, or None: the only one, or the one with the usual name."""
        place = self._name(os.path.join(folder, LOG_NAME)).rpartition("/")[0]
        here = [name for name in self.names if name.rpartition("/")[0] == place and not is_journal(name)]
        usual = [name for name in here if name.rpartition("/")[2] == LOG_NAME]
        found = usual or here
        if len(found) != 1:
            return None
        return os.path.join(folder if self._is_home else os.path.join(self.home, place), found[0].rpartition("/")[2])

    def find_name(self, path: str) -> str | None:
        """Return the path of a file that is kept apart, as its branch has it; None for any other file."""
        name = self._name(path)
        return name if name in self.names else None

    def find_journal(self, log: str) -> str | None:
        """Return the name of the journal of a log if it is not the usual one, else None."""
        name = self._name(log)
        own = name.removesuffix(".org") + JOURNAL_SUFFIX
        return own.rpartition("/")[2] if name in self.names and own in self.names else None

    @property
    def _is_home(self) -> bool:
        return os.path.realpath(self.top) == os.path.realpath(self.home)

    def _name(self, path: str) -> str:
        """Return a path from the top of its worktree."""
        real = os.path.join(os.path.realpath(os.path.dirname(path) or "."), os.path.basename(path))
        name = os.path.relpath(real, os.path.realpath(self.top))
        if name.split(os.sep)[0] == "..":
            name = os.path.relpath(real, os.path.realpath(self.home))
        return name.replace(os.sep, "/")


JOURNAL_SUFFIX = "-journal.org"


def is_journal(name: str) -> bool:
    """Return whether a file that is kept apart is a journal or an archive, by its name."""
    base = name.rpartition("/")[2]
    return base == "journal.org" or base.endswith((JOURNAL_SUFFIX, ARCHIVE_SUFFIX))


ARCHIVE_SUFFIX = "_archive"
"""The end of the name of the file that `org-archive-subtree` moves headings to (org-archive-location)."""


def find_apart(start: str) -> Apart | None:
    """Return the files that are kept apart in the clone that contains a folder; None if there are none."""
    found = find_git_dir(start)
    return read_apart(*found) if found is not None else None


def read_apart(top: str, git_dir: str) -> Apart | None:
    """Return the files that are kept apart in a clone; None if there are none.

    Args:
        top: The top of the worktree that a command runs in.
        git_dir: Its git directory.
    """
    common = find_common_dir(git_dir)
    try:
        with open(os.path.join(common, CLONE_FOLDER, APART_NAME), "rb") as file:
            home, *names = os.fsdecode(file.read()).split("\n")
    except (OSError, ValueError):
        return None
    return Apart(top, os.path.normpath(os.path.join(common, home)), tuple(filter(None, names)))


APART_NAME = "apart"
"""The name of the file that names what is kept apart: the worktree, relative to the git directory; then the files."""


def find_common_dir(git_dir: str) -> str:
    """Return the git directory that all worktrees share, for that of one of them (gitrepository-layout(5)).

    Nothing but a git directory in its folder `worktrees` can name it: an archive could name that of another project.
    """
    place = os.path.join(git_dir, "commondir")
    try:
        if not os.path.isfile(place):
            return git_dir
        with open(place, "rb") as file:
            common = os.path.realpath(os.path.join(git_dir, os.fsdecode(file.read(1 << 16).strip())))
    except (OSError, ValueError):
        return git_dir
    is_ours = os.path.dirname(os.path.realpath(git_dir)) == os.path.join(common, "worktrees")
    return common if is_ours else git_dir


def folders(start: str) -> list[str]:
    """Return the folder `start` and its parents, up to the root of its git repository.

    Raises:
        NotFoundError: The current folder no longer exists.
    """
    try:
        folder = start if os.path.isabs(start) else os.path.join(os.getcwd(), start)
    except FileNotFoundError:
        raise NotFoundError("The current folder has been removed; change to one that exists.") from None
    # Like pathlib, keep `a/..`: `a` may be a symbolic link.
    folder = os.sep + os.sep.join(part for part in folder.split(os.sep) if part not in ("", "."))
    paths = [folder]
    while not os.path.lexists(os.path.join(folder, ".git")) and os.path.dirname(folder) != folder:
        folder = os.path.dirname(folder)
        paths.append(folder)
    return paths


def find_git_dir(folder: str) -> tuple[str, str] | None:
    """Return the top of the repository that contains a folder, and its git directory; None if there is none.

    The search is that of git: for a `.git` that is a folder, or a file that
    names one (in a worktree or submodule).  Running git would cost 5 ms.
    """
    folder = os.path.join(os.getcwd(), folder)
    while True:
        git_dir = _git_dir(os.path.join(folder, ".git"))
        if git_dir is not None:
            return folder, git_dir
        parent = os.path.dirname(folder)
        if parent == folder:
            return None
        folder = parent


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
    """Return the file of the active step: in the clone's git directory or, without git, the user's state folder."""
    if git_dir is not None:
        return os.path.join(git_dir, CLONE_FOLDER, "active")
    state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    # A user without a home folder, as in some containers: nothing can be read or written there.
    state = os.devnull if state.startswith("~") else state
    return os.path.join(state, CLONE_FOLDER, os.path.realpath(log).replace(os.sep, "%")[-200:], "active")


def shorten_path(path: str) -> str:
    """Return a path relative to the current folder, or as it is if that is shorter."""
    relative = os.path.relpath(path)
    return relative if _count_names(relative) <= _count_names(path) else path


def _count_names(path: str) -> int:
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
