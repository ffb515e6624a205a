"""Experiments that `org-archive-subtree` moved to the archive keep their ids."""

import json

import pytest

from commands import Orglab
from orglab.api import Log
from orglab.errors import NotFoundError

LOG = """\
#+TODO: TODO DOING | DONE KILLED
* DOING [2] Second, after [e1.1] :exp:
:PROPERTIES:
:ID: 2
:END:
[2026-01-01 Thu 10:00]

- Follows [[id:1]], [[#nowhere]].

** DOING Experiments [0/1]
1. [ ] a
* KILLED [1] First, with warmup :exp:
:PROPERTIES:
:ID: 1
:ALIASES: 7
:END:
[2026-01-01 Thu 09:00]

- A slower start helps.

** DONE Experiments [1/1]
1. [X] one
"""
ARCHIVE_LAST = """(find-file (pop command-line-args-left)) (goto-char (point-max)) (re-search-backward "^\\\\* ")
(org-archive-subtree) (save-buffer)"""


@pytest.fixture
def orglab(capsys):
    return Orglab(capsys)


@pytest.fixture
def archived(repo, emacs):
    repo.write("experiment_log.org", LOG)
    emacs(ARCHIVE_LAST, repo.path / "experiment_log.org")
    repo.git("add", ".")
    repo.git("commit", "--quiet", "-m", "[e1.1] The schedule")
    assert "[1]" not in (repo.path / "experiment_log.org").read_text()
    return repo


@pytest.mark.usefixtures("archived")
def test_an_archived_experiment_is_shown_and_found(orglab):
    for name in ("1", "e7"):
        answer = orglab("show", name).out
        assert answer.startswith("e1  First, with warmup\nKILLED  1 of 1 steps done")
        assert "experiment_log.org_archive:7" in answer
    assert "1. [X] one" in orglab("show", "1.1").out
    assert orglab("search", "slower").out.startswith("e1  KILLED  2026-01-01  First, with warmup  archived\n")
    hit = json.loads(orglab("search", "warmup", "--json").out)["hits"][0]
    assert (hit["ref"], hit["file"], hit["line"], hit["is_done"]) == ("e1", "experiment_log.org_archive", 7, True)
    assert "First, with warmup" in orglab("why", "HEAD").out
    references = orglab("refs", "1").out
    assert "e1.1 (in e2)" in references
    assert "[e1.1] The schedule" in references


@pytest.mark.usefixtures("archived")
def test_references_to_an_archived_experiment_are_not_unknown(orglab):
    answer = orglab("check", code=1).out
    assert "e1" not in answer
    assert "The link target #nowhere does not exist." in answer
    # The highest number that was ever an id is that of the alias.
    assert json.loads(orglab("new", "Third", "--json").out)["experiment"]["ref"] == "e8"


def test_an_archived_experiment_is_not_changed(archived, orglab):
    before = (archived.path / "experiment_log.org_archive").read_bytes()
    for command in (
        ("note", "1", "text"),
        ("done", "1.1"),
        ("conclude", "1", "text"),
        ("state", "1", "DOING"),
        ("start", "1"),
    ):
        answer = orglab(*command, code=3).err
        assert answer == "orglab: e1 is archived (experiment_log.org_archive:7), and orglab only changes the log.\n"
    assert (archived.path / "experiment_log.org_archive").read_bytes() == before


def test_the_search_follows_the_archive(archived, orglab):
    assert "First" in orglab("search", "slower").out
    archive = archived.path / "experiment_log.org_archive"
    archive.write_text(archive.read_text().replace("slower", "faster"))
    assert "First" not in orglab("search", "slower").out
    assert "First" in orglab("search", "faster").out
    archive.unlink()
    assert "First" not in orglab("search", "faster").out


def test_an_archive_that_leads_out_of_the_repository_is_not_read(archived, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "notes"
    archive = archived.path / "experiment_log.org_archive"
    archive.rename(outside)
    archive.symlink_to(outside)
    archived.git("add", ".")
    with pytest.raises(NotFoundError, match="no experiment e1"):
        Log(archived.path / "experiment_log.org").experiment("1")
