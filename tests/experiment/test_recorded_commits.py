"""Recorded hashes, such as `(83d45cd -> 1f2e3d4, 0a1b2c3)`: finding them and writing a current hash."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orglab.config import Config
from orglab.experiment.commit_notation import RecordedHash, parse_chains
from orglab.experiment.model import read_experiments
from orglab.experiment.recorded_commits import find_recorded_commits, find_recorded_hashes
from orglab.org.document import Document
from texts import SEED

HASH = st.text("0123456789abcdef", min_size=7, max_size=64)
CHAINS = st.lists(st.lists(HASH, min_size=1, max_size=4), min_size=1, max_size=4)


def step_with(commits):
    document = Document(SEED.replace("(83d45cd)", commits).encode())
    (experiment,) = read_experiments(document, Config(), "log.org")
    return experiment.steps[0]


@given(CHAINS, st.sampled_from([" -> ", "->", "  ->\t"]), st.sampled_from([", ", ",", ",\t "]))
def test_the_first_hash_of_a_chain_is_the_original_and_the_last_the_current_one(chains, arrow, comma):
    step = step_with(f"({comma.join(arrow.join(chain) for chain in chains)})")
    assert step.originals == tuple(chain[0] for chain in chains)
    assert step.commits == tuple(dict.fromkeys(chain[-1] for chain in chains))
    assert step.text == "Test XYZ without ABC"


@pytest.mark.parametrize(
    "no_commits",
    [
        "(83d45cd ->)",
        "(-> 83d45cd)",
        "(83d45cd - > 1f2e3d4)",
        "(83d45cd -> 1f2e3)",
        "(83d45cd -> 1f2e3d4) more",
        "(83D45CD)",
    ],
)
def test_other_parentheses_are_text(no_commits):
    step = step_with(no_commits)
    assert (step.commits, step.text) == ((), f"Test XYZ without ABC {no_commits}")


LOG = SEED.replace("(83d45cd)", "(83d45cd, aaaaaaa -> bbbbbbb)").replace(
    "** Notes\n",
    "** Notes\n- [2018-06-06 Wed 16:20] (0123abc -> 1234abc) see (5555555)\n- as (6666666) says\n- [2018-06-06 Wed 16:21]\n  (7777777) below\n",
)


def test_recorded_commits_are_those_that_the_model_reads():
    found = [
        (place.recorded, place.ref) for place in find_recorded_commits(Document(LOG.encode()), Config(), "log.org")
    ]
    assert found == [
        (RecordedHash("0123abc", "1234abc"), "e201"),
        (RecordedHash("7777777", "7777777"), "e201"),
        (RecordedHash("83d45cd", "83d45cd"), "e201.1"),
        (RecordedHash("aaaaaaa", "bbbbbbb"), "e201.1"),
    ]


def test_only_the_given_commits_are_found():
    document = Document(LOG.encode())
    recorded = find_recorded_hashes(document.text)
    every = list(find_recorded_commits(document, Config(), "log.org"))
    assert {place.recorded for place in every} < recorded
    assert RecordedHash("5555555", "5555555") in recorded  # said in a note, and not recorded
    for place in every:
        assert list(find_recorded_commits(document, Config(), "log.org", {place.recorded})) == [place]
    assert list(find_recorded_commits(document, Config(), "log.org", recorded)) == every


@given(CHAINS, st.integers(0, 3), HASH)
def test_a_new_current_hash_replaces_the_old_one_and_keeps_the_original(chains, number, living):
    text = SEED.replace("(83d45cd)", f"({', '.join(' -> '.join(chain) for chain in chains)})")
    document = Document(text.encode())
    places = list(find_recorded_commits(document, Config(), "log.org"))
    number %= len(places)
    after = document.apply([places[number].edit(living)])
    (experiment,) = read_experiments(after, Config(), "log.org")
    recorded = [place.recorded for place in find_recorded_commits(after, Config(), "log.org")]
    original = chains[number][0]
    is_same = original.startswith(living) or living.startswith(original)
    assert recorded[number] == (original, original if is_same else living)
    assert [one for at, one in enumerate(recorded) if at != number] == [
        RecordedHash(chain[0], chain[-1]) for at, chain in enumerate(chains) if at != number
    ]
    assert experiment.steps[0].text == "Test XYZ without ABC"


def test_chains_are_read_in_order():
    assert parse_chains("83d45cd -> 1f2e3d4, 0a1b2c3") == (("83d45cd", "1f2e3d4"), ("0a1b2c3", "0a1b2c3"))


def test_the_commit_of_a_note_by_an_author_follows_a_rewrite():
    text = SEED.replace("** Notes\n", "** Notes\n- [2018-06-06 Wed 16:20] (0123abc, by: Ana María) It helps.\n")
    document = Document(text.encode())
    place = next(find_recorded_commits(document, Config(), "log.org"))
    after = document.apply([place.edit("89abcde")])
    assert after.text.decode() == text.replace("(0123abc,", "(0123abc -> 89abcde,")
    (note,) = next(read_experiments(after, Config(), "log.org")).notes
    assert (note.original, note.commit, note.author, note.text) == ("0123abc", "89abcde", "Ana María", "It helps.")


def test_a_commit_and_prose_in_parentheses_are_no_commit_of_a_note():
    text = SEED.replace("** Notes\n", "** Notes\n- (0123abc, by night) ran\n")
    assert RecordedHash("0123abc", "0123abc") not in find_recorded_hashes(text.encode())
