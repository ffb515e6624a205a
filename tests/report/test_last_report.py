"""What a clone remembers of its reports: one for each day, with what it planned."""

import datetime
import json

import pytest

from orglab.report.last_report import EarlierReport, LastReport, read_last, write_last

NOON = datetime.datetime(2026, 11, 20, 12, 0)  # noqa: DTZ001 - the log holds local times
DAY = datetime.timedelta(days=1)


def stored(folder, **fields):
    folder.joinpath("last_report.json").write_text(json.dumps({"file": "", "sha256": "", "evidence": {}, **fields}))
    return read_last(folder)


def test_of_the_reports_of_a_day_the_last_one_that_was_written_counts():
    last = LastReport(LastReport().add(NOON - DAY, [("e1.2", "control")]))
    last = LastReport(last.add(NOON, [("e2", "once more")]))
    assert last.find_before(NOON + 0.2 * DAY) == EarlierReport(NOON - DAY, (("e1.2", "control"),))
    last = LastReport(last.add(NOON + 0.1 * DAY, []))
    assert [one.until for one in last.earlier] == [NOON - DAY, NOON + 0.1 * DAY]
    assert last.find_before(NOON + DAY) == EarlierReport(NOON + 0.1 * DAY)
    assert last.find_before(NOON - DAY) is None


def test_a_period_that_ends_at_midnight_ends_on_the_day_before():
    midnight = datetime.datetime(2026, 11, 20)  # noqa: DTZ001 - the log holds local times
    last = LastReport(LastReport().add(midnight, []))
    assert last.find_before(midnight) is None
    assert last.find_before(NOON) == EarlierReport(midnight)


def test_the_newest_twenty_days_are_kept_and_read_again(tmp_path):
    last = LastReport()
    for day in range(25, 0, -1):
        last = LastReport(
            last.add(NOON - day * DAY, [(f"e{day}", "\u05d0 \U0001f600")]), "/week.md", "00", {"kind": "x"}
        )
    assert [(NOON - one.until).days for one in last.earlier] == [*range(20, 0, -1)]
    write_last(tmp_path, last)
    assert read_last(tmp_path) == last


@pytest.mark.parametrize(
    ("until", "earlier"), [("2026-11-20T12:00:00", (EarlierReport(NOON),)), (None, ())], ids=["whole", "part"]
)
def test_the_file_of_an_older_version_is_read(tmp_path, until, earlier):
    assert stored(tmp_path, until=until).earlier == earlier


@pytest.mark.parametrize(
    "fields",
    [
        {"until": "2026-01-01T00:00:00+05:00"},
        {"until": 5},
        {"until": "0001-01-01T00:00:00"},
        {"earlier": 5},
        {"earlier": [["2026-01-01"]]},
        {"earlier": [["2026-01-01", [["e1"]]]]},
        {"earlier": [], "evidence": 5},
        {},
    ],
)
def test_a_damaged_file_is_none(tmp_path, fields):
    assert stored(tmp_path, **fields) == LastReport()


@pytest.mark.parametrize("data", ["[" * 100_000, "\0", "[1]", ""])
def test_what_is_no_such_file_is_none(tmp_path, data):
    (tmp_path / "last_report.json").write_text(data)
    assert read_last(tmp_path) == LastReport()
