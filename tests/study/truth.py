"""The truth about a study, computed from the ledger alone: what each command has to say."""

import datetime
import itertools
import re
from collections import Counter

import pytest

from study.ledger import WEEK
from study.statistics_apart import describe, difference, interval

DIRECTIONS = {"val.acc": "max", "loss": "min", "cost": "min"}
BOOKKEEPING = ("lr", "epoch", "seconds")
FIRST = ("cost",)  # in the settings
FAILED = ("failed", "killed", "stopped", "lost")
CLAIM = re.compile(r"(\S+) ([<>]) ([+-]?)([\d.]+)")
WORDS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
VERDICTS = ("supported", "refuted", "inconclusive")


# ---- settings ----


class Setting:
    """The runs of a step with the same parameters, and which of them count."""

    def __init__(self, runs):
        """Take all of its runs, oldest first."""
        self.runs = runs
        newest = next((run for run in reversed(runs) if find_reason(run) is None), None)
        reasons = {run.id: find_reason(run) for run in runs}
        seeds = {}
        for run in runs:
            if reasons[run.id] is None and run.code != newest.code:
                reasons[run.id] = "on other code"
            if reasons[run.id] is None and run.seed is not None:
                if run.seed in seeds:
                    reasons[seeds[run.seed]] = "repeated"
                seeds[run.seed] = run.id
        self.counted = [run for run in runs if reasons[run.id] is None]
        self.left_out = {name: reason for name, reason in reasons.items() if reason is not None}
        self.ref, self.parameters = runs[0].ref, runs[0].parameters
        self.code = (newest or runs[-1]).code
        self.metrics = [*dict.fromkeys(name for run in self.counted for name in run.metrics)]

    def values(self, metric, direction=None):
        """The values by seed: the last ones, or the best ones."""
        found = {run.seed or run.id: run.best(metric, direction) if direction else run.metrics.get(metric)
                 for run in self.counted}  # fmt: skip
        return {seed: value for seed, value in found.items() if value is not None}

    def reasons(self, metric):
        """How many runs do not count for a metric, for each reason."""
        own = Counter(self.left_out.values())
        own.update(
            "diverged" if metric in run.metrics else "without a value"
            for run in self.counted if run.metrics.get(metric) is None
        )  # fmt: skip
        return dict(own)

    def summary(self, metric):
        """The mean, the deviation and the counts of a metric."""
        mean, deviation = describe([*self.values(metric).values()])
        return {"mean": mean, "sd": deviation, "n": len(self.values(metric)), "of": len(self.runs)}

    def form(self):
        """The setting as in `runs --by setting --json`."""
        metrics = {}
        for name in self.metrics:
            best = None
            if name in DIRECTIONS:
                values = [*self.values(name, DIRECTIONS[name]).values()]
                mean, deviation = describe(values)
                best = {"mean": mean, "sd": deviation, "n": len(values), "of": len(self.runs)}
            metrics[name] = {**self.summary(name), "left_out": self.reasons(name), "best": best}
        return {
            "ref": self.ref, "parameters": self.parameters, "runs": [run.id for run in self.counted],
            "left_out": [{"id": run.id, "reason": self.left_out[run.id]} for run in self.runs if run.id in self.left_out],
            "metrics": metrics,
        }  # fmt: skip


def find_reason(run):
    """Why a run does not count, whatever the others are."""
    if run.discarded is not None:
        return "discarded"
    if run.status != "done":
        return run.status
    return "rerun" if run.is_rerun else None


def find_settings(runs):
    """The settings, in the order of their first runs."""
    groups = {}
    for run in sorted(runs, key=lambda run: run.began):
        groups.setdefault(run.setting, []).append(run)
    return [Setting(group) for group in groups.values()]


# ---- results ----


class Results:
    """The results of an experiment, from some of its runs."""

    def __init__(self, ledger, experiment, until):
        """Compute them, as they were at a time."""
        runs = ledger.runs_of(experiment, until)
        self.words = next((text for at, _, text in reversed(experiment.conclusions) if at < until), "")
        settings = find_settings(runs)
        refs = [step.ref for step in experiment.steps]
        self.settings = sorted((one for one in settings if one.ref in refs), key=lambda one: refs.index(one.ref))
        if not any(one.values(name) for one in self.settings for name in one.metrics):
            self.settings = [one for one in settings if one.ref == experiment.ref]
        self.experiment = experiment
        self.claim = experiment.claim if CLAIM.fullmatch(experiment.claim or "") else None
        self.baseline, self.is_named = self._find_baseline(ledger, until)

    def _find_baseline(self, ledger, until):
        """The baseline: what BASELINE names, or without it the first setting if there are several."""
        name = self.experiment.baseline
        if name is not None and self.settings:
            wanted = dict(word.split("=") for word in name.split() if "=" in word)
            ref = next((word for word in name.split() if "=" not in word), None)
            candidates = self.settings
            if ref is not None:
                ref = "e" + ref.removeprefix("e")
                others = [run for run in ledger.runs if f"{run.ref}.".startswith(f"{ref}.") and run.began < until]
                candidates = [one for one in self.settings if one.ref == ref] or find_settings(others)
            found = [
                one for one in candidates
                if one.counted and all(str(one.parameters.get(key)) == value for key, value in wanted.items())
            ]  # fmt: skip
            return (found[0], True) if len(found) == 1 else (None, False)
        return (self.settings[0], False) if len(self.settings) > 1 else (None, False)

    def is_baseline(self, setting):
        """Whether the others are compared with it."""
        return self.baseline is not None and [run.id for run in setting.runs] == [run.id for run in self.baseline.runs]

    def compare(self, setting, metric):
        """The difference to the baseline, or None."""
        if self.baseline is None or self.is_baseline(setting):
            return None
        values, others = setting.values(metric), self.baseline.values(metric)
        return difference(values, others) if values and others else None

    def has_other_code(self, setting):
        """Whether the baseline ran other code."""
        return self.baseline is not None and setting.code != self.baseline.code

    def judge(self, setting):
        """What came of the claim."""
        match = CLAIM.fullmatch(self.claim or "")
        if match is None or self.is_baseline(setting) or not setting.values(match[1]):
            return None
        bound = float(match[3] + match[4])
        if match[3]:
            compared = self.compare(setting, match[1])
            if compared is None:
                return None
            low, high = compared[1:3]
        else:
            low, high = interval([*setting.values(match[1]).values()]) or (None, None)
        if low is None:
            return "undecided"
        is_true = [value > bound if match[2] == ">" else value < bound for value in (low, high)]
        return "holds" if all(is_true) else "undecided" if any(is_true) else "fails"

    def metrics(self):
        """The key metrics."""
        counts = Counter()
        for setting in self.settings:
            counts.update(name for name in setting.metrics if setting.values(name))
        words = self.words.lower()
        said = [name for name in counts if re.search(rf"\b{re.escape(name)}\b", words.replace("val acc", "val.acc"))]
        claimed = [self.claim.split()[0]] if self.claim else []
        chosen = [name for name in (*claimed, *(name for name in said if name not in BOOKKEEPING), *FIRST)
                  if name in counts]  # fmt: skip
        order = [*counts]
        rest = sorted((name for name in order if name not in BOOKKEEPING),
                      key=lambda name: (-counts[name], order.index(name)))  # fmt: skip
        return ([*dict.fromkeys(chosen)] or rest or order)[:3]

    def form(self):
        """What `show --json` says of the results."""
        forms = []
        for setting in self.settings:
            found = {name: self.compare(setting, name) for name in setting.metrics}
            names = ("value", "low", "high", "method")
            forms.append({
                **setting.form(), "is_baseline": self.is_baseline(setting), "claim": self.judge(setting),
                "differences": {name: dict(zip(names, one, strict=True)) for name, one in found.items() if one},
            })  # fmt: skip
        baseline = None if self.baseline is None else {"ref": self.baseline.ref, "is_named": self.is_named}
        return {"results": forms, "metrics": self.metrics(), "baseline": baseline, "claim": self.claim}


def find_results(ledger, experiment, until=datetime.datetime.max):  # noqa: DTZ901 - the log holds local times
    """The results of an experiment, at a time."""
    return Results(ledger, experiment, until)


def rank(ledger, metric, *, is_reversed):
    """The experiments as `list --sort METRIC` has them: the reference, and the summary of the best setting."""
    best = {}
    for experiment in ledger.experiments.values():
        settings = [one for one in find_results(ledger, experiment).settings if one.values(metric)]
        if settings:
            choose = {"min": min, "max": max}.get(DIRECTIONS.get(metric), lambda found, key: found[-1])  # noqa: ARG005
            best[experiment.ref] = choose(settings, key=lambda one: one.summary(metric)["mean"]).summary(metric)
    ranked = sorted(best, key=lambda ref: best[ref]["mean"], reverse=is_reversed)
    nothing = {"mean": None, "sd": None, "n": 0, "of": 0}
    return [(ref, best.get(ref, nothing)) for ref in (*ranked, *(ref for ref in ledger.experiments if ref not in best))]


# ---- runs and history ----


def run_form(run):
    """A run as in `runs --json`."""
    return {
        "id": run.id, "ref": run.ref, "status": run.status, "argv": run.argv, "why": run.why,
        "began": run.began.isoformat(), "exit_code": run.exit_code, "asked_by": run.asked_by, "before": run.before,
        "commit": run.results, "metrics": run.metrics, "discarded": run.discarded, "timed_out": False,
        "exception": "ValueError: loss is not a number" if run.status == "failed" else None, "out_of_memory": False,
    }  # fmt: skip


def history(experiment):
    """The events of an experiment, in order: by time, and within a minute by cause."""
    events = sorted(experiment.events, key=lambda event: event.at.replace(second=0))
    return [
        {
            "at": event.at.isoformat(timespec="minutes" if event.precision == "minute" else "seconds"),
            "precision": event.precision, "kind": event.kind, "ref": event.ref, "run": event.run,
            **({"commit": event.commit} if event.kind in ("commit", "run") else {}),
            **({"text": event.text} if event.text is not None else {}),
            "facts": event.facts,
        }
        for event in events
    ]  # fmt: skip


# ---- the weeks ----


class Week:
    """What happened in a week, and how the experiments were at its end."""

    def __init__(self, ledger, since, seconds, until=None):
        """Take the beginning of the week, how long each run took, and the end of a longer period."""
        self.ledger, self.since, self.until = ledger, since, until or since + WEEK
        self.seconds = seconds

    def is_in(self, moment):
        """Whether a time is in the week."""
        return moment is not None and self.since <= moment < self.until

    def state(self, experiment):
        """The state at the end of the week, or None before the experiment was opened."""
        return next((word for at, word in reversed(experiment.states) if at < self.until), None)

    def conclusion(self, experiment):
        """The newest conclusion at the end of the week: time, verdict, text."""
        return next((one for one in reversed(experiment.conclusions) if one[0] < self.until), None)

    def closed(self, experiment):
        """When it was last closed or concluded, if it is closed at the end of the week."""
        if self.state(experiment) not in ("DONE", "CANCELED"):
            return None
        times = [at for at, word in experiment.states if word in ("DONE", "CANCELED") and at < self.until]
        return max([*times, *(one[0] for one in experiment.conclusions if one[0] < self.until)]).replace(second=0)

    def with_state(self, *words):
        """The experiments in one of some states at the end of the week."""
        return [one.ref for one in self.ledger.experiments.values() if self.state(one) in words]

    def closed_as(self, word):
        """The experiments that were closed in the week, with this state."""
        return [
            one for one in self.ledger.experiments.values()
            if self.state(one) == word and self.is_in(self.closed(one))
        ]  # fmt: skip

    def runs(self):
        """The runs of the week that belong to an experiment."""
        return [run for run in self.ledger.runs if run.ref is not None and self.is_in(run.began)]

    def counts(self):
        """The numbers of the week."""
        experiments = self.ledger.experiments.values()
        recorded = {name for one in experiments for step in one.steps for name in step.commits}
        commits = [
            one for one in self.ledger.commits if self.is_in(one.at) and (one.refs or one.hash in recorded)
        ]  # fmt: skip
        concluded = self.closed_as("DONE")
        verdicts = Counter(self.conclusion(one)[1] for one in concluded)
        return {
            "opened": sum(self.is_in(one.created) for one in experiments),
            "concluded": len(concluded), "dropped": len(self.closed_as("CANCELED")), "verdicts": dict(verdicts),
            "steps_done": sum(step.done is not None and self.is_in(step.done.at) for one in experiments for step in one.steps),
            "steps_undated": 0, "runs": len(self.runs()),
            "runs_failed": sum(run.status in FAILED for run in self.runs()), "runs_running": 0,
            "seconds": sum(self.seconds[run.id] for run in self.runs()), "commits": len(commits), "undated": 0,
        }  # fmt: skip

    def lead(self):
        """The amounts in the sentence that says how much happened; None if nothing did."""
        counts = self.counts()
        verdicts = [counts["verdicts"][word] for word in VERDICTS if word in counts["verdicts"]]
        amounts = [
            *([counts["concluded"]] if counts["concluded"] else []), *(verdicts if counts["concluded"] > 1 else []),
            counts["dropped"], len(self.under_way()), len(self.with_state("WAIT")),
        ]  # fmt: skip
        return [amount for amount in amounts if amount] or None

    def headline(self, experiment):
        """The number beside a conclusion: the setting, the metric, the difference, and the baseline or the interval."""
        results = find_results(self.ledger, experiment, self.until)
        written = re.search(r"\b\d+\.(\d+)", self.conclusion(experiment)[2])
        for metric in results.metrics():
            settings = [one for one in results.settings if one.values(metric)]
            settings = [one for one in settings if not results.is_baseline(one)] or settings
            if not settings:
                continue
            if written is not None:
                named = [one for one in settings if written[0] in map(str, one.parameters.values())]
                said = [one for one in settings if self._says(written, one, metric, results)]
                settings = named or said or settings
            claimed = CLAIM.fullmatch(results.claim or "")
            direction = DIRECTIONS.get(metric)
            if claimed is not None and claimed[1] == metric:
                direction = {">": "max", "<": "min"}[claimed[2]]
            choose = {"min": min, "max": max}.get(direction, lambda found, key: found[-1])  # noqa: ARG005
            best = choose(settings, key=lambda one: one.summary(metric)["mean"])
            if claimed is not None and claimed[1] == metric and not claimed[3]:
                return best, metric, None, interval([*best.values(metric).values()])
            return (
                best,
                metric,
                results.compare(best, metric),
                results.baseline.summary(metric) if results.baseline else None,
            )
        return None

    def _says(self, written, setting, metric, results):
        """Whether a number in a conclusion is one of a setting, rounded."""
        compared = results.compare(setting, metric) or ()
        summary = setting.summary(metric)
        numbers = [*setting.values(metric).values(), summary["mean"], summary["sd"], *compared[:3]]
        if compared and results.baseline is not None:
            numbers.append(compared[0] / results.baseline.summary(metric)["mean"])
        digits = len(written[1])
        return any(one is not None and round(abs(one), digits) == float(written[0]) for one in numbers)

    def commits_of(self, step):
        """The commits of a step that were there at the end of the week."""
        dates = {commit.hash: commit.at for commit in self.ledger.commits}
        return [name for name in step.commits if dates[name] < self.until]

    def evidence(self, experiment):
        """The amounts of steps, runs, failed runs and commits that a conclusion rests on."""
        steps = [step for step in experiment.steps if step.done is not None and step.done.at < self.until]
        commits = {name for step in steps for name in self.commits_of(step)}
        runs = self.ledger.runs_of(experiment, self.until)
        failed = [run for run in runs if run.status in FAILED and run.discarded is None]
        discarded = [run for run in runs if run.discarded is not None]
        return [len(each) for each in (steps, runs, failed, discarded, commits) if each]

    def holds(self, claim):
        """Whether a claim is true at the end of the week; those that only say that something exists are not looked at."""
        about, says = claim["about"], claim["says"]
        ref = about.partition(" ")[0]
        experiment = self.ledger.experiments.get(ref.partition(".")[0])
        runs = {run.id: run for run in self.ledger.runs}
        if claim["kind"] == "run" and says is not None:
            outcome = runs[about].status if runs[about].discarded is None else "discarded"
            return says == (outcome if claim["name"] == "outcome" else self.seconds[about])
        if claim["kind"] == "figures":
            return self._gives(experiment, ref, claim["name"], says)
        if claim["kind"] == "metric":
            return runs[about].metrics.get(claim["name"]) == says and runs[about].began < self.until
        if claim["kind"] == "step" and says == "done":
            done = next(step.done for step in experiment.steps if step.ref == about)
            return done is not None and done.at < self.until
        known = {
            "state": lambda: self.state(experiment), "verdict": lambda: self.conclusion(experiment)[1],
            "created": lambda: experiment.created.isoformat(timespec="minutes"),
            "closed": lambda: self.closed(experiment).date().isoformat(),
        }  # fmt: skip
        return claim["kind"] not in known or known[claim["kind"]]() == says

    def _gives(self, experiment, ref, metric, says):
        """Whether a setting of a step has these figures."""
        results = find_results(self.ledger, experiment, self.until)
        said = [
            float(one) for one in re.findall(r"(?<![\w.])[-+]?\d+[\d.e+-]*", re.sub("compared with [^;]*", "", says))
        ]
        for setting in (one for one in results.settings if one.ref == ref):
            compared = results.compare(setting, metric)
            figures = [*setting.summary(metric).values(), *(compared[:3] if compared else ())]
            figures += results.baseline.summary(metric).values() if compared else []
            known = [figure for figure in figures if figure is not None]
            is_compared = "compared with" in says, "as the baseline" in says
            if is_compared == (bool(compared), results.is_baseline(setting)) and said == pytest.approx(known, rel=1e-5):
                return True
        return False

    def sections(self):
        """The experiments in each section, in any order."""
        return {
            "conclusions": [one.ref for one in self.closed_as("DONE")],
            "changed": [one.ref for one in self.ledger.experiments.values() if self._is_changed(one)],
            "dropped": [one.ref for one in self.closed_as("CANCELED")],
            "under_way": self.under_way(), "blocked": self.with_state("WAIT"),
        }  # fmt: skip

    def events(self, experiment):
        """The events of an experiment in the week, but for commits of the log, which are no work on it."""
        of_log = {one.hash for one in self.ledger.commits if one.is_of_log}
        events = [one for one in experiment.events if self.is_in(one.at)]
        return [one for one in events if one.kind != "commit" or one.commit not in of_log]

    def under_way(self):
        """The experiments in progress, and those not begun to which a step, a run or a commit of the week belongs."""
        return [
            one.ref for one in self.ledger.experiments.values()
            if self.state(one) == "INPROGRESS" or (self.state(one) == "TODO" and any(
                event.kind in ("step", "run", "commit") for event in self.events(one)))
        ]  # fmt: skip

    def _is_changed(self, experiment):
        """Whether something was decided otherwise: opened again, or concluded with another verdict."""
        reopened = any(
            event.kind == "state" and self.is_in(event.at) and event.facts.get("old") in ("DONE", "CANCELED")
            and event.facts.get("new") not in ("DONE", "CANCELED")
            for event in experiment.events
        )  # fmt: skip
        concluded = [one for one in experiment.conclusions if one[0] < self.until]
        changed = any(before[1] != after[1] and self.is_in(after[0]) for before, after in itertools.pairwise(concluded))
        return reopened or changed

    def experiments(self):
        """Those to which something happened."""
        forms = []
        for one in self.ledger.experiments.values():
            if not self.events(one):
                continue
            runs = self.ledger.runs_of(one, self.until)
            baseline = find_results(self.ledger, one, self.until).baseline
            concluded = self.conclusion(one)
            closed = self.closed(one)
            forms.append({
                "ref": one.ref, "title": one.title, "state": self.state(one),
                "verdict": concluded[1] if self.state(one) == "DONE" else None,
                "created": one.created.isoformat(timespec="minutes"),
                "closed": closed and closed.isoformat(), "baseline": baseline and baseline.ref,
                "steps": [self._step(step, runs) for step in one.steps],
                "runs": [run.id for run in sorted(runs, key=lambda run: run.began) if run.ref == one.ref],
            })  # fmt: skip
        return forms

    def _step(self, step, runs):
        done = step.done if step.done is not None and step.done.at < self.until else None
        return {
            "ref": step.ref, "is_done": done is not None, "done": done and done.key.isoformat(),
            "commits": self.commits_of(step),
            "runs": [run.id for run in sorted(runs, key=lambda run: run.began) if run.ref == step.ref],
        }  # fmt: skip
