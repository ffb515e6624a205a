"""The output of `orglab init` and `orglab setup git`."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from orglab.api.setup import Attached, HookStatus
from orglab.cli import output
from orglab.git.hook_install import HOOKS, HooksFolder, Installed
from orglab.log.move import MovedApart
from orglab.text import count

# Does nothing where orglab is not installed and there is no such script.
_CALL = 'hook=$(git rev-parse --git-common-dir)/orglab/hook; [ ! -x "$hook" ] || "$hook"'
_STATES = {
    "by hand": "installed by hand",
    "old": "outdated",
    "other": "not installed (another hook is there)",
    "absent": "not installed",
}
_DOES = {
    "pre-commit": "keeps the log and other files in separate commits",
    "prepare-commit-msg": "adds the active step to the message",
    "commit-msg": "checks the references in the message",
    "post-commit": "prints the step that the commit belongs to",
    "post-rewrite": "records the new hashes of rewritten commits",
    "post-checkout": "notices a log that a checkout has replaced",
    "post-merge": "notices a log that a merge has replaced",
}


def moved_lines(moved: MovedApart) -> Iterator[str]:
    """Yield where a log that was moved to a branch of its own is now."""
    yield output.clean(f"The log is now {_short(moved.path.absolute())}, and git ignores it.")
    yield f"Its history is the branch experiment-log, with {count(moved.versions, 'version')}."
    if moved.commit is not None:
        yield output.clean(f"Removed {moved.old.name} from this branch in commit {moved.commit}.")
    elif moved.old.exists() and moved.old != moved.path:
        place = _short(moved.old.absolute())
        yield output.clean(f"{place} is still in this branch of the code: `git rm {place}` takes it out.")


def attached_lines(attached: Attached, what: str = "") -> Iterator[str]:
    """Yield what was set up in git for a log; `what` follows new hooks and says what they do."""
    if attached.hooks is not None and attached.hooks.is_new:
        yield from installed_lines(attached.hooks)
        yield from output.wrap(what, "  ") if what else ()
    if attached.is_left_to_others:
        yield "The git hooks were not installed, because another tool manages them here: see `orglab setup git`."
    yield from changed_lines(attached.changed)


def changed_lines(paths: Iterable[Path]) -> Iterator[str]:
    """Yield the changed files that have git merge the log with orglab."""
    for path in paths:
        text = f"Updated {path}, so that orglab merges the log in git. Commit {path.name} with your code."
        yield from output.wrap(text, "  ", "")


def installed_lines(installed: Installed) -> Iterator[str]:
    """Yield whether the hooks were installed, or how to add them by hand."""
    where = output.clean(_short(installed.place.folder))
    if not installed.place.is_ours:
        yield from _by_hand(installed.place, where)
    elif installed.is_new:
        yield f"Installed the git hooks in {where}."
        if installed.kept:
            yield f"Existing hooks keep running: {', '.join(installed.kept)}."
    else:
        yield f"The git hooks are already installed in {where}."


def _short(path: Path) -> str:
    return os.path.relpath(path) if len(os.path.relpath(path)) < len(str(path)) else str(path)


def _by_hand(place: HooksFolder, folder: str) -> Iterator[str]:
    """Yield why the hooks folder was left alone, and what to add by hand."""
    if place.manager == "lefthook":
        yield from _for_lefthook()
        return
    if place.manager == "overcommit":
        yield from _for_overcommit()
        return
    if place.manager == "husky":
        yield "The hooks were not installed, because husky manages them here. Add this line to each script in .husky:"
    elif place.scope in ("global", "system"):
        yield f"The hooks were not installed: core.hooksPath ({place.scope}) points to {folder}, which other"
        yield "repositories use too. Add this line to each script there:"
    else:
        yield f"The hooks were not installed: core.hooksPath points to {folder}, which is shared with others."
        yield "Add this line to each script there:"
    for name in HOOKS:
        yield f"  {name}:"
        yield f'    {_CALL} {name} "$@" || exit'


def _for_lefthook() -> Iterator[str]:
    """Yield what to add for lefthook, which gives a command its arguments as `{0}`."""
    yield "The hooks were not installed, because lefthook manages them here. Add to lefthook.yml:"
    for name in HOOKS:
        yield f"  {name}:"
        yield "    commands:"
        yield "      orglab:"
        yield f"        run: {_CALL} {name} {{0}}"
        if name == "post-rewrite":
            yield "        use_stdin: true"


def _for_overcommit() -> Iterator[str]:
    """Yield what to add for overcommit, which only runs tracked scripts, with the arguments of the hook."""
    yield "The hooks were not installed, because overcommit manages them here. Put this into bin/orglab-hook, make"
    yield "it executable and commit it:"
    yield "  #!/bin/sh"
    yield f'  {_CALL} "$@"'
    yield "Add to .overcommit.yml, and run `overcommit --sign`:"
    for name in HOOKS:
        yield f"  {name.title().replace('-', '')}:"
        yield "    Orglab:"
        yield "      enabled: true"
        yield f"      command: ['bin/orglab-hook', '{name}']"


def hook_status_lines(status: HookStatus) -> Iterator[str]:
    """Yield the state of each hook, and of the Python that they start."""
    for hook in status.hooks:
        state = _STATES.get(hook.state, hook.state)
        purpose = f": {_DOES[hook.name]}" if hook.state in ("installed", "by hand", "old") else ""
        kept = f"; your own hook still runs (saved as {hook.kept.name})" if hook.kept is not None else ""
        yield from output.wrap(state + purpose + kept, " " * 20, f"{hook.name:<20}")
    state = f"{status.interpreter} {'exists' if status.is_there else 'does not exist; run `orglab setup git`'}"
    interpreter = state if status.interpreter else "none; run `orglab setup git`"
    yield from output.wrap(interpreter, " " * 20, f"{'interpreter':<20}")
