"""Torture a command that changes a log: `run.py ROW [--count N] [--command LINE]`, or `run.py all`.

    sweep      each system call of a write fails, or the process dies there (durability row 1)
    kill       kill -9 at random moments (row 2)
    writers    two writers, and an editor that saves in place (row 3)
    many       a crowd of processes at once (row 4)
    meta       symbolic links, modes, owners, access lists, attributes (row 5)
    readonly   a folder or file system that takes nothing (row 6)

The command line holds `{file}` and `{text}`; without one, it is a program that
does nothing but `orglab.log.file.update`.  For example:

    run.py sweep --command 'orglab --log {file} done 201.2 --no-commit'
    run.py many --command 'orglab --log {file} new {text}' --ids ':ID: +(.+)'

Prints a line for each row, the trials that went wrong before it, and exits with 0 if none did.
"""

import argparse
import os
import random
import re
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from faults import Attributes, Bench, problems_of_sentence, run, shell_words

ACTORS = Path(__file__).with_name("actors.py")
NOBODY = 65534
LOG = b"""* TODO [201] ABC in XYZ model [0%]   :@work:exp:
  :PROPERTIES:
  :ID:       201
  :END:
  [2018-06-06 Wed 16:16]

- Test if adding ABC to XYZ improves results.

** Notes

** TODO Experiments [0/2]
1. [ ] Test XYZ without ABC
2. [ ] Test XYZ with ABC

** TODO Conclusions
"""
TIMES = r"\[\d{4}-\d\d-\d\d \w{3}(?: \d\d:\d\d)?\]"


class Row:
    """One row: its options, the folder it works in, and what went wrong so far."""

    def __init__(self, options: argparse.Namespace, root: Path) -> None:
        """Prepare to count."""
        self.options = options
        self.root = root
        self.random = random.Random(options.seed)  # noqa: S311 - moments, not secrets
        self.log = options.log.read_bytes() if options.log else LOG
        self.bad: list[str] = []
        self.seen: Counter[str] = Counter()

    def new_log(self, name: str) -> Path:
        """Make a folder with the log in it."""
        path = self.root / name / "experiment_log.org"
        path.parent.mkdir()
        path.write_bytes(self.log)
        return path

    def words(self, path: Path, text: str) -> list[str]:
        """Return the command for this log and this text."""
        return shell_words(self.options.command, path, text)

    def note(self, state: str, problems: list[str] | tuple[str, ...], where: str) -> None:
        """Count a trial."""
        self.seen[state] += 1
        self.bad += [f"{where}: {problem}" for problem in problems]


def sweep(row: Row) -> None:
    """Make each system call fail in each way, and kill the command at each; `--count` takes a sample."""
    options = row.options
    bench = Bench(options.command, row.log, row.root, options.scrub, options.ignore, tuple(options.always))
    plan = list(bench.plan())
    if options.count and options.count < len(plan):
        plan = row.random.sample(plan, options.count)
    with ThreadPoolExecutor(options.jobs) as threads:
        for verdict in threads.map(lambda trial: bench.inject(*trial), plan):
            state = f"{verdict.state} killed" if "KILL" in verdict.fault else verdict.state
            row.note(state, verdict.bad, f"{verdict.fault} ({verdict.ending})")
            row.seen["files left by a kill"] += bool(verdict.left)


def kill(row: Row) -> None:
    """Kill edit after edit of one log at random moments: at most the edit in flight is missing."""
    path = row.new_log("kill")
    started = time.monotonic()
    run(row.words(path, "clean"), path.parent)
    clean = time.monotonic() - started
    for number in range(row.options.count or 500):
        before, text = path.read_bytes(), f"killed-{number}-"
        moment = row.random.uniform(0, 1.2 * clean)
        ending = run(row.words(path, text), path.parent, kill_after=moment)
        after = path.read_bytes()
        problems = []
        if not are_all_in(before.splitlines(), after.splitlines()):
            problems.append("lines of earlier edits are gone")
        if after != before and after.count(text.encode()) != 1:
            problems.append("neither the old text nor the new")
        if ending.code not in (0, -signal.SIGKILL) or (ending.code == 0 and after == before):
            problems.append(str(ending))
        row.note("new" if after != before else "old", problems, f"killed after {moment * 1000:.1f} ms")
    row.seen["files left"] = len(list(path.parent.iterdir())) - 1
    ending = run(row.words(path, "the end"), path.parent)
    row.note("works after all", [] if ending.code == 0 else [str(ending)], "the last edit")


def are_all_in(lines: list[bytes], later: list[bytes]) -> bool:
    """Say whether `lines` are in `later`, in their order, with others between."""
    rest = iter(later)
    return all(line in rest for line in lines)


def writers(row: Row) -> None:
    """Let two writers run while an editor saves in place, half of the edits each: none is lost."""
    path = row.new_log("writers")
    edits = (row.options.count or 2000) // 2
    started = time.monotonic()
    run(row.words(path, "clean"), path.parent)
    clean = time.monotonic() - started
    editor = subprocess.Popen(
        [sys.executable, "-S", ACTORS, "editor", path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )

    def write(number: int) -> str:
        """Write once; a refusal is no loss, so it is repeated as a person would."""
        for _ in range(10):
            ending = run(row.words(path, f"writer-{number}-"), path.parent)
            if ending.code != 4:
                break
            row.seen["refused"] += 1
        return "" if ending.code == 0 else str(ending)

    def request(number: int) -> None:
        """Have the editor save somewhere in the middle of a writer's run."""
        delay = row.random.uniform(0, clean * 1e6)
        editor.stdin.write(f"{delay:.0f} editor-{number}-\n".encode())
        editor.stdin.flush()
        editor.stdout.readline()

    with ThreadPoolExecutor(2) as threads, ThreadPoolExecutor(1) as beside:
        saves = [beside.submit(request, number) for number in range(edits)]
        for number, problem in enumerate(threads.map(write, range(edits))):
            row.note("written", [problem] if problem else [], f"writer {number}")
        for save in saves:
            save.result()
    editor.stdin.close()
    row.note("editor ended", [] if editor.wait() == 0 else ["it failed"], "the editor")
    text = path.read_bytes()
    for who in ("writer", "editor"):
        for number in range(edits):
            times = text.count(f"{who}-{number}-".encode())
            row.note(f"{who}'s edits", [f"there {times} times"] if times != 1 else [], f"{who} {number}")
    row.note("whole", [] if are_all_in(without_numbers(row.log), without_numbers(text)) else ["changed"], "the log")


def without_numbers(text: bytes) -> list[bytes]:
    """Return the lines without cookies, which a writer may count anew."""
    return re.sub(rb"\[\d*(?:%|/\d*)\]", b"[]", text).splitlines()


def many(row: Row) -> None:
    """Let a crowd append at once: every entry is there, every id is another, in under 30 s."""
    path = row.new_log("many")
    count = row.options.count or 200
    started = time.monotonic()
    crowd = [
        subprocess.Popen(row.words(path, f"entry-{number}-"), cwd=path.parent, stderr=subprocess.PIPE)
        for number in range(count)
    ]
    for number, process in enumerate(crowd):
        _, errors = process.communicate()
        code = process.returncode
        row.note("ended", [f"exit {code}: {errors.decode()}"] if code else [], f"process {number}")
    seconds = time.monotonic() - started
    text = path.read_bytes()
    missing = [number for number in range(count) if text.count(f"entry-{number}-".encode()) != 1]
    row.note(f"{count} in {seconds:.1f} s", ["over 30 s"] if seconds > 30 else [], "the crowd")
    row.note("entries", [f"not there once: {missing}"] if missing else [], "the log")
    if row.options.ids:
        found = re.findall(row.options.ids.encode(), text)
        new = len(found) - len(re.findall(row.options.ids.encode(), row.log))
        wrong = new != count or len(set(found)) != len(found)
        row.note("ids", [f"{len(set(found))} ids in {len(found)} entries"] if wrong else [], "the log")


def meta(row: Row) -> None:
    """Change logs with every attribute that can be had here: all are kept."""
    for number in range(row.options.count or 60):
        path = row.new_log(f"meta{number}")
        wish = dress(path, row.random)
        link = put_links(path, row.random)
        before = Attributes.of(link)
        ending = run(row.words(link, "dressed"), link.parent)
        problems = [] if ending.code == 0 else [str(ending)]
        if (after := Attributes.of(link)) != before:
            problems.append(f"{before} became {after}")
        if path.read_bytes() == row.log or path.is_symlink():
            problems.append("the file behind the link was not the one changed")
        row.note("kept", problems, f"{wish} through {link}")


def dress(path: Path, chance: random.Random) -> str:
    """Give a log a random mode, attributes, access list and, as root, owner; say which."""
    wish = []
    if os.geteuid() == 0 and chance.random() < 0.5:
        owner = chance.choice([(NOBODY, NOBODY), (1234, 0), (0, 4321)])
        os.chown(path, *owner)
        wish.append(f"owner {owner}")
    mode = chance.choice([0o600, 0o640, 0o604, 0o664, 0o666, 0o755, 0o2664, 0o4755])
    path.chmod(mode)
    wish.append(f"mode {mode:o}")
    if hasattr(os, "setxattr"):
        if chance.random() < 0.5:
            os.setxattr(path, "user.mime_type", b"text/org")
            os.setxattr(path, "user.bytes", bytes(range(100)))
            wish.append("attributes")
        if chance.random() < 0.5:
            os.setxattr(path, "system.posix_acl_access", access_list(mode))
            wish.append("access list")
        if chance.random() < 0.5:
            os.setxattr(path.parent, "system.posix_acl_default", access_list(0o777))
            wish.append("default access list of the folder")
    return ", ".join(wish)


def access_list(mode: int) -> bytes:
    """Make a POSIX access list as the kernel stores it: one named user more, who may read and write."""
    nobody = 0xFFFFFFFF
    entries = [  # tag, permissions, id; the mask is what the mode shows as the group's
        (0x01, mode >> 6 & 7, nobody),
        (0x02, 6, 1000),
        (0x04, 4, nobody),
        (0x10, mode >> 3 & 7, nobody),
        (0x20, mode & 7, nobody),
    ]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


def put_links(path: Path, chance: random.Random) -> Path:
    """Return a name of the log: its own, or a chain of up to three symbolic links in another folder."""
    link, folder = path, path.parent / "links"
    folder.mkdir()
    for number in range(chance.randrange(4)):
        name = folder / f"link{number}.org"
        name.symlink_to(os.path.relpath(link, folder) if chance.random() < 0.5 else link)
        link = name
    return link


def readonly(row: Row) -> None:
    """Write where nothing can be written: it says why, and the log can still be read."""
    scenes = [closed_folder]
    if os.geteuid() == 0 and sys.platform == "linux":
        scenes += [read_only_mount, full_disk, no_inodes]
    else:
        row.seen["mounts need root and were left out"] += 1
    for number in range(row.options.count or 1):
        for scene in scenes:
            path = row.root / f"{scene.__name__}{number}" / "experiment_log.org"
            path.parent.mkdir()
            with scene(path, row.log):
                refuse(row, path, scene.__name__)


def refuse(row: Row, path: Path, scene: str) -> None:
    """Run the command where it cannot succeed, and judge how it says so."""
    names = sorted(path.parent.iterdir())
    command = row.words(path, "too much")
    if os.geteuid() == 0:  # who may write everywhere, unless that is taken away
        command = ["setpriv", "--bounding-set=-dac_override", "--", *command]
    ending = run(command, path.parent)
    problems = problems_of_sentence(ending)
    if ending.code == 0:
        problems.append("exit 0")
    if path.read_bytes() != row.log or sorted(path.parent.iterdir()) != names:
        problems.append(f"something changed: {sorted(path.parent.iterdir())}")
    row.note(scene, problems, f"{scene} ({ending.errors})")
    if row.options.verbose:
        print(f"{scene}: {ending.errors}")


@contextmanager
def closed_folder(path: Path, log: bytes) -> Iterator[None]:
    """Have the log in a folder without write permission."""
    path.write_bytes(log)
    path.parent.chmod(0o555)
    yield
    path.parent.chmod(0o755)


@contextmanager
def read_only_mount(path: Path, log: bytes) -> Iterator[None]:
    """Have the log on a file system that is mounted for reading."""
    with mounted(path.parent, "size=1m"):
        path.write_bytes(log)
        subprocess.run(["mount", "-o", "remount,ro", path.parent], check=True)
        yield


@contextmanager
def full_disk(path: Path, log: bytes) -> Iterator[None]:
    """Have the log on a file system without a free block, not even for one more line."""
    with mounted(path.parent, "size=256k"):
        path.write_bytes(log)
        with suppress(OSError), path.with_name("filler").open("wb", buffering=0) as filler:
            while True:
                filler.write(b"x" * 4096)
        yield


@contextmanager
def no_inodes(path: Path, log: bytes) -> Iterator[None]:
    """Have the log on a file system that can hold no further file."""
    with mounted(path.parent, "size=1m,nr_inodes=8"):
        path.write_bytes(log)
        with suppress(OSError):
            for number in range(8):
                path.with_name(f"filler{number}").touch()
        yield


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[None]:
    """Have a file system in memory at `folder`."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "orglab-torture", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


ROWS = {"sweep": sweep, "kill": kill, "writers": writers, "many": many, "meta": meta, "readonly": readonly}


def torture(name: str, options: argparse.Namespace, folder: Path) -> bool:
    """Run one row, print what it showed, and return whether all was well."""
    row = Row(options, folder / name)
    row.root.mkdir()
    started = time.monotonic()
    ROWS[name](row)
    for problem in row.bad:
        print(f"BAD {problem}")
    seen = ", ".join(f"{state}: {count}" for state, count in sorted(row.seen.items()) if count)
    print(f"{name}: {len(row.bad)} bad; {seen}; {time.monotonic() - started:.1f} s", flush=True)
    return not row.bad


def main() -> int:
    """Read the options, run the rows, and return the exit code."""
    default = f"{shlex.quote(sys.executable)} -S {shlex.quote(str(ACTORS))} append {{file}} {{text}}"
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("row", choices=[*ROWS, "all"])
    parser.add_argument("--command", default=default, help="with {file} and {text}")
    parser.add_argument("--log", type=Path, help="what the log holds at first")
    parser.add_argument("--count", type=int, help="of trials or edits; without it, as many as quality asks")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2, help="trials of a sweep at a time")
    parser.add_argument("--scrub", default=TIMES, help="pattern of what differs between two runs")
    parser.add_argument("--ignore", default="$^", help="pattern of files that the command may leave")
    parser.add_argument("--always", action="append", default=[], help="CALL:ERRNO in each trial of a sweep")
    parser.add_argument("--ids", help="pattern whose group is an id, for `many`")
    parser.add_argument("--verbose", action="store_true", help="print the sentences of `readonly`")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="torture-"))
    rows = ROWS if options.row == "all" else [options.row]
    well = sum(torture(name, options, folder) for name in rows) == len(rows)
    if well:
        shutil.rmtree(folder)
    else:
        print(f"the trials that went wrong are in {folder}")
    return not well


if __name__ == "__main__":
    sys.exit(main())
