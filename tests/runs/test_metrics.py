"""Metrics in files and in output, including values that are not finite numbers."""

import itertools
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orglab.errors import NotReadableError
from orglab.runs.metrics import PrintedMetrics, read_metrics, to_value


@pytest.fixture
def read(tmp_path):
    """Rows, final values, and whether it is a history, of a metrics file with this text."""

    def from_text(text, name="metrics.txt", start=0):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        found = read_metrics(path, start)
        rows = list(found)
        return rows, found.final, found.is_history

    return from_text


def test_json_holds_final_values(read):
    _, final, is_history = read('{"acc": 0.91, "steps": 100, "name": "x", "big": 12345678901234567890123}')
    assert final == {"acc": 0.91, "steps": 100, "name": "x", "big": "12345678901234567890123"}
    assert not is_history


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_no_obstacle(read, encoding):
    assert read('{"acc": 0.9}'.encode(encoding))[1] == {"acc": 0.9}
    assert read('[{"acc": 0.8}, {"acc": 0.9}]'.encode(encoding))[1] == {"acc": 0.9}


def test_json_lines_may_begin_with_a_byte_order_mark(read):
    rows, final, _ = read(b'\xef\xbb\xbf{"acc": 0.8}\n{"acc": 0.9}\n')
    assert ([row["acc"] for row in rows], final) == ([0.8, 0.9], {"acc": 0.9})


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("NaN", "NaN"), ("-Infinity", "-Infinity"), ("1e999", "1e999"), ("true", "true"), ("null", "null"),
        ('{"a": [1]}', '{"a": [1]}'), ("[1, 2]", "[1, 2]"), ('"text"', "text"), ("9" * 5000, "9" * 499 + "…"),
        ("-0.0", -0.0), ("1e3", 1000.0), ('"\\ud800"', "?"),
    ],
)  # fmt: skip
def test_a_value_that_is_not_a_number_is_kept_as_text(read, written, value):
    _, final, _ = read(f'{{"m": {written}}}')
    assert final == {"m": value}
    json.dumps(final, allow_nan=False)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('{"epoch": 1, "loss": 2.5}\n{"epoch": 2, "loss": 1.5}\n', "m.jsonl"),
        ('[{"epoch": 1, "loss": 2.5}, {"epoch": 2, "loss": 1.5}]', "m.json"),
        ("epoch,loss\n1,2.5\n2,1.5\n", "m.csv"),
        ("epoch\tloss\r\n1\t2.5\r\n2\t1.5\r\n", "m.tsv"),
        ("\ufeffepoch;loss\n1;2.5\n2;1.5", "m.csv"),
        ('\n{"epoch": 1, "loss": 2.5}\nnot json\n\n{"epoch": 2, "loss": 1.5}\n{"epoch": 3, "lo', "m.jsonl"),
    ],
)
def test_a_history_has_one_row_per_step(read, text, name):
    rows, final, is_history = read(text, name)
    assert rows == [{"step": 1, "epoch": 1, "loss": 2.5}, {"step": 2, "epoch": 2, "loss": 1.5}]
    assert final == {"epoch": 2, "loss": 1.5}
    assert is_history


def test_the_step_is_a_column_or_else_the_row_number(read):
    assert [row["step"] for row in read("Global_Step,a\n10,1\n20,2\n")[0]] == [10, 20]
    assert [row["step"] for row in read("a,b\n5,1\n6,2\n")[0]] == [1, 2]
    assert [row["step"] for row in read("step,a\nx,1\n20,2\n")[0]] == [1, 20]


def test_the_final_value_is_from_the_last_row_that_has_one(read):
    assert read("step,train,val\n1,3,4\n2,2,\n")[1] == {"step": 2, "train": 2, "val": 4}


@pytest.mark.parametrize(
    ("text", "why"),
    [("", "is empty"), (" \n", "is empty"), ("words", "is not JSON"), ("{\n", "neither JSON nor"), ("\0\1", "is not")],
)
def test_an_invalid_metrics_file_is_an_error(read, text, why):
    with pytest.raises(NotReadableError, match=why):
        read(text)


def test_a_folder_or_missing_file_is_an_error(tmp_path):
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(NotReadableError, match="Cannot read"):
            read_metrics(path)


def test_a_deeply_nested_document_is_not_a_recursion_error(read):
    with pytest.raises(NotReadableError):
        read('{"a":' * 100_000)


@given(st.binary(max_size=300))
def test_any_bytes_are_metrics_or_an_error(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(data)
    try:
        found = read_metrics(path)
        rows = list(found)
    except NotReadableError:
        return
    for row in rows:
        json.dumps(row, allow_nan=False)
        assert isinstance(row["step"], int | float)
    json.dumps(found.final, allow_nan=False).encode()


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), st.lists))
def test_a_value_is_a_finite_number_or_a_short_text(value):
    found = to_value(value)
    if isinstance(found, str):
        assert len(found) <= 500
        found.encode()
    else:
        assert math.isfinite(found)


PRINTED = b"metric acc=0.5\nnoise metric acc=9\nmetric  name = two words \r\nmetric acc=0.75\nmetric =1\nmetric last=3"


@given(st.lists(st.integers(0, len(PRINTED)), max_size=6))
def test_printed_metrics_are_found_wherever_the_output_is_split(cuts):
    found = PrintedMetrics()
    places = [0, *sorted(cuts), len(PRINTED)]
    for begin, end in itertools.pairwise(places):
        if piece := PRINTED[begin:end]:
            found.feed(piece)
    found.end()
    assert found.final == {"acc": 0.75, "name": "two words", "last": 3}
    assert found.rows == [
        {"step": 1, "acc": 0.5}, {"step": 1, "name": "two words"}, {"step": 2, "acc": 0.75}, {"step": 1, "last": 3},
    ]  # fmt: skip


def test_output_without_a_newline_is_not_kept_in_memory():
    found = PrintedMetrics()
    for _ in range(100):
        found.feed(b"metric x=" + b"y" * 10_000)
        assert len(found._rest) <= 1 << 16
    found.feed(b"\nmetric z=1\n")
    found.end()
    assert found.final == {"z": 1}
