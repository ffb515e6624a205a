"""The commands about git hooks: hooks install, uninstall and status."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import click

import orglab
from orglab.cli import output
from orglab.cli.options import log_options, this_log
from orglab.errors import NotFoundError
from orglab.git import Repository, find_repository, shims
from orglab.git.changes import top_path
from orglab.git.shims import HOOKS, LINE, Place
from orglab.log import Log

_DOES = {
    "pre-commit": "keeps the log and other files in separate commits",
    "prepare-commit-msg": "puts the active step before the subject",
    "commit-msg": "looks up what the message names",
    "post-commit": "says which step the commit belongs to",
    "post-rewrite": "writes down which commit became which",
}


@click.group(name="hooks")
def hooks_command() -> None:
    """Install the git hooks, take them away, or say how they are.

    They never stop a commit because orglab is missing or broken.

    \b
    Example:
      orglab hooks install
      orglab hooks status
    """


@hooks_command.command(name="install")
@log_options
def install_command() -> None:
    """Install the git hooks beside those that are there, which run as before.

    \b
    Example:
      orglab hooks install
    """
    log = this_log()
    output.show(install_hooks(log, _repository(log)))


def _repository(log: Log) -> Repository:
    """Return the repository whose hooks are meant: the one that the log is in.

    Raises:
        NotFoundError: There is none.
    """
    found = find_repository(Path(os.path.realpath(log.path)).parent)
    if found is None:
        raise NotFoundError(f"{log.path} is not in a git repository; make one with `git init`.")
    return found


def install_hooks(log: Log, repository: Repository) -> Iterator[str]:
    """Install the hooks, and yield what there is to say about it."""
    folder = os.path.dirname(top_path(repository, Path(os.path.realpath(log.path))) or "")  # noqa: PTH120 - a name
    package = Path(orglab.__file__).resolve().parents[1]
    place = shims.install(repository, sys.executable, package, folder or ".")
    if not place.is_ours:
        yield from _by_hand(place)
        return
    yield output.clean(f"Installed the git hooks in {_short(place.folder)}.")
    kept = [state.name for state in shims.read_states(repository) if state.kept is not None]
    if kept:
        yield f"  {', '.join(kept)}: what was there runs as before."


def _short(path: Path) -> str:
    return os.path.relpath(path) if len(os.path.relpath(path)) < len(str(path)) else str(path)


def _by_hand(place: Place) -> Iterator[str]:
    """Yield why the hooks folder is left alone, and what to add where."""
    folder = output.clean(_short(place.folder))
    if place.manager == "lefthook":
        yield "lefthook writes the hooks of this repository; add to lefthook.yml (or lefthook-local.yml):"
        for name in HOOKS:
            yield f"  {name}:"
            yield "    commands:"
            yield "      orglab:"
            yield f"        run: {_guarded(name, '{0}')}"
            if name == "post-rewrite":
                yield "        use_stdin: true"
        return
    if place.manager == "overcommit":
        yield "overcommit writes the hooks of this repository; add to .overcommit.yml, then `overcommit --sign`:"
        for name in HOOKS:
            yield f"  {name.title().replace('-', '')}:"
            yield "    Orglab:"
            yield "      enabled: true"
            yield f"      command: ['sh', '-c', '{_guarded(name, chr(34) + '$@' + chr(34))}', 'sh']"
        return
    if place.manager == "husky":
        yield "husky writes the hooks of this repository; add a line to each of these scripts in .husky:"
    elif place.scope in ("global", "system"):
        yield f"core.hooksPath ({place.scope}) takes the hooks from {folder}, for other repositories too, so it was"
        yield "left alone; add a line to each of these scripts there:"
    else:
        yield f"core.hooksPath takes the hooks from {folder}, which is shared with others, so it was left alone;"
        yield "add a line to each of these scripts there:"
    for name in HOOKS:
        yield f"  {name}:"
        yield f"    {LINE.format(name=name)}"


def _guarded(name: str, arguments: str) -> str:
    return f'hook=$(git rev-parse --git-common-dir)/orglab/hook; [ ! -x "$hook" ] || "$hook" {name} {arguments}'


@hooks_command.command(name="uninstall")
@log_options
def uninstall_command() -> None:
    """Take the git hooks away, and put back what was there before.

    \b
    Example:
      orglab hooks uninstall
    """
    back = shims.uninstall(_repository(this_log()))
    click.echo("Took the git hooks away." + (f" Put back: {', '.join(back)}." if back else ""))


@hooks_command.command(name="status")
@log_options
def status_command() -> None:
    """Say how it stands with each hook, and whether the interpreter that they start is there.

    \b
    Example:
      orglab hooks status
    """
    repository = _repository(this_log())
    lines = []
    for one in shims.read_states(repository):
        behind = f", beside {one.kept.name}" if one.kept is not None else ""
        lines.append(f"{one.name:<18}  {one.state + behind:<24}  {_DOES[one.name]}".rstrip())
    python = shims.read_interpreter(repository)
    if python is not None:
        state = "is there" if os.access(python, os.X_OK) else "is gone; run `orglab hooks install`"
        lines.append(output.clean(f"{'interpreter':<18}  {python} {state}"))
    else:
        lines.append(f"{'interpreter':<18}  none: run `orglab hooks install`")
    output.show(lines)
