"""similar, tried, and what new says, on real logs: with an index, without one, and with one that is broken."""

import json
import os
import pty
import random
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from lab import NAME, SOURCE, orglab
from orglab.api import Log
from orglab.errors import UsageError
from orglab.search.similarity import find_precedents, make_map
from orglab.search.store import open_store

IDEAS = [
    ("Label smoothing 0.1 on the intent classifier", "Overconfident on 77 classes.", "ECE 0.11 -> 0.05."),
    ("Clip gradients at norm 1", "The loss explodes.", "No NaN since."),
    ("Holiday features for demand", "Peaks at Easter are missed.", "WAPE 23 -> 19 %."),
    ("Distil the ranker into a small student", "Serving is slow.", ""),
    ("Freeze the backbone", "Train the head only.", "Worse by 4 points."),
]
QUESTIONS = [
    "soften the labels",
    "tell it about public holidays",
    "teach a small net",
    "1",
    "coffee",
    "holliday features for demand",
]


def experiment(number, title, description, conclusion, tag=""):
    return (
        f"* TODO [{number}] {title}   :exp:{tag}\n:PROPERTIES:\n:ID: {number}\n:END:\n[2026-06-01 Mon 10:00]\n\n"
        f"- {description}\n\n** TODO Experiments [0/1]\n1. [ ] Run\n\n** TODO Conclusions\n{conclusion}\n\n"
    )


def log_text(*numbers):
    return "".join(experiment(number + 1, *IDEAS[number]) for number in numbers)


@pytest.fixture
def log(repo):
    repo.write(NAME, log_text(*range(len(IDEAS))))
    return Log(Path(NAME))


def answers(log):
    return {text: find_precedents(log, text) for text in QUESTIONS}


def answers_without_index(log, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setenv("ORGLAB_NO_INDEX", "1")
        return answers(Log(log.path))


def test_the_answer_is_the_same_with_and_without_an_index(log, monkeypatch):
    plain = answers_without_index(log, monkeypatch)
    assert [one.ref for one in plain["soften the labels"]] == ["e1"]
    assert [one.ref for one in plain["holliday features for demand"]] == ["e3"]
    assert plain["coffee"] == []
    assert answers(log) == plain == answers(log)


def test_the_answer_is_the_same_after_each_change_of_the_log(log, monkeypatch):
    chance = random.Random(5)  # noqa: S311 - no secret is made of it
    for _ in range(8):
        numbers = [*range(len(IDEAS))]
        chance.shuffle(numbers)
        log.path.write_text("Something before.\n" * chance.randrange(2) + log_text(*numbers[: chance.randrange(6)]))
        for text in QUESTIONS:
            if text != "1" or "[1]" in log.path.read_text():
                assert find_precedents(log, text) == _alone(log, text, monkeypatch)


def _alone(log, text, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setenv("ORGLAB_NO_INDEX", "1")
        return find_precedents(Log(log.path), text)


def test_identical_subtrees_are_two_experiments(log, monkeypatch):
    log.path.write_text(log_text(0, 1, 0))
    for _ in range(2):
        assert [one.line for one in find_precedents(log, QUESTIONS[0])] == [29, 1]
    log.path.write_text(log_text(2, 0, 1, 0))
    assert find_precedents(log, QUESTIONS[0]) == _alone(log, QUESTIONS[0], monkeypatch)


@pytest.mark.parametrize(
    "harm", ["UPDATE kept SET content = x'00'", "DELETE FROM posting WHERE random() % 2", "DROP TABLE tried", "rubbish"]
)
def test_a_damaged_index_changes_no_answer(log, monkeypatch, harm):
    plain = answers_without_index(log, monkeypatch)
    assert answers(log) == plain
    path = Path(open_store(log).path)
    if harm == "rubbish":
        path.write_bytes(os.urandom(4096))
    else:
        connection = sqlite3.connect(path)
        connection.execute(harm)
        connection.commit()
        connection.close()
    assert answers(Log(log.path)) == plain


def test_only_changed_experiments_are_recomputed(log, monkeypatch):
    from orglab.search.similar import features as module  # noqa: PLC0415

    real, made = module.extract_features, []
    monkeypatch.setattr(
        module, "extract_features", lambda record, lexicon: made.append(record.title) or real(record, lexicon)
    )
    find_precedents(log, "coffee")
    assert sorted(made) == sorted(["coffee", *(title for title, _, _ in IDEAS)])
    made.clear()
    log.path.write_text("Something before.\n" + experiment(9, "Brew coffee", "Wake up.", "") + log_text(3, 2, 0, 4))
    find_precedents(log, "coffee")
    assert sorted(made) == ["Brew coffee", "coffee"]


def test_an_earlier_id_and_a_duplicate_id(log):
    log.path.write_text(log_text(0, 1, 0).replace(":ID: 2", ":ID: 2\n:ALIASES: 7"))
    assert find_precedents(log, "e7") == find_precedents(log, "2")
    with pytest.raises(UsageError):
        find_precedents(log, "e1")


def test_a_map_of_selected_experiments_is_the_map_without_the_others(log, monkeypatch):
    log.path.write_text(log_text(0, 1) + experiment(8, *IDEAS[0], "nlp:"))
    assert [one.id for one in make_map(log).experiments] == ["1", "2", "8"]
    for arguments in (("nlp", ()), (None, ["nlp"])):
        found = make_map(log, *arguments)
        assert [one.id for one in found.experiments] == ["8"]
        with monkeypatch.context() as patch:
            patch.setenv("ORGLAB_NO_INDEX", "1")
            assert make_map(Log(log.path), *arguments) == found


def test_new_terms_take_effect_at_once(log):
    assert find_precedents(log, "lateral excitation") == []
    log.path.with_name("orglab-terms.txt").write_text("distillation: lateral excitation, small student\n")
    assert [one.ref for one in find_precedents(log, "lateral excitation")] == ["e4"]
    assert orglab("tried", "lateral excitation").out.startswith("Closest experiments:\n  e4  Distil")
    log.path.with_name("orglab-terms.txt").unlink()
    assert orglab("tried", "lateral excitation").out == ""


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: path.write_bytes(os.urandom(999)), os.mkfifo])
def test_an_invalid_terms_file_is_ignored(log, make):
    make(log.path.with_name("orglab-terms.txt"))
    assert orglab("tried", QUESTIONS[0]).out.startswith("Closest experiments:\n  e1  Label smoothing")
    assert orglab("new", "Soften the labels").out == "e6\n"


@pytest.mark.slow
@pytest.mark.usefixtures("log")
def test_the_command_answers_the_same_without_an_index():
    for text in [QUESTIONS[0], "coffee", "e1.1"]:
        slow = orglab("tried", text, ORGLAB_NO_INDEX="1")
        assert orglab("tried", text) == slow == orglab("tried", text)
    assert orglab("tried", "e1", "--json") == orglab("tried", "e1", "--json", ORGLAB_NO_INDEX="1")
    assert orglab("tried", "e99").code == 3


UNREAD = ("experiment.journal", "search.similar.lexicon", "search.similar.features", "search.similar.fusion")


@pytest.mark.parametrize(
    ("words", "is_read"),
    [(("similar", "soften the labels"), UNREAD[1:]), (("similar", "e1", "--json"), UNREAD[1:]), (("tried",), ())],
)
@pytest.mark.usefixtures("log")
def test_an_answer_from_the_index_parses_no_log_and_loads_only_what_it_needs(words, is_read):
    program = (
        "import sys; sys.argv[1:] = sys.argv[2:]\n"
        "from orglab.org.document import Document\n"
        "def refuse(*_): raise AssertionError('parsed')\n"
        "if sys.argv.pop() == 'warm': Document.__init__ = refuse\n"
        "from orglab.__main__ import main\n"
        "try: main()\n"
        "finally: print(*sorted(sys.modules), file=sys.stderr)"
    )
    done = [
        subprocess.run([sys.executable, "-c", program, "-", *words, state], capture_output=True, text=True, check=True)
        for state in ("cold", "warm")
    ]
    assert done[0].stdout == done[1].stdout != ""
    loaded = set(done[1].stderr.split())
    assert [name for name in UNREAD if f"orglab.{name}" in loaded] == list(is_read)
    assert "hashlib" not in loaded


@pytest.mark.usefixtures("log")
def test_new_shows_what_was_tried_and_writes():
    done = orglab("new", "Soften the targets", "-d", "One-hot labels make it overconfident.")
    assert done.out == "e6\n"
    assert done.err.startswith("Tried before:\n  e1  Label smoothing")
    assert "ECE 0.11 -> 0.05." in done.err


def test_what_is_only_near_is_shown_if_asked_and_not_unasked(log):
    log.path.write_text(experiment(1, "SVM with an RBF kernel, C=100", "Curved borders.", "Accuracy 0.968."))
    asked = ("SVM with an RBF kernel, C=30", "-d", "Curved borders, with a softer margin.")
    [shown] = json.loads(orglab("tried", asked[0], "--json").out)["experiments"]
    assert (shown["ref"], shown["is_sure"]) == ("e1", False)
    assert "surely" not in orglab("tried", asked[0]).out
    assert orglab("new", *asked, "--gate") == (0, "e2\n", "")
    assert json.loads(orglab("new", *asked, "--id", "9", "--json").out)["tried_before"] != []


def test_a_description_that_was_copied_for_other_numbers_is_not_the_same(log):
    about = "Soften the targets of the intent classifier, which is overconfident."
    log.path.write_text(experiment(1, "Label smoothing 0.1", about, "No gain."))
    assert orglab("new", "Label smoothing 0.2", "-d", about, "--gate") == (0, "e2\n", "")
    assert orglab("new", "Softer targets", "-d", about, "--gate").code == 7
    assert orglab("new", "label smoothing 0.1", "--gate").code == 7


def test_the_title_of_a_question_is_compared_as_it_is(log):
    log.path.write_text(experiment(1, "Baseline", "First.", "") + experiment(2, "Baseline", "Second.", ""))
    assert [(one.ref, one.is_sure) for one in log.similar("baseline")] == [("e2", True), ("e1", True)]
    assert [(one.ref, one.is_sure) for one in log.similar("1")] == [("e2", True)]


@pytest.mark.usefixtures("log")
def test_new_prints_nothing_without_similar_experiments_or_if_turned_off():
    assert orglab("new", "Knit a jumper").err == ""
    Path("orglab.toml").write_text("similar = false\n")
    assert orglab("new", "Soften the labels").err == ""


def test_new_writes_even_if_the_comparison_fails(log):
    broken = log.path.parent / "broken"
    broken.mkdir()
    (broken / "sitecustomize.py").write_text(
        "import orglab.search.similar.fusion\norglab.search.similar.fusion.find_similar = None\n"
    )
    path = os.pathsep.join([str(broken.absolute()), str(SOURCE)])
    assert orglab("new", "Soften the labels", PYTHONPATH=path) == (0, "e6\n", "")


def test_asking_needs_a_terminal(log):
    before = log.path.read_bytes()
    done = orglab("new", "Soften the labels", "--ask", stdin="y\n")
    assert done.code == 2
    assert "--ask needs a terminal" in done.err
    assert log.path.read_bytes() == before


@pytest.mark.slow
@pytest.mark.parametrize(("typed", "code", "count"), [(b"y\n", 0, 6), (b"n\n", 1, 5), (b"\n", 1, 5)])
def test_on_a_terminal_it_waits_for_a_yes(log, typed, code, count):
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "orglab", "new", "Soften the labels", "--ask"]
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    os.write(leader, typed)
    done = subprocess.run(command, stdin=follower, capture_output=True, text=True, env=environment, check=False)
    os.close(leader)
    os.close(follower)
    assert (done.returncode, len(log.experiments())) == (code, count)
    assert done.stdout == ("e6\n" if code == 0 else "")
    assert "Add the experiment anyway?" in done.stderr


def test_hostile_text_is_shown_as_text(repo):
    repo.write(
        NAME, experiment(1, "Label smoothing \x1b[31mred", "Soften \x07 it.", "\x1b]0;owned\x07 Accuracy -1 %.", "nlp:")
    )
    for command in (["tried", "label smoothing"], ["tried"]):
        out = orglab(*command).out
        assert "Label smoothing" in out
        assert "\x1b" not in out
        assert "\x07" not in out


def test_an_empty_log_has_an_answer(repo):
    repo.write(NAME, "")
    assert orglab("tried", "label smoothing") == (0, "", "No similar experiment found.\n")
    assert orglab("tried") == (0, "", "No experiments yet.\n")
    assert json.loads(orglab("tried", "--json").out) == {"version": 1, "topics": []}


@pytest.mark.slow
def test_the_map_of_a_large_log_stays_short(repo):
    tags = [f"topic{number}:" for number in range(30)]
    repo.write(NAME, "".join(experiment(number, *IDEAS[number % 5], tags[number % 30]) for number in range(1, 601)))
    out = orglab("tried").out.splitlines()
    assert len(out) < 200
    assert out[-1] == "… 18 more topics; narrow with --tag or --match, or show all with --all"
    assert any(line.startswith("    … ") for line in out)
    assert sum(len(topic.numbers) for topic in make_map(Log(Path(NAME))).topics) == 600
    assert orglab("tried", "--all").out.count("(open)") == 600
    assert orglab("tried", "--tag", "topic3").out.startswith("topic3  20 experiments: 20 open\n")


def test_the_map_has_the_newest_conclusions_first(repo):
    old, new, none = (experiment(number, *IDEAS[0][:2], text) for number, text in ((1, "Old."), (2, "New."), (3, "")))
    repo.write(NAME, none.replace("2026-06-01 Mon", "2026-07-01 Wed") + new.replace("06-01", "06-09") + old)
    lines = orglab("tried").out.splitlines()
    assert [line.split()[0] for line in lines if line.startswith("    e")] == ["e2", "e1", "e3"]


CANCELED = (
    "* CANCELED [{number}] Wider layers {number}   :exp:\nCLOSED: [2026-06-03 Wed 10:00]\n:PROPERTIES:\n"
    ":ID: {number}\n:END:\n{logbook}[2026-06-01 Mon 10:00]\n\n- More units.\n\n** Notes\n{notes}\n"
    "** TODO Experiments [0/1]\n1. [ ] Run\n\n** TODO Conclusions\n{conclusion}\n\n"
)
LOGBOOK = ':LOGBOOK:\n- State "CANCELED"   from "TODO"       [2026-06-03 Wed 10:00] \\\\\n  The GPU is gone.\n:END:\n'
NOTES = "- [2026-06-02 Tue 09:00] Newer: no room in memory.\n- [2026-06-01 Mon 11:00] Older note.\n"


@pytest.mark.parametrize(
    ("logbook", "notes", "conclusion", "outcome"),
    [
        (LOGBOOK, NOTES, "Superseded by e7.", "canceled: Superseded by e7."),
        (LOGBOOK, NOTES, "Canceled: superseded by e7.", "Canceled: superseded by e7."),
        (LOGBOOK, NOTES, "", "canceled: The GPU is gone."),
        ("", NOTES, "", "canceled: Newer: no room in memory."),
        ("", "", "", "canceled; no reason is noted"),
    ],
)
def test_a_canceled_experiment_says_so_and_why(repo, logbook, notes, conclusion, outcome):
    text = CANCELED.format(number=1, logbook=logbook, notes=notes, conclusion=conclusion)
    repo.write(NAME, f"#+TODO: TODO | DONE CANCELED\n\n{text}")
    assert f"      {outcome}\n" in orglab("tried", "wider layers 1").out
    [form] = json.loads(orglab("tried", "wider layers 1", "--json").out)["experiments"]
    assert (form["state"], form["outcome"]) == ("CANCELED", outcome)
    [topic] = json.loads(orglab("tried", "--json").out)["topics"]
    assert topic["verdicts"] == {"canceled": 1}
    assert topic["groups"][0]["experiments"][0]["outcome"] == outcome
    assert outcome in orglab("tried").out
    assert "(canceled)" in orglab("tried").out


def test_a_tag_that_is_a_former_id_is_no_topic_of_the_map(repo):
    text = "".join(
        experiment(number, f"[2026-08-28 Sex] Mulch of {word}", "text", "", f"old{number}:").replace(
            f":ID: {number}", f":ID: {number}\n:ALIASES: old{number}"
        )
        for number, word in enumerate(("straw", "bark"), 1)
    )
    repo.write(NAME, text)
    [topic] = json.loads(orglab("tried", "--json").out)["topics"]
    assert (topic["tag"], topic["count"], topic["groups"][0]["idea"]) == (None, 2, "Mulch")


def test_the_map_groups_by_words_that_tell_experiments_apart(repo):
    titles = ["Mulch of straw", "Mulch of bark", "Clover", "Shade nets", "Grafting"]
    about = "The yield should rise by more than plot noise."
    repo.write(NAME, "".join(experiment(at, title, about, "") for at, title in enumerate(titles, 1)))
    assert [line for line in orglab("tried").out.splitlines() if not line.startswith("    ")] == [
        "all  5 experiments: 5 open", "  Mulch (2)", "  no common idea (3)",
    ]  # fmt: skip
