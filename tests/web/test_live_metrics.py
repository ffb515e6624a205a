"""The metrics of a run while it goes on."""

import json
import os
import re
import subprocess
import sys

from lab import NAME, SOURCE
from web.pages import open_site, see

LOG = "* TODO [1] Wider :exp:\n** TODO Experiments\n1. [ ] Baseline\n"
PROGRAM = """
import sys
import orglab

with orglab.run("1.1") as run:
    for step in (1, 2, 3):
        run.log(step=step, loss=3 - step)
        print(run.id, flush=True)
        sys.stdin.readline()
"""


def read_losses(page):
    """Return the losses in the data of the curves of a page; none without curves."""
    found = re.search(r'data-curves.*?<script type="application/json">(.*?)</script>', page.html, re.DOTALL)
    if found is None:
        return []
    (metric,) = json.loads(found[1])["metrics"]
    (run,) = metric["runs"].values()
    return run["mean"]


def test_what_a_run_logs_is_on_its_pages_while_it_goes_on(repo):
    repo.write(NAME, LOG)
    repo.write("train.py", PROGRAM)
    repo.commit("Begin")
    site = open_site(repo.path)
    process = subprocess.Popen(
        [sys.executable, "train.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=repo.path,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
    )  # fmt: skip
    versions = []
    for step in (1, 2, 3):
        name = process.stdout.readline().strip()
        versions.append(site.read_version())
        page = see(site, f"run-{name}")
        assert f"loss {3 - step}" in page.text
        assert "running" in page.text
        # A single value is no curve.
        expected = [2, 1, 0][:step] if step > 1 else []
        assert read_losses(page) == expected
        assert read_losses(see(site, "experiment-e1")) == expected
        process.stdin.write("go on\n")
        process.stdin.flush()
    process.communicate()
    assert process.returncode == 0
    assert len({*versions, site.read_version()}) == 4
    assert read_losses(see(site, f"run-{name}")) == [2, 1, 0]


WRITER = """
import os

with open("history.csv", "w") as file:
    file.write("epoch,loss\\n1,2\\n2,0.8125\\n")
os.open("gate", os.O_RDONLY)
"""


def test_what_a_command_writes_to_a_file_is_on_its_pages_while_it_goes_on(repo):
    repo.write(NAME, LOG)
    os.mkfifo(repo.path / "gate")
    repo.commit("Begin", {"train.py": WRITER})
    site = open_site(repo.path)
    process = subprocess.Popen(
        [sys.executable, "-m", "orglab", "run", "1.1", "--", sys.executable, "train.py"], cwd=repo.path,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
    )  # fmt: skip
    try:
        while not read_losses(see(site, "experiment-e1")):
            assert process.poll() is None
        assert read_losses(see(site, "experiment-e1")) == [2, 0.8125]
        for path in ("experiment-e1", "runs"):
            assert "running" in see(site, path).text
            assert "0.8125" in see(site, path).text
    finally:
        (repo.path / "gate").write_bytes(b"")
        process.wait()
