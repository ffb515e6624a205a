"""Fixtures of all tests: a clean environment, a git repository, Emacs; and the option `--no-skip`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

SHARED = Path(__file__).resolve().parents[2] / "shared"
"""Corpora and recorded answers that lie beside the repository on some machines."""

# A slow machine is no defect, so no deadline; in CI every run tries the same inputs.
hypothesis.settings.register_profile("orglab", deadline=None, print_blob=True)
hypothesis.settings.register_profile("ci", deadline=None, print_blob=True, derandomize=True, max_examples=30)
# For `make fast`, between two edits.
hypothesis.settings.register_profile("fast", deadline=None, print_blob=True, max_examples=15)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") == "true" else "orglab")


# ---- no skips ----


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--no-skip` and `--refresh`."""
    parser.addoption("--no-skip", action="store_true", help="a skipped test is a failed one, with its reason")
    parser.addoption("--refresh", action="store_true", help="write tests/transcripts again; read the difference")


def _fail_if_skipped(config: pytest.Config, report: pytest.TestReport | pytest.CollectReport) -> None:
    if not config.getoption("--no-skip") or report.outcome != "skipped" or hasattr(report, "wasxfail"):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    report.outcome = "failed"
    report.longrepr = f"{reason}\n(a skip, and this run allows none: --no-skip)"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn the skip of a test into its failure, where no skip is allowed."""
    report = yield
    _fail_if_skipped(item.config, report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turn the skip of a whole module into its failure, where no skip is allowed."""
    report = yield
    _fail_if_skipped(collector.config, report)
    return report


_LONGEST = frozenset(("test_agent_loop", "test_demo", "test_queue", "test_study", "test_walk", "test_week"))
_SLOW_FIXTURES = frozenset(("emacs", "repo", "serve", "shared"))
_SLOW_FILES = frozenset(
    f"test_{name}"
    for name in (
        "charts", "child", "commands", "docs", "errors", "file", "formats", "fuzz", "index", "similarity",
        "look_commands", "metrics", "org_blocks", "properties", "search", "terminal",
    )
)  # fmt: skip


_LONG = {
    *("test_agent_loop", "test_demo", "test_study", "test_walk", "test_week"),
    *("test_random_texts_parse_print_change_and_recount", "test_emacs_reads_any_markdown_as_it_was_meant"),
    "test_a_generated_history_is_resolved",
}
"""Whole studies and random walks, files and single tests: `make test` runs them, and `.ci/run` has no time for them."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is marked `shared` or `trackers` where that is not there, and what `-m` has to ask for.

    pytest counts them as deselected.  It is no skip: a fresh clone on its own has to pass with `--no-skip`.  What has a
    repository, or Emacs, or plays commands, is marked slow: `make fast` is for the moment between two edits.
    """
    # What takes longest begins first, or one process would still be at it when the others have nothing left.
    items.sort(key=lambda item: item.path.stem not in _LONGEST)
    for item in items:
        if _SLOW_FIXTURES.intersection(getattr(item, "fixturenames", ())) or item.path.stem in _SLOW_FILES:
            item.add_marker(pytest.mark.slow)
        if item.path.stem in _LONG or item.name in _LONG:
            item.add_marker(pytest.mark.long)
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)
    unwanted = set() if SHARED.is_dir() else {"shared"}
    unwanted |= {
        mark
        for mark in ("browser", "editors", "emacs_package", "mcp_client", "package", "slurm")
        if mark not in config.getoption("markexpr")
    }
    left_out = [item for item in items if _is_unwanted(item, unwanted)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def _is_unwanted(item: pytest.Item, marks: set[str]) -> bool:
    """Return whether a test has one of some marks, or needs packages of trackers that are not installed."""
    packages = [name for mark in item.iter_markers("trackers") for name in mark.args]
    return not marks.isdisjoint(mark.name for mark in item.iter_markers()) or any(
        find_spec(name) is None for name in packages
    )


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of corpora and recorded answers; mark the test `shared`."""
    if not SHARED.is_dir():
        pytest.skip("there is no ../shared; mark this test `shared`")
    return SHARED


# ---- the environment ----

START = datetime(2018, 6, 6, 16, 16, tzinfo=UTC)
"""When git believes that the first commit of a test is made: the article's first timestamp."""

_UNWANTED = {
    *("EDITOR", "VISUAL", "PAGER", "LESS", "MANPAGER", "BROWSER"),
    *("NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS", "LINES", "TERM"),
    *("LANGUAGE", "EMAIL", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"),
}
_UNWANTED_PREFIXES = ("ORGLAB_", "GIT_", "LC_", "EMACS", "WANDB_", "MLFLOW_", "COMET_", "TRACKIO_", "HF_HOME")


def _git_date(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S+00:00")


# After each commit git would start another git to see whether to collect garbage, of which no test has enough.
_GIT_CONFIG = """\
[init]
	defaultBranch = main
[commit]
	gpgSign = false
[maintenance]
	auto = false
"""


@pytest.fixture(scope="session", autouse=True)
def clean_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the settings, editor, colours, time zone and locale of the user from the tests.

    The home is empty, git has one pinned identity and date, it is UTC, and text is UTF-8.
    """
    home = tmp_path_factory.mktemp("home")
    (home / ".gitconfig").write_text(_GIT_CONFIG)
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name in _UNWANTED or name.startswith(_UNWANTED_PREFIXES):
                patch.delenv(name)
        pinned = {
            "HOME": str(home),
            # What a test starts as `python` is the Python of the tests, and none of pyenv's scripts, which take longer.
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "TZ": "UTC",
            "LC_ALL": "C.UTF-8",
            "GIT_CONFIG_GLOBAL": str(home / ".gitconfig"),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "Ada Author",
            "GIT_AUTHOR_EMAIL": "ada@example.org",
            "GIT_AUTHOR_DATE": _git_date(START),
            "GIT_COMMITTER_NAME": "Carl Committer",
            "GIT_COMMITTER_EMAIL": "carl@example.org",
            "GIT_COMMITTER_DATE": _git_date(START),
        }
        for name, value in pinned.items():
            patch.setenv(name, value)
        time.tzset()
        umask = os.umask(0o022)
        # The tests have no settings, but the folder of this repository has.
        patch.chdir(home)
        yield
        os.umask(umask)
    time.tzset()


# ---- git ----


@dataclass
class Repository:
    """A real git repository, whose commits are a minute apart and so have the same hashes in every run."""

    path: Path
    now: datetime = field(default=START)

    def git(self, *arguments: str | Path, stdin: str | None = None, check: bool = True) -> str:
        """Run git and return its standard output without the last newline."""
        date = _git_date(self.now)
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.path,
            env={**os.environ, "GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date},
            input=stdin,
            stdin=None if stdin is not None else subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert not check or done.returncode == 0, f"git {arguments}: {done.stderr}"
        return done.stdout.rstrip("\n")

    def write(self, name: str, text: str | bytes) -> Path:
        """Write a file and its folders; line endings are kept."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def commit(self, message: str, files: dict[str, str | bytes] | None = None) -> str:
        """Write files, commit all changes (or an empty commit), and return the full hash."""
        for name, text in (files or {}).items():
            self.write(name, text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--file=-", stdin=message)
        self.now += timedelta(minutes=1)
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """An empty git repository on branch main, which is the current folder."""
    repository = Repository(tmp_path)
    repository.git("init", "--quiet", "--initial-branch=main")
    monkeypatch.chdir(tmp_path)
    return repository


# ---- Emacs ----


@pytest.fixture(scope="session")
def emacs() -> Callable[..., str]:
    """Return a function that runs Emacs Lisp in `emacs -Q --batch` and returns what it prints with `princ`.

    The arguments after the Lisp are in `command-line-args-left` there. Org is loaded, no
    backup or lock file is made, and an error in the Lisp fails the test with its message.
    """
    program = shutil.which("emacs")
    if program is None:
        pytest.skip("Emacs is not installed (Debian: apt install emacs-nox)")
    quiet = "(setq make-backup-files nil auto-save-default nil create-lockfiles nil)"

    def run(lisp: str, *arguments: str | Path, timeout: float = 120) -> str:
        done = subprocess.run(
            [program, "-Q", "--batch", "--eval", f"(progn {quiet} (require 'org) {lisp}\n)"]
            + [str(argument) for argument in arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=timeout,
            check=False,
        )
        assert done.returncode == 0, f"Emacs ended with {done.returncode}:\n{done.stderr}"
        return done.stdout

    return run
