"""Make a repository whose log records commits that were later rewritten.

    python benchmarks/make_history.py SEED FOLDER

The history is made with git itself, in an episode for each kind of rewrite: commits are made on a topic branch and
recorded in the log, then they are rewritten and reach the main branch under other hashes. What became of each is
known from git's own post-rewrite hook or from the episode. Between episodes the main branch gets misleading commits:
reverts, commits that name a step and change something else, the same patch again.
"""

import os
import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

LOG = "experiment_log.org"
HOOK = (
    '#!/bin/sh\nfile="$(git rev-parse --git-common-dir)/rewritten"\n'
    'while read -r old new rest; do echo "$old $new $1" >> "$file"; done\n'
)
WORDS = [
    "loss",
    "scale",
    "warmup",
    "dropout",
    "encoder",
    "decoder",
    "batch",
    "cache",
    "loader",
    "metric",
    "mask",
    "tokens",
    "layer",
    "norm",
    "optimizer",
    "schedule",
    "seed",
    "augment",
    "crop",
    "split",
    "baseline",
    "ablation",
    "attention",
    "depth",
    "width",
    "gradient",
    "clip",
    "momentum",
    "decay",
]
SUBJECTS = ("wip", "fix", "Results", "Fix typo", "Update config", "more", "Tune parameters")


@dataclass
class Played:
    """A commit recorded in the log.

    Attributes:
        kind: How it was rewritten.
        name: Its full hash when it was recorded.
        became: Its current full hash, or None if it was dropped.
    """

    kind: str
    name: str
    became: str | None = None


@dataclass
class History:
    """A repository whose history is being made."""

    folder: Path
    chance: random.Random
    played: list[Played] = field(default_factory=list)
    clock: int = 1_700_000_000
    pace: tuple[int, ...] = (0, 1, 7, 60, 400, 3600)
    experiment: int = 0
    step: int = 0
    steps: list[str] = field(default_factory=list)
    truth: dict[str, str | None] = field(default_factory=dict)

    # git

    def git(self, *arguments: str, stdin: str = "", check: bool = True, **environment: str) -> str:
        """Run git, with the clock advanced."""
        self.clock += self.chance.choice(self.pace)
        date = f"{self.clock} +0000"
        base = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        names = {"AUTHOR": "Ada Author", "COMMITTER": "Ada Author"}
        for role, name in names.items():
            base |= {f"GIT_{role}_NAME": name, f"GIT_{role}_EMAIL": "ada@example.org", f"GIT_{role}_DATE": date}
        base |= {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_EDITOR": "true", "LC_ALL": "C"}
        result = subprocess.run(
            ["git", *arguments], cwd=self.folder, env=base | environment, input=stdin, capture_output=True,
            encoding="utf-8", check=False,
        )  # fmt: skip
        if check and result.returncode != 0:
            sys.exit(f"git {' '.join(arguments)} failed: {result.stdout}{result.stderr}")
        return result.stdout.strip()

    def head(self) -> str:
        """Return the full hash of HEAD."""
        return self.git("rev-parse", "HEAD")

    # What people do in a repository

    def file(self) -> Path:
        """Return one of the files that commits change; some are changed often."""
        names = ["train.py", "train.py", "model.py", "config.yaml", "loader.py", "notes.md", "results/table.csv"]
        return self.folder / self.chance.choice(names)

    def line(self) -> str:
        """Return a line that other commits are likely to have too."""
        chance = self.chance
        if chance.random() < 0.25:
            return chance.choice(("", "    return x", "}", "import os", "# TODO", "    pass"))
        return f"{'    ' * chance.randrange(3)}{chance.choice(WORDS)} = {chance.choice(WORDS)}({chance.randrange(30)})"

    def edit(self, path: Path | None = None) -> None:
        """Change a file as people do: usually add, change or remove lines, sometimes something else."""
        chance = self.chance
        path = path or self.file()
        path.parent.mkdir(exist_ok=True)
        lines = path.read_text().split("\n") if path.exists() else []
        size = chance.choice((1, 1, 1, 2, 3, 5, 8, 15, 40))
        at = chance.randrange(len(lines) + 1)
        what = chance.random()
        if what < 0.35:
            lines[at:at] = [self.line() for _ in range(size)]
        elif what < 0.8:
            lines[at : at + min(size, 8)] = [self.line() for _ in range(size)]
        elif what < 0.87 and len(lines) > 30:
            del lines[at : at + size]
        elif what < 0.92:
            # Only whitespace.
            lines[at : at + size] = ["  " + line for line in lines[at : at + size]] or ["  "]
        elif what < 0.96:
            (self.folder / f"figure{chance.randrange(4)}.png").write_bytes(b"\0" + chance.randbytes(200))
        else:
            path.touch()
            path.chmod(path.stat().st_mode ^ 0o111)
        path.write_text("\n".join(lines))

    def message(self, ref: str | None) -> str:
        """Return a commit message, which names the step in three of four cases."""
        chance = self.chance
        subject = f"{chance.choice(('Add', 'Use', 'Try', 'Change', 'Drop'))} {' '.join(chance.sample(WORDS, 3))}"
        if chance.random() < 0.12:
            subject = chance.choice(SUBJECTS)
        if ref is not None and chance.random() < 0.75:
            subject = f"[{ref}] {subject}"
        body = f"\n\n{chance.choice(WORDS)} was not enough." if chance.random() < 0.2 else ""
        return subject + body

    def commit(self, message: str, *options: str) -> str:
        """Commit everything except the log, and return the hash."""
        self.git("add", "--all", ":(top)", f":(exclude,top){LOG}")
        self.git("commit", "--quiet", "--allow-empty", "--file=-", *options, stdin=message)
        return self.head()

    def work(self, ref: str | None = None) -> str:
        """Make some changes, commit them, and return the hash."""
        for _ in range(self.chance.choice((1, 1, 2, 3))):
            self.edit()
        message = self.message(ref)
        if self.git("status", "--porcelain", "--", ".", f":(exclude){LOG}") == "":
            (self.folder / "train.py").open("a").write(f"\n# {self.chance.random()}")
        return self.commit(message)

    def record(self, kind: str, name: str) -> None:
        """Record a commit in the log, and usually commit the log."""
        self.played.append(Played(kind, name))
        with (self.folder / LOG).open("a") as log:
            log.write(f"{self.step}. [@{self.step}] [X] Step {self.step} of this ({name[:9]})\n")
        if self.chance.random() < 0.7:
            self.git("add", LOG)
            self.git("commit", "--quiet", "-m", f"[e{self.experiment}] log: step {self.step} done")

    def topic(self, kind: str, count: int, *, recorded_share: float = 0.7) -> list[str]:
        """Make a topic branch with `count` commits, most of them recorded, and return their hashes."""
        self.experiment += 1
        self.step = 0
        self.git("checkout", "--quiet", "-b", f"topic{self.experiment}")
        with (self.folder / LOG).open("a") as log:
            log.write(f"* TODO [{self.experiment}] Experiment :exp:\n[2026-06-01 Mon]\n** TODO Experiments\n")
        self.git("commit", "--quiet", "-am", f"[e{self.experiment}] log: new")
        hashes = []
        for _ in range(count):
            self.step += 1
            hashes.append(self.work(f"e{self.experiment}.{self.step}"))
            if self.chance.random() < recorded_share:
                self.record(kind, hashes[-1])
        if self.git("status", "--porcelain", "--", LOG):
            self.git("commit", "--quiet", "-m", f"[e{self.experiment}] log", LOG)
        return hashes

    def upstream(self, count: int = 3) -> None:
        """Add commits to the main branch in the meantime, some of them misleading."""
        branch = self.git("rev-parse", "--abbrev-ref", "HEAD")
        self.git("checkout", "--quiet", "main")
        for _ in range(self.chance.randrange(count + 1)):
            self.work(f"e{self.experiment}.{self.chance.randrange(1, 6)}" if self.chance.random() < 0.4 else None)
        self.git("checkout", "--quiet", branch)

    def traps(self) -> None:
        """Add misleading commits to the main branch: reverts, false references, the same patch again."""
        chance = self.chance
        if chance.random() < 0.3:
            hashes = self.git("rev-list", "--max-count=15", "--no-merges", "main", "--", "train.py", "model.py").split()
            name = chance.choice(hashes) if hashes else "HEAD"
            if self.git("revert", "--no-edit", name, check=False) and chance.random() < 0.4:
                self.git("cherry-pick", "--allow-empty", name, check=False)
            for state in ("revert", "cherry-pick"):
                self.git(state, "--abort", check=False)
            self.git("reset", "--quiet", "--hard")
        if chance.random() < 0.5 and self.experiment:
            self.edit()
            self.commit(f"[e{self.experiment}.{chance.randrange(1, 6)}] {' '.join(chance.sample(WORDS, 3))}")

    def land(self) -> None:
        """Merge the topic branch into the main branch and delete it."""
        branch = self.git("rev-parse", "--abbrev-ref", "HEAD")
        self.git("checkout", "--quiet", "main")
        if (
            self.git("merge", "--quiet", "--ff-only", branch, check=False)
            or self.git("rev-parse", branch) != self.head()
        ):
            self.git("rebase", "--quiet", "-X", "theirs", "main", branch)
            self.git("checkout", "--quiet", "main")
            self.git("merge", "--quiet", "--ff-only", branch)
        self.git("branch", "-D", branch)

    def script(self, todo: Callable[[list[str]], list[str]], *options: str) -> None:
        """Rebase interactively onto the merge base with the main branch."""
        base = self.git("merge-base", "main", "HEAD")
        lines = [f"pick {name}" for name in self.git("rev-list", "--reverse", f"{base}..HEAD").split()]
        path = self.folder / ".git" / "todo"
        path.write_text("\n".join(todo(lines)) + "\n")
        self.git("rebase", "--quiet", "-i", "-X", "theirs", "--empty=drop", *options, base,
                 GIT_SEQUENCE_EDITOR=f"cp {path}")  # fmt: skip

    # Episodes

    def rebase(self, count: int) -> None:
        """Rebase onto a main branch with new commits, with conflicts resolved."""
        self.topic("rebase", count)
        self.upstream(6)
        self.git("rebase", "--quiet", "-X", "theirs", "main")
        self.land()

    def reword(self, count: int) -> None:
        """Reword commits, some of them completely."""
        made = self.topic("reword", count)

        def todo(lines: list[str]) -> list[str]:
            changed = []
            for line in lines:
                changed.append(line)
                if line.split()[1] in made:
                    new = self.message(f"e{self.experiment}.1").splitlines()[0]
                    changed.append(f'exec git commit --quiet --amend -m "{new}"')
            return changed

        self.script(todo)
        self.land()

    def amend(self, count: int) -> None:
        """Amend commits with more changes after they were recorded."""
        self.topic("amend", count, recorded_share=0)
        for _ in range(count):
            self.step += 1
            name = self.work(f"e{self.experiment}.{self.step}")
            for _ in range(self.chance.choice((1, 1, 2))):
                self.edit()
                self.git("add", "--all", ":(top)", f":(exclude,top){LOG}")
                self.git("commit", "--quiet", "--amend", "--no-edit", "--allow-empty")
            self.record("amend", name)
        if self.git("status", "--porcelain", "--", LOG):
            self.git("commit", "--quiet", "-m", "log", LOG)
        self.land()

    def fixup(self, count: int) -> None:
        """Squash fixups into the commits that they fix; some fixups are recorded too."""
        made = self.topic("fixup", count)
        for name in self.chance.sample(made, max(1, count // 2)):
            self.edit()
            self.step += 1
            fix = self.commit("fixup! " + self.git("log", "-1", "--format=%s", name))
            if self.chance.random() < 0.4:
                self.record("fixup", fix)
        self._clean()
        base = self.git("merge-base", "main", "HEAD")
        self.git(
            "rebase", "--quiet", "-i", "-X", "theirs", "--autosquash", "--empty=drop", base, GIT_SEQUENCE_EDITOR="true"
        )
        self.land()

    def _clean(self) -> None:
        """Commit the log if it has changed."""
        if self.git("status", "--porcelain", "--", LOG):
            self.git("commit", "--quiet", "-m", "log", LOG)

    def squash(self, count: int) -> None:
        """Squash adjacent commits, with git's default message or another."""
        made = self.topic("squash", count)

        def todo(lines: list[str]) -> list[str]:
            code = [line for line in lines if line.split()[1] in made]
            rest = [line for line in lines if line.split()[1] not in made]
            if self.chance.random() < 0.5:
                code, rest = lines, []
            changed = []
            for number, line in enumerate(code):
                changed.append(line.replace("pick", "squash") if number and self.chance.random() < 0.5 else line)
                if self.chance.random() < 0.15:
                    changed.append(f'exec git commit --quiet --amend -m "{self.message(None).splitlines()[0]}"')
            return changed + rest

        self.script(todo)
        self.land()

    def _squash_merge(self, kind: str, count: int, message: Callable[[list[str]], str]) -> None:
        made = self.topic(kind, count)
        self.upstream()
        branch = self.git("rev-parse", "--abbrev-ref", "HEAD")
        subjects = self.git("log", "--reverse", "--format=%s", f"main..{branch}").split("\n")
        self.git("checkout", "--quiet", "main")
        self.git("merge", "--quiet", "--squash", "-X", "theirs", branch)
        self.git("commit", "--quiet", "--allow-empty", "--file=-", stdin=message(subjects))
        self.truth |= dict.fromkeys(made, self.head())
        self.git("branch", "-D", branch)

    def squash_list(self, count: int) -> None:
        """Squash-merge with a message that lists the commits."""
        self._squash_merge(
            "squash-list", count,
            lambda subjects: "\n\n".join((f"Topic (#{self.experiment})", *(f"* {subject}" for subject in subjects))),
        )  # fmt: skip

    def squash_bare(self, count: int) -> None:
        """Squash-merge with a message that does not list the commits."""
        self._squash_merge("squash-bare", count, lambda _: f"Topic {self.experiment} (#{self.experiment})")

    def server(self, count: int) -> None:
        """Rebase on another machine, so that no local hook or reflog records it."""
        made = self.topic("server-rebase", count)
        self.upstream()
        branch = self.git("rev-parse", "--abbrev-ref", "HEAD")
        other = self.folder.with_name(self.folder.name + "-server")
        here = self.folder
        self.git("clone", "--quiet", "--no-local", str(here), str(other))
        self.folder = other
        self.git("config", "core.hooksPath", "/dev/null")
        self.git("checkout", "--quiet", "-B", "main", "origin/main")
        before = self.git("rev-list", "--reverse", f"origin/main..origin/{branch}").split()
        picked: dict[str, str | None] = {}
        for name in before:
            head = self.head()
            self.git("cherry-pick", "--allow-empty", "-X", "theirs", name, GIT_COMMITTER_NAME="GitHub")
            picked[name] = self.head() if self.head() != head else None
        self.folder = here
        self.truth |= {name: picked.get(name) for name in made}
        self.git("checkout", "--quiet", "main")
        self.git("pull", "--quiet", "--ff-only", str(other), "main")
        self.git("branch", "-D", branch)
        subprocess.run(["rm", "-rf", str(other)], check=True)

    def drop(self, count: int) -> None:
        """Drop commits."""
        made = self.topic("drop", count)
        gone = set(self.chance.sample(made, max(1, 2 * count // 3)))

        def todo(lines: list[str]) -> list[str]:
            return [line for line in lines if line.split()[1] not in gone]

        self.script(todo)
        for commit in self.played:
            if commit.kind == "drop" and commit.name in made and commit.name not in gone:
                commit.kind = "rebase"
        self.truth |= dict.fromkeys(gone, None)
        self.land()

    def author(self, count: int) -> None:
        """Reset the author and date of commits."""
        self.topic("author-reset", count)
        base = self.git("merge-base", "main", "HEAD")
        exec_ = "git commit --quiet --amend --no-edit --reset-author --allow-empty"
        self.git(
            "rebase",
            "--quiet",
            "--exec",
            exec_,
            base,
            GIT_AUTHOR_NAME="Ada Newname",
            GIT_AUTHOR_EMAIL="new@example.org",
        )
        self.land()

    def pick(self, count: int) -> None:
        """Cherry-pick commits onto the main branch, and delete the topic branch."""
        made = self.topic("cherry-pick", count)
        self.upstream()
        branch = self.git("rev-parse", "--abbrev-ref", "HEAD")
        names = self.git("rev-list", "--reverse", f"main..{branch}").split()
        self.git("checkout", "--quiet", "main")
        option = self.chance.choice((["-x"], []))
        for name in names:
            self.git("cherry-pick", "--allow-empty", "--keep-redundant-commits", "-X", "theirs", *option, name)
            if name in made:
                self.truth[name] = self.head()
        self.git("branch", "-D", branch)

    def recommit(self, count: int) -> None:
        """Soft-reset commits and commit them again as one."""
        made = self.topic("recommit", count)
        base = self.git("merge-base", "main", "HEAD")
        self.git("reset", "--quiet", "--soft", base)
        self.git("commit", "--quiet", "--allow-empty", "--file=-", stdin=self.message(f"e{self.experiment}"))
        self.truth |= dict.fromkeys(made, self.head())
        self.land()

    # The whole history

    def play(self, dead: int) -> None:
        """Play episodes until `dead` recorded commits are rewritten, then find out what became of each."""
        self.folder.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("config", "gc.auto", "0")
        hooks = self.folder / ".git" / "hooks"
        hooks.mkdir(exist_ok=True)
        (hooks / "post-rewrite").write_text(HOOK)
        (hooks / "post-rewrite").chmod(0o755)
        for name in ("train.py", "model.py", "config.yaml", "loader.py"):
            (self.folder / name).write_text("\n".join(self.line() for _ in range(60)))
        (self.folder / LOG).write_text("#+TITLE: Log\n")
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", "Begin")
        episodes = [
            self.rebase, self.reword, self.amend, self.fixup, self.squash, self.squash_list, self.squash_bare,
            self.server, self.drop, self.author, self.pick, self.recommit,
        ]  # fmt: skip
        number = 0
        while len(self.played) < dead:
            self.chance.shuffle(episodes) if number % len(episodes) == 0 else None
            episodes[number % len(episodes)](self.chance.randrange(3, 8))
            self._clean()
            self.traps()
            number += 1
        self._resolve()

    def _resolve(self) -> None:
        """Find out what became of each commit, from the hook's record and from the episodes."""
        rewritten: dict[str, str] = {}
        path = self.folder / ".git" / "rewritten"
        for line in path.read_text().splitlines() if path.exists() else []:
            old, new, _ = line.split()
            rewritten[old] = new
        reachable = set(self.git("rev-list", "main").split())
        for commit in self.played:
            name: str | None = commit.name
            for _ in range(50):
                if name is None or name in reachable:
                    break
                name = self.truth[name] if name in self.truth else rewritten.get(name)
            commit.became = name if name in reachable else None
        # Reverting a squash may also have removed what the log recorded.
        log = (self.folder / LOG).read_text()
        self.played = [commit for commit in self.played if commit.name not in reachable and commit.name[:9] in log]


def make_history(folder: Path, seed: int, dead: int = 200) -> History:
    """Return a history with `dead` rewritten commits in its log, made in a new folder."""
    history = History(folder, random.Random(seed))  # noqa: S311 - the same in every run
    if seed % 3 == 0:
        # Like a script: many commits per second, so that dates are no evidence.
        history.pace = (0, 0, 0, 0, 0, 0, 1)
    history.play(dead)
    return history


if __name__ == "__main__":
    for commit in make_history(Path(sys.argv[2]), int(sys.argv[1])).played:
        print(commit.kind, commit.name, commit.became)
