"""What the page on other trackers says that orglab records, tried; the other columns need packages that are not here."""

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/explanation/beside-trackers.md"


@pytest.fixture
def recorded(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    spec = importlib.util.spec_from_file_location("bench_recorded", ROOT / "benchmarks/bench_recorded.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_orglab_records_what_the_page_says(recorded, tmp_path):
    section = PAGE.read_text().partition("## What is recorded")[2].partition("\n## ")[0]
    head, _, *rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("|")]
    column = head.index("orglab")
    found = recorded.try_tool(recorded.Subject("orglab", Path(sys.executable).parent, tmp_path))
    assert {row[0]: row[column] for row in rows} == {kind: recorded.WORDS[known] for kind, known in found.items()}
