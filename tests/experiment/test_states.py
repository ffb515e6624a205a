"""The meaning of user-defined keywords."""

import pytest

from orglab.experiment.states import done_keyword, get_state_kind, in_progress_keyword, todo_keyword
from orglab.org.document import Document

OURS = "#+TODO: TODO(t) INPROGRESS(i!) WAIT(w@/!) | DONE(d) CANCELED(c@)"
TWO = "#+SEQ_TODO: TODO INPROGRESS(i) | DONE DEFERRED(@)\n#+SEQ_TODO: PLAN RUNNING RERUN | FINISHED CANCELED(@)"


def settings(lines):
    return Document(f"{lines}\n".encode()).settings


@pytest.mark.parametrize(
    ("lines", "kinds"),
    [
        (OURS, {"TODO": "todo", "INPROGRESS": "doing", "WAIT": "waiting", "DONE": "done", "CANCELED": "dropped"}),
        (TWO, {"RUNNING": "doing", "RERUN": "doing", "PLAN": "todo", "FINISHED": "done", "CANCELED": "dropped",
               "DEFERRED": "dropped", "DONE": "done"}),
        ("#+TODO: A B C", {"A": "todo", "B": "doing", "C": "done"}),
        ("#+TODO: NEXT HOLD | FIXED DONE", {"NEXT": "todo", "HOLD": "waiting", "FIXED": "done", "DONE": "done"}),
        ("#+TODO: | FIN", {"FIN": "done", "TODO": None}),
        ("", {"TODO": "todo", "DONE": "done", "INPROGRESS": None}),
    ],
)  # fmt: skip
def test_kinds(lines, kinds):
    found = settings(lines)
    assert {word: get_state_kind(word, found) for word in kinds} == kinds
    assert get_state_kind(None, found) is None


@pytest.mark.parametrize(
    ("lines", "like", "words"),
    [
        (OURS, None, ("TODO", "INPROGRESS", "DONE")),
        (TWO, None, ("TODO", "INPROGRESS", "DONE")),
        (TWO, "RERUN", ("PLAN", "RUNNING", "FINISHED")),
        ("#+TODO: A B C", "A", ("A", "B", "C")),
        ("#+TODO: OPEN | SHUT", None, ("OPEN", None, "SHUT")),
        ("#+TODO: | FIN", None, (None, None, "FIN")),
        ("#+TODO: OPEN |", "OPEN", ("OPEN", None, None)),
    ],
)
def test_keywords_for_open_running_and_done_work(lines, like, words):
    found = settings(lines)
    assert (todo_keyword(found, like), in_progress_keyword(found, like), done_keyword(found, like)) == words
