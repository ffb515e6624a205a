"""The smallest programs that change a log, for the torture of `orglab.log.file` alone.

    actors.py append FILE TEXT    one line more, through orglab.log.file; errors as the command line shows them
    actors.py editor FILE         an editor that saves in place, once for each line on standard input

A line for the editor is `MICROSECONDS TEXT`: it waits so long, then adds TEXT
as the last line.  It opens the file for writing, reads it through the same
descriptor, empties it and writes it in pieces, so that it is half a file in
between; every third time it appends instead, as `>>` of a shell does.
"""

import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))

from orglab.errors import OrglabError
from orglab.log import file


def append(path: str, text: str) -> int:
    """Add a line with `text`; return the exit code."""
    try:
        file.update(path, lambda data: data + f"- {text}\n".encode())
    except OrglabError as error:
        print(f"actors.py: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def save_in_place(path: str, line: bytes) -> None:
    """Write the whole file again, with `line` at its end, in three pieces."""
    with Path(path).open("r+b", buffering=0) as log:
        text = log.read() + line
        log.seek(0)
        log.truncate()
        third = len(text) // 3
        log.writelines([text[:third], text[third : 2 * third], text[2 * third :]])  # unbuffered: three calls


def edit(path: str) -> int:
    """Be the editor until standard input ends; answer each line when it is saved."""
    for number, request in enumerate(sys.stdin.buffer):
        delay, text = request.split(b" ", 1)
        until = time.perf_counter() + int(delay) / 1e6
        while time.perf_counter() < until:  # finer than a sleep
            pass
        if number % 3 == 2:
            fd = os.open(path, os.O_WRONLY | os.O_APPEND)
            os.write(fd, b"- " + text)
            os.close(fd)
        else:
            save_in_place(path, b"- " + text)
        print("saved", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(append(*sys.argv[2:]) if sys.argv[1] == "append" else edit(sys.argv[2]))
