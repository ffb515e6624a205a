"""The door: `orglab`, and `python -m orglab`."""

import gc
import os
import sys


def main() -> None:
    """Run the command line and leave with its exit code; an error is one sentence, not a traceback."""
    # A command lives too short for its cycles to matter, and looking for them in a large log takes time.
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
        # The reader (`| head`) has gone.  Python would complain once more when it closes stdout at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    # When it ends Python looks for cycles all the same, a tenth of the whole time; what is frozen it leaves out.
    gc.freeze()
    sys.exit(code)


def _open_closed_streams() -> None:
    """Give a process that was started with a stream closed (`<&-`, `>&-`) one that says and hears nothing."""
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: PTH123, SIM115
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115


if __name__ == "__main__":
    main()
