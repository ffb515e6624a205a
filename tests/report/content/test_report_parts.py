"""What a report says in each everyday situation, from small logs and records."""

import datetime
import json
from pathlib import Path

import pytest

from orglab.api import open_log
from orglab.report.blocks import Isolated, List, Strong, Text
from orglab.report.content.layout import lay_out
from orglab.report.content.plots import timeline
from orglab.report.content.progress import describe_planned
from orglab.report.content.sentence import capitalize_first
from orglab.report.content.statements import Planned
from orglab.report.progress_report import make_report
from orglab.report.report_options import ReportOptions

NOW = datetime.datetime(2026, 11, 20, 12, 0)  # noqa: DTZ001 - the log holds local times
SINCE = "2026-11-08"
HEAD = "#+TODO: TODO INPROGRESS WAIT | DONE CANCELED\n"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder without git."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".git").mkdir()  # stops the search above


def write(*experiments):
    Path("experiment_log.org").write_text(HEAD + "".join(experiments))


def experiment(  # noqa: PLR0913 - each part of it
    number,
    title,
    state="INPROGRESS",
    *,
    steps=(),
    notes=(),
    conclusion="",
    verdict="",
    more="",
    history="",
    at="09 Mon",
):
    """Return the text of an experiment."""
    closed = "  CLOSED: [2026-11-14 Sat 16:16]\n" if state in ("DONE", "CANCELED") else ""
    text = f"* {state} [{number}] {title} :exp:\n{closed}  :PROPERTIES:\n  :ID: {number}\n{more}  :END:\n{history}  [2026-11-{at} 16:16]\n"
    text += "** Notes\n" + "".join(f"- {note}\n" for note in notes)
    text += "** Experiments\n" + "".join(f"{place}. {step}\n" for place, step in enumerate(steps, 1))
    verdict = f"   :PROPERTIES:\n   :VERDICT: {verdict}\n   :END:\n" if verdict else ""
    return text + (
        f"** DONE Conclusions\n   CLOSED: [2026-11-14 Sat 16:16]\n{verdict}{conclusion}\n" if conclusion else ""
    )


def record(number, ref, seed=0, argv=("python", "train.py"), **ended):
    """Write the record of a run that ended, unless `ended` says otherwise."""
    name = f"20261110-10{number:02}00-aa{number:02}"
    place = Path(".orglab/runs") / name
    place.mkdir(parents=True)
    began = f"2026-11-10T10:{number:02}:00+00:00"
    lines = [{"event": "began", "ref": ref, "argv": [*argv, "--seed", str(seed)], "began": began, "host": "elsewhere"}]
    lines += [{"event": "ended", "seconds": 60.0, "exit_code": 0, **ended}] if ended else []
    (place / "record.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def read(**options):
    """Return what the report says, part by part."""
    report = make_report(open_log(), ReportOptions(since=SINCE, **options), NOW)
    short = report.short
    parts = {"lead": short.lead, "needed": short.needed, "risks": short.risks, "remarks": short.remarks}
    found = {name: [one.text for one in statements] for name, statements in parts.items()}
    for name, items in {"conclusions": short.conclusions, **report.sections}.items():
        found[name] = {item.ref or item.title: [one.text or one.source for one in item.statements] for item in items}
    return found


def plain_chart(report):
    """Return the status of each experiment in the timeline."""
    chart = timeline(report)
    assert chart is not None
    return {row.label: row.status for row in chart.plot.rows}


def doubts(ref="e1"):
    """Return what is to doubt about an experiment."""
    found = read()["results"].get(ref, [])
    return next((text.removeprefix("What to doubt: ") for text in found if text.startswith("What to doubt")), "")


# ---- what is needed, and what is at risk ----


def test_what_the_author_asks_for_is_needed_from_the_reader():
    write(experiment(1, "One", notes=["[2026-11-12 Thu 10:00] ASK: may we use the large cluster?"]))
    assert read()["needed"] == ["May we use the large cluster? [e1]"]


def test_a_question_of_an_earlier_period_is_asked_again_while_the_experiment_waits():
    note = "[2026-10-12 Mon 10:00] ask: who has the data?"
    write(experiment(1, "One", "WAIT", notes=[note], at="01 Sun"), experiment(2, "Two", notes=[note], at="01 Sun"))
    assert read()["needed"] == ["Who has the data? [e1]"]


def test_a_wait_with_a_question_is_needed_and_blocked_but_told_once():
    history = (
        '  :LOGBOOK:\n  - State "WAIT" from "INPROGRESS" [2026-11-15 Sun 09:00] \\\\\n    ASK: which data?\n  :END:\n'
    )
    write(experiment(1, "One", "WAIT", history=history))
    found = read()
    assert found["needed"] == ["Which data? [e1]"]
    assert found["blocked"] == {"e1": ["Since 15 November, for an answer. [e1]"]}


def test_a_risk_is_a_note_or_an_answer_of_a_single_run():
    steps = ["[X] Base", "[X] New"]
    write(
        experiment(1, "One", "DONE", steps=steps, conclusion="One is better.", notes=["[2026-11-12 Thu 10:00] RISK: the labels are noisy"]),
    )  # fmt: skip
    record(1, "e1.1", metrics={"acc": 0.5})
    record(2, "e1.2", metrics={"acc": 0.75})
    assert read()["risks"] == ["The labels are noisy. [e1]", "One answer rests on a single run. [e1]"]
    assert doubts() == "one run only on a side of the comparison."


# ---- how much happened ----


def test_an_experiment_that_only_got_a_note_is_not_silence():
    write(experiment(1, "One", "TODO", notes=["[2026-11-12 Thu 10:00] A thought"], at="01 Sun"))
    assert read()["lead"] == ["No answer yet; something was noted on one experiment."]


def test_a_period_in_which_only_the_journal_spoke_says_so():
    write(experiment(1, "One", "TODO", at="01 Sun"))
    Path("journal.org").write_text("* 2026\n** 2026-11 November\n*** 2026-11-12 Thursday\n**** Thoughts\n")
    assert read()["lead"] == ["No experiment moved; the journal has one entry from this period."]


def test_nothing_at_all():
    write(experiment(1, "One", "TODO", at="01 Sun"))
    report = make_report(open_log(), ReportOptions(since=SINCE), NOW)
    assert [one.text for one in report.short.lead] == ["Nothing was recorded in this period."]
    assert report.is_empty


@pytest.mark.parametrize(
    ("since", "until", "nearest", "entry"),
    [
        ("2026-11-08", None, "2026-11-02", ""),
        ("2026-11-08", None, "2026-11-05", "*** 2026-11-05 Thursday\n**** Thoughts\n"),
        ("2026-10-01", "2026-10-09", "2026-11-01", ""),
    ],
)
def test_an_empty_report_knows_the_nearest_thing(since, until, nearest, entry):
    write(experiment(1, "One", "TODO", notes=["[2026-11-02 Mon 10:00] A thought"], at="01 Sun"))
    Path("journal.org").write_text(f"* 2026\n** 2026-11 November\n{entry}")
    report = make_report(open_log(), ReportOptions(since=since, until=until), NOW)
    assert report.is_empty
    assert report.nearest.date().isoformat() == nearest


def test_a_report_on_a_log_without_dates_knows_of_nothing_near():
    Path("experiment_log.org").write_text("* TODO [1] One :exp:\n")
    assert make_report(open_log(), ReportOptions(since=SINCE), NOW).nearest is None


def test_experiments_with_dates_in_their_headings_are_told():
    Path("experiment_log.org").write_text(
        "* [1] 2026-11-12 Try a warmup :exp:\nIt helps.\n* [2] <2026-11-13 Fri> Larger batches :exp:\nNo.\n* [3] 2026-09-01 Old :exp:\n"
    )
    found = read()
    assert found["lead"] == ["Two experiments without a state."]
    said = [text for _, (text,) in found["without_state"].items()]
    assert said[0].startswith("Recorded on 12 November: It helps. ["), said
    assert said[1].startswith("Recorded on 13 November: No. ["), said
    assert not found["remarks"], found


def test_an_experiment_without_a_state_is_under_way_only_if_something_happens_to_it():
    idle = "* [1] Idle :exp:\n[2026-11-10 Tue 10:00]\nA first idea.\n"
    noted = (
        "* [2] Noted :exp:\n[2026-09-01 Tue 10:00]\nAn old idea.\n** Notes\n- [2026-11-12 Thu 10:00] A late remark\n"
    )
    over = "* [3] Over :exp:\n[2026-11-11 Wed 10:00]\nWhich?\n** Conclusions\n[2026-11-12 Thu 10:00] The second.\n"
    Path("experiment_log.org").write_text(idle + noted + over)
    report = make_report(open_log(), ReportOptions(since=SINCE), NOW)
    chart = plain_chart(report)
    assert chart == {"e1": "without a state", "e2": "open", "e3": "concluded"}
    found = read()
    assert found["lead"] == ["One answer; one under way, one without a state; nothing blocked."]
    assert found["without_state"] == {"e1": ["Recorded on 10 November: A first idea. [e1]"]}
    assert found["under_way"] == {"e2": ["“A late remark” (12 November); since 1 September. [e2]"]}


def test_a_description_has_the_date_of_the_experiment_and_not_of_what_came_later():
    Path("experiment_log.org").write_text("* [1] One :exp:\n[2026-09-01 Tue 10:00]\nAn old idea.\n")
    Path("journal.org").write_text("* 2026\n** 2026-11 November\n*** 2026-11-12 Thursday\n**** Of [e1]\n")
    assert read(journal=True)["without_state"] == {"e1": ["Recorded on 1 September: An old idea. [e1]"]}


# ---- what the appendix has ----


def test_the_appendix_has_undated_notes_and_other_text_in_the_order_of_the_log():
    code = "".join(f"line {number}\n" for number in range(1, 26))
    Path("experiment_log.org").write_text(
        "* [1] One :exp:\n[2026-11-12 Thu 10:00]\nAn idea.\n\nIts background.\n"
        f"#+begin_src sh\n{code}#+end_src\n** Notes\n- An undated note.\n** Machines\nTwo of them.\n"
        "| host | cores |\n|------+-------|\n| ant  | 4     |\n"
    )
    log = open_log()
    text = log.render_report(make_report(log, ReportOptions(since=SINCE), NOW))
    appendix = text.partition("Appendix: ")[2]
    parts = ["An idea.", "Its background.", "```sh\nline 1\n", "line 20\n```", "(… 5 more lines)", "“An undated note.”",
             "**Machines**", "Two of them.", "| ant"]  # fmt: skip
    places = [appendix.find(part) for part in parts]
    assert places == sorted(places)
    assert places[0] > 0
    assert "line 21" not in appendix


# ---- what is under way ----


def test_runs_that_failed_or_were_lost_are_told_once():
    write(experiment(1, "One", steps=["[ ] Train", "[ ] Test"]))
    record(1, "e1.1", metrics={"acc": 0.5})
    record(2, "e1.1", 1, exit_code=1)
    record(3, "e1.1", 2)
    text = read()["under_way"]["e1"][0]
    runs = "so far acc 0.5 (n = 1 of 3); one of three runs failed, one run lost: nobody saw how it ended"
    assert text == f"0 of 2 steps done; {runs}; since 9 November. [e1]"


def test_at_most_five_next_steps_in_order():
    others = [experiment(number, f"Idea {number}", "TODO") for number in range(2, 8)]
    others[3] = others[3].replace("TODO [5]", "TODO [#A] [5]")
    write(experiment(1, "One", steps=["[X] First", "[ ] Second"]), *others)
    found = read()["next"]
    assert list(found) == ["e1", "e5", "e2", "e3", "e4", "and two more"]
    assert found["e1"] == ["Second. [e1.2]"]


# ---- what to doubt ----


def three_seeds(ref, values, first=1):
    for place, value in enumerate(values):
        record(first + place, ref, place, metrics={"acc": value})


def concluded(words="The new one is better.", verdict="supported", more=""):
    return experiment(1, "One", "DONE", steps=["[X] Base", "[X] New"], conclusion=words, verdict=verdict, more=more)


def test_a_result_without_doubts_has_none():
    write(concluded())
    three_seeds("e1.1", (0.5, 0.51, 0.52))
    three_seeds("e1.2", (0.6, 0.61, 0.63), 4)
    assert read()["conclusions"]["e1"] == ["The new one is better. acc +0.103 [0.089, 0.118], n = 3 [e1.2]"]
    assert doubts() == ""


@pytest.mark.parametrize(
    ("words", "doubt"),
    [
        ("It is better by 0.103.", ""),
        ("It is better by 10.3 points.", ""),
        ("It is better by 20 %.", ""),
        ("It is better by 0.2.", "the conclusion says 0.2, which no run and no mean has."),
        ("It gains +7 points.", "the conclusion says +7 points, which no run and no mean has."),
        ("It is better in 3 of 3 seeds.", ""),
    ],
)
def test_a_number_that_the_runs_do_not_have_is_doubted(words, doubt):
    write(concluded(words))
    three_seeds("e1.1", (0.5, 0.51, 0.52))
    three_seeds("e1.2", (0.6, 0.61, 0.63), 4)
    assert doubts() == doubt


def test_a_number_of_the_hypothesis_or_of_another_experiment_is_not_doubted():
    words = "It is better by 0.103, not by 0.25, and 0.775 was better, 0.791 at best."
    steps = ["[X] Base", "[X] New, by more than 0.25"]
    other = experiment(2, "Another", "DONE", steps=["[X] It"], conclusion="It has 0.775.")
    write(experiment(1, "One", "DONE", steps=steps, conclusion=words, verdict="supported"), other)
    three_seeds("e1.1", (0.5, 0.51, 0.52))
    three_seeds("e1.2", (0.6, 0.61, 0.63), 4)
    assert doubts() == "the conclusion says 0.775, which no run and no mean has."
    three_seeds("e2.1", (0.76, 0.774, 0.791), 8)
    assert doubts() == ""


@pytest.mark.parametrize(
    ("claim", "verdict", "doubt"),
    [
        ("acc > +0.05", "supported", ""),
        ("acc > +0.5", "supported", "by the runs the claim does not hold, but the verdict is supported."),
        ("acc > +0.1", "refuted", "by the runs the claim is undecided, but the verdict is refuted."),
        ("acc > +0.1", "inconclusive", ""),
    ],
)
def test_a_verdict_that_the_claim_contradicts_is_doubted(claim, verdict, doubt):
    write(concluded(verdict=verdict, more=f"  :CLAIM: {claim}\n"))
    three_seeds("e1.1", (0.5, 0.51, 0.52))
    three_seeds("e1.2", (0.6, 0.61, 0.63), 4)
    assert doubts() == doubt
    assert f"claimed > +{float(claim.split()[2]):g}" in read()["conclusions"]["e1"][0]


def test_a_baseline_that_failed_and_a_run_that_diverged_are_doubted():
    write(concluded())
    record(1, "e1.1", exit_code=1)
    record(2, "e1.2", 0, metrics={"acc": 0.75})
    record(3, "e1.2", 1, metrics={"acc": "NaN"})
    text = doubts()
    assert "the baseline has no result: one run failed" in text, text
    assert "one of three runs failed" in text, text
    assert "one run diverged" in text, text


# ---- changed our mind ----


def test_what_overturns_is_told_and_marked_at_the_place_of_what_is_overturned():
    write(
        experiment(1, "Wide is better", "DONE", conclusion="Wide is better. On all data.", verdict="supported"),
        experiment(2, "Again", "DONE", conclusion="Not on new data, which overturns [[id:1]].", verdict="refuted"),
    )
    found = read()
    assert found["changed"] == {"e1": ["Supported so far, but overturned by “Again”. [e2]"]}
    assert found["conclusions"]["e1"] == ["Wide is better. Overturned since. [e1]"]
    assert found["results"]["e1"][0] == "Overturned by [e2]."


def test_of_two_that_contradict_each_other_in_a_minute_the_later_one_in_the_log_overturns():
    write(
        experiment(1, "A", "DONE", conclusion="Yes, this contradicts [e2].", verdict="supported"),
        experiment(2, "B", "DONE", conclusion="No, this contradicts [e1].", verdict="refuted"),
    )
    assert read()["changed"] == {"e1": ["Supported so far, but overturned by “B”. [e2]"]}


@pytest.mark.parametrize(
    ("words", "is_overturned"),
    [
        ("No: this contradicts the result of [e1].", True),
        ("It refutes [[id:1][the first one]] on new data.", True),
        ("Four seeds do not reproduce [e1]", True),
        ("We failed to replicate [e1].", True),
        ("It doesn't confirm [e1.2].", True),
        ("This overturned\n[e1].", True),
        ("No, unlike warmup [e1].", False),
        ("This does not contradict [e1].", False),
        ("Contradicted by [e1].", False),
        ("It contradicts the paper. See [e1].", False),
        ("As in [e1], the loss is reversed.", False),
    ],
)
def test_only_words_that_say_so_overturn(words, is_overturned):
    write(
        experiment(1, "A", "DONE", conclusion="Yes.", verdict="supported"),
        experiment(2, "B", "DONE", conclusion=words, verdict="refuted"),
    )
    assert ("changed" in read()) == is_overturned


def test_the_reason_for_a_drop_is_told_where_closed_has_no_time_of_day():
    change = (
        '  :LOGBOOK:\n  - State "CANCELED" from "TODO" [2026-11-14 Sat 09:00] \\\\\n    The cluster is gone\n  :END:\n'
    )
    write(experiment(1, "A", "CANCELED", history=change).replace("-14 Sat 16:16", "-14 Sat"))
    assert read()["dropped"] == {"e1": ["On 14 November: “The cluster is gone”. [e1]"]}


def test_a_title_from_right_to_left_keeps_to_itself():
    write(experiment(1, "שלב B קטן", steps=["[ ] 16k"]))
    report = make_report(open_log(), ReportOptions(since=SINCE), NOW)
    (item,) = report.sections["under_way"]
    assert item.title == "שלב B קטן"
    assert read()["under_way"] == {"e1": ["0 of 1 step done; since 9 November. [e1]"]}
    found = next(block for block in lay_out(report).blocks if isinstance(block, List))
    assert found.items[0].content[0].content[:2] == (Strong((Isolated((Text("שלב B קטן"),)),)), Text(": "))


def test_what_was_tried_before_is_named_at_the_result_that_refers_to_it():
    old = experiment(1, "Wide is better", "DONE", conclusion="No.", verdict="refuted", at="01 Sun").replace(
        "-14 Sat", "-02 Mon"
    )
    write(old, experiment(2, "Wider", "DONE", conclusion="Yes, unlike [e1].", verdict="inconclusive"))
    assert "Tried before: Wide is better, refuted. [e1]" in read()["results"]["e2"]


def test_titles_are_told_without_the_date_they_begin_with():
    write(
        "* TODO [1] 2026-11-12 Try a warmup :exp:\n* DONE [2] <2026-11-13 Fri> Larger batches :exp:\n",
        "* DONE [3] 2026-11-14 :exp:\n* CANCELED [4] [2026-11-09 Mon] Deeper :exp:\n",
    )
    titles = {one.ref: one.title for one in make_report(open_log(), ReportOptions(since=SINCE), NOW).touched}
    assert titles == {"e1": "Try a warmup", "e2": "Larger batches", "e3": "2026-11-14", "e4": "Deeper"}


def test_what_was_begun_in_the_period_and_closed_at_an_unknown_time_is_told_with_that_doubt():
    write(
        "* DONE [1] Larger batches :exp:\n[2026-11-13 Fri]\n* CANCELED [2] Deeper :exp:\n[2026-11-13 Fri]\n",
        "* DONE [3] Warmup :exp:\n[2026-11-12 Thu]\n** Conclusions\nIt helps.\n* DONE [4] Old :exp:\n[2026-09-13 Sun]\n",
    )
    found = read()
    assert found["lead"] == ["One answer; one closed without a conclusion, one dropped."]
    assert found["conclusions"] == {"e3": ["Warmup: It helps. [e3]"]}
    assert found["remarks"] == [
        "Three experiments were begun in this period and closed at an unknown time.",
        "One experiment closed at an unknown time is not counted here.",
    ]


def test_what_has_a_step_done_is_begun_although_its_state_does_not_say_so():
    write(experiment(1, "One", "TODO", steps=["[X] Base", "[ ] New"], at="01 Sun"), experiment(2, "Two", "TODO"))
    found = read()
    assert found["under_way"] == {"e1": ["1 of 2 steps done; nothing since 1 November. [e1]"]}
    assert found["next"] == {"e1": ["New. [e1.2]"], "e2": ["Not begun. [e2]"]}


def legend():
    """Return what the figures of the conclusions mean."""
    return make_report(open_log(), ReportOptions(since=SINCE), NOW).short.legend


def test_the_legend_explains_only_figures_that_are_there():
    steps = ["[X] Base", "[X] New"]
    write(experiment(1, "One", "DONE", steps=steps[:1], conclusion="One is fine."))
    assert legend() == ""
    record(1, "e1.1", metrics={"acc": 0.5})
    assert legend() == "n: number of runs."
    record(2, "e1.1", 1, metrics={"acc": 0.6})
    assert legend() == "±: standard deviation; n: number of runs."
    record(3, "e1.1", 2, metrics={"acc": 0.6}, exit_code=1)
    assert legend() == "±: standard deviation; n: runs that count, of all that were made."
    write(experiment(1, "One", "DONE", steps=steps, conclusion="One is fine."))
    record(4, "e1.2", metrics={"acc": 0.5})
    assert legend() == "Signed numbers are differences to the baseline; n: runs that count, of all that were made."
    record(5, "e1.2", 1, metrics={"acc": 0.7})
    assert legend().startswith(
        "Signed numbers are differences to the baseline; in brackets: 95 % confidence interval; n:"
    )


def test_points_in_a_conclusion_are_points_beside_it():
    write(concluded("The new one gains 10.3 points.", more="  :CLAIM: acc > +0.05\n"))
    three_seeds("e1.1", (0.5, 0.51, 0.52))
    three_seeds("e1.2", (0.6, 0.61, 0.63), 4)
    expected = "The new one gains 10.3 points. acc +10.3 points [8.9, 11.8], n = 3, claimed > +5 [e1.2]"
    assert read()["conclusions"]["e1"] == [expected]
    write(concluded("With dropout 0.2 it gains 10.3 points."))
    assert "acc +10.3 points [8.9, 11.8]" in read()["conclusions"]["e1"][0]
    write(concluded("The new one gains 3 points.", more="  :CLAIM: acc > +0.05\n"))
    assert "acc +0.103 [0.089, 0.118], n = 3, claimed > +0.05 [e1.2]" in read()["conclusions"]["e1"][0]


@pytest.mark.parametrize(
    ("bound", "verdict", "end"),
    [
        ("+0.05", "supported", "claimed > +0.05 [e1.2]"),
        ("+0.05", "refuted", "claimed > +0.05: holds [e1.2]"),
        ("+0.1", "supported", "claimed > +0.1: undecided [e1.2]"),
        ("+0.1", "inconclusive", "claimed > +0.1: undecided [e1.2]"),
        ("+0.2", "refuted", "claimed > +0.2 [e1.2]"),
        ("+0.2", "supported", "claimed > +0.2: fails [e1.2]"),
        ("+0.2", "", "claimed > +0.2: fails [e1.2]"),
        ("+0.2", "promising", "claimed > +0.2: fails [e1.2]"),
        ("+0.05", "", "claimed > +0.05 [e1.2]"),
    ],
)
def test_what_the_runs_say_of_a_claim_is_told_unless_the_verdict_says_it(bound, verdict, end):
    write(concluded(verdict=verdict, more=f"  :CLAIM: acc > {bound}\n"))
    three_seeds("e1.1", (0.5, 0.51, 0.52))
    three_seeds("e1.2", (0.6, 0.61, 0.63), 4)
    assert read()["conclusions"]["e1"][0].endswith(end)


def test_what_was_only_closed_is_no_conclusion_but_a_result():
    write(experiment(1, "Larger batches", "DONE"), experiment(2, "Warmup", "DONE", conclusion="It helps."))
    found = read()
    assert list(found["conclusions"]) == ["e2"]
    assert found["lead"] == ["One answer; one closed without a conclusion."]
    assert found["results"] == {"e1": ["Closed on 14 November."]}


@pytest.mark.parametrize("end", [":", ";", ","])
def test_no_full_stop_follows_another_mark(end):
    table = "\n\n| batch | acc |\n| 64 | 0.5 |"
    write(
        experiment(1, "Larger batches", "DONE", conclusion=f"Batches help as follows{end}{table}"),
        experiment(2, "Warmup", notes=[f"[2026-11-12 Thu 10:00] ASK: Which of these{end}"]),
    )
    found = read()
    assert found["conclusions"]["e1"] == [f"Batches help as follows{end} [e1]"]
    assert found["needed"] == [f"Which of these{end} [e2]"]


# ---- what fresh readers found ----


def test_the_words_of_a_dropped_experiment_are_its_reason():
    write(experiment(1, "Mixup", "CANCELED", conclusion="Mixup is too slow. We stop here."))
    assert read()["dropped"] == {"e1": ["On 14 November: Mixup is too slow. We stop here. [e1]"]}


def test_an_interval_s_bound_is_no_number_that_a_conclusion_may_say():
    write(concluded("The new one gains 0.089."))
    three_seeds("e1.1", (0.5, 0.51, 0.52))
    three_seeds("e1.2", (0.6, 0.61, 0.63), 4)
    assert "the conclusion says 0.089, which no run and no mean has" in doubts()


@pytest.mark.parametrize(
    ("words", "number"),
    [
        ("Dropout 0.2 raises acc by 4.7 points.", "4.7 points"),
        ("It rises from 0.51 to 0.871.", "0.871"),
        ("It changes by -0.103.", "-0.103"),
        ("Um 0,047 besser.", "0,047"),
        ("Um 4,7 points besser.", "4,7 points"),
        ("In 2026 it works for 4 seeds, acc +5 points.", "+5 points"),
        ("In 2026 it works for 4 seeds, acc +10.3 points.", ""),
        ("It loses 10.3 points, from 61.3 % to 51 %.", ""),
        ("It is 0,103 better than 0.51.", ""),
        ("With dropout 0.2 it is +0.103.", ""),
        ("With a rate of 2.5e-4 it is +0.103.", "2.5e-4"),
        ("It is 1.03e-1 better.", ""),
        ("Llama-3.1 gains 0.103.", ""),
        ("It gains 0.103 (95 % interval 0.089 to 0.118).", ""),
        ("It gains 0.103 [0.089, 0.118].", ""),
        ("It gains 0.103 (interval 0.081 to 0.118).", "0.081"),
    ],
)
def test_every_number_of_a_conclusion_is_compared_with_its_sign(words, number):
    write(concluded(words))
    for place, (ref, acc) in enumerate([("e1.1", (0.5, 0.51, 0.52)), ("e1.2", (0.6, 0.61, 0.63))]):
        for seed, value in enumerate(acc):
            record(10 * place + seed, ref, seed, ("python", "train.py", "--dropout", "0.2"), metrics={"acc": value})
    found = [text for text in doubts().split("; ") if text.startswith("the conclusion says")]
    assert found == ([f"the conclusion says {number}, which no run and no mean has."] if number else [])


def test_a_run_that_diverged_is_doubted_whichever_metric_did():
    write(concluded())
    three_seeds("e1.1", (0.5, 0.51, 0.52))
    three_seeds("e1.2", (0.6, 0.61, 0.63), 4)
    record(20, "e1.2", 7, metrics={"acc": 0.6, "loss": "NaN"}, diverged={"loss": 3})
    assert "one run diverged" in doubts()
    write(experiment(1, "One", steps=["[X] Base", "[ ] New"]))
    assert "one run diverged" in read()["under_way"]["e1"][0]


def test_a_step_that_was_planned_is_done_only_if_it_was():
    write(experiment(1, "One", "DONE", steps=["[X] Base", "[ ] New"], conclusion="Enough."))
    activities = {one.ref: one for one in make_report(open_log(), ReportOptions(since=SINCE), NOW).touched}
    report = make_report(open_log(), ReportOptions(since=SINCE), NOW)
    plans = [Planned("e1.1", "Base"), Planned("e1.2", "New"), Planned("e1", "One")]
    assert describe_planned(plans, activities, report.wording).text == "✓ Base · ✗ New · ✓ One"


def test_a_verdict_that_changed_twice_is_told_in_order():
    words = (
        "[2026-11-02 Mon] supported:\nYes.\n\n[2026-11-10 Tue] refuted:\nNo.\n\n[2026-11-14 Sat] supported:\nAfter all."
    )
    write(experiment(1, "One", "DONE", conclusion=words, verdict="supported"))
    expected = "Supported at first, refuted on 10 November, supported again since 14 November. [e1]"
    assert read()["changed"] == {"e1": [expected]}


@pytest.mark.parametrize(
    "note",
    ["ASK: which order?", "*ASK:* which order?", "[2026-10-01 Thu] ASK: which order?", "\n*** ASK: which order?"],
)
def test_a_question_without_a_date_is_asked_while_the_experiment_is_open(note):
    text = experiment(1, "One", notes=[] if "***" in note else [note], at="01 Sun")
    text = text.replace("** Notes\n", f"** Notes{note}\n") if "***" in note else text
    write(text)
    assert read()["needed"] == ([] if "2026" in note else ["Which order? [e1]"])
    write(text.replace("* INPROGRESS", "* DONE"))
    assert read()["needed"] == []


def test_a_blocked_experiment_without_a_reason_says_so():
    history = '  :LOGBOOK:\n  - State "WAIT" from "TODO" [2026-11-15 Sun 09:00]\n  :END:\n'
    write(experiment(1, "One", "WAIT", history=history))
    assert read()["blocked"] == {"e1": ["Since 15 November; no reason is noted. [e1]"]}


def test_a_question_about_what_was_dropped_is_not_asked():
    write(experiment(1, "One", "CANCELED", notes=["[2026-11-12 Thu 10:00] ASK: which order?"]))
    assert read()["needed"] == []


def test_no_difference_is_no_deviation():
    write(concluded())
    three_seeds("e1.1", (0.5, 0.51, 0.52))
    three_seeds("e1.2", (0.5, 0.51, 0.52), 4)
    assert "acc 0 [" in read()["conclusions"]["e1"][0]
    assert "±" not in legend()


def test_of_a_long_question_the_first_sentence_is_asked():
    write(experiment(1, "One", notes=["[2026-11-12 Thu 10:00] ASK: which order? The easy one is slow."]))
    assert read()["needed"] == ["Which order? The easy one is slow. [e1]"]
    note = "[2026-11-12 Thu 10:00] ASK: which order? There are two:\n  - easy first\n  - hard first"
    write(experiment(1, "One", notes=[note]))
    assert read()["needed"] == ["Which order? … [e1]"]


def test_open_experiments_without_a_date_are_told_and_not_said_to_be_left_out():
    write("* INPROGRESS [1] One :exp:\n* TODO [2] Two :exp:\n* DONE [3] Three :exp:\n")
    found = read()
    assert (list(found["under_way"]), list(found["next"])) == (["e1"], ["e2"])
    assert found["remarks"] == ["One experiment without any date is not counted here."]


def test_a_single_run_is_the_best_only_among_single_runs():
    write(experiment(1, "One", "DONE", steps=["[X] A", "[X] B", "[X] C"], conclusion="It helps."))
    three_seeds("e1.1", (0.5, 0.51, 0.52))
    three_seeds("e1.2", (0.6, 0.61, 0.63), 4)
    record(10, "e1.3", metrics={"acc": 0.9})
    assert "[e1.2]" in read()["conclusions"]["e1"][0]


def test_an_old_number_beside_a_new_conclusion_is_doubted():
    words = "[2026-11-12 Thu] inconclusive:\nPerhaps.\n\n[2026-11-14 Sat] supported:\nYes."
    write(concluded(words))
    three_seeds("e1.1", (0.5, 0.51, 0.52))
    three_seeds("e1.2", (0.6, 0.61, 0.63), 4)
    assert doubts() == "no run since it was concluded before."


def test_figures_so_far_say_of_which_step_they_are():
    write(experiment(1, "One", steps=["[X] Base", "[ ] With warmup"]))
    three_seeds("e1.1", (0.5, 0.51, 0.52))
    record(10, "e1.2", metrics={"acc": 0.9})
    assert "so far acc 0.900 (n = 1) with “With warmup”" in read()["under_way"]["e1"][0]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("lr 1 is better.", "lr 1 is better."),
        ("int8 costs", "int8 costs"),
        ("e1: no", "e1: no"),
        ("it helps", "It helps"),
    ],
)
def test_names_at_the_beginning_of_a_sentence_stay_as_they_are(before, after):
    assert capitalize_first(before) == after
