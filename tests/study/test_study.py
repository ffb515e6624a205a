"""Forty experiments and 160 runs over eleven weeks, compared number by number with a truth that is computed apart."""

import json
import math
import os
import re

import pytest

from commands import Orglab
from orglab import clock
from study import plan, truth
from study.laboratory import Laboratory
from study.ledger import WEEK, WEEKS


def find_differences(where, expected, found):
    """Yield what differs between two JSON values; keys that are only in `found` are left alone."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for name, value in expected.items():
            yield from find_differences(f"{where}.{name}", value, found.get(name, "missing"))
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for place, pair in enumerate(zip(expected, found, strict=True)):
            yield from find_differences(f"{where}[{place}]", *pair)
    elif isinstance(expected, float) and isinstance(found, int | float) and not isinstance(found, bool):
        if not math.isclose(expected, found, rel_tol=1e-9, abs_tol=1e-12):
            yield f"{where}: {expected!r} expected, {found!r} found"
    elif expected != found:
        yield f"{where}: {expected!r} expected, {found!r} found"


def find_exact_differences(where, expected, found):
    """Yield what differs, also the keys of two mappings."""
    if expected.keys() != found.keys():
        yield f"{where}: {sorted(expected)} expected, {sorted(found)} found"
    yield from find_differences(where, expected, found)


@pytest.fixture
def lab(repo, capsys, monkeypatch, tmp_path_factory):
    """The laboratory, after the study."""
    for name in ("STUDY_ORDERS", "SEED", "PYTHONHASHSEED", "GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"):
        monkeypatch.setenv(name, "")
        del os.environ[name]
    laboratory = Laboratory(repo, Orglab(capsys), tmp_path_factory.mktemp("away"))
    monkeypatch.setattr(clock, "now", laboratory.now)
    plan.play(laboratory)
    laboratory.go_to(WEEKS[-1] + WEEK + plan.DAY)
    return laboratory


def ask(lab, *words):
    return json.loads(lab.orglab(*words, "--json").out)


# ---- what is compared ----


def check_runs(lab):
    expected = {run.id: truth.run_form(run) for run in lab.ledger.runs if run.discarded is None}
    found = ask(lab, "runs")
    yield from find_differences(
        "runs: discarded", sum(run.discarded is not None for run in lab.ledger.runs), found["discarded"]
    )
    yield from find_differences("runs: order", [*expected], [run["id"] for run in found["runs"]])
    for run in found["runs"]:
        where = f"runs: {run['id']} {run['ref']}"
        yield from find_differences(where, expected[run["id"]], run)
        yield from find_exact_differences(f"{where}: metrics", expected[run["id"]]["metrics"], run["metrics"])
    every = ask(lab, "runs", "--all")
    yield from find_differences("runs --all", [run.id for run in lab.ledger.runs], [run["id"] for run in every["runs"]])


def check_code(lab):
    """The commit that a run names holds the code that was there when it began."""
    for run in ask(lab, "runs", "--all")["runs"]:
        entered = next(one for one in lab.ledger.runs if one.id == run["id"])
        commit = run["snapshot"] or run["before"]
        for name, text in sorted(entered.code):
            found = lab.repo.git("show", f"{commit}:{name}", check=False)
            yield from find_differences(f"code of {run['id']}: {name}", text.rstrip("\n"), found)


def check_settings(lab):
    expected = [setting.form() for setting in truth.find_settings(lab.ledger.runs)]
    yield from _compare_settings("settings", expected, ask(lab, "runs", "--by", "setting")["settings"])


def _compare_settings(where, expected, found):
    yield from find_differences(f"{where}: which", [one["ref"] for one in expected], [one["ref"] for one in found])
    for one, other in zip(expected, found, strict=False):
        place = f"{where}: {one['ref']} {one['parameters']}"
        yield from find_differences(place, one, other)
        for name in ("parameters", "metrics", *(["differences"] if "differences" in one else [])):
            yield from find_exact_differences(f"{place}.{name}", one[name], other[name])
        for name in one["metrics"].keys() & other["metrics"].keys():
            pair = (each["metrics"][name]["left_out"] for each in (one, other))
            yield from find_exact_differences(f"{place}.{name}: left out", *pair)


def check_results(lab):
    for experiment in lab.ledger.experiments.values():
        found, expected = ask(lab, "show", experiment.ref), truth.find_results(lab.ledger, experiment).form()
        yield from _compare_settings(f"show {experiment.ref}", expected.pop("results"), found["results"])
        yield from find_differences(f"show {experiment.ref}", expected, found)
        ids = [run.id for run in sorted(lab.ledger.runs_of(experiment), key=lambda run: run.began)]
        yield from find_differences(f"show {experiment.ref}: runs", ids, [run["id"] for run in found["runs"]])


def check_lists(lab):
    for metric in ("val.acc", "loss", "cost", "height"):
        for sign in ("", "-"):
            found = ask(lab, "list", "--sort", sign + metric)["experiments"]
            expected = truth.rank(lab.ledger, metric, is_reversed=bool(sign))
            yield from find_differences(
                f"list {sign}{metric}", [ref for ref, _ in expected], [one["ref"] for one in found]
            )
            values = {one["ref"]: one["metric"] for one in found}
            for ref, summary in expected:
                yield from find_differences(f"list {sign}{metric}: {ref}", {"name": metric, **summary}, values[ref])


def check_histories(lab):
    for experiment in lab.ledger.experiments.values():
        where = f"history of {experiment.ref}"
        found, expected = ask(lab, "show", experiment.ref, "--history")["events"], truth.history(experiment)
        shown = [[event["at"], event["kind"], event["ref"]] for event in found]
        known = [[event["at"], event["kind"], event["ref"]] for event in expected]
        if shown != known:
            places = range(max(len(known), len(shown)))
            first = next(at for at in places if known[at : at + 1] != shown[at : at + 1])
            yield f"{where}: from event {first} on {known[first : first + 4]} expected, {shown[first : first + 4]} found"
        else:
            yield from find_differences(where, expected, found)


def check_weeks(lab):
    seconds = {run.id: read_seconds(lab, run) for run in lab.ledger.runs}
    for number, monday in enumerate(WEEKS, 1):
        week = truth.Week(lab.ledger, monday, seconds)
        sunday = monday + WEEK - plan.DAY
        found = ask(lab, "report", "--since", f"{monday:%Y-%m-%d}", "--until", f"{sunday:%Y-%m-%d}")
        where = f"week {number}"
        yield from find_differences(f"{where}: counts", week.counts(), found["counts"])
        yield from find_exact_differences(f"{where}: verdicts", week.counts()["verdicts"], found["counts"]["verdicts"])
        sections = {section["name"]: [item["ref"] for item in section["items"]] for section in found["sections"]}
        for name, refs in week.sections().items():
            yield from find_differences(f"{where}: {name}", refs, sections.get(name, []))
        yield from _compare_experiments(where, week.experiments(), found["experiments"])
        learned = next((section["items"] for section in found["sections"] if section["name"] == "learned"), [])
        for item in learned:
            yield from _compare_numbers(
                f"{where}: {item['ref']}", week.key_numbers(lab.ledger.experiments[item["ref"]]), item
            )


def read_seconds(lab, run):
    """How long a run really took, which no plan knows, as its record has it."""
    path = lab.repo.path / ".git" / "orglab" / "runs" / run.id / "record.jsonl"
    events = map(json.loads, path.read_text().splitlines())
    return next(event["seconds"] for event in events if event["event"] == "ended")


def _compare_experiments(where, expected, found):
    yield from find_differences(where, [one["ref"] for one in expected], [one["ref"] for one in found])
    for one, other in zip(expected, found, strict=False):
        other["runs"] = [run["id"] for run in other["runs"]]
        for step in other["steps"]:
            step["runs"] = [run["id"] for run in step["runs"]]
            step["commits"] = [commit["hash"] for commit in step["commits"]]
        yield from find_differences(f"{where}: {one['ref']}", one, other)


_NUMBER = r"[+\u2212]?[\d.]+"
_SUMMARY = re.compile(
    rf"(?P<mean>{_NUMBER})(?: \u00b1 (?P<sd>{_NUMBER}))? \(n = (?P<n>\d+)(?: of (?P<of>\d+); (?P<reasons>[^)]*))?\)"
    rf"(?:, (?P<value>{_NUMBER}|\u00b10)(?: \[(?P<low>{_NUMBER}), (?P<high>{_NUMBER})\] \((?P<method>\w+)\))?,)?"
    r" in .*?(?P<ref>e\d+(?:\.\d+)?)"
)


def _compare_numbers(where, expected, item):
    texts = [one["text"] for one in item["statements"]]
    sentences = {match[1]: match[2] for text in texts if (match := re.fullmatch(r"(\S+): (.*)\.", text, re.S))
                 and _SUMMARY.match(match[2])}  # fmt: skip
    yield from find_differences(where, [*(expected or {})], [*sentences])
    for metric, said in sentences.items():
        found = [*_SUMMARY.finditer(said)]
        yield from find_differences(
            f"{where} {metric}", [one[0] for one in expected.get(metric, [])], [one["ref"] for one in found]
        )
        for (ref, summary, reasons, compared), match in zip(expected.get(metric, []), found, strict=False):
            place = f"{where} {metric} {ref}: {match[0]}"
            value, low, high, method = compared or (None,) * 4
            exact = {"mean": summary["mean"], "sd": summary["sd"], "value": value, "low": low, "high": high}
            for name, number in exact.items():
                yield from _compare_rounded(f"{place}: {name}", number, match[name])
            left_out = "; ".join(f"{amount} {reason}" for reason, amount in reasons.items()) or None
            said_counts = (int(match["n"]), int(match["of"] or match["n"]), match["reasons"], match["method"])
            yield from find_differences(place, [summary["n"], summary["of"], left_out, method], [*said_counts])


def _compare_rounded(where, number, text):
    """A number in a text is right to its last digit."""
    if number is None or text is None:
        if (number is None) != (text is None):
            yield f"{where}: {number} expected, {text} found"
        return
    value = float(text.replace("\u2212", "-").replace("\u00b1", ""))
    digits = len(text.partition(".")[2])
    if abs(value - number) > 0.5 * 10**-digits * (1 + 1e-9):
        yield f"{where}: {number} expected, {text} found"


CHECKS = (check_runs, check_code, check_settings, check_results, check_lists, check_histories, check_weeks)


@pytest.mark.slow
def test_every_number_and_every_date_of_a_study_is_right(lab):
    assert (len(lab.ledger.experiments), len(lab.ledger.runs)) == (40, 160)
    differences = [difference for check in CHECKS for difference in check(lab)]
    assert not differences, "\n".join(differences)
