"""`make demo` in a folder of its own, and its log in Emacs."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

DEMO = Path(__file__).resolve().parents[1] / "demo" / "run.py"
RECOUNT = """
(let ((file (car command-line-args-left)))
  (setq org-auto-align-tags nil)
  (require 'org-lint)
  (find-file file)
  (org-mode)
  (let ((before (buffer-string)))
    (princ (format "%S" (mapcar (lambda (found) (aref (cadr found) 2)) (org-lint))))
    (org-update-statistics-cookies t)
    (princ (if (string= before (buffer-string)) " same" " changed"))))
"""


@pytest.mark.slow
def test_the_demo_leaves_a_log_that_emacs_does_not_change(tmp_path, emacs):
    if importlib.util.find_spec("sklearn") is None:
        pytest.skip("scikit-learn is not installed: make test")
    folder = tmp_path / "study"
    done = subprocess.run(
        [sys.executable, DEMO, "--dir", folder, "--seeds", "3"], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},  # the other tests have the other cores
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    log = folder / "experiment_log.org"
    assert str(log) in done.stdout
    assert emacs(RECOUNT, log) == "nil same"
    verdicts = [line.split()[1] for line in log.read_text().splitlines() if line.strip().startswith(":VERDICT:")]
    assert {"supported", "refuted"} <= set(verdicts)
    assert "* CANCELED [4]" in log.read_text()
    assert "* INPROGRESS [5]" in log.read_text()
    # `new` finds that the fourth experiment repeats the first; hashes survive a rebase; a model leads to its reason.
    said = done.stdout
    assert re.search(r"Tried before:\n  e1  Shifted copies", done.stderr + said)
    assert " -> " in log.read_text()
    why = said[said.index("$ orglab why models/e1.2.joblib") : said.index("$ orglab tried")]
    for words in (
        "python train.py settings/e1.2.toml",
        "wrote this file",
        "e1  Shifted copies",
        "by more than half a percentage point",
    ):
        assert words in why
    # A sweep of two parameters and three seeds, with a version that fails: its note, its table, its settings in the report.
    ranking = re.search(r"--best accuracy\nstep +units +rate +accuracy +train_loss\n((?:.*\n){5})", said)
    rows = [line.split() for line in ranking[1].splitlines()]
    assert sorted(row[1] + " " + row[2] for row in rows[:4]) == ["16 0.001", "16 0.01", "64 0.001", "64 0.01"]
    assert all(row[6:9] == ["(n", "=", "3)"] for row in rows[:4])
    assert rows[4][1:] == ["0", "0.01", "-", "(n", "=", "0", "of", "1;", "1", "failed)", "-"]
    note = log.read_text().partition(" swept 13 versions, 12 done, 1 failed, ")[2]
    assert "failed: units=0,rate=0.01,seed=0 (exit 1: ValueError: hidden_layer_sizes must be > 0" in note
    assert (
        len(re.findall(r"^ *\| +(?:16|64) \| +0\.0+1 \| 0\.9\d+ ± 0\.0\d+ +\| [^|]+\| +3 +\|", note, re.MULTILINE)) == 4
    )
    assert "so far accuracy 0.9" in (folder / "report.md").read_text()
    for ending in ("md", "org", "html", "pdf", "docx"):
        assert (folder / f"report.{ending}").stat().st_size > 1000
    check = subprocess.run(
        [sys.executable, "-m", "orglab", "check"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert (check.returncode, check.stdout) == (0, "")
