"""The command that creates or adopts a log: init."""

import json
import os
import shlex
import sys
from typing import TYPE_CHECKING, NamedTuple

import click

from orglab.api import Log
from orglab.api.setup import Chosen, choose_log
from orglab.cli import output
from orglab.cli.options import json_option, log_options
from orglab.cli.render.adoption_text import WHAT_CHANGES, adopted_lines, adoption_lines, candidate_lines, hint_lines
from orglab.cli.render.setup_text import attached_lines, moved_lines
from orglab.config import CONFIG_NAME, LOG_NAME
from orglab.errors import NotFoundError, TextChangedError, UsageError
from orglab.experiment.model import strip_cookies
from orglab.experiment.named_parts import CONCLUSION_IN, STEPS_IN
from orglab.text import count, listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from orglab.api.setup import Attached, Initialized
    from orglab.experiment.adoption import Adoption
    from orglab.experiment.model import Experiment


class _Choice(NamedTuple):
    """Which headings are to become experiments: the certain ones, with others and without some."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


@click.command(name="init")
@click.option("--config", "with_config", is_flag=True, help=f"Also create {CONFIG_NAME}, with every setting explained.")
@click.option("--no-hooks", is_flag=True, help="Do not change git's hooks and merge settings.")
@click.option("--tracked", is_flag=True, help="Let the branches of the code hold the new log.")
@click.option("--apart", is_flag=True, help="Move an existing log to a branch of its own.")
@click.option("--adopt", is_flag=True, help="Adopt the headings that look like experiments, without asking.")
@click.option("--include", multiple=True, metavar="WHICH",
              help="Adopt also these: the letter of a group, or the line of a heading; may be repeated.")  # fmt: skip
@click.option("--exclude", multiple=True, metavar="WHICH", help="Do not adopt these; may be repeated.")
@click.option(
    "--template", is_flag=True, help="Also move the parts of what is adopted to the headings of the template."
)
@click.option("--dry-run", is_flag=True, help="Show what would be adopted, and change nothing.")
@json_option
@log_options
def init_command(
    include: tuple[str, ...], exclude: tuple[str, ...], *, adopt: bool, template: bool, dry_run: bool, **how: bool,
) -> None:  # fmt: skip
    """Create a log here, or adopt an Org file that you have.

    In a git repository, a new log is kept apart from the code: git ignores the
    file, and its history is the branch experiment-log. With --tracked, commits of
    the code hold it as any other file. With --apart, an existing log is moved to
    the branch, with its history. This also installs the git hooks (see
    `orglab setup git --help`).

    An existing file is read and described. On a terminal, orglab then asks whether
    to adopt the headings that look like experiments; --adopt does so without
    asking. Each becomes an experiment by a tag and an id. Steps, a conclusion and
    a date that are not where the template has them are named by properties.
    Nothing is moved or rewritten, unless --template asks for it: then steps and
    conclusions come under the headings of the template.

    \b
    Example:
      orglab init
      orglab --log LabBook.org init --dry-run
      orglab --log LabBook.org init --adopt --exclude 40 --include C
    """
    tracked, apart, as_json = how["tracked"], how["apart"], how["as_json"]
    choice = _Choice(include, exclude) if adopt or template or include or exclude else None
    if tracked and apart:
        raise UsageError("Use --tracked or --apart, not both.")
    if choice is not None and (tracked or apart):
        raise UsageError("--tracked and --apart are not for a file that is adopted; adopt it first.")
    chosen = choose_log(click.get_current_context().find_root().obj["log"], output.tell)
    log = Log(chosen.path, chosen.config)
    exists = os.path.lexists(log.path)
    if dry_run:
        _show_plan(log, choice or _Choice(), as_json=as_json)
        return
    if choice is not None and not exists:
        raise NotFoundError("There is no Org file here to adopt; name one with --log FILE.")
    shown: Adoption | None = None
    if exists and choice is None and not (as_json or apart) and sys.stdin.isatty() and output.is_terminal():
        shown = log.adopt()
        choice = _ask(log, shown)
    if choice is None and not chosen.is_certain:
        _suggest(log, shown, as_json=as_json)
        return
    is_custom = (
        exists and (choice is not None or how["with_config"]) and _choose_custom(log, is_asked=shown is not None)
    )
    if is_custom:
        log = Log(log.path, log.config._replace(id_property="CUSTOM_ID"))
    if choice is not None and shown is not None:
        template = _ask_template(log, choice)
    if choice is None:
        _create(log, chosen, _How(**how), was_shown=shown is not None)
    else:
        _adopt(log, choice, _How(**how), shown, template=template)
    if is_custom and not how["as_json"]:
        output.say(
            "New ids are written as :CUSTOM_ID:, because headings here have UUIDs as :ID:, as org-id makes them."
        )


def _choose_custom(log: Log, *, is_asked: bool) -> bool:
    """Return whether ids are to be written as `:CUSTOM_ID:`, where org-id has the property `:ID:`."""
    if log.config.id_property != "ID" or not log.uses_org_id():
        return False
    if not is_asked:
        return True
    click.echo(
        "Headings here have UUIDs as :ID:, as org-id makes them. A number there may be that of a heading elsewhere."
    )
    return click.confirm("Write the ids of experiments as :CUSTOM_ID: instead?", default=True)


class _How(NamedTuple):
    """The options of `init` that say how."""

    with_config: bool
    no_hooks: bool
    tracked: bool
    apart: bool
    as_json: bool


def _create(log: Log, chosen: Chosen, how: _How, *, was_shown: bool) -> None:
    """Create a log, or describe the one that exists, and set it up in git."""
    moved = log.move_apart() if how.apart else None
    # An Org file without experiments is one that was not written for orglab.
    is_foreign = os.path.lexists(log.path) and not log.experiments()
    is_shared = is_foreign and log.is_tracked()
    values = _AS_BEFORE if is_shared else {}
    initialized = log.init(with_settings=how.with_config, tracked=how.tracked, settings=values)
    attached = None if how.no_hooks else log.attach()
    if how.as_json:
        _show_json(log, initialized, attached, initialized.adoption)
        return
    if moved is not None:
        output.show(moved_lines(moved))
    elif initialized.adoption is None:
        is_renamed = log.path.name != chosen.path.name
        why = f" The name {chosen.path.name} is that of a file which git tracks or has tracked." if is_renamed else ""
        output.say(f'Created {log.path}.{why} Add the first experiment with: orglab new "TITLE" -d "WHAT YOU EXPECT"')
    elif not was_shown:
        output.show([*adoption_lines(log, initialized.adoption), *_hint(log, initialized.adoption)])
    _say_set_up(
        initialized, attached, _describe_hooks(log, is_shared=is_shared and how.with_config) if is_foreign else ""
    )


# The hooks and runs do not change how a notebook is committed that git tracks.
_AS_BEFORE: "Mapping[str, str | bool]" = {"separate": "off", "commit_log": False}


def _adopt(log: Log, choice: _Choice, how: _How, shown: "Adoption | None", *, template: bool) -> None:
    """Make headings experiments, name the log in a settings file if it needs one, and set it up in git."""
    adoption = log.adopt(choice.include, choice.exclude)
    if shown is not None and shown.document.text != adoption.document.text:
        raise TextChangedError(f"{log.path} has changed since it was shown; nothing was written.")
    if not adoption.chosen and not adoption.experiments:
        raise NotFoundError(f"Nothing in {log.path} looks like an experiment; name lines of headings with --include.")
    missing, is_custom = log.find_missing_setting(), log.config.id_property != "ID"
    chosen_journal, left_out = log.config.journal, _list_left_out(log, adoption)
    # Who commits the notebook with the code is not stopped by the hooks.
    is_shared = bool(adoption.chosen) and log.is_tracked()
    made = log.make_experiments(choice.include, choice.exclude, adoption) if adoption.chosen else []
    # What was adopted before may follow the template later.
    moved = log.follow_template([one.id for one in made or adoption.experiments]) if template else 0
    settings = log.path.parent / CONFIG_NAME
    needs_file = (missing is not None or is_custom or bool(left_out) or is_shared) and not settings.exists()
    values = {"not_experiments": left_out, **(_AS_BEFORE if is_shared else {})}
    initialized = log.init(with_settings=how.with_config or needs_file, settings=values)
    attached = None if how.no_hooks else log.attach()
    if how.as_json:
        _show_json(log, initialized, attached, adoption, made)
        return
    output.show(adopted_lines(log, adoption, made))
    if template and moved:
        output.say(f"Moved the parts of {count(moved, 'experiment')} to the headings of the template.")
    _say_set_up(initialized, attached, _describe_hooks(log, is_shared=is_shared and needs_file))
    if needs_file and log.config.journal != chosen_journal:
        output.say(f"The journal is {log.config.journal}, because the log has its usual name.")
    if missing is not None and not needs_file:
        output.say(f'Add this line to {missing}, so that commands find the log:  log = "{log.path.name}"')
    if left_out and not needs_file:
        titles = json.dumps(left_out, ensure_ascii=False)
        output.say(f"Add this line to {settings}, so that they stay left out:  not_experiments = {titles}")
    if is_custom and not needs_file:
        output.say(f'Add this line to {settings}, unless it is there:  id_property = "CUSTOM_ID"')


def _list_left_out(log: Log, adoption: "Adoption") -> list[str]:
    """Return the titles of the headings that look like experiments, and were not chosen."""
    chosen = {one.line for one in adoption.chosen}
    candidates = (one for group in adoption.candidates if group.is_certain for one in group.headings)
    titles = [
        strip_cookies(one.experiment.heading.title) for one in candidates if chosen and one.line not in chosen
    ]  # fmt: skip
    return [*log.config.not_experiments, *titles] if titles else []


def _describe_hooks(log: Log, *, is_shared: bool) -> str:
    """Return what the hooks change for someone who did not ask for them."""
    rest = (
        f"{log.path.name} may be in commits with other files, as before (hooks.separate in {CONFIG_NAME})"
        if is_shared
        else f"a commit of other files leaves {log.path.name} out, for a commit of its own (hooks.separate)"
    )
    return (
        f"They add the active experiment to the messages of commits; {rest}. `orglab setup git --remove` removes them."
    )


def _say_set_up(initialized: "Initialized", attached: "Attached | None", hooks: str = "") -> None:
    """Print what was created besides the log.

    Args:
        initialized: The log.
        attached: What was set up in git; None for nothing.
        hooks: What the hooks do, to print if they are new.
    """
    if initialized.settings is not None:
        output.say(f"Created {initialized.settings}.")
    for line in attached_lines(attached, hooks) if attached is not None else ():
        output.say(line)


def _show_json(
    log: Log,
    initialized: "Initialized | None",
    attached: "Attached | None",
    adoption: "Adoption | None",
    made: "Iterable[Experiment]" = (),
) -> None:
    from orglab.api.serialize_adoption import init_form  # noqa: PLC0415 - only for JSON

    output.show_json(init_form(log, initialized, attached, adoption, made))


def _show_plan(log: Log, choice: _Choice, *, as_json: bool) -> None:
    """Print what would be done."""
    exists = os.path.lexists(log.path)
    adoption = log.adopt(choice.include, choice.exclude) if exists else None
    if as_json:
        _show_json(log, None, None, adoption)
    elif adoption is None:
        output.say(f"Would create {log.path}.")
    else:
        output.show([*adoption_lines(log, adoption, is_whole=True), *_hint(log, adoption, choice)])


def _suggest(log: Log, shown: "Adoption | None", *, as_json: bool) -> None:
    """Describe an Org file that may be the log, and print how to use it as such.

    Raises:
        UsageError: The output is to be JSON.
    """
    name = shlex.quote(str(log.path))
    if as_json:
        raise UsageError(f"There is no {LOG_NAME} here; name the log, for example with --log {name}, or use --adopt.")
    if shown is None:
        adoption = log.adopt()
        output.show([*adoption_lines(log, adoption), *hint_lines(adoption)])
    click.echo(f"To make it the log without changing it:\n  orglab --log {name} init --config")
    click.echo(f"To start a new log beside it:\n  orglab --log {LOG_NAME} init")


def _hint(log: Log, adoption: "Adoption", choice: _Choice = _Choice()) -> "Iterator[str]":  # noqa: B008 - immutable
    """Yield how to adopt the file."""
    options = [f"--exclude {shlex.quote(name)}" for name in choice.exclude]
    options += [f"--include {shlex.quote(name)}" for name in choice.include]
    is_named = click.get_current_context().find_root().obj["log"] is not None
    return hint_lines(adoption, str(log.path) if is_named else None, " ".join(options))


def _ask(log: Log, adoption: "Adoption") -> _Choice | None:
    """Show what could be experiments, ask which of them are, and return the answer; None for none."""
    amount = len(adoption.chosen)
    output.show(adoption_lines(log, adoption))
    if not adoption.candidates or (adoption.experiments and not amount):
        return None
    click.echo("")
    letters = listed(group.letter for group in adoption.candidates if group.is_certain)
    what = f"Adopt the {count(amount, 'heading')} of {letters} as experiments?" if amount else "Adopt some of these?"
    question = output.wrap(f"{what} {WHAT_CHANGES} {_explain_answers(adoption)}", "")
    output.show(question)
    while True:
        answer = click.prompt("[y/N/l/...]", default="n", show_default=False)
        if answer.strip().lower() in ("l", "list"):
            output.show([*candidate_lines(adoption, is_whole=True), "", *question])
            continue
        try:
            choice = _read_answer(answer)
            if choice is not None:
                _require_some(log, choice, adoption)
        except UsageError as error:
            output.show(output.wrap(str(error), ""))
        else:
            return choice


def _require_some(log: Log, choice: _Choice, adoption: "Adoption") -> None:
    """Raise UsageError if an answer names what there is not, or chooses no heading."""
    if not log.adopt(choice.include, choice.exclude).chosen:
        raise UsageError(f"That chooses no heading. {_explain_answers(adoption)}")


def _explain_answers(adoption: "Adoption") -> str:
    """Return what may be answered, with the groups and lines that there are."""
    certain = [group for group in adoption.candidates if group.is_certain]
    others = [group for group in adoption.candidates if not group.is_certain]
    examples = [f"-{certain[0].headings[0].line} leaves out that line"] if certain else []
    if others:
        line = "" if certain else f" and +{others[0].headings[0].line} that line"
        examples.append(f"+{others[0].letter} adds group {others[0].letter}{line}")
    yes = "y or n" if certain else "n"
    return f"Answer {yes}; l lists all; {', '.join(examples)}."


def _ask_template(log: Log, choice: _Choice) -> bool:
    """Return whether the parts of the experiments are to be moved to the headings of the template; asks if some are."""
    chosen = log.adopt(choice.include, choice.exclude).chosen
    amount = sum(bool({STEPS_IN, CONCLUSION_IN} & one.experiment.properties.keys()) for one in chosen)
    if not amount:
        return False
    names = f"{log.config.steps} and {log.config.conclusions}"
    text = f"In {count(amount, 'experiment')}, steps or a conclusion are elsewhere than the template has them."
    output.show(output.wrap(text, ""))
    return click.confirm(f"Move them to headings {names}, too?")


def _read_answer(answer: str) -> _Choice | None:
    """Return which headings an answer chooses, or None if it is no.

    Raises:
        UsageError: It is not understood.
    """
    words = answer.split()
    if [word.lower() for word in words] in (["n"], ["no"], ["q"], ["quit"], []):
        return None
    found: dict[str, list[str]] = {"+": [], "-": []}
    for word in words[1:] if words[0].lower() in ("y", "yes") else words:
        sign = ""
        # `-110,149` leaves out both.
        for part in filter(None, word.split(",")):
            sign, name = (part[0], part[1:]) if part[0] in "+-" else (sign, part)
            if not sign or not name:
                raise UsageError(
                    f"{part!r} is not understood: answer y or n, or letters and lines with + or - before them."
                )
            found[sign].append(name)
    return _Choice(tuple(found["+"]), tuple(found["-"]))
