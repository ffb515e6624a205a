"""The results of an experiment: the settings of its steps, the metrics that matter, the baseline and the claim."""

import datetime
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from orglab.errors import OrglabError
from orglab.experiment.model import Experiment
from orglab.runs.metrics.directions import find_direction
from orglab.runs.parameters.arguments import Value, parse_value
from orglab.runs.record import Run
from orglab.runs.setting import Setting, find_settings, has_diverged, read_final
from orglab.runs.statistics import Comparison, compare, find_interval

KEY_METRICS = 3
"""The number of key metrics of an experiment."""
# Metrics of little interest; shown only if the log mentions them, or if there are no others.
_BOOKKEEPING = re.compile(
    r"(?i)(?:.*[./_])?(?:(?:n_?)?(?:seeds?|epochs?|steps?|iterations?|samples|folds?|repeats?|batch_?size)"
    r"|(?:\w+_)?(?:time|seconds|secs|runtime|duration)|timestamp|lr|learning_?rate|\w+_per_second)"
)
_CLAIM = re.compile(
    r"(?P<metric>\S+?)\s*(?P<operator>>=|<=|>|<)\s*(?P<sign>[+-]?)(?P<size>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)"
)


class Claim(NamedTuple):
    """What an experiment expects, in numbers: the property CLAIM, such as `val.acc > +1` or `loss < 0.3`.

    Attributes:
        metric: The name of the metric.
        operator: `>`, `>=`, `<` or `<=`.
        value: The number.
        is_difference: Whether it is about the difference to the baseline: the number has a sign.
        text: The claim as written.
    """

    metric: str
    operator: str
    value: float
    is_difference: bool
    text: str

    def judge(self, low: float, high: float) -> str:
        """Return whether the claim `holds` or `fails` for every value of an interval, or else is `undecided`."""
        is_above = self.operator in (">", ">=")
        worst, best = (low, high) if is_above else (high, low)
        if self._is_true(worst):
            return "holds"
        return "undecided" if self._is_true(best) else "fails"

    def _is_true(self, value: float) -> bool:
        if self.operator.startswith(">"):
            return value > self.value or (value == self.value and self.operator == ">=")
        return value < self.value or (value == self.value and self.operator == "<=")


class Outcome(NamedTuple):
    """The results of a setting of a step.

    Attributes:
        ref: The step, or the experiment if its runs belong to no step.
        text: The text of the step, or the title of the experiment.
        setting: The setting.
        label: The parameters in which it differs from the other settings of the step: `lr 0.1`; empty if there are
            none.
        is_baseline: Whether the others are compared with it.
    """

    ref: str
    text: str
    setting: Setting
    label: str = ""
    is_baseline: bool = False

    @property
    def runs(self) -> tuple[Run, ...]:
        """The runs that count."""
        return self.setting.counted

    def values(self, metric: str) -> tuple[tuple[Run, float], ...]:
        """Return the finite final values of a metric, each with its run."""
        return self.setting.summarize(metric).values


class Results(NamedTuple):
    """The results of an experiment.

    Attributes:
        outcomes: The outcomes of all settings with runs, in the order of the steps.
        metrics: The names of the key metrics, at most KEY_METRICS.
        baseline: The outcome that the others are compared with; it may be that of another experiment.  None if there
            is nothing to compare.
        is_named: Whether the property BASELINE names the baseline; otherwise it is the first outcome.
        claim: The claim in numbers, or None.
        problem: Why the baseline that is named cannot be used; empty if it can.
        claim_text: The property CLAIM as written; free text is quoted and not interpreted.
        directions: The setting `metrics`.
    """

    outcomes: tuple[Outcome, ...] = ()
    metrics: tuple[str, ...] = ()
    baseline: Outcome | None = None
    is_named: bool = False
    claim: Claim | None = None
    problem: str = ""
    claim_text: str = ""
    directions: Mapping[str, str] = MappingProxyType({})

    def compare(self, outcome: Outcome, metric: str) -> Comparison | None:
        """Return the difference of an outcome to the baseline; None if it is the baseline, or one has no value."""
        if self.baseline is None or outcome.is_baseline:
            return None
        values = outcome.setting.summarize(metric).by_seed()
        others = self.baseline.setting.summarize(metric).by_seed()
        return compare(values, others) if values and others else None

    def has_other_code(self, outcome: Outcome) -> bool:
        """Return whether the baseline is known to have run other code than an outcome."""
        baseline = self.baseline
        if baseline is None or not (outcome.setting.code and baseline.setting.code):
            return False
        return outcome.setting.code != baseline.setting.code

    def judge(self, outcome: Outcome) -> str | None:
        """Return whether the claim `holds`, `fails` or is `undecided` for an outcome; None if it is not about it."""
        claim = self.claim
        if claim is None or outcome.is_baseline or not outcome.values(claim.metric):
            return None
        if claim.is_difference:
            difference = self.compare(outcome, claim.metric)
            if difference is None:
                return None
            low, high = difference.low, difference.high
        else:
            low, high = find_interval(outcome.setting.summarize(claim.metric).numbers) or (None, None)
        return "undecided" if low is None or high is None else claim.judge(low, high)


def read_claim(experiment: Experiment) -> Claim | None:
    """Return the claim of an experiment, if its property CLAIM is one in numbers; other text is not interpreted."""
    return parse_claim(_read_property(experiment, "CLAIM"))


def parse_claim(text: str) -> Claim | None:
    """Return a claim in numbers, such as `acc > +0.01`; None if a text is none."""
    match = _CLAIM.fullmatch(text)
    if match is None:
        return None
    value = float(match["sign"] + match["size"])
    return Claim(match["metric"], match["operator"], value, bool(match["sign"]), text)


def _read_property(experiment: Experiment, name: str) -> str:
    return next((value.strip() for key, value in experiment.properties.items() if key.upper() == name), "")


def read_results(
    experiment: Experiment,
    runs: Sequence[Run],
    identify_code: Callable[[Sequence[Run]], Mapping[str, str]],
    read_runs: Callable[[str], Sequence[Run]],
    directions: Mapping[str, str] = MappingProxyType({}),
    until: datetime.datetime | None = None,
    *,
    words: str | None = None,
) -> Results:
    """Return the results of an experiment.

    Args:
        experiment: The experiment.
        runs: Its runs.
        identify_code: Returns the identity of the code of each run, by its id.
        read_runs: Returns the runs of another experiment or step, for a baseline; raises OrglabError if it is unknown.
        directions: The setting `metrics`: `min` or `max` by name, the most important metric first.
        until: The time whose results are wanted, without later runs of the baseline; None for the present.
        words: The conclusion, which may mention the metrics that matter; None for the newest one of that time.
    """
    outcomes = _find_outcomes(experiment, find_settings(runs, identify_code(runs)))
    claim, claim_text = read_claim(experiment), _read_property(experiment, "CLAIM")
    if not outcomes:
        return Results(claim=claim, claim_text=claim_text)

    def read_settings(reference: str) -> list[Setting]:
        others = [run for run in read_runs(reference) if until is None or run.began is None or run.began < until]
        # With the own runs first, equal code has the same identity in both.
        return find_settings(others, identify_code([*runs, *others]))

    name = _read_property(experiment, "BASELINE")
    baseline, problem = _find_named_baseline(name, experiment, outcomes, read_settings)
    is_named = baseline is not None
    if baseline is None and not problem and len(outcomes) > 1:
        baseline = outcomes[0]
    outcomes = [one._replace(is_baseline=baseline is not None and one.setting is baseline.setting) for one in outcomes]
    baseline = next((one for one in outcomes if one.is_baseline), baseline)
    known = {name for one in outcomes for run in one.setting.runs for name in run.metrics}
    if claim is not None and known and claim.metric not in known:
        claim, also = _name_metric(claim, known)
        problem = "; ".join(filter(None, (problem, also)))
    if words is None:
        words = (experiment.conclusion if until is None else experiment.conclusion.before(until)).text
    metrics = _choose_metrics(words, experiment.description, claim, outcomes, directions)
    return Results(tuple(outcomes), metrics, baseline, is_named, claim, problem, claim_text, directions)


def _name_metric(claim: Claim, known: set[str]) -> tuple[Claim | None, str]:
    """Return a claim with the whole name of its metric, `val.acc` for `acc`, or why there is none."""
    whole = [name for name in sorted(known) if name.endswith((f".{claim.metric}", f"/{claim.metric}"))]
    if len(whole) == 1:
        return claim._replace(metric=whole[0]), ""
    what = (
        f"the metric {claim.metric} may be {' or '.join(whole)}" if whole else f"no run has the metric {claim.metric}"
    )
    return None, f"CLAIM: {claim.text}: {what}."


def _find_outcomes(experiment: Experiment, settings: Iterable[Setting]) -> list[Outcome]:
    """Return the outcomes of the settings that are results of an experiment."""
    own = select_settings(experiment, settings)
    texts = {step.ref: step.text for step in experiment.steps}
    return [
        Outcome(one.ref or "", texts.get(one.ref or "", experiment.title), one, label)
        for one, label in zip(own, label_settings(own), strict=True)
    ]


def select_settings(experiment: Experiment, settings: Iterable[Setting]) -> list[Setting]:
    """Return the settings of the steps in their order; those of the experiment itself if no step has a number."""
    settings = [*settings]
    numbers = dict.fromkeys(experiment.step_numbers)
    order = {f"{experiment.ref}.{number}": position for position, number in enumerate(numbers)}
    of_steps = [one for one in settings if one.ref in order]
    if not any(has_number(setting) for setting in of_steps):
        return [one for one in settings if one.ref == experiment.ref]
    return sorted(of_steps, key=lambda one: order[one.ref or ""])


def has_number(setting: Setting) -> bool:
    """Return whether a run of the setting that counts has a metric with a finite value."""
    return any(read_final(run, name) is not None for run in setting.counted for name in run.metrics)


def label_settings(settings: Sequence[Setting]) -> list[str]:
    """Return for each setting what tells it from the others of its step: `lr 0.1, model small`, or other words.

    A parameter that a setting lacks is named only if nothing else tells it from the others: `no warmup`.
    """
    steps: dict[str | None, list[int]] = {}
    for place, setting in enumerate(settings):
        steps.setdefault(setting.ref, []).append(place)
    labels = [""] * len(settings)
    for places in steps.values():
        for place, label in zip(places, _label_step([settings[place] for place in places]), strict=True):
            labels[place] = label
    return labels


def _label_step(settings: Sequence[Setting]) -> list[str]:
    """Return the labels of the settings of one step."""
    names = find_differing([one.parameters for one in settings])
    commands = [one.words for one in settings]
    shared = set(commands[0]).intersection(*commands)
    labels = []
    for setting, words in zip(settings, commands, strict=True):
        own = " ".join(word for word in words if word not in shared)
        given = [_label(name, setting.parameters[name]) for name in names if name in setting.parameters]
        labels.append(", ".join(filter(None, (own, *given))))
    counts = Counter(labels)
    for place, (setting, label) in enumerate(zip(settings, labels, strict=True)):
        if counts[label] > 1 or (not label and len(settings) > 1):
            missing = (f"no {name}" for name in names if name not in setting.parameters)
            labels[place] = ", ".join(filter(None, (label, *missing)))
    return labels


def _label(name: str, value: Value) -> str:
    if value is True:
        return name
    return f"no {name}" if value is False else f"{name} {value}"


def find_differing(parameters: Sequence[Mapping[str, Value]]) -> list[str]:
    """Return the names of the parameters that are not the same in all of some mappings."""
    names = dict.fromkeys(name for one in parameters for name in one)
    return [name for name in names if any(one.get(name) != parameters[0].get(name) for one in parameters)]


def _find_named_baseline(
    name: str, experiment: Experiment, outcomes: Sequence[Outcome], read_settings: Callable[[str], Sequence[Setting]]
) -> tuple[Outcome | None, str]:
    """Return the outcome that BASELINE names, and why it cannot be used.

    It names a step, an experiment, or a setting by its parameters: `201.1`, `e143`, `lr=0.1`, `201.1 lr=0.1`.
    """
    if not name:
        return None, ""
    reference, wanted = _split_baseline(name)
    candidates = outcomes
    if reference:
        candidates = [one for one in outcomes if _is_named(one.ref, reference, experiment)]
        try:
            if not candidates:
                others = read_settings(reference)
                labels = label_settings(others)
                candidates = [Outcome(one.ref or "", "", one, label) for one, label in zip(others, labels, strict=True)]
        except OrglabError as error:
            return None, f"BASELINE: {error}"
    matching = [
        one for one in candidates
        if one.runs and all(_spell(one.setting.parameters.get(key)) == _spell(value) for key, value in wanted.items())
    ]  # fmt: skip
    if len(matching) == 1:
        return matching[0], ""
    what = f"{len(matching)} settings" if matching else "no setting with results"
    return None, f"BASELINE: {name} names {what}; name one, as in `201.1 lr=0.1`."


def _spell(value: Value | None) -> str:
    """Return the value of a parameter as a user may write it: `true`, `0.1`, `none`."""
    parsed = parse_value(value) if isinstance(value, str) else value
    return "none" if parsed is None else str(parsed).lower()


def _is_named(ref: str, reference: str, experiment: Experiment) -> bool:
    """Return whether a reference names the step `ref` of an experiment: by its number alone, with or without letter."""
    letter = experiment.config.letter
    return reference in (ref, ref.removeprefix(letter)) or f"{experiment.ref}.{reference}" == ref


def _split_baseline(name: str) -> tuple[str, dict[str, str]]:
    """Return the reference and the parameters in a text such as `201.1 lr=0.1`."""
    words = name.split()
    pairs = (word.partition("=") for word in words if "=" in word)
    reference = next((word.strip("[]") for word in words if "=" not in word), "")
    return reference, {key: value for key, _, value in pairs}


def _choose_metrics(
    conclusion: str, question: str, claim: Claim | None, outcomes: Iterable[Outcome], directions: Mapping[str, str]
) -> tuple[str, ...]:
    """Return the key metrics, the most important first.

    These are the metric of the claim, those that the conclusion mentions, and those of the settings; without any, those
    that the question mentions, then those that most steps have, those of the training data and those of which it is not
    known what is better last.  Bookkeeping such as a learning rate or a time comes only if there is nothing else.  A
    metric that has diverged is as important as it would be with a number.
    """
    counts: dict[str, int] = {}
    for outcome in outcomes:
        for name in outcome.setting.metrics:
            if any(read_final(run, name) is not None or has_diverged(run, name) for run in outcome.runs):
                counts[name] = counts.get(name, 0) + 1
    text, asked = conclusion.lower(), question.lower()
    mentioned = [name for name in counts if is_mentioned(name, text) and not is_bookkeeping(name)]
    chosen = [*([claim.metric] if claim is not None else []), *mentioned, *directions]
    chosen = [name for name in dict.fromkeys(chosen) if name in counts]
    others = sorted(
        (name for name in counts if not is_bookkeeping(name)),
        key=lambda name: (
            not is_mentioned(name, asked), is_of_training(name), find_direction(name, directions) is None, -counts[name]
        ),
    )  # fmt: skip
    return tuple((chosen or others or [*counts])[:KEY_METRICS])


def is_bookkeeping(metric: str) -> bool:
    """Return whether a metric says how a run went rather than what it showed: `lr`, `epoch`, `seconds`."""
    return _BOOKKEEPING.fullmatch(metric) is not None


def is_of_training(metric: str) -> bool:
    """Return whether a metric is one of the training data, by its name: `train_loss`, `train.acc`."""
    return "train" in re.split(r"[\W_]+", metric.lower())


_SPELLED_OUT = {"acc": "accuracy", "ppl": "perplexity", "err": "error"}


def is_mentioned(metric: str, text: str) -> bool:
    """Return whether a text in lower case mentions a metric: by its name, with spaces in it, or by its last part.

    The last part is enough for `val_acc` or `test/loss`, but not for a metric of the training data.
    """
    parts = re.split(r"[_/.-]+", metric.lower())
    names = {metric.lower(), " ".join(parts), *([] if is_of_training(metric) else [parts[-1]])}
    names |= {_SPELLED_OUT[name] for name in names if name in _SPELLED_OUT}
    return any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) for name in names)
