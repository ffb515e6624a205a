"""The first sentence of a conclusion."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orglab.report.content.first_sentence import shares_word, split_first_sentence


@pytest.mark.parametrize(
    ("text", "sentence", "rest"),
    [
        ("ABC helps. It is slow, though.", "ABC helps.", "It is slow, though."),
        ("It adds 0.3 points on all seeds. Two diverged.", "It adds 0.3 points on all seeds.", "Two diverged."),
        ("One line\nand the next. More.", "One line and the next.", "More."),
        ("First paragraph.\n\nSecond one.", "First paragraph.", "Second one."),
        ("Slower, e.g. by 2 %. Why?", "Slower, e.g. by 2 %.", "Why?"),
        ("As in Kingma et al. 2015 it helps. So be it.", "As in Kingma et al. 2015 it helps.", "So be it."),
        ("It works! 3 seeds.", "It works!", "3 seeds."),
        ("Is it luck? Yes.", "Is it luck?", "Yes."),
        ("No full stop at all", "No full stop at all", ""),
        ("See [[file:a.b. C][the plot. Here]]. Done.", "See [[file:a.b. C][the plot. Here]].", "Done."),
        ("By $x. Y$ points. Done.", "By $x. Y$ points.", "Done."),
        ("It is 0.3. Then\n- one\n- two", "It is 0.3.", "Then\n\n- one\n- two"),
        ("数据增强有效。第二句。", "数据增强有效。", "第二句。"),
        ("- a list\n- only", "", "- a list\n- only"),
        ("| a | table |", "", "| a | table |"),
        ("#+BEGIN_SRC\nx. Y\n#+END_SRC", "", "#+BEGIN_SRC\nx. Y\n#+END_SRC"),
        ("", "", ""),
        ("Wait ... what. So.", "Wait ... what.", "So."),
    ],
)
def test_the_first_sentence_ends_where_a_reader_ends_it(text, sentence, rest):
    assert split_first_sentence(text) == (sentence, rest)


@given(st.text(alphabet="ab. \n[]$()|-#。!A1", max_size=60))
def test_no_word_is_lost_or_added(text):
    sentence, rest = split_first_sentence(text)
    without = str.maketrans("", "", " \n")
    assert (sentence + rest).translate(without) == text.translate(without)


@pytest.mark.parametrize(
    ("sentence", "title", "is_shared"),
    [
        ("Width does not matter", "Widths of the network", True),
        ("Within the noise", "Dropout", False),
        ("ABC adds two points", "ABC in XYZ", True),
        ("It is useless", "ABC in XYZ", False),
        ("数据增强有效", "数据增强", True),
        ("没有用", "数据增强", False),
        ("It", "A", False),
    ],
)
def test_a_sentence_shares_a_word_with_the_title_in_any_form(sentence, title, is_shared):
    assert shares_word(sentence, title) == is_shared
