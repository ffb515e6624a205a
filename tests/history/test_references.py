"""Where an experiment is named, and what the references in a text mean."""

import json
import os
import subprocess
import sys

import pytest

from commands import Orglab
from lab import SOURCE
from orglab.api import Log
from orglab.history.references import find_occurrences, resolve_reference, resolve_text
from orglab.history.sources import Sources
from orglab.reference import Reference
from texts import SEED

NAME = "experiment_log.org"
OTHER = """\
* DONE [202] Longer training :exp:
:PROPERTIES:
:ID: 202
:END:
- As in [[id:201]], [[file:experiment_log.org::#201]], [e201.2] and [[e201]].
** DONE Conclusions
:PROPERTIES:
:VERDICT: refuted
:END:
"""


@pytest.fixture
def orglab(capsys):
    return Orglab(capsys)


def places(repo, wanted=None):
    found = find_occurrences(Sources(Log(repo.path / NAME)), wanted)
    return [(one.kind, one.reference, one.path and one.path.name, one.line) for one in found]


def test_commits_files_log_and_journal_name_an_experiment(repo):
    repo.commit(
        "[e201.1] Results\n\nand [e201.2]", {NAME: SEED + OTHER, "train.py": "import x\n# see [e201] and [e9]\n"}
    )
    repo.write("untracked.py", "# [e201]\n")
    repo.write("journal.org", "* 2018\n** 2018-06 June\n*** 2018-06-06 Wednesday\n**** [[id:201]] a thought\n")
    e201, one, two, nine = Reference("201"), Reference("201", 1), Reference("201", 2), Reference("9")
    wanted = [
        ("commit", one, None, None),
        ("commit", two, None, None),
        ("file", e201, "train.py", 2),
        ("log", e201, NAME, 20),
        ("log", e201, NAME, 20),
        ("log", two, NAME, 20),
        ("journal", e201, "journal.org", 4),
    ]
    assert places(repo, e201) == wanted
    assert places(repo, two) == [place for place in wanted if place[1] == two]
    assert places(repo) == [*wanted[:3], ("file", nine, "train.py", 2), *wanted[3:]]
    assert places(repo, nine) == [("file", nine, "train.py", 2)]


def test_a_word_in_brackets_is_not_a_reference(repo):
    repo.commit("[error] x = [entry]", {NAME: SEED, "a.py": "x = [entry, [e] ]\ny = [else]\n"})
    assert places(repo) == []


def test_an_occurrence_in_the_log_has_its_experiment(repo):
    repo.commit("new", {NAME: SEED + OTHER})
    found = [*find_occurrences(Sources(Log(repo.path / NAME)), Reference("201", 2))]
    assert [(one.within, one.text[:7]) for one in found] == [("e202", "- As in")]


def test_symbolic_links_pipes_and_huge_lines_are_harmless(repo):
    repo.commit("new", {NAME: SEED, "a": "[e201]", "b": "[e201]", "long": "x" * 3_000_000 + " [e201] " + "y" * 300})
    for name in ("a", "b"):
        (repo.path / name).unlink()
    os.mkfifo(repo.path / "a")
    (repo.path / "b").symlink_to("/etc/passwd")
    (found,) = find_occurrences(Sources(Log(repo.path / NAME)))
    assert found.path.name == "long"
    assert found.text == "…" + "x" * 119 + " [e201] " + "y" * 113 + "…"


def test_the_refs_of_all_are_grouped(repo, orglab):
    repo.commit("[e201.1] Results [e7]", {NAME: SEED + OTHER, "sub/a.py": "# [e202], [e201]\n"})
    short = repo.git("rev-parse", "--short", "HEAD")
    assert orglab("refs").out.splitlines() == [
        "e201  ABC in XYZ model",
        "Commits",
        f"  {short}  2018-06-06  e201.1  [e201.1] Results [e7]",
        "Files",
        "  sub/a.py:1  e201  # [e202], [e201]",
        "Log",
        f"  {NAME}:20  e201, e201.2 (in e202)  {OTHER.splitlines()[4]}",
        "",
        "e202  Longer training",
        "Files",
        "  sub/a.py:1  e202  # [e202], [e201]",
        "",
        "e7  (unknown experiment)",
        "Commits",
        f"  {short}  2018-06-06  e7  [e201.1] Results [e7]",
    ]
    assert orglab("refs", "202").out.splitlines()[1:] == ["Files", "  sub/a.py:1  e202  # [e202], [e201]"]
    (form,) = json.loads(orglab("refs", "202", "--json").out)["references"]
    assert (form["kind"], form["file"], form["line"], form["ref"]) == ("file", "sub/a.py", 1, "e202")
    assert "no experiment e9" in orglab("refs", "9", code=3).err


def test_paths_are_as_seen_from_here(repo, orglab, monkeypatch):
    repo.commit("new", {NAME: SEED, "sub/a.py": "# [e201]\n"})
    monkeypatch.chdir(repo.path / "sub")
    assert "  a.py:1  e201" in orglab("refs", "201").out


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (b"[e201]", [("e201", True, ())]),
        (b"x [e201.2], [e202] [error] foo[e201]", [("e201.2", True, ()), ("e202", True, ())]),
        (b"[e201.7]", [("e201.7", False, ("e201.2", "e201.1"))]),
        (b"[e202.1]", [("e202.1", False, ("e202",))]),
        (b"[e210]", [("e210", False, ("e201", "e202"))]),
        (b"[e9]", [("e9", False, ("e201", "e202"))]),
        (b"[e1.99999999999] [[e201]]", []),
        (b"\xff [e201]\0", [("e201", True, ())]),
    ],
)
def test_what_a_text_names(tmp_path, text, wanted):
    log = tmp_path / NAME
    log.write_text(SEED + OTHER)
    found = [(one.spelled, one.is_known, one.near) for one in resolve_text(Sources(Log(log)), text)]
    assert [(spelled, known, set(near)) for spelled, known, near in found] == [
        (spelled, known, set(near)) for spelled, known, near in wanted
    ]


def test_the_nearest_of_ids_that_are_words(tmp_path):
    log = tmp_path / NAME
    log.write_text("".join(f"* TODO [{name}] T :exp:\n" for name in ("dropout-a", "dropout-b", "x1")))
    found = resolve_reference(Sources(Log(log)), Reference("dropout-c"))
    assert set(found.near) == {"edropout-a", "edropout-b"}


def test_resolve_shows_the_experiment_and_its_line(repo, orglab):
    repo.write(NAME, SEED + OTHER)
    said = orglab("refs", "--in", "Results of [e201.1] and [e202]").out.splitlines()
    assert said == [
        f"e201.1  [X] Test XYZ without ABC  e201 ABC in XYZ model  (TODO)  {NAME}:12",
        f"e202  Longer training  (DONE, refuted)  {NAME}:16",
    ]
    for spelled in ("201.1", "e201.1", "[e201.1]"):
        assert orglab("refs", "--in", spelled).out.splitlines() == said[:1]
    unknown = orglab("refs", "--in", "[e201.1] [e203] [e201.9]", code=3)
    assert unknown.out.splitlines() == said[:1]
    assert "There is no experiment e203; nearest: e20" in unknown.err
    assert "There is no step 9 in e201; nearest: e201.2, e201.1." in unknown.err
    assert "No references" in orglab("refs", "--in", "some words").err
    forms = json.loads(orglab("refs", "--in", "[e201.1] [e203]", "--json").out)["references"]
    assert [(one["ref"], one["is_known"], one["line"]) for one in forms] == [
        ("e201.1", True, 12),
        ("e203", False, None),
    ]


def piped(repo, given, *arguments):
    done = subprocess.run(
        [sys.executable, "-m", "orglab", "resolve", *arguments],
        cwd=repo.path,
        input=given,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        capture_output=True,
        check=True,
    )
    return done.stdout.decode()


def test_what_is_piped_in_is_annotated(repo):
    repo.write(NAME, SEED + OTHER)
    given = b"commit 1\n\n    [e201.1] x, [e201.1]\n\x1b[31m\xff [e9]\r\nno end"
    said = f"e201.1  [X] Test XYZ without ABC  e201 ABC in XYZ model  (TODO)  {NAME}:12"
    for arguments in ((), ("-",)):
        assert piped(repo, given, *arguments).split("\n") == [
            "commit 1",
            "",
            "    [e201.1] x, [e201.1]",
            f"    = {said}",
            "[31m\ufffd [e9]",
            "= There is no experiment e9; nearest: e201, e202.",
            "no end",
            "",
        ]
    forms = json.loads(piped(repo, given, "--json"))["references"]
    assert [(one["ref"], one["input_line"]) for one in forms] == [("e201.1", 3), ("e201.1", 3), ("e9", 4)]


def test_lines_are_annotated_as_they_come(repo):
    repo.write(NAME, SEED)
    with subprocess.Popen(
        [sys.executable, "-m", "orglab", "resolve"],
        cwd=repo.path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
    ) as process:
        process.stdin.write(b"[e201]\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"[e201]\n"
        assert process.stdout.readline().startswith(b"= e201  ABC in XYZ model")
        process.stdin.close()
    assert process.returncode == 0
