"""orglab's own experiment log: it is in order, its commits are in the history, and the decisions lead to it.

The tests look at a clone, because commands keep what they know of a log in the git directory.
"""

import contextlib
import re
import subprocess

import pytest

from org_lint import LINT
from orglab import open_log
from orglab.org import Document
from test_docs import DOCS, ROOT
from test_project_files import has_history

LOG = ROOT / "experiment_log.org"
LETTER = "x"

pytestmark = pytest.mark.slow


def git(*arguments):
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """The log in a clone; in a folder without git, where there is no history."""
    folder = tmp_path_factory.mktemp("own")
    if has_history():
        git("clone", "--quiet", "--shared", "--no-checkout", ROOT, folder)
    for name in (LOG.name, "orglab.toml"):
        (folder / name).write_bytes((ROOT / name).read_bytes())
    with contextlib.chdir(folder):  # where the settings are found
        return open_log(folder / LOG.name)


def test_it_is_parsed_without_loss_and_has_no_problem(log):
    assert bytes(Document(LOG.read_bytes())) == LOG.read_bytes()
    assert log.config.letter == LETTER
    assert log.check() == []


def test_emacs_reads_it_and_would_change_nothing(log, emacs):
    said = emacs(LINT, log.path).splitlines()
    assert [line for line in said if not re.match(r"[12] (-|TODO|INPROGRESS|WAIT|DONE|CANCELED) ", line)] == []
    assert len(said) >= len(log.experiments())


def test_every_experiment_says_what_was_expected(log):
    experiments = log.experiments()
    assert len(experiments) >= 15
    assert [one.ref for one in experiments if not one.description] == []
    assert [one.ref for one in experiments if one.is_done and not (one.conclusion.text and one.verdict)] == []


def test_every_commit_that_it_names_is_in_the_history():
    named = {*re.findall(r"\b(?=[a-f]*[0-9])[0-9a-f]{8}\b", LOG.read_text("utf-8"))}
    assert len(named) > 30
    if not has_history():
        return  # not a skip: where none is allowed, the clone may be shallow
    reachable = {line[:8] for line in git("-C", ROOT, "rev-list", "HEAD").splitlines()}
    assert named - reachable == set()


def test_the_decisions_lead_to_experiments_of_the_log(log):
    text = "".join(page.read_text("utf-8") for page in (DOCS / "decisions").glob("*.md"))
    named = re.findall(rf"\[{LETTER}([0-9]+)\]\(\.\./\.\./experiment_log\.org\)", text)
    assert {*named} >= {"1", "4", "6", "7", "8", "10", "11", "13", "14"}
    assert {*named} <= {one.id for one in log.experiments()}
    assert len(named) == len(re.findall(rf"\b{LETTER}[0-9]+\]\(", text))


def test_its_report_has_every_conclusion(log):
    letters = re.sub(r"\W", "", log.render_report(log.report(since="2026-11-24")))
    for experiment in log.experiments():
        if experiment.is_done:
            first = " ".join(experiment.conclusion.text.split()).split(". ")[0]
            assert re.sub(r"\W", "", first) in letters, experiment.ref
