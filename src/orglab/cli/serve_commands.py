"""The command that serves the log to a browser: serve."""

import gc
import webbrowser
from importlib.util import find_spec
from pathlib import Path

import click

from orglab.cli.options import find_opener, log_options
from orglab.cli.output import progress_bar, say, tell
from orglab.errors import UsageError
from orglab.extras import describe_install

_NEEDED = ("starlette", "uvicorn", "jinja2")
_OBJECTS = 50_000
"""After how many new objects the garbage collector looks for those that are no longer needed."""


@click.command(name="serve")
@click.option("--port", type=click.IntRange(0, 65535), help="The port; 6201, or the next one that is free, by default.")
@click.option("--open", "is_opened", is_flag=True, help="Open the page in the browser.")
@click.option("--read-only", is_flag=True, help="Show pages without forms, and write nothing.")
@click.option(
    "--export", "folder", metavar="DIR", type=click.Path(path_type=Path), help="Write the pages to a folder instead."
)
@log_options
def serve_command(port: int | None, folder: Path | None, *, is_opened: bool, read_only: bool) -> None:
    """Show the log in a browser.

    The address that is printed works on this machine only, and only with its token.
    The pages follow the log: what you save in your editor, and what a run prints, is
    there within a second. Ctrl-C ends the server.

    --export writes the same pages as files, to look at without a server or to put on
    one; the output of runs and their environment are left out.

    \b
    Example:
      orglab serve --open
      orglab serve --read-only --port 8000
      orglab serve --export site
    """
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise UsageError(f"The pages need {', '.join(missing)}; install them with: {describe_install('web')}")
    from orglab.web.site import Site  # noqa: PLC0415 - the server, which other commands do not need

    site = Site(find_opener(), may_write=not read_only)
    if folder is not None:
        if port is not None or is_opened:
            raise UsageError("--export writes files and starts no server; leave out --port and --open.")
        from orglab.web.static_pages import export_pages  # noqa: PLC0415 - the same

        with progress_bar("Writing the pages") as update:
            exported = export_pages(site, folder, update)
        say(exported.describe())
        return
    from orglab.web.listening import serve  # noqa: PLC0415 - the same

    # Other commands end before it matters. Reading a large log makes many objects that stay.
    gc.enable()
    gc.freeze()
    gc.set_threshold(_OBJECTS)
    tell(f"Serving {site.read().path}; Ctrl-C ends this.")
    is_debug = click.get_current_context().find_root().obj["debug"]
    serve(site, port, say, webbrowser.open if is_opened else None, is_debug=is_debug)
