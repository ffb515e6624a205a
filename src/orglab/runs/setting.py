"""Group runs by setting: the same code and the same parameters, but for the seed.

A path that differs only by the seed, as in `--seed 2 --out results/2`, does not make another setting.  Every run of a
setting counts, or is left out for a reason.
"""

import itertools
import os
import re
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import NamedTuple

from orglab.runs.metrics.directions import find_direction
from orglab.runs.metrics.values import is_not_finite
from orglab.runs.parameters.arguments import Value, is_seed
from orglab.runs.record import Run
from orglab.runs.record_lines import read_number
from orglab.runs.statistics import deviation, mean

_DIGITS = re.compile(r"\d+")
# Names of parameters that say where a run writes or what it is called, and what it reads.
_OUTPUT = re.compile(
    r"(?i)(?:.*[._])?(?:out(?:put)?|results?|save|log|ckpt|checkpoint|work|run|exp)(?:_?(?:dir|path|file|folder|name|to))?s?"
    r"|(?:.*\.)?(?:dir|path|file|folder|tag)"
)
_INPUT = re.compile(r"(?i)(?:.*[._])?(?:data|input|train|test|val|model|config|pretrained|init|corpus)")
_SEED_WORD = re.compile(r"(?i)(?:seed|random_state)s?[_=. -]?$")
_SEED_IN_TEXT = re.compile(r"(?i)(?<![a-z])(?:seed|random_state)[_=. -]?(\d+)")
_MOST_KEYS = 64  # of a run: enough for six numbers that may be its seed
_MOST_PARTS = 1_000_000  # of all keys of a run together
_Key = tuple[Hashable, ...]
# Why a run does not count, besides being discarded or not having succeeded (`find_reason`).
OTHER_CODE = "on other code"
REPEATED = "repeated"
RERUN = "rerun"
DIVERGED = "diverged"
NO_VALUE = "without a value"


class LeftOut(NamedTuple):
    """A run that does not count, and why: `failed`, `discarded`, `on other code`, `repeated`, `rerun` and others."""

    run: Run
    reason: str


class Summary(NamedTuple):
    """The final values of a metric over the runs of a setting.

    Attributes:
        metric: The name of the metric.
        values: The values, each with its run, oldest first.
        left_out: The runs that do not count.
    """

    metric: str
    values: tuple[tuple[Run, float], ...]
    left_out: tuple[LeftOut, ...]

    @property
    def numbers(self) -> tuple[float, ...]:
        """The values alone."""
        return tuple(value for _, value in self.values)

    @property
    def total(self) -> int:
        """The number of all runs of the setting."""
        return len(self.values) + len(self.left_out)

    @property
    def mean(self) -> float | None:
        """The mean; None without values."""
        return mean(self.numbers) if self.values else None

    @property
    def deviation(self) -> float | None:
        """The sample standard deviation; None for fewer than two values."""
        return deviation(self.numbers)

    @property
    def reasons(self) -> dict[str, int]:
        """How many runs are left out for each reason."""
        return dict(Counter(reason for _, reason in self.left_out))

    def by_seed(self) -> dict[str, float]:
        """Return the values by the seed of their run, or by its id if it has none."""
        return {_name_seeds(run) or run.id: value for run, value in self.values}


class Setting(NamedTuple):
    """The runs of a step with the same parameters but for the seed; those on its newest code count.

    Attributes:
        ref: The step or experiment of the runs; None if they belong to none.
        parameters: The parameters of the newest run, without seeds and paths with a seed.
        code: The identity of the code of the runs that count; empty if it is unknown.
        counted: The runs that count, oldest first.
        left_out: The other runs, with the reason.
    """

    ref: str | None
    parameters: dict[str, Value]
    code: str
    counted: tuple[Run, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def words(self) -> tuple[str, ...]:
        """The command without its parameters, of the newest run."""
        return read_words(self.runs[-1])

    @property
    def runs(self) -> list[Run]:
        """All runs, oldest first."""
        return sorted((*self.counted, *(one.run for one in self.left_out)), key=_order)

    @property
    def metrics(self) -> tuple[str, ...]:
        """The names of the metrics of the runs that count."""
        return tuple(dict.fromkeys(name for run in self.counted for name in run.metrics))

    def summarize(self, metric: str, *, best: str | None = None) -> Summary:
        """Return the values of a metric: the last ones or, with `best` (`min` or `max`), the best of each run."""
        values, left_out = [], [*self.left_out]
        for run in self.counted:
            value = read_final(run, metric) if best is None else read_best(run, metric, best)
            if value is None:
                left_out.append(LeftOut(run, DIVERGED if has_diverged(run, metric) else NO_VALUE))
            else:
                values.append((run, value))
        return Summary(metric, tuple(values), tuple(left_out))


def find_settings(runs: Iterable[Run], codes: Mapping[str, str]) -> list[Setting]:
    """Return the settings of some runs, in the order of their first runs.

    Args:
        runs: The runs of one log.
        codes: The identity of the code of each run, by its id; equal for runs of the same code (`identify_code`).
    """
    groups: list[list[Run]] = []
    places: dict[_Key, int] = {}
    ordered = sorted(runs, key=_order)
    of_step = Counter(run.ref for run in ordered)
    for run in ordered:
        # Most steps of a large log have one run, which needs no comparison.
        keys = _make_keys(run) if of_step[run.ref] > 1 else set()
        place = min((places[key] for key in keys if key in places), default=None)
        if place is None:
            places.update(dict.fromkeys(keys, len(groups)))
            groups.append([run])
        else:
            groups[place].append(run)
    settings = [_make_setting(group, codes) for group in groups]
    return sorted(settings, key=lambda setting: _order(setting.runs[0]))


def summarize_best(settings: Sequence[Setting], metric: str, directions: Mapping[str, str]) -> Summary | None:
    """Return the values of a metric in the setting with the best mean; None without values.

    If it is not known whether more or less is better, it is the last setting with values.

    Args:
        settings: The settings.
        metric: The name of the metric.
        directions: The setting `metrics` of the project: `min` or `max` by name.
    """
    summaries = [summary for summary in (one.summarize(metric) for one in settings) if summary.values]
    direction = find_direction(metric, directions)
    if not summaries or direction is None:
        return summaries[-1] if summaries else None
    return (min if direction == "min" else max)(summaries, key=lambda one: one.mean or 0.0)


def _order(run: Run) -> tuple[float, str]:
    return (run.began_at or 0, run.id)


def read_seeds(run: Run) -> dict[str, str]:
    """Return the seeds of a run as text, by name.

    Without a parameter that is a seed, it is the number after the word `seed` in its command: `out/seed_2`.
    """
    named = {
        name: str(value)
        for name, value in sorted(run.parameters.items())
        # It is usually constant, and seeds nothing but the order of sets.
        if is_seed(name) and value is not True and name != "PYTHONHASHSEED"
    }
    if named:
        return named
    texts = [str(value) for name, value in run.parameters.items() if not _INPUT.match(name)]
    found = {_unpadded(seed) for text in (*texts, *read_words(run)) for seed in _SEED_IN_TEXT.findall(text)}
    return {"seed": found.pop()} if len(found) == 1 else {}


def read_words(run: Run) -> tuple[str, ...]:
    """Return the command of a run without its parameters; of a version of a sweep, with the placeholders in it."""
    swept = run.fields.get("sweep")
    words = swept.get("words") if isinstance(swept, Mapping) else None
    if isinstance(words, list) and words and all(isinstance(word, str) for word in words):
        return tuple(words)
    return run.arguments.words


def _name_seeds(run: Run) -> str:
    """Return the seeds of a run with their names; empty if it has none."""
    return ", ".join(f"{name} {value}" for name, value in read_seeds(run).items())


def is_same_setting(run: Run, other: Run) -> bool:
    """Return whether two runs of a step have the same command and parameters, but for seeds and paths with seeds."""
    return run.ref == other.ref and not _make_keys(run).isdisjoint(_make_keys(other))


def _make_keys(run: Run) -> set[_Key]:
    """Return the keys of a run; two runs have the same setting if they share one.

    A key has the step, the folder, and the words and parameters of the command, but for a seed that stands in a path or
    after the word `seed`.  `results/2` and `resnet2` both have the digit of the seed 2, but only the first is a path.
    There is a key with and without each such number, because it may be there for another reason: with `--seed 1`,
    `r/lr1_1` is `r/lr1_SEED` or `r/lrSEED_SEED`.
    """
    seeds = read_seeds(run)
    words = read_words(run)
    named = sorted(run.constant_parameters.items(), key=lambda item: item[0])
    secrets = tuple(sorted(run.secrets.items()))
    files = frozenset(run.config_files)
    choices: list[tuple[Hashable, ...]] = [((run.ref, run.cwd, len(words), secrets),)]
    for name, value in (*(("", word) for word in words), *named):
        if not isinstance(value, str):
            choices.append(((name, isinstance(value, bool), value),))
            continue
        pieces, is_place = _split_numbers(value), _is_place(name, value, run.cwd, files)
        choices.append(((name, len(pieces)),))
        for position, piece in enumerate(pieces):
            may_be_seed = piece and (is_place or (position and _SEED_WORD.search(pieces[position - 1])))
            found = [one for one, seed in seeds.items() if may_be_seed and seed == _unpadded(piece)]
            choices.append((*(("seed", one) for one in found), piece))
    most = max(1, min(_MOST_KEYS, _MOST_PARTS // len(choices)))
    return set(itertools.islice(itertools.product(*choices), most))


def _is_place(name: str, value: Value, cwd: str | None, files: frozenset[str]) -> bool:
    """Return whether a value says where a run writes, or which file its parameters were read from."""
    if isinstance(value, str) and os.path.normpath(os.path.join(cwd or "", value)) in files:  # noqa: PTH118
        return True
    # A word without a name may be the program, or data.
    return bool(name) and is_path(name, value) and not _INPUT.match(name)


def is_path(name: str, value: Value | None) -> bool:
    """Return whether the value of a parameter says where something is: a path, or a text under a name such as `out`."""
    return isinstance(value, str) and ("/" in value or (bool(name) and _OUTPUT.fullmatch(name) is not None))


def _read_own_parameters(runs: Sequence[Run]) -> dict[str, Value]:
    """Return the parameters of the newest of some runs of a setting, without seeds and paths with seeds."""
    newest = runs[-1]
    seeds = {_unpadded(seed) for seed in read_seeds(newest).values()}
    own, files = {}, frozenset(newest.config_files)
    for name, value in newest.constant_parameters.items():
        varies = any(run.parameters.get(name) != value for run in runs)
        has_seed = _is_place(name, value, newest.cwd, files) and not seeds.isdisjoint(
            map(_unpadded, _DIGITS.findall(str(value)))
        )
        if not varies and not has_seed:
            own[name] = value
    return own


def _unpadded(digits: str) -> str:
    return digits.lstrip("0") or "0"


def _split_numbers(text: str) -> list[str]:
    return re.split(r"(\d+)", text)


def _make_setting(runs: Sequence[Run], codes: Mapping[str, str]) -> Setting:
    """Return the setting of some runs, oldest first."""
    code = next((codes.get(run.id, "") for run in reversed(runs) if find_reason(run) is None), None)
    if code is None:
        code = codes.get(runs[-1].id, "")
    newest: dict[str, Run] = {}
    left_out = []
    for run in runs:
        reason = find_reason(run)
        if reason is None and codes.get(run.id, "") != code:
            reason = OTHER_CODE
        if reason is not None:
            left_out.append(LeftOut(run, reason))
            continue
        key = (_name_seeds(run) if len(runs) > 1 else "") or run.id
        if (earlier := newest.get(key)) is not None:
            # A repetition that lacks a value of the earlier run does not replace it.
            is_better = _find_measured(run) >= _find_measured(earlier)
            left_out.append(LeftOut(earlier if is_better else run, REPEATED))
            if not is_better:
                continue
        newest[key] = run
    counted = sorted(newest.values(), key=_order)
    left_out.sort(key=lambda one: _order(one.run))
    return Setting(runs[-1].ref, _read_own_parameters(runs), code, tuple(counted), tuple(left_out))


def _find_measured(run: Run) -> set[str]:
    return {name for name in run.metrics if read_final(run, name) is not None}


def find_reason(run: Run) -> str | None:
    """Return why a run does not count whatever the other runs are, or None."""
    if run.discarded is not None:
        return "discarded"
    if run.status != "done":
        return run.status
    return RERUN if run.fields.get("rerun_of") else None


def is_failed(run: Run) -> bool:
    """Return whether a run failed, was killed or stopped, or was lost."""
    return run.status in ("failed", "killed", "stopped", "lost")


def counts_as_failed(run: Run) -> bool:
    """Return whether a report says of a run that it failed; of one that was discarded it says only that."""
    return is_failed(run) and run.discarded is None


def has_diverged(run: Run, metric: str) -> bool:
    """Return whether the last value of a metric is NaN or infinite."""
    value = run.metrics.get(metric)
    return metric in run.diverged or (value is not None and is_not_finite(value))


def read_final(run: Run, metric: str) -> float | None:
    """Return the final value of a metric, or None if the run has none or it is not a finite number."""
    value = read_number(run.metrics.get(metric))
    return None if value is None else float(value)


def read_best(run: Run, metric: str, direction: str) -> float | None:
    """Return the best value that a metric had, or its final value if there is no history.

    Args:
        run: The run.
        metric: The name of the metric.
        direction: `min` or `max`.
    """
    extremes = run.extremes.get(metric)
    if extremes is None:
        return read_final(run, metric)
    return extremes.low if direction == "min" else extremes.high
