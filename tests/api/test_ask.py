"""The reading methods of `Log`."""

import pytest

from orglab.api import open_log
from orglab.errors import NotFoundError, UsageError
from texts import SEED

LOG = """\
* INPROGRESS [1] One :exp:a:
[2026-01-01 Thu]
** TODO Experiments
1. [X] done
2. [ ] open
* INPROGRESS [2] Two :exp:
[2026-01-03 Sat]
** TODO Experiments
1. [ ] only
* CANCELED [10] Ten :exp:a:
[2026-01-02 Fri]
* TODO [b] A letter :exp:
"""


@pytest.fixture
def log(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "experiment_log.org").write_text(LOG)
    return open_log()


@pytest.mark.parametrize(
    ("wanted", "refs"),
    [
        ({}, ["e1", "e2", "e10", "eb"]),
        ({"kinds": ["doing"]}, ["e1", "e2"]),
        ({"kinds": ["done"]}, ["e10"]),
        ({"kinds": ["todo", "all"]}, ["e1", "e2", "e10", "eb"]),
        ({"tags": [":a:"]}, ["e1", "e10"]),
        ({"since": "2026-01-02"}, ["e2", "e10"]),
        ({"sort": "id"}, ["e1", "e2", "e10", "eb"]),
        ({"sort": "-id"}, ["eb", "e10", "e2", "e1"]),
        ({"sort": "created"}, ["e1", "e10", "e2", "eb"]),
        ({"sort": "title"}, ["eb", "e1", "e10", "e2"]),
        ({"sort": "-progress"}, ["e1", "eb", "e10", "e2"]),
        ({"match": "a", "sort": "-log"}, ["e10", "e1"]),
    ],
)
def test_a_list_is_filtered_and_sorted(log, wanted, refs):
    assert [one.ref for one in log.list_experiments(**wanted).experiments] == refs


def test_an_unknown_sort_key(log):
    with pytest.raises(UsageError, match="Unknown sort key 'size'"):
        log.list_experiments(sort="size")


def test_the_open_steps_of_the_active_experiment_come_first(log):
    assert [step.ref for _, step in log.open_steps().steps] == ["e1.2", "e2.1"]
    log.start("2.1")
    steps, active = log.open_steps()
    assert [step.ref for _, step in steps] == ["e2.1", "e1.2"]
    assert active == log.list_experiments().active == log.show("1").active == "e2.1"


def test_without_git_and_runs_only_the_experiment_is_shown(log):
    shown = log.show("1.2")
    assert (shown.experiment.ref, shown.step.text) == ("e1", "open")
    assert (shown.commits, shown.mentions, shown.runs, shown.active) == ({}, (), (), None)


@pytest.mark.parametrize(("reference", "line"), [("1", 1), ("e1.2", 5), ("[e10]", 10)])
def test_a_reference_has_its_line(log, reference, line):
    assert log.find_line(reference) == line


def test_a_line_has_its_reference(tmp_path):
    path = tmp_path / "experiment_log.org"
    lines = [
        ("None", "Text before."),
        ("e1", "* TODO One :exp:"), ("e1", ":PROPERTIES:"), ("e1", ":ID: 1"), ("e1", ":END:"),
        ("e1", "** Experiments"), ("e1.1", "1. [X] done"), ("e1.1", "   - a note"), ("e1.2", "2. [ ] open"),
        ("e1", "** Conclusions"), ("e1", ""),
        ("None", "* Other"),
        ("e2", "* TODO Two [2] :exp:"), ("e2", ":PROPERTIES:"), ("e2", ":ID: 2"), ("e2", ":END:"),
    ]  # fmt: skip
    path.write_text("\n".join(text for _, text in lines) + "\n")
    log = open_log(path)
    for number, (ref, _) in enumerate([*lines, ("None", "")], 1):
        if ref == "None":
            with pytest.raises(NotFoundError, match=f"Line {number} of .* is not in an experiment"):
                log.find_reference(number)
        else:
            assert (number, log.find_reference(number)) == (number, ref)


def test_an_unknown_step_has_no_line(log):
    with pytest.raises(NotFoundError):
        log.find_line("1.3")


@pytest.mark.parametrize(
    ("begun", "completed"),
    [
        ("", [("1", "One"), ("2", "Two"), ("10", "Ten"), ("b", "A letter")]),
        ("1", [("1", "One"), ("10", "Ten")]),
        ("e1", [("e1", "One"), ("e10", "Ten")]),
        ("1.", [("1.1", "done"), ("1.2", "open")]),
        ("e1.2", [("e1.2", "open")]),
        ("x", []),
    ],
)
def test_a_reference_is_completed_as_it_is_typed(log, begun, completed):
    assert log.complete_reference(begun) == completed


def test_a_keyword_is_completed(log):
    assert log.complete_keyword("CAN") == ["CANCELED"]
    assert log.complete_keyword("can") == []


def test_a_reference_in_a_text_is_returned_once(log):
    found = log.resolve("[e1.2] and [e1.2] and [e7]")
    assert [(one.spelled, one.is_known) for one in found] == [("e1.2", True), ("e7", False)]
    assert [one.spelled for one in log.resolve("b")] == ["eb"]
    assert log.resolve("nothing at all") == []


def test_each_line_comes_with_its_references(log):
    lines = log.resolve_lines([b"[e1]\n", b"none\n", b"[e2.1] [e2.1]\n"])
    assert [(line, [one.spelled for one in found]) for line, found in lines] == [
        (b"[e1]\n", ["e1"]), (b"none\n", []), (b"[e2.1] [e2.1]\n", ["e2.1", "e2.1"]),
    ]  # fmt: skip


def test_named_experiments_are_in_the_order_of_the_log(repo):
    repo.write("experiment_log.org", SEED + "* TODO [5] Five, as [e201] and [e9] :exp:\n")
    repo.git("add", "-A")
    repo.git("commit", "-qm", "[e5] one, [e201.1] another")
    found = open_log().refs()
    assert [(name, one and one.ref) for name, one in found.experiments.items()] == [
        ("201", "e201"), ("5", "e5"), ("9", None),
    ]  # fmt: skip
    assert [place.reference.spell("e") for place in found.places if place.kind == "commit"] == ["e5", "e201.1"]
    assert [*open_log().refs("e5").experiments] == ["5"]


AGENDA = """\
#+TODO: TODO INPROGRESS | DONE
* TODO [1] Plain :exp:
* INPROGRESS [2] Archived :exp:ARCHIVE:
** TODO Experiments
1. [ ] hidden
* COMMENT Old things
** TODO [3] Under a comment :exp:
* TODO COMMENT [4] Commented out :exp:
* Project :ARCHIVE:
** INPROGRESS [5] In an archived project :exp:
*** TODO Experiments
1. [ ] hidden, too
* On COMMENT and :ARCHIVE: words
** INPROGRESS [6] Below such words :exp:
*** TODO Experiments
1. [ ] seen
* TODO [7] COMMENT is a word here :exp:
"""


def test_the_agenda_leaves_out_what_that_of_emacs_does(tmp_path, emacs):
    (tmp_path / "log.org").write_text(AGENDA)
    log = open_log(tmp_path / "log.org")
    # The questions that `org-agenda-skip` asks
    ask = """(find-file (pop command-line-args-left))
    (org-map-entries
     (lambda ()
       (unless (or (org-in-archived-heading-p) (org-in-commented-heading-p) (not (member "exp" (org-get-tags nil t))))
         (princ (concat (org-get-heading t t t t) "\\n")))))"""
    shown = [line[:3] for line in emacs(ask, log.path).splitlines()]
    assert [f"[{one.id}]" for one in log.list_experiments().experiments] == shown == ["[1]", "[6]", "[7]"]
    assert [one.id for one in log.list_experiments("+ARCHIVE").experiments] == ["2", "5"]
    assert [step.text for _, step in log.open_steps().steps] == ["seen"]
    assert [one.id for one in log.experiments()] == ["1", "2", "3", "4", "5", "6", "7"]
