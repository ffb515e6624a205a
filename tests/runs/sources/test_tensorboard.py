"""TensorBoard's event files: those that real packages wrote, damaged ones, and those of somebody with bad intent."""

import math
import shutil
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from event_files import event, frame, make_header, part, scalar
from orglab.errors import NotReadableError
from orglab.git import find_repository
from orglab.runs.sources import tensorboard, tracked_run
from orglab.runs.sources.tracked_run import TrackerFile

DATA = Path(__file__).parent / "data/tensorboard"
LOSSES = DATA / "tensorboardx/events.out.tfevents.1000000000.host"
TYPES = DATA / "tensorboard/types/events.out.tfevents.1000000000.host.1.0"


def read(path, began=0.0):
    return [row for run in tensorboard.find_runs(TrackerFile(None, path, "", began)) for row in run.read()]


@pytest.fixture
def write(tmp_path):
    def write_events(*events, name="events.out.tfevents.1.host"):
        path = tmp_path / name
        path.write_bytes(b"".join(map(frame, events)))
        return path

    return write_events


# ---- what real packages wrote ----


def test_scalars_of_pytorch():
    *rows, last = read(LOSSES)
    assert rows == [
        {"step": 0, "train/loss": 1.5, "acc": 0.25},
        {"step": 1, "train/loss": 0.75, "acc": 0.625},
    ]
    assert math.isnan(last.pop("diverged"))
    assert last == {"step": 2, "train/loss": 0.1, "acc": 0.95}
    assert read(DATA / "tensorboardx/pair/b" / LOSSES.name) == [{"step": 2, "pair": 2}]


def test_scalars_of_tensorflow():
    path = DATA / "tensorboard/writer" / TYPES.name
    assert read(path) == [{"step": step, "epoch_loss": loss} for step, loss in enumerate((1.5, 0.75, 0.1))]


def test_tensors_of_each_type():
    names = ("float32", "float64", "float16", "int32", "int64", "int8", "uint8", "bool")
    assert read(TYPES) == [
        *({"step": step, name: 1} for step, name in enumerate(names)),
        {"step": 2**40, "negative": -3},
    ]


def test_files_are_known_by_their_names():
    assert tensorboard.is_file(LOSSES)
    assert tensorboard.is_file(Path("events.out.tfevents.1.host.1.0.v2"))
    assert not tensorboard.is_file(Path("events.out.tfevents.1.host.profile-empty"))
    assert not tensorboard.is_file(Path("events.json"))


# ---- rows ----


def test_a_number_has_as_many_digits_as_single_precision(write):
    numbers = [0.1, 1.1, 1.3, 1 / 3, 16777217, 3.4028234663852886e38, 1e-45, -0.0]
    rows = read(write(*(event(step, scalar("x", value)) for step, value in enumerate(numbers))))
    found = [row["x"] for row in rows]
    assert found[:3] == [0.1, 1.1, 1.3]
    assert [struct.pack("<f", value) for value in found] == [struct.pack("<f", value) for value in numbers]
    assert len(str(found[3])) == len("0.33333334")


@given(st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), st.floats(width=32)), min_size=1, max_size=20))
def test_every_step_and_number_is_read_as_it_was_written(tmp_path_factory, pairs):
    path = tmp_path_factory.getbasetemp() / "events.out.tfevents.1"
    path.write_bytes(b"".join(frame(event(step, scalar("x", value))) for step, value in pairs))
    rows = read(path)
    assert [row["step"] for row in rows] == [step for step, _ in pairs]
    for row, (_, value) in zip(rows, pairs, strict=True):
        assert struct.pack("<f", row["x"]) == struct.pack("<f", value) or math.isnan(value)


def test_several_values_in_a_summary(write):
    assert read(write(event(1, scalar("a", 1), scalar("b", 2)), event(1, scalar("c", 3), scalar("a", 4)))) == [
        {"step": 1, "a": 1, "b": 2, "c": 3}, {"step": 1, "a": 4},
    ]  # fmt: skip


def test_names_that_cannot_be_metrics_are_left_out(write):
    assert read(write(event(1, scalar("step", 7), scalar("", 7), scalar("a", 1)))) == [{"step": 1, "a": 1}]


def test_a_metric_that_lightning_makes_up_is_left_out(write):
    made_up = [event(0, scalar("hp_metric", -1)), event(1, scalar("hp_metric", -1)), event(1, scalar("a", 1))]
    assert read(write(*made_up)) == [{"step": 1, "a": 1}]
    assert read(write(*made_up, event(1, scalar("hp_metric", 0.5)))) == [{"step": 1, "a": 1, "hp_metric": 0.5}]


def test_a_tensor_that_is_no_scalar_is_left_out(write):
    of_one = part(8, b"\x08\x01" + part(4, struct.pack("<f", 1)))
    of_two = part(8, b"\x08\x01" + part(4, struct.pack("<ff", 1, 2)))
    scalars, text = (part(9, part(1, part(1, name))) for name in (b"scalars", b"text"))
    assert read(write(
        event(1, part(1, part(1, b"unknown") + of_one)), event(2, part(1, part(1, b"text") + of_one + text)),
        event(3, part(1, part(1, b"x") + of_two + scalars)), event(4, part(1, part(1, b"x") + of_one)),
    )) == [{"step": 4, "x": 1}]  # fmt: skip


def test_what_was_logged_before_our_run_is_not_of_it(write):
    logged = [event(step, scalar("x", step), wall_time=1000 + step) for step in range(4)]
    assert read(write(*logged), began=1002.0) == [{"step": 2, "x": 2}, {"step": 3, "x": 3}]
    # A script may say any time for its values, in a file that it has begun itself.
    logged[1] = event(1, scalar("x", 1), wall_time=1)
    assert len(read(write(*logged), began=1000.0)) == 4


def test_steps_that_a_resumed_writer_begins_again_count_once(write):
    session = b"\x09" + struct.pack("<d", 1e9) + b"\x10\x02" + part(7, b"\x08\x01")
    write(session, event(2, scalar("x", 20)), event(3, scalar("x", 30)), name="events.out.tfevents.2.host")
    first = write(*(event(step, scalar("x", step)) for step in range(4)))
    assert [row["x"] for row in read(first)] == [0, 1]


# ---- files that are not complete, and files of somebody with bad intent ----


def test_a_file_that_is_still_written_is_read_as_far_as_it_goes(tmp_path):
    whole = LOSSES.read_bytes()
    path = tmp_path / "events.out.tfevents.1"
    amounts = set()
    for end in range(0, len(whole), 7):
        path.write_bytes(whole[:end])
        amounts.add(len(read(path)))
    assert amounts == {0, 1, 2, 3}


def test_another_file_is_one_sentence(tmp_path):
    path = tmp_path / "events.out.tfevents.txt"
    path.write_bytes(b"not an event file")
    with pytest.raises(NotReadableError, match="is not a valid event file"):
        read(path)


def test_what_comes_before_damage_counts(write):
    path = write(event(1, scalar("x", 1)), event(2, scalar("x", 2)))
    path.write_bytes(path.read_bytes() + bytes(100))
    runs = tensorboard.find_runs(TrackerFile(None, path, "", 0.0))
    rows = runs[0].read()
    assert [next(rows)["x"], next(rows)["x"]] == [1, 2]
    with pytest.raises(NotReadableError, match="is damaged after 78 bytes"):
        list(rows)


def test_a_large_record_is_passed_over(write):
    picture = event(1, part(1, part(1, b"x") + part(4, bytes(3 << 20))))
    assert read(write(event(1, scalar("a", 1)), picture, event(2, scalar("a", 2)))) == [
        {"step": 1, "a": 1}, {"step": 2, "a": 2},
    ]  # fmt: skip


@pytest.mark.parametrize("length", [2**63, 2**64 - 1, 2**40, 1 << 21])
def test_a_length_that_the_file_does_not_have_ends_it(write, length):
    path = write(event(1, scalar("a", 1)))
    path.write_bytes(path.read_bytes() + make_header(length) + b"x" * 50)
    assert read(path) == [{"step": 1, "a": 1}]


def test_too_many_names_are_one_sentence(write):
    path = write(
        *(
            event(1, *(scalar(f"n{number}", 1) for number in range(start, start + 1000)))
            for start in range(0, 20_000, 1000)
        )
    )
    with pytest.raises(NotReadableError, match="more than 10,000 names"):
        read(path)


def test_a_tensor_with_many_elements_takes_little_work(write):
    scalars = part(9, part(1, part(1, b"scalars")))
    numbers = part(8, b"\x08\x09" + b"\x50\x01" * 100_000)
    file = TrackerFile(None, write(*(event(1, part(1, part(1, b"x") + numbers + scalars)) for _ in range(10))), "", 0.0)
    room = file.room.left
    assert [list(run.read()) for run in tensorboard.find_runs(file)] == [[]]
    assert room - file.room.left < 200


def test_long_numbers_take_more_work(write):
    def measure(number):
        content = event(1, part(1, part(1, b"x") + (b"\x18" + number) * 1000))
        file = TrackerFile(None, write(content), "", 0.0)
        room = file.room.left
        assert [list(run.read()) for run in tensorboard.find_runs(file)] == [[]]
        return room - file.room.left

    assert 2 < measure(b"\xff" * 9 + b"\x01") / measure(b"\x01") < 4


@pytest.mark.parametrize("content", [
    event(1, b"\x0a\x00" * 1000), event(1, part(1, part(1, b"x") + b"\x0a\x00" * 1000)),
    event(1, part(1, part(1, b"x") + part(8, b"\x08\x01" * 1000) + part(9, b"\x20\x01"))),
])  # fmt: skip
def test_too_many_fields_are_one_sentence(write, content, monkeypatch):
    monkeypatch.setattr(tracked_run, "_STEPS", 500)
    rows = tensorboard.find_runs(TrackerFile(None, write(event(1, scalar("a", 1)), content), "", 0.0))[0].read()
    assert next(rows) == {"step": 1, "a": 1}
    with pytest.raises(NotReadableError, match="too much work"):
        next(rows)


@pytest.mark.parametrize("content", [
    b"\x09", b"\x09" + bytes(7), b"\x09" + bytes(8) + b"\x10" + b"\xff" * 30, b"\x0a" * 3000, event(1, b"\x0a" * 500),
    event(1, b"\x0a" + b"\xff" * 9 + b"\x01"), event(1, b"\x0b\x0c"), event(1, part(1, part(1, b"x") + part(2, b"four"))),
    event(1, part(1, part(1, b"x") + part(8, b"\x08\x01\x22\x00") + part(9, b"\x20\x01"))),
    event(1, part(1, part(1, b"x") + part(8, b"\x08\xff\xff\x03\x6a\x02\xff\xff") + part(9, b"\x20\x01"))),
    event(1, part(1, b"\x08\x05\x15abcd")),
])  # fmt: skip
def test_an_event_that_is_not_valid_is_passed_over(write, content):
    assert read(write(event(1, scalar("a", 1)), content, event(2, scalar("a", 2)))) == [
        {"step": 1, "a": 1}, {"step": 2, "a": 2},
    ]  # fmt: skip


@given(st.data())
def test_a_changed_file_is_read_or_one_sentence(tmp_path_factory, data):
    source = data.draw(st.sampled_from([LOSSES, TYPES]))
    content = bytearray(source.read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place : place + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
    check_any(tmp_path_factory, bytes(content))


@given(st.lists(st.binary(max_size=200), max_size=5))
def test_any_content_is_read_or_passed_over(tmp_path_factory, contents):
    check_any(tmp_path_factory, b"".join(frame(b"\x09" + content) for content in contents))
    check_any(tmp_path_factory, b"".join(frame(event(1, content)) for content in contents))
    check_any(tmp_path_factory, b"".join(contents))


def check_any(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "events.out.tfevents.any"
    path.write_bytes(content)
    try:
        rows = read(path)
    except NotReadableError:
        return
    assert all(isinstance(value, int | float) for row in rows for value in row.values())


def test_a_link_out_of_the_repository_is_not_followed(repo, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "file"
    shutil.copyfile(LOSSES, outside)
    (repo.path / LOSSES.name).symlink_to(outside)
    repo.git("add", "--all")
    with pytest.raises(NotReadableError, match="git tracks leads out"):
        tensorboard.find_runs(TrackerFile(find_repository(repo.path), repo.path / LOSSES.name, "", 0.0))
