"""Ten agents at once on one log: each tries changes, keeps some, and discards others; some of their runs are killed."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lab import orglab as run_orglab
from orglab.runs.record_reader import read_runs

LOG = "experiment_log.org"
AGENTS = 10
RUNS = int(os.environ.get("RUNS", "20"))
# The last argument says how it ends.
SCRIPT = """\
import pathlib, sys
name, end = sys.argv[1:]
pathlib.Path("results").mkdir(exist_ok=True)
pathlib.Path("results", name).write_text(pathlib.Path("parts", name.split("-")[0]).read_text())
print("begun", flush=True)
if end == "killed":
    sys.stdin.read()
sys.exit(3 if end == "failed" else 0)
"""
ENDS = ("kept", "discarded", "failed", "kept", "killed", "left")


def git(tree, *arguments):
    """Run git in a working tree, and return what it prints."""
    done = subprocess.run(["git", *arguments], cwd=tree, capture_output=True, text=True, check=True)
    return done.stdout.strip()


class Agent:
    """Works in a git worktree of its own."""

    def __init__(self, main: Path, number: int) -> None:
        """Make the worktree."""
        self.main, self.name = main, f"agent{number}"
        self.tree = main.with_name(f"{main.name}-{self.name}")
        git(main, "worktree", "add", "--quiet", "--detach", self.tree)

    def work(self, numbers):
        """Try a change after the other, and return what has become of each, by its name."""
        return {
            f"{self.name}-{number}": self.try_change(f"{self.name}-{number}", ENDS[number % 6]) for number in numbers
        }

    def try_change(self, name, end):
        """Change a file, run it in a working tree of its own, and decide; return the id of the run, and the decision."""
        git(self.tree, "checkout", "--quiet", "--detach", "main")
        (self.tree / "parts" / self.name).write_text(f"of {name}\n")
        command = (
            "run", "1.1", "--worktree", "--results", "results", "-m", f"Why {name}", "--",
            sys.executable, "script.py", name, end,
        )  # fmt: skip
        if end == "killed":
            self.kill(command)
        else:
            done = run_orglab(*command, cwd=self.tree)
            assert done.code == (3 if end == "failed" else 0), done.err
        (run,) = (run for run in read_runs(self.main) if run.why == f"Why {name}")
        if end == "kept":
            kept = run_orglab("runs", "keep", run.id, "-m", f"Keep {name}", cwd=self.main)
            assert kept.code == 0, kept.err
        elif end in ("discarded", "failed"):
            done = run_orglab("runs", "discard", run.id, "--reset", "-m", f"Not {name}", cwd=self.tree)
            assert done.code == 0, done.err
            assert git(self.tree, "status", "--porcelain") == ""
        git(self.tree, "checkout", "--quiet", "--force", "--detach", "HEAD")
        return run.id, end

    def kill(self, command):
        """Begin a run, and kill its orglab; the command ends after that."""
        process = subprocess.Popen(
            [sys.executable, "-m", "orglab", *command], cwd=self.tree, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stdout.readline() == "begun\n", process.communicate()
        process.kill()
        process.wait()
        process.communicate()


def test_ten_agents_lose_nothing_and_the_branch_has_only_what_was_kept(branch, orglab):
    main = branch.path
    parts = {f"parts/agent{number}": "of nobody\n" for number in range(AGENTS)}
    branch.commit("parts", {"script.py": SCRIPT, **parts})
    first = branch.git("rev-parse", "HEAD")
    agents = [Agent(main, number) for number in range(AGENTS)]
    with ThreadPoolExecutor(AGENTS) as pool:
        shares = [range(number, RUNS, AGENTS) for number in range(AGENTS)]
        works = [pool.submit(agent.work, share) for agent, share in zip(agents, shares, strict=True)]
        done = {name: one for work in works for name, one in work.result().items()}
    assert len(done) == RUNS
    deadline = time.monotonic() + 60
    while any(run.status == "unobserved" for run in read_runs(main)):
        # The system may take a moment to end the commands whose orglab was killed.
        assert time.monotonic() < deadline
        time.sleep(0.01)
    # What killed processes left is removed, and their runs are written, by the next command.
    orglab("run", "1.2", "--worktree", "--", "true")
    runs = {run.id: run for run in read_runs(main)}
    log = (main / LOG).read_text()
    kept = [name for name, (_, end) in done.items() if end == "kept"]
    for name, (run_id, end) in done.items():
        run = runs[run_id]
        assert log.count(f"run {run_id}\n") == 1
        assert log.count(f"Why {name}\n") == 1
        assert (run.why, run.status) == (f"Why {name}", {"failed": "failed", "killed": "lost"}.get(end, "done"))
        assert run.discarded == (f"Not {name}" if end in ("discarded", "failed") else None)
        assert log.count(f": Keep {name}\n") == (end == "kept")
        assert log.count(f"discarded: Not {name}\n") == (end in ("discarded", "failed"))
        assert git(main, "show", f"{run.snapshot}:parts/{name.split('-')[0]}") == f"of {name}"
        if end != "killed":
            held = "HEAD" if end == "kept" else run.kept
            assert git(main, "show", f"{held}:results/{name}") == f"of {name}"
    subjects = git(main, "log", "--format=%s", f"{first}..main").splitlines()
    assert sorted(one for one in subjects if "Results" not in one) == sorted(
        f"[e1.1] Keep: Keep {name}" for name in kept
    )
    assert len(subjects) == 2 * len(kept)
    files = git(main, "log", "--format=", "--name-only", f"{first}..main").split()
    assert {*files} == {f"parts/{name.split('-')[0]}" for name in kept} | {f"results/{name}" for name in kept}
    assert git(main, "status", "--porcelain") == ""
    assert "Pending      nothing\n" in orglab("status").out
    assert git(main, "fsck", "--no-dangling") == ""
    assert len(git(main, "worktree", "list").splitlines()) == 1 + AGENTS
    assert [*(main / ".git/orglab/worktrees").iterdir()] == []
