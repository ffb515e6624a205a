"""What `init` understood of a log, and the git hooks."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from orglab.api import Log
from orglab.api.setup import Attached, HookStatus
from orglab.cli import output
from orglab.cli.render.experiment_text import when
from orglab.experiment.adoption import Adoption
from orglab.experiment.diagnostic import CODES
from orglab.git.hook_install import HOOKS, HooksFolder, Installed
from orglab.text import count

# A person without orglab has no such script, and is not troubled.
_CALL = 'hook=$(git rev-parse --git-common-dir)/orglab/hook; [ ! -x "$hook" ] || "$hook"'
_DOES = {
    "pre-commit": "keeps the log and other files in separate commits",
    "prepare-commit-msg": "puts the active step before the subject",
    "commit-msg": "looks up what the message names",
    "post-commit": "says which step the commit belongs to",
    "post-rewrite": "writes down which commit became which",
}


def adoption_lines(log: Log, found: Adoption) -> Iterator[str]:
    """Yield what is understood of an existing log, what is not, and what would make it so."""
    yield output.clean(f"{log.path} is here already; nothing was changed.")
    yield ""
    yield output.paint("Understood", bold=True)
    yield from _understood(found)
    if found.nameless or found.candidates:
        yield ""
        yield output.paint("Could be experiments" if not found.experiments else "Could be experiments too", bold=True)
        yield from _possible(found, log)
    yield ""
    yield output.paint("Not understood", bold=True)
    for code, number in Counter(one.code for one in found.diagnostics).most_common():
        yield from output.wrap(CODES[code], "    ", f"  {number} {code}: ")
    yield (
        "  `orglab check` names each with its line."
        if found.diagnostics
        else "  Nothing. (`orglab check` asks git too.)"
    )


def _understood(found: Adoption) -> Iterator[str]:
    """Yield the counts of headings, states, experiments and what they hold."""
    document, experiments = found.document, found.experiments
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
    times = sorted(one.created.when.date().isoformat() for one in experiments if one.created)
    parts = [
        f"{count(len(experiments), 'experiment')}, {experiments[0].ref} to {experiments[-1].ref}",
        f"{count(sum(one.total for one in progress), 'step')}, {sum(one.done for one in progress)} of them done",
        count(notes, "note"),
        count(sum(bool(one.conclusion.text) for one in experiments), "conclusion"),
        f"from {times[0]} to {times[-1]}" if times else "no times",
    ]
    yield from output.wrap("; ".join(parts), "    ", "  ")


def _possible(found: Adoption, log: Log) -> Iterator[str]:
    """Yield which headings could be experiments, and what would make them so."""
    tag, free = log.config.tag, found.free_number
    if found.nameless:
        lines = ", ".join(str(heading.line_number) for heading in found.nameless[:5])
        more = ", ..." if len(found.nameless) > 5 else ""  # noqa: PLR2004 - enough to see which
        many = count(len(found.nameless), "heading")
        yield from output.wrap(f"{many} with the tag :{tag}: but without an id, line {lines}{more}:", "    ", "  ")
        yield from output.wrap(f"`orglab check --fix` makes them {log.config.letter}{free} and following", "    ")
    for candidates in found.candidates:
        first, one = candidates.headings[0], candidates.example
        many = count(len(candidates.headings), "heading")
        yield from output.wrap(f"{many} {candidates.why}, such as line {first.line_number}:", "    ", "  ")
        yield "      " + output.fit(output.clean(f"{one.state or ''} {one.title}".strip()), 66).rstrip()
        facts = [count(one.progress.total, "step"), count(len(one.notes), "note")]
        facts.append(f"created {when(one.created)}" if one.created else "no time")
        facts.append(f"described as: {one.description[:60]}" if one.description else "no description")
        yield from output.wrap(f"would be {log.config.letter}{one.id or free}; {', '.join(facts)}", "    ")
    if found.candidates:
        text = f"To make a heading an experiment, write :{tag}: behind its title; `orglab check --fix` gives it an id."
        yield from output.wrap(text, "  ")


def attached_lines(done: Attached) -> Iterator[str]:
    """Yield what is new in how a repository is tied to its log."""
    if done.hooks is not None and done.hooks.is_new:
        yield from installed_lines(done.hooks)
    if done.is_left_to_others:
        yield "The git hooks were not installed, because another tool manages them here: see `orglab setup git`."
    yield from changed_lines(done.changed)


def changed_lines(paths: Iterable[Path]) -> Iterator[str]:
    """Yield which files tell git to merge the log with orglab, and were changed."""
    for path in paths:
        yield f"Changed {path}: git merges the log with orglab. Commit it with your code."


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


def _by_hand(place: HooksFolder, folder: str) -> Iterator[str]:
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


def hook_status_lines(status: HookStatus) -> Iterator[str]:
    """Yield how it stands with each hook, and with what they start."""
    for one in status.hooks:
        behind = f", beside {one.kept.name}" if one.kept is not None else ""
        yield from output.wrap(f"{one.state + behind}: {_DOES[one.name]}", " " * 20, f"{one.name:<20}")
    state = f"{status.interpreter} {'is there' if status.is_there else 'is gone; run `orglab setup git`'}"
    found = state if status.interpreter else "none; run `orglab setup git`"
    yield from output.wrap(found, " " * 20, f"{'interpreter':<20}")
