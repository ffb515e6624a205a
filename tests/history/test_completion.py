"""When a step was done."""

from datetime import datetime

import pytest

from orglab.config import Config
from orglab.experiment.model import read_experiments
from orglab.git.commit import Commit
from orglab.history.completion import find_completion
from orglab.log.text_history import TickingCommits
from orglab.org.document import Document


def experiment(text):
    return next(read_experiments(Document(text.encode()), Config(), "log.org"))


def commit(name, authored):
    return Commit(name, name[:7], (), "Ada", "ada@example.org", authored, authored + 60, "Words")


@pytest.mark.parametrize(
    ("step", "commits", "ticked", "wanted"),
    [
        ("1. [ ] a (83d45cd)", {"83d45cd": 100}, {}, None),
        ("1. [-] a (83d45cd)", {"83d45cd": 100}, {}, None),
        ("1. [X] a (83d45cd)", {"83d45cd": 100}, {}, (100, "second", "commit")),
        ("1. [x] a (83d45cd, 1111111)", {"83d45cd": 300, "1111111": 200}, {}, (300, "second", "commit")),
        ("1. [X] a (83d45cd, 1111111)", {"1111111": 200}, {"e1.1": 900}, (900, "second", "log")),
        ("1. [X] a\n   - [1970-01-01 Thu 00:07] done", {}, {"e1.1": 900}, (420, "minute", "note")),
        ("1. [X] a\n   - [1970-01-02 Fri] finished it", {}, {}, (86400, "day", "note")),
        ("1. [X] a (83d45cd)\n   - [1970-01-01 Thu 00:07] (83d45cd) 0.9", {}, {}, (420, "minute", "note")),
        ("1. [X] a (83d45cd)\n   - [1970-01-01 Thu 00:07] (83d45cd) 0.9", {}, {"e1.1": 900}, (900, "second", "log")),
        ("1. [X] a (83d45cd)\n   - [1970-01-01 Thu 00:07] done", {"83d45cd": 100}, {}, (420, "minute", "note")),
        ("1. [X] a\n   - [1970-01-01 Thu 00:07] (83d45cd) 0.9", {}, {"e1.1": 900}, (900, "second", "log")),
        ("1. [X] a\n   - [1970-01-01 Thu 00:07] not done", {}, {}, (None, "unknown", "unknown")),
        ("1. [X] a\n   - done", {}, {}, (None, "unknown", "unknown")),
        ("1. [X] a (83d45cd)", {}, {}, (None, "unknown", "unknown")),
    ],
)
def test_the_time_of_a_step_is_from_the_first_source_that_has_one(step, commits, ticked, wanted):
    one = experiment(f"* TODO [1] T :exp:\n** TODO Experiments\n{step}\n").steps[0]
    known = {name: commit(name, authored=at) for name, at in commits.items()}
    first = {ref: commit("f" * 40, authored=at) for ref, at in ticked.items()}
    done = find_completion(one, known, TickingCommits(first))
    if wanted is None:
        assert done is None
    else:
        at, precision, source = wanted
        assert done[:3] == (datetime.fromtimestamp(at) if at is not None else None, precision, source)  # noqa: DTZ006
