"""A laboratory: it does with `orglab` and git what the plan of a study says, and enters in the ledger what it did."""

import datetime
import json
import math
import os
import re
import sys
from pathlib import Path

from study.ledger import MONDAY, Commit, Event, Experiment, Ledger, Run, Step

TRAIN = (Path(__file__).parent / "train.py").read_text()
SETTINGS = 'similar = false\n\n[metrics]\ncost = "min"\n\n[run]\ncommit_log = false\n'
IGNORED = "/r/\n/out/\n/metrics.*\n*.ckpt\n__pycache__/\n"
MINUTE = datetime.timedelta(minutes=1)
LOG = "experiment_log.org"


class Laboratory:
    """A repository with a log, and a clock that moves by a few minutes with each command.

    A step of a day passes at the plan's wish (`go_to`); a run takes the seconds that the plan says.
    """

    def __init__(self, repo, orglab, away):
        """Take an empty repository, a function that runs commands, and a folder outside of the repository."""
        self.repo = repo
        self.orglab = orglab
        self.ledger = Ledger()
        self.time = MONDAY + datetime.timedelta(hours=9)
        self.files = {}
        self._orders = away / "orders.json"
        self._elapsed = away / "elapsed"
        self._noted = set()
        self._unticked = []
        os.environ["STUDY_ORDERS"] = str(self._orders)
        self._set_date()

    # ---- time ----

    def now(self):
        """The time, which the command that runs has moved on."""
        if self._elapsed.exists():
            self.time += datetime.timedelta(seconds=int(self._elapsed.read_text()))
            self._elapsed.unlink()
            self._set_date()
        return self.time

    def go_to(self, moment):
        """Let time pass."""
        self.time = max(moment, self.time)
        self._set_date()

    def _begin(self, second=7):
        """Begin a command: in a minute of its own, because the log knows no seconds."""
        self.go_to(self.time.replace(second=second) + MINUTE)

    def _set_date(self):
        self.repo.now = self.time.astimezone(datetime.UTC)
        for name in ("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"):
            os.environ[name] = self.time.astimezone().isoformat(timespec="seconds")

    # ---- code ----

    def setup(self, files):
        """Make the first commit, with the log."""
        self.orglab("init", "--tracked", "--no-hooks")
        self.edit({"train.py": TRAIN, "orglab.toml": SETTINGS, ".gitignore": IGNORED, **files}, "Begin")
        self.repo.git("add", LOG)
        self.repo.git("commit", "-qm", "The log")
        self._enter_commit(self.head(), self.time, [])

    def edit(self, files, message=None, refs=()):
        """Write files and commit them; without a message they are only written."""
        self._begin()
        for name, text in files.items():
            self.repo.write(name, text)
        self.files |= files
        if message is not None:
            self.repo.git("add", *files)
            self.repo.git("commit", "-qm", message, "--date", os.environ["GIT_AUTHOR_DATE"])
            self._enter_commit(self.head(), self.time, refs)
        return self.head()

    def head(self):
        """The hash of HEAD."""
        return self.repo.git("rev-parse", "HEAD")

    def _enter_commit(self, name, at, refs, *, is_of_log=False):
        self.ledger.commits.append(Commit(name, at, list(refs), is_of_log))
        for ref in dict.fromkeys(ref.partition(".")[0] for ref in refs):
            own = [one for one in refs if one.partition(".")[0] == ref]
            facts = {"refs": ",".join(own)}
            self._enter(Event(at, "second", "commit", own[0] if len(own) == 1 else ref, commit=name, facts=facts))

    def _enter(self, event):
        self.ledger.experiments[event.ref.partition(".")[0]].events.append(event)

    # ---- the log ----

    def new(self, title, steps, *, claim=None, baseline=None, run=None):
        """Add an experiment, with properties that are written by hand."""
        self._begin()
        number = str(max((int(one.id) for one in self.ledger.experiments.values()), default=0) + 1)
        words = [word for text in steps for word in ("-s", text)]
        self.orglab("new", title, *words, *(["--run", run.id] if run is not None else []))
        own = [Step(f"e{number}.{place}", text) for place, text in enumerate(steps, 1)]
        experiment = Experiment(number, title, own, self.time, claim, baseline)
        self.ledger.experiments[experiment.ref] = experiment
        for name, value in (("CLAIM", claim), ("BASELINE", baseline)):
            if value is not None:
                self._write(f"  :ID:       {number}\n", f"  :ID:       {number}\n  :{name}: {value}\n")
        experiment.states.append((self.time, "TODO"))
        self._enter(Event(self.time, "minute", "created", experiment.ref, title))
        if run is not None:
            self._assigned(run, experiment.ref)
        self._noted.add(experiment.ref)
        return experiment

    def _write(self, old, new):
        """Change the log by hand."""
        text = Path(LOG).read_text()
        assert text.count(old) == 1, old
        Path(LOG).write_text(text.replace(old, new))

    def start(self, experiment):
        """Begin to work on an experiment."""
        self._begin()
        self.orglab("start", experiment.ref)
        self._change(experiment, "INPROGRESS")

    def state(self, experiment, keyword, why=None):
        """Set a state; why is written beside it."""
        self._begin()
        self.orglab("state", experiment.ref, keyword, *(["-m", why] if why is not None else []))
        self._change(experiment, keyword, why or "")

    def _change(self, experiment, keyword, why=""):
        old = experiment.states[-1][1]
        if old == "DONE":
            # Org removes CLOSED, and with it the time when the state became DONE; the conclusion keeps its own.
            experiment.events.remove([event for event in experiment.events if event.kind == "state"][-1])
        experiment.states.append((self.time, keyword))
        # Of a state that the #+TODO line of a new log does not record, CLOSED tells the time, and not what was before.
        facts = {"new": keyword} | ({} if keyword == "DONE" else {"old": old})
        self._enter(Event(self.time, "minute", "state", experiment.ref, why, facts=facts))
        self._noted.add(experiment.ref)

    def conclude(self, experiment, text, verdict):
        """Conclude an experiment."""
        self._begin()
        self.orglab("conclude", experiment.ref, text, "--verdict", verdict)
        experiment.conclusions.append((self.time, verdict, text))
        facts = {"verdict": verdict}
        self._enter(Event(self.time, "minute", "conclusion", experiment.ref, text, facts=facts))
        if experiment.states[-1][1] != "DONE":
            self._change(experiment, "DONE")
        self._noted.add(experiment.ref)

    def note(self, ref, text):
        """Write a note."""
        self._begin()
        self.orglab("note", "-c", "HEAD", ref, text)
        self._enter(Event(self.time, "minute", "note", ref, text, commit=self.head()))
        self._noted.add(ref.partition(".")[0])

    def journal(self, experiment, text):
        """Write an entry in the journal."""
        self._begin()
        self.orglab("journal", experiment.ref, text)
        self._enter(Event(self.time, "minute", "journal", experiment.ref))

    def renumber(self, experiment, number):
        """Give an experiment another number; what was said of the old one is said of it."""
        self._begin()
        self.orglab("renumber", experiment.ref, "--to", number)
        old, new = experiment.ref, f"e{number}"
        self.ledger.experiments = {
            new if ref == old else ref: one for ref, one in self.ledger.experiments.items()
        }  # fmt: skip
        experiment.id = number

        def rename(ref):
            return re.sub(rf"\b{old}\b", new, ref)

        for one in (*experiment.events, *experiment.steps, *self.ledger.runs):
            one.ref = one.ref and rename(one.ref)
        for event in experiment.events:
            if "refs" in event.facts:
                event.facts["refs"] = rename(event.facts["refs"])
        self._noted.discard(old)
        self._noted.add(new)

    def commit_log(self):
        """Commit the log, which is when steps that were ticked without a time are known to be done."""
        if not self._noted:
            return
        self._begin()
        self.orglab("commit")
        refs = [ref for ref in self.ledger.experiments if ref in self._noted]
        self._enter_commit(self.head(), self.time, refs, is_of_log=True)
        for step in self._unticked:
            self._done(step, Event(self.time, "second", "step", step.ref, facts={"source": "log"}))
        self._unticked.clear()
        self._noted.clear()

    def settle(self):
        """Enter the steps that were ticked since the log was committed: only their commits tell when."""
        dates = {commit.hash: commit.at for commit in self.ledger.commits}
        for step in self._unticked:
            self._done(step, Event(dates[step.commits[-1]], "second", "step", step.ref, facts={"source": "commit"}))

    # ---- steps ----

    def _done(self, step, event):
        step.done = event
        event.text = step.text
        self._enter(event)
        self._noted.add(step.ref.partition(".")[0])

    def done(self, step, commit=None):
        """Complete a step; its time is that of the next commit of the log."""
        self._begin()
        self.orglab("done", step.ref, *(["-c", commit] if commit is not None else ["--no-commit"]))
        step.commits += [commit] if commit is not None else []
        self._noted.add(step.ref.partition(".")[0])
        self._unticked.append(step)

    def undo(self, step):
        """Open a step again: the log does not say any more that it was done."""
        self._begin()
        self.orglab("done", step.ref, "--undo")
        self.ledger.experiments[step.ref.partition(".")[0]].events.remove(step.done)
        step.done = None
        self._noted.add(step.ref.partition(".")[0])

    def tick(self, step):
        """Tick a step by hand, in an editor."""
        self._begin()
        self._write(f"[ ] {step.text}\n", f"[X] {step.text}\n")
        self._noted.add(step.ref.partition(".")[0])
        self._unticked.append(step)

    def tick_with_note(self, step):
        """Tick a step by hand, and note that it is done."""
        self._begin()
        note = f"   - [{self.time:%Y-%m-%d %a %H:%M}] done, by eye\n"
        self._write(f"[ ] {step.text}\n", f"[X] {step.text}\n{note}")
        self._enter(Event(self.time, "minute", "note", step.ref, "done, by eye"))
        self._done(step, Event(self.time, "minute", "step", step.ref, facts={"source": "note"}))

    # ---- runs ----

    def run(  # noqa: PLR0913 - runs differ in as many ways
        self, ref, call, *, rows=(), form="json", end="ok", seconds=40, done=False, results=None, why=None, files=None,
        code=0,
    ):  # fmt: skip
        """Run a command as a call says (`calls`), and return the run.

        Args:
            ref: The step or the experiment, or None.
            call: The command.
            rows: The metrics that it reports, one row for each step of the training.
            form: How it reports them; `out-...` and `found-...` without naming them to orglab.
            end: How it ends.
            seconds: How long it takes.
            done: Whether it completes the step.
            results: A folder whose changes are committed.
            why: Why it is run.
            files: Other files that it writes.
            code: The exit code of `orglab run`.
        """
        self._begin()
        place, kind = self._choose_place(form, call, results)
        self._write_orders(rows, kind, place, end, seconds, files or {})
        options = ["--done"] * done
        options += ["--results", results] if results is not None else []
        options += ["-m", why] if why is not None else []
        if form == "printed":
            options.append("--stdout-metrics")
        elif not form.startswith(("out-", "found-")):
            options += ["--metrics", place]
        if ref is None:
            self.orglab("start", "--clear")
        before, began, is_changed = self.head(), self.time, self._is_changed()
        argv = [*call.argv]
        os.environ.update(call.environment)
        answer = self.orglab("run", *([ref] if ref else []), *options, "--json", "--", *argv, code=code)
        for name in call.environment:
            del os.environ[name]
        self.now()
        run = self._enter_run(ref, call, json.loads(answer.out)["id"], rows, end)
        run.began, run.why = began, why
        made = self.repo.git("rev-list", "--reverse", f"{before}..HEAD").split()
        run.before = made.pop(0) if is_changed else before
        if is_changed and ref is not None:
            self._enter_commit(run.before, began, [ref])
        run.results = made.pop(0) if results is not None else None
        assert made == []
        self._enter_run_event(run)
        if run.results is not None and ref is not None:
            self._enter_commit(run.results, self.time, [ref])
        if done:
            self._complete(run)
        return run

    def _choose_place(self, form, call, results):
        """Return the file of the metrics, and their form."""
        ending = {"lines": "jsonl", "csv": "csv"}
        if form.startswith("out-"):
            kind = form.removeprefix("out-")
            return f"$ORGLAB_OUT/metrics.{ending.get(kind, 'json')}", kind
        if form.startswith("found-"):
            kind = form.removeprefix("found-")
            return f"{call.out or results}/metrics.{ending.get(kind, 'json')}", kind
        return f"metrics.{ending.get(form, 'json')}", form

    def _write_orders(self, rows, kind, place, end, seconds, files):
        orders = {
            "rows": list(rows), "form": kind, "path": place, "end": end, "seconds": seconds, "files": files,
            "clock": str(self._elapsed), "why": "loss is not a number",
        }  # fmt: skip
        self._orders.write_text(json.dumps(orders))

    def _is_changed(self):
        """Return whether a tracked file other than the log has changes that are not committed."""
        return self.repo.git("status", "--porcelain", "-uno", "--", f":!{LOG}") != ""

    def _enter_run(self, ref, call, name, rows, end):
        status, exit_code, asked_by = {
            "ok": ("done", 0, None),
            "raise": ("failed", 1, None),
            "kill": ("killed", None, None),
            "stop": ("stopped", 0, "SIGINT"),
            "interrupt": ("stopped", None, "SIGINT"),
        }[end]
        clean = [{name: keep_finite(value) for name, value in row.items()} for row in rows]
        last = {name: value for row in clean for name, value in row.items()}
        run = Run(
            name, ref, [*call.argv], call.script, call.parameters, call.seed, frozenset(self.files.items()), self.time,
            self.time, status, last, clean, exit_code, asked_by,
        )  # fmt: skip
        self.ledger.runs.append(run)
        return run

    def _enter_run_event(self, run):
        if run.ref is not None:
            self._enter(Event(run.began, "second", "run", run.ref, commit=run.results, run=run.id))
            self._noted.add(run.ref.partition(".")[0])

    def _complete(self, run):
        """Enter that a run completed its step."""
        step = self.ledger.experiments[run.ref.partition(".")[0]].step(int(run.ref.partition(".")[2]))
        if run.status == "done" and step.done is None:
            step.commits.append(run.results or run.before)
            self._done(step, Event(run.ended, "second", "step", step.ref, run=run.id, facts={"source": "run"}))

    def rerun(self, run):
        """Repeat a run."""
        self._begin()
        # The orders are those of the run.
        self._write_orders(run.rows, "json", "metrics.json", "ok", 30, {})
        began = self.time
        answer = self.orglab("runs", "rerun", run.id, "--json")
        self.now()
        name = json.loads(answer.out)["id"]
        again = Run(
            name, run.ref, run.argv, run.script, run.parameters, run.seed, run.code, began, self.time, "done",
            run.metrics, run.rows, why=f"A rerun of {run.id}", before=run.before, is_rerun=True,
        )  # fmt: skip
        self.ledger.runs.append(again)
        self._enter_run_event(again)
        return again

    def discard(self, run, why):
        """Say that a run does not count."""
        self._begin()
        self.orglab("runs", "discard", run.id, "-m", why)
        run.discarded = why

    def count_again(self, run):
        """Say that a discarded run counts after all."""
        self._begin()
        self.orglab("runs", "discard", run.id, "--undo")
        run.discarded = None

    def assign(self, run, ref):
        """Assign a run that had no experiment."""
        self._begin()
        self.orglab("runs", "assign", run.id, ref)
        self._assigned(run, ref)

    def _assigned(self, run, ref):
        run.ref = ref
        self._enter_run_event(run)


def keep_finite(value):
    """Return a number, or None if it is NaN or infinite."""
    return value if math.isfinite(value) else None


class Call:
    """A command: its words, environment, and what orglab should know of it."""

    def __init__(self, argv, parameters, seed, *, environment=None, script="train.py", out=None):
        """Take the words after Python."""
        self.argv = argv
        self.parameters = dict(parameters)
        self.seed = None if seed is None else str(seed)
        self.environment = environment or {}
        self.script = script
        self.out = out


def call(style, parameters, seed, *, script="train.py", folder="r"):
    """Return a command that gets its parameters and its seed in one of several ways.

    Args:
        style: Where the seed is.
        parameters: The other parameters.
        seed: The seed, or None.
        script: The script.
        folder: The folder of its output.
    """
    options = [word for name, value in parameters.items() for word in (f"--{name}", str(value))]
    assignments = [f"{name}={value}" for name, value in parameters.items()]
    python = [sys.executable, script]
    if style == "option":
        return Call([*python, *options, "--seed", str(seed), "--out", f"{folder}/{seed}"], parameters, seed,
                    script=script, out=f"{folder}/{seed}")  # fmt: skip
    if style == "joined":
        joined = [f"--{name}={value}" for name, value in parameters.items()]
        return Call([*python, f"--seed={seed}", *joined], parameters, seed, script=script)
    if style == "assignment":
        return Call([*python, *assignments, f"seed={seed}"], parameters, seed, script=script)
    if style == "hydra":
        out = f"out/seed_{seed}"
        return Call([*python, *assignments, f"hydra.run.dir={out}"], parameters, seed, script=script, out=out)
    if style == "environment":
        return Call([*python, *options], parameters, seed, environment={"SEED": str(seed)}, script=script)
    if style == "env":
        return Call(["env", f"SEED={seed}", *python, *options], parameters, seed, script="env")
    if style == "config":
        (file,) = Path("configs", folder).glob(f"{seed}.*")
        return Call([*python, "--config", str(file)], parameters, seed, script=script)
    assert seed is None, style
    return Call([*python, *options], parameters, None, script=script)
