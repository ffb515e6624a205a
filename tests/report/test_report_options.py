"""What report is asked for: which time, which experiments."""

import datetime

import pytest

from orglab.api import Log
from orglab.errors import NotFoundError, UsageError
from orglab.report.last_report import LastReport, write_last
from orglab.report.report_options import ReportOptions, choose_experiments, read_period, split_arguments

NOW = datetime.datetime(2026, 11, 20, 12, 0)  # noqa: DTZ001 - the log holds local times
LOG = "* TODO [1] A :exp:nlp:\n* TODO [2] B :exp:\n* TODO [deep] C :exp:nlp:\n"


@pytest.fixture
def log(repo):
    return Log(repo.write("experiment_log.org", LOG))


def days(log, since=None, until=None):
    period = read_period(log, ReportOptions(since=since, until=until), NOW)
    return period.since.isoformat(" ", "minutes"), period.until.isoformat(" ", "minutes")


@pytest.mark.parametrize(
    ("since", "until", "wanted"),
    [
        (None, None, ("2026-11-06 00:00", "2026-11-20 12:00")),
        ("monday", None, ("2026-11-16 00:00", "2026-11-20 12:00")),
        ("2026-10", "2026-10", ("2026-10-01 00:00", "2026-11-01 00:00")),
        (None, "2026-11-10", ("2026-10-28 00:00", "2026-11-11 00:00")),
        ("2026", "9999-12-31", ("2026-01-01 00:00", "9999-12-31 23:59")),
        (None, "0001-01-01", ("0001-01-01 00:00", "0001-01-02 00:00")),
    ],
)
def test_a_period_in_words(log, since, until, wanted):
    assert days(log, since, until) == wanted


def test_a_report_begins_where_the_last_one_of_an_earlier_day_ended(log):
    with pytest.raises(NotFoundError, match="No report of an earlier day was written"):
        days(log, "last report")
    last = LastReport().add(datetime.datetime(2026, 11, 11), [])  # noqa: DTZ001 - the log holds local times
    write_last(log.clone_folder, LastReport(last, "week.md", "", {}))
    assert days(log)[0] == days(log, " Last Report ")[0] == "2026-11-11 00:00"
    # One of the same day, and what ends before it, has two weeks of its own.
    assert days(log, until="2026-11-10")[0] == "2026-10-28 00:00"
    assert days(log, until="2026-11-09")[0] == "2026-10-27 00:00"
    with pytest.raises(NotFoundError, match="No report of an earlier day was written"):
        days(log, "last report", "2026-11-09")
    with pytest.raises(UsageError, match="before it begins"):
        days(log, "2026-11-12", "2026-11-09")


@pytest.mark.parametrize(
    ("earlier", "options", "reason"),
    [
        ([], {}, "the last two weeks; there was no earlier report"),
        ([], {"until": "2026-11-10"}, "two weeks; there was no earlier report"),
        ([datetime.datetime(2026, 11, 20, 9)], {}, "the last two weeks; there was no earlier report"),  # noqa: DTZ001
        ([datetime.datetime(2026, 11, 19, 9)], {}, "since the last report"),  # noqa: DTZ001
        ([datetime.datetime(2026, 11, 19, 9)], {"since": "last report"}, "since the last report"),  # noqa: DTZ001
        ([datetime.datetime(2026, 11, 19, 9)], {"since": "2w"}, "as asked"),  # noqa: DTZ001
    ],
)
def test_why_a_period_was_taken_is_said(log, earlier, options, reason):
    last = LastReport()
    for until in earlier:
        last = LastReport(last.add(until, []), "week.md", "", {})
    write_last(log.clone_folder, LastReport(last.earlier, "week.md", "", {}))
    assert read_period(log, ReportOptions(**options), NOW).reason == reason


def test_experiments_are_chosen_by_reference_and_match_in_the_order_of_the_log(log):
    def chosen(references=(), match=None):
        return [one.ref for one in choose_experiments(log, ReportOptions(references, match))]

    assert chosen() == ["e1", "e2", "edeep"]
    assert chosen(["deep", "e1.3"]) == ["e1", "edeep"]
    assert chosen(["[e2]", "1"], "nlp") == ["e1"]
    with pytest.raises(NotFoundError):
        chosen(["777"])


def test_a_word_is_a_reference_if_the_log_has_it_or_it_can_be_nothing_else(log):
    assert split_arguments(log, ["1", "[e9.1]", "deep", "nlp"]) == (["1", "[e9.1]", "deep"], "nlp")
    assert split_arguments(log, []) == ([], None)
    with pytest.raises(UsageError, match="Only one match string"):
        split_arguments(log, ["nlp", "exp+nlp"])
