"""Fault injection for a command that changes one file: which system calls, which faults, which verdict.

A `Bench` knows the command and what a clean run of it leaves.  Each trial has a
new folder with the log in it, runs the command there under strace (which makes
one system call fail, or kills the process as it enters it), and judges: the old
bytes or the new bytes and nothing else, the same attributes, no lie in the exit
code, one sentence, nothing left behind.
"""

import os
import re
import shlex
import shutil
import signal
import stat
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

# What the kernel, a quota, a dying disk or a network can answer, call by call.
FAULTS = {
    "openat": ("ENOSPC", "EACCES", "EROFS", "EMFILE", "EIO"),
    "read": ("EIO", "ESTALE"),
    "pread64": ("EIO",),
    "write": ("ENOSPC", "EIO", "EDQUOT", "EINTR"),
    "fsync": ("EIO", "ENOSPC", "EDQUOT"),
    "rename": ("ENOSPC", "EIO", "EACCES", "EXDEV"),
    "renameat2": ("ENOSPC", "EIO", "EACCES", "EINVAL"),
    "link": ("EPERM", "EIO"),
    "linkat": ("EPERM", "EIO"),
    "close": ("EIO", "EDQUOT", "ENOSPC"),
    "ftruncate": ("EIO", "ENOSPC"),
    "unlink": ("EIO", "EACCES"),
    "unlinkat": ("EIO",),
    "flock": ("ENOLCK", "EINTR", "EOPNOTSUPP"),
    "fcntl": ("EINVAL", "EACCES"),
    "fchmod": ("EPERM",),
    "fchown": ("EPERM",),
    "fsetxattr": ("ENOSPC", "EPERM"),
    "mkdir": ("ENOSPC", "EACCES"),
    "newfstatat": ("EIO",),
    "lseek": ("EIO",),
}
_CALL = re.compile(r"(?:(\d+) +)?(\w+)\((.*)")


@dataclass(frozen=True)
class Attributes:
    """What an edit must not change."""

    link: str | None
    mode: int
    owner: tuple[int, int]
    extended: tuple[tuple[str, bytes], ...]

    @classmethod
    def of(cls, path: Path) -> "Attributes":
        """Read them; the mode and so on are those of the file behind a symbolic link."""
        status = path.stat()
        names = os.listxattr(path) if hasattr(os, "listxattr") else []
        return cls(
            str(path.readlink()) if path.is_symlink() else None,
            stat.S_IMODE(status.st_mode),
            (status.st_uid, status.st_gid),
            tuple((name, os.getxattr(path, name)) for name in sorted(names)),
        )


@dataclass(frozen=True)
class Ending:
    """How a command ended; `code` is negative after a signal, None when it hung."""

    code: int | None
    errors: str


@dataclass(frozen=True)
class Verdict:
    """What a trial showed: `state` is old or new if all is well, and `bad` says all that is not."""

    fault: str
    state: str
    bad: tuple[str, ...]
    left: tuple[str, ...]
    ending: Ending


def run(command: list[str], folder: Path, *, seconds: float = 60, kill_after: float | None = None) -> Ending:
    """Run a command in `folder`, and the whole group of processes dies after `kill_after`."""
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    hung = False
    try:
        _, errors = process.communicate(timeout=seconds if kill_after is None else kill_after)
    except subprocess.TimeoutExpired:
        hung = kill_after is None
        os.killpg(process.pid, signal.SIGKILL)  # a session of its own, so only what we started
        _, errors = process.communicate()
    return Ending(None if hung else process.returncode, errors.decode(errors="replace").strip())


def shell_words(command: str, path: Path, text: str) -> list[str]:
    """Fill `{file}` and `{text}` into a command line, after it was split."""
    return [word.replace("{file}", str(path)).replace("{text}", text) for word in shlex.split(command)]


@dataclass
class Bench:
    """A command, the log that it starts from, and what a clean run makes of it.

    Args:
        command: With `{file}` for the log.
        log: The bytes that each trial starts from.
        root: An empty folder for the trials.
        scrub: A pattern of what differs between two clean runs.
        ignore: A pattern of files that may be left behind.
        always: Faults in every trial beside the one that it is about, `CALL:ERRNO` or
            `CALL:ERRNO:when=N+`: a system that cannot swap names, or has no locks.
        name: What the log is called.
    """

    command: str
    log: bytes
    root: Path
    scrub: str = "$^"
    ignore: str = "$^"
    always: tuple[str, ...] = ()
    name: str = "experiment_log.org"
    _new: bytes = b""
    _names: set[str] = field(default_factory=set)
    _serial: int = 0

    def __post_init__(self) -> None:
        """Run the command once without a fault."""
        folder = self.fresh("clean")
        ending = run(self.words(folder), folder)
        if ending.code != 0:
            msg = f"without any fault, {self.command} ends with {ending}"
            raise SystemExit(msg)
        self._new = self.scrubbed((folder / self.name).read_bytes())
        self._names = _names_below(folder)
        if self._new == self.scrubbed(self.log):
            msg = f"{self.command} changes nothing, so nothing can be seen"
            raise SystemExit(msg)

    def fresh(self, tag: str) -> Path:
        """Make a folder for a trial, with the log in it."""
        folder = self.root / tag
        folder.mkdir()
        (folder / self.name).write_bytes(self.log)
        return folder

    def words(self, folder: Path) -> list[str]:
        """Return the command for a trial in `folder`."""
        return shell_words(self.command, folder / self.name, "a new line")

    def scrubbed(self, text: bytes) -> bytes:
        """Take out what differs between two clean runs (times of day)."""
        return re.sub(self.scrub.encode(), b"", text)

    def strace(self, trace: Path, calls: Iterable[str], inject: str = "") -> list[str]:
        """Return the beginning of a command line that runs the rest of it under strace."""
        always = [fault.split(":", 1) for fault in self.always]
        names = [*calls, *(call for call, _ in always)]
        words = ["-e", "trace=" + ",".join(f"?{call}" for call in names)]
        for call, error in always:
            words += ["-e", f"inject={call}:error={error}"]
        if inject:
            words += ["-e", inject]
        return ["strace", "-f", "-y", "-q", "-s", "0", "-o", str(trace), *words, "--"]

    def sites(self) -> dict[str, list[int]]:
        """Find the system calls that concern the trial's folder: for each name, their ordinals."""
        folder = self.fresh("sites")
        trace = self.root / "sites.trace"
        ending = run([*self.strace(trace, FAULTS), *self.words(folder)], folder)
        if ending.code != 0:  # then the sweep would be short, or empty, and find nothing bad
            msg = f"under strace with {self.always}, {self.command} ends with {ending}"
            raise SystemExit(msg)
        seen: Counter[tuple[str, str]] = Counter()
        found = defaultdict(set)
        for line in trace.read_text(errors="replace").splitlines():
            if match := _CALL.match(line):
                process, call, rest = match.groups()
                seen[process, call] += 1  # strace counts so too: each thread by itself
                if str(folder) in rest.replace(f"AT_FDCWD<{folder}>", ""):
                    found[call].add(seen[process, call])
        return {call: sorted(ordinals) for call, ordinals in sorted(found.items())}

    def plan(self) -> Iterator[tuple[str, int, str]]:
        """List every trial of a full sweep: call, ordinal, errno or KILL."""
        for call, ordinals in self.sites().items():
            if call in {fault.partition(":")[0] for fault in self.always}:
                continue
            for ordinal in ordinals:
                for fault in ("KILL", *FAULTS[call]):
                    yield call, ordinal, fault

    def inject(self, call: str, ordinal: int, fault: str) -> Verdict:
        """Run one trial, and remove its folder if all was well."""
        self._serial += 1
        folder = self.fresh(f"{self._serial}-{call}-{ordinal}-{fault}")
        trace = folder.with_suffix(".trace")
        before = Attributes.of(folder / self.name)
        how = "signal=KILL" if fault == "KILL" else f"error={fault}"
        options = self.strace(trace, [call], f"inject={call}:{how}:when={ordinal}")
        ending = run([*options, *self.words(folder)], folder)
        verdict = self.judge(folder, f"{fault} at {call} {ordinal}", ending, before)
        reached = rf"{call}\(.*\(INJECTED\)|killed by SIGKILL"
        if not re.search(reached, trace.read_text(errors="replace")):
            verdict = Verdict(verdict.fault, verdict.state, ("NOT REACHED",), (), ending)
        if not verdict.bad:
            shutil.rmtree(folder)
            trace.unlink()
        return verdict

    def judge(self, folder: Path, fault: str, ending: Ending, before: Attributes) -> Verdict:
        """Look at what a trial left, and say everything that is wrong with it."""
        path = folder / self.name
        killed = fault.startswith("KILL")
        bad = []
        try:
            text = path.read_bytes()
            if Attributes.of(path) != before:
                bad.append(f"ATTRIBUTES {Attributes.of(path)}")
        except FileNotFoundError:
            text = b""
        state = "old" if text == self.log else "new" if self.scrubbed(text) == self._new else "TORN"
        left = tuple(name for name in _names_below(folder) - self._names if not re.search(self.ignore, name))
        if state == "TORN":
            bad.append("TORN" if path.exists() else "LOST")
        if ending.code == 0 and state == "old":
            bad.append("SILENT: exit 0 and nothing written")
        if ending.code is None:
            bad.append("HUNG")
        elif not killed:
            bad += problems_of_sentence(ending)
            bad += [f"LEFT {name}" for name in left]
        return Verdict(fault, state, tuple(bad), left, ending)


def problems_of_sentence(ending: Ending) -> list[str]:
    """Say what is wrong with how a command tells that it could not write the log."""
    bad = []
    if "Traceback" in ending.errors:
        bad.append("TRACEBACK")
    if ending.code not in (0, 4):
        bad.append(f"EXIT {ending.code}")
    if ending.code != 0 and len(ending.errors.splitlines()) != 1:
        bad.append("NOT ONE SENTENCE")
    return bad


def _names_below(folder: Path) -> set[str]:
    """List the files in a folder and its subfolders."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if ".git" not in path.parts}
