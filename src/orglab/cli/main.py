"""The group of all commands, and the one place where errors become a sentence and an exit code."""

import os
from collections.abc import Sequence

import click

from orglab.cli.output import clean, tolerate_encoding_errors
from orglab.errors import OrglabError

# Which module holds each command: only that one is imported.
COMMANDS = {
    "init": "setup_commands", "completion": "setup_commands", "hooks": "setup_commands",
    "new": "write_commands", "step": "write_commands", "note": "write_commands", "journal": "write_commands",
    "edit": "write_commands",
    "start": "decide_commands", "done": "decide_commands", "undo": "decide_commands", "conclude": "decide_commands",
    "state": "decide_commands", "renumber": "decide_commands",
    "run": "run_commands", "runs": "run_commands", "run-diff": "run_commands", "rerun": "run_commands",
    "sync": "run_commands",
    "list": "look_commands", "show": "look_commands", "next": "look_commands",
    "search": "ask_commands", "similar": "ask_commands", "tried": "ask_commands", "refs": "ask_commands",
    "resolve": "ask_commands", "log": "ask_commands", "why": "ask_commands",
    "report": "share_commands", "commit": "share_commands",
    "check": "care_commands",
}  # fmt: skip

# What only git calls: found, and not listed.
PLUMBING = {
    "merge-driver": "care_commands",
}

# One line each, in the order people meet them; `orglab --help` imports no command.
SUMMARIES = {
    "init": "Make a log here, or say what an existing one holds.",
    "new": "Write down a new experiment.",
    "step": "Add a step to an experiment.",
    "note": "Note something, with the time and the commit.",
    "start": "Begin to work on an experiment or a step.",
    "run": "Run a command for a step, with commits, a record and a note.",
    "runs": "List runs.",
    "run-diff": "Say what differs between two runs.",
    "rerun": "Run a run's command again, on its code.",
    "sync": "Exchange the records of runs with other clones.",
    "done": "Tick a step, with the commit of its results.",
    "undo": "Open a step again.",
    "conclude": "Write what came of an experiment, and close it.",
    "state": "Set an experiment's state.",
    "journal": "Write a raw thought into the journal.",
    "commit": "Commit the log and the journal alone, saying what changed.",
    "edit": "Open the log in your editor, at the line.",
    "list": "List experiments.",
    "show": "Show one experiment.",
    "search": "Find experiments, notes, conclusions, commits, journal entries.",
    "next": "List the open steps of the experiments in progress.",
    "similar": "Show experiments that tried the same idea.",
    "tried": "Show what was tried, by topic, and how it ended.",
    "log": "Print all that happened to an experiment, oldest first.",
    "why": "Say why a commit, a file or a line is there.",
    "refs": "List every commit, file and line that names an experiment.",
    "resolve": "Say what the references in a text are.",
    "renumber": "Give an experiment another id; the old one still finds it.",
    "report": "Write the progress report, or check an old one.",
    "check": "Say what is wrong in the log, and mend what is safe.",
    "hooks": "Install the git hooks, take them away, or say how they are.",
    "completion": "Print the script for your shell's completion.",
}


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names of all commands, in the order to show them."""
        return list(SUMMARIES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Return a command, importing its module."""
        home = COMMANDS.get(cmd_name) or PLUMBING.get(cmd_name)
        if home is None:
            return None
        import importlib  # noqa: PLC0415

        module = importlib.import_module(f"orglab.cli.{home}")
        command = getattr(module, f"{cmd_name.replace('-', '_')}_command")
        if not isinstance(command, click.Command):
            raise TypeError(cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list of commands."""
        with formatter.section("Commands"):
            formatter.write_dl(list(SUMMARIES.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; a mistyped one gets the nearest name."""
        if args and args[0] not in {**COMMANDS, **PLUMBING} and not args[0].startswith("-"):
            import difflib  # noqa: PLC0415

            near = difflib.get_close_matches(args[0], COMMANDS, 1)
            hint = f" Did you mean {near[0]}?" if near else " See `orglab --help`."
            raise click.UsageError(f"There is no command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--log", "log", metavar="FILE", help="The experiment log; found by itself if not given.")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=lambda *_: _version(_[2]),
    help="Show the version and exit.",
)
@click.pass_context
def orglab(ctx: click.Context, log: str | None, *, debug: bool) -> None:
    """Keep an experiment log that remembers why: one Org file, tied to git.

    \b
    Example:
      orglab init
      orglab new "Dropout in the encoder" -s "Baseline" -s "Dropout 0.1"
      orglab done 1.1
    """
    ctx.obj = {"log": log, "debug": debug}


def _version(asked: object) -> None:
    if asked:
        import orglab as package  # noqa: PLC0415

        click.echo(f"orglab {package.__version__}")
        raise SystemExit(0)


def run(arguments: Sequence[str]) -> int:
    """Run a command and return its exit code."""
    tolerate_encoding_errors()
    debug = "--debug" in arguments
    colour = False if os.environ.get("NO_COLOR") else None
    try:
        result = orglab.main(list(arguments), prog_name="orglab", standalone_mode=False, color=colour)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return error.exit_code
    except click.UsageError as error:
        path = f" See `{error.ctx.command_path} --help`." if error.ctx is not None else ""
        return _fail(error.format_message() + path, error.exit_code, error if debug else None)
    except click.ClickException as error:
        return _fail(error.format_message(), error.exit_code, error if debug else None)
    except OrglabError as error:
        return _fail(str(error), error.exit_code, error if debug else None)
    except (KeyboardInterrupt, click.Abort):
        # An impatient second Ctrl-C must not make a traceback of the first.
        import signal  # noqa: PLC0415 - mostly nobody stops it

        signal.signal(signal.SIGINT, signal.SIG_IGN)
        return _fail("Stopped.", 130, None)
    except BrokenPipeError:
        return 0
    except SystemExit as stop:
        return int(stop.code or 0)
    except OSError as error:
        return _fail(f"The machine failed: {error}.", 4, error if debug else None)
    except Exception as error:  # noqa: BLE001 - the one door: no traceback reaches a user who did not ask for it
        kind = f"{type(error).__name__}: {error}"
        return _fail(f"This is a defect of orglab ({kind}); --debug shows where.", 70, error if debug else None)
    return result if isinstance(result, int) else 0


def _fail(message: str, code: int, error: Exception | None) -> int:
    """Print an error to stderr and return its exit code."""
    click.echo(f"orglab: {clean(message)}", err=True)
    if error is not None:
        import traceback  # noqa: PLC0415 - for --debug only

        traceback.print_exception(error)
    return code
