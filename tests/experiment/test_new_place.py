"""Where `new` adds an experiment to a log that has sections, or a day for each day."""

import datetime

import pytest

from orglab.config import Config
from orglab.errors import NotFoundError, UsageError
from orglab.experiment.edits import add_experiment
from orglab.experiment.lookup import find_last_experiment, find_section
from orglab.org.document import Document

NOW = datetime.datetime(2026, 3, 2, 9, 0)  # noqa: DTZ001 - the log holds local times
CONFIG = Config()
DRAWER = ":PROPERTIES:\n:ID: 1\n:END:\n"
PARTS = ("Notes", "Experiments [0/0]", "Conclusions")


def add(text, below=None):
    document = Document(text.encode(), CONFIG.keywords)
    last = find_last_experiment(document, CONFIG, "log.org")
    return document.apply(
        add_experiment(
            document, last, CONFIG, "new", number="2", now=NOW, description=None, steps=(), tags=(),
            below=find_section(document, below) if below else None,
        )
    )  # fmt: skip


def outline(document):
    return [("*" * one.stars, one.title) for one in document.headings() if one.title not in PARTS]


def new(stars):
    return ("*" * stars, "[2] new [0%]")


@pytest.mark.parametrize(
    ("above", "expected"),
    [
        ("* Lab\n", [("*", "Lab"), ("**", "a"), new(2), ("*", "Literature")]),
        ("* 2026-03-02\n", [("*", "2026-03-02"), ("**", "a"), new(2), ("*", "Literature")]),
        ("* 2026-02-27\n", [("*", "2026-02-27"), ("**", "a"), ("*", "Literature"), ("*", "2026-03-02"), new(2)]),
        ("* Lab\n** 2026-02-27\n",
         [("*", "Lab"), ("**", "2026-02-27"), ("***", "a"), ("**", "2026-03-02"), new(3), ("*", "Literature")]),
        ("* Lab\n** [2026-02-27 Fri]\n",
         [("*", "Lab"), ("**", "[2026-02-27 Fri]"), ("***", "a"), ("**", "[2026-03-02 Mon]"), new(3),
          ("*", "Literature")]),
        ("* Lab\n** 27.2.2026\n",
         [("*", "Lab"), ("**", "27.2.2026"), ("***", "a"), ("**", "2.3.2026"), new(3), ("*", "Literature")]),
        ("* Mo, 23.02.2026\n* Fr, 27.02.2026\n",
         [("*", "Mo, 23.02.2026"), ("*", "Fr, 27.02.2026"), ("**", "a"), ("*", "Literature"), ("*", "Mo, 02.03.2026"),
          new(2)]),
        ("* Fr, 27.02.2026\n", [("*", "Fr, 27.02.2026"), ("**", "a"), ("*", "Literature"), new(1)]),
        ("* 27 février 2026\n", [("*", "27 février 2026"), ("**", "a"), ("*", "Literature"), new(1)]),
        ("* 2026\n** 2026-02 février\n*** 2026-02-27 vendredi\n",
         [("*", "2026"), ("**", "2026-02 février"), ("***", "2026-02-27 vendredi"), ("****", "a"),
          ("**", "2026-03 March"), ("***", "2026-03-02 Monday"), new(4), ("*", "Literature")]),
        ("* 2026\n** 2026-03 March\n*** 2026-03-01 Sunday\n",
         [("*", "2026"), ("**", "2026-03 March"), ("***", "2026-03-01 Sunday"), ("****", "a"),
          ("***", "2026-03-02 Monday"), new(4), ("*", "Literature")]),
        ("* Lab\n** 2025\n*** 2025-12 December\n**** 2025-12-31 Wednesday\n",
         [("*", "Lab"), ("**", "2025"), ("***", "2025-12 December"), ("****", "2025-12-31 Wednesday"), ("*****", "a"),
          ("**", "2026"), ("***", "2026-03 March"), ("****", "2026-03-02 Monday"), new(5), ("*", "Literature")]),
    ],
)  # fmt: skip
def test_a_new_experiment_goes_where_the_last_one_is(above, expected):
    stars = "*" * (above.splitlines()[-1].count("*") + 1)
    document = add(f"{above}{stars} a :exp:\n{DRAWER}Text.\n\n* Literature\n")
    assert outline(document) == expected


def test_a_day_that_is_there_already_is_used():
    text = f"* 27.02.2026\n** a :exp:\n{DRAWER}* 02.03.2026\nA note.\n* Literature\n"
    assert outline(add(text)) == [
        ("*", "27.02.2026"), ("**", "a"), ("*", "02.03.2026"), new(2), ("*", "Literature"),
    ]  # fmt: skip


def test_without_a_section_it_goes_to_the_end():
    assert outline(add(f"* a :exp:\n{DRAWER}* Literature\n")) == [("*", "a"), ("*", "Literature"), new(1)]
    assert outline(add("* Literature\n")) == [("*", "Literature"), new(1)]


def test_it_is_no_part_of_another_experiment():
    text = f"* Lab\n** a :exp:\n{DRAWER}*** part :exp:\n:PROPERTIES:\n:ID: 1b\n:END:\n* Literature\n"
    assert outline(add(text)) == [("*", "Lab"), ("**", "a"), ("***", "part"), new(2), ("*", "Literature")]


def test_the_variables_of_emacs_stay_last():
    text = f"* Lab\n** a :exp:\n{DRAWER}* COMMENT Local Variables\n# Local Variables:\n# fill-column: 80\n# End:\n"
    assert bytes(add(text)).decode().endswith(text[text.index("* COMMENT") :])
    assert bytes(add(text, "Lab")).decode().endswith(text[text.index("* COMMENT") :])


def test_a_heading_is_chosen_by_its_title_or_by_those_above():
    text = f"* Lab\n** Queries [1/2]\n*** a :exp:\n{DRAWER}* Old\n** Queries\nText.\n"
    found = add(text, "old/queries")
    assert outline(found)[-2:] == [("**", "Queries"), new(3)]
    with pytest.raises(UsageError, match="2 headings 'Queries', in lines 2, 8"):
        add(text, "Queries")
    with pytest.raises(NotFoundError, match="no heading 'Other'"):
        add(text, "Other")


def test_near_titles_are_named_for_an_unknown_one():
    text = f"* What worked [1/2]\n* Wurked\n* Worked examples\n* Worker\n* Literature\n* a :exp:\n{DRAWER}"
    with pytest.raises(
        NotFoundError, match=r"'Worked' in the log; nearest: 'Worked examples', 'What worked', 'W.rke.'"
    ):
        add(text, "Worked")


def test_the_first_experiment_goes_below_the_empty_heading_that_is_named_for_experiments():
    text = "* Literature\n* Experiment results /\n* Data\n"
    assert outline(add(text)) == [("*", "Literature"), ("*", "Experiment results /"), new(2), ("*", "Data")]


@pytest.mark.parametrize(
    "text",
    [
        "* Experiments\nHow we do them.\n",
        "* Experiments\n* Experiments\n",
        "* TODO Experiments\n",
        "* Exp 7\n",
        "* exp-#date\n",
        "** Experiments\n",
    ],
)
def test_the_first_experiment_goes_to_the_end_if_no_heading_is_certainly_for_it(text):
    assert outline(add(f"* Data\n{text}* Other\n"))[-1] == new(1)


@pytest.mark.parametrize(
    ("text", "indent"),
    [(f"* Data\n{DRAWER}", ""), (f"* Data\n {DRAWER}", " "), (f"* Exp\n* Data\n{DRAWER}", ""), ("* Data\n", "  ")],
)
def test_the_drawer_of_the_first_experiment_is_indented_as_others_of_the_file(text, indent):
    assert f"\n{indent}:PROPERTIES:\n{indent}:ID:       2\n{indent}:END:\n{indent}[2026" in bytes(add(text)).decode()
