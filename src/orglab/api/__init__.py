"""The API: `Log`, with a method for each command.

Methods return plain values and print nothing; the caller decides how to show them.  Each method imports what it needs
when it is called.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from orglab.api.ask import AskMethods
from orglab.api.commit_rules import CommitMethods
from orglab.api.import_log import ImportMethods
from orglab.api.setup import find_restored_log
from orglab.api.share import ShareMethods
from orglab.api.status import StatusMethods
from orglab.config import LOG_NAME, find_apart, folders, shorten_path
from orglab.errors import NotFoundError
from orglab.git import find_repository
from orglab.git.private_files import open_regular, read_regular
from orglab.settings.settings_files import find_log
from orglab.text import Tell, listed

if TYPE_CHECKING:
    from orglab.config import Apart
    from orglab.runs.script_run import ScriptRun

__all__ = ["Log", "open_log", "run"]

_BEGINNING = 1 << 14
"""How much of a log is looked at for the version of its format."""


class Log(CommitMethods, AskMethods, ShareMethods, StatusMethods, ImportMethods):
    """One experiment log, with a method for each command.

    Each reading method reads the file again. Each writing method replaces the file
    durably, under a lock, and returns what the log holds afterwards.

    Attributes:
        path: The file.
        config: The settings.
        anyway: Whether to write although something speaks against it: unsaved changes in an editor, or a verdict that
            the runs contradict.
        author: The name that marks notes, conclusions and runs; None for a person.
    """


def open_log(
    path: str | os.PathLike[str] | None = None,
    *,
    start: str | os.PathLike[str] = ".",
    anyway: bool = False,
    author: str | None = None,
    tell: Tell | None = None,
) -> Log:
    """Open the experiment log.

    Args:
        path: The file; if None, it is found from `start`, as on the command line.
        start: The folder where the search begins.
        anyway: Whether to write although something speaks against it, see `Log`.
        author: The name that marks what is written; that of the variable `ORGLAB_AUTHOR` if None.
        tell: Called with each message about what git has done to the log since; if None, only a log that is kept
            apart and was removed from the working tree is put back.

    Raises:
        NotFoundError: There is no log.
    """
    given = os.fspath(path) if path is not None else None
    try:
        log_path, config = find_restored_log(Path(start), given, tell)
    except NotFoundError:
        if not _adopt_branch(Path(start), tell):
            _explain_removed([Path(folder, LOG_NAME) for folder in folders(os.fspath(start))])
            _raise_with_hint(Path(start))
            raise
        log_path, config = find_log(Path(start), given)
    if tell is not None:
        for refused in config.refused:
            tell(refused)
    log = Log(log_path, config, anyway=anyway, author=author)
    apart = find_apart(os.fspath(start))
    if apart is not None and apart.find_name(os.fspath(log_path)) is None:
        apart = _follow_move(log, tell) or apart
    if apart is not None and apart.find_name(os.fspath(log_path)) is not None:
        # The file may be in another worktree; commits, HEAD and the active step are those of this one.
        log.repository = find_repository(Path(start))
    if tell is not None if os.path.lexists(log_path) else log.is_apart:
        log.notice_file(tell or (lambda _: None))
    try:
        log.path.lstat()
        if tell is not None:
            _tell_format(log.path, tell)
    except (FileNotFoundError, NotADirectoryError) as error:
        _explain_removed([log.path])
        raise NotFoundError(f"There is no file {log.path}; create it with `orglab --log {log.path} init`.") from error
    except OSError:
        pass  # Reading the log will report it.
    return log


def _tell_format(path: Path, tell: Tell) -> None:
    """Say so if a log has a later version of the format; its mark is near the beginning.

    Raises:
        OSError: The file cannot be read.
    """
    with os.fdopen(open_regular(path, follow=True), "rb") as file:
        begin = file.read(_BEGINNING)
    if b"ORGLAB_FORMAT" in begin.upper():
        from orglab.experiment.format_version import describe_newer_format, find_newer_mark

        newer = find_newer_mark(begin)
        if newer is not None:
            tell(describe_newer_format(newer[0]))


def _follow_move(log: Log, tell: Tell | None) -> "Apart | None":
    """Go on keeping a log apart whose folder was moved; return the files that are kept apart then, or None."""
    from orglab.log.apart import find_apart_files, follow_move

    repository = log.repository
    try:
        if repository is None or not follow_move(repository, log.path):
            return None
    except OSError:
        return None
    vars(log).pop("_apart_name", None)
    if tell is not None:
        tell(f"{shorten_path(os.fspath(log.path.absolute()))} was moved, and is kept apart as before.")
    return find_apart_files(repository)


def _raise_with_hint(start: Path) -> None:
    """Raise an error that says how to get the log of a remote, if there is a remote."""
    repository = find_repository(start)
    try:
        has_remote = repository is not None and b"[remote " in read_regular(
            repository.common_dir / "config", follow=True
        )
    except OSError:
        has_remote = False
    if has_remote:
        raise NotFoundError(
            f"No {LOG_NAME} in this folder or a parent folder; take that of a remote with `orglab sync`, create one "
            "with `orglab init`, or name one with --log."
        )


def _explain_removed(paths: Sequence[Path]) -> None:
    """Say how git brings a log back that was removed from the working tree.

    Raises:
        NotFoundError: git has one of the files.
    """
    from orglab.log.removed_file import find_restore_command

    for path in paths:
        if (command := find_restore_command(path)) is not None:
            where = shorten_path(os.fspath(path))
            raise NotFoundError(f"{where} was removed from the working tree; `{command}` brings it back.")


def _adopt_branch(start: Path, tell: Tell | None) -> bool:
    """Put the logs of the branch `experiment-log` into the working tree; return whether there is one."""
    from orglab.errors import GitError, NotWritableError
    from orglab.log.apart import adopt_branch

    try:
        adopted = adopt_branch(start)
    except (GitError, NotWritableError) as error:
        raise NotFoundError(f"The log could not be taken from its branch: {error}") from error
    if adopted and tell is not None:
        names = listed(shorten_path(os.fspath(path)) for path in adopted)
        tell(f"Took {names} from the branch experiment-log; `orglab init` also installs the git hooks.")
    return bool(adopted)


def run(
    reference: str | None = None,
    *,
    params: Mapping[str, object] | None = None,
    why: str | None = None,
    results: Sequence[str] = (),
    done: bool = False,
) -> "ScriptRun":
    """Begin a run of this script or notebook, and return it, as a context manager.

    The run is recorded as by `orglab run`. Its code is captured in a snapshot; nothing is committed or written to the
    log before the next orglab command, which commits the results and adds the note. In a process that `orglab run`
    started, or that a script with a run started, this joins that run; in a test (`orglab run --test`), nothing is
    recorded. A run that this process has begun and not ended
    is ended first.

        with orglab.run("201.1", params={"lr": 0.1, "seed": 3}) as run:
            run.log(step=1, val_acc=0.9)

    Args:
        reference: The step or experiment; the active one if None.
        params: The parameters, in addition to the arguments of the script; mappings are flattened.
        why: Why it is run.
        results: Paths of results, in addition to the setting `run.results`.
        done: Whether to complete the step if the run succeeds.

    Raises:
        NotFoundError: There is no log, or no such experiment or step.
        UsageError: The reference is not valid, or `done` has no step.
        NotWritableError: The run cannot be recorded.
    """
    import logging

    from orglab.runs.cluster.ranks import find_rank, wait_for_run
    from orglab.runs.record import OUT
    from orglab.runs.script_run import ScriptRun, begin_script_run, find_joined, finish_own_run, join_run
    from orglab.runs.trial import is_test

    parameters, is_first = params or {}, not find_rank(os.environ)
    finish_own_run()
    if is_test(os.environ):
        return ScriptRun(None, Path(os.environ.get("ORGLAB_OUT", os.devnull)), lambda _: None)
    if (joined := find_joined(os.environ)) is not None:
        return join_run(joined[1], joined[0], parameters if is_first else {}, is_logging=is_first)
    log = open_log()
    if not is_first:
        first = wait_for_run(log, (), os.environ)
        out = first.folder / OUT if first is not None else Path(os.devnull)
        return join_run(out, first.id if first is not None else None, {}, is_logging=False)
    tell = logging.getLogger("orglab").info
    return begin_script_run(log, reference, parameters, tell, why=why, results=results, done=done)
