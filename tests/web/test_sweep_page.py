"""The page of a sweep: its grid, beside what its versions wrote, and its words, beside those of the command line."""

import json
import math
import re
import statistics
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands import Orglab
from orglab.errors import NotFoundError
from orglab.web.pages.sweep_page import list_sweeps
from orglab.web.sweep_grid import STEPS, ColourScale
from orglab.web.templating import STATIC
from runs.sweeps.conftest import WAIT, Swept
from web.pages import open_site, see

TRAIN = """\
import argparse, json, pathlib
parser = argparse.ArgumentParser()
for name in ("--lr", "--width", "--drop", "--seed"):
    parser.add_argument(name, type=float, default=0)
parser.add_argument("--out")
given = parser.parse_args()
if given.lr > 1:
    raise ValueError("lr is too large: <b>2</b>")
acc = 0.9 - abs(given.lr - 0.1) + given.width / 1000 - given.drop / 10 + given.seed / 100
values = {"val_acc": round(acc, 4), "loss": round(1 - acc, 4)}
if given.lr == 1:
    values = dict.fromkeys(values, "NaN")
pathlib.Path(given.out, "metrics.json").write_text(json.dumps(values))
"""
COMMAND = ("--", sys.executable, "train.py", "--out", "{out}", "--lr", "{lr}")
GRID = ("--set", "lr=0.1,0.01,1,2", "--set", "width=8,64", "--seeds", "2")


@pytest.fixture
def sweep(repo, capsys):
    """A repository with a log of an experiment of two steps, and scripts; the sweeps end with it."""
    orglab = Orglab(capsys)
    orglab("init")
    orglab("new", "Rates and *widths*", "-s", "one", "-s", "two")
    repo.commit("code", {"train.py": TRAIN, "wait.py": WAIT})
    swept = Swept(repo, orglab)
    yield swept
    (repo.path / "go").touch()
    if (repo.path / ".git/orglab/sweeps").exists():
        swept("stop")
        swept.wait_until(lambda: not swept.worker_pids())


def show(sweep, query="", *, is_export=False):
    return see(open_site(sweep.path), f"sweep-{sweep.folder.name}{query}", is_export=is_export)


def read_text(html):
    return " ".join(re.sub("<[^>]*>", " ", html).split())


def read_grids(page):
    """The tables of the grid: each its caption, and its cells by the values of the row and the column."""
    grids = []
    for table in re.findall(r'<table class="grid">(.*?)</table>', page.html, re.DOTALL):
        caption = "".join(re.findall("<caption>(.*?)</caption>", table, re.DOTALL))
        (head,) = re.findall("<thead>(.*?)</thead>", table, re.DOTALL)
        columns = [read_text(cell) for cell in re.findall("<th[^>]*>(.*?)</th>", head, re.DOTALL)][1:]
        cells = {}
        for row in re.findall("<tr>(<th scope=.row.*?)</tr>", table, re.DOTALL):
            (label,) = re.findall("<th[^>]*>(.*?)</th>", row, re.DOTALL)
            found = re.findall(r'<td class="([^"]*)">(.*?)</td>', row, re.DOTALL)
            cells |= {(read_text(label), column): cell for column, cell in zip(columns, found, strict=True)}
        grids.append((read_text(caption), cells))
    return grids


def find_colour(cell):
    return int("".join(re.findall(r"colour-(\d)", cell[0])) or 0)


def read_values(sweep, metric="val_acc"):
    """The values that the versions wrote, by lr and width."""
    found = {}
    for run in sweep.runs:
        path = sweep.path / f"results/e1.1/{run.fields['sweep']['version']}/metrics.json"
        if path.exists():
            value = json.loads(path.read_text())[metric]
            key = (f"{run.parameters['lr']:g}", f"{run.parameters.get('width', 0):g}")
            found.setdefault(key, []).append(value)
    return {key: values for key, values in found.items() if "NaN" not in values}


def test_two_parameters_span_a_grid_of_means(sweep):
    sweep("1.1", *GRID, "--wait", *COMMAND, "--width", "{width}", "--seed", "{seed}", code=1)
    ((caption, cells),) = read_grids(show(sweep))
    assert caption == ""
    assert [*dict.fromkeys(row for row, _ in cells)] == ["0.01", "0.1", "1", "2"]
    assert [*dict.fromkeys(column for _, column in cells)] == ["8", "64"]
    values = read_values(sweep)
    assert len(values) == 4
    for key, numbers in values.items():
        mean, spread = math.fsum(numbers) / 2, statistics.stdev(numbers)
        assert f"{mean:.4f} ± {spread:.4f}" in read_text(cells[key][1])
        assert " n = 2 " in read_text(cells[key][1])
    for run in sweep.runs:
        key = (f"{run.parameters['lr']:g}", f"{run.parameters['width']:g}")
        assert f'href="run-{run.id}"' in cells[key][1]
        assert f"seed {run.parameters['seed']}" in read_text(cells[key][1])


def test_the_best_setting_has_the_strongest_colour_and_is_the_one_that_the_status_names(sweep):
    sweep("1.1", *GRID, "--wait", *COMMAND, "--width", "{width}", "--seed", "{seed}", code=1)
    page = show(sweep)
    ((_, cells),) = read_grids(page)
    means = {key: math.fsum(numbers) for key, numbers in read_values(sweep).items()}
    best, worst = max(means, key=means.get), min(means, key=means.get)
    named = sweep.status()["best"]["parameters"]
    assert best == (f"{named['lr']:g}", f"{named['width']:g}")
    assert (find_colour(cells[best]), find_colour(cells[worst])) == (STEPS, 1)
    assert [key for key, cell in cells.items() if "best" in cell[0].split()] == [best]
    assert [key for key, cell in cells.items() if " best " in f" {read_text(cell[1])} "] == [best]
    ordered = sorted(means, key=means.get)
    assert [find_colour(cells[key]) for key in ordered] == sorted(find_colour(cells[key]) for key in ordered)
    assert page.text.index("worse") < page.text.index("better (max)")


def test_of_a_loss_the_smallest_is_the_best(sweep):
    sweep("1.1", *GRID, "--wait", *COMMAND, "--width", "{width}", "--seed", "{seed}", code=1)
    page = show(sweep, "?metric=loss")
    assert "<option selected>loss</option>" in page.html
    ((_, cells),) = read_grids(page)
    losses = {key: math.fsum(numbers) for key, numbers in read_values(sweep, "loss").items()}
    assert find_colour(cells[min(losses, key=losses.get)]) == STEPS
    assert find_colour(cells[max(losses, key=losses.get)]) == 1
    assert "better (min)" in page.text
    assert "Settings by val_acc" in show(sweep, "?metric=nothing").text


def test_failed_and_diverged_versions_are_marked_with_words_and_have_no_colour(sweep):
    sweep("1.1", *GRID, "--wait", *COMMAND, "--width", "{width}", "--seed", "{seed}", code=1)
    page = show(sweep)
    ((_, cells),) = read_grids(page)
    for width in ("8", "64"):
        diverged, failed = read_text(cells["1", width][1]), read_text(cells["2", width][1])
        assert diverged == "n = 0 of 2; 2 diverged ◆ seed 0 diverged ◆ seed 1 diverged"
        assert failed == "n = 0 of 2; 2 failed ✕ seed 0 failed ✕ seed 1 failed"
        assert find_colour(cells["1", width]) == find_colour(cells["2", width]) == 0
    status = sweep("status").out
    assert "8 of 16 versions" not in status
    assert "16 of 16 versions" in page.text
    (counts,) = re.findall("^  (8 done.*)$", status, re.MULTILINE)
    assert counts == "8 done, 4 failed, 4 diverged"
    assert counts in page.text
    assert "failed lr=2,width=8,seed=0: exit 1: ValueError: lr is too large: <b>2</b>" in page.text
    assert [row.count("badge bad") for row in page.html.split("<tr>")[1:] if "lr=2,width" in row] == [1] * 4


def test_one_parameter_is_a_single_row_and_none_a_single_cell(sweep):
    sweep("1.1", "--set", "lr=0.3,0.1,0.2", "--wait", *COMMAND)
    ((_, cells),) = read_grids(show(sweep))
    assert [*cells] == [("val_acc", "0.1"), ("val_acc", "0.2"), ("val_acc", "0.3")]
    assert [read_text(cell[1])[:3] for cell in cells.values()] == ["0.9", "0.8", "0.7"]
    sweep("1.2", "--set", "lr=0.1", "--seeds", "3", "--wait", *COMMAND, "--seed", "{seed}")
    page = show(sweep)
    (cell,) = re.findall(r'<td class="cell colour-4">(.*?)</td>', page.html, re.DOTALL)
    assert read_text(cell) == "0.910 ± 0.010 n = 3 seed 0 seed 1 seed 2"


def test_of_three_parameters_two_that_are_chosen_span_a_grid_for_each_value_of_the_third(sweep):
    sets = ("--set", "lr=0.1,0.2", "--set", "width=8,64", "--set", "drop=0,0.5")
    sweep("1.1", *sets, "--wait", *COMMAND, "--width", "{width}", "--drop", "{drop}")
    grids = read_grids(show(sweep))
    assert [caption for caption, _ in grids] == ["drop 0", "drop 0.5"]
    assert [*grids[0][1]] == [("0.1", "8"), ("0.1", "64"), ("0.2", "8"), ("0.2", "64")]
    page = show(sweep, "?rows=drop&columns=lr")
    grids = read_grids(page)
    assert [caption for caption, _ in grids] == ["width 8", "width 64"]
    for width, (_, cells) in zip((8, 64), grids, strict=True):
        for (drop, lr), cell in cells.items():
            told = 0.9 - abs(float(lr) - 0.1) + width / 1000 - float(drop) / 10
            assert read_text(cell[1]).startswith(f"{told:.3f} ")
    assert re.findall(r"<option selected>(\w+)", page.html) == ["val_acc", "drop", "lr"]
    assert [caption for caption, _ in read_grids(show(sweep, "?rows=lr&columns=lr"))] == ["drop 0", "drop 0.5"]


def test_a_sweep_that_goes_on_shows_what_runs_and_counts_what_waits(sweep):
    sweep("1.1", "--seeds", "3", "--slots", "1", "--", sys.executable, "wait.py", "{seed}")
    sweep.wait_until(sweep.begun)
    page = show(sweep)
    assert "0 of 3 versions" in page.text
    assert "1 running, 2 queued; 1 slot" in page.text
    (run,) = sweep.runs
    assert f'<a class="ref run" href="run-{run.id}"><bdi>seed=0</bdi></a>' in page.html
    assert "△ seed 0 running" in page.text
    assert page.html.count("badge waiting") == 2
    (sweep.path / "go").touch()
    sweep.wait_until(lambda: sweep.status()["is_over"])
    page = show(sweep)
    assert "3 of 3 versions" in page.text
    assert "over" in page.text
    assert 'class="legend"' not in page.html


def test_the_export_shows_the_main_metric_without_a_form(sweep):
    sweep("1.1", *GRID, "--wait", *COMMAND, "--width", "{width}", "--seed", "{seed}", code=1)
    page = show(sweep, is_export=True)
    assert "<form" not in page.html
    assert "Settings by val_acc" in page.text
    assert f'href="run-{sweep.runs[0].id}.html"' in page.html


def test_the_sweeps_of_an_experiment_are_listed(sweep):
    sweep("1.2", "--set", "lr=0.1,0.2", "--wait", *COMMAND)
    view = open_site(sweep.path).view({})
    (listed,) = list_sweeps(view, view.log.experiment("1"))
    assert (listed["id"], listed["ref"], listed["counts"]) == (sweep.folder.name, "e1.2", "2 done")
    assert listed["best"] == "lr 0.1: val_acc 0.9 (n = 1)"
    assert view.log.sweeps("1.1") == []


def test_a_sweep_that_is_not_there_is_a_problem(sweep):
    with pytest.raises(NotFoundError, match="Unknown sweep 'nothing'"):
        see(open_site(sweep.path), "sweep-nothing")


_NUMBERS = st.floats(-1e6, 1e6, allow_nan=False)


@given(st.lists(_NUMBERS, min_size=1, max_size=20), st.sampled_from(["min", "max", None]))
def test_a_better_value_has_no_weaker_colour_and_the_legend_holds_each_value(values, direction):
    scale = ColourScale(values, direction)
    colours = [scale.find(value) for value in sorted(values)]
    assert colours == sorted(colours, reverse=direction == "min")
    bounds = {colour: (low, high) for colour, low, high in scale.list_bounds()}
    room = 1e-9 * max(map(abs, values))
    for value in values:
        low, high = bounds[scale.find(value)]
        assert low - room <= value <= high + room


def test_text_on_each_colour_can_be_read_in_light_and_dark():
    css = Path(str(STATIC)).joinpath("orglab.css").read_text()
    colours = re.findall(r"\.colour-(\d)\{background:(#\w+);color:(#\w+)\}", css)
    assert [int(number) for number, _, _ in colours] == 2 * [*range(1, STEPS + 1)]
    shades = [find_luminance(background) for _, background, _ in colours]
    assert shades[:STEPS] == sorted(shades[:STEPS], reverse=True)
    assert shades[STEPS:] == sorted(shades[STEPS:])
    for _, background, text in colours:
        low, high = sorted((find_luminance(background), find_luminance(text)))
        assert (high + 0.05) / (low + 0.05) >= 4.5


def find_luminance(colour):
    """The relative luminance of a colour, as WCAG defines it."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
