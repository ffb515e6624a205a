"""The command that serves the log to editors: lsp."""

import gc
import os
import sys
from importlib.util import find_spec

import click

from orglab.cli.options import log_options
from orglab.cli.output import tell
from orglab.errors import UsageError
from orglab.extras import describe_install

_NEEDED = ("pygls", "lsprotocol")
_OBJECTS = 50_000
"""After how many new objects the garbage collector looks for those that are no longer needed."""


@click.command(name="lsp")
@log_options
def lsp_command() -> None:
    """Serve the log to editors, by the Language Server Protocol on standard input and output.

    An editor starts this command. It shows what a reference such as [e201.1] means in
    any file, completes references, reports what `check` finds while you type, and
    offers to complete steps and to add notes. `orglab setup editor` prints what to
    write in the settings of an editor.

    \b
    Example:
      orglab lsp
    """
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise UsageError(
            f"The language server needs {', '.join(missing)}; install them with: {describe_install('lsp')}"
        )
    from orglab.lsp.answers import make_server  # noqa: PLC0415 - the server, which other commands do not need

    if sys.stdin.isatty():
        tell("Waiting for the messages of an editor on standard input; Ctrl-C ends this.")
    # Other commands end before it matters. Reading a large log makes many objects that stay.
    gc.enable()
    gc.freeze()
    gc.set_threshold(_OBJECTS)
    given = click.get_current_context().find_root().obj["log"]
    # Standard output is the client's: what anything else prints goes to standard error.
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as stdout:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        code = make_server(given).serve(sys.stdin.buffer, stdout)
    if code:
        raise SystemExit(code)
