"""What orglab, W&B, MLflow, DVC and Trackio know of a run, and what is left of it after git has done its work.

Each tool records a run of a script with an uncommitted change and an untracked file, without a network.  Then the
repository is pushed and cloned, the branch is rewritten, git collects its garbage, and untracked files are removed.
What a tool knows is searched for in everything that it wrote.  The environments are those of `bench_beside.py`.

python benchmarks/bench_recorded.py
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from bench_beside import ENVIRONMENTS, find_tools, make_repository
from measure import environment, table

REASON = "Sentences are short"
SEED = "48151"
CHANGE, NEW_FILE = "uncommitted change", "untracked file"
READ_SEED = "import random, sys\nrandom.seed(int(sys.argv[2]))\n"
SCRIPTS = {
    "orglab": 'import json\njson.dump({"loss": random.random()}, open("metrics.jsonl", "w"))\n',
    "wandb": f"""import wandb
with wandb.init(project="study", notes={REASON!r}) as run:
    run.log({{"loss": random.random()}})
""",
    "mlflow": f"""import mlflow
with mlflow.start_run(description={REASON!r}):
    mlflow.log_metric("loss", random.random())
""",
    "dvc": f"""from dvclive import Live
with Live(exp_message={REASON!r}) as live:
    live.log_metric("loss", random.random())
""",
    "trackio": """import trackio
trackio.init(project="study")
trackio.log({"loss": random.random()})
trackio.finish()
""",
}
# What a tool wrote below the repository, and what git holds for it.
FILES = {
    "orglab": [".git/orglab", "experiment_log.org"], "wandb": ["wandb"], "mlflow": ["mlflow.db", "mlruns"],
    "dvc": [], "trackio": [".trackio"],
}  # fmt: skip
REFS = {
    "orglab": ["refs/orglab", "refs/heads/experiment-log", "refs/remotes/origin/experiment-log"], "dvc": ["refs/exps"],
}  # fmt: skip
WORDS = {True: "yes", False: "no", None: "-"}
IGNORED = "wandb/\nmlflow.db\nmlruns/\nmetrics.jsonl\n"


class Subject:
    """A tool, and the repository with its run."""

    def __init__(self, name: str, programs: Path, folder: Path) -> None:
        """Make the repository in `folder`, and the bare one that it is pushed to; `programs` has those of the tool."""
        self.name, self.bin, self.folder = name, programs, folder / name / "study"
        self.python, self.home = str(self.bin / "python"), folder / name / "home"
        self.home.mkdir(parents=True)
        make_repository(self, self.folder)
        (self.folder / "train.py").write_text(READ_SEED + SCRIPTS[name])
        (self.folder / ".gitignore").write_text(IGNORED)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message=Script")
        hub = str(folder / name / "hub.git")
        self.git("clone", "--quiet", "--bare", ".", hub)
        self.git("remote", "add", "origin", hub)
        self.checked_out = self.git("rev-parse", "HEAD").strip()

    def command(self, *arguments: str) -> list[str]:
        """Return a command of the tool."""
        return [str(self.bin / self.name), *arguments]

    def call(self, command: list[str], folder: Path | None = None) -> str:
        """Return what a command prints; whether it fails is seen in what is recorded."""
        own = {"HOME": str(self.home), "WANDB_MODE": "offline", "PATH": f"{self.bin}:{os.environ['PATH']}"}
        return subprocess.run(
            command, cwd=folder or self.folder, env=environment() | own, capture_output=True, check=False
        ).stdout.decode(errors="replace")

    def git(self, *arguments: str, folder: Path | None = None) -> str:
        """Return what a command of git prints."""
        return self.call(["git", *arguments], folder)

    def record(self) -> None:
        """Change the code, and run it."""
        with (self.folder / "train.py").open("a") as script:
            script.write(f"# {CHANGE}\n")
        (self.folder / "new.py").write_text(f"# {NEW_FILE}\n")
        script = [self.python, "train.py", "--seed", SEED]
        if self.name == "orglab":
            script = self.command("run", "1.1", "-m", REASON, "--", *script)
        if self.name == "trackio":
            self.call(self.command("logbook", "open", "--no-serve", "--no-browser", "--title", "Study"))
            script = self.command("logbook", "run", "--page", REASON, "--", *script)
        self.call(script)

    def read(self, folder: Path | None = None) -> str:
        """Return everything that the tool knows, as text."""
        places = [(folder or self.folder) / name for name in FILES[self.name]]
        places += [self.home / ".cache"] if folder is None else []
        files = [path for place in places for path in (place, *place.rglob("*")) if path.is_file()]
        refs = REFS.get(self.name, [])
        names = self.git("for-each-ref", "--format=%(refname)", *refs, folder=folder).split() if refs else []
        held = self.git("log", "--patch", *names, folder=folder) if names else ""
        return "\n".join([*(path.read_bytes().decode(errors="replace") for path in files), *names, held])

    def read_hashes(self) -> str:
        """Return where a user would look for the commit of a run: orglab's log, or everything that a tool wrote."""
        return (self.folder / "experiment_log.org").read_text() if self.name == "orglab" else self.read()

    def exchange(self, clone: Path) -> str:
        """Send the run and take it into a clone, and return what the tool knows there."""
        for verb, folder in (("push", self.folder), ("pull", clone)):
            arguments = ["sync"] if self.name == "orglab" else ["exp", verb, "origin", "--rev", self.checked_out]
            self.call(self.command(*arguments), folder)
        return self.read(clone)

    def rewrite(self) -> set[str]:
        """Rewrite every commit of the branch, let git remove the old ones, and return the names of the new ones."""
        again = "git commit --quiet --amend --no-edit --reset-author --allow-empty"
        self.git("rebase", "--quiet", "--root", "--exec", again)
        self.git("push", "--quiet", "--force", "--all", "origin")
        self.git("reflog", "expire", "--expire=now", "--all")
        self.git("gc", "--quiet", "--prune=now")
        if self.name == "orglab":
            # Its hook leaves a commit that was pushed alone, because the remote-tracking branch still had it.
            self.call(self.command("check", "--fix"))
        return {name[:7] for name in self.git("rev-list", "main").split()}

    def find_named_commit(self) -> str | None:
        """Return the commit that the tool names as the code of the run."""
        if self.name == "orglab":
            lines = [json.loads(line) for record in self.folder.glob(".git/orglab/runs/*/record.jsonl")
                     for line in record.read_text().splitlines()]  # fmt: skip
            return str(lines[0].get("snapshot") or lines[0]["before"])
        if self.name == "dvc":
            return self.git("for-each-ref", "--count=1", "--format=%(objectname)", "refs/exps/[0-9a-f]*/*/*").strip()
        return self.checked_out if self.checked_out in self.read() else None


def try_tool(subject: Subject) -> dict[str, bool | None]:
    """Return what is known of a run, at once and after each thing that git does."""
    subject.record()
    known = subject.read()
    found: dict[str, bool | None] = {
        "commit that was checked out": subject.checked_out in known,
        "change that was not committed": CHANGE in known,
        "file that was not tracked": NEW_FILE in known,
        "seed in the command": SEED in known,
        "reason": REASON in known,
    }
    subject.git("add", "--all")
    subject.git("commit", "--quiet", "--message=Change")
    subject.git("push", "--quiet", "--all", "origin")
    clone = subject.folder.with_name("clone")
    subject.git("clone", "--quiet", str(subject.folder.with_name("hub.git")), str(clone))
    found["run, in a clone"] = REASON in subject.read(clone)
    found["the same, after the tool's own exchange"] = (
        REASON in subject.exchange(clone) if subject.name in REFS else None
    )
    named = subject.find_named_commit()
    new = subject.rewrite()
    found["new commit, after a rebase"] = any(name in subject.read_hashes() for name in new)
    found["commit that it names, after a rebase and `git gc`"] = (
        "commit" in subject.git("cat-file", "-t", named) if named else None
    )
    subject.git("clean", "-ffdx", "--quiet")
    found["run, after `git clean -fdx`"] = REASON in subject.read()
    return found


def main(environments: Path = ENVIRONMENTS) -> None:
    """Print the table."""
    names = find_tools(environments)
    if not names:
        return
    folder = Path(tempfile.mkdtemp(prefix="orglab-bench-"))
    try:
        tried = {name: try_tool(Subject(name, environments / name / "bin", folder)) for name in names}
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    kinds = list(next(iter(tried.values())))
    table([["is it known?", *names], *([kind, *(WORDS[tried[name][kind]] for name in names)] for kind in kinds)])


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
