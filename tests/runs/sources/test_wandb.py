"""W&B's run files: those that several versions wrote, incomplete and damaged ones, and any bytes."""

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from event_files import part
from orglab.errors import NotReadableError
from orglab.runs.sources import tracked_run, wandb
from orglab.runs.sources.tracked_run import TrackerFile
from wandb_files import BLOCK, START, describe_run, frame, history, item, summary

DATA = Path(__file__).parent / "data/wandb"
FILES = sorted(DATA.glob("*/*.wandb"))
NEWEST = FILES[-1]


def find(path, began=0.0):
    return wandb.find_runs(TrackerFile(None, path, "", began))


def read(path, began=0.0):
    """Return the history and the rest of the summary."""
    history, final = find(path, began)
    return list(history.read()), list(final.read())


@pytest.fixture
def write(tmp_path):
    def write_records(*records):
        path = tmp_path / "run-abc.wandb"
        path.write_bytes(frame(records))
        return path

    return write_records


# ---- what the package wrote ----


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)
def test_a_run_of_each_version(path):
    assert [(run.tracker, run.id, run.is_history) for run in find(path)] == [
        ("wandb", "abcd1234", True), ("wandb", "abcd1234", False),
    ]  # fmt: skip
    assert read(path) == (
        [
            {"step": 0, "best": 0, "loss": 1.5, "val.acc": 0.25},
            {"step": 1, "best": 1, "loss": 0.75, "val.acc": 0.625},
            {"step": 2, "best": 0, "loss": 0.1, "val.acc": 0.95},
            {"step": 10, "diverged": "NaN"},
        ],
        [{"best.max": 1, "final/acc": 0.9}],
    )


def test_files_are_known_by_their_names():
    folder = Path("/x/wandb/offline-run-20261130_054515-1f1p5l26")
    assert wandb.is_file(folder / "run-1f1p5l26.wandb")
    assert wandb.is_file(Path("run-1.wandb"))
    for other in (folder / "files/wandb-summary.json", folder.with_name("run-20261130_054515-a") / "files/x/y.json"):
        assert wandb.is_file(other)
        assert find(other) is None
    for own in ("wandb/metrics.json", "run-20261130_054515-a/metrics.json", "results/wandb.json"):
        assert not wandb.is_file(Path(own))


def test_where_the_environment_says():
    folder = Path("/study")
    assert wandb.find_places({}, folder) == [folder / "wandb", folder / ".wandb"]
    assert wandb.find_places({"WANDB_DIR": "out"}, folder)[0] == folder / "out/wandb"
    assert wandb.find_places({"WANDB_DIR": "/data"}, folder)[0] == Path("/data/wandb")


@pytest.mark.parametrize(("notes", "ours"), [
    ("", [False, False]), ("Lower rate", [False, False]),
    ("Lower rate\n\norglab run 20260102-030405-a1b2c3 of e1.1, commit 1111111", [True, True]),
    ("orglab run 20260102-030405-a1b2c3, commit 1111111", [True, True]),
    ("orglab run 20260102-030405-a1b2c3", [True, True]),
    ("Lower rate\n\norglab run 20260102-030405-ffffff of e1.1", []),
])  # fmt: skip
def test_the_notes_tell_whose_run_it_is(write, notes, ours):
    path = write(describe_run("abc", 1_800_000_000, notes), history(1, loss=1))
    runs = wandb.find_runs(TrackerFile(None, path, "20260102-030405-a1b2c3", 0.0))
    assert [run.is_ours for run in runs] == ours


# ---- records ----


def test_a_record_may_be_in_several_blocks(write):
    long = history(2, text="x" * 100_000, loss=0.5)
    assert read(write(history(1, loss=1), long, history(3, loss=0.25)))[0] == [
        {"step": 1, "loss": 1}, {"step": 2, "loss": 0.5}, {"step": 3, "loss": 0.25},
    ]  # fmt: skip


@pytest.mark.parametrize("left", range(9))
def test_a_block_may_end_anywhere(write, left):
    first = history(1, loss=1, text="")
    filled = history(1, loss=1, text="x" * (BLOCK - len(START) - 7 - left - len(frame([first])) + 14))
    path = write(filled, history(2, loss=2))
    assert [row["loss"] for row in read(path)[0]] == [1, 2]


def test_a_record_that_is_too_large_is_passed_over(write):
    assert read(write(history(1, loss=1, text="x" * (17 << 20)), history(2, loss=2)))[0] == [{"step": 2, "loss": 2}]


def test_numbers_of_each_form(write):
    forms = (
        part(1, part(1, b"integer") + b"\x28\x05") + part(1, part(1, b"number") + b"\x31" + struct.pack("<d", 0.1))
        + part(1, part(1, b"json") + part(8, b'{"a": 1}')) + item("old", {"a": {"b": 2}, "c": [1]})
        + item("infinite", "-Infinity") + item("text", "x") + item("flag", value=True) + item("none", None)
        + item("image", {"_type": "image-file", "width": 3})
    )  # fmt: skip
    assert read(write(part(2, forms)))[0] == [
        {"integer": -3, "number": 0.1, "json.a": 1, "old.a.b": 2, "infinite": "-Infinity"},
    ]  # fmt: skip


def test_the_last_summary_counts(write):
    records = (
        history(1, loss=1), summary(item("loss", 1), item("best", 1), item("gone", 1)),
        summary(item("best", 0.5)), part(3, part(2, part(1, b"gone"))),
    )  # fmt: skip
    assert read(write(*records))[1] == [{"best": 0.5}]


def test_what_was_logged_before_our_run_is_not_of_it(write):
    rows = [history(step, _timestamp=1000 + step, loss=step) for step in range(3)]
    path = write(describe_run("abc", 1000), *rows, summary(item("best", 1)))
    assert len(read(path, began=999.0)[0]) == 3
    assert read(path, began=1001.5) == ([{"step": 2, "loss": 2}], [])


# ---- files that are not complete, and files of somebody with bad intent ----


def test_a_file_that_is_still_written_is_read_as_far_as_it_goes(tmp_path):
    whole = NEWEST.read_bytes()
    path = tmp_path / NEWEST.name
    amounts = set()
    for end in [*range(0, 3000, 11), *range(3000, len(whole), 997), len(whole)]:
        path.write_bytes(whole[:end])
        amounts.add(len(read(path)[0]))
    assert amounts == {0, 1, 2, 3, 4}


def test_another_file_is_one_sentence(tmp_path):
    path = tmp_path / "run-1.wandb"
    path.write_bytes(b"not a file of W&B")
    with pytest.raises(NotReadableError, match="is not a valid file of W&B"):
        find(path)


def test_what_comes_before_damage_counts(tmp_path):
    content = bytearray(FILES[0].read_bytes())
    place = content.rindex(b"diverged")
    content[place : place + 8] = b"DIVERGED"
    path = tmp_path / "run-1.wandb"
    path.write_bytes(content)
    rows = find(path)[0].read()
    assert [next(rows)["loss"] for _ in range(3)] == [1.5, 0.75, 0.1]
    with pytest.raises(NotReadableError, match=r"is damaged after [\d,]+ bytes"):
        list(rows)


@pytest.mark.parametrize("record", [
    b"", b"\xff" * 40, part(2, b"\x0a" * 1000), part(2, part(1, part(1, b"x") + part(16, b"[" * 60_000))),
    part(2, part(1, part(1, b"x") + part(16, b'{"a":' * 10_000 + b"1" + b"}" * 10_000))), part(17, b"\xff"), b"\x13",
    part(2, part(1, part(16, b"1"))), part(2, item("_x", 1)), part(2, b"\x08\x01"), part(3, part(2, b"\xff")),
])  # fmt: skip
def test_a_record_that_is_not_valid_is_passed_over(write, record):
    assert read(write(record, history(1, loss=1)))[0] == [{"step": 1, "loss": 1}]


@pytest.mark.parametrize("record", [
    part(2, b"\x0a\x00" * 1000), part(3, b"\x0a\x00" * 1000), part(2, part(1, part(2, b"") * 1000 + part(16, b"1"))),
    part(2, part(2, b"\x12\x00" * 1000)),
])  # fmt: skip
def test_too_many_fields_are_one_sentence(write, record, monkeypatch):
    monkeypatch.setattr(tracked_run, "_STEPS", 500)
    with pytest.raises(NotReadableError, match="too much work"):
        read(write(record))


def test_too_many_names_are_one_sentence(write):
    records = (
        part(2, b"".join(item(f"n{place + number}", 1) for number in range(1000))) for place in range(0, 11_000, 1000)
    )
    with pytest.raises(NotReadableError, match="more than 10,000 names"):
        read(write(*records))


def test_a_wide_object_is_cut(write):
    (row,), _ = read(write(history(1, wide={f"n{number}": number for number in range(3000)})))
    assert len(row) == 1001


@given(st.data())
def test_a_changed_file_is_read_or_one_sentence(tmp_path_factory, data):
    content = bytearray(FILES[0].read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place : place + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
    check_any(tmp_path_factory, bytes(content))


@given(st.lists(st.binary(max_size=200), max_size=5))
def test_any_content_is_read_or_passed_over(tmp_path_factory, contents):
    check_any(tmp_path_factory, frame(contents))
    check_any(tmp_path_factory, frame(part(number, content) for content in contents for number in (2, 3, 17)))
    check_any(tmp_path_factory, frame(part(2, part(1, content)) for content in contents))
    check_any(tmp_path_factory, START + b"".join(contents))


def check_any(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "run-any.wandb"
    path.write_bytes(content)
    try:
        rows, final = read(path)
    except NotReadableError:
        return
    assert all(isinstance(value, int | float | str) for row in rows + final for value in row.values())
