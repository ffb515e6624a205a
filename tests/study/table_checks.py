"""Compare the tables of the reports on a study with the truth: those of charts, settings and runs, and the steps.

Every cell is compared, the words in it as well as the numbers.  Not compared: the subject of a commit in the list of steps,
which the ledger does not know; and the pictures, which are drawn from what the tables show.
"""

import itertools
import math
import re

from study import plan, truth
from study.comparison import find_differences
from study.ledger import WEEK, WEEKS
from study.table_truth import Table, Tables
from study.week_checks import read_seconds

_UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86400}
_PLACES = {
    "{}": r"(\u2212?[\d,]+(?:\.\d+)?(?:e\u2212?\d+)?)",
    "{s}": r"(under 0\.01 s|[\d.]+ (?:s|min|h|d)(?: \d+ (?:s|min|h))?)",
    "{*}": r".+?",
}
_PLACE = re.compile("({}|{s}|{\\*})")
_CHART = re.compile(r"\*\*(e\d+: .+?|Experiments over time)\*\*( .+)?")


def check_report_tables(lab):
    seconds = {run.id: read_seconds(lab, run) for run in lab.ledger.runs}
    ends = [(f"week {number}", monday, monday + WEEK) for number, monday in enumerate(WEEKS, 1)]
    for name, since, until in [*ends, ("all weeks", WEEKS[0], WEEKS[-1] + WEEK)]:
        found, lines = _read_report(_write_report(lab, since, until - plan.DAY))
        tables = Tables(truth.Week(lab.ledger, since, seconds, until))
        expected = tables.by_place()
        places = sorted(map(str, (place for place, each in expected.items() if each)))
        yield from find_differences(f"{name}: places of tables", places, sorted(map(str, found)))
        for place in expected.keys() & found.keys():
            yield from _compare_tables(f"{name}: {place}", expected[place], found[place])
        for one in tables.experiments:
            yield from _compare_cells(f"{name}: steps of {one.ref}", tables.steps(one), lines.pop(one.ref, []))
        if lines:
            yield f"{name}: steps of {[*lines]} not expected"


def _write_report(lab, first, last):
    """Write the report on some days as a file, and return its text."""
    path = lab.repo.path / "out" / f"{first:%m-%d}-{last:%m-%d}.md"
    path.parent.mkdir(exist_ok=True)
    lab.orglab("report", "--since", f"{first:%Y-%m-%d}", "--until", f"{last:%Y-%m-%d}", "-o", path)
    return path.read_text()


def _read_report(text):
    """Return the tables of a report by their place, the section and the experiment; and the lines of steps."""
    place, title, tables, steps = ("", None), "", {}, {}
    lines = text.partition("<!--")[0].splitlines()
    for is_row, group in itertools.groupby(lines, lambda line: line.startswith("|")):
        if is_row:
            header, _, *rows = [line.removeprefix("| ").removesuffix(" |").split(" | ") for line in group]
            tables.setdefault(place, []).append(Table(title, header, rows))
            title = ""
            continue
        for line in group:
            if line.startswith("## "):
                place = (line.removeprefix("## "), None)
            elif "<b>Appendix" in line:
                place = ("Appendix", None)
            elif line.startswith("### "):
                place = (place[0], re.search(r"\[(e\d+)\]$", line)[1])
            elif match := _CHART.fullmatch(line):
                title = "".join(match.groups(""))
            elif re.match(r"\d+[.)] \[[ x]\]", line):
                steps.setdefault(place[1], []).append(line)
    return tables, steps


def _compare_tables(where, expected, found):
    names = [[(table.title, table.header) for table in tables] for tables in (expected, found)]
    if names[0] != names[1]:
        yield f"{where}: {names[0]} expected, {names[1]} found"
        return
    for one, other in zip(expected, found, strict=True):
        place = f"{where}: {one.title or one.header[0]}"
        if len(one.rows) != len(other.rows):
            yield f"{place}: {len(one.rows)} rows expected, {len(other.rows)} found"
            continue
        for row, other_row in zip(one.rows, other.rows, strict=True):
            yield from _compare_cells(f"{place}: {other_row[0]}", row, other_row, one.header)


def _compare_cells(where, expected, found, names=()):
    if len(expected) != len(found):
        yield f"{where}: {[cell.words for cell in expected]} expected, {found} found"
        return
    for name, cell, text in itertools.zip_longest(names, expected, found):
        yield from _compare_cell(f"{where}: {name or text}", cell, text)


def _compare_cell(where, cell, text):
    """The words of a cell are those expected, and its numbers are rounded as they should be."""
    parts = _PLACE.split(cell.words)
    match = re.fullmatch("".join(_PLACES.get(part) or re.escape(part) for part in parts), text)
    if match is None:
        yield f"{where}: {cell.words!r} with {cell.numbers} expected, {text!r} found"
        return
    kinds = [part for part in parts if part in ("{}", "{s}")]
    for kind, number, shown in zip(kinds, cell.numbers, match.groups(), strict=True):
        is_right = _is_duration(number, shown) if kind == "{s}" else _is_rounded(number, shown, cell.decimals)
        if not is_right:
            yield f"{where}: {number} expected, {shown} found"


def _is_rounded(number, text, decimals):
    """Whether a text is a number with so many decimals, or with four digits, of which it may lack those that are 0."""
    value = float(text.replace(",", "").replace("\u2212", "-"))
    if decimals is None:
        return math.isclose(value, number, rel_tol=0, abs_tol=0.5 * _unit(number, 4) * (1 + 1e-9))
    is_long_enough = len(text.partition(".")[2]) == decimals
    return is_long_enough and math.isclose(value, number, rel_tol=0, abs_tol=0.5 * 0.1**decimals * (1 + 1e-9))


def _is_duration(seconds, text):
    """Whether a text is a duration with two digits, with a decimal below ten seconds, or else in two units."""
    if text.startswith("under"):
        return seconds < 0.01
    parts = re.findall(r"([\d.]+) (\w+)", text)
    value = sum(float(number) * _UNITS[unit] for number, unit in parts)
    unit = _unit(seconds, 2) if seconds < 10 else 1 if seconds < 3600 else 60
    return math.isclose(value, seconds, rel_tol=0, abs_tol=0.5 * unit * (1 + 1e-9))


def _unit(number, digits):
    """The unit of the last of some digits."""
    return 10.0 ** (math.floor(math.log10(abs(number))) - digits + 1) if number else 1e-12
