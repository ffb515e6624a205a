"""Each code of `check` has an example text here, and `--fix` fixes what can be fixed."""

import pytest

from orglab import open_log
from orglab.experiment.diagnostic import CODES, ERRORS
from texts import SEED

TWICE = SEED + "\n" + SEED.replace("ABC in XYZ model", "Another")
TEXTS = {
    "twice": SEED.replace("2. [ ] Test XYZ with ABC", "2. [ ] Test XYZ without ABC"),
    "conflict": SEED.replace("** Notes\n", "** Notes\n<<<<<<< HEAD\n- ours\n=======\n- theirs\n>>>>>>> other\n"),
    "duplicate-id": TWICE,
    "no-id": SEED.replace("[201] ", "").replace("  :PROPERTIES:\n  :ID:       201\n  :END:\n", ""),
    "bad-id": SEED.replace("[201] ", "").replace(":ID:       201", ":ID:       2 0 1"),
    "misplaced-drawer": SEED.replace(
        "  :PROPERTIES:\n", "  SCHEDULED: <2018-06-07 Thu>\n  DEADLINE: <2018-06-08 Fri>\n  :PROPERTIES:\n"
    ),
    "lower-case-box": SEED.replace("[X]", "[x]"),
    "stale-cookie": SEED.replace("[1/2]", "[0/2]"),
    "steps-state": SEED.replace("TODO Experiments", "DONE Experiments").replace("[0%]", "[50%]"),
    "no-steps": SEED.replace("** TODO Experiments [1/2]\n1. [X]", "** Runs\n- ").replace("2. [ ]", "- "),
    "second-list": SEED.replace("2. [ ] Test XYZ with ABC\n", "\nWords between.\n\n1. [ ] Test XYZ with ABC\n"),
    "same-number": SEED.replace("2. [ ]", "2. [@1] [ ]"),
    "no-created": SEED.replace("  [2018-06-06 Wed 16:16]\n", ""),
    "unknown-reference": SEED.replace("** Notes\n", "** Notes\n- as in [e999]\n"),
    "unknown-keyword": SEED.replace("* TODO [201]", "* LATER [201]"),
    "other-verdict": SEED.rstrip("\n")
    + "\n:PROPERTIES:\n:VERDICT: supported\n:END:\n[2018-06-20 Wed 10:00] refuted: no\n",
    "unknown-verdict": SEED.rstrip("\n") + "\n:PROPERTIES:\n:VERDICT: refutd\n:END:\n",
    "unclosed": SEED.replace("** Notes\n", "** Notes\n#+begin_src python\nprint()\n"),
    "newer-format": "#+ORGLAB_FORMAT: 2\n" + SEED,
    "setup-file": "#+SETUPFILE: common.org\n" + SEED,
}


@pytest.fixture
def log(tmp_path):
    (tmp_path / "log.org").write_text(SEED)
    return open_log(tmp_path / "log.org")


def codes(found):
    return {one.code for one in found}


def test_the_example_has_nothing_to_report(log):
    assert log.check() == []


def test_every_code_has_a_text_here():
    # Checks that need git are tested in tests/history/test_dead_commits.py, tests/log/ and tests/log/merge/.
    with_git = {"lost", "lost-in-merge", "tracked-name", "moved-hash", "dead-hash", "discarded"}
    assert set(TEXTS) == set(CODES) - with_git - {"bad-term"}
    assert set(CODES) > ERRORS


def test_a_heading_that_does_not_have_the_form_of_the_template_may_have_no_steps(log):
    log.path.write_text("* Warmup :exp:\n:PROPERTIES:\n:ID: 1\n:END:\n[2026-06-01 Mon 09:30]\n** Notes\n")
    assert log.check() == []
    log.path.write_text(log.path.read_text().replace("* Warmup", "* [1] Warmup"))
    assert codes(log.check()) == {"no-steps"}


@pytest.mark.parametrize("code", TEXTS)
def test_each_code_is_reported_for_its_text_at_a_position(log, code):
    log.path.write_text(TEXTS[code])
    found = [one for one in log.check() if one.code == code]
    assert found
    for one in found:
        assert 1 <= one.line <= TEXTS[code].count("\n")
        assert one.column >= 1
        assert one.is_error == (code in ERRORS)
    assert log.path.read_text() == TEXTS[code]


@pytest.mark.parametrize("code", ["no-id", "lower-case-box", "stale-cookie"])
def test_safe_fixes_are_applied_and_not_reported_again(log, code):
    log.path.write_text(TEXTS[code])
    mended, left = log.fix()
    assert code in codes(mended)
    assert code not in codes(left)
    after = log.path.read_text()
    assert after != TEXTS[code]
    assert log.fix()[0] == []  # a second time there is nothing to mend
    assert log.path.read_text() == after


@pytest.mark.parametrize("code", sorted(set(TEXTS) - {"no-id", "lower-case-box", "stale-cookie"}))
def test_unsafe_problems_have_no_fix(log, code):
    log.path.write_text(TEXTS[code])
    assert not any(one.fix for one in log.check() if one.code == code)


def test_a_duplicate_id_is_reported_with_both_lines(log):
    log.path.write_text(TWICE)
    (found,) = [one for one in log.check() if one.code == "duplicate-id"]
    second = TWICE[: TWICE.index("* TODO [201] Another")].count("\n") + 1
    assert (found.line, "in line 1 " in found.message) == (second, True)


def test_a_run_with_two_notes_is_named(log):
    note = "- [2018-06-06 Wed {}] (83d45cd) ran true, exit 0, 0s\n  run 20180606-161600-3f2a1b\n"
    log.path.write_text(SEED.replace("** Notes\n", "** Notes\n" + note.format("16:20")))
    assert codes(log.check()) == set()
    log.path.write_text(SEED.replace("** Notes\n", "** Notes\n" + note.format("16:20") + note.format("23:20")))
    (found,) = log.check()
    first = SEED[: SEED.index("** Notes")].count("\n") + 3
    message = f"The run 20180606-161600-3f2a1b has another note in line {first}; delete one of them."
    assert (found.code, found.line, found.message) == ("twice", first + 2, message)


def test_an_invalid_term_is_reported_with_its_line(log):
    (log.path.parent / "orglab-terms.txt").write_text("warmup: ramp up\n: nothing\n")
    found = [one for one in log.check() if one.code == "bad-term"]
    assert [(one.line, one.column) for one in found] == [(2, 1)]
    assert found[0].file.endswith("orglab-terms.txt")


def test_only_the_given_codes_are_fixed_and_reported(log):
    log.path.write_text(TEXTS["lower-case-box"] + "* TODO Nameless :exp:\n")
    mended, left = log.fix(only=("lower-case-box",))
    assert codes(mended) == {"lower-case-box"}
    assert not left
    assert "no-id" in codes(log.check())
    assert log.fix(only=("moved-hash",)) == ([], [])


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        (
            "SCHEDULED: <2018-06-07 Thu>\nDEADLINE: <2018-06-08 Fri>\n:PROPERTIES:\n:ID: 44\n:END:\n",
            4,
            "line 3 is a second",
        ),
        ("text\n:PROPERTIES:\n:ID: 44\n:END:\n", 3, "directly follow"),
        ("\n:PROPERTIES:\n:ID: 44\n:END:\n", 3, "directly follow"),
        (":PROPERTIES:\n:ID: 44\nwords\n:END:\n", 2, "no property"),
    ],
)
def test_properties_that_org_does_not_read_are_explained_and_get_no_second_id(log, emacs, text, line, why):
    log.path.write_text(f"* TODO Title :exp:\n{text}")
    (found,) = [one for one in log.check() if one.code == "misplaced-drawer"]
    assert (found.line, found.fix) == (line, ())
    assert why in found.message
    assert "no-id" not in codes(log.check())
    before = log.path.read_bytes()
    log.fix()
    assert log.path.read_bytes() == before
    lint = "(require 'org-lint) (find-file (pop command-line-args-left)) (princ (length (org-lint)))"
    assert int(emacs(lint, log.path)) > 0


LINKS = """\
* TODO [1] A :exp:
:PROPERTIES:
:ID: 1
:CUSTOM_ID: one
:END:
[2026-01-01 Thu 10:00]

- [[#1]] [[id:1]] [[#one]] [[file:log.org::#one]] [[./log.org::#one][x]] [[id:head]] [[file:other.org::#head][h]]
  [[id:0f9e5bd1-6a3f-4f0e-8a35-1c1b4d3f7a10]] [[file:../outside.org::#x]]
- DEAD

#+begin_src sh
if [[#none]]; then
#+end_src

** TODO Experiments [0/1]
1. [ ] one
"""


@pytest.mark.parametrize(
    "link",
    [
        "#none",
        "id:none",
        "ID:2",
        "file:log.org::#none",
        "other.org::#none",
        "file:gone.org::#head",
        "#0f9e5bd1-6a3f-4f0e-8a35-1c1b4d3f7a10",
    ],
)
def test_dead_links_of_every_kind_are_named(log, link):
    (log.path.parent / "other.org").write_text("* Head\n:PROPERTIES:\n:CUSTOM_ID: head\n:END:\n")
    log.path.write_text(LINKS.replace("- DEAD\n", ""))
    assert log.check() == []
    log.path.write_text(LINKS.replace("DEAD", f"[[{link}]]"))
    (found,) = log.check()
    assert (found.code, found.line) == ("unknown-reference", 10)
    assert found.message == f"The link target {link} does not exist."
