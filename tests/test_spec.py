"""The specification of the format, `spec/`: each of its cases holds here, and each of its sections has one.

`spec/README.md` describes a case. Reading goes through `orglab.open_log`, operations through the commands, at the time
that the case gives.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path

import pytest

import orglab
from orglab import clock
from orglab.cli.main import run
from orglab.config import Config
from orglab.experiment.diagnostic import CODES

SPEC = Path(__file__).resolve().parents[1] / "spec"
CASES = sorted((SPEC / "cases").glob("*.json"))
FILES = {"log": "experiment_log.org", "journal": "journal.org", "archive": "experiment_log.org_archive"}
COMMIT = "83d45cd"
"""The commit of the operations; here it stands for one of the repository that a test makes."""


def load(name: str) -> dict[str, object]:
    """Return a case by the name of its file."""
    return json.loads((SPEC / "cases" / name).read_text("utf-8"))


# ---- what is read ----


def spell_time(at):
    return None if at is None else at.isoformat()


def spell_note(note):
    return {
        "time": spell_time(note.at), "commit": note.commit, "recorded": note.original, "author": note.author,
        "text": clean(note.text),
    }  # fmt: skip


def spell_step(step):
    return {
        "number": step.number, "state": step.state, "text": clean(step.text), "commits": [*step.commits],
        "recorded": [*step.originals], "notes": [spell_note(note) for note in step.notes],
    }  # fmt: skip


def spell_conclusion(conclusion):
    entries = [
        {"time": spell_time(one.at), "verdict": one.verdict, "author": one.author, "text": clean(one.text)}
        for one in conclusion.entries
    ]
    return {
        "state": conclusion.state, "verdict": conclusion.verdict, "text": clean(conclusion.text),
        "time": spell_time(conclusion.at), "author": conclusion.author, "confirmed": spell_time(conclusion.confirmed),
        "entries": entries,
    }  # fmt: skip


def spell_experiment(experiment):
    """Return an experiment as the cases have it."""
    return {
        "id": experiment.id, "title": clean(experiment.title), "state": experiment.state, "kind": experiment.kind,
        "tags": [*experiment.tags], "created": spell_time(experiment.created), "closed": spell_time(experiment.closed),
        "description": clean(experiment.description), "notes": [spell_note(note) for note in experiment.notes],
        "steps": [spell_step(step) for step in experiment.steps], "properties": experiment.properties,
        "conclusion": spell_conclusion(experiment.conclusion),
    }  # fmt: skip


def spell_entry(entry, letter):
    return {
        "time": spell_time(entry.at), "author": entry.author, "title": clean(entry.title), "text": clean(entry.text),
        "references": [one.spell(letter) for one in entry.references],
    }  # fmt: skip


def clean(text: str) -> str:
    """Return a text with U+FFFD for bytes that are not UTF-8."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def is_as_expected(read, expected):
    """Return whether a value agrees with a case: lists are compared whole, objects in the members that a case has."""
    if isinstance(expected, dict):
        return all(name in read and is_as_expected(read[name], value) for name, value in expected.items())
    if isinstance(expected, list):
        return len(read) == len(expected) and all(map(is_as_expected, read, expected))
    return read == expected


def read_all(case, log):
    """Return all that a case may expect of a file."""
    letter = log.config.letter
    experiments = log.archived_experiments(log.document()) if case.get("file") == "archive" else log.experiments()
    return {
        "experiments": [spell_experiment(one) for one in experiments],
        "entries": [spell_entry(one, letter) for one in log.journal_entries()],
        "problems": [{"line": one.line, "problem": one.code} for one in log.check()],
        "texts": [{**one, **find_references(log, one)} for one in case.get("texts", ())],
    }


def find_references(log, one):
    """Return the references in a text, or in the message of a commit, each once; and the experiments they lead to."""
    if "message" in one:
        named = log.find_named(one["message"].encode())
        return {"references": [*named.titles, *(reference.spell(log.config.letter) for reference in named.unknown)]}
    found = log.resolve(one["text"])
    return {
        "references": [one.spelled for one in found],
        "experiments": [one.experiment.id if one.experiment is not None else None for one in found],
    }


# ---- what is written ----


def command_of(operation, commit):
    """Return the command for an operation."""
    name, given = operation["name"], operation
    words = {
        "new": ["new", given.get("title")],
        "confirm": ["conclude", "--confirm"],
        "undo": ["done", "--undo"],
        "done": ["done", *(("--no-commit",) if not given.get("commits") else ())],
    }.get(name, [name])
    words += [word for step in given.get("steps", ()) for word in ("-s", step)]
    words += [word for tag in given.get("tags", ()) for word in ("-t", tag)]
    words += [word for _ in given.get("commits", ()) for word in ("-c", commit)]
    options = {"description": "-d", "author": "--as", "verdict": "--verdict", "reason": "-m"}
    words += [word for key, option in options.items() if key in given for word in (option, given[key])]
    if name == "conclude" and "keyword" in given:
        words += ["--state", given["keyword"]]
    words += ["--to", given["id"]] if "id" in given else []
    words += ["--all"] if given.get("all") else []
    words += ["--", *(given[key] for key in ("reference", "text") if key in given)]
    return words + ([given["keyword"]] if name == "state" else [])


def perform(case, name, folder, capsys, monkeypatch, commit=COMMIT):
    """Perform the operation of a case on the file `name`; return its bytes afterwards, and the exit code."""
    operation = case["operation"]
    now = datetime.fromisoformat(operation["now"])
    monkeypatch.setattr(clock, "now", lambda: now)
    command = command_of(operation, commit)
    capsys.readouterr()
    code = run(command)
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    return (folder / name).read_bytes().replace(commit.encode(), COMMIT.encode()), code, said.err


def prepare(case, text, folder):
    """Write the file and the settings of a case, and return the name of the file."""
    name = FILES[case.get("file", "log")]
    log = folder / FILES["log"]
    log.write_bytes(b"* TODO [201] ABC :exp:\n" if name == FILES["journal"] else b"")
    (folder / name).write_bytes(text)
    settings = [f"{key} = {json.dumps(value)}\n" for key, value in case.get("settings", {}).items()]
    (folder / "orglab.toml").write_text("".join(settings), "utf-8")
    return name


def find_folder(case, request):
    """Return an empty folder for a case, which is a git repository with a commit if the case has one to record."""
    if case.get("operation", {}).get("commits"):
        repo = request.getfixturevalue("repo")
        repo.commit("results", {"results.txt": "0.91\n"})
        return Path.cwd(), repo.git("rev-parse", "--short=7", "HEAD").strip()
    folder = request.getfixturevalue("tmp_path")
    request.getfixturevalue("monkeypatch").chdir(folder)
    return folder, COMMIT


@pytest.mark.slow
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_case_of_the_specification_holds(path, request, capsys, monkeypatch):
    case = load(path.name)
    text = path.with_suffix(".org").read_bytes()
    folder, commit = find_folder(case, request)
    text = text.replace(COMMIT.encode(), commit.encode())
    name = prepare(case, text, folder)
    read = read_all(case, orglab.open_log())
    expected = {key: case[key] for key in ("experiments", "entries", "texts") if key in case}
    assert is_as_expected(read, expected), json.dumps(read, indent=1)
    # There may be others, such as that an experiment has no time.
    assert [problem for problem in case.get("problems", ()) if problem not in read["problems"]] == []
    assert (folder / name).read_bytes() == text
    if "operation" in case:
        written, code, said = perform(case, name, folder, capsys, monkeypatch, commit)
        after = (
            path.with_suffix(".org").read_bytes()
            if case.get("refused")
            else path.with_suffix(".after.org").read_bytes()
        )
        assert written.decode("utf-8", "replace") == after.decode("utf-8", "replace"), said
        assert written == after
        assert bool(code) is case.get("refused", False), said


# ---- the cases and the words ----


def test_every_section_has_a_case_and_every_case_a_section():
    sections = re.findall(r"^### ([0-9]+\.[0-9]+) ", (SPEC / "format-1.md").read_text("utf-8"), re.MULTILINE)
    assert len(sections) == len({*sections}) > 40
    assert {*sections} == {load(path.name)["section"] for path in CASES}


def test_every_file_of_the_cases_belongs_to_a_case():
    names = {path.stem for path in CASES}
    edited = {name for name in names if "operation" in load(f"{name}.json") and not load(f"{name}.json").get("refused")}
    expected = {f"{name}.{end}" for name in names for end in ("json", "org")} | {f"{name}.after.org" for name in edited}
    assert {path.name for path in (SPEC / "cases").iterdir()} == expected


def test_every_member_of_a_case_is_described():
    """A stranger has to know what each name means, wherever it is in a case."""

    def names(value):
        if isinstance(value, dict):
            for name, inner in value.items():
                yield name
                # The names of settings and properties are those of the specification.
                yield from names(inner) if name not in ("settings", "properties") else ()
        elif isinstance(value, list):
            for inner in value:
                yield from names(inner)

    described = {*re.findall(r"`(\w+)`", (SPEC / "README.md").read_text("utf-8"))}
    cases = [load(path.name) for path in CASES]
    assert {name for case in cases for name in names(case)} - described == set()
    assert {case["operation"]["name"] for case in cases if "operation" in case} - described == set()


def test_every_problem_of_the_cases_is_in_the_specification_and_known_here():
    text = (SPEC / "format-1.md").read_text("utf-8")
    named = {*re.findall(r"^\| `([a-z-]+)` \|", text[text.index("### 12.1") :], re.MULTILINE)}
    used = {problem["problem"] for path in CASES for problem in load(path.name).get("problems", ())}
    assert used <= named <= CODES.keys()


def test_the_settings_of_the_specification_are_ours():
    section = (SPEC / "format-1.md").read_text("utf-8").partition("### 1.4 ")[2].partition("### 1.5 ")[0]
    named = {
        name for row in re.findall(r"^\| (`.*?) \|", section, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)
    }
    used = {name for path in CASES for name in load(path.name).get("settings", {})}
    assert used <= named <= {*Config._fields}
