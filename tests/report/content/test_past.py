"""What reports of the past say where a log is kept by hand, and only the history of its text has dates."""

import datetime
import json

import pytest

from orglab.api import open_log
from orglab.cli.main import run as orglab
from orglab.report.progress_report import check_report, make_report
from orglab.report.report_options import ReportOptions

NAME = "experiment_log.org"
LOG = """\
#+TODO: TODO INPROGRESS WAIT | DONE CANCELED

* INPROGRESS Beam size :exp:
:PROPERTIES:
:ID: 1
:END:
- A larger beam is better.
** TODO Experiments
1. [X] beam 1
** TODO Conclusions

* TODO Vocabulary :exp:
:PROPERTIES:
:ID: 2
:END:
- 32k is better than 8k.
** TODO Conclusions
"""
JUDGEMENT = """
* WAIT Human judgement :exp:
:PROPERTIES:
:ID: 3
:END:
- Annotators agree.
"""
SUPPORTED = "** DONE Conclusions\n:PROPERTIES:\n:VERDICT: supported\n:END:\nBeam 5 gains 0.3 BLEU.\n"
NOW = datetime.datetime(2026, 11, 29)  # noqa: DTZ001 - the log holds local times


@pytest.fixture
def edit(repo):
    """Return a function that edits the log on a day of November 2026, once for each pair of texts, and commits it."""
    repo.write(NAME, LOG)

    def edit(day, *pairs):
        text = (repo.path / NAME).read_text()
        for old, new in pairs:
            assert old in text
            text = text.replace(old, new, 1)
        repo.now = datetime.datetime(2026, 11, day, 10, tzinfo=datetime.UTC)
        return repo.commit(f"on {day} November", {NAME: text})

    edit(2)
    return edit


@pytest.fixture
def study(edit):
    """A log whose first experiment is concluded on the 11th and refuted on the 17th."""
    edit(11, ("INPROGRESS Beam", "DONE Beam"), ("** TODO Conclusions\n", SUPPORTED))
    edit(16, ("** TODO Conclusions\n", "** TODO Conclusions\n" + JUDGEMENT), ("TODO Vocab", "INPROGRESS Vocab"))
    edit(17, ("VERDICT: supported", "VERDICT: refuted"), ("gains 0.3 BLEU", "gains nothing"))
    edit(18, ("INPROGRESS Vocab", "CANCELED Vocab"))


def said(since, until, **more):
    """What a report on some days says, part by part, as plain text."""
    options = ReportOptions(since=f"2026-11-{since:02}", until=f"2026-11-{until:02}", **more)
    report = make_report(open_log(), options, NOW)
    short = {"lead": report.short.lead, "remarks": report.short.remarks}
    found = {name: [one.text for one in statements] for name, statements in short.items() if statements}
    for name, items in {"conclusions": report.short.conclusions, **report.sections}.items():
        found[name] = [f"{item.word} {one.text}".strip() for item in items for one in item.statements]
    return found


@pytest.mark.usefixtures("study")
def test_a_verdict_that_was_edited_is_a_change_of_mind_in_the_week_of_its_commit():
    told = said(14, 20)
    assert told["changed"] == ["Supported at first, refuted since 17 November. [e1]"]
    assert told["conclusions"] == ["refuted Beam 5 gains nothing. [e1]"]
    assert "changed" not in said(18, 20)


@pytest.mark.usefixtures("study")
def test_a_report_of_the_past_has_the_text_and_the_verdict_of_then():
    told = said(9, 13)
    assert told["lead"] == ["One answer: ● supported."]
    assert told["conclusions"] == ["supported Beam 5 gains 0.3 BLEU. [e1]"]
    assert told["next"] == ["Not begun. [e2]"]
    assert "blocked" not in told


@pytest.mark.usefixtures("study")
def test_before_it_was_closed_it_is_under_way():
    told = said(3, 8)
    assert (told["lead"], told["conclusions"]) == (["One experiment under way; nothing blocked."], [])


def test_before_it_was_closed_with_a_date_it_is_as_it_was(edit):
    dated = SUPPORTED.replace("Beam 5", "[2026-11-11 Wed 10:00] supported: Beam 5")
    closed = "CANCELED Beam size :exp:\nCLOSED: [2026-11-11 Wed 10:00]\n"
    edit(11, ("INPROGRESS Beam size :exp:\n", closed), ("** TODO Conclusions\n", dated))
    assert said(3, 8)["lead"] == ["One experiment under way; nothing blocked."]


@pytest.mark.usefixtures("study")
def test_states_without_a_date_are_dated_by_their_commits():
    told = said(14, 20)
    assert told["blocked"] == ["Since 16 November; no reason is noted. [e3]"]
    assert told["dropped"] == ["On 18 November. [e2]"]
    assert "remarks" not in told


@pytest.mark.usefixtures("study")
def test_a_report_over_all_of_the_history_tells_of_changes_in_it():
    assert said(1, 20)["changed"] == ["Supported at first, refuted since 17 November. [e1]"]


def test_what_closed_dates_may_be_edited_later(edit):
    closed = "DONE Beam size :exp:\nCLOSED: [2026-11-11 Wed 10:00]\n"
    edit(12, ("INPROGRESS Beam size :exp:\n", closed), ("** TODO Conclusions\n", SUPPORTED))
    edit(17, ("VERDICT: supported", "VERDICT: refuted"), ("gains 0.3 BLEU", "gains nothing"))
    assert said(9, 13)["conclusions"] == ["supported Beam 5 gains 0.3 BLEU. [e1]"]
    assert said(14, 20)["changed"] == ["Supported at first, refuted since 17 November. [e1]"]
    # The log dates what was committed only after the period.
    assert said(9, 11)["conclusions"] == ["refuted Beam 5 gains nothing. [e1]"]


def test_a_conclusion_with_its_own_time_counts_before_it_is_committed(edit):
    dated = SUPPORTED.replace("Beam 5", "[2026-11-11 Wed 10:00] supported: Beam 5")
    edit(14, ("INPROGRESS Beam size :exp:\n", "DONE Beam size :exp:\nCLOSED: [2026-11-11 Wed 10:00]\n"))
    edit(15, ("** TODO Conclusions\n", dated))
    assert said(9, 12)["conclusions"] == ["supported Beam 5 gains 0.3 BLEU. [e1]"]


@pytest.mark.usefixtures("study")
def test_what_is_opened_again_by_hand_is_told(edit):
    edit(24, ("DONE Beam", "INPROGRESS Beam"))
    assert said(22, 26)["changed"] == ["Opened again on 24 November. [e1]"]
    assert "changed" not in said(22, 23)


def test_what_is_not_committed_is_told_as_it_is(edit, repo):
    edit(4, ("TODO Vocab", "INPROGRESS Vocab"))
    repo.write(NAME, (repo.path / NAME).read_text().replace("INPROGRESS Vocab", "WAIT Vocab"))
    assert said(9, 13)["blocked"] == ["The log does not say since when. [e2]"]


@pytest.mark.usefixtures("study")
def test_a_shallow_history_tells_what_the_log_says_today(repo, monkeypatch):
    repo.git("clone", "--quiet", "--depth=1", repo.path.as_uri(), repo.path / "shallow")
    monkeypatch.chdir("shallow")
    assert said(9, 13)["remarks"] == ["Two experiments without any date are not counted here."]
    assert "changed" not in said(14, 20)


def test_making_headings_experiments_changes_nothing(edit, repo):
    edit(11, ("INPROGRESS Beam", "DONE Beam"), ("** TODO Conclusions\n", SUPPORTED))
    adopted = (repo.path / NAME).read_text()
    plain = adopted.replace(" :exp:", "").replace("refuted", "supported")
    repo.git("update-ref", "-d", "HEAD")
    repo.write(NAME, plain)
    edit(3)
    repo.write(NAME, adopted)
    edit(17)
    told = said(14, 20)
    assert not told["conclusions"]
    assert "changed" not in told
    assert said(4, 8)["next"] == ["Not begun. [e2]"]


@pytest.mark.usefixtures("study")
def test_a_log_that_was_moved_is_followed(repo):
    repo.now = datetime.datetime(2026, 11, 19, tzinfo=datetime.UTC)
    (repo.path / "logs").mkdir()
    repo.git("mv", NAME, f"logs/{NAME}")
    repo.commit("moved")
    report = make_report(open_log(f"logs/{NAME}"), ReportOptions(since="2026-11-09", until="2026-11-13"), NOW)
    assert [item.word for item in report.short.conclusions] == ["supported"]


@pytest.mark.usefixtures("study")
def test_a_log_that_is_kept_apart_has_a_history_of_its_own():
    assert orglab(["init", "--apart"]) == 0
    assert said(9, 13)["conclusions"] == ["supported Beam 5 gains 0.3 BLEU. [e1]"]
    assert said(14, 20)["changed"] == ["Supported at first, refuted since 17 November. [e1]"]
    assert said(14, 20)["blocked"] == ["Since 16 November; no reason is noted. [e3]"]


@pytest.mark.usefixtures("study")
def test_the_evidence_is_the_commit(repo):
    assert orglab(["report", "--since", "2026-11-14", "--until", "2026-11-20", "-o", "w.md"]) == 0
    assert not check_report(open_log(), repo.path / "w.md").broken


def test_a_verdict_that_is_added_later_does_not_close_an_experiment_again(edit):
    edit(4, ("INPROGRESS Beam", "DONE Beam"), ("** TODO Conclusions\n", "** DONE Conclusions\nIt works.\n"))
    edit(6, ("** DONE Conclusions\n", "** DONE Conclusions\n:PROPERTIES:\n:VERDICT: supported\n:END:\n"))
    assert orglab(["report", "--since", "2026-11-01", "--until", "2026-11-08", "-o", "r.md"]) == 0
    assert orglab(["report", "--check", "r.md"]) == 0


def test_the_number_beside_a_conclusion_is_that_of_its_words_then(edit, repo):
    done = "** DONE Conclusions\nThe loss falls.\n"
    edit(4, ("INPROGRESS Beam", "DONE Beam"), ("** TODO Conclusions\n", done), ("beam 1\n", "beam 1\n2. [X] beam 5\n"))
    edit(20, ("The loss falls.", "The acc rises."))
    for number, (ref, acc) in enumerate([("e1.1", 0.5), ("e1.2", 0.7)]):
        began = f"2026-11-03T10:0{number}:00+00:00"
        lines = [
            {"event": "began", "ref": ref, "argv": ["t"], "began": began, "host": "elsewhere"},
            {"event": "ended", "seconds": 1.0, "exit_code": 0, "metrics": {"acc": acc, "loss": 1 - acc}},
        ]
        text = "".join(f"{json.dumps(line)}\n" for line in lines)
        repo.write(f".git/orglab/runs/20261103-100{number}00-aa0{number}/record.jsonl", text)
    assert "loss \u22120.2" in str(said(1, 8)["conclusions"])
    assert "acc +0.2" in str(said(1, 22)["conclusions"])
