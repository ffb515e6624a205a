"""Two clones, their bare remote and their worktrees, twice: with orglab, and beside them with git alone."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

from lab import NAME, Done

from . import warm

JOURNAL = "journal.org"
OWN = frozenset((NAME, JOURNAL))
LOG_BRANCH = "experiment-log"
BRANCHES = ("main", "left", "right")
CODE = ("a.py", "b.py", "c.py")
START = 1528301760  # the article's first timestamp; each step is a minute later
SETTINGS = """\
[user]
\tname = Ada Author
\temail = ada@example.org
[init]
\tdefaultBranch = main
[gc]
\tauto = 0
[maintenance]
\tauto = false
[core]
\tfsync = none
\teditor = true
[sequence]
\teditor = true
[pull]
\trebase = false
[advice]
\tdetachedHead = false
[commit]
\tgpgSign = false
"""
OPERATIONS = {
    "rebase-merge": "rebase", "rebase-apply": "rebase", "MERGE_HEAD": "merge", "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
}  # fmt: skip


class Fault(Exception):  # noqa: N818 - it is what the walk looks for
    """What orglab did wrong."""


class Facts(NamedTuple):
    """What git holds of one working tree, without the log: equal in both worlds."""

    head: str
    refs: dict[str, str]
    index: list[str]
    operations: list[str]
    files: dict[str, bytes]
    locks: list[str]


def make_environment(home: Path) -> dict[str, str]:
    """Write git's settings into a folder, and return the environment of somebody whose home that is."""
    (home / "gitconfig").write_text(SETTINGS)
    dropped = ("GIT_", "ORGLAB_", "XDG_")
    return {name: value for name, value in os.environ.items() if not name.startswith(dropped)} | {
        "HOME": str(home), "GIT_CONFIG_GLOBAL": str(home / "gitconfig"), "GIT_CONFIG_NOSYSTEM": "1", "TZ": "UTC",
        "GIT_EDITOR": "true", "LC_ALL": "C.UTF-8",
    }  # fmt: skip


class World:
    """The real world, where orglab is used, and its twin, which git alone made.

    Attributes:
        root: The folder of both.
        apart: Whether the log is kept apart from the branches of the code.
        script: What was done, as lines of a shell script.
    """

    def __init__(self, root: Path, *, apart: bool) -> None:
        """Make the remote, clone `a` with a log, three branches and some history, and clone `b`."""
        self.root, self.apart = root, apart
        self.script: list[str] = []
        self._minute = 0
        root.mkdir(parents=True)
        self._environment = make_environment(root)
        self._make_real()
        self._make_twin()

    # ---- making ----

    def _make_real(self):
        (self.root / "real").mkdir()
        self._plain("real", "init", "--quiet", "--bare", "hub.git")
        self._plain("real", "init", "--quiet", "a")
        self._plain("real/a", "remote", "add", "origin", "../hub.git")
        self.run_orglab("a", "init", *self._way())
        for name in CODE:
            (self.root / "real/a" / name).write_text("".join(f"line {n} of {name}\n" for n in range(9)))
        self.record(f"cd a; for f in {' '.join(CODE)}; do seq 9 > $f; done; cd ..")
        (self.root / "real/a/.gitignore").write_text("*.tmp\n")
        self._plain("real/a", "add", "--all")
        self._plain("real/a", "commit", "--quiet", "--message=start")
        for branch in BRANCHES[1:]:
            self._plain("real/a", "branch", branch)
        self._plain("real/a", "push", "--quiet", "origin", *BRANCHES)
        if self.apart:
            self.run_orglab("a", "sync")
        self._plain("real", "clone", "--quiet", "hub.git", "b")
        self._plain("real/b", "remote", "set-url", "origin", "../hub.git")
        for branch in BRANCHES[1:]:
            self._plain("real/b", "branch", "--quiet", branch, f"origin/{branch}")
        self.run_orglab("b", "init", *self._way())

    def _way(self):
        return () if self.apart else ("--tracked",)

    def _make_twin(self):
        """Copy everything and take orglab out; the objects that it makes stay in reach."""
        shutil.copytree(self.root / "real", self.root / "twin", symlinks=True)
        for clone in ("a", "b", "hub.git"):
            folder = self.git_dir("twin", clone)
            shutil.rmtree(folder / "hooks", ignore_errors=True)
            shutil.rmtree(folder / "orglab", ignore_errors=True)
            (folder / "objects/info").mkdir(exist_ok=True)
            (folder / "objects/info/alternates").write_text(f"{self.git_dir('real', clone) / 'objects'}\n")
            if self.apart and clone != "hub.git":
                for name in OWN:
                    (self.root / "twin" / clone / name).unlink(missing_ok=True)

    def git_dir(self, world: str, place: str) -> Path:
        """Return the git directory of a working tree, or of the remote."""
        folder = self.root / world / place
        if (folder / "HEAD").exists():
            return folder
        link = folder / ".git"
        return link if link.is_dir() else folder / link.read_text().removeprefix("gitdir: ").strip()

    # ---- doing ----

    def record(self, line: str) -> None:
        """Add a line to the script."""
        self.script.append(line)

    def tick(self) -> None:
        """Let a minute pass, for git."""
        self._minute += 1
        date = f"@{START + 60 * self._minute} +0000"
        self._environment |= {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
        self.record(f"export GIT_AUTHOR_DATE='{date}' GIT_COMMITTER_DATE='{date}'")

    def folder(self, place: str, world: str = "real") -> Path:
        """Return the folder of a working tree."""
        return self.root / world / place

    def exists(self, place: str) -> bool:
        """Return whether there is such a working tree."""
        return self.folder(place).is_dir()

    def log(self, place: str) -> Path:
        """Return the log that commands in a working tree use."""
        return self.folder("a" if self.apart and place == "w" else place) / NAME

    def _plain(self, folder, *arguments, stdin="", check=True):
        if folder.startswith("real"):
            self.record(f"(cd ./{folder.removeprefix('real').strip('/')}; git {shlex.join(arguments)})")
        done = self._call(self.root / folder, arguments, stdin)
        assert not check or done.code == 0, (arguments, done)
        return done

    def _call(self, folder, arguments, stdin=""):
        done = subprocess.run(
            ["git", *arguments], cwd=folder, env=self._environment, input=stdin, capture_output=True,
            encoding="utf-8", errors="surrogateescape", check=False, timeout=120,
        )  # fmt: skip
        return Done(done.returncode, done.stdout, done.stderr)

    def ask(self, place: str, *arguments: str, world: str = "real") -> str:
        """Return what git says of a working tree, nothing if it fails; it is not part of the script."""
        return self._call(self.folder(place, world), arguments).out.rstrip("\n")

    def git(self, place: str, *arguments: str, stdin: str = "", commits: bool = False) -> Done:
        """Run git in both worlds, where it has to end alike and leave the same.

        Args:
            place: The working tree.
            arguments: The command.
            stdin: What is typed.
            commits: Whether it makes a commit whose message the hooks may change: the twin takes that message.
        """
        self.copy_own_files(place)
        typed = f"printf {shlex.quote(stdin)} | " if stdin else ""
        self.record(f"(cd {place}; {typed}git {shlex.join(arguments)})")
        before = self.ask(place, "rev-parse", "HEAD")
        for world in ("real", "twin"):
            # The times of the twin's files are others, which some commands of git take for changes.
            self.ask(place, "update-index", "-q", "--refresh", world=world)
        real = self._call(self.folder(place), arguments, stdin)
        if "Traceback" in real.err or "orglab: The hook" in real.err:
            raise Fault(f"a hook failed in git {shlex.join(arguments)}: {real.err}")
        if commits and real.code == 0 and self.ask(place, "rev-parse", "HEAD") != before:
            message = self.root / "message"
            message.write_text(self.ask(place, "log", "-1", "--format=%B") + "\n")
            arguments = _with_message(arguments, message)
        twin = self._call(self.folder(place, "twin"), arguments, stdin)
        if real.code != twin.code:
            raise Fault(
                f"git {shlex.join(arguments)} in {place} ended with {real.code}, without orglab with {twin.code}:\n"
                f"{real.out}{real.err}--- without orglab\n{twin.out}{twin.err}"
            )
        self.compare(place)
        return real

    def call_twin(self, place: str, *arguments: str) -> None:
        """Run git in the twin alone: in the real world someone else did."""
        self._call(self.folder(place, "twin"), arguments)

    def orglab(self, place: str, *arguments: str) -> Done:
        """Run orglab; the twin takes over the commits that it made, and nothing else may have changed."""
        done = self.run_orglab(place, *arguments)
        self.absorb(place)
        return done

    def run_orglab(self, place: str, *arguments: str) -> Done:
        """Run orglab and return how it ended, which must not be in an internal error."""
        self.record(f"(cd {place}; orglab {shlex.join(arguments)})")
        return self._require_no_defect(arguments, warm.run(arguments, self.folder(place), self._environment))

    def kill_orglab(self, place: str, *arguments: str, after: float) -> Done:
        """Run orglab, and kill it after some seconds."""
        self.record(f"(cd {place}; orglab {shlex.join(arguments)} & sleep {after}; kill -9 $!)")
        process = warm.Process(arguments, self.folder(place), self._environment)
        time.sleep(after)
        ended = self._require_no_defect(arguments, process.kill())
        for file in self.log(place).parent.glob(".*.orglab-*"):
            file.unlink()  # what a killed process may leave, says the architecture
        self.absorb(place)
        return ended

    def run_together(self, *commands: tuple[str, ...]) -> list[Done]:
        """Run commands at once, each a place and arguments, and return how they ended."""
        self.record(
            " & ".join(f"(cd {place}; orglab {shlex.join(arguments)})" for place, *arguments in commands) + "; wait"
        )
        processes = [warm.Process(arguments, self.folder(place), self._environment) for place, *arguments in commands]
        ended = [process.wait() for process in processes]
        for (place, *arguments), done in zip(commands, ended, strict=True):
            self._require_no_defect(arguments, done)
            self.absorb(place)
        return ended

    def _require_no_defect(self, arguments, done):
        if "Traceback" in done.err or done.code == 70:
            raise Fault(f"orglab {shlex.join(arguments)} failed: {done.err}")
        return done

    def write(self, place: str, name: str, text: str) -> None:
        """Write a file of code in both worlds."""
        self.record(f"(cd {place}; mkdir -p {Path(name).parent}; printf %s {shlex.quote(text)} > {name})")
        for world in ("real", "twin"):
            path = self.folder(place, world) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    # ---- the twin follows ----

    def copy_own_files(self, place: str) -> None:
        """Where the branches of the code hold the log, give the twin the log as it stands, as a plain file."""
        if self.apart or not self.exists(place):
            return
        for name in OWN:
            source, target = (self.folder(place, world) / name for world in ("real", "twin"))
            if source.is_file():
                if not target.is_file() or source.read_bytes() != target.read_bytes():
                    shutil.copyfile(source, target)
            else:
                target.unlink(missing_ok=True)

    def absorb(self, place: str, until: str | None = None) -> None:
        """Have the twin make the commits that orglab made on HEAD, and take over the results of runs."""
        old = self.ask(place, "rev-parse", "--verify", "--quiet", "HEAD", world="twin")
        new = until or self.ask(place, "rev-parse", "--verify", "--quiet", "HEAD")
        results = self.folder(place) / "out"
        if results.is_dir() and until is None:
            shutil.copytree(results, self.folder(place, "twin") / "out", dirs_exist_ok=True)
        if old != new:
            twin = self.folder(place, "twin")
            missing = self._call(twin, ("merge-base", "--is-ancestor", old, new)).code
            if missing or self.ask(place, "rev-list", "--merges", f"{old}..{new}"):
                raise Fault(f"orglab moved HEAD of {place} from {old} to {new}")
            changes = self.ask(place, "diff-tree", "-r", "--no-renames", "-z", old, new).split("\0")
            for meta, name in zip(changes[::2], changes[1::2], strict=False):
                mode, blob = meta.split()[1], meta.split()[3]
                update = (
                    ("--force-remove", "--", name) if mode == "000000" else ("--add", "--cacheinfo", mode, blob, name)
                )
                self._plain(f"twin/{place}", "update-index", *update)
            self._plain(f"twin/{place}", "update-ref", "HEAD", new)
        if until is None:
            self.copy_own_files(place)
            self.compare(place)

    # ---- comparing ----

    def read_facts(self, world: str, place: str) -> Facts:
        """Return what git holds of a working tree, without the log."""
        folder, git_dir = self.folder(place, world), self.git_dir(world, place)
        refs = self.ask(place, "for-each-ref", "--format=%(refname) %(objectname)", world=world).splitlines()
        pairs = (line.split(" ") for line in refs)
        kept = {
            name: value
            for name, value in pairs
            if name.startswith(("refs/heads/", "refs/remotes/", "refs/tags/", "refs/stash", "refs/bisect"))
            and not name.endswith(f"/{LOG_BRANCH}")
        }
        index = self.ask(place, "ls-files", "--stage", world=world).splitlines()
        head = (git_dir / "HEAD").read_text().strip()
        if not head.startswith("ref: "):
            kept["HEAD"], head = head, "detached"
        return Facts(
            head,
            kept,
            [line for line in index if line.split("\t")[1] not in OWN],
            [name for name in (*OPERATIONS, "BISECT_LOG") if (git_dir / name).exists()],
            dict(_read_files(folder)),
            [path.name for path in git_dir.glob("*.lock")],
        )

    def compare(self, place: str) -> None:
        """Compare the two worlds; a commit of the twin with another log, and nothing else, is replaced by orglab's."""
        if not self.exists(place):
            return
        real, twin = self.read_facts("real", place), self.read_facts("twin", place)
        if real.refs != twin.refs and not self.apart and real.refs.keys() == twin.refs.keys():
            for name, value in real.refs.items():
                if value != twin.refs[name] and self._differ_in_log_alone(place, value, twin.refs[name]):
                    self._plain(f"twin/{place}", "update-ref", "--no-deref", name, value)
                    twin.refs[name] = value
        if real != twin:
            raise Fault(f"{place} is not as git leaves it:\n{_describe_difference(real, twin)}")
        if not self.apart:
            self._copy_index_entries(place)

    def _differ_in_log_alone(self, place, real, twin):
        """Return whether two commits have the same history but for the log."""
        twin_folder = self.folder(place, "twin")
        # The amended first commit of a repository has none.
        base = [f"^{line}" for line in self._call(twin_folder, ("merge-base", real, twin)).out.split()]
        sides = [self.ask(place, "rev-list", "--topo-order", tip, *base, world="twin").split() for tip in (real, twin)]
        return len(sides[0]) == len(sides[1]) and all(
            self._describe_commit(place, one) == self._describe_commit(place, other)
            for one, other in zip(*sides, strict=True)
        )

    def _describe_commit(self, place, commit):
        entries = self.ask(place, "ls-tree", "-r", commit, world="twin").splitlines()
        message = self.ask(place, "log", "-1", "--format=%an %ad %B", commit, world="twin")
        return message, [entry for entry in entries if entry.split("\t")[1] not in OWN]

    def _copy_index_entries(self, place):
        """Give the index of the twin the log as orglab left it there."""
        real, twin = (self.ask(place, "ls-files", "--stage", "--", *OWN, world=world) for world in ("real", "twin"))
        if real != twin:
            names = {line.split("\t")[1] for line in f"{real}\n{twin}".splitlines() if line}
            removals = "".join(f"0 {'0' * 40}\t{name}\n" for name in names)
            self._plain(f"twin/{place}", "update-index", "--index-info", stdin=removals + real + "\n")


def _with_message(arguments, message):
    """Return the arguments of `git commit` with the message from a file instead of its own."""
    kept = [word for word in arguments[1:] if not word.startswith("--message=") and word != "--no-edit"]
    return ("commit", f"--file={message}", "--cleanup=verbatim", *kept)


def _read_files(folder):
    """Yield the name and the bytes of each file of a working tree but the log's."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if name.split("/")[0] == ".git" or name in OWN or not path.is_file():
            continue
        yield name, path.read_bytes()


def _describe_difference(real, twin):
    return "\n".join(
        f"{name}: {_leave_out(one, other)}\nwithout orglab: {_leave_out(other, one)}"
        for name, one, other in zip(Facts._fields, real, twin, strict=True)
        if one != other
    )


def _leave_out(one, other):
    """Return what one side has and the other has not."""
    if isinstance(one, dict):
        return {key: value for key, value in one.items() if other.get(key) != value}
    return [item for item in one if item not in other] if isinstance(one, list) else one
