"""A week of two people and an agent, who share a log through a bare remote and pull requests."""

import subprocess
from collections import Counter

import pytest

from lab import NAME, Done
from orglab.config import Config
from orglab.experiment.model import read_experiments
from orglab.org.document import Document
from walk import warm
from walk.oracle import RUN, find_tokens
from walk.world import make_environment

PEOPLE = ("ada", "ben", "agent")
TRAIN = "mkdir -p out; echo {0} > out/{0}.txt"


class Desk:
    """A clone, and who works there; a pull request that changes the log is remembered."""

    def __init__(self, team, name):
        self.team, self.name, self.path = team, name, team.root / name
        team.git(team.root, "clone", "--quiet", "hub.git", name)
        if team.tracked or name in PEOPLE:
            self.orglab("init", *team.way)

    def git(self, *arguments):
        return self.team.git(self.path, *arguments).out

    def orglab(self, *arguments, codes=(0,)):
        """Run orglab and return what it printed; it must end with one of the codes."""
        done = warm.run(arguments, self.path, self.team.environment)
        assert done.code in codes, (self.name, arguments, done)
        self.team.written |= find_tokens(" ".join(arguments))
        return done.out

    @property
    def log(self):
        return (self.path / NAME).read_text()

    def type_note(self, token, after):
        """Type a note below the line that holds a text."""
        lines = self.log.splitlines(keepends=True)
        (at,) = (number for number, line in enumerate(lines) if after in line)
        (self.path / NAME).write_text("".join([*lines[: at + 1], f"- {token} typed\n", *lines[at + 1 :]]))
        self.team.written.add(token)

    def begin(self, branch):
        """Begin a branch at the main branch of the remote."""
        self.save()
        self.git("fetch", "--quiet", "origin")
        self.git("checkout", "--quiet", "-b", f"{self.name}/{branch}", "origin/main")

    def new(self, token):
        """Add an experiment and return its id."""
        return self.orglab("new", f"idea {token}", "-s", "first", "-s", "second").split()[-1].removeprefix("e")

    def change_code(self, name):
        (self.path / f"{name}.py").write_text(f"by {self.name}\n")
        self.git("add", f"{name}.py")
        self.git("commit", "--quiet", f"--message=add {name}")

    def train(self, step, token, *options):
        command = TRAIN.format(token)
        self.orglab("run", step, "--results", "out", "-m", token, *options, "--", "sh", "-c", command)

    def save(self):
        """Commit the log."""
        self.orglab("commit", codes=(0, 1))

    def share(self):
        """Push the branch, ask for it to be merged, and exchange runs and log."""
        self.save()
        self.git("push", "--quiet", "origin", "HEAD")
        self.team.requests.append(self.git("symbolic-ref", "--short", "HEAD"))
        self.orglab("sync")

    def update(self):
        """Merge the main branch of the remote, and exchange runs and log."""
        self.save()
        self.git("fetch", "--quiet", "origin")
        self.git("merge", "--quiet", "--no-edit", "origin/main")
        self.orglab("sync")


class Team:
    """Everybody's clones, the remote, and the clone in which pull requests are merged."""

    def __init__(self, root, *, tracked):
        self.root, self.tracked, self.way = root, tracked, ("--tracked",) if tracked else ()
        self.environment = make_environment(root)
        self.written, self.requests, self.minute = set(), [], 0
        self.git(root, "init", "--quiet", "--bare", "hub.git")
        self.forge = Desk(self, "forge")
        (self.forge.path / "train.py").write_text("start\n")
        self.git(self.forge.path, "add", "--all")
        self.git(self.forge.path, "commit", "--quiet", "--message=start")
        self.git(self.forge.path, "push", "--quiet", "origin", "main")
        self.desks = {}
        for name in PEOPLE:
            self.desks[name] = Desk(self, name)
            if not tracked:
                self.desks[name].orglab("sync")

    def git(self, folder, *arguments):
        """Run git, which must succeed: a conflict ends the week."""
        self.minute += 1
        date = f"@{1528301760 + 60 * self.minute} +0000"
        done = subprocess.run(
            ["git", *arguments], cwd=folder, capture_output=True, encoding="utf-8", check=False,
            env={**self.environment, "GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date},
        )  # fmt: skip
        assert done.returncode == 0, (str(folder), arguments, done.stdout, done.stderr)
        return Done(0, done.stdout.rstrip("\n"), done.stderr)

    def merge_requests(self):
        """Merge what was asked for; without --tracked, no pull request may hold the log."""
        for branch in self.requests:
            self.forge.git("fetch", "--quiet", "origin")
            changed = self.forge.git("diff", "--name-only", f"main...origin/{branch}").split()
            assert changed
            assert self.tracked or NAME not in changed
            self.forge.git("merge", "--quiet", "--no-ff", "--no-edit", f"origin/{branch}")
        self.forge.git("push", "--quiet", "origin", "main")
        self.requests.clear()


@pytest.fixture(params=["apart", "tracked"])
def team(request, tmp_path):
    return Team(tmp_path, tracked=request.param == "tracked")


@pytest.mark.slow
def test_a_week_of_two_people_and_an_agent_ends_with_one_log_and_no_conflict(team):
    play_week(team)
    logs = {name: desk.log for name, desk in team.desks.items()}
    assert logs["ada"] == logs["ben"] == logs["agent"]
    log = logs["ada"]
    tokens = Counter(token for line in log.splitlines() for token in find_tokens(line))
    assert team.written - {"n-104"} == set(tokens) - {"n-104"}
    assert "n-104" not in tokens  # Ada deleted it
    assert max(Counter(RUN.findall(log)).values()) == 1
    assert len(RUN.findall(log)) == 6
    experiments = list(read_experiments(Document(log.encode()), Config(), NAME))
    assert len(experiments) == len({experiment.id for experiment in experiments}) == 6
    for desk in team.desks.values():
        assert desk.git("status", "--porcelain") == ""
        assert not [line for line in desk.orglab("check", codes=(0, 1)).splitlines() if "duplicate" in line]


def play_week(team):
    """Play the week, from Monday's plan to the last merge."""
    ada, ben, agent = team.desks.values()
    # Monday: a common experiment; then Ben travels.
    ada.begin("shared")
    shared = ada.new("x-100")
    ada.change_code("shared")
    ada.orglab("note", shared, "n-101 what we expect")
    ada.orglab("note", shared, "n-104 a slip")
    ada.share()
    team.merge_requests()
    for desk in (ben, agent):
        desk.update()
    # Tuesday and Wednesday: Ben is offline, Ada and the agent are not.
    ben.begin("dropout")
    mine = ben.new("x-110")
    ben.change_code("dropout")
    ben.train(f"{mine}.1", "r-111", "--done")
    ben.orglab("note", shared, "n-112 from the train")
    ada.begin("warmup")
    other = ada.new("x-120")
    ada.change_code("warmup")
    ada.train(f"{other}.1", "r-121")
    ada.train(f"{shared}.1", "r-122", "--done")
    ada.type_note("n-123", "n-101")
    ada.share()
    for number in (130, 140):
        agent.begin(f"try-{number}")
        tried = agent.new(f"x-{number}")
        agent.change_code(f"try{number}")
        agent.train(f"{tried}.1", f"r-{number + 1}", "--done")
        agent.orglab("conclude", tried, f"c-{number + 2} no gain", "--verdict", "refuted")
        agent.share()
    team.merge_requests()
    # Thursday: Ada deletes a slip by hand; Ben comes back with three days of work.
    ada.update()
    text = ada.log
    (ada.path / NAME).write_text("".join(line for line in text.splitlines(keepends=True) if "n-104" not in line))
    ada.orglab("note", shared, "n-150 as agreed")
    ada.change_code("thursday")
    ada.share()
    ben.type_note("n-151", "n-112")
    late = ben.new("x-152")
    ben.train(f"{late}.2", "r-153")
    renumber_own(ben, ben.update)
    ben.share()
    team.merge_requests()
    # Friday: the common conclusion, and everybody takes everything home.
    agent.update()
    agent.begin("end")
    agent.change_code("end")
    agent.orglab("conclude", shared, "c-160 it helps", "--verdict", "supported")
    agent.share()
    team.merge_requests()
    for desk in (*team.desks.values(), *team.desks.values()):
        desk.update()


def renumber_own(desk, update):
    """Update, and where two experiments have one id since, give another one to the later."""
    update()
    while "duplicate-id" in (problems := desk.orglab("check", codes=(0, 1))):
        line = next(line for line in problems.splitlines() if "duplicate-id" in line)
        desk.orglab(*line.rpartition("Fix: orglab ")[2].split())
