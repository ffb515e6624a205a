"""How wide the columns of a table are, and which table is not readable on a page."""

import pytest

from orglab.report import blocks as b
from orglab.report.formats.table_fit import fit_columns, list_rows


def table(*rows):
    """A table of texts, the first row being its header."""
    cells = [tuple((b.Text(word),) if word else () for word in row) for row in rows]
    return b.Table(cells[0], tuple(cells[1:]))


def test_a_small_table_takes_only_the_room_of_its_words():
    shares = fit_columns(table(("Step", "Mean"), ("e1.1", "0.9076")), 100)
    assert sum(shares) < 0.3
    assert shares[1] > shares[0] > 0.04


def test_a_long_cell_leaves_the_other_columns_their_words():
    words = "a sentence on what was done " * 6
    shares = fit_columns(table(("Step", "Description", "Duration"), ("e1.1", words, "5.7 s")), 100)
    assert sum(shares) == pytest.approx(1)
    assert shares[0] * 100 > len("Step")
    assert shares[2] * 100 > len("Duration")
    assert shares[1] > 0.6


def test_a_table_with_more_words_than_a_line_is_not_readable():
    names = [f"parameter_{number}" for number in range(10)]
    assert fit_columns(table(names, names), 100) is None


def test_a_table_whose_cells_would_be_columns_of_words_is_not_readable():
    columns = [f"c{number}" for number in range(8)]
    assert fit_columns(table(columns, [*columns[:6], "word " * 60, "word " * 60]), 100) is None


def test_wide_characters_take_the_room_of_two():
    narrow, wide = table(("a", "b"), ("x" * 10, "y")), table(("a", "b"), ("実" * 10, "y"))
    assert fit_columns(wide, 100)[0] > fit_columns(narrow, 100)[0] * 1.5


def test_a_table_as_a_list_has_every_cell_with_its_header():
    (made,) = list_rows(table(("Step", "lr", "seed"), ("e1.1", "0.1", "7"), ("e1.2", "", "8")))
    assert [b.plain(item.content[0].content) for item in made.items] == ["e1.1 lr 0.1 · seed 7", "e1.2 seed 8"]


def test_the_rules_of_a_table_divide_its_list():
    cells = tuple(((b.Text(word),),) for word in "abc")
    assert [len(made.items) for made in list_rows(b.Table(((b.Text("h"),),), cells, rules=(2,)))] == [2, 1]
