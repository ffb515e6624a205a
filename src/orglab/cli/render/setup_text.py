"""The commands about git hooks: hooks install, uninstall and status."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import click

import orglab
from orglab.api import Log
from orglab.api.serialize import render
from orglab.cli import output
from orglab.cli.options import log_options, this_log
from orglab.errors import NotFoundError
from orglab.git import Repository, find_repository
from orglab.git import hook_install as shims
from orglab.git.hook_install import HOOKS, Installed, Place
from orglab.git.worktree import top_path

# A person without orglab has no such script, and is not troubled.
_CALL = 'hook=$(git rev-parse --git-common-dir)/orglab/hook; [ ! -x "$hook" ] || "$hook"'
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


@hooks_command.command(name="install", short_help="Install them beside those that are there.")
@log_options
def install_command() -> None:
    """Install the git hooks beside those that are there, which run as before.

    \b
    Example:
      orglab hooks install
    """
    log = this_log()
    output.show(installed_lines(install_hooks(log, _repository(log))))


def _repository(log: Log) -> Repository:
    """Return the repository whose hooks are meant: the one that the log is in.

    Raises:
        NotFoundError: There is none.
    """
    found = find_repository(Path(os.path.realpath(log.path)).parent)
    if found is None:
        raise NotFoundError(f"{log.path} is not in a git repository; make one with `git init`.")
    return found


def install_hooks(log: Log, repository: Repository) -> Installed:
    """Install the hooks that look after a log."""
    folder = os.path.dirname(top_path(repository, Path(os.path.realpath(log.path))) or "")  # noqa: PTH120 - a name
    return shims.install(repository, sys.executable, Path(orglab.__file__).resolve().parents[1], folder or ".")


def installed_lines(done: Installed) -> Iterator[str]:
    """Yield what there is to say about an installation."""
    where = output.clean(_short(done.place.folder))
    if not done.place.is_ours:
        yield from _by_hand(done.place, where)
    elif done.is_new:
        yield f"Installed the git hooks in {where}."
        if done.kept:
            yield f"What was there runs as before: {', '.join(done.kept)}."
    else:
        yield f"The git hooks are installed in {where} already."


def _short(path: Path) -> str:
    return os.path.relpath(path) if len(os.path.relpath(path)) < len(str(path)) else str(path)


def _by_hand(place: Place, folder: str) -> Iterator[str]:
    """Yield why the hooks folder is left alone, and what to add where."""
    if place.manager == "lefthook":
        yield from _for_lefthook()
        return
    if place.manager == "overcommit":
        yield from _for_overcommit()
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
        yield f'    {_CALL} {name} "$@" || exit'


def _for_lefthook() -> Iterator[str]:
    """Yield what to add for lefthook, which gives a command its arguments as `{0}`."""
    yield "lefthook writes the hooks of this repository; add to lefthook.yml (or lefthook-local.yml):"
    for name in HOOKS:
        yield f"  {name}:"
        yield "    commands:"
        yield "      orglab:"
        yield f"        run: {_CALL} {name} {{0}}"
        if name == "post-rewrite":
            yield "        use_stdin: true"


def _for_overcommit() -> Iterator[str]:
    """Yield what to add for overcommit, which runs scripts that git tracks only, and gives them the arguments."""
    yield "overcommit writes the hooks of this repository. Put this into bin/orglab-hook, make it executable and"
    yield "commit it:"
    yield "  #!/bin/sh"
    yield f'  {_CALL} "$@"'
    yield "Add to .overcommit.yml, and run `overcommit --sign`:"
    for name in HOOKS:
        yield f"  {name.title().replace('-', '')}:"
        yield "    Orglab:"
        yield "      enabled: true"
        yield f"      command: ['bin/orglab-hook', '{name}']"


@hooks_command.command(name="uninstall", short_help="Take them away again.")
@log_options
def uninstall_command() -> None:
    """Take the git hooks away, and put back what was there before.

    \b
    Example:
      orglab hooks uninstall
    """
    back = shims.uninstall(_repository(this_log()))
    click.echo("Took the git hooks away." + (f" Put back: {', '.join(back)}." if back else ""))


@hooks_command.command(name="status", short_help="Say how they are.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@log_options
def status_command(*, as_json: bool) -> None:
    """Say how it stands with each hook, and whether the interpreter that they start is there.

    \b
    Example:
      orglab hooks status
    """
    repository = _repository(this_log())
    place, states = shims.find_place(repository), shims.read_states(repository)
    python = shims.read_interpreter(repository)
    is_there = python is not None and os.access(python, os.X_OK)
    if as_json:
        form = {
            "folder": str(place.folder),
            "manager": place.manager,
            "interpreter": None if python is None else {"path": str(python), "is_there": is_there},
            "hooks": [{"name": one.name, "state": one.state, "kept": one.kept and str(one.kept)} for one in states],
        }
        output.show([render(form)])
        return
    lines = []
    for one in states:
        behind = f", beside {one.kept.name}" if one.kept is not None else ""
        lines += output.wrap(f"{one.state + behind}: {_DOES[one.name]}", " " * 20, f"{one.name:<20}")
    state = f"{python} {'is there' if is_there else 'is gone; run `orglab hooks install`'}"
    lines += output.wrap(state if python else "none; run `orglab hooks install`", " " * 20, f"{'interpreter':<20}")
    output.show(lines)
