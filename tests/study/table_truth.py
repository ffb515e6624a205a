"""The truth about the tables of a report: each cell as words, with the numbers that belong in them."""

import math
from decimal import Decimal
from typing import NamedTuple

from study import truth
from study.statistics_apart import describe, interval

NONE = "\u2013"
SHOWN = {"INPROGRESS": "\u25b3 open", "TODO": "\u25b3 open", "WAIT": "\u25bd waiting", "CANCELED": "canceled"}
VERDICTS = {"supported": "\u25cf supported", "refuted": "\u2715 refuted", "inconclusive": "\u25c6 inconclusive"}
MOST_CHARTED = 24
SIGNALS = {"killed": "killed by SIGKILL", "stopped": "stopped by SIGINT"}


class Cell(NamedTuple):
    """A cell or a line: `{}` in its words is a number, `{s}` a duration in seconds, `{*}` is not known here.

    The numbers have so many decimals, or else four significant digits without trailing zeros.
    """

    words: str
    numbers: tuple = ()
    decimals: int | None = None


class Table(NamedTuple):
    """A table: its title, with what stands beside it, its header and its rows."""

    title: str
    header: list
    rows: list


class Tables:
    """The tables of the report on a period."""

    def __init__(self, week):
        """Take the period."""
        self.week, self.ledger = week, week.ledger
        self.commits = {commit.hash: commit for commit in self.ledger.commits}
        self.experiments = [one for one in self.ledger.experiments.values() if week.events(one)]
        self.results = {one.ref: truth.find_results(self.ledger, one, week.until) for one in self.experiments}
        # Of many, those with the newest events are charted; a commit of the log is one.
        recent = {
            one.ref: max(event.key for event in one.events if week.is_in(event.at))
            for one in self.experiments if self._runs(one)
        }  # fmt: skip
        self.charted = sorted(recent, key=recent.get)[-MOST_CHARTED:]

    def by_place(self):
        """The tables by where they are: under a result, or in the appendix, which has the timeline without a reference."""
        found = {("Appendix", None): [self.timeline()]}
        for one in self.week.closed_as("DONE"):
            found["Results", one.ref] = [self.chart(one)]
        for one in self.experiments:
            found["Appendix", one.ref] = [self.settings(one), self.runs(one), self.curves(one)]
        return {place: [table for table in tables if table is not None] for place, tables in found.items()}

    def _runs(self, experiment):
        return sorted(self.ledger.runs_of(experiment, self.week.until), key=lambda run: run.began)

    # ---- time ----

    def timeline(self):
        """When the experiments were opened and closed; None for a single one, or a single day."""
        rows = []
        for one in self.experiments:
            closed, state = self.week.closed(one), self.week.state(one)
            # A run of the period may have been assigned to an experiment that was opened later.
            if state is None:
                continue
            outcome = VERDICTS[self.week.conclusion(one)[1]] if state == "DONE" else SHOWN[state]
            days = (f"{one.created:%Y-%m-%d}", f"{closed:%Y-%m-%d}" if closed else NONE)
            rows.append((f"[{one.ref}]", one.title, *days, f"**{outcome}**"))
        if len(rows) < 2 or len({day for row in rows for day in row[2:4]} - {NONE}) < 2:
            return None
        header = ["Experiment", "Title", "Opened", "Closed", "Outcome"]
        return Table("Experiments over time", header, [[*map(Cell, row)] for row in rows])

    def steps(self, experiment):
        """The steps, each on a line: when it was done, its runs and its commits."""
        lines = []
        for number, step in enumerate(experiment.steps, 1):
            done = step.done if step.done is not None and step.done.at < self.week.until else None
            words = f"{number}. [{'x' if done else ' '}] {step.text} [{step.ref}]"
            words += f", done {_day(done.at)}" if done else ""
            runs = [run for run in self._runs(experiment) if run.ref == step.ref]
            failed = sum(run.status in truth.FAILED and run.discarded is None for run in runs)
            numbers = [sum(self.week.seconds[run.id] for run in runs)] if runs else []
            words += f"; {len(runs)} run{'s' * (len(runs) > 1)} in {{s}}" if runs else ""
            words += f", {truth.WORDS[failed]} failed" if failed else ""
            commits = [self.commits[name] for name in self.week.commits_of(step)]
            # The ledger does not know what a commit is called.
            words += "".join(f"; {one.hash[:7]} {{*}} ({_day(one.at)})" for one in commits)
            lines.append(Cell(words, tuple(numbers)))
        return lines

    def runs(self, experiment):
        """The runs of the period, and those that count."""
        counted = {run.id for one in self.results[experiment.ref].settings for run in one.counted}
        rows = [
            [
                Cell(run.id), Cell(f"[{run.ref}]"), _command(run), Cell("{s}", (self.week.seconds[run.id],)),
                Cell(_outcome(run)), _metrics(run),
            ]
            for run in self._runs(experiment) if self.week.is_in(run.began) or run.id in counted
        ]  # fmt: skip
        return Table("", ["Run", "Step", "Command", "Duration", "Outcome", "Metrics"], rows) if rows else None

    # ---- results ----

    def chart(self, experiment):
        """The first key metric of each setting; None for a single one, and if others are more recent."""
        results = self.results[experiment.ref]
        settings, metrics = [*results.settings], results.metrics()
        if results.baseline is not None and not any(map(results.is_baseline, settings)):
            settings.insert(0, results.baseline)
        if len(settings) < 2 or not metrics or experiment.ref not in self.charted:
            return None
        metric = metrics[0]
        values = [[*one.values(metric).values()] for one in settings]
        decimals, best = share_decimals(values), _find_best(values, metric)
        labels = _label(results.settings)
        texts = {step.ref: step.text for step in experiment.steps} | {experiment.ref: experiment.title}
        columns = {
            "Step": [Cell(f"[{one.ref}]") for one in settings],
            # That of another experiment has no text.
            "Setting": [Cell(labels.get(one) or texts.get(one.ref, "")) for one in settings],
            "n": [_amounts(one, metric) for one in settings],
            "Mean": [
                _mark(_mean(each, decimals), "**{}** best" if each and describe(each)[0] == best else "{}")
                for each in values
            ],
            "95% interval": [
                Cell("[{}, {}]", interval(each), decimals) if len(each) > 1 else Cell(NONE) for each in values
            ],
            "Difference to the baseline": [_difference(results, one, metric, decimals) for one in settings],
        }  # fmt: skip
        if any(len(each) > 1 for each in values):
            columns = {"Mean \u00b1 sd" if name == "Mean" else name: cells for name, cells in columns.items()}
        else:
            del columns["95% interval"]
        if not any(results.compare(one, metric) for one in settings):
            del columns["Difference to the baseline"]
        title = f"{experiment.ref}: {metric} by {'setting' if any(labels.values()) else 'step'}"
        others = [f"{one.ref} {labels.get(one, '')}".strip() for one in settings if results.has_other_code(one)]
        title += f" Not the code of the baseline: {', '.join(others)}." if others else ""
        return Table(title, [*columns], [*map(list, zip(*columns.values(), strict=True))])

    def settings(self, experiment):
        """The settings with the parameters in which they differ; None for a single one."""
        results = self.results[experiment.ref]
        settings = results.settings
        if len(settings) < 2:
            return None
        names = _find_differing(settings)
        texts = {step.ref: step.text for step in experiment.steps} | {experiment.ref: experiment.title}
        columns = {
            "Step": [
                Cell(f"{texts[one.ref]} [{one.ref}]{' **baseline**' * results.is_baseline(one)}") for one in settings
            ],
            **{f"`{name}`": [Cell(str(one.parameters.get(name, ""))) for one in settings] for name in names},
            **{f"`{metric}`": _list_means(settings, metric) for metric in results.metrics()},
            "n": [Cell(str(len(one.counted))) for one in settings],
        }  # fmt: skip
        failed = [sum(run.status in truth.FAILED and run.discarded is None for run in one.runs) for one in settings]
        if any(failed):
            columns["Failed"] = [Cell(str(amount or "")) for amount in failed]
        return Table("", [*columns], [*map(list, zip(*columns.values(), strict=True))])

    def curves(self, experiment):
        """The first key metric during the runs; None without a history."""
        results = self.results[experiment.ref]
        if experiment.ref not in self.charted or not results.metrics():
            return None
        metric, labels = results.metrics()[0], _label(results.settings)
        found = [(one, *_find_curves(one, metric)) for one in results.settings]
        found = [one for one in found if one[1] or one[2]]
        # A report leaves out the worst of more than six, which the study does not have.
        assert len(found) <= 6
        if not found:
            return None
        mean = " (mean)" * any(len(curves) > 1 for _, curves, _ in found)
        header = ["Setting", "n", "Values", f"First{mean}", "Lowest", "Highest", f"Last{mean}"]
        header += ["Diverged"] if any(diverged for _, _, diverged in found) else []
        rows = []
        for one, curves, diverged in found:
            values = [value for curve in curves for value in curve]
            # The report would have a column for values amid a curve that are no numbers, which the study does not have.
            assert None not in values
            amounts = (str(len(curves)), str(len(values)))
            cells = [Cell(f"{one.ref} {labels[one]}".strip()), *map(Cell, amounts)]
            firsts, lasts = [curve[0] for curve in curves], [curve[-1] for curve in curves]
            known = (describe(firsts)[0], min(values), max(values), describe(lasts)[0]) if values else ()
            cells += [Cell("{}", (number,)) for number in known] or [Cell(NONE)] * 4
            cells += [_ends(diverged)] if "Diverged" in header else []
            rows.append(cells)
        return Table(f"{experiment.ref}: {metric} during the runs", header, rows)


# ---- settings ----


def _find_differing(settings):
    """The names of the parameters in which settings differ."""
    names = dict.fromkeys(name for one in settings for name in one.parameters)
    return [name for name in names if len({one.parameters.get(name) for one in settings}) > 1]


def _label(settings):
    """What tells each setting from the others of its step."""
    labels = {}
    for one in settings:
        names = _find_differing([other for other in settings if other.ref == one.ref])
        labels[one] = ", ".join(f"{name} {one.parameters[name]}" for name in names if name in one.parameters)
    return labels


def share_decimals(values):
    """How many decimals the numbers of a column have: two digits of the smallest deviation, or four of a mean."""
    described = [describe(each) for each in values if each]
    spreads = [deviation for _, deviation in described if deviation]
    if spreads:
        return max(0, 1 - math.floor(math.log10(min(spreads))))
    shown = [Decimal(f"{mean:.3e}").normalize() for mean, _ in described]
    return max((max(0, -one.as_tuple().exponent) for one in shown), default=0)


def _find_best(values, metric):
    """The best mean, or None: if it is not known which is better, all are as good, or it is only one of a single run."""
    means = {describe(each)[0] for each in values if each}
    if metric not in truth.DIRECTIONS or len(means) < 2:
        return None
    best = min(means) if truth.DIRECTIONS[metric] == "min" else max(means)
    amounts = [len(each) for each in values if each and describe(each)[0] == best]
    return best if max(amounts) > 1 or all(len(each) < 2 for each in values) else None


def _mean(values, decimals, missing=NONE):
    """The mean, and the deviation if there is one."""
    numbers = [number for number in describe(values) if number is not None]
    return Cell(" \u00b1 ".join("{}" for _ in numbers) or missing, tuple(numbers), decimals)


def _mark(cell, words):
    """The same with other words around."""
    return cell._replace(words=words.replace("{}", cell.words))


def _list_means(settings, metric):
    """The means of a metric: the best one is marked, and one of fewer runs than count says of how many."""
    values = [[*one.values(metric).values()] for one in settings]
    decimals, best = share_decimals(values), _find_best(values, metric)
    cells = []
    for one, each in zip(settings, values, strict=True):
        words = "{}"
        if each and len(each) < len(one.counted):
            words += f" (n = {len(each)})"
        if each and describe(each)[0] == best:
            words += " **\u25cf best**"
        cells.append(_mark(_mean(each, decimals, "none"), words))
    return cells


def _amounts(setting, metric):
    """How many runs count, and why others do not; the reasons are in the order of the runs."""
    amount, of = len(setting.values(metric)), len(setting.runs)
    if amount == of:
        return Cell(str(amount))
    reasons = setting.reasons(metric)
    return Cell(f"{amount} of {of}; " + "; ".join(f"{many} {reason}" for reason, many in reasons.items()))


def _difference(results, setting, metric, decimals):
    """The difference to the baseline with its interval, how it was computed, and whether other code ran."""
    if results.is_baseline(setting):
        return Cell("baseline")
    compared = results.compare(setting, metric)
    if compared is None:
        return Cell(NONE)
    change, low, high, method = compared
    if round(abs(change), decimals) == 0:
        words, numbers = "\u00b10", []
    else:
        words, numbers = ("+{}" if change > 0 else "\u2212{}"), [abs(change)]
    if low is not None:
        words, numbers = f"{words} [{{}}, {{}}]", [*numbers, low, high]
    remarks = [remark for remark in (method, "other code" * results.has_other_code(setting)) if remark]
    return Cell(words + (f" ({', '.join(remarks)})" if remarks else ""), tuple(numbers), decimals)


def _find_curves(setting, metric):
    """The values of the runs that count, and those of each that diverged, with their steps."""
    curves, diverged = [], []
    for run in setting.runs:
        rows = [(row["epoch"], row[metric]) for row in run.rows if metric in row and "epoch" in row]
        if len(rows) < 2:
            continue
        if rows[-1][1] is None and (run in setting.counted or run.status in truth.FAILED):
            diverged.append([row for row in rows if row[1] is not None])
        elif run in setting.counted:
            curves.append([value for _, value in rows])
    return curves, diverged


def _ends(diverged):
    """How many runs diverged, and the last value of each before."""
    if not diverged:
        return Cell("0")
    ends = "; ".join("{} at epoch {}" for _ in diverged)
    return Cell(f"{len(diverged)} ({ends})", tuple(number for rows in diverged for number in reversed(rows[-1])))


# ---- runs ----


def _command(run):
    """The command, or its beginning, and why it was run."""
    command = " ".join(run.argv)
    shown = f"`{command}`" if len(command) <= 120 else f"`{command[:119]}\u2026`"
    return Cell(f"{shown} {run.why}" if run.why else shown)


def _outcome(run):
    """How a run ended."""
    ends = [SIGNALS[run.status]] if run.status in SIGNALS else []
    ends += [f"exit {run.exit_code}"] if run.exit_code is not None else []
    return ", ".join(ends)


def _metrics(run):
    """The last value of each metric."""
    names = sorted(run.metrics, key=lambda name: (name not in truth.FIRST, name == "epoch"))
    # A report has the first six, and the study has no more.
    assert len(names) <= 6
    words = [f"`{name}` {'NaN' if run.metrics[name] is None else '{}'}" for name in names]
    values = [run.metrics[name] for name in names]
    return Cell(", ".join(words) or NONE, tuple(value for value in values if value is not None))


def _day(moment):
    return f"{moment.day} {moment:%B}"
