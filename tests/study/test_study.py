"""Forty experiments and 160 runs over eleven weeks, compared number by number with a truth that is computed apart."""

import os
import time

import pytest

from commands import Orglab
from orglab import clock
from study import checks, plan
from study.laboratory import Laboratory
from study.ledger import WEEK, WEEKS
from study.week_checks import check_weeks

CHECKS = (
    checks.check_runs, checks.check_tables, checks.check_code, checks.check_settings, checks.check_results, checks.check_lists,
    checks.check_histories, check_weeks,
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
    differences = [difference for check in CHECKS for difference in check(lab)]
    assert not differences, "\n".join(differences)
