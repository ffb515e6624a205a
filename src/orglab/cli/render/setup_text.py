"""The output of `orglab init` and `orglab setup git`."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from orglab.api import Log
from orglab.api.setup import Attached, HookStatus
from orglab.cli import output
from orglab.cli.render.experiment_text import format_time
from orglab.experiment.adoption import Adoption
from orglab.experiment.diagnostic import CODES
from orglab.experiment.model import Experiment
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


def adoption_lines(log: Log, adoption: Adoption) -> Iterator[str]:
    """Yield what is understood of an existing file, what could be an experiment, and what is not understood."""
    yield output.clean(f"{log.path} already exists, and was not changed.")
    yield ""
    yield output.paint("Understood", bold=True)
    yield from _understood(adoption)
    if adoption.nameless or adoption.candidates:
        yield ""
        title = "Could be experiments too" if adoption.experiments else "Could be experiments"
        yield output.paint(title, bold=True)
        yield from _possible(adoption, log)
    yield ""
    yield output.paint("Not understood", bold=True)
    for code, number in Counter(one.code for one in adoption.diagnostics).most_common():
        yield from output.wrap(CODES[code], "    ", f"  {number} {code}: ")
    yield (
        "  `orglab check` lists each with its line."
        if adoption.diagnostics
        else "  Nothing. (`orglab check` also checks the commits.)"
    )


def _understood(adoption: Adoption) -> Iterator[str]:
    """Yield the numbers of headings, states, experiments and their parts."""
    document, experiments = adoption.document, adoption.experiments
    levels = len({heading.level for heading in document.headings()})
    yield f"  {count(len(document), 'heading')}" + (f" on {count(levels, 'level')}" if len(document) else "")
    settings = document.settings
    words = f"{' '.join(settings.todo_names)} | {' '.join(settings.done_names)}"
    used = Counter(heading.state for heading in document.headings() if heading.state is not None)
    listed = ", ".join(f"{number} {state}" for state, number in used.most_common()) or "none in use"
    yield from output.wrap(f"states {words}: {listed}", "    ", "  ")
    if not experiments:
        yield "  no experiments"
        return
    progress = [one.progress for one in experiments]
    notes = sum(len(one.notes) + sum(len(step.notes) for step in one.steps) for one in experiments)
    steps = sum(one.total for one in progress)
    times = sorted(one.created.when.date().isoformat() for one in experiments if one.created)
    parts = [
        f"{count(len(experiments), 'experiment')} ({_describe_range(experiments)})",
        f"{count(steps, 'step')}, {sum(one.done for one in progress)} of them done" if steps else "no steps",
        count(notes, "note"),
        count(sum(bool(one.conclusion.text) for one in experiments), "conclusion"),
        f"from {times[0]} to {times[-1]}" if times else "no timestamps",
    ]
    yield from output.wrap("; ".join(parts), "    ", "  ")


def _describe_range(experiments: Sequence[Experiment]) -> str:
    """Return the references of the first and the last experiment."""
    first, last = experiments[0].ref, experiments[-1].ref
    return first if len(experiments) == 1 else f"{first} to {last}"


def _possible(adoption: Adoption, log: Log) -> Iterator[str]:
    """Yield which headings could be experiments, and how to make them experiments."""
    tag, free = log.config.tag, adoption.free_number
    if adoption.nameless:
        lines = ", ".join(str(heading.line_number) for heading in adoption.nameless[:5])
        more = ", ..." if len(adoption.nameless) > 5 else ""  # noqa: PLR2004 - enough to recognize them
        many = count(len(adoption.nameless), "heading")
        yield from output.wrap(f"{many} with the tag :{tag}: but without an id, line {lines}{more}:", "    ", "  ")
        which = "it" if len(adoption.nameless) == 1 else "them from"
        yield from output.wrap(
            f"`orglab check --fix` numbers {which} {log.config.letter}{free}",
            "    ",
        )
    for candidates in adoption.candidates:
        first, one = candidates.headings[0], candidates.example
        many = count(len(candidates.headings), "heading")
        yield from output.wrap(f"{many} {candidates.why}, such as line {first.line_number}:", "    ", "  ")
        yield "      " + output.fit(output.clean(f"{one.state or ''} {one.title}".strip()), 66).rstrip()
        facts = [count(one.progress.total, "step"), count(len(one.notes), "note")]
        facts.append(f"created {format_time(one.created)}" if one.created else "no time")
        facts.append(f"described as: {one.description[:60]}" if one.description else "no description")
        yield from output.wrap(f"would be {log.config.letter}{one.id or free}; {', '.join(facts)}", "    ")
    if adoption.candidates:
        text = f"To make a heading an experiment, write :{tag}: after its title; `orglab check --fix` gives it an id."
        yield from output.wrap(text, "  ")


def moved_lines(moved: MovedApart) -> Iterator[str]:
    """Yield where a log that was moved to a branch of its own is now."""
    yield output.clean(f"The log is now {_short(moved.path.absolute())}, and git ignores it.")
    yield f"Its history is the branch experiment-log, with {count(moved.versions, 'version')}."
    if moved.commit is not None:
        yield output.clean(f"Removed {moved.old.name} from this branch in commit {moved.commit}.")
    elif moved.old.exists() and moved.old != moved.path:
        place = _short(moved.old.absolute())
        yield output.clean(f"{place} is still in this branch of the code: `git rm {place}` takes it out.")


def attached_lines(attached: Attached) -> Iterator[str]:
    """Yield what was set up in git for a log."""
    if attached.hooks is not None and attached.hooks.is_new:
        yield from installed_lines(attached.hooks)
    if attached.is_left_to_others:
        yield "The git hooks were not installed, because another tool manages them here: see `orglab setup git`."
    yield from changed_lines(attached.changed)


def changed_lines(paths: Iterable[Path]) -> Iterator[str]:
    """Yield the changed files that have git merge the log with orglab."""
    for path in paths:
        yield output.clean(f"Updated {path}, so that orglab merges the log in git. Commit {path.name} with your code.")


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
