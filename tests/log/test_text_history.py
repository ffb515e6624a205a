"""What git tells of the log's own text: in which commit a box was ticked, and an experiment closed."""

from dataclasses import replace

from orglab.api import Log
from orglab.log.text_history import find_state_changes, find_ticking_commits, find_verdict_changes
from texts import ALIKE

NAME = "experiment_log.org"


def ticked(repo, *refs):
    """Which commit first ticked each step, by its subject."""
    log = Log(repo.path / NAME)
    steps = {step.ref: (one, step) for one in log.experiments() for step in one.steps if step.state == "done"}
    assert set(refs) <= set(steps)
    return {ref: commit.subject for ref, commit in find_ticking_commits(log, steps).items()}


def closed(repo):
    """Which commit closed each experiment, by its subject."""
    log = Log(repo.path / NAME)
    done = [one for one in log.experiments() if one.is_done]
    return {ref: change.commit.subject for ref, change in find_state_changes(log, done).items()}


def edit(repo, message, old, new, nth=1):
    """Commit a change of the log: the nth place where `old` stands."""
    pieces = (repo.path / NAME).read_text().split(old)
    return repo.commit(message, {NAME: old.join(pieces[:nth]) + new + old.join(pieces[nth:])})


def test_the_commit_that_ticked_a_step(repo):
    repo.commit("new", {NAME: ALIKE})
    edit(repo, "tick e2.1", "1. [ ] one", "1. [X] one", 2)
    edit(repo, "tick e1.2", "2. [ ] two", "2. [x] two")
    repo.commit("code", {"a.py": "x"})
    assert ticked(repo, "e1.2", "e2.1") == {"e1.2": "tick e1.2", "e2.1": "tick e2.1"}


def test_a_step_that_was_changed_after_it_was_ticked_is_followed(repo):
    repo.commit("new", {NAME: ALIKE})
    edit(repo, "tick", "1. [ ] one", "1. [x] one")
    edit(repo, "upper case", "1. [x] one", "1. [X] one")
    edit(repo, "reworded", "1. [X] one", "1. [X] the first")
    edit(repo, "another before it", "1. [X] the first", "1. [ ] zero\n2. [X] the first")
    edit(repo, "renumbered", "2. [ ] two", "3. [ ] two")
    repo.git("mv", NAME, "old.org")
    repo.commit("moved away")
    repo.git("mv", "old.org", NAME)
    repo.commit("moved back")
    assert ticked(repo, "e1.2") == {"e1.2": "tick"}


def test_a_step_that_was_opened_again_counts_from_when_it_was_ticked_again(repo):
    repo.commit("new", {NAME: ALIKE})
    edit(repo, "tick", "1. [ ] one", "1. [X] one")
    edit(repo, "undo", "1. [X] one", "1. [ ] one")
    edit(repo, "again", "1. [ ] one", "1. [X] one")
    assert ticked(repo) == {"e1.1": "again"}


def test_when_boxes_were_ticked_that_the_first_commit_of_the_log_has_is_unknown(repo):
    repo.commit("adopted", {NAME: ALIKE.replace("[ ] one", "[X] one")})
    edit(repo, "tick", "2. [ ] two", "2. [X] two")
    assert ticked(repo) == {"e1.2": "tick"}


def test_a_tick_on_a_branch_is_found_through_the_merge(repo):
    repo.commit("new", {NAME: ALIKE})
    repo.git("switch", "--quiet", "--create", "side")
    edit(repo, "on the side", "1. [ ] one", "1. [X] one")
    repo.git("switch", "--quiet", "main")
    edit(repo, "on main", "2. [ ] two", "2. [X] two", 2)
    repo.git("merge", "--quiet", "--no-edit", "side")
    assert ticked(repo) == {"e1.1": "on the side", "e2.2": "on main"}


def test_uncommitted_ticks_have_no_commit(repo):
    repo.write(NAME, ALIKE.replace("1. [ ] one", "1. [X] one"))
    assert ticked(repo) == {}
    repo.commit("new", {NAME: ALIKE})
    repo.write(NAME, ALIKE.replace("1. [ ] one", "1. [X] one"))
    assert ticked(repo) == {}


def test_the_commit_that_closed_an_experiment_wrote_its_conclusion_s_state(repo):
    text = "* {0} [5] A :exp:\n** {0} Conclusions\nIt works.\n"
    repo.commit("begun", {NAME: text.format("TODO")})
    repo.commit("closed", {NAME: text.format("DONE")})
    edit(repo, "retitled", "[5] A", "[5] B")
    assert closed(repo) == {"e5": "closed"}
    repo.write(NAME, text.format("TODO"))
    assert closed(repo) == {}


NOTEBOOK = """\
* {} <2017-08-22 Tue> Uniform data
** Experiments
1. [{}] insert
* TODO Twitter data
"""


def adopt(repo, text):
    """Make both headings of a notebook experiments, as a user does, and commit it."""
    for number, title in enumerate(["<2017-08-22 Tue> Uniform data", "Twitter data"], 1):
        text = text.replace(title, f"[{number}] {title} :exp:")
    repo.commit("adopted", {NAME: text.replace("[x]", "[X]")})


def test_when_a_notebook_was_closed_that_is_added_to_git_later_is_unknown(repo):
    adopt(repo, NOTEBOOK.format("DONE", "X"))
    assert (closed(repo), ticked(repo)) == ({}, {})


def test_making_a_heading_an_experiment_does_not_close_it(repo):
    repo.commit("begun", {NAME: NOTEBOOK.format("TODO", " ")})
    repo.commit("ticked", {NAME: NOTEBOOK.format("TODO", "x")})
    repo.commit("closed", {NAME: NOTEBOOK.format("DONE", "x")})
    adopt(repo, NOTEBOOK.format("DONE", "x"))
    assert (closed(repo), ticked(repo)) == ({"e1": "closed"}, {"e1.1": "ticked"})


def test_a_heading_that_is_closed_as_it_becomes_an_experiment_is_closed_then(repo):
    repo.commit("begun", {NAME: NOTEBOOK.format("TODO", " ")})
    adopt(repo, NOTEBOOK.format("DONE", "X"))
    assert (closed(repo), ticked(repo)) == ({"e1": "adopted"}, {"e1.1": "adopted"})


def test_a_closed_experiment_that_gets_another_title_stays_closed(repo):
    repo.commit("begun", {NAME: "* TODO [5] A :exp:\n"})
    repo.commit("closed", {NAME: "* DONE [5] A :exp:\n"})
    repo.commit("retitled", {NAME: "* DONE [5] B :exp:\n"})
    repo.commit("another before it", {NAME: "* TODO [4] Z :exp:\n* DONE [5] B :exp:\n"})
    assert closed(repo) == {"e5": "closed"}
    repo.commit("opened again", {NAME: "* TODO [4] Z :exp:\n* TODO [5] B :exp:\n"})
    repo.commit("closed again", {NAME: "* TODO [4] Z :exp:\n* DONE [5] B :exp:\n"})
    assert closed(repo) == {"e5": "closed again"}


def test_a_shallow_clone_does_not_know_what_its_oldest_commit_changed(repo):
    repo.commit("begun", {NAME: NOTEBOOK.format("TODO", " ")})
    adopt(repo, NOTEBOOK.format("DONE", "X"))
    assert closed(repo) == {"e1": "adopted"}
    repo.git("clone", "--quiet", "--depth=1", repo.path.as_uri(), repo.path / "shallow")
    assert closed(replace(repo, path=repo.path / "shallow")) == {}


def test_the_commit_that_set_a_verdict_and_what_it_was_before(repo):
    text = "* DONE [5] A :exp:\n** Conclusions\n:PROPERTIES:\n:VERDICT: {}\n:END:\nIt works.\n"
    repo.commit("begun", {NAME: text.format("supported")})
    log = Log(repo.path / NAME)
    assert find_verdict_changes(log, log.experiments()) == {}
    repo.commit("changed", {NAME: text.format("refuted")})
    edit(repo, "spelled", "VERDICT: refuted", "VERDICT:  Refuted")
    edit(repo, "moved into the text", ":PROPERTIES:\n:VERDICT:  Refuted\n:END:\n", "[2018-06-06 Wed 16:16] refuted:\n")
    (change,) = find_verdict_changes(log, log.experiments()).values()
    assert (change.commit.subject, change.old) == ("changed", "supported")
