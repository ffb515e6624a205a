r"""Print an SVG picture of a terminal, with real text, readable on light and dark pages.

This makes the picture in the README, from the study made by `make demo DIR=/tmp/study`,
with orglab on the PATH:

    python scripts/terminal_picture.py -C /tmp/study "orglab list" "orglab show e1" > docs/terminal.svg

Each command runs on a pseudo-terminal of 92 columns, so its output is that for people. Without
commands, the text is read from standard input; it may contain escape codes for bold, dim and colours.
"""

import argparse
import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from html import escape

COLUMNS = 92
CELL = (8.43, 19)  # at 14 px: the width of a character in the widest of the fonts, and the line height
EDGE = 16
# The styles that `ESC [ n m` turns on; 0 turns all of them off.
CLASSES = {"1": "bold", "2": "dim", "31": "red", "32": "green", "33": "yellow", "35": "magenta", "36": "cyan"}
STYLE = """\
text { font: 14px ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #24292f;
       white-space: pre }
rect { fill: #f6f8fa; stroke: #d0d7de }
.bold { font-weight: bold } .dim { fill: #656d76 } .green { fill: #116329 } .yellow { fill: #7d4e00 }
.magenta { fill: #8250df } .cyan { fill: #0a6a75 } .red { fill: #b3261e }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } rect { fill: #161b22; stroke: #30363d }
  .dim { fill: #8b949e } .green { fill: #56d364 } .yellow { fill: #e3b341 } .magenta { fill: #d2a8ff }
  .cyan { fill: #76e3ea } .red { fill: #ff7b72 }
}"""


def run_on_terminal(command: str, folder: str) -> str:
    """Return a command as typed, followed by its output on a terminal, with colours."""
    ours, theirs = pty.openpty()
    # Tall enough that no pager is used.
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 1000, COLUMNS, 0, 0))
    unwanted = ("COLUMNS", "LINES", "NO_COLOR")
    environment = {name: value for name, value in os.environ.items() if name not in unwanted}
    process = subprocess.Popen(  # noqa: S602 - the caller's own command
        command, shell=True, cwd=folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    printed = b""
    while piece := _read(ours):
        printed += piece
    os.close(ours)
    if process.wait():
        sys.exit(f"{command} failed with exit code {process.returncode}:\n{printed.decode()}")
    return f"$ \x1b[1m{command}\x1b[0m\n" + printed.decode().replace("\r\n", "\n")


def _read(terminal: int) -> bytes:
    """Return the available output; empty at the end, which Linux reports as an error."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""


def spans(text: str) -> Iterator[tuple[str, str]]:
    """Yield the CSS classes and text of each part in one style."""
    on: list[str] = []
    for number, part in enumerate(re.split(r"\x1b\[([\d;]*)m", text)):
        if number % 2 == 0:
            if part:
                yield " ".join(on), part
            continue
        for code in part.split(";"):
            if code in ("", "0"):
                on.clear()
            elif code in CLASSES:
                on.append(CLASSES[code])


def draw_line(line: str, y: int) -> str:
    """Return one line of the terminal as SVG."""
    runs = ""
    for classes, words in spans(line):
        shown = escape(words, quote=False)
        runs += f'<tspan class="{classes}">{shown}</tspan>' if classes else shown
    return f'<text x="{EDGE}" y="{y}" xml:space="preserve">{runs}</text>'


def draw(text: str, title: str) -> str:
    """Return the SVG of a text."""
    lines = text.rstrip("\n").split("\n")
    width, height = round(COLUMNS * CELL[0]) + 2 * EDGE, len(lines) * CELL[1] + 2 * EDGE
    drawn = "\n".join(draw_line(line, EDGE + 14 + n * CELL[1]) for n, line in enumerate(lines) if line)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img">\n'
        f"<title>{escape(title)}</title>\n<style>\n{STYLE}\n</style>\n"
        f'<rect x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8"/>\n{drawn}\n</svg>\n'
    )


def main() -> None:
    """Run the commands, or read standard input, and print the picture."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("-C", "--folder", default=".", help="the folder to run the commands in")
    parser.add_argument("commands", nargs="*", help="the commands to run; without any, standard input is drawn")
    arguments = parser.parse_args()
    shown = [run_on_terminal(command, arguments.folder) for command in arguments.commands]
    title = "A terminal: " + ", then ".join(arguments.commands) if shown else "A terminal"
    sys.stdout.write(draw("\n".join(shown) if shown else sys.stdin.read(), title))


if __name__ == "__main__":
    main()
