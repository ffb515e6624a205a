"""Why a command failed: its exception, or else the last line of its standard error, and whether memory ran out."""

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from orglab.runs.child import ExitStatus
from orglab.runs.secrets import mask_known, mask_text

_TAIL = 1 << 16
_LONGEST = 300
_CGROUPS = Path("/sys/fs/cgroup")
_KILLED = 137  # the exit code of a shell whose command was killed by SIGKILL

_MOST_TRACEBACKS = 50
_HEADER_TEXT = "Traceback (most recent call last):"
# A prefix is written by srun --label and by launchers of several processes: `[rank0]: Traceback ...`.
_HEADER = r"(?P<prefix>.{0,200}?)(?P<group>\+ Exception Group )?Traceback \(most recent call last\):\s*"
# A syntax error in the script itself has no header.
_SYNTAX = r'  File ".*", line \d+\s*'
_EXCEPTION = r"(?P<name>[^\W\d][\w.<>]*(?:\(\w+\))?)(?::\s(?P<message>.*)|:)?"
_ESCAPE = r"\x1b\[[0-?]*[ -/]*[@-~]"
# Launchers raise these when the program that they started has failed, after its own traceback.
_LAUNCHERS = frozenset({"ChildFailedError", "CalledProcessError", "ProcessExitedException"})
_OUT_OF_MEMORY = (
    r"[\w.]*(OutOfMemoryError|MemoryError)\b"
    r"|[\w.]+: .*?((CUDA|HIP|XPU|MPS)( error:| backend)? out of memory"
    r"|RESOURCE_EXHAUSTED: Out of memory|OOM when allocating)"
)


class EndingWatch:
    """Watches a command, to know afterwards why it failed."""

    def __init__(self) -> None:
        """Begin before the command starts."""
        self._kept = bytearray()
        self._kills = count_memory_kills()

    def feed(self, piece: bytes) -> None:
        """Take some of what the command writes to standard error; the last 64 KB are kept."""
        self._kept += piece
        if len(self._kept) > 2 * _TAIL:
            del self._kept[:-_TAIL]

    def describe(self, status: ExitStatus, known: Iterable[str] = ()) -> dict[str, object]:
        """Return the fields of the record that say why the command failed; none if it did not, or nothing is known.

        Args:
            status: How it ended.
            known: Values that are secret, which the exception may have.
        """
        if status.exit_code == 0 or status.asked_by is not None or status.timed_out:
            return {}
        # Before it is on one line and cut, since part of a secret is not found any more.
        text = mask_known(self._read_end(), known)
        # An exception ends Python with an exit code, so one that was printed before a signal was not the reason.
        exception = find_exception(text) if status.exit_code is not None else None
        # A program that is no Python, and `sys.exit("message")`, mostly say last what is wrong.
        found = {"exception": exception, "last_line": find_last_line(text) if exception is None else None}
        fields: dict[str, object] = {name: line for name, line in found.items() if line is not None}
        if ran_out_of_memory(status.exit_code, status.signal, exception, self._has_kills):
            fields["out_of_memory"] = True
        return fields

    def _read_end(self) -> str:
        """Return the end of standard error, from the beginning of a line on."""
        kept = bytes(self._kept[-_TAIL:])
        # The line that is cut in two may have a secret, of which only a part would be left.
        return (kept.partition(b"\n")[2] if len(kept) == _TAIL else kept).decode("utf-8", "replace")

    def _has_kills(self) -> bool:
        """Return whether the kernel has killed a process of our control group since the command started."""
        kills = count_memory_kills()
        return kills is not None and self._kills is not None and kills > self._kills


def find_last_line(text: str) -> str | None:
    """Return the last line of a text that is not blank, without control characters and secrets; None without one.

    Args:
        text: The end of an output.
    """
    lines = (_clean(_read_shown(line)) for line in reversed(mask_text(re.sub(_ESCAPE, "", text)).split("\n")))
    return next(filter(None, lines), None)


def _read_shown(line: str) -> str:
    """Return what is seen of a line: of a progress bar, what follows the last carriage return."""
    return line.rstrip("\r").rpartition("\r")[2]


def find_exception(text: str) -> str | None:
    """Return the exception that the last Python traceback in a text ends with, on one line; None if there is none.

    An exception that a launcher such as torchrun raises because its program failed counts only if there is no other.

    Args:
        text: The end of an output.
    """
    if _HEADER_TEXT not in text and "  File " not in text:
        return None
    lines = [*map(_read_shown, re.sub(_ESCAPE, "", text).split("\n"))]
    places = [place for place, line in enumerate(lines) if _HEADER_TEXT in line or re.fullmatch(_SYNTAX, line)]
    fallback = None
    for place in reversed(places[-_MOST_TRACEBACKS:]):
        found = _read_traceback(lines, place)
        is_inside_group = re.match(r" +\| ", lines[place]) is not None
        by_launcher = found is not None and found.partition(":")[0].rpartition(".")[2] in _LAUNCHERS
        if found is not None and not is_inside_group and not by_launcher:
            return found
        fallback = fallback or found
    return fallback


def _read_traceback(lines: Sequence[str], place: int) -> str | None:
    """Return the exception of the traceback that begins at a line, or None if none does."""
    rest = lines[place + 1 :]
    header = re.fullmatch(_HEADER, lines[place])
    if header is None:
        return _read_exception(rest) if re.fullmatch(_SYNTAX, lines[place]) else None
    prefix = header["prefix"]
    if header["group"]:
        return _read_group(rest, prefix)
    if prefix and any(line.startswith(prefix) for line in rest):
        rest = [line.removeprefix(prefix) for line in rest if line.startswith(prefix)]
    return _read_exception(rest)


def _read_exception(lines: Sequence[str]) -> str | None:
    """Return the exception that follows the frames of a traceback."""
    for place, line in enumerate(lines):
        if line.startswith((" ", "\t")):
            continue
        match = re.fullmatch(_EXCEPTION, line.rstrip())
        if match is None:
            return None
        message = match["message"] or ""
        if not message.strip() and line.rstrip().endswith(":"):
            message = next((later for later in lines[place + 1 :] if later.strip()), "")
        return _clean(f"{match['name']}: {message}" if message.strip() else match["name"])
    return None


def _read_group(lines: Sequence[str], prefix: str) -> str | None:
    """Return an exception group, with the exceptions in it that are not groups themselves."""
    margin = f"{prefix}| "
    first = _read_exception([line.removeprefix(margin) for line in lines if line.startswith(margin)])
    if first is None:
        return None
    inner = []
    for line in lines:
        text = line.lstrip(" ")
        if not text.startswith(("|", "+")):
            break
        depth = len(line) - len(text)
        match = re.fullmatch(_EXCEPTION, text.removeprefix("| ").rstrip())
        if depth > len(prefix) and text.startswith("| ") and match and "Group" not in match["name"]:
            inner.append(match.group())
    return _clean(": ".join(filter(None, (first, "; ".join(inner)))))


def _clean(text: str) -> str:
    """Return a text on one line, without control characters and secrets, cut to 300 characters."""
    words = mask_text(" ".join("".join(char if char.isprintable() else " " for char in text).split()))
    return words if len(words) <= _LONGEST else words[: _LONGEST - 1] + "…"


# ---- memory ----


def count_memory_kills(root: Path = _CGROUPS, own: Path = Path("/proc/self/cgroup")) -> int | None:
    """Return how many processes of our control group were killed because memory ran out; None if that is unknown.

    Args:
        root: Where control groups are mounted.
        own: The file that names our control group.
    """
    try:
        lines = own.read_text("utf-8", "replace").splitlines()
    except OSError:
        return None
    for line in lines:
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if controllers == "":
            folders, name = [root / path.lstrip("/")], "memory.events"
        elif "memory" in controllers.split(","):
            # In a container, the path may be that of the host.
            folders, name = [root / "memory" / path.lstrip("/"), root / "memory"], "memory.oom_control"
        else:
            continue
        for folder in folders:
            if (number := _read_count(folder / name)) is not None:
                return number
    return None


def _read_count(file: Path) -> int | None:
    try:
        match = re.search(r"^oom_kill (\d+)$", file.read_text("ascii", "replace"), re.M)
    except OSError:
        return None
    return int(match[1]) if match is not None else None


def ran_out_of_memory(
    exit_code: int | None, signal: str | None, exception: str | None, has_kills: Callable[[], bool]
) -> bool:
    """Return whether a command is known to have failed because memory ran out.

    Args:
        exit_code: Its exit code.
        signal: The signal that ended it.
        exception: Its exception.
        has_kills: Returns whether the kernel has killed a process of our control group meanwhile.
    """
    if exception is not None and re.match(_OUT_OF_MEMORY, exception) is not None:
        return True
    was_killed = signal == "SIGKILL" or exit_code == _KILLED or "killed by signal: Killed" in (exception or "")
    return was_killed and has_kills()
