"""Random Org text, and text made to be slow."""

import os

import pytest

import fuzz
from orglab.org.cookies import recount_cookies
from orglab.org.document import Document
from orglab.org.edit import Edit, compose
from orgtext import HOSTILE, Change, check_change, read_all

COUNT = 10_000
SLOWER = 2.3


def test_some_random_texts_parse_print_change_and_recount():
    assert fuzz.check_batch((2, 0, 300)) == []


@pytest.mark.slow
def test_random_texts_parse_print_change_and_recount():
    assert fuzz.check_many(COUNT, seed=1, jobs=2 if (os.cpu_count() or 1) > 1 else 1) == []


def test_the_fuzzer_prints_a_summary(capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["fuzz.py", "30", "--seed", "5", "--jobs", "1"])
    assert fuzz.main() == 0
    assert "30 inputs in " in capsys.readouterr().out


@pytest.mark.parametrize(
    "change",
    [
        Change("set_state", [], 0, ("DONE",)),
        Change("set_tags", [Edit(4, 4, b" :a:")], 0, ("b",)),
        Change("put_property", [], 0, ("ID", "1")),
        Change("recount_cookies", []),
    ],
    ids=lambda change: change.name,
)
def test_the_fuzzer_notices_a_missing_change(change):
    with pytest.raises(AssertionError):
        check_change(Document(b"* a [/]\n- [ ] b\n"), change)


def read_and_change(raw: bytes) -> Document:
    """Parse, read, recount and write a text; return the result."""
    document = Document(raw)
    if len(document):
        # The last one first: what is inherited may not be as many calls deep.
        last = document.heading(len(document) - 1)
        assert last.inherited_property("NO_SUCH") is None
        assert isinstance(last.all_tags, tuple)
    read_all(document)
    edits = recount_cookies(document)
    for edit in edits:
        assert document.source.line_number(edit.start) > 0
        assert document.source.column(edit.start) > 0
    assert len(compose(edits, [Edit(0, 0, b"x")] * len(edits))) == 2 * len(edits)
    return document.apply(edits)


@pytest.mark.parametrize("shape", HOSTILE)
def test_a_hostile_text_is_read(shape):
    raw = HOSTILE[shape](30_000)
    after = read_and_change(raw)
    assert recount_cookies(after) == []
    assert after.apply([]).source.raw == after.source.raw
