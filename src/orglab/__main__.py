"""The door: `orglab`, and `python -m orglab`."""

import gc
import os
import sys


def main() -> None:
    """Run the command line and leave with its exit code; an error is one sentence, not a traceback."""
    # A command lives too short for its cycles to matter, and looking for them in a large log takes time.
    gc.disable()
    try:
        from orglab.cli.door import run  # noqa: PLC0415 - so that Ctrl-C during the imports is caught too

        code = run(sys.argv[1:])
        sys.stdout.flush()
    except KeyboardInterrupt:
        sys.stderr.write("orglab: Stopped.\n")
        code = 130
    except BrokenPipeError:
        # The reader (`| head`) has gone.  Python would complain once more when it closes stdout at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    sys.exit(code)


if __name__ == "__main__":
    main()
