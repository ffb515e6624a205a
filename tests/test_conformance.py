"""Comparison with recorded answers of Org: `tests/conformance/run.py`."""

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest

RUNNER = Path(__file__).parent / "conformance" / "run.py"
OWN = RUNNER.with_name("own.json")

# What is not as Org has it, by the rule that makes it so (format.md): which groups it may happen in.
ON_PURPOSE = {
    "a match string with a syntax error is an error; Org silently matches more": {"match", "fuzz2_match"},
    "C-c C-c renumbers and realigns the whole list; ticking a box here does not": {"toggle"},
}
NOT_OFFERED = {
    "lists are not renumbered, re-indented, repaired or moved": {"list"},
    "no fuzzy search for the target of a link": {"extra"},
}


def run(path: Path) -> tuple[int, dict, str]:
    done = subprocess.run([sys.executable, RUNNER, path], capture_output=True, encoding="utf-8", check=False)
    return done.returncode, json.loads(done.stdout) if done.stdout else {}, done.stderr


def write_cases(path: Path, *cases: dict) -> Path:
    path.write_text(json.dumps([{"differs": None, **case} for case in cases]))
    return path


def case(name: str, text: str, form: str, **expect) -> dict:
    return {"id": name, "input": text, "form": form, "expect": expect}


def test_we_do_what_org_does_with_our_own_texts():
    code, report, errors = run(OWN)
    assert (code, report["failed"]) == (0, []), errors
    assert set(report["groups"]) >= {"structure", "objects", "cookies", "match", "todo", "toggle", "put_prop"}
    assert all(passed == total for passed, total in report["groups"].values())


def test_our_own_records_are_up_to_date(tmp_path, emacs):
    # The installed Org records them again: the texts, the forms and the results.
    del emacs
    path = tmp_path / "own.json"
    done = subprocess.run([sys.executable, RUNNER.with_name("record.py"), path], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    recorded, ours = (json.loads(one.read_text()) for one in (path, OWN))
    assert [(one["id"], one["input"], one["form"]) for one in recorded] == [
        (one["id"], one["input"], one["form"]) for one in ours
    ]
    code, report, errors = run(path)
    assert (code, report["failed"]) == (0, []), errors


@pytest.mark.shared
@pytest.mark.parametrize("name", ["public.json.gz", "corpus-public.json.gz"])
def test_we_do_what_org_does(shared, name):
    code, report, errors = run(shared / "oracle" / name)
    assert report.get("failed") == [], errors
    assert code == 0
    listed = [*report["on_purpose"].items(), *report["not_offered"].items()]
    for rule, names in listed:
        allowed = {**ON_PURPOSE, **NOT_OFFERED}[rule]
        assert {name.partition("/")[0] for name in names} <= allowed
    passed = sum(group[0] for group in report["groups"].values())
    assert passed + sum(len(names) for _, names in listed) == sum(group[1] for group in report["groups"].values())
    assert passed > 1400


def test_a_plain_file_is_read_and_what_differs_fails(tmp_path):
    path = write_cases(
        tmp_path / "cases.json",
        case(
            "cookie_all/right", "* A [/]\n- [X] a\n", "(org-update-statistics-cookies t)", output="* A [1/1]\n- [X] a\n"
        ),
        case(
            "cookie_all/wrong", "* A [/]\n- [X] a\n", "(org-update-statistics-cookies t)", output="* A [0/1]\n- [X] a\n"
        ),
        case("other/unknown", "* A\n", "(org-sort-entries)", output="* A\n"),
    )
    code, report, errors = run(path)
    assert code == 1
    assert report["groups"] == {"cookie_all": [1, 2], "other": [0, 1]}
    assert report["failed"] == ["cookie_all/wrong", "other/unknown"]
    assert "-* A [0/1]\n+* A [1/1]" in errors
    assert "no rule for the form (org-sort-entries)" in errors


def test_a_gzipped_file_is_read_and_tags_may_stand_anywhere(tmp_path):
    plain = write_cases(
        tmp_path / "cases.json",
        case("t/1", "* A [/] :t:\n", "(org-update-statistics-cookies t)", output=f"* A [0/0]{' ' * 60}:t:\n"),
        case("t/2", "* A :t:\n", '(match-titles "t|")', value=["A"]),
        case("t/3", "* A :t:\n", '(match-titles "(t")', value=["A"]),
        case("t/4", "1. a\n1. b\n", '(at "1. a") (org-list-repair)', output="1. a\n2. b\n"),
    )
    path = tmp_path / "cases.json.gz"
    path.write_bytes(gzip.compress(plain.read_bytes()))
    code, report, errors = run(path)
    assert (code, errors) == (0, "")
    assert report["groups"] == {"t": [2, 4]}
    assert list(report["on_purpose"].values()) == [["t/3"]]
    assert list(report["not_offered"].values()) == [["t/4"]]


def test_settings_of_a_case_count(tmp_path):
    text = "* TODO A [/]\n- a\n  - [X] b\n"
    path = write_cases(
        tmp_path / "cases.json",
        {
            **case("c/1", text, "(org-update-statistics-cookies t)", output="* TODO A [1/1]\n- a\n  - [X] b\n"),
            "settings": "((org-checkbox-hierarchical-statistics nil))",
        },
        {
            **case(
                "c/2",
                "* TODO A\n",
                '(at "* TODO") (org-todo "DONE")',
                output="* DONE A\nCLOSED: [2026-06-15 Mon 12:30]\n",
            ),
            "settings": "((org-log-done 'time))",
        },
    )
    code, _, errors = run(path)
    assert (code, errors) == (0, "")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"not JSON", "cannot be read as recorded answers"),
        (json.dumps([{"repo": "a/b", "path": "c.org"}]).encode(), "org-files.tar.gz, which is not there"),
    ],
)
def test_an_invalid_file_is_refused_in_a_sentence(tmp_path, content, said):
    path = tmp_path / "oracle" / "cases.json"
    path.parent.mkdir()
    path.write_bytes(content)
    code, report, errors = run(path)
    assert (code, report) == (1, {})
    assert said in errors
    assert "Traceback" not in errors


def test_a_missing_file_is_refused_in_a_sentence(tmp_path):
    code, _, errors = run(tmp_path / "cases.json")
    assert code == 1
    assert "cannot be read as recorded answers" in errors
    assert "Traceback" not in errors
