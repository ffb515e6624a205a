"""A small study, recorded with orglab from its first hypothesis to its last conclusion.

It works in a new git repository, trains and evaluates real models on scikit-learn's
handwritten digits, and uses only the command lines of orglab, git and python; each command
is printed as it would be typed, with its output. No verdict is hard-coded: each claim is in
the log before anything runs, and orglab judges it by the measured numbers.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

STUDY = Path(__file__).parent / "study"
WIDTH = 100
BIN = Path(sys.executable).parent
COLOURED = sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def paint(text: str, code: str) -> str:
    """Return a text in a colour, if the terminal supports it."""
    return f"\x1b[{code}m{text}\x1b[0m" if COLOURED else text


def say(text: str) -> None:
    """Print a heading for a stage of the study."""
    print(f"\n{paint('# ' + text, '1')}", flush=True)


def as_typed(command: tuple[str, ...]) -> str:
    """Return a command as one would type it, with the options of a long one on separate lines."""
    line = shlex.join(command)
    if len(line) <= WIDTH:
        return line
    words = [shlex.quote(word) for word in command]
    return "".join(f" \\\n    {word}" if word.startswith("-") else f" {word}" for word in words).lstrip()


def clean_environment() -> dict[str, str]:
    """Return the environment for all commands: without the user's git settings, and without a pager."""
    unwanted = ("ORGLAB_", "GIT_", "PAGER")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    return environment | {
        "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "PAGER": "cat",
        "GIT_CONFIG_GLOBAL": os.devnull,  # none of the user's signing, hooks or templates
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "Demo",
        "GIT_AUTHOR_EMAIL": "demo@example.org",
        "GIT_COMMITTER_NAME": "Demo",
        "GIT_COMMITTER_EMAIL": "demo@example.org",
    }


class Study:
    """The folder of the study, and the commands that are run there."""

    def __init__(self, folder: Path, seeds: int) -> None:
        """Work in an existing, empty folder, with so many seeds for each step."""
        self.folder = folder
        self.seeds = seeds
        self.environment = clean_environment()

    def type(self, *command: str, direct: bool = False, code: int = 0) -> str:
        """Print and run a command, print its standard output, and return it; it has to end with an exit code.

        With `direct` the command writes to the terminal itself, and so keeps its colours.
        """
        print(paint(f"$ {as_typed(command)}", "36"), flush=True)
        result = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=None if direct else subprocess.PIPE,
            text=True,
            check=False,
        )
        output = result.stdout or ""
        print(output, end="", flush=True)
        if result.returncode != code:
            sys.exit(f"demo: the command failed with exit code {result.returncode}; see the folder {self.folder}")
        return output.strip()

    def commit(self, message: str, *paths: str) -> None:
        """Commit files or folders; the hooks add the active step to the message."""
        self.type("git", "add", *paths)
        self.type("git", "commit", "--quiet", "-m", message)

    def new(self, title: str, hypothesis: str, *steps: str, tag: str) -> str:
        """Create an experiment before it is run, and return its reference."""
        step_options = [argument for step in steps for argument in ("-s", step)]
        return self.type("orglab", "new", title, "-d", hypothesis, *step_options, "-t", tag)

    def claim(self, experiment: str, claim: str) -> None:
        """Write what an experiment claims into the log, as in an editor."""
        log = self.folder / "experiment_log.org"
        mark = f"  :ID:       {experiment.removeprefix('e')}\n"
        log.write_text(log.read_text().replace(mark, f"{mark}  :CLAIM:    {claim}\n"))
        print(f"(in an editor, below :ID: of {experiment}:  :CLAIM: {claim})")

    def take_step(self, step: str, what: str, **settings: object) -> None:
        """Commit the settings of a step, and run the training with `orglab run`, once for each seed.

        No reference or hash is typed by hand: the hooks and `orglab run` add them.
        """
        file = self.write_settings(step, what, **settings)
        for seed in range(self.seeds):
            done = ["--done"] if seed == self.seeds - 1 else []
            command = ("python", "train.py", str(file), "--seed", str(seed))
            self.type("orglab", "run", step, "--metrics", f"results/{step}-seed{seed}.json", *done, "--", *command)

    def write_settings(self, step: str, what: str, **settings: object) -> Path:
        """Start a step, commit its settings, and return their file."""
        lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
        file = Path("settings", f"{step}.toml")
        (self.folder / file).write_text("\n".join([f"# {what}", *lines]) + "\n")
        print(f"({file}: {', '.join(lines)})")
        self.type("orglab", "start", step)
        self.commit(what, str(file))
        return file

    def sweep(self, step: str, what: str, values: dict[str, str], seeds: int, **settings: object) -> None:
        """Try a version, then run every combination of some values with each seed; one that is added fails."""
        file = self.write_settings(step, what, **settings)
        given = [argument for name, value in values.items() for argument in ("--set", f"{name}={value}")]
        options = [argument for name in (*values, "seed", "out") for argument in (f"--{name}", f"{{{name}}}")]
        command = ("--", "python", "train.py", str(file), *options)
        first = f"{next(iter(values))}={next(iter(values.values())).partition(',')[0]},seed=0"
        self.type("orglab", "sweep", step, *given, "--seeds", "1", "--only", first, "--test", *command)
        self.type("orglab", "sweep", step, *given, "--seeds", str(seeds), "--wait", *command)
        say("A version is added that cannot work: it fails, and the others stay as they are.")
        self.type("orglab", "sweep", "add", "--set", "units=0", "--set", "rate=0.01", "--seeds", "1")
        self.type("orglab", "sweep", "status", "--wait", code=1)

    def read_points(self, step: str, other: str) -> float:
        """Return by how many percentage points the mean accuracy of a step is higher than that of another."""
        experiment = step.split(".", maxsplit=1)[0]
        results = self.ask(experiment)["results"]
        means = {one["ref"]: one["metrics"]["accuracy"]["mean"] for one in results}
        return 100 * (means[step] - means[other])

    def ask(self, experiment: str) -> dict[str, Any]:
        """Return what orglab tells programs about an experiment; this is not printed."""
        done = subprocess.run(
            ("orglab", "show", experiment, "--json"),
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            check=True,
        )
        shown: dict[str, Any] = json.loads(done.stdout)
        return shown

    def conclude(self, step: str, words: dict[str, str], more: str) -> None:
        """Conclude an experiment with the verdict on its claim, which is about one of its steps, and fitting words."""
        experiment = step.split(".", maxsplit=1)[0]
        judged = next(one["claim"] for one in self.ask(experiment)["results"] if one["ref"] == step)
        verdict = {"holds": "supported", "fails": "refuted", "undecided": "inconclusive"}[judged]
        points = self.read_points(step, f"{experiment}.1")
        sentence = words.get(verdict, words["inconclusive"]).format(points=f"{points:+.1f} points", seeds=self.seeds)
        self.type("orglab", "conclude", experiment, f"{sentence} {more}".strip(), "--verdict", verdict)


def try_shifts(study: Study) -> str:
    """Test whether shifted copies help when there is little training data, and return the experiment."""
    say("The first hypothesis, written down before anything runs, with the criterion for success.")
    experiment = study.new(
        "Shifted copies help with few training digits",
        "With 100 training digits, adding four copies of each, shifted by one pixel, "
        "raises the accuracy of an SVM by more than half a percentage point.",
        "SVM on 100 original digits",
        "The same, with four shifted copies of each digit",
        tag="augmentation",
    )
    study.claim(experiment, "accuracy > +0.005")
    say("For each step: commit the settings and run them. orglab commits the results, notes the run, ticks the step.")
    settings = {"model": "svm", "digits": 100}
    study.take_step(f"{experiment}.1", "SVM on 100 original digits", **settings)
    study.take_step(f"{experiment}.2", "four shifted copies of each digit", **settings, copies="shifted")
    say("A doubt along the way becomes a note, and then a step of its own.")
    study.type("orglab", "note", experiment, "Is it the shifts, or only that each digit counts five times?")
    control = study.type("orglab", "step", experiment, "Control: four copies without shifts")
    study.take_step(control, "control: four copies, not shifted", **settings, copies="same")
    say("The numbers decide the verdict.")
    study.conclude(
        f"{experiment}.2",
        {
            "supported": "Shifted copies help: {points} of accuracy.",
            "refuted": "Shifted copies do not help enough: {points} of accuracy.",
            "inconclusive": "Shifted copies may help: {points} of accuracy.",
        },
        f"Compared with unshifted copies, it is {study.read_points(f'{experiment}.2', control):+.1f} points.",
    )
    return experiment


def try_components(study: Study) -> None:
    """Test whether a few principal components do as well as all pixels."""
    say("The second hypothesis.")
    experiment = study.new(
        "Eight components instead of 64 pixels",
        "PCA to 8 components before the SVM loses no more than 1 percentage point of accuracy.",
        "SVM on all 64 pixels",
        "PCA to 8 components, then the SVM",
        "PCA to 16 components, to see whether the loss disappears",
        tag="pca",
    )
    study.claim(experiment, "accuracy >= -0.01")
    settings = {"model": "svm", "digits": 1000}
    study.take_step(f"{experiment}.1", "SVM on all 64 pixels", **settings)
    study.take_step(f"{experiment}.2", "PCA to 8 components", **settings, components=8)
    study.take_step(f"{experiment}.3", "PCA to 16 components", **settings, components=16)
    say("The numbers decide the verdict.")
    study.conclude(
        f"{experiment}.2",
        {
            "supported": "Eight components are enough: {points} of accuracy.",
            "refuted": "Eight components are too few: {points} of accuracy.",
            "inconclusive": "Eight components may be enough: {points} of accuracy.",
        },
        f"With 16 it is {study.read_points(f'{experiment}.3', f'{experiment}.1'):+.1f} points.",
    )


def try_more_trees(study: Study) -> None:
    """Test whether more trees are worth their time, with the same data for all seeds."""
    say("The third hypothesis. The data stay the same, only the seed of the forest changes.")
    experiment = study.new(
        "Are 200 trees worth their time?",
        "A forest of 200 trees is more accurate than one of 100, by more than a quarter of a percentage point.",
        "100 trees",
        "200 trees",
        tag="forest",
    )
    study.claim(experiment, "accuracy > +0.0025")
    settings = {"model": "forest", "digits": 1000, "split": 0}
    study.take_step(f"{experiment}.1", "100 trees", **settings, trees=100)
    study.take_step(f"{experiment}.2", "200 trees", **settings, trees=200)
    say("The numbers decide the verdict.")
    study.conclude(
        f"{experiment}.2",
        {
            "supported": "200 trees are worth it: {points} of accuracy.",
            "refuted": "200 trees are not worth it: {points} of accuracy.",
            "inconclusive": "Whether 200 trees are worth it cannot be told from {seeds} seeds: {points} of accuracy.",
        },
        "",
    )


def tidy_history(study: Study) -> None:
    """Reword and squash commits, as people do, and update the hashes in the log."""
    say("Cleaning up the history: the settings and the results of a step become one commit, another is reworded.")
    editor = shlex.join([sys.executable, str(Path(__file__).with_name("editor.py"))])
    study.environment |= {"GIT_SEQUENCE_EDITOR": editor, "GIT_EDITOR": editor}
    study.type("git", "rebase", "--interactive", "--quiet", "--root")
    say("The commits named in the log have new hashes now. The hooks added them to the log; the check confirms it.")
    study.type("orglab", "check", "--fix")
    study.type("orglab", "check")


def try_again(study: Study) -> None:
    """Create an experiment that was already done under another name, which orglab points out."""
    say("Weeks later, the first idea comes back in other words. orglab remembers it.")
    experiment = study.new(
        "Data augmentation by small translations for a low-data SVM",
        "Moving each training image a little should raise the accuracy of the classifier when there is little data.",
        "Without augmentation",
        "With translated images",
        tag="augmentation",
    )
    study.type("orglab", "state", experiment, "CANCELED", "-m", "Already answered by [e1]")


def leave_open(study: Study) -> None:
    """Start an experiment with networks, and stop after the first step."""
    say("Another experiment is started, and left open. Its first step sweeps two sizes, two rates and three seeds.")
    experiment = study.new(
        "A vote of five small networks beats a single one",
        "The majority of five networks of 64 units is right more often than the best of them.",
        "One network of 16 or 64 units, at two learning rates",
        "All five together, by majority vote",
        tag="networks",
    )
    settings = {"model": "network", "digits": 500, "split": 0}
    values = {"units": "16,64", "rate": "0.001,0.01"}
    study.sweep(f"{experiment}.1", "one network, two sizes, two rates", values, 3, **settings)
    say("The runs as a table, and by setting: what has the same code and parameters, but for the seed.")
    study.type("orglab", "runs", f"{experiment}.1", direct=True)
    study.type("orglab", "runs", f"{experiment}.1", "--by", "setting", "--best", "accuracy", direct=True)
    study.type("orglab", "done", f"{experiment}.1")
    study.type("orglab", "start", f"{experiment}.2")
    study.type("orglab", "note", f"{experiment}.2", "The vote is next")
    study.type("orglab", "commit")


def count_commits(study: Study) -> None:
    """Show that nothing is left uncommitted, and say which commits were typed and which orglab made."""
    say("The working tree is clean: code and results are on main, the log is on a branch of its own.")
    study.type("git", "status", "--short", "--branch")
    subjects = study.type("git", "log", "--format=%s", "main").splitlines()
    made = [subject for subject in subjects if re.match(r"(\[e\d+(\.\d+)?\] )?(Before|Results): ", subject)]
    versions = study.type("git", "log", "--format=%s", "experiment-log").splitlines()
    print(
        f"main has {len(subjects)} commits: {len(subjects) - len(made)} were typed here, and `orglab run` made "
        f"{len(made)} of results. All {len(versions)} commits of experiment-log are orglab's."
    )


def look_back(study: Study, first: str) -> None:
    """Ask the questions that a log answers later on."""
    say("Where does this model come from, and why?")
    study.type("orglab", "why", f"models/{first}.2.joblib", direct=True)
    say("What has been tried here?")
    study.type("orglab", "tried", direct=True)
    say("The progress report, in each format.")
    for extension in ("md", "org", "html", "pdf", "docx"):
        study.type("orglab", "report", "--since", "1w", "-o", f"report.{extension}")


def open_folder(path: Path | None) -> Path:
    """Return a new or empty folder to work in."""
    if path is None:
        return Path(tempfile.mkdtemp(prefix="orglab-demo-")).resolve()
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        sys.exit(f"demo: {path} is not an empty folder; choose another one with --dir.")
    path.mkdir(parents=True, exist_ok=True)
    return path.resolve()


def main() -> None:
    """Make the study."""
    parser = argparse.ArgumentParser(description="Make a small study on real data, recorded with orglab.")
    parser.add_argument("--dir", type=Path, help="a new or empty folder (default: a temporary one)")
    parser.add_argument("--seeds", type=int, default=5, help="how many seeds each step has (default: 5)")
    arguments = parser.parse_args()
    if shutil.which("git") is None:
        sys.exit("demo: git is not installed; install it first (Debian: apt install git).")
    study = Study(open_folder(arguments.dir), arguments.seeds)

    say(f"A git repository with a small script, in {study.folder}")
    study.type("git", "init", "--quiet", "--initial-branch=main")
    shutil.copy(STUDY / "train.py", study.folder)
    (study.folder / "settings").mkdir()
    (study.folder / "orglab.toml").write_text('[run]\nresults = ["results", "models"]\n')
    (study.folder / ".gitignore").write_text("models/\nreport*\n")
    study.commit("Train", ".")
    study.type("orglab", "init")

    first = try_shifts(study)
    try_components(study)
    try_more_trees(study)
    tidy_history(study)
    try_again(study)
    leave_open(study)
    look_back(study, first)
    count_commits(study)

    say("The study at a glance:")
    study.type("orglab", "list", direct=True)
    say("One experiment, with its steps, commits and conclusion:")
    study.type("orglab", "show", first, direct=True)
    say("The log itself, a plain Org file that you can edit with any editor, and the report:")
    print(f"{study.folder / 'experiment_log.org'}\n{study.folder / 'report.html'}")
    print(f"\nContinue from here:\n  cd {shlex.quote(str(study.folder))}")
    print(f'  PATH="{BIN}:$PATH"\n  orglab next\n  orglab serve --open   # the study in your browser')


if __name__ == "__main__":
    main()
