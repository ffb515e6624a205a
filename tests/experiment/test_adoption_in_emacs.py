"""Emacs agrees with adopted notebooks: it recounts no cookie that it left alone before, and org-lint finds nothing new.

All files are written first, and one Emacs looks at all of them.
"""

import json
from collections import Counter

import pytest

from notebooks import NOTEBOOKS
from orglab.api import Log

LOOK = """
(require 'org-lint) (require 'json)
(setq org-auto-align-tags nil org-inhibit-startup t)
(dolist (file (directory-files (car command-line-args-left) t "\\\\.org\\\\'"))
  (with-temp-buffer
    (let ((coding-system-for-read 'utf-8-unix)) (insert-file-contents file))
    (setq default-directory (file-name-directory file))
    (org-mode)
    (let ((before (buffer-string))
          (lint (mapcar (lambda (report) (substring-no-properties (aref (cadr report) 2))) (org-lint)))
          (found (org-map-entries (lambda () (org-entry-get nil "ID")) "exp+ID={.}")))
      (org-update-statistics-cookies t)
      (princ (json-encode (list (file-name-base file) before (buffer-string) (vconcat lint) (vconcat found))))
      (princ "\n"))))
(setq command-line-args-left nil)
"""


def look(emacs, folder, texts):
    """Adopt everything that is offered, and return how many cookies Emacs changes, what it lints, and the ids."""
    for name, text in texts.items():
        (folder / f"{name}--before.org").write_bytes(text)
        path = folder / f"{name}--after.org"
        path.write_bytes(text)
        log = Log(path)
        made = log.make_experiments([group.letter for group in log.adopt().candidates])
        moved = folder / f"{name}--moved.org"
        moved.write_bytes(path.read_bytes())
        Log(moved).follow_template([one.id for one in made])
    seen = {}
    for line in emacs(LOOK, folder).splitlines():
        name, before, after, lint, ids = json.loads(line)
        changed = Counter(zip(before.splitlines(), after.splitlines(), strict=True))
        seen[name] = (
            Counter(
                {
                    (old.removesuffix(" :exp:"), new.removesuffix(" :exp:")): n
                    for (old, new), n in changed.items()
                    if old != new
                }
            ),
            Counter(lint),
            ids,
        )
    assert len(seen) == 3 * len(texts)
    return seen


def check(seen, name):
    before, known, _ = seen[f"{name}--before"]
    for change in ("after", "moved"):
        recounted, lint, _ = seen[f"{name}--{change}"]
        assert recounted == before
        assert lint - known == Counter()


@pytest.fixture(scope="module")
def seen(emacs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("notebooks")
    return look(emacs, folder, {name: text.encode() for name, text in NOTEBOOKS.items()})


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_emacs_agrees_with_notebooks(seen, name):
    check(seen, name)
    assert seen[f"{name}--before"][0] == Counter()


def test_emacs_finds_the_experiments(seen):
    assert {"1", "2", "3", "3a"} <= set(seen["laboratory--after"][2])
    assert seen["laboratory--before"][2] == []


@pytest.mark.shared
def test_emacs_agrees_with_the_notebooks_of_others(emacs, shared, tmp_path):
    folder = shared / "corpus" / "lab-notebooks"
    texts = {path.stem: path.read_bytes() for path in folder.glob("*.org")}
    found = look(emacs, tmp_path, texts)
    for name in texts:
        check(found, name)
