"""Numbers of experiments in titles."""

import pytest

from orglab.config import Config
from orglab.experiment.title_numbers import find_number, read_number
from orglab.org.document import Document


@pytest.mark.parametrize(
    ("title", "number"),
    [
        ("exp3", "3"),
        ("Exp. 7:", "7"),
        ("Exp. 7. Warmup", "7"),
        ("E12:", "12"),
        ("#12", "12"),
        ("Run 5", "5"),
        ("Trial 7: again", "7"),
        ("Versuch 3", "3"),
        ("Versuch Nr. 03 (Salz)", "3"),
        ("Expérience 2", "2"),
        ("Expérience n° 2 : pendule", "2"),
        ("EXP-003", "3"),
        ("exp_3_dropout", "3"),
        ("Experiment #4 without a colon", "4"),
        ("2021-05-03 Exp 3: after a date", "3"),
        ("[2021-05-03 Mon] Exp 3", "3"),
        ("*Exp 3*: bold", "3"),
        ("[[file:exp3.org][Exp 3]] a link", "3"),
        ("ERLEDIGT Versuch 2", "2"),
        ("Exp 3a", "3a"),
        ("Exp 3.1: a part", "3-1"),
        ("[201] in brackets", "201"),
        ("<<201>> a target", "201"),
        ("[e7] a reference", "7"),
        ("実験３\uff1aドロップアウト", "3"),
        ("Эксперимент 5", "5"),
        ("Exp ٣", "3"),
    ],
)
def test_a_number(title, number):
    found = find_number(title, "e")
    assert found is not None
    assert (found.id, found.is_certain) == (number, True)


@pytest.mark.parametrize("title", ["Run 5 km with Anna", "E3 ligase", "Test 12/05", "e12 without a mark"])
def test_a_number_that_may_count_something_else(title):
    found = find_number(title, "e")
    assert found is not None
    assert not found.is_certain


@pytest.mark.parametrize(
    "title",
    ["Experiments", "exp3rd", "expert 3", "E2E tests", "Exp 2021-05-03", "[ ] a box", "[1/2] a cookie", "3 mice"],
)  # fmt: skip
def test_no_number(title):
    found = find_number(title, "e")
    assert found is None


def test_the_letter_of_references_counts():
    assert find_number("X12: own letter", "x") is not None
    assert find_number("X12: another letter", "e") is None


@pytest.mark.parametrize("title", ["exp20170822165129 a time", "Exp 20170822165129: a time", "[exp20170822165129]"])
def test_a_time_is_a_name_and_no_id(title):
    found = find_number(title, "e")
    assert found is not None
    assert (found.id, found.name, found.is_certain) == ("", "exp20170822165129", True)


def read_numbers(titles):
    document = Document("".join(f"* {title}\n" for title in titles).encode())
    return [(one.id, one.name) for one in (read_number(heading, Config()) for heading in document.headings())]


@pytest.mark.parametrize(
    ("titles", "names"),
    [
        (["exp-210204-unet", "exp_210316", "exp210318: again"], ["exp-210204-unet", "exp_210316", "exp210318"]),
        (["[2021-02-05 Fri] exp-210204-unet"], ["exp-210204-unet"]),
        (["Exp 210204: U-Net", "Exp 210316: again"], ["exp210204", "exp210316"]),
    ],
)
def test_six_digits_that_are_a_date_are_a_name_and_no_id(titles, names):
    assert read_numbers(titles) == [("", name) for name in names]


@pytest.mark.parametrize(
    ("titles", "ids"),
    [
        # Not each of them is a date.
        (["exp-210204-unet", "exp-219904-unet"], ["210204", "219904"]),
        (["exp 210203", "exp 210204", "exp 210205"], ["210203", "210204", "210205"]),
        (["exp 210204"], ["210204"]),
        (["e210204: a reference", "run 210316: another word"], ["210204", "210316"]),
    ],
)
def test_six_digits_that_count_are_an_id(titles, ids):
    assert read_numbers(titles) == [(one, "") for one in ids]
