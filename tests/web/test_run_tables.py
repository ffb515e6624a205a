"""The tables of runs and settings, their curves, the steps compared, and runs side by side: what the pages have."""

import json
import re

import pytest

from lab import orglab
from orglab.errors import NotFoundError, UsageError
from web.curve_study import NOTE
from web.pages import open_site, see


@pytest.fixture
def site(curve_study):
    return open_site(curve_study.path)


def read_data(page, place=0):
    """Return the data of a script element of a page."""
    return json.loads(re.findall(r'<script type="application/json">(.*?)</script>', page.html)[place])


def read_rows(page, kind):
    """Return the rows of a table, each by the names of its columns."""
    data = next(one for place in range(3) if (one := read_data(page, place)).get("kind") == kind)
    names = [column["name"] for column in data["columns"]]
    return [dict(zip(names, row, strict=True)) for row in data["rows"]]


def test_the_tables_have_what_the_command_line_prints(site, curve_study):
    page = see(site, "experiment-e1")
    printed = orglab("runs", "1", "--columns", "status,lr,seed,val_acc", cwd=curve_study.path).out
    lines = printed.splitlines()[1:]
    assert len(lines) == 6
    assert all(" ".join(line.split()) in page.text.replace("done diverged", "done") for line in lines)
    printed = orglab("runs", "1", "--by", "setting", cwd=curve_study.path).out
    cells = re.findall(r"\S+ ± \S+ \(n = \d\)|- \(n = [^)]*\)", printed)
    assert "- (n = 0 of 1; 1 failed)" in cells
    assert all(cell in page.text for cell in cells)


def test_the_script_has_the_values_as_they_were_recorded(site, curve_study):
    rows = read_rows(see(site, "experiment-e1"), "run")
    assert [row["id"] for row in rows] == curve_study.ids
    assert [row["lr"] for row in rows] == [0.1, 0.1, 0.9, 0.9, 2.0, 0.5]
    assert rows[0]["val_acc"] == 1 - 0.5 / 2.2 - 0.001
    assert rows[4]["loss"] == "NaN"
    assert [row["status"] for row in rows] == ["done"] * 5 + ["failed"]
    settings = read_rows(see(site, "experiment-e1"), "setting")
    assert [(row["step"], row["lr"]) for row in settings] == [
        ("e1.1", 0.1),
        ("e1.1", 0.9),
        ("e1.2", 2.0),
        ("e1.2", 0.5),
    ]
    assert settings[3]["val_acc"] is None


def test_failed_and_diverged_runs_are_marked_in_words(site):
    page = see(site, "experiment-e1")
    assert "exit 3" in page.text
    assert "done diverged" in page.text
    assert "NaN at 6" in page.text


def test_columns_that_are_not_shown_are_there_to_be_chosen(site):
    data = read_data(see(site, "experiment-e1"))
    shown = {column["name"]: column["shown"] for column in data["columns"]}
    assert [name for name, is_shown in shown.items() if is_shown] == [
        "id", "step", "age", "status", "lr", "seed", "val_acc", "loss",
    ]  # fmt: skip
    # The same in all runs, but one may want to see it, or the best value, or the code.
    assert not any(shown[name] for name in ("note", "val_acc:best", "code", "host", "ended", "command"))


def test_the_page_of_all_runs_has_the_newest_first(site, curve_study):
    rows = read_rows(see(site, "runs"), "run")
    assert [row["id"] for row in rows] == curve_study.ids[::-1]


def test_an_export_has_neither_the_environment_nor_the_output_of_runs(site):
    for address in ("experiment-e1", "runs"):
        page = see(site, address, is_export=True)
        names = {column["name"] for column in read_data(page)["columns"]}
        assert names.isdisjoint({"host", "ended"})
        assert "SECRET OUTPUT" not in page.html
        assert "Compare" not in page.text
        assert any(link.startswith("run-") and link.endswith(".html") for link in page.links)


def test_the_claim_and_the_baseline_are_said_as_show_says_them(site, curve_study):
    page = see(site, "experiment-e1")
    printed = " ".join(orglab("show", "1", cwd=curve_study.path).out.split())
    claim = re.search(r"Claim: val_acc > \+0\.1 \(.*?\)", page.text)
    assert claim is not None
    assert claim[0] in printed
    assert "Baseline: e1.1 (lr 0.1)" in page.text


def test_the_steps_are_drawn_for_each_key_metric(site):
    page = see(site, "experiment-e1")
    assert [attributes["data-metric"] for tag, attributes in page.tags if "data-metric" in attributes] == [
        "val_acc", "loss",
    ]  # fmt: skip
    assert "<option>val_acc</option><option>loss</option>" in page.html


def read_curves(page):
    return next(data for place in range(3) if "metrics" in (data := read_data(page, place)))


def test_runs_and_settings_have_curves(site, curve_study):
    accuracy, loss = read_curves(see(site, "experiment-e1"))["metrics"]
    assert (accuracy["name"], accuracy["x"], loss["name"]) == ("val_acc", "epoch", "loss")
    first = accuracy["runs"][curve_study.ids[0]]
    assert first["x"] == [*range(1, 13)]
    assert first["mean"][0] == pytest.approx(1 - 0.5 / 1.1 - 0.001, rel=1e-4)
    band = accuracy["settings"][curve_study.ids[0]]
    assert (band["name"], band["n"]) == ("e1.1 lr 0.1", 2)
    assert band["low"][0] < band["mean"][0] < band["high"][0]


def test_a_diverged_run_ends_where_it_had_its_last_number(site, curve_study):
    _, loss = read_curves(see(site, "experiment-e1"))["metrics"]
    assert loss["runs"][curve_study.ids[4]]["diverged"]
    assert loss["settings"][curve_study.ids[4]]["ended"][0][-1][0] == 5
    assert loss["runs"][curve_study.ids[4]]["mean"][5] is None


def test_curves_follow_the_history_of_a_run_that_goes_on(site, curve_study):
    before = read_curves(see(site, "experiment-e1"))["metrics"][0]["runs"][curve_study.ids[0]]["x"]
    history = site.read().find_run(curve_study.ids[0]).folder / "metrics.jsonl"
    text = history.read_text()
    history.write_text(text + json.dumps({"epoch": 13, "val_acc": 0.5}) + "\n")
    after = read_curves(see(site, "experiment-e1"))["metrics"][0]["runs"][curve_study.ids[0]]["x"]
    history.write_text(text)
    assert after == [*before, 13]


def test_runs_side_by_side_show_what_differs_only(site, curve_study):
    page = see(site, f"compare?run={curve_study.ids[0]}&run={curve_study.ids[2]}")
    assert "lr 0.1 0.9" in page.text
    assert "val_acc 0.7717 0.9566" in page.text
    assert NOTE not in page.text
    assert "seed" not in page.text.partition("Metric ")[0]


def test_settings_side_by_side_show_their_means(site, curve_study):
    page = see(site, f"compare?setting={curve_study.ids[0]}&setting={curve_study.ids[3]}&run={curve_study.ids[5]}")
    assert "(n = 2)" in page.text
    assert "status exit 3 - -" in page.text
    assert "seed 1 several several" in page.text
    assert "e1.1 lr 0.1" in page.text


def test_the_difference_of_the_code_of_two_runs_is_shown(repo):
    repo.commit("A log", {"experiment_log.org": "* TODO [1] A :exp:\n", "a.py": "print(1)\n"})
    orglab("run", "1", "--", "python3", "a.py", cwd=repo.path)
    repo.commit("Other code", {"a.py": "print(2)\n"})
    orglab("run", "1", "--", "python3", "a.py", cwd=repo.path)
    site = open_site(repo.path)
    first, second = (run.id for run in site.read().runs())
    page = see(site, f"compare?run={first}&run={second}")
    assert "-print(1)" in page.text
    assert "+print(2)" in page.text


@pytest.mark.parametrize("query", ["", "?run=", "?run=20200101-000000-000000&run=x"])
def test_what_cannot_be_compared_is_said(site, query):
    with pytest.raises((UsageError, NotFoundError)):
        see(site, f"compare{query}")


def test_no_text_of_a_run_is_an_element(site):
    page = see(site, "experiment-e1")
    assert "</script><b>" not in page.html
    assert ("b", {}) not in page.tags


def test_a_log_without_runs_has_a_page_of_runs(repo):
    repo.commit("A log", {"experiment_log.org": "* TODO [1] A :exp:\n"})
    assert "There are no runs yet" in see(open_site(repo.path), "runs").text
    assert "Runs" not in see(open_site(repo.path), "experiment-e1").text.partition("e1")[2]
