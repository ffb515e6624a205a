"""Dates in titles."""

import pytest

from orglab.experiment.title_dates import find_date, is_only_date


@pytest.mark.parametrize(
    ("title", "day"),
    [
        ("2021-05-03 ISO", "2021-05-03"),
        ("[2017-08-25 Sex] another language", "2017-08-25"),
        ("Exp 3 (3.5.2021)", "2021-05-03"),
        ("3. Mai 2021: warm", "2021-05-03"),
        ("le 3 mai 2021", "2021-05-03"),
        ("1er août 2020", "2020-08-01"),
        ("3 de mayo de 2021", "2021-05-03"),
        ("May 3, 2021", "2021-05-03"),
        ("March 3rd 2021", "2021-03-03"),
        ("2021/05/03", "2021-05-03"),
        ("exp20210503", "2021-05-03"),
        ("01.02.21 two digits", "2021-02-01"),
        ("15/03/2021", "2021-03-15"),
        ("5/5/2021", "2021-05-05"),
    ],
)
def test_a_date(title, day):
    found = find_date(title)
    assert found is not None
    assert found.isoformat() == day


@pytest.mark.parametrize(
    "title",
    ["05/03/2021 here or there", "version 1.2.21", "99.99.2021", "2021", "2021-05 May", "31. Februar 2021", "Marsh 3"],
)
def test_no_date(title):
    assert find_date(title) is None


@pytest.mark.parametrize(
    ("title", "is_only"),
    [
        ("2021-05-03", True),
        ("2021-05-03 Monday", True),
        ("<2021-05-03 Mon>", True),
        ("Montag, 3. Mai 2021", True),
        ("mardi 4 mai 2021", True),
        ("2021-05-03 Dropout", False),
        ("Exp 3 2021-05-03", False),
        ("Monday", False),
    ],
)
def test_a_title_that_is_just_a_date(title, is_only):
    assert is_only_date(title) is is_only


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("AB-2-07  3-Apr-24  Ligand", "2024-04-03"),
        ("5 Mar 24", "2024-03-05"),
        ("5/Mar/2024: x", "2024-03-05"),
        ("5.III.2024", "2024-03-05"),
        ("run with 10 May 12 samples", None),
        ("5.IIII.2024", None),
        ("1-Jan-240", None),
    ],
)
def test_months_by_name_with_short_years_and_in_roman_numbers(title, expected):
    found = find_date(title)
    assert (found.isoformat() if found else None) == expected
