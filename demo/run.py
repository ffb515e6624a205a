"""A small study, kept with orglab from its first hypothesis to its last conclusion.

It works in a fresh git repository, trains and evaluates for real on the handwritten
digits that scikit-learn ships, and uses nothing but the command lines of orglab, git and
python; each is printed as it would be typed, with what it answers. No verdict stands here:
study/compare.py decides each from the measured numbers.
"""

from __future__ import annotations

import argparse
import json
import os
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
    """The text in that colour, on a terminal that wants one."""
    return f"\x1b[{code}m{text}\x1b[0m" if COLOURED else text


def say(text: str) -> None:
    """Narrate: one line for each stage."""
    print(f"\n{paint('# ' + text, '1')}", flush=True)


def as_typed(command: tuple[str, ...]) -> str:
    """The command as one would type it: a long one with its options below each other."""
    line = shlex.join(command)
    if len(line) <= WIDTH:
        return line
    words = [shlex.quote(word) for word in command]
    return "".join(f" \\\n    {word}" if word.startswith("-") else f" {word}" for word in words).lstrip()


def clean_environment() -> dict[str, str]:
    """The environment of every command: git as installed, whoever runs this, and no pager."""
    unwanted = ("ORGLAB_", "GIT_", "PAGER")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    return environment | {
        "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "PAGER": "cat",
        "GIT_CONFIG_GLOBAL": os.devnull,  # no signing, no hooks and no templates of the user
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "Demo",
        "GIT_AUTHOR_EMAIL": "demo@example.org",
        "GIT_COMMITTER_NAME": "Demo",
        "GIT_COMMITTER_EMAIL": "demo@example.org",
    }


class Study:
    """The folder of the study, and the commands that are typed there."""

    def __init__(self, folder: Path) -> None:
        """Work in that folder, which exists and is empty."""
        self.folder = folder
        self.environment = clean_environment()

    def type(self, *command: str, direct: bool = False) -> str:
        """Run a command, shown as typed; its standard output, shown too.

        With `direct` the command has the terminal to itself, and so its colours.
        """
        print(paint(f"$ {as_typed(command)}", "36"), flush=True)
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=None if direct else subprocess.PIPE,
            text=True,
            check=False,
        )
        answer = done.stdout or ""
        print(answer, end="", flush=True)
        if done.returncode:
            sys.exit(f"demo: that command ended with {done.returncode}; the folder is kept: {self.folder}")
        return answer.strip()

    def commit(self, message: str, *paths: str) -> None:
        """Commit these files or folders; the hooks name the active step."""
        self.type("git", "add", *paths)
        self.type("git", "commit", "--quiet", "-m", message)

    def new(self, title: str, hypothesis: str, *steps: str, tag: str) -> str:
        """Write down an experiment before it is made, and commit the log; its reference."""
        listed = [argument for step in steps for argument in ("-s", step)]
        experiment = self.type("orglab", "new", title, "-d", hypothesis, *listed, "-t", tag)
        self.type("orglab", "commit")
        return experiment

    def take_step(self, step: str, what: str, **settings: object) -> dict[str, Any]:
        """Commit the settings, and run the training under the log; the result.

        Nobody types a reference into a message or a hash into the log here: the hooks and `orglab run` do.
        """
        lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
        file = Path("settings", f"{step}.toml")
        (self.folder / file).write_text("\n".join([f"# {what}", *lines]) + "\n")
        print(f"({file}: {', '.join(lines)})")
        self.type("orglab", "start", step)
        self.commit(what, str(file))
        metrics = f"results/{step}.json"
        self.type("orglab", "run", step, "--metrics", metrics, "--done", "--", "python", "train.py", str(file))
        self.type("orglab", "commit")
        return self.read(step)

    def compare(self, before: str, after: str, more_than: float, *options: str) -> dict[str, Any]:
        """Decide the claim that the one result is better than the other by more than so much."""
        name = f"{before}-{after}"
        files = [f"results/{result}.csv" for result in (before, after)]
        verdict = f"results/{name}.json"
        experiment = before.split(".", maxsplit=1)[0]
        command = ("python", "compare.py", *files, str(more_than), verdict, *options)
        self.type("orglab", "run", experiment, "-m", f"{before} beside {after}", "--", *command)
        return self.read(name)

    def conclude(self, experiment: str, decision: dict[str, Any], text: str) -> None:
        """Write the verdict that the numbers gave, and commit the log."""
        self.type("orglab", "conclude", experiment, text, "--verdict", decision["verdict"])
        self.type("orglab", "commit")

    def read(self, name: str) -> dict[str, Any]:
        """A result or a decision, as the scripts wrote it."""
        result: dict[str, Any] = json.loads((self.folder / "results" / f"{name}.json").read_text())
        return result


def between(decision: dict[str, Any]) -> str:
    """A difference of accuracies with its interval, in percentage points."""
    mean, low, high = (100 * decision[name] for name in ("difference", "low", "high"))
    return f"{mean:+.1f} points (from {low:+.1f} to {high:+.1f})"


def try_shifts(study: Study) -> str:
    """Whether shifted copies help when there are few digits to learn from."""
    say("First hypothesis, written down before anything runs, with what would count as a yes.")
    experiment = study.new(
        "Shifted copies help when digits are few",
        "With 100 digits to learn from, four copies of each, moved by a pixel, "
        "make an SVM better by more than 1 point of accuracy.",
        "SVM on 100 digits as they are",
        "The same, with four shifted copies of each digit",
        tag="augmentation",
    )
    say("Each step: commit what will run, and run it. orglab commits the results, notes the run, ticks the step.")
    study.take_step(f"{experiment}.1", "SVM on 100 digits as they are", model="svm", digits=100, seeds=20)
    with_copies = {"model": "svm", "digits": 100, "seeds": 20}
    study.take_step(f"{experiment}.2", "four shifted copies of each digit", **with_copies, copies="shifted")
    say("A doubt on the way becomes a note, and then a step of its own.")
    study.type("orglab", "note", experiment, "Is it the shifts, or only that each digit weighs five times?")
    control = study.type("orglab", "step", experiment, "Control: four copies that are not shifted")
    study.take_step(control, "control: four copies, not shifted", **with_copies, copies="same")
    say("The numbers decide.")
    decision = study.compare(f"{experiment}.1", f"{experiment}.2", 0.01)
    beyond_control = study.compare(control, f"{experiment}.2", 0)
    study.conclude(
        experiment,
        decision,
        f"Shifted copies change the accuracy by {between(decision)}; more than +1 point was claimed. "
        f"Against copies that are not shifted, the shifts alone are worth {between(beyond_control)}.",
    )
    return experiment


def try_components(study: Study) -> None:
    """Whether a few principal components do as well as all the pixels."""
    say("Second hypothesis.")
    experiment = study.new(
        "Eight components in place of 64 pixels",
        "PCA to 8 components before the SVM loses no more than 1 point of accuracy.",
        "SVM on all 64 pixels",
        "PCA to 8 components, then the SVM",
        "PCA to 16 components, to see where the loss ends",
        tag="pca",
    )
    settings = {"model": "svm", "digits": 1000, "seeds": 10}
    study.take_step(f"{experiment}.1", "SVM on all 64 pixels", **settings)
    study.take_step(f"{experiment}.2", "PCA to 8 components", **settings, components=8)
    study.take_step(f"{experiment}.3", "PCA to 16 components", **settings, components=16)
    say("The numbers decide.")
    decision = study.compare(f"{experiment}.1", f"{experiment}.2", -0.01)
    sixteen = study.compare(f"{experiment}.1", f"{experiment}.3", -0.01)
    study.conclude(
        experiment,
        decision,
        f"8 components change the accuracy by {between(decision)}; no more than 1 point of loss was claimed. "
        f"16 components: {between(sixteen)}.",
    )


def sweep_seeds(study: Study) -> None:
    """How much a forest's accuracy owes to its seed."""
    say("Third hypothesis: a seed sweep. The data stay the same, only the forest's seed changes.")
    experiment = study.new(
        "How much of an accuracy is luck",
        "From 10 trees to 100, the seed moves the accuracy less, by more than half a point.",
        "12 seeds with 10 trees",
        "12 seeds with 100 trees",
        tag="seeds",
    )
    settings = {"model": "forest", "digits": 1000, "seeds": 12, "split": 0}
    few = study.take_step(f"{experiment}.1", "12 seeds with 10 trees", **settings, trees=10)
    many = study.take_step(f"{experiment}.2", "12 seeds with 100 trees", **settings, trees=100)
    say("The numbers decide.")
    decision = study.compare(f"{experiment}.1", f"{experiment}.2", 0.005, "--steadier")
    study.conclude(
        experiment,
        decision,
        f"Standard deviation over seeds: {100 * few['spread']:.1f} points with 10 trees, "
        f"{100 * many['spread']:.1f} with 100. Steadier by {between(decision)}; more than 0.5 was claimed.",
    )


def tidy_history(study: Study) -> None:
    """Reword and squash what was committed, as people do; the hashes in the log follow."""
    say("The history is tidied: the settings and the results of a step become one commit, another is reworded.")
    editor = shlex.join([sys.executable, str(Path(__file__).with_name("editor.py"))])
    study.environment |= {"GIT_SEQUENCE_EDITOR": editor, "GIT_EDITOR": editor}
    study.type("git", "rebase", "--interactive", "--quiet", "--root")
    say("Each hash that the log holds is another commit's now, and the log says so.")
    study.type("orglab", "check", "--fix")
    study.type("orglab", "commit")
    study.type("orglab", "check")


def try_again(study: Study) -> None:
    """Begin what was tried before, in other words, and be told."""
    say("Weeks later, the first idea comes back in other words. orglab remembers.")
    experiment = study.new(
        "Data augmentation by small translations for a low-data SVM",
        "Moving each training image a little should raise the accuracy of the classifier when there is little data.",
        "Without augmentation",
        "With translated images",
        tag="augmentation",
    )
    study.type("orglab", "state", experiment, "CANCELED", "-m", "Answered already, by [e1]")
    study.type("orglab", "commit")


def leave_open(study: Study) -> None:
    """Begin with networks, and stop for today after the first step."""
    say("Another is begun, and left open for tomorrow.")
    experiment = study.new(
        "Five small networks that vote beat one",
        "The majority of five networks of 64 units is right more often than the best of them.",
        "One network, five seeds",
        "The five together, by majority",
        tag="networks",
    )
    settings = {"model": "network", "digits": 500, "seeds": 5, "split": 0, "units": 64}
    study.take_step(f"{experiment}.1", "one network, five seeds", **settings)
    study.type("orglab", "start", f"{experiment}.2")
    study.type("orglab", "note", f"{experiment}.2", "The vote is next")
    study.type("orglab", "commit")


def look_back(study: Study, first: str) -> None:
    """What one asks a log later on."""
    say("Where does this model come from, and why?")
    study.type("orglab", "why", f"models/{first}.2.joblib", direct=True)
    say("What has been tried here?")
    study.type("orglab", "tried", direct=True)
    say("The progress report, in each format.")
    for ending in ("md", "org", "html", "pdf", "docx"):
        study.type("orglab", "report", "--since", "1w", "-o", f"report.{ending}")


def open_folder(wish: Path | None) -> Path:
    """A new or empty folder to work in."""
    if wish is None:
        return Path(tempfile.mkdtemp(prefix="orglab-demo-")).resolve()
    if wish.exists() and (not wish.is_dir() or any(wish.iterdir())):
        sys.exit(f"demo: {wish} is not an empty folder; name another one with --dir.")
    wish.mkdir(parents=True, exist_ok=True)
    return wish.resolve()


def main() -> None:
    """Make the study."""
    parser = argparse.ArgumentParser(description="A small study on real data, kept with orglab.")
    parser.add_argument("--dir", type=Path, help="a new or empty folder for it (default: a temporary one)")
    arguments = parser.parse_args()
    if shutil.which("git") is None:
        sys.exit("demo: git is not installed; install it first (Debian: apt install git).")
    study = Study(open_folder(arguments.dir))

    say(f"A git repository with two small scripts, in {study.folder}")
    study.type("git", "init", "--quiet", "--initial-branch=main")
    for script in ("train.py", "compare.py"):
        shutil.copy(STUDY / script, study.folder)
    (study.folder / "settings").mkdir()
    (study.folder / "orglab.toml").write_text('[run]\nresults = ["results", "models"]\n')
    (study.folder / ".gitignore").write_text("models/\nreport*\n")
    study.commit("Train and compare", ".")
    study.type("orglab", "init")
    study.commit("Merge the log by orglab", ".gitattributes")
    study.type("orglab", "commit", "-m", "log: begun")

    first = try_shifts(study)
    try_components(study)
    sweep_seeds(study)
    tidy_history(study)
    try_again(study)
    leave_open(study)
    look_back(study, first)

    say("What there is now, at a glance;")
    study.type("orglab", "list", direct=True)
    say("one experiment, with its steps, commits and conclusion;")
    study.type("orglab", "show", first, direct=True)
    say("the log itself, a plain Org file, yours to edit with anything; and the reports:")
    print(f"{study.folder / 'experiment_log.org'}\n{study.folder / 'report.html'}")
    print(f"\nGo on from here:\n  cd {shlex.quote(str(study.folder))}")
    print(f'  PATH="{BIN}:$PATH"\n  orglab next')


if __name__ == "__main__":
    main()
