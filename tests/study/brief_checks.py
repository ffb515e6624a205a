"""Compare every number of a brief on a study with the truth."""

import datetime
import re

from study import truth
from study.comparison import ask, find_differences
from study.ledger import WEEKS

LARGE = "100000"
RUNS_OF_PLATEAU = 5


def check_brief(lab):
    """The whole brief, and that a shorter one, as text and as JSON, keeps its bound and says the same."""
    found = ask(lab, "brief", "--tokens", LARGE)
    yield from _check_head(lab, found)
    yield from _check_best(lab, found["best"])
    yield from _check_standstills(lab, found.get("standstills", []))
    yield from _check_verdicts(lab, found["verdicts"])
    yield from _check_dead_ends(lab, found)
    for tokens in (200, 400, 1500):
        for words in ((), ("--json",)):
            text = lab.orglab("brief", "--tokens", tokens, *words).out
            if len(text.encode()) > 3 * tokens:
                yield f"brief --tokens {tokens} {words}: {len(text.encode())} bytes"
    short = ask(lab, "brief")
    for name in ("best", "verdicts", "dead_ends"):
        whole = {one.get("metric", "") + one.get("ref", ""): one for one in found[name]}
        for one in short[name]:
            same = whole[one.get("metric", "") + one.get("ref", "")]
            numbers = {key: value for key, value in one.items() if not isinstance(value, str | dict)}
            yield from find_differences(f"brief: {name}", numbers, same)


def _check_head(lab, found):
    states = [one.states[-1][1] for one in lab.ledger.experiments.values()]
    kinds = {"TODO": "todo", "INPROGRESS": "doing", "WAIT": "waiting", "DONE": "done", "CANCELED": "dropped"}
    counts = {kind: states.count(word) for word, kind in kinds.items() if word in states}
    yield from find_differences("brief: counts", counts, found["experiments"])
    yield from find_differences("brief: runs", len(lab.ledger.runs), found["runs"])
    yield from find_differences("brief: commit", lab.head()[:9], found["commit"])
    yield from find_differences("brief: branch", "main", found["branch"])
    doing = [one for one in lab.ledger.experiments.values() if one.states[-1][1] == "INPROGRESS"]
    steps = {step.ref for one in doing for step in one.steps if step.done is None}
    yield from find_differences("brief: open steps", steps, {one["ref"] for one in found.get("open_steps", [])})


def _check_best(lab, found):
    results = [truth.find_results(lab.ledger, one) for one in lab.ledger.experiments.values()]
    settings = [setting for one in results for setting in one.settings]
    settings.sort(key=lambda one: one.runs[0].began)
    ranked = [one for one in found if "direction" in one]
    yield from find_differences("brief: metrics", {*truth.DIRECTIONS}, {one["metric"] for one in ranked})
    yield from find_differences("brief: first metric", truth.FIRST[0], ranked[0]["metric"])
    for one in ranked:
        metric, sign = one["metric"], 1 if truth.DIRECTIONS[one["metric"]] == "min" else -1
        valued = sorted(
            (setting for setting in settings if setting.values(metric)),
            key=lambda setting: sign * setting.summary(metric)["mean"],
        )
        best = valued[0]
        several = next((setting for setting in valued if len(setting.values(metric)) > 1), None)
        repeated = several if len(best.values(metric)) == 1 else None
        newest = max((run for run in best.counted if run.metrics.get(metric) is not None), key=lambda run: run.began)
        summary, spread = best.summary(metric), truth.interval([*best.values(metric).values()])
        expected = {
            **{name: _round(value) for name, value in summary.items()}, "ref": best.ref, "run": newest.id,
            "direction": truth.DIRECTIONS[metric], "interval": [_round(end) for end in spread] if spread else "missing",
            "differing": sum(dict(newest.code).get(name) != lab.files.get(name) for name in {**dict(newest.code), **lab.files}),
            "repeated": repeated.ref if repeated is not None else "missing",
            "repeated_mean": _round(repeated.summary(metric)["mean"]) if repeated is not None else "missing",
        }  # fmt: skip
        expected["sd"] = "missing" if expected["sd"] is None else expected["sd"]
        yield from find_differences(f"brief: best {metric}", expected, one)
        given = {name: value for name, value in best.parameters.items() if name in one.get("parameters", {})}
        yield from find_differences(f"brief: best {metric}: parameters", given, one.get("parameters", {}))


def _check_standstills(lab, found):
    shown = {one["metric"]: one for one in found}
    for metric, direction in truth.DIRECTIONS.items():
        runs = sorted(
            (run for setting in truth.find_settings(lab.ledger.runs) if setting.ref is not None
             for run in setting.counted if run.metrics.get(metric) is not None),
            key=lambda run: run.began,
        )  # fmt: skip
        best = (min if direction == "min" else max)(runs, key=lambda run: run.metrics[metric])
        later = len(runs) - runs.index(best) - 1
        expected = {
            "runs": later, "value": _round(best.metrics[metric]), "run": best.id, "ref": best.ref,
            "at": best.began.isoformat(timespec="seconds"),
        }  # fmt: skip
        if later >= RUNS_OF_PLATEAU or metric in shown:
            yield from find_differences(f"brief: {metric} stands still", expected, shown.get(metric, {}))


def _check_verdicts(lab, found):
    week = truth.Week(lab.ledger, WEEKS[0], {}, datetime.datetime.max)  # noqa: DTZ901 - the log holds local times
    closed = [one for one in lab.ledger.experiments.values() if one.conclusions and one.states[-1][1] != "CANCELED"]
    newest = {one.ref: one.conclusions[-1] for one in closed}
    yield from find_differences("brief: concluded", {*newest}, {one["ref"] for one in found})
    times = [newest[one["ref"]][0].replace(second=0) for one in found]
    yield from find_differences("brief: order of verdicts", sorted(times, reverse=True), times)
    for one in found:
        experiment, where = lab.ledger.experiments[one["ref"]], f"brief: {one['ref']}"
        at, verdict, words = newest[one["ref"]]
        told = {"verdict": verdict, "at": at.isoformat(timespec="minutes"), "text": re.split(r"(?<=\.)\s", words)[0]}
        yield from find_differences(where, told, one)
        headline = week.headline(experiment)
        yield from find_differences(f"{where}: has a number", headline is not None, "metric" in one)
        if headline is not None:
            setting, metric, compared, _ = headline
            summary = setting.summary(metric)
            expected = {"metric": metric, "mean": _round(summary["mean"]), "n": summary["n"]}
            expected["difference"] = _round(compared[0]) if compared else "missing"
            known = compared and compared[1] is not None
            expected["interval"] = [_round(compared[1]), _round(compared[2])] if known else "missing"
            yield from find_differences(where, expected, one)


def _check_dead_ends(lab, found):
    """What was refuted or dropped is told once: as a verdict, or as a dead end."""
    told = {one["ref"] for one in (*found["verdicts"], *found["dead_ends"])}
    for one in lab.ledger.experiments.values():
        is_refuted = bool(one.conclusions) and one.conclusions[-1][1] == "refuted"
        if (is_refuted or one.states[-1][1] == "CANCELED") and one.ref not in told:
            yield f"brief: {one.ref} is a dead end, and not told"


def _round(number):
    return float(f"{number:.6g}") if isinstance(number, float) else number
