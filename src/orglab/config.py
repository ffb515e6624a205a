"""The settings of a log and their defaults, and the places of its files."""

import os
import stat
from collections.abc import Mapping
from typing import NamedTuple

from orglab.errors import NotFoundError

LOG_NAME = "experiment_log.org"
DEFAULT_TITLE = "Experiment log"
CONFIG_NAME = "orglab.toml"
TERMS_NAME = "orglab-terms.txt"
JOURNAL_NAME = "journal.org"
MARKDOWN_SUFFIXES = (".md", ".markdown", ".mdown", ".mkd")
DEFAULT_TAG = "exp"
DEFAULT_KEYWORDS = "TODO INPROGRESS WAIT | DONE CANCELED"
VERDICTS = ("supported", "refuted", "inconclusive")
CLONE_FOLDER = "orglab"
"""The name of orglab's folder in a git directory, and in the user's state and cache folders."""


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
        link: Ignored paths that are linked into the working trees made for runs, such as `data`; relative
            to the top of the repository.
    """

    before: str = "commit"
    results: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    size_limit: int = 10
    snapshot_files: int = 2000
    snapshot_size: int = 100
    commit_log: bool = True
    share_output: bool = True
    link: tuple[str, ...] = ()


class SweepConfig(NamedTuple):
    """What `orglab sweep` does; `[sweep]`.  Only the user's own configuration can have it, because it names commands.

    Attributes:
        before_each: A shell command to run before each version.
        after_each: A shell command to run after each version.
    """

    before_each: str = ""
    after_each: str = ""


class SlurmConfig(NamedTuple):
    """What `orglab sweep --on slurm` does; `[slurm]`.  Only the user's own configuration can have it.

    Attributes:
        options: Options for sbatch, as on a command line, such as `--partition=gpu --time=4:00:00`.  They can name
            commands to run and files to write.
    """

    options: str = ""


class ReportConfig(NamedTuple):
    """How a report is written; `[report]`.

    Attributes:
        title: The name of the study; empty for the `#+TITLE` of the log.
        author: The author; empty for the `#+AUTHOR` of the log, or the name that git knows.
        template: A Jinja2 template for reports in its format; relative to the settings file there, to the current
            folder or absolute here; empty for none.
        pictures_outside: Whether a report has pictures from outside of the repository; only the user's own
            configuration can say so.
    """

    title: str = ""
    author: str = ""
    template: str = ""
    pictures_outside: bool = False


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
        not_experiments: The titles of headings that `orglab init --adopt` leaves out.
        similar: Whether `orglab new` shows earlier experiments that tried the same idea.
        hooks: What the git hooks do.
        run: What `orglab run` does.
        sweep: What `orglab sweep` does.
        slurm: What `orglab sweep --on slurm` does.
        report: How a report is written.
        metrics: Which value of a metric is the best, `min` or `max`, by name; the metric named first is shown first.
        refused: A sentence for each setting that does not count, because it is unknown or has an invalid value.
    """

    log: str = LOG_NAME
    journal: str = JOURNAL_NAME
    tag: str = DEFAULT_TAG
    tags: tuple[str, ...] = ("exp",)
    verdicts: tuple[str, ...] = ()
    letter: str = "e"
    id_property: str = "ID"
    notes: str = "Notes"
    steps: str = "Experiments"
    conclusions: str = "Conclusions"
    keywords: str = DEFAULT_KEYWORDS
    not_experiments: tuple[str, ...] = ()
    similar: bool = True
    hooks: HooksConfig = HooksConfig()
    run: RunConfig = RunConfig()
    sweep: SweepConfig = SweepConfig()
    slurm: SlurmConfig = SlurmConfig()
    report: ReportConfig = ReportConfig()
    metrics: Mapping[str, str] = {}
    refused: tuple[str, ...] = ()

    @property
    def all_verdicts(self) -> tuple[str, ...]:
        """The words that a verdict may be."""
        return (*VERDICTS, *self.verdicts)


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
    folder = os.path.join(common, CLONE_FOLDER)
    data = read_regular(os.path.join(folder, APART_NAME), _MOST_APART, flags=os.O_NOFOLLOW)
    if not data or b"\0" in data or len(data) >= _MOST_APART or os.path.islink(folder):
        return None
    relative, *lines = os.fsdecode(data).split("\n")
    names, home = [*filter(None, lines)], os.path.normpath(os.path.join(common, relative))
    if len(names) > MOST_FILES or not _is_home(home, top, common):
        return None
    return Apart(top, home, tuple(names)) if all(_is_apart_name(home, name) for name in names) else None


def _is_home(home: str, top: str, common: str) -> bool:
    """Return whether a folder is the top of a worktree of a repository, or was, and is gone."""
    if home == top or common == os.path.join(home, ".git"):
        return True
    git_dir = _git_dir(os.path.join(home, ".git"))
    if git_dir is None:
        return not os.path.lexists(home)
    real, shared = os.path.realpath(git_dir), os.path.realpath(common)
    return shared in (real, find_common_dir(real))


def _is_apart_name(home: str, name: str) -> bool:
    """Return whether a file may be kept apart: it is an Org file below the top, and its folder is no link."""
    parts = name.split("/")
    is_safe = not any(part in ("", ".", "..") or is_git_name(part) for part in parts)
    is_org = name.endswith((".org", f".org{ARCHIVE_SUFFIX}"))
    return is_safe and is_org and (len(parts) == 1 or is_real_place(home, name))


MOST_FILES = 50
"""The largest number of files that are kept apart."""
_MOST_APART = 1 << 18
APART_NAME = "apart"
"""The name of the file that names what is kept apart: the worktree, relative to the git directory; then the files."""


def find_common_dir(git_dir: str) -> str:
    """Return the git directory that all worktrees share, for that of one of them (gitrepository-layout(5))."""
    named = read_regular(os.path.join(git_dir, "commondir"), _MOST_PATH)
    if not named or b"\0" in named:
        return git_dir
    common = os.path.realpath(os.path.join(git_dir, os.fsdecode(named.rstrip(b"\r\n"))))
    # git puts that file into the directories of worktrees alone, and is not started where it is elsewhere.
    return common if os.path.dirname(os.path.realpath(git_dir)) == os.path.join(common, "worktrees") else git_dir


_MOST_PATH = 1 << 14


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
    if os.path.isdir(place):
        return place if is_git_folder(place) else None
    named = read_regular(place, _MOST_PATH) or b""
    if b"\0" in named or not named.startswith(b"gitdir: "):
        return None
    return os.path.join(os.path.dirname(place), os.fsdecode(named.removeprefix(b"gitdir: ").rstrip(b"\r\n")))


def is_git_folder(folder: str) -> bool:
    """Return whether git takes a folder for a git directory, by the test of its `is_git_directory`."""
    if read_head(folder) is None:
        return False
    if os.path.lexists(os.path.join(folder, "commondir")):
        return True  # It names the folder of the others.
    return all(os.access(os.path.join(folder, name), os.X_OK) for name in ("objects", "refs"))


def read_head(git_dir: str) -> str | None:
    """Return the ref that HEAD names, such as `refs/heads/main`; an empty text for a hash, None for anything else."""
    place = os.path.join(git_dir, "HEAD")
    try:
        text = b"ref:" + os.fsencode(os.readlink(place))
    except (OSError, ValueError):
        text = read_regular(place, _MOST_PATH) or b""
    name = text.removeprefix(b"ref:").strip() if text.startswith(b"ref:") else b""
    if name.startswith(b"refs/"):
        return os.fsdecode(name)
    return "" if len(text) >= _HASH and not text[:_HASH].strip(b"0123456789abcdefABCDEF") else None


_HASH = 40


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


def is_git_name(name: str) -> bool:
    """Return whether a file system may take a name for `.git`."""
    return name.lower().rstrip(" .") in (".git", "git~1")


def is_real_place(top: str, name: str) -> bool:
    """Return whether the folder of a path from the top of a worktree is there, or can be made there, without a link."""
    folder = os.path.dirname(name)
    return os.path.realpath(os.path.join(top, folder)) == os.path.normpath(os.path.join(os.path.realpath(top), folder))


def read_regular(path: str, size: int, *, flags: int = 0) -> bytes | None:
    """Return the first bytes of a regular file; None if it is not one or cannot be read.

    Args:
        path: The file.
        size: The number of bytes.
        flags: Further flags for opening it.
    """
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | flags), "rb") as file:
            return file.read(size) if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else None
    except (OSError, ValueError):
        return None
