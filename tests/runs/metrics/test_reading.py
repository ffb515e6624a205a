"""Metrics in files, including values that are not finite numbers."""

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orglab.errors import NotReadableError
from orglab.runs.metrics.reading import read_metrics
from orglab.runs.metrics.values import MetricSummary


@pytest.fixture
def read(tmp_path):
    """The rows, the last values, and whether it is a history, of a metrics file with this text."""

    def from_text(text, name="metrics.txt", start=0):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        found = read_metrics(None, path, start)
        rows = list(found)
        summary = MetricSummary()
        for row in rows:
            summary.add(row)
        return rows, summary.final, found.is_history

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
        ("NaN", "NaN"), ("-Infinity", "-Infinity"), ("1e999", "1e999"), ("true", "true"), ('"text"', "text"),
        ("9" * 12_000, "9" * 9999 + "…"), ("-0.0", -0.0), ("1e3", 1000.0), ('"\\ud800"', "?"), ('" nan"', "NaN"), ('"-inf"', "-Infinity"),
    ],
)  # fmt: skip
def test_a_value_that_is_not_a_number_is_kept_as_text(read, written, value):
    _, final, _ = read(f'{{"m": {written}}}')
    assert final == {"m": value}
    json.dumps(final, allow_nan=False)


@pytest.mark.parametrize("written", ["null", "[1, 2]", "{}", '{"a": [1]}', '{"a": null}'])
def test_lists_and_nulls_are_not_values(read, written):
    assert read(f'{{"m": {written}, "n": 1}}')[1] == {"n": 1}


def test_objects_in_objects_are_flattened(read):
    rows = '{"step": 1, "val": {"acc": 0.5, "by": {"a/b": 1}}}\n{"step": 2, "val": {"acc": 0.6}}'
    assert read(rows)[1] == {"step": 2, "val.acc": 0.6, "val.by.a/b": 1}
    assert read(rows.split("\n", maxsplit=1)[0])[1] == {"step": 1, "val.acc": 0.5, "val.by.a/b": 1}


def test_how_deep_and_how_many_is_limited(read):
    assert read('{"a":' * 8 + '{"deep": 1}' + "}" * 8)[1] == {"a." * 8 + "deep": 1}
    assert read('{"a":' * 9 + '{"deep": 1}' + "}" * 9)[1] == {}
    assert len(read(json.dumps({str(number): number for number in range(2000)}))[1]) == 1000


def test_a_list_of_rows_in_a_json_object_is_its_history(read):
    state = {
        "best_metric": 0.3,
        "epoch": 2.0,
        "log_history": [{"epoch": 1.0, "loss": 0.5, "step": 10}, {"eval_loss": 0.3, "step": 20}],
    }
    rows, final, is_history = read(json.dumps(state))
    assert (rows, is_history) == (state["log_history"], True)
    assert final == {"epoch": 1.0, "loss": 0.5, "step": 20, "eval_loss": 0.3}


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
    assert rows == [{"epoch": 1, "loss": 2.5}, {"epoch": 2, "loss": 1.5}]
    assert final == {"epoch": 2, "loss": 1.5}
    assert is_history


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
            read_metrics(None, path)


def test_a_deeply_nested_document_is_not_a_recursion_error(read):
    with pytest.raises(NotReadableError):
        read('{"a":' * 100_000)


@given(st.binary(max_size=300))
def test_any_bytes_are_metrics_or_an_error(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(data)
    try:
        found = read_metrics(None, path)
        rows = list(found)
    except NotReadableError:
        return
    for row in rows:
        json.dumps(row, allow_nan=False).encode()


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(NotReadableError, match="not a regular file"):
        read_metrics(None, tmp_path / "pipe")


def test_reading_may_start_after_the_rows_of_an_earlier_run(read):
    assert read("acc,loss\n1,2\n3,4\n", "m.csv", start=13)[0] == [{"acc": 3, "loss": 4}]
    assert read('{"acc": 1}\n{"acc": 3}\n', start=11)[0] == [{"acc": 3}]
