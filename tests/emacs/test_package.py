"""The Emacs package in emacs/: its tests in Lisp, each in an Emacs and a repository of its own, and what MELPA checks."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from once import make_once

pytestmark = pytest.mark.emacs_package

HERE = Path(__file__).parent
PACKAGE = HERE.parents[1] / "emacs"
DEBIAN = "/usr/share/emacs/site-lisp/elpa"
# The last one takes longest, so it begins first.
TESTS = re.findall(r"^\(ert-deftest (\S+)", (HERE / "orglab-tests.el").read_text(), re.MULTILINE)[::-1]
GUIDE = PACKAGE.parent / "docs/howto/emacs.md"
BLOCKS = re.findall(r"^```elisp\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
QUIET = """(setq make-backup-files nil auto-save-default nil create-lockfiles nil vc-handled-backends '(Git)
 org-element-use-cache nil load-prefer-newer t)"""


@pytest.fixture(scope="session")
def compiled(tmp_path_factory) -> Path:
    """The package and its tests, compiled without a warning, in a folder."""
    return make_once(tmp_path_factory, "package", compile_all)


def compile_all(folder: Path) -> None:
    """Copy the package and its tests into a folder, and compile them there."""
    for file in (*PACKAGE.glob("*.el"), *HERE.glob("*.el")):
        shutil.copy(file, folder)
    files = [str(file) for file in sorted(folder.glob("*.el"))]
    emacs(folder, "--eval", "(setq byte-compile-error-on-warn t)", "-f", "batch-byte-compile", *files)


def emacs(folder: Path, *arguments: str) -> str:
    """Run Emacs without the user's settings, with what is in a folder, and return what it prints."""
    if shutil.which("emacs") is None:
        pytest.skip("Emacs is not installed (Debian: apt install emacs-nox)")
    done = subprocess.run(
        ["emacs", "-Q", "--batch", "-L", str(folder), *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("name", TESTS)
@pytest.mark.usefixtures("repo")
def test_lisp(compiled, name):
    emacs(compiled, "--eval", QUIET, "-l", "orglab-tests", "--eval", f"(ert-run-tests-batch-and-exit '{name})")


SET_UP = """(progn
  (princ (car (assoc "e" org-capture-templates)))
  (princ (assoc "en" org-agenda-custom-commands))
  (princ (list git-commit-setup-hook global-orglab-mode (mapcar #'commandp '(orglab-dispatch orglab-new)))))"""


@pytest.mark.usefixtures("repo")
@pytest.mark.parametrize("starts", [("(package-install-file", "(package-initialize"), ("(add-to-list",)])
def test_the_guide_installs_it_in_a_fresh_home(starts, tmp_path_factory, monkeypatch):
    home, empty = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("empty")
    shutil.copytree(PACKAGE, home / "orglab/emacs")
    monkeypatch.setenv("HOME", str(home))
    *before, init = [next(block for block in BLOCKS if block.startswith(start)) for start in starts]
    for block in before:
        emacs(empty, "--eval", f"(progn {block})")
    told = emacs(empty, "--eval", f"(progn {init})", "--eval", SET_UP)
    assert told == "e(en Open steps orglab-agenda-next )((orglab-commit-message) t (t t))"


def test_checkdoc(compiled):
    # Whether a verb is an imperative is an experiment of checkdoc, which takes "steps" and "results" for verbs.
    check = (
        "(progn (require 'checkdoc) (setq checkdoc-verb-check-experimental-flag nil) (mapc #'checkdoc-file (list {})))"
    )
    files = " ".join(f'"{file}"' for file in sorted(PACKAGE.glob("*.el")))
    assert emacs(compiled, "--eval", check.format(files)) == ""


def test_package_lint(compiled):
    packages = f"""(progn (require 'package) (add-to-list 'package-directory-list "{DEBIAN}") (package-initialize)
      (unless (require 'package-lint nil t) (error "package-lint is not installed: make emacs-deps"))
      ;; What can be installed is what is installed here, not what an archive on the net has.
      (setq package-archive-contents package-alist
            package-lint-main-file "{PACKAGE / "orglab.el"}"))"""
    files = [str(file) for file in sorted(PACKAGE.glob("*.el"))]
    lint = """(dolist (file command-line-args-left) (with-current-buffer (find-file-noselect file)
      (dolist (problem (package-lint-buffer)) (princ (format "%s:%S\n" (buffer-name) problem)))))"""
    found = emacs(compiled, "--eval", packages, "--eval", f"(progn {lint} (setq command-line-args-left nil))", *files)
    # Version 0.16 is older than Emacs 28.1, and so thinks that it does not exist.
    assert [line for line in found.splitlines() if "in all released Emacs versions" not in line] == []
