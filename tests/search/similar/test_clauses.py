"""What a text does, and what it only compares with or replaces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orglab.search.similar.clauses import split_clauses
from orglab.search.similar.setting_values import find_values


@pytest.mark.parametrize(
    ("text", "less"),
    [
        ("Trees beat the SVM, in five minutes", ["beat the SVM"]),
        ("Better than PCA because it is local", ["than PCA "]),
        ("A gain over the 0.94 of PCA; 5 seeds", ["gain over the 0.94 of PCA"]),
        ("Accuracy over the 0.94 of PCA. Then stop", ["over the 0.94 of PCA"]),
        ("Retention above 86 % of the cells", ["above 86 % of the cells"]),
        ("Milk instead of BSA", ["instead of BSA"]),
        ("Compare the loss with that of Adam", ["Compare the loss with that of Adam"]),
        ("Against overfitting, over 30 epochs", []),
        ("Drop the 2 % of examples with the highest loss", []),
        ("The number of thanes", []),
    ],
)
def test_what_is_compared_with_counts_less_up_to_the_end_of_the_clause(text, less):
    clauses = [*split_clauses(text)]
    assert "".join(clause.text for clause in clauses) == text
    assert [clause.text for clause in clauses if clause.share < 1.0] == less


@pytest.mark.parametrize(
    ("title", "less"),
    [
        ("ReLU versus GELU", []),
        ("Compare ReLU with GELU", []),
        ("Outperform the baseline by rotation", []),
        ("GELU beats ReLU", ["beats ReLU"]),
        ("GELU instead of ReLU", ["instead of ReLU"]),
    ],
)
def test_both_sides_of_a_comparison_in_a_title_count(title, less):
    assert [clause.text for clause in split_clauses(title, is_title=True) if clause.share < 1.0] == less


@given(st.text(), st.booleans())
def test_the_clauses_are_the_text(text, is_title):
    assert "".join(clause.text for clause in split_clauses(text, is_title=is_title)) == text


@pytest.mark.parametrize(
    ("title", "description", "values"),
    [
        ("SVM, C=30", "", {("c", "30")}),
        ("Dropout 0.1 -> 0.3", "", {("dropout", "0.1"), ("dropout", "0.3")}),
        ("Retard for 24 h", "", {("retard", "24"), ("h", "24")}),
        ("SVM", "With C = 1e2, gamma: 0,50 and 3 seeds.", {("c", "100"), ("gamma", "0.5")}),
        ("Dropout, 5 seeds", "", set()),
        ("12", "", set()),
        ("", "", set()),
    ],
)
def test_numbers_are_those_of_what_they_stand_beside(title, description, values):
    assert {*find_values(title, description)} == values


@given(st.text(), st.text())
def test_any_text_has_names_for_its_numbers(title, description):
    assert all(name and value for name, value in find_values(title, description))
