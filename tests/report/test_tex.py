"""Formulas: what is known is the same in HTML and on paper, and all else is refused with what it was."""

import re
import xml.etree.ElementTree as ET

import pytest
import typst
from hypothesis import example, given
from hypothesis import strategies as st

from orglab.report.formats.mathml import to_mathml
from orglab.report.formats.typst_math import to_typst_math
from orglab.report.tex import EMPTY, MAX_LENGTH, Node, NotConvertedError, read_tex

KNOWN = [
    r"\frac{a}{b}+x_i^2", r"\mathcal{L}(\theta) = \frac{1}{n}\sum_{i=1}^{n} \left( y_i - \hat{y}_i \right)^2 + \lambda \lVert \theta \rVert_2^2",
    r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"\begin{align*} a &= b, c; d \\ e &= \text{if } x\_y \end{align*}",
    r"f(x)=\begin{cases} 1 & x > 0 \\ 0 & \text{otherwise} \end{cases}", r"\argmax_{x \in \mathbb{R}^d} \| x \|, \sqrt[3]{x}, \binom nk, f''(x)",
    r"p < 0.05 \& q > \$5 % a comment", r"\mathbf{w}^\top \mathbf{x} \to \infty", r"\left. \frac12 \right| a/b @ ! \%", "", "x'", "_a^b", r"\{a\}",
    r"\begin{array}{cc} a & b \\ \end{array}", "日本", r"\underline{ab} [a,b)", r"\big( x \big)", 'a;b,c:d"e"#'.replace("#", ""),
]  # fmt: skip


@pytest.mark.parametrize("tex", KNOWN)
def test_what_is_known_is_set_in_both_formats(tex):
    root = ET.fromstring(to_mathml(tex, display=True))
    assert root.tag == "math"
    assert root.find(".//annotation").text == tex or tex == ""
    typst.compile(f"${to_typst_math(tex)}$".encode(), format="pdf")


@pytest.mark.parametrize(
    ("tex", "why"),
    [
        (r"\foo", r"\foo is not supported"), ("{a", "incomplete formula"), ("a}", "unmatched }"), ("a & b", "unexpected &"),
        (r"\left( a", "incomplete formula"), (r"\begin{tikz}", "the environment tikz is not supported"), ("{" * 99, "nested too deeply"),
        ("a" * (MAX_LENGTH + 1), "too long"), (r"\input{/etc/passwd}", r"\input is not supported"), (r"\text{\evil}", r"\evil in text"), (r"\frac{a}", "incomplete formula"),
    ],
)  # fmt: skip
def test_what_is_not_known_is_named(tex, why):
    with pytest.raises(NotConvertedError, match=re.escape(why)):
        read_tex(tex)


def test_a_digit_without_braces_is_one_character():
    assert read_tex(r"\frac12").parts == (Node("number", "1"), Node("number", "2"))
    assert read_tex("x^10").parts[0] == Node("scripts", "", (Node("letter", "x"), EMPTY, Node("number", "1")))


PIECES = st.sampled_from(
    [*"ab1+-=<>()[]{}|/\\&#$_^%~'\";:,.!@ ", r"\frac", r"\sqrt", r"\left(", r"\right)", r"\begin{cases}", r"\end{cases}", r"\text{", r"\hat", r"\alpha",
     r"\sum", r"\\", r"\mathbf", r"\max", r"\{", "日"]
)  # fmt: skip


@example("_\\")
@given(st.lists(PIECES, max_size=12).map("".join))
def test_any_formula_is_set_or_refused(tex):
    try:
        formula = to_typst_math(tex)
    except NotConvertedError:
        return
    typst.compile(f"$ {formula} $".encode(), format="svg")
    ET.fromstring(to_mathml(tex, display=False))
