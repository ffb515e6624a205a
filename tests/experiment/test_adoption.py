"""Which headings of a file could be experiments, and what the edits change that make them so."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notebooks import DATED, LABORATORY, NOTEBOOKS, PHYSICS, README, TALKS, TRAINING
from orglab.config import Config
from orglab.errors import UsageError
from orglab.experiment.adoption import make_edits, read_adoption
from orglab.experiment.ids import read_aliases
from orglab.experiment.model import read_experiments
from orglab.experiment.other_text import read_other_text
from orglab.org.document import Document

CONFIG = Config()


def read(text, config=CONFIG, **chosen):
    document = Document(text if isinstance(text, bytes) else text.encode(), config.keywords)
    return read_adoption(document, config, "notes.org", [], 1, **chosen)


def adopt(text, config=CONFIG, **chosen):
    """Return the text after the chosen headings are made experiments."""
    found = read(text, config, **chosen)
    return bytes(found.document.apply(make_edits(found.document, config, found.ids)))


def experiments(data, config=CONFIG):
    return list(read_experiments(Document(data, config.keywords), config, "notes.org"))


def titles(group):
    return [one.experiment.title for one in group.headings]


def describe(one):
    created = one.created.isoformat() if one.created else None
    return one.id, created, [(step.text, step.state) for step in one.steps], one.conclusion.text


def test_a_notebook_of_trainings():
    found = {one.title.split(":")[0]: describe(one) for one in experiments(adopt(TRAINING))}
    assert found == {
        "exp3": ("3", None, [("baseline", "done"), ("p=0.1 [1/2]", "done"), ("p=0.5", "open")],
                 "0.91, two points more."),
        "Exp. 7": ("7", "2021-05-03", [], "1000 steps are enough."),
        "E12": ("12", "2021-05-09", [("eps 0.1", "open"), ("eps 0.2", "open")], "No difference."),
        "#12": ("33", None, [], ""),
        "Run 5": ("5", None, [], ""),
        "Trial 7": ("34", None, [], ""),
        "Experiment 31": ("31", None, [], ""),
        "An id in brackets": ("32", None, [], ""),
    }  # fmt: skip


def test_a_german_laboratory():
    found = [describe(one) for one in experiments(adopt(LABORATORY))]
    assert found == [
        ("1", "2021-05-03", [], "Ausbeute 40 %."),
        ("2", "2021-05-04", [("100 mM", "done"), ("200 mM", "open")], "mehr Salz, weniger Ausbeute."),
        ("3", "2021-05-07", [], "Wiederholen."),
        ("3a", None, [], ""),
    ]


def test_french_physics_in_a_date_tree():
    found = [describe(one) for one in experiments(adopt(PHYSICS))]
    assert found == [
        ("2", "2021-05-03", [("mesurer T", "open"), ("changer l'amplitude", "open")], "vrai sous 10°"),
        ("3", "2021-05-04", [], ""),
        ("5", "2021-05-04", [], "aligné."),
        ("4", "2021-06-12", [], ""),
    ]
    doubtful = [titles(group) for group in read(PHYSICS).candidates if not group.is_certain]
    assert doubtful == [["Commande de lentilles"], ["Réunion avec Paul"]]


def test_sections_of_a_readme_are_offered_last_and_not_taken():
    certain, *others = read(README).candidates
    assert titles(certain) == ["exp1: baseline", "exp2: more data"]
    assert [group.is_certain for group in others] == [False]
    assert titles(others[-1]) == [
        "Running experiment 1", "Experiment files", "How to add an experiment", "#12 The parser fails", "#13 Slow",
    ]  # fmt: skip
    assert "exp0: TITLE" not in str(read(README).candidates)


def test_talks_and_meetings_are_no_experiments():
    (group,) = read(TALKS).candidates
    assert (group.is_certain, "talk" in group.why, len(group.headings)) == (False, True, 5)
    assert adopt(TALKS) == TALKS.encode()


def test_a_heading_with_a_date_needs_a_part_of_an_experiment():
    certain, dated = read(DATED).candidates
    assert titles(certain) == ["2026-05-12 Sigma sweep", "2026/05/13: Other data"]
    assert titles(dated) == ["2026-05-14 New keyboard"]
    assert [describe(one)[:2] for one in experiments(adopt(DATED))] == [("1", "2026-05-12"), ("2", "2026-05-13")]


@pytest.mark.parametrize(
    ("text", "created"),
    [
        ("* Exp 3 2021-05-03\n- [2021-05-10 Mon 10:00] again\n", "2021-05-03"),
        ("* 2021-05-03\n** Exp 3\nSee [2019-01-01 Tue].\n", "2021-05-03"),
        ("* 2021-05-03\n** Exp 3 (4.5.2021)\nSee [2019-01-01 Tue].\n", "2021-05-04"),
        ("* Exp 3 2021-05-03\n[2021-05-04 Tue 10:00]\n", "2021-05-04T10:00"),
        ("* Exp 3\n- [2021-05-10 Mon 10:00] once\n", "2021-05-10T10:00"),
        ("* Exp 3 2021-05-03\n:PROPERTIES:\n:CREATED: [2021-05-01 Sat]\n:END:\n", "2021-05-01"),
        ("* Exp 3\nDate: May 3, 2021\n", "2021-05-03"),
        ("* Exp 3\n3.5.2021\n", "2021-05-03"),
    ],
)
def test_a_date_in_a_title_is_the_time_of_creation(text, created):
    (one,) = experiments(adopt(text))
    assert one.created is not None
    assert one.created.isoformat() == created


# What the edits change

_TAG = re.compile(rb"[ \t]:exp:(?=[ \t\r]*$)|(?<=:)exp:(?=[ \t\r]*$)")


def strip_adoption(before, after):
    """Return a text without what adoption adds to it: the tag, drawers, and lines in the drawers that there were."""
    lines = after.split(b"\n")
    kept = []
    originals = iter(before.split(b"\n"))
    expected = next(originals, None)
    for line in lines:
        # The last line had no line ending, and has one if a drawer follows.
        bare = line.removesuffix(b"\r")
        if expected is not None and expected.removesuffix(b"\r") in (bare, _TAG.sub(b"", bare)):
            kept.append(expected)
            expected = next(originals, None)
        else:
            assert re.fullmatch(
                rb"[ \t]*:(?:PROPERTIES|END|ID|CUSTOM_ID|ALIASES|CREATED|CREATED_IN|DESCRIPTION_IN|STEPS_IN|CONCLUSION_IN):.*",
                line.strip(),
            )
    assert expected is None
    return b"\n".join(kept)


@pytest.mark.parametrize("name", NOTEBOOKS)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("is_cut", [False, True])
def test_nothing_but_tags_and_drawers_is_added(name, end, is_cut):
    before = NOTEBOOKS[name].replace("\n", end).encode()
    before = before.removesuffix(end.encode()) if is_cut else before
    letters = [group.letter for group in read(before).candidates]
    after = adopt(before, include=letters)
    assert strip_adoption(before, after) == before
    assert after.endswith(end.encode()) is not is_cut
    assert (b"\r" in after) is (end == "\r\n")


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_second_time_there_is_nothing_to_do(name):
    once = adopt(NOTEBOOKS[name])
    assert adopt(once) == once
    assert [group.is_certain for group in read(once).candidates].count(True) == 0


@given(
    st.lists(
        st.sampled_from(
            ["* Exp 3", "* Exp 4 \t", "** Run 5: x", "* DONE #12 :a:", "* ", "** Result", "- [ ] x", "1. y", "Result: z", "Steps:", "",
             ":PROPERTIES:", ":ID: 3", ":END:", "#+begin_src sh", "#+end_src", "* 2021-05-03 Exp 3", "** Steps",
             "[2021-05-03 Mon]", "| Result: | 1 |", "* Talk 3", "CLOSED: [2021-05-03 Mon]", "*** E7: \u00e9 :b:"]
        ),
        max_size=14,
    ),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)  # fmt: skip
def test_any_text_keeps_its_lines_and_gets_each_id_once(lines, end, is_closed):
    before = (end.join(lines) + (end if is_closed else "")).encode()
    letters = [group.letter for group in read(before).candidates]
    chosen = read(before, include=letters).chosen
    after = adopt(before, include=letters)
    assert strip_adoption(before, after) == before
    made = [one.id for one in experiments(after)]
    assert all(one.id in made for one in chosen)
    assert len({one.id for one in chosen}) == len(chosen)


# Ids


def test_of_two_headings_with_a_number_the_first_keeps_it():
    found = read("* Exp 3: a\n* Exp 3: b\n* Exp 9: c\n")
    assert [(one.id, one.wanted) for one in found.chosen] == [("3", ""), ("10", "3"), ("9", "")]


def test_a_number_that_is_an_id_of_the_log_is_taken():
    found = read(
        "* [3] a :exp:\n* b :exp:\n:PROPERTIES:\n:ID: 4\n:ALIASES: 5\n:END:\n* Exp 3\n* Exp 4\n* Exp 5\n* Exp 6\n"
    )
    assert [(one.id, one.wanted) for one in found.chosen] == [("7", "3"), ("8", "4"), ("9", "5"), ("6", "")]


def test_the_id_of_a_link_is_kept():
    uuid = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
    after = adopt(f"* Exp 7\n:PROPERTIES:\n:ID:       {uuid}\n:END:\n* Exp 8\n:PROPERTIES:\n:CUSTOM_ID: eight\n:END:\n")
    assert [one.id for one in experiments(after)] == ["7", "8"]
    assert uuid.encode() in after
    assert b":CUSTOM_ID: 7\n" in after
    assert b":CUSTOM_ID: eight\n:ID:       8\n" in after


def test_a_time_in_a_tag_or_a_title_is_an_alias():
    after = adopt(
        "* [2017-08-22 Ter] A :exp20170822165129:\n:PROPERTIES:\n:CUSTOM_ID: exp20170822165129\n:END:\n"
        "* B :paper:exp20170825181747:\n* Exp 20170901: C\n"
    )
    assert [(one.id, read_aliases(one.heading)) for one in experiments(after)] == [
        ("1", ("exp20170822165129",)), ("2", ("exp20170825181747",)), ("3", ("exp20170901",)),
    ]  # fmt: skip
    assert b":CUSTOM_ID: exp20170822165129\n" in after
    assert experiments(after)[2].created.isoformat() == "2017-09-01"


def test_a_short_date_in_a_title_is_an_alias_and_the_time():
    first, second, third = experiments(adopt("* exp-210204-unet\n* exp-210316-unet\nSeen [2021-04-01 Thu].\n* Exp 7\n"))
    assert [(one.id, read_aliases(one.heading)) for one in (first, second, third)] == [
        ("8", ("exp-210204-unet",)), ("9", ("exp-210316-unet",)), ("7", ()),
    ]  # fmt: skip
    assert [one.created.isoformat() for one in (first, second)] == ["2021-02-04", "2021-03-16"]


def test_an_id_of_its_own_stays():
    assert [one.id for one in experiments(adopt("* Exp 7\n:PROPERTIES:\n:ID: own\n:END:\n"))] == ["own"]


def test_a_tagged_heading_without_an_id_gets_its_number():
    text = "* Warmup :exp:\n* Exp 5: Warmdown :exp:\n"
    assert [(one.title, one.id) for one in experiments(adopt(text))] == [("Warmup", "6"), ("Exp 5: Warmdown", "5")]


def test_the_letter_and_the_tag_are_settings():
    config = Config(tag="study", letter="x", id_property="CUSTOM_ID")
    after = adopt("* X12: a :b:\n", config)
    assert after == b"* X12: a :b:study:\n:PROPERTIES:\n:CUSTOM_ID: 12\n:END:\n"


# Which headings


def test_groups_and_lines_can_be_left_out_and_added():
    text = "* Exp 1\n* Exp 2\n* 2021-05-03 Keyboard\n* Other\n"
    assert [one.line for one in read(text, exclude=["2"], include=["b", "4"]).chosen] == [1, 3, 4]
    assert [one.line for one in read(text, exclude=["A"]).chosen] == []


def test_the_number_of_a_heading_that_is_left_out_stays_free():
    assert [
        one.id for one in read("* Exp 1\n* Exp 2\n* 2021-05-03 Keyboard\n", exclude=["2"], include=["B"]).chosen
    ] == ["1", "3"]


@pytest.mark.parametrize(
    ("chosen", "says"),
    [
        ({"include": ["Z"]}, "'Z' is neither the letter of a group nor the line of a heading; there are A."),
        ({"include": ["3"]}, "There is no heading in line 3."),
        ({"include": ["4"]}, "The heading in line 4 is an experiment already."),
        ({"exclude": ["4"]}, "Line 4 is not that of a heading that could become an experiment."),
        ({"exclude": ["٣"]}, "'٣' is neither"),
    ],
)
def test_a_choice_that_is_none(chosen, says):
    with pytest.raises(UsageError, match=re.escape(says)):
        read("* Exp 1\n* Exp 2\ntext\n* [9] x :exp:\n", **chosen)


def test_a_word_that_may_count_something_else_is_certain_in_a_series():
    assert [group.is_certain for group in read("* Run 5 km with Anna\n").candidates] == [False]
    assert [group.is_certain for group in read("* Run 5 warm\n* Run 6 cold\n").candidates] == [True]


def test_what_is_in_an_experiment_is_part_of_it():
    assert [one.line for one in read("* Exp 1\n** Run 1\n** Run 2\n* [9] x :exp:\n** Run 3\n").chosen] == [1]


@pytest.mark.parametrize(
    ("text", "is_certain"),
    [
        ("* A\n** Hypothesis\nx\n** Steps\n- y\n", True),
        ("* A\n** Steps\n- y\n** Results\nz\n", True),
        ("* A\nGoal: x\nResult: z\n", True),
        ("* A\n** TODO Experiments\n1. [ ] x\n", True),
        ("* Project\n** Goals\nx\n** Tasks\n- y\n", False),
        ("* House\n** TODO Move\n1. [ ] x\n", False),
        ("* A\nResult: z\n", False),
    ],
)
def test_without_a_number_or_a_date_two_parts_of_an_experiment_are_needed(text, is_certain):
    assert any(group.is_certain for group in read(text).candidates) is is_certain


def test_code_in_a_file_of_experiments_is_offered():
    text = "#+TITLE: Experiments\n* Warmup\nHypothesis: warm.\n#+begin_src sh\n#+end_src\n* Data\n#+begin_src sh\n#+end_src\n"
    certain, doubtful = read(text).candidates
    assert (titles(certain), titles(doubtful)) == (["Warmup"], ["Data"])


@pytest.mark.shared
def test_the_notebooks_of_others(shared):
    certain, doubtful = {}, {}
    for path in sorted((shared / "corpus" / "lab-notebooks").glob("*.org")):
        before = path.read_bytes()
        groups = read(before).candidates
        certain[path.name.split("-")[0]] = sum(len(group.headings) for group in groups if group.is_certain)
        doubtful[path.name.split("-")[0]] = sum(len(group.headings) for group in groups if not group.is_certain)
        after = adopt(before, include=[group.letter for group in groups])
        assert strip_adoption(before, after) == before
    assert certain == {"alegrand": 4, "aseltmann": 0, "cicerolp": 16, "jackruder": 3, "stanisic": 0}
    assert max(doubtful.values()) <= 4


# ---- descriptions, dates and templates ----


def described(text, **chosen):
    return {one.title: one.description for one in experiments(adopt(text, **chosen))}


@pytest.mark.parametrize(
    ("below", "description", "place"),
    [
        ("A paragraph.\n\n- an item\n", "A paragraph.", "."),
        ("- an item\n\nA paragraph.\n", "an item", None),
        ("Only a paragraph.\n", "Only a paragraph.", None),
        ("- lr 0.1\n- Goal: see whether it helps\n- seed 3\n", "see whether it helps", "Goal:"),
        ("Date: 2021-05-03\nHypothesis: it\nhelps.\nSetup: none\n", "it helps.", "Hypothesis:"),
        ("Hypothesis: it helps.\n", "Hypothesis: it helps.", None),
        ("** Motivation\nIt was slow.\n- on one machine\n#+begin_src sh\nls\n#+end_src\n",
         "It was slow. on one machine", "Motivation"),
        ("** Description\n#+begin_src sh\nls\n#+end_src\n", "", None),
        ("Text.\n** Description\nMore.\n", "Text.", None),
        ("- [ ] a step\n** Objectif\nplus vite\n", "plus vite", "Objectif"),
        ("Result: none.\n** Ziel\nschneller\n", "schneller", "Ziel"),
    ],
)  # fmt: skip
def test_the_description_is_what_a_reader_takes_for_it(below, description, place):
    (one,) = experiments(adopt(f"* Exp 1\n{below}"))
    assert (one.description, one.properties.get("DESCRIPTION_IN")) == (description, place)


def test_what_is_described_elsewhere_is_shown_once():
    data = adopt("* Exp 1\nDate: today\nGoal: to see\nMore: text\n- [ ] a step\n** Motivation\nSlow.\n| a | b |\n")
    (one,) = experiments(data)
    assert one.description == "to see"
    other = [note.text for note in read_other_text(one)]
    assert other == ["Date: today\nMore: text", "Motivation\nSlow.\n| a | b |"]
    (one,) = experiments(adopt("* Exp 1\n** Motivation\nSlow.\n| a | b |\n*** Below\nit\n"))
    assert [note.text for note in read_other_text(one)] == ["| a | b |", "Below\nit"]


@pytest.mark.parametrize(
    ("titles", "created"),
    [
        (["05/03/2021", "17/03/2021"], ["2021-03-05", "2021-03-17"]),
        (["05/03/2021", "03/17/2021"], ["2021-05-03", "2021-03-17"]),
        (["05/03/2021", "06/04/2021"], [None, None]),
        (["17/03/2021", "03/17/2021", "05/03/2021"], ["2021-03-17", "2021-03-17", None]),
        (["210305", "210417"], ["2021-03-05", "2021-04-17"]),
        (["210305", "Other"], [None, None]),
        (["210305", "219999"], [None, None]),
    ],
)
def test_dates_that_the_file_explains(titles, created):
    text = "".join(f"* {title} warm\nHypothesis: h\nResult: r\n" for title in titles)
    lines = [str(at) for at in range(1, len(text.splitlines()), 3)]
    found = [one.created for one in experiments(adopt(text, include=lines))]
    assert [at.isoformat() if at else None for at in found] == created


def test_the_time_in_a_number_counts_more_than_a_copied_title():
    text = "* [2017-08-22 Tue] again :exp20170907112116:\n[[file:a]] seen [2017-10-01 Sun]\n* exp20210230 no date\n"
    first, second = experiments(adopt(text))
    assert first.created.isoformat() == "2017-09-07T11:21"
    assert second.created is None


TEMPLATE = "* Template\n** Setup\n- [ ] Make a folder\n- [ ] Copy the script\n"


@pytest.mark.parametrize(
    ("below", "steps"),
    [
        ("** Setup\n- [X] Make a folder\n- [ ] Copy the script\n", []),
        ("- [X] Make a folder\n", []),
        ("** Setup\n- [X] Make a folder\n- [X] Train\n", ["Make a folder", "Train"]),
        ("** Steps\n- [X] Make a folder\n", ["Make a folder"]),
        ("** Setup\n- [X] Make a folder\n** Work\n- [ ] Train\n", ["Train"]),
    ],
)
def test_the_checklist_of_a_template_has_no_steps(below, steps):
    (one,) = experiments(adopt(f"{TEMPLATE}* Exp 1\n{below}"))
    assert [step.text for step in one.steps] == steps


@pytest.mark.parametrize(
    ("title", "box", "result", "steps"),
    [
        ("Protocol", "", "", 2),
        ("Protocol", "", "Result: 3.\n", 0),
        ("Protocol", "[ ] ", "Result: 3.\n", 2),
        ("Durchführung", "", "Ergebnis: 3.\n", 0),
        ("Steps", "", "Result: 3.\n", 2),
    ],
)
def test_a_method_is_no_list_of_tasks_where_there_is_a_result(title, box, result, steps):
    (one,) = experiments(adopt(f"* Exp 1\n{result}** {title}\n- {box}load\n- {box}fit\n"))
    assert one.progress.total == steps


def test_headings_that_were_left_out_stay_out():
    config = Config(not_experiments=("Exp 1 no",))
    found = read("* Exp 1 no\n** Exp 2 in it\n* Exp 3\n", config)
    assert [titles(group) for group in found.candidates] == [["Exp 3"]]
    assert [one.id for one in read("* Exp 1 no\n* Exp 3\n", config, include=["1"]).chosen] == ["1", "3"]


# ---- series that no word explains ----


def series(*names, text="Aim: a\nResult: b\n"):
    return "".join(f"* {name} title\n{text}" for name in names)


@pytest.mark.parametrize(
    ("names", "ids", "aliases"),
    [
        (("MK-2-01", "MK-2-02", "MK-2-05"), ["1", "2", "5"], ["MK-2-01", "MK-2-02", "MK-2-05"]),
        (("KW005:", "KW006:", "KW007b:"), ["5", "6", "7b"], ["KW005", "KW006", "KW007b"]),
        (("p. 5", "p. 6", "p. 9"), ["5", "6", "9"], [None, None, None]),
        (("Rxn 9:", "Rxn 8:", "Rxn 7:"), ["9", "8", "7"], [None, None, None]),
        (("MK-1-01", "MK-1-02", "MK-1-03", "MK-2-01", "MK-2-02", "MK-2-03"), ["1", "2", "3", "4", "5", "6"],
         ["MK-1-01", "MK-1-02", "MK-1-03", "MK-2-01", "MK-2-02", "MK-2-03"]),
    ],
)  # fmt: skip
def test_a_number_that_rises_through_the_titles_is_the_id(names, ids, aliases):
    found = experiments(adopt(series(*names)))
    assert [one.id for one in found] == ids
    assert [one.properties.get("ALIASES") for one in found] == aliases


@pytest.mark.parametrize(
    "text",
    [
        series("Week 1", "Week 2", "Week 3"),
        series("MK-01", "MK-02"),
        series("ResNet18", "ResNet50", "ResNet152"),
        series("Room 3", "Room 4", "Room 5"),
        series("MK-3", "MK-1", "MK-9", "MK-2", "MK-7"),
    ],
)
def test_what_is_counted_otherwise_is_no_series(text):
    assert [group.why for group in read(text).candidates if "number" in group.why] == []


def test_a_series_without_any_part_of_an_experiment_is_taken_only_on_demand():
    (group,) = read(series("MK-01", "MK-02", "MK-03", text="Text.\n")).candidates
    assert (group.why, group.is_certain) == ("with a number that may count something else", False)


def test_members_of_a_series_need_no_result():
    text = series("MK-01", "MK-02") + "* MK-03 it failed\nBad.\n* MK-04 begun\n"
    assert [one.id for one in experiments(adopt(text))] == ["1", "2", "3", "4"]


def test_a_line_for_a_method_is_no_list_of_tasks_where_there_is_a_result():
    (one,) = experiments(adopt("* Exp 1\nProcedure:\n1. load\n2. fit\n\nResult: good.\n"))
    assert (one.progress.total, one.conclusion.text) == (0, "good.")
    (one,) = experiments(adopt("* Exp 1\nProcedure:\n1. load\n2. fit\n"))
    assert one.progress.total == 2


# ---- what other notebooks had ----


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("* Exp 1\n/5 février 2024/\n\nOn veut voir.\n", "On veut voir."),
        ("* Exp 1\nDate: 2023-09-11\n\nDoes it melt?\n- lr: 1\n", "Does it melt?"),
        ("* Exp 1\n- Date: 2023-09-11\n** Aim\nTo see.\n", "To see."),
    ],
)
def test_a_date_is_no_description(text, found):
    (one,) = experiments(adopt(text))
    assert (one.description, one.created is not None) == (found, True)


@pytest.mark.parametrize(
    ("text", "conclusion"),
    [
        ("* Exp 1\nErgebnis (12.06.): korrekt\n", "korrekt"),
        (
            "* Exp 1\n** Results\n| a | b |\n** Discussion\nIt trades one for the other.\n",
            "It trades one for the other.",
        ),
    ],
)
def test_what_the_result_means(text, conclusion):
    (one,) = experiments(adopt(text))
    assert one.conclusion.text == conclusion


def test_an_entry_beside_experiments_is_offered():
    text = (
        "* Runs\n** adam\nGoal: g\nResult: r\n** mixup\n- [ ] train\n** table\n| a |\n** idea\nText.\n"
        "* Other\n** list\n- [ ] buy\n"
    )
    groups = {group.why.split(",")[0]: titles(group) for group in read(text).candidates}
    assert groups == {"with a hypothesis": ["adam"], "beside such headings": ["mixup", "table"]}


def test_a_line_is_meant_whatever_is_said_of_its_group():
    text = "* Exp 1\n* Exp 2\n* Exp 3\n"
    assert [one.line for one in read(text, include=["2"], exclude=["A"]).chosen] == [2]
    assert [one.line for one in read(text, exclude=["2"], include=["A"]).chosen] == [1, 3]


def test_a_second_run_of_an_experiment_has_its_number():
    found = experiments(adopt("* Manip n°12 : a\n* Manip n°12bis : b\n* Exp 12 ter: c\n"))
    assert [one.id for one in found[:2]] == ["12", "12bis"]


@pytest.mark.parametrize("title", ["Laborbesprechung", "AG-Besprechung", "Gruppentreffen", "À faire"])
def test_meetings_and_lists_of_tasks_are_not_taken(title):
    chosen = read(f"* 2024-06-05\n** {title}\n- [ ] x\nErgebnis: y\n").chosen
    assert chosen == ()
