"""Forty experiments and 160 runs over eleven weeks, compared number by number with a truth that is computed apart."""

import os
import time

import pytest

from commands import Orglab
from orglab import clock
from study import checks, plan, truth
from study.brief_checks import check_brief
from study.laboratory import Laboratory
from study.ledger import WEEK, WEEKS
from study.table_checks import check_report_tables
from study.week_checks import check_weeks

CHECKS = (
    checks.check_runs, checks.check_tables, checks.check_code, checks.check_settings, checks.check_results, checks.check_lists,
    checks.check_histories, check_weeks, check_report_tables, check_brief,
)  # fmt: skip


@pytest.fixture
def new_york(monkeypatch):
    """A place where summer time begins in the ninth week."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "EST5EDT,M3.2.0,M11.1.0")
        time.tzset()
        yield
    time.tzset()


@pytest.fixture
def lab(repo, capsys, monkeypatch, tmp_path_factory):
    """The laboratory, after the study."""
    pytest.importorskip("yaml", reason="needs PyYAML")
    for name in ("STUDY_ORDERS", "SEED", "PYTHONHASHSEED", "GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"):
        monkeypatch.setenv(name, "")
        del os.environ[name]
    laboratory = Laboratory(repo, Orglab(capsys), tmp_path_factory.mktemp("away"))
    monkeypatch.setattr(clock, "now", laboratory.now)
    plan.play(laboratory)
    laboratory.go_to(WEEKS[-1] + WEEK + plan.DAY)
    return laboratory


@pytest.mark.slow
@pytest.mark.usefixtures("new_york")
def test_every_number_and_every_date_of_a_study_is_right(lab):
    assert (len(lab.ledger.experiments), len(lab.ledger.runs)) == (40, 160)
    assert find_kinds(lab.ledger) >= {
        "failed", "killed", "stopped", "discarded", "rerun", "repeated", "on other code", "diverged", "without a value",
        "paired", "Welch", "holds", "fails", "undecided",
        "done by run", "done by note", "done by log", "done by commit",
    }  # fmt: skip
    differences = [difference for check in CHECKS for difference in check(lab)]
    assert not differences, "\n".join(differences)


def find_kinds(ledger):
    """What there is in the study: reasons why runs do not count, comparisons, claims, and what dates a step."""
    experiments = ledger.experiments.values()
    results = [truth.find_results(ledger, experiment) for experiment in experiments]
    kinds = {f"done by {step.done.facts['source']}" for one in experiments for step in one.steps if step.done}
    for result in results:
        for setting in result.settings:
            kinds.add(result.judge(setting))
            for metric in setting.metrics:
                kinds.update(setting.reasons(metric))
                kinds.add((result.compare(setting, metric) or (None,))[-1])
    return kinds
