"""The index of a log: what it answers is what the log says, whatever happened to either."""

import json
import os
import random
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lab import SEED, SOURCE, orglab
from orglab.api import Log, open_log
from orglab.api.serialize import experiment_form
from orglab.cli import quick
from orglab.cli.door import run
from orglab.history.knowledge import Knowledge
from orglab.org.match import compile_match
from orglab.search import store as store_module
from orglab.search.known import look_at_git

NAME = "experiment_log.org"
TWO = SEED + "\n" + SEED.replace("201", "202").replace("TODO [", "INPROGRESS [").replace("ABC in XYZ", "Größe naïve")


@pytest.fixture(autouse=True)
def doubts_are_seen(monkeypatch):
    """A defect in what asks the index must not pass as a doubt."""
    import sqlite3  # noqa: PLC0415

    monkeypatch.setattr(store_module, "DOUBTS", (sqlite3.Error, OSError))


def forms(log):
    """All that is read of a log, in the way of a list and in the way of a page."""
    listed = [
        (one.id, one.ref, one.state, one.kind, one.title, one.tags, one.created, one.progress, one.verdict, one.line)
        for one in log.experiments()
    ]
    return listed, [experiment_form(one) for one in log.experiments()]


def without_index(monkeypatch, log, ask):
    with monkeypatch.context() as patch:
        patch.setenv("ORGLAB_NO_INDEX", "1")
        return ask(Log(log.path, log.config))


def quickly(capsys, *words):
    """What a command says if the index alone answers; None if it declines."""
    capsys.readouterr()
    return capsys.readouterr().out if quick.answer(words) else None


def slowly(capsys, *words):
    """What a command says by way of click."""
    capsys.readouterr()
    assert run(words) == 0
    return capsys.readouterr().out


COMMANDS = [
    ("show", "201"), ("show", "e201"), ("show", "[e201]", "--json"), ("show", "201.1"), ("show", "202.2", "--json"),
    ("list",), ("list", "--json"), ("list", "--todo"), ("list", "--doing", "--sort", "-title"),
    ("list", "--since", "2018-01-01", "--sort", "created"), ("list", "--tag", "@work", "--sort=state"),
    ("list", "--sort", "id"), ("list", "--sort", "progress"), ("next",), ("next", "--json"),
    ("search", "abc"), ("search", "Test -größe", "--json"), ("search", "state:doing", "--limit", "1"),
    ("search", '"XYZ without"'), ("search", "in:step", "test*"),
]  # fmt: skip


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_the_index_answers_what_the_command_answers(repo, capsys, words):
    repo.commit("[e201.1] Test XYZ", {NAME: TWO, "journal.org": "* 2018-06-06\n** abc\n"})
    open_log().start("202.1")
    first = slowly(capsys, *words)
    assert first
    assert quickly(capsys, *words) == first
    assert slowly(capsys, *words) == first


@pytest.mark.parametrize("words", [("show", "999"), ("show", "no such"), ("list", "exp"), ("list", "--sort", "x"), ("list", "--since", "x"),
                                   ("show", "201.9"), ("search", '""'), ("search", "in:x"), ("search", "-h"), ("search", "a", "--limit", "0"),
                                   ("next", "--help"), ("show",), ("show", "201", "202"), ("list", "--"), ("next", "--jso")])  # fmt: skip
def test_the_index_declines_what_is_not_plain_or_not_there(repo, capsys, words):
    repo.commit("x", {NAME: TWO})
    slowly(capsys, "search", "abc")
    assert not quick.answer(words)


def test_without_git_it_lies_in_the_cache_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    Path(NAME).write_text(TWO)
    first = slowly(capsys, "show", "202")
    assert list((tmp_path / "cache" / "orglab").glob("*.db"))
    assert quickly(capsys, "show", "202") == first


def test_settings_are_part_of_the_question(repo, capsys):
    repo.commit("x", {NAME: TWO})
    slowly(capsys, "show", "201")
    assert "e201" in quickly(capsys, "show", "201")
    repo.write("orglab.toml", 'letter = "x"\n')
    assert not quick.answer(("show", "201"))
    assert "x201" in slowly(capsys, "show", "201")
    assert "x201" in quickly(capsys, "show", "201")
    repo.write("orglab.toml", 'letter = "y"\nlog = "other.org"\n')
    repo.write("other.org", TWO)
    assert "y201" in slowly(capsys, "show", "201")
    assert "other.org" in quickly(capsys, "show", "201")
    repo.write("orglab.toml", "letter = 1\n")
    assert not quick.answer(("show", "201"))


def test_a_change_that_no_time_stamp_shows_is_seen(repo, capsys):
    log = repo.write(NAME, TWO)
    slowly(capsys, "show", "201")
    status = log.stat()
    with log.open("r+b") as file:
        file.write(TWO.replace("ABC in XYZ", "ABD in XYZ").encode())
    os.utime(log, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert "ABD" in slowly(capsys, "show", "201")
    assert "ABD" in quickly(capsys, "show", "201")


def test_a_file_that_was_touched_is_read_and_no_more(repo, capsys):
    log = repo.write(NAME, TWO)
    first = slowly(capsys, "list")
    os.utime(log, (1, 1))
    assert quickly(capsys, "list") == first


def test_two_of_one_id_are_an_error_with_and_without(repo, capsys):
    repo.write(NAME, SEED + SEED)
    slowly(capsys, "list")
    assert not quick.answer(("show", "201"))
    assert run(["show", "201"]) == 2


@pytest.mark.parametrize("change", ["new branch", "amend", "reset", "pack", "note"])
def test_what_git_says_of_an_experiment_is_asked_again_when_it_may_have_changed(repo, capsys, change):
    repo.commit("start", {NAME: TWO})
    repo.commit("[e201.1] first")
    slowly(capsys, "show", "201")
    assert "first" in quickly(capsys, "show", "201")
    if change == "new branch":
        repo.git("checkout", "-q", "-b", "other")
        repo.commit("[e201.2] second")
    elif change == "amend":
        repo.git("commit", "-q", "--allow-empty", "--amend", "-m", "[e201.2] other words")
    elif change == "reset":
        repo.git("reset", "-q", "--hard", "HEAD^")
    elif change == "pack":
        repo.git("gc", "-q")
    else:
        repo.commit("[e202.1] of another")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ORGLAB_NO_INDEX", "1")
        true = slowly(capsys, "show", "201")
    assert quickly(capsys, "show", "201") in (true, None)
    assert slowly(capsys, "show", "201") == true
    assert quickly(capsys, "show", "201") == true


def test_an_alias_is_part_of_the_question(repo, capsys):
    repo.commit("[e7.1] of an old id", {NAME: TWO})
    assert "of an old id" not in slowly(capsys, "show", "201")
    repo.write(NAME, TWO.replace(":ID:       201", ":ID: 201\n:ALIASES: 7"))
    assert "of an old id" in slowly(capsys, "show", "201")
    assert "of an old id" in quickly(capsys, "show", "201")
    assert not quick.answer(("show", "7"))


def test_the_look_of_a_repository_reads_refs_wherever_they_are(repo):
    repo.commit("a")
    looks = {look_at_git(".git")}
    repo.git("pack-refs", "--all")
    looks.add(look_at_git(".git"))
    repo.git("branch", "deep/er/branch")
    looks.add(look_at_git(".git"))
    repo.git("checkout", "-q", "--detach")
    looks.add(look_at_git(".git"))
    repo.git("worktree", "add", "-q", "tree")
    before = look_at_git(".git/worktrees/tree")
    repo.git("update-ref", "refs/remotes/origin/main", "HEAD")
    assert look_at_git(".git/worktrees/tree") != before
    assert len(looks) == 4


ALPHABET = "* \n:[]-+XTODONE201.exp#σé\r\t"
lines = st.sampled_from(
    ["* TODO [3] Three :exp:", "** Experiments", "1. [X] a (83d45cd)", "2. [ ] b", ":PROPERTIES:", ":ID: 9", ":END:",
     "** TODO Conclusions", ":VERDICT: refuted", "* DONE Nine :exp:x:", "- about", "[2018-06-06 Wed 16:16]", "** INPROGRESS Deep :exp:",
     ":CUSTOM_ID: deep", "#+TODO: TODO WAIT | DONE", "#+FILETAGS: :all:", "* Top :parent:", "text", "", "\tx", "#+begin_src", "#+end_src",
     "* TODO [#A] <<t>> x [1/2] :exp:a:", "CLOSED: [2018-06-07 Thu]", "# [e3]"]
)  # fmt: skip
texts = st.lists(st.one_of(lines, st.text(ALPHABET, max_size=12)), max_size=40).map("\n".join)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.lists(texts, min_size=1, max_size=4), st.sampled_from(["", "\n"]))
def test_after_any_edits_the_index_says_what_the_log_says(tmp_path_factory, versions, end):
    folder = tmp_path_factory.mktemp("edits")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        log = Log(folder / NAME)
        text = TWO
        for version in versions:
            text = f"{text}{end}{version}" if len(version) % 2 else version
            log.path.write_bytes(text.encode())
            for _ in range(2):
                with_index = forms(Log(log.path))
                assert with_index == without_index(patch, log, forms)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(texts, st.sampled_from(
    ["exp", "exp-parent", "all", "LEVEL=1&+exp/!TODO", "exp/DONE|WAIT", 'ID="9"', 'PRIORITY="A"', "{^e}", "-exp",
     'TIMESTAMP_IA>="<2018-01-01>"', 'TODO="TODO"|x', "ALLTAGS={parent}", 'CLOSED<>""', "ITEM={Th}"]
))  # fmt: skip
def test_a_match_selects_the_same_with_and_without(tmp_path_factory, text, match):
    folder = tmp_path_factory.mktemp("match")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        log = Log(folder / NAME)
        log.path.write_bytes(f"{text}\n{TWO}".encode())

        def chosen(log):
            return [(one.id, one.line) for one in log.select(match)]

        wanted = compile_match(match)
        true = [(one.id, one.line) for one in without_index(patch, log, Log.experiments) if wanted.matches(one.heading)]
        assert without_index(patch, log, chosen) == true
        assert chosen(log) == true
        assert chosen(Log(log.path)) == true


def test_only_what_changed_is_read_again(repo, monkeypatch):
    from orglab.search import building  # noqa: PLC0415

    read = []
    real = building.glance_at

    def counting(*arguments):
        glance = real(*arguments)
        return lambda span: read.append(span.begin) or glance(span)

    monkeypatch.setattr(building, "glance_at", counting)
    path = repo.write(NAME, "".join(SEED.replace("201", str(number)) for number in range(1, 40)))
    open_log().experiments()
    assert len(read) == 39
    read.clear()
    open_log().experiments()
    assert read == []
    open_log().add_note("20", "new")
    open_log().experiments()
    assert len(read) == 1
    read.clear()
    path.write_text("#+FILETAGS: :a:\n" + path.read_text())
    open_log().experiments()
    assert len(read) == 40  # settings are another: all, and what stands before them


TOO_MUCH = (
    "click typing pathlib dataclasses inspect subprocess shutil tempfile contextvars hashlib random urllib socket logging"
    " orglab.log.log orglab.experiment.model orglab.config orglab.org orglab.git orglab.experiment.fast_reader orglab.history.sources numpy rich wcwidth asyncio"
)


@pytest.mark.parametrize(
    "words", [("show", "201"), ("list",), ("search", "test"), ("next",), ("show", "201", "--json")], ids=" ".join
)
def test_a_command_that_the_index_answers_loads_little(repo, words):
    repo.commit("[e201] x", {NAME: TWO})
    assert orglab(*words).code == 0
    assert orglab("search", "test").code == 0
    program = (
        "import sys; sys.argv[1:] = sys.argv[2:]; before = set(sys.modules)\nfrom orglab.__main__ import main\n"
        "try: main()\nfinally: print(*sorted(set(sys.modules) - before), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(SOURCE)!r})\n{program}", "-", *words], capture_output=True, encoding="utf-8", check=True)  # fmt: skip
    loaded = set(done.stderr.split())
    assert "201" in done.stdout or "e202" in done.stdout
    assert "orglab.cli.quick" in loaded
    assert loaded & set(TOO_MUCH.split()) == set()


def test_without_a_change_of_the_log_nothing_is_written(repo):
    repo.commit("[e201] x", {NAME: TWO})
    for words in COMMANDS:
        orglab(*words)
    before = {path: path.stat().st_mtime_ns for path in Path(".git/orglab").iterdir()}
    for words in (*COMMANDS[:6], ("list", "exp"), ("search", "test")):
        assert orglab(*words).code == 0
    after = {path: path.stat().st_mtime_ns for path in Path(".git/orglab").iterdir()}
    assert {name: time for name, time in after.items() if name in before} == before


def test_where_it_cannot_be_written_the_answers_are_the_same(repo, capsys):
    repo.write(NAME, TWO)
    true = slowly(capsys, "list")
    shutil.rmtree(".git/orglab")
    Path(".git/orglab").write_text("in the way")
    assert slowly(capsys, "list") == true
    assert "e201" in slowly(capsys, "search", "abc")
    assert json.loads(slowly(capsys, "show", "201", "--json"))["id"] == "201"


def harm(generator):
    """Do something to the files of the index that they should not meet."""
    for path in Path(".git/orglab").glob("index-*"):
        way = generator.choice(["none", "unlink", "truncate", "noise", "byte", "empty"])
        try:
            if way == "unlink":
                path.unlink()
            elif way == "truncate":
                os.truncate(path, generator.randrange(1 + path.stat().st_size))
            elif way == "noise":
                path.write_bytes(generator.randbytes(generator.randrange(20_000)))
            elif way == "empty":
                path.write_bytes(b"")
            elif way == "byte":
                with path.open("r+b") as file:
                    for _ in range(20):
                        file.seek(generator.randrange(1 + path.stat().st_size))
                        file.write(generator.randbytes(4))
        except FileNotFoundError:
            pass


def trial(seed, truth):
    """Run commands at once while their index is harmed; every answer must be the true one."""
    generator = random.Random(seed)  # noqa: S311 - chance that can be had again
    asked = generator.sample(sorted(truth), 3)
    running = [
        (words, subprocess.Popen([sys.executable, "-m", "orglab", *words.split()], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(SOURCE)}))
        for words in asked
    ]  # fmt: skip
    while any(process.poll() is None for _, process in running):
        harm(generator)
    for words, process in running:
        out, err = process.communicate()
        assert (process.returncode, out.decode()) == (0, truth[words]), (seed, words, err.decode())


@pytest.mark.slow
def test_harm_at_any_moment_changes_no_answer(repo):
    trials(repo, 3)


def trials(repo, count, first=0):
    repo.commit(
        "[e201.1] Test XYZ",
        {NAME: TWO, "journal.org": "* 2018-06-06\n** abc\n"},
    )
    asked = [
        "show 201",
        "show 202.1",
        "list",
        "list exp",
        "next --json",
        "search abc",
        "search state:doing --json",
        "list --json",
    ]
    truth = {words: orglab(*words.split(), ORGLAB_NO_INDEX="1").out for words in asked}
    for seed in range(first, first + count):
        trial(seed, truth)


def test_many_read_while_one_writes(repo):
    repo.commit("x", {NAME: TWO})
    writer = subprocess.Popen([sys.executable, "-c", "from orglab import open_log\nfor n in range(15): open_log().add_note('201', f'note {n}')\n"], env={**os.environ, "PYTHONPATH": str(SOURCE)})  # fmt: skip
    seen = []
    while writer.poll() is None:
        seen.append(len(json.loads(orglab("show", "201", "--json").out)["notes"]))
    assert writer.returncode == 0
    assert seen == sorted(seen)
    assert len(json.loads(orglab("show", "201", "--json").out)["notes"]) == 15


@pytest.mark.parametrize(
    "ways", [[], ["commit"], ["commit", "commit"], ["amend"], ["branch", "commit", "back"], ["same second"], ["reset"]]
)
def test_commits_that_name_experiments_are_those_that_git_lists(repo, ways):
    repo.commit("[e201.1] first", {NAME: TWO})
    repo.commit("nothing named")
    repo.commit("[e202] and [e201.2]")

    def mentions():
        return [(one.hash, one.references, one.commit.subject) for one in Knowledge(open_log()).mentions]

    assert len(mentions()) == 2
    for way in ways:
        if way == "commit":
            repo.commit("[e201.2] more")
        elif way == "amend":
            repo.git("commit", "-q", "--amend", "--allow-empty", "-m", "[e201.1] other")
        elif way == "branch":
            repo.git("checkout", "-q", "-b", "side", "HEAD^")
        elif way == "back":
            repo.git("checkout", "-q", "main")
        elif way == "same second":
            repo.now -= timedelta(minutes=1)
            repo.commit("[e201.2] at once")
        else:
            repo.git("reset", "-q", "--hard", "HEAD^")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("ORGLAB_NO_INDEX", "1")
            true = mentions()
        assert mentions() == true
        assert mentions() == true
