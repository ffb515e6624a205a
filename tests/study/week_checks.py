"""Compare the report on each week of a study with the truth: its numbers, and those in its sentences."""

import json
import re

from study import plan, truth
from study.comparison import ask, find_differences, find_exact_differences
from study.ledger import WEEK, WEEKS

WORDS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]


def check_weeks(lab):
    seconds = {run.id: read_seconds(lab, run) for run in lab.ledger.runs}
    for number, monday in enumerate(WEEKS, 1):
        week = truth.Week(lab.ledger, monday, seconds)
        sunday = monday + WEEK - plan.DAY
        found = ask(lab, "report", "--since", f"{monday:%Y-%m-%d}", "--until", f"{sunday:%Y-%m-%d}")
        where = f"week {number}"
        yield from find_differences(f"{where}: counts", week.counts(), found["counts"])
        yield from find_exact_differences(f"{where}: verdicts", week.counts()["verdicts"], found["counts"]["verdicts"])
        said = [read_counts(one["text"]) for one in found["summary"]]
        yield from find_differences(f"{where}: summary", week.summary(), said)
        yield from _compare_sections(lab, where, week, {one["name"]: one["items"] for one in found["sections"]})
        yield from _compare_experiments(where, week.experiments(), found["experiments"])
        statements = [
            *found["summary"],
            *(one for part in found["sections"] for item in part["items"] for one in item["statements"]),
        ]
        for claim in (claim for one in statements for claim in one["evidence"]):
            if not week.holds(claim):
                yield f"{where}: {claim} is not true"


def _compare_sections(lab, where, week, found):
    for name, refs in week.sections().items():
        yield from find_differences(f"{where}: {name}", refs, [item["ref"] for item in found.get(name, [])])
    for item in found.get("learned", []):
        experiment, place = lab.ledger.experiments[item["ref"]], f"{where}: {item['ref']}"
        yield from _compare_numbers(place, week.key_numbers(experiment), item)
        quotes = [one["quote"] for one in item["statements"] if one["quote"]]
        yield from find_differences(f"{place}: conclusion", [week.conclusion(experiment)[2]], quotes)
        evidence = [read_counts(one["text"]) for one in item["statements"] if one["text"].startswith("Evidence")]
        yield from find_differences(f"{place}: evidence", week.evidence(experiment), evidence)
    for item in found.get("under_way", []):
        failures = [
            read_counts(one["text"]) for one in item["statements"] if re.search("failed|not succeed", one["text"])
        ]
        yield from find_differences(f"{where}: {item['ref']}: failures", week.failures(item["ref"]), failures)


def read_counts(text):
    """Return the amounts in a sentence, without its citations and durations: words, digits, `it` and `all`."""
    text = re.sub(
        r", taking (?:under )?(?:[\d.]+ (?:s|min|h) ?)+(?:in total)?|(?: \[[^]]*\])+(?: and [\d,]+ others?)?| \([^)]*\)",
        "",
        text,
    )
    return [WORDS.index(word) if word in WORDS else int(word) if word.isdigit() else word
            for word in re.findall(r"\w+", text.lower()) if word in (*WORDS, "it", "all") or word.isdigit()]  # fmt: skip


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


_NUMBER = r"[+\u2212]?[\d.]+(?:e\u2212?\d+)?"
_SUMMARY = re.compile(
    rf"(?P<mean>{_NUMBER})(?: \u00b1 (?P<sd>{_NUMBER}))? \(n = (?P<n>\d+)(?: of (?P<of>\d+); (?P<reasons>[^)]*))?\)"
    rf"(?:, (?P<value>{_NUMBER}|\u00b10)(?: \[(?P<low>{_NUMBER}), (?P<high>{_NUMBER})\])?"
    r"(?: \((?:(?P<method>Welch|paired)(?:, other code)?|other code)\))?,)?"
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
    value, _, power = text.replace("\u2212", "-").replace("\u00b1", "").partition("e")
    unit = 10.0 ** (int(power or 0) - len(value.partition(".")[2]))
    if abs(float(f"{value}e{power or 0}") - number) > 0.5 * unit * (1 + 1e-9):
        yield f"{where}: {number} expected, {text} found"
