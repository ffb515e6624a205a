"""Compare the report on each week of a study with the truth: its numbers, and those in its sentences."""

import json
import re

from study import plan, truth
from study.comparison import ask, find_differences, find_exact_differences
from study.ledger import WEEK, WEEKS

_NUMBER = r"[+\u2212]?[\d.]+(?:e\u2212?\d+)?"
_HEADLINE = re.compile(
    rf"(?P<metric>\S+) (?P<value>{_NUMBER}|\u00b10)(?: \u00b1 (?P<sd>{_NUMBER}))?"
    rf"(?: \[(?P<low>{_NUMBER}), (?P<high>{_NUMBER})\])?"
    r", n = (?P<n>\d+)(?: of (?P<of>\d+))?(?: against (?P<base>\d+)(?: of (?P<base_of>\d+))?)?"
    r"(?:, claimed (?P<claim>[^\[]+))? \[(?P<ref>[^\]]+)\]$"
)


def check_weeks(lab):
    seconds = {run.id: read_seconds(lab, run) for run in lab.ledger.runs}
    for number, monday in enumerate(WEEKS, 1):
        week = truth.Week(lab.ledger, monday, seconds)
        sunday = monday + WEEK - plan.DAY
        found = ask(lab, "report", "--since", f"{monday:%Y-%m-%d}", "--until", f"{sunday:%Y-%m-%d}")
        where = f"week {number}"
        yield from find_differences(f"{where}: counts", week.counts(), found["counts"])
        yield from find_exact_differences(f"{where}: verdicts", week.counts()["verdicts"], found["counts"]["verdicts"])
        if (lead := week.lead()) is not None:
            yield from find_differences(f"{where}: lead", lead, read_counts(found["lead"][0]["text"]))
        sections = {one["name"]: one["items"] for one in found["sections"]} | {"conclusions": found["conclusions"]}
        for name, refs in week.sections().items():
            said = {item["ref"] for item in sections.get(name, [])} - {None}
            more = [read_counts(item["title"])[0] for item in sections.get(name, []) if item["ref"] is None]
            if more:
                yield from find_differences(f"{where}: {name}", len(refs), len(said) + more[0])
            expected = said & set(refs) if more else refs
            yield from find_differences(f"{where}: {name}", sorted(expected), sorted(said))
        for item in sections["conclusions"]:
            yield from _compare_conclusion(lab, f"{where}: {item['ref']}", week, item)
        for item in sections.get("results", []):
            experiment = lab.ledger.experiments[item["ref"]]
            said = read_counts(item["statements"][-1]["text"].partition(";")[2])
            yield from find_differences(f"{where}: {item['ref']}: evidence", week.evidence(experiment), said)
        yield from _compare_experiments(where, week.experiments(), found["experiments"])
        for claim in (claim for one in list_statements(found) for claim in one["evidence"]):
            if not week.holds(claim):
                yield f"{where}: {claim} is not true"


def list_statements(found):
    """Every statement of a report."""
    items = [*found["conclusions"], *(item for part in found["sections"] for item in part["items"])]
    alone = [*found["lead"], *found["needed"], *found["risks"], *found["planned"], *found["remarks"]]
    return [*alone, *(one for item in items for one in item["statements"])]


def _compare_conclusion(lab, where, week, item):
    """The line on an answer: its verdict, its first sentence, and its number."""
    experiment = lab.ledger.experiments[item["ref"]]
    _, verdict, words = week.conclusion(experiment)
    text = item["statements"][0]["text"]
    yield from find_differences(f"{where}: verdict", verdict, item["word"])
    if words.removesuffix(".") not in text:
        yield f"{where}: {words!r} expected, {text!r} found"
    headline, match = week.headline(experiment), _HEADLINE.search(text)
    if headline is None or match is None:
        if (headline is None) != (match is None):
            yield f"{where}: {headline and headline[1]} expected, {text!r} found"
        return
    setting, metric, compared, other = headline
    summary = setting.summary(metric)
    own = (summary["n"], summary["of"])
    value, low, high, base = summary["mean"], None, None, own
    if compared:
        (value, low, high, _), base = compared, (other["n"], other["of"])
    elif isinstance(other, tuple):
        low, high = other
    place = f"{where}: {text}"
    exact = {"value": value, "low": low, "high": high, "sd": None if compared or low is not None else summary["sd"]}
    for name, number in exact.items():
        yield from _compare_rounded(f"{place}: {name}", number, match[name])
    said = (int(match["n"]), int(match["of"] or match["n"]))
    said_base = (int(match["base"]), int(match["base_of"] or match["base"])) if match["base"] else said
    yield from find_differences(
        place, [metric, setting.ref, *own, *base], [match["metric"], match["ref"], *said, *said_base]
    )


def read_counts(text):
    """Return the amounts in a sentence: words and digits."""
    return [truth.WORDS.index(word) if word in truth.WORDS else int(word)
            for word in re.findall(r"\w+", text.lower()) if word in truth.WORDS or word.isdigit()]  # fmt: skip


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


def _compare_rounded(where, number, text):
    """A number in a text is right to its last digit."""
    if number is None or text is None:
        if (number is None) != (text is None):
            yield f"{where}: {number} expected, {text} found"
        return
    value, _, power = text.replace("\u2212", "-").replace("\u00b1", "").partition("e")
    unit = 10.0 ** (int(power or 0) - len(value.partition(".")[2]))
    if abs(float(f"{value}e{power or 0}") - number) > 0.5 * unit * (1 + 1e-9):
        yield f"{where}: {number} expected, {text} found"
