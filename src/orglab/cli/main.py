"""The group of all commands, and the one place that turns errors into a sentence and an exit code."""

import os
from collections.abc import Iterable, Sequence

import click

from orglab.cli.output import clean, tolerate_encoding_errors
from orglab.errors import OrglabError

# The sections of `orglab --help`: the module of each, and its commands with one line each.  Only the module of the
# command that is called is imported.
SECTIONS = {
    "Write": ("write_commands", {
        "init": "Create a log here, or adopt an Org file.",
        "new": "Add an experiment, and make it the active one.",
        "step": "Add a step to an experiment.",
        "note": "Add a note, with the time and the commit.",
        "journal": "Add an entry to the journal.",
        "edit": "Open the log in your editor at an experiment or step.",
    }),
    "Decide": ("decide_commands", {
        "start": "Start work on an experiment or step.",
        "done": "Complete a step, with the commit that holds its results.",
        "conclude": "Write an experiment's conclusion, and close it.",
        "state": "Set an experiment's state.",
    }),
    "Look": ("look_commands", {
        "brief": "Show what to know before work begins, in a few words.",
        "status": "Show the active step, uncommitted changes, hooks and runs.",
        "list": "List experiments.",
        "next": "List the open steps of experiments in progress.",
        "show": "Show an experiment or step, or its history.",
        "search": "Search the log, the journal and commit messages.",
    }),
    "Ask": ("ask_commands", {
        "tried": "Show whether an idea was tried before, and how it ended.",
        "why": "Show why a commit, file or line exists.",
        "refs": "List the commits, files and lines that refer to an experiment.",
    }),
    "Run": ("run_commands", {
        "run": "Run a command and record it.",
        "sweep": "Run a command in many versions.",
        "runs": "List, compare and repeat runs.",
    }),
    "Share": ("share_commands", {
        "commit": "Commit the log and the journal, and nothing else.",
        "sync": "Exchange run records with other clones.",
        "report": "Write a progress report, or check an earlier one.",
        "serve": "Show the log in a browser.",
    }),
    "Care": ("care_commands", {
        "check": "Find problems in the log; --fix fixes the safe ones.",
        "renumber": "Change an experiment's id; the old one still works.",
    }),
    "Set up": ("setup_commands", {
        "setup": "Connect orglab with git and with your shell.",
        "import": "Add experiments from Markdown files or a tracker.",
        "mcp": "Serve the log to coding agents.",
        "lsp": "Serve the log to editors.",
    }),
}  # fmt: skip

# Not listed: `help` repeats `--help`, and only git calls the merge driver.
HIDDEN = {"help": "setup_commands", "merge-driver": "care_commands"}

COMMANDS = {name: module for module, summaries in SECTIONS.values() for name in summaries}
# Modules of their own: they have many options, or need nothing of their neighbours.
COMMANDS |= {
    "init": "init_commands", "sweep": "sweep_commands", "mcp": "mcp_commands", "serve": "serve_commands",
    "lsp": "lsp_commands",
    "import": "import_commands",
}  # fmt: skip

# The old names of commands, and the new ones.  Version 0.2 removes them.
OLD_NAMES = {
    ("similar",): ("tried",),
    ("log",): ("show", "--history"),
    ("undo",): ("done", "--undo"),
    ("resolve",): ("refs", "--in"),
    ("run-diff",): ("runs", "diff"),
    ("rerun",): ("runs", "rerun"),
    ("hooks", "install"): ("setup", "git"),
    ("hooks", "uninstall"): ("setup", "git", "--remove"),
    ("hooks", "status"): ("setup", "git", "--status"),
    ("hooks",): ("setup",),
    ("completion",): ("setup", "shell", "--print"),
}


def describe_unknown(name: str, commands: Iterable[str], group: str = "orglab") -> str:
    """Return the message for an unknown command, with the nearest name."""
    import difflib  # noqa: PLC0415 - for a mistyped command

    near = difflib.get_close_matches(name, list(commands), 1)
    return f"Unknown command {name!r}. " + (f"Did you mean {near[0]}?" if near else f"See `{group} --help`.")


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names of all listed commands, in order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Return a command, importing its module."""
        module_name = COMMANDS.get(cmd_name) or HIDDEN.get(cmd_name)
        if module_name is None:
            return None
        import importlib  # noqa: PLC0415

        module = importlib.import_module(f"orglab.cli.{module_name}")
        command = getattr(module, f"{cmd_name.replace('-', '_')}_command")
        if not isinstance(command, click.Command):
            raise TypeError(cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list of commands, section by section, with all summaries in one column."""
        width = max(map(len, COMMANDS))
        for title, (_, summaries) in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), summary) for name, summary in summaries.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; an old name leads to the new one, and a mistyped one gets the nearest name."""
        args = _replace_old_name(args)
        if args and args[0] not in COMMANDS and args[0] not in HIDDEN and not args[0].startswith("-"):
            raise click.UsageError(describe_unknown(args[0], COMMANDS))
        return super().resolve_command(ctx, args)


def _replace_old_name(args: list[str]) -> list[str]:
    """Return arguments with the old name of a command replaced by the new one, which standard error then names."""
    for old, new in OLD_NAMES.items():
        if args[: len(old)] == list(old):
            notice = f"`orglab {' '.join(old)}` is now `orglab {' '.join(new)}`; version 0.2 removes the old name."
            click.echo(f"orglab: {notice}", err=True)
            rest = args[len(old) :]
            return [*new, *(_join_texts(rest) if old == ("resolve",) else rest)]
    return args


def _join_texts(args: list[str]) -> list[str]:
    """Return the arguments of the old `resolve`, which took its text in several words, or from a pipe."""
    options = [word for word in args if word == "--json"]
    texts = [word for word in args if word not in ("--json", "--")]
    return [" ".join(texts) or "-", *options]


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--log", "log", metavar="FILE", help="The experiment log; found automatically by default.")
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
      orglab new "Does dropout help?" -d "+1 point over 3 seeds"
      orglab run -- python train.py --seed 1
      orglab conclude "No: -0.2" --verdict refuted
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
        # A second Ctrl-C must not print a traceback.
        import signal  # noqa: PLC0415 - only for Ctrl-C

        signal.signal(signal.SIGINT, signal.SIG_IGN)
        return _fail("Interrupted.", 130, None)
    except BrokenPipeError:
        return 0
    except SystemExit as stop:
        return int(stop.code or 0)
    except OSError as error:
        return _fail(f"The operating system reported an error: {error}.", 4, error if debug else None)
    except Exception as error:  # noqa: BLE001 - users see a traceback only with --debug
        kind = f"{type(error).__name__}: {error}"
        message = f"Internal error ({kind}); run again with --debug and report it."
        return _fail(message, 70, error if debug else None)
    return result if isinstance(result, int) else 0


def _fail(message: str, code: int, error: Exception | None) -> int:
    """Print an error to stderr and return its exit code."""
    click.echo(f"orglab: {clean(message)}", err=True)
    if error is not None:
        import traceback  # noqa: PLC0415 - for --debug only

        traceback.print_exception(error)
    return code
