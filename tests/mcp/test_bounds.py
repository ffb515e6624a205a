"""Whatever a document has, an answer is short, and says what it left out."""

from hypothesis import given, settings
from hypothesis import strategies as st

from orglab.mcp.bounds import LIMIT, Paged, fit, fit_page, measure

TEXTS = st.text(max_size=30) | st.builds(lambda text, count: text * count, st.text(max_size=10), st.integers(0, 300))
SMALL = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=4,
)
VALUES = (
    SMALL
    | st.builds(lambda one, count: [one] * count, SMALL, st.integers(0, 200))
    | st.builds(lambda one, count: {f"name {n}": one for n in range(count)}, SMALL, st.integers(0, 60))
)
DOCUMENTS = st.dictionaries(st.text(max_size=20) | st.just("x" * 9000), VALUES, max_size=6)


@settings(max_examples=60)
@given(DOCUMENTS)
def test_any_document_is_within_the_limit(document):
    answer = fit(document, "Ask for less.")
    assert measure(answer) <= LIMIT


@settings(max_examples=60)
@given(DOCUMENTS, st.lists(DOCUMENTS, max_size=12), st.integers(0, 15))
def test_any_page_is_within_the_limit_and_goes_on(fields, values, offset):
    fields = {name: value for name, value in fields.items() if name != "values"}
    answer = fit_page(Paged(fields, "values", values, lambda one: one), offset, "Go on at OFFSET.")
    assert measure(answer) <= LIMIT
    taken = len(answer["values"])
    assert taken or offset >= len(values)
    assert answer.get("next_offset") == (offset + taken if offset + taken < len(values) else None)


def test_a_short_document_is_left_as_it_is():
    document = {"text": "x" * 5000, "list": [1.5, None, True, "é"], "nested": {"a": [{"b": "c"}]}}
    assert fit(document, "More.") == document


def test_what_is_left_out_is_counted():
    runs = [{"id": str(number), "why": "because " * 500} for number in range(100)]
    answer = fit(
        {"runs": runs, "packages": {f"p{number}": "1.0" for number in range(1000)}, "title": "T"}, "More: runs."
    )
    assert len(answer["runs"]) + answer["left_out"]["runs"] == 100
    assert len(answer["packages"]) + answer["left_out"]["packages"] == 1000
    assert (answer["title"], answer["hint"]) == ("T", "More: runs.")
    assert "runs.why" in answer["cut"]


def test_a_document_of_very_many_fields_keeps_the_small_ones():
    answer = fit({f"field {number}": "x" * (number % 50) for number in range(1000)} | {"id": "e1"}, "Less.")
    assert answer["id"] == "e1"
    assert measure(answer) <= LIMIT


def test_control_characters_are_removed_from_names_and_texts():
    assert fit({"a\x1b[31m": ["b\x07\u202e", {"c\x00": "d\ud800"}]}, "") == {"a[31m": ["b<U+202E>", {"c": "d\ufffd"}]}
