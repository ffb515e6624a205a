"""The entry point of `orglab` and `python -m orglab`."""

import gc
import os
import sys


def main() -> None:
    """Run the command line and exit with its exit code; an error prints one sentence, not a traceback."""
    # A command is too short-lived for reference cycles to matter, and collecting them in a large log takes time.
    gc.disable()
    _open_closed_streams()
    try:
        # Imported here, so that Ctrl-C during the imports is caught too.
        from orglab.cli.main import run  # noqa: PLC0415

        code = run(sys.argv[1:])
        sys.stdout.flush()
    except KeyboardInterrupt:
        sys.stderr.write("orglab: Stopped.\n")
        code = 130
    except BrokenPipeError:
        # The reader (`| head`) has gone.  Python would report the error again when it closes stdout at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    # At exit Python collects cycles anyway, a tenth of the whole run time; it skips frozen objects.
    gc.freeze()
    sys.exit(code)


def _open_closed_streams() -> None:
    """Replace standard streams that were closed by the caller (`<&-`, `>&-`) with the null device."""
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: PTH123, SIM115
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115


if __name__ == "__main__":
    main()
