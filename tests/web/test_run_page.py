"""The page of a run, beside what its files hold and what the command line says."""

import hashlib
import json
import math
import os
import re
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from commands import Orglab
from lab import SOURCE
from orglab.cli import main
from orglab.errors import NotFoundError, UsageError
from orglab.runs.record_reader import read_runs
from web.pages import open_site, see

TRAIN = """\
import argparse, json, os, pathlib
parser = argparse.ArgumentParser()
for name in ("--lr", "--seed", "--end"):
    parser.add_argument(name, type=float, default=1)
given = parser.parse_args()
rows = [{"step": step, "val_loss": round((step - 6) ** 2 / 10 + given.lr + given.seed / 100, 4)} for step in range(9)]
if given.end == 0:
    rows += [{"step": 9, "val_loss": "NaN"}, {"step": 10, "val_loss": "NaN"}]
pathlib.Path("metrics.jsonl").write_text("".join(json.dumps(row) + "\\n" for row in rows))
print("trained")
"""
HOSTILE = """\
import sys
print("\\x1b[1;31mred\\x1b[0m <script>alert(1)</script> <img src=x onerror=alert(2)> \\u202egnp.exe")
for percent in (1, 50, 100):
    sys.stdout.write(f"\\r{percent:3}% done")
print()
raise ValueError("</pre><script>alert(3)</script>")
"""
DRAW = """\
import os, pathlib, sys
out = pathlib.Path(os.environ["ORGLAB_OUT"])
picture = bytes.fromhex(sys.argv[1])
pathlib.Path("results").mkdir(exist_ok=True)
pathlib.Path("results/plot.png").write_bytes(picture)
pathlib.Path("results/notes.txt").write_text("notes")
(out / "own.png").write_bytes(picture)
(out / "link.png").symlink_to(pathlib.Path("../secret.png").resolve())
"""
WAIT = """\
import sys
print("begun", flush=True)
sys.stdin.readline()
print("ended", flush=True)
"""
PNG = (
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)
IGNORED = "metrics.jsonl\ngo\n"


@pytest.fixture
def orglab(capsys):
    """Run commands in this process."""
    return Orglab(capsys)


@pytest.fixture
def study(repo, orglab):
    """A repository with a log of an experiment of three steps, and a script."""
    orglab("init", "--tracked", "--no-hooks")
    orglab("new", "Learning *rates*", "-s", "baseline", "-s", "other rates", "-s", "tries")
    files = {"train.py": TRAIN, "hostile.py": HOSTILE, "draw.py": DRAW, "wait.py": WAIT, ".gitignore": IGNORED}
    repo.commit("code", {**files, "orglab.toml": "[run]\ncommit_log = false\n"})
    return repo


def train(orglab, step, *options, how=()):
    """Run the script for a step, and return its run."""
    orglab("run", step, *how, "--metrics", "metrics.jsonl", "--", sys.executable, "train.py", *options)
    return newest()


def newest():
    return read_runs(Path.cwd())[-1]


def rows_of(html, heading):
    """The cells of the table below a heading, without what is hidden in them."""
    (section,) = re.findall(rf'<section aria-labelledby="{heading}">(.*?)</section>', html, re.DOTALL)
    rows = re.findall(r"<tr>(.*?)</tr>", section, re.DOTALL)
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in rows]
    return [[" ".join(re.sub("<[^>]*>", "", cell).split()) for cell in row] for row in cells]


def show(run, *, is_export=False):
    return see(open_site(Path.cwd()), f"run-{run.id}", is_export=is_export)


@pytest.mark.usefixtures("study")
def test_a_run_is_described_in_the_words_of_the_command_line(orglab):
    run = train(orglab, "1.1", "--lr", "0.5", how=("-m", "A *first* try"))
    page = show(run)
    lines = orglab("runs", "show", run.id).out.splitlines()
    said = {line[:14].strip(): line[14:] for line in lines if line[:1] not in ("", " ")}
    assert f"Run {run.id} exit 0 " in page.text
    assert "--lr 0.5" in page.text
    assert "Experiment e1 Learning rates Step e1.1 baseline Why A *first* try" in page.text
    assert said["Why"] == "A *first* try"
    assert rows_of(page.html, "parameters")[1:] == [["lr", "0.5"]]
    assert said["Parameters"] == "lr 0.5"
    for name in ("Host", "Python"):
        assert said[name].partition(",")[0] in page.text
    assert f">{run.code[:7]}</" in page.html
    assert "trained" in page.text
    assert 'href="experiment-e1#step-1"' in page.html


def test_the_last_and_the_best_value_of_a_metric_are_those_of_its_file(study, orglab):
    run = train(orglab, "1.1", "--lr", "0.5")
    measured = [json.loads(line) for line in (study.path / "metrics.jsonl").read_text().splitlines()]
    best = min(measured, key=lambda row: row["val_loss"])
    assert best != measured[-1]
    rows = {row[0]: row[1:] for row in rows_of(show(run).html, "metrics")}
    assert rows["val_loss"] == [f"{measured[-1]['val_loss']:.6g}", f"{best['val_loss']:.6g}", str(best["step"])]


@pytest.mark.usefixtures("study")
def test_a_metric_that_diverged_says_since_when(orglab):
    run = train(orglab, "1.1", "--end", "0")
    page = show(run)
    (row,) = [row for row in rows_of(page.html, "metrics") if row[0] == "val_loss"]
    assert row == ["val_loss", "NaN (diverged at step 9)", "1.01", "6"]
    assert '<span class="badge bad">diverged</span>' in page.html
    assert 'aria-labelledby="standing"' not in page.html


@pytest.mark.usefixtures("study")
def test_what_a_run_printed_is_shown_as_a_terminal_shows_it_and_is_inert():
    assert main.run(["run", "1.3", "--", sys.executable, "hostile.py"]) == 1
    page = show(newest())
    (output,) = re.findall(r'<pre class="output" id="output"[^>]*>(.*?)</pre>', page.html, re.DOTALL)
    lines = output.splitlines()
    assert lines[0] == (
        "red &lt;script&gt;alert(1)&lt;/script&gt; &lt;img src=x onerror=alert(2)&gt; &lt;U+202E&gt;gnp.exe"
    )
    assert lines[1] == "100% done"
    assert lines[-1].startswith("ValueError: &lt;/pre&gt;")
    assert "exit 1" in page.text
    assert "Exception ValueError: </pre><script>alert(3)</script>" in page.text
    assert "\x1b" not in page.html
    assert "\u202e" not in page.html
    scripts = [attributes for tag, attributes in page.tags if tag == "script"]
    assert all(attributes["src"].startswith("static/") for attributes in scripts)
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on") or name == "style"]


def test_a_run_stands_beside_the_best_and_the_baseline(study, orglab):
    finals = {}
    for step, lr in (("1.1", 0.5), ("1.2", 0.3)):
        for seed in (0, 1, 2):
            run = train(orglab, step, "--lr", lr, "--seed", seed)
            finals.setdefault(lr, []).append((8 - 6) ** 2 / 10 + lr + seed / 100)
    means = {lr: math.fsum(values) / 3 for lr, values in finals.items()}
    page = show(run)
    heads, (metric, value, setting, best, *_, change) = rows_of(page.html, "standing")
    assert heads[:4] == ["Metric", "This run", "Its setting", "Best so far"]
    assert (metric, value) == ("val_loss", f"{finals[0.3][2]:.4f}")
    assert setting == f"{means[0.3]:.4f} ± {statistics.stdev(finals[0.3]):.4f} (n = 3)"
    # Without the run itself, its setting was the best already.
    before = finals[0.3][:2]
    assert best == f"{math.fsum(before) / 2:.4f} ± {statistics.stdev(before):.4f} (this setting, n = 2)"
    difference = f"\N{MINUS SIGN}{means[0.5] - means[0.3]:.4f}"
    assert change == f"e1.1 {difference} [{difference}, {difference}] (paired), n = 3"
    # When the first run ended, there was nothing to compare it with.
    assert "Where it stands" not in show(read_runs(study.path)[0]).text
    again = show(train(orglab, "1.1", "--lr", "0.5", "--seed", "3"))
    assert rows_of(again.html, "standing")[1][-1] == "is the baseline"


@pytest.mark.usefixtures("study")
def test_a_run_that_is_better_than_the_best_says_so(orglab):
    train(orglab, "1.1", "--lr", "0.5")
    page = show(train(orglab, "1.2", "--lr", "0.3"))
    assert rows_of(page.html, "standing")[1][2] == "better than 0.91 (e1.1, n = 1)"


def test_the_code_is_compared_with_a_run_of_the_baseline_with_the_same_seed(study, orglab):
    baselines = [train(orglab, "1.1", "--lr", "0.5", "--seed", seed) for seed in (0, 1)]
    changed = TRAIN.replace("/ 10 + given.lr", "/ 20 + given.lr").replace('print("trained")', 'print("<b>other</b>")')
    study.write("train.py", changed)
    study.write("new.py", "# new\n")
    run = train(orglab, "1.2", "--lr", "0.3", "--seed", "0", how=("--before", "snapshot"))
    page = show(run)
    assert f"Compared with the baseline, {baselines[0].id}" in page.text
    assert f'href="compare?run={baselines[0].id}&amp;run={run.id}"' in page.html
    patch = study.git("diff", baselines[0].code, run.code, "--", ":!experiment_log.org").split("\n")
    for sign, kind in (("+", "added"), ("-", "removed")):
        lines = re.findall(rf'<span class="{kind}">(.*?)\n</span>', page.html)
        told = [line for line in patch if line.startswith(sign) and not line.startswith(sign * 3)]
        assert [re.sub("&[a-z#0-9]+;", "?", line) for line in lines] == [re.sub("[<>\"']", "?", line) for line in told]
        assert told
    assert "2 files: new.py (+1 -0), train.py (+2 -2)" in page.text
    assert "Uncommitted: new.py (+1 -0), train.py (+2 -2)" in page.text


def test_without_a_baseline_the_code_is_compared_with_the_run_before(study, orglab):
    first = train(orglab, "1.3")
    assert "Compared with" not in show(first).text
    second = train(orglab, "1.3")
    assert f"Compared with the run before, {first.id} The code is the same." in show(second).text
    study.commit("longer", {"long.txt": "".join(f"line {number}\n" for number in range(3000))})
    page = show(train(orglab, "1.3"))
    assert f"Compared with the run before, {second.id}" in page.text
    assert page.html.count('<span class="added">') < 2000
    assert "The first 2000 lines" in page.text


def test_pictures_are_shown_as_they_were_written(study, orglab):
    study.path.with_name("secret.png").write_bytes(bytes.fromhex(PNG) + b"secret")
    orglab("run", "1.1", "--results", "results", "--", sys.executable, "draw.py", PNG)
    run = newest()
    site = open_site(study.path)
    page = see(site, f"run-{run.id}")
    pictures = [link for link in page.links if link.startswith("pictures/")]
    assert len(pictures) == 2
    assert {site.pictures.find(link.removeprefix("pictures/")).content for link in pictures} == {bytes.fromhex(PNG)}
    assert "results/notes.txt 1 KB results/plot.png 1 KB own.png 1 KB" in page.text
    assert "link.png" not in page.text
    assert f"Committed as {run.commit[:7]}." in page.text
    study.write("results/plot.png", bytes.fromhex(PNG) + b"another")
    page = show(run)
    assert len([link for link in page.links if link.startswith("pictures/")]) == 1
    assert "results/plot.png 1 KB, changed since" in page.text


@pytest.mark.parametrize(
    "name", ["../secret.png", "/{}/secret.png", "results/../../secret.png", ".git/secret.png", "l/x.png"]
)
def test_a_record_leads_to_no_picture_outside_of_the_repository(study, orglab, name):
    secret = bytes.fromhex(PNG) + b"secret"
    outside = study.path.with_name(f"{study.path.name}-outside")
    outside.mkdir()
    for place in (study.path.with_name("secret.png"), study.path / ".git/secret.png", outside / "x.png"):
        place.write_bytes(secret)
    (study.path / "l").symlink_to(outside)
    study.commit("a link", {})
    run = train(orglab, "1.1")
    path = name.format(study.path.parent).replace("//", "/")
    written = {"path": path, "sha256": hashlib.sha256(secret).hexdigest(), "size": len(secret)}
    with (run.folder / "record.jsonl").open("a") as record:
        record.write(json.dumps({"event": "measured", "outputs": [written]}) + "\n")
    page = show(newest())
    assert path in page.text
    assert not [link for link in page.links if link.startswith("pictures/")]


def test_the_export_has_neither_the_output_nor_the_environment(study, orglab):
    orglab(
        "run",
        "1.3",
        "--",
        sys.executable,
        "-c",
        "import sys; print('printed', 'this'); sys.exit(' '.join(('last', 'words')))",
        code=1,
    )
    run = newest()
    assert "printed this" in show(run).text
    assert "last words" in show(run).text
    page = show(run, is_export=True)
    for private in ("printed this", "last words", "Environment", run.host, "package", str(study.path), "Output"):
        assert private not in page.text, private
    assert "exit 1" in page.text
    assert 'href="experiment-e1.html#step-3"' in page.html


def test_a_run_that_goes_on_shows_what_it_has_printed_so_far(study):
    command = [sys.executable, "-m", "orglab", "run", "1.3", "--", sys.executable, "wait.py"]
    piped = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(SOURCE)}, **piped) as process:
        site = open_site(study.path)
        # What a run prints is recorded before it is shown.
        assert process.stdout.readline() == "begun\n"
        runs = read_runs(study.path)
        page = see(site, f"run-{runs[-1].id}")
        assert '<span class="badge active">running</span>' in page.html
        assert "begun" in page.text
        assert "No metrics yet." in page.text
        process.communicate("end\n", timeout=60)
    page = see(site, f"run-{runs[-1].id}")
    assert "begun\nended</pre>" in page.html
    assert '<span class="badge good">exit 0</span>' in page.html


@pytest.mark.usefixtures("study")
def test_kept_and_discarded_runs_say_why(orglab):
    run = train(orglab, "1.1")
    orglab("runs", "discard", run.id, "-m", "a wrong <split>")
    page = show(run)
    assert "Discarded a wrong <split>" in page.text
    assert '<span class="badge unsure">discarded</span>' in page.html


def test_a_run_that_is_not_there_and_one_that_may_be_several_are_problems(study, orglab):
    runs = [train(orglab, "1.1"), train(orglab, "1.1")]
    site = open_site(study.path)
    with pytest.raises(NotFoundError, match="Unknown run 'nosuchrun'"):
        see(site, "run-nosuchrun")
    with pytest.raises(UsageError, match="matches several runs"):
        see(site, f"run-{runs[0].id[:6]}")
