"""The cache: whatever happened to it, the log or git, the answers are those that are had without it."""

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

from lab import SOURCE, orglab
from orglab.api import Log, open_log
from orglab.git import find_repository
from orglab.git.mentions import scan_mentions
from orglab.search import store as store_module
from orglab.search.commit_references import find_experiment_mentions, find_mentions
from orglab.search.freshness import read_git_fingerprint
from orglab.search.store import open_store, read_fingerprint
from orglab.search.subtrees import LogText
from texts import SEED

NAME = "experiment_log.org"
TWO = SEED + "\n" + SEED.replace("201", "202").replace("TODO [", "INPROGRESS [").replace("ABC in XYZ", "Größe naïve")


@pytest.fixture(autouse=True)
def doubts_are_seen(monkeypatch):
    """A defect in what asks the cache must not pass as a doubt."""
    import sqlite3  # noqa: PLC0415

    monkeypatch.setattr(store_module, "DAMAGE_ERRORS", (sqlite3.Error, OSError))


def held(log):
    """The experiments that the cache knows: id, line, which of the log."""
    text, store = LogText(log), open_store(log)
    rows = "SELECT name, line, place FROM experiment ORDER BY place"
    return store.answer(text.is_current, text.update, lambda index: index.execute(rows).fetchall())


def read(log):
    """The same, by reading the log."""
    return [(one.id, one.line, place) for place, one in enumerate(log.experiments())]


def found(log, text):
    """What a search finds, as plain values."""
    result = log.search(text)
    return result.count, [
        (hit.found, hit.line, [(one.place, one.ref, one.line, one.text) for one in hit.passages]) for hit in result.hits
    ]


def without_cache(ask, *arguments):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ORGLAB_NO_INDEX", "1")
        return ask(*arguments)


@pytest.fixture
def parsed(monkeypatch):
    """The experiments that were parsed whole, by id."""
    ids = []
    real = LogText.experiment
    monkeypatch.setattr(LogText, "experiment", lambda text, *place: ids.append((one := real(text, *place)).id) or one)
    return ids


def test_without_git_the_index_is_in_the_cache_folder(tmp_path, monkeypatch, parsed):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    Path(NAME).write_text(TWO)
    first = found(open_log(), "größe")
    assert list((tmp_path / "cache" / "orglab").glob("*.db"))
    assert found(open_log(), "größe") == first
    assert parsed == ["201", "202"]


def test_only_what_changed_is_parsed_again(repo, parsed):
    path = repo.write(NAME, "".join(SEED.replace("201", str(number)) for number in range(1, 40)))
    found(open_log(), "xyz")
    assert len(parsed) == 39
    parsed.clear()
    found(open_log(), "abc")
    assert parsed == []
    open_log().add_note("20", "new")
    assert found(open_log(), "new") == without_cache(found, open_log(), "new")
    assert parsed[0] == "20"
    parsed.clear()
    path.write_text("Words before.\n" + path.read_text())
    found(open_log(), "xyz")
    assert parsed == []
    path.write_text("#+FILETAGS: :a:\n" + path.read_text())
    found(open_log(), "xyz")
    assert len(parsed) == 39  # the settings are others: all


def test_changed_settings_invalidate_the_index(repo):
    repo.commit("x", {NAME: TWO})
    assert [hit[0].ref for hit in found(open_log(), "größe")[1]] == ["e202"]
    repo.write("orglab.toml", 'letter = "x"\n')
    assert [hit[0].ref for hit in found(open_log(), "größe")[1]] == ["x202"]
    repo.write("orglab.toml", 'log = "other.org"\n')
    repo.write("other.org", TWO.replace("202", "203"))
    assert [hit[0].ref for hit in found(open_log(), "größe")[1]] == ["e203"]


def test_a_change_without_a_new_timestamp_is_detected(repo):
    log = repo.write(NAME, TWO)
    assert found(open_log(), "abd")[0] == 0
    status = log.stat()
    with log.open("r+b") as file:
        file.write(TWO.replace("ABC in XYZ", "ABD in XYZ").encode())
    os.utime(log, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert found(open_log(), "abd")[0] == 1


def test_the_stamp_of_a_touched_file_is_stored(repo, parsed):
    log = repo.write(NAME, TWO)
    first = found(open_log(), "größe")
    parsed.clear()
    os.utime(log, (1, 1))
    for _ in range(2):
        assert found(open_log(), "größe") == first
    assert parsed == []


def test_the_fingerprint_of_a_repository_covers_all_storage_of_refs(repo):
    repo.commit("a")
    looks = {read_git_fingerprint(".git")}
    repo.git("pack-refs", "--all")
    looks.add(read_git_fingerprint(".git"))
    repo.git("branch", "deep/er/branch")
    looks.add(read_git_fingerprint(".git"))
    repo.git("checkout", "-q", "--detach")
    looks.add(read_git_fingerprint(".git"))
    repo.git("worktree", "add", "-q", "tree")
    before = read_git_fingerprint(".git/worktrees/tree")
    repo.git("update-ref", "refs/remotes/origin/main", "HEAD")
    assert read_git_fingerprint(".git/worktrees/tree") != before
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
def test_after_any_edits_the_index_agrees_with_the_log(tmp_path_factory, versions, end):
    folder = tmp_path_factory.mktemp("edits")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        log = Log(folder / NAME)
        text = TWO
        for version in versions:
            text = f"{text}{end}{version}" if len(version) % 2 else version
            log.path.write_bytes(text.encode())
            for _ in range(2):
                assert held(Log(log.path)) == read(log)
                assert found(Log(log.path), "nine -x") == without_cache(found, Log(log.path), "nine -x")


def test_an_answer_from_the_index_parses_no_log(repo):
    repo.commit("[e201] x", {NAME: TWO})
    program = (
        "import sys; sys.argv[1:] = sys.argv[2:]\n"
        "from orglab.org.document import Document\n"
        "def refuse(*_): raise AssertionError('parsed')\n"
        "Document.__init__ = refuse\n"
        "from orglab.__main__ import main\n"
        "try: main()\n"
        "finally: print(*sorted(sys.modules), file=sys.stderr)"
    )
    first = orglab("search", "test")
    command = [sys.executable, "-c", program, "-", "search", "test"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=True, env={**os.environ, "PYTHONPATH": str(SOURCE)})  # fmt: skip
    assert done.stdout == first.out != ""
    unneeded = {"hashlib", "orglab.experiment.journal", "orglab.git.mentions", "orglab.search.similarity", "subprocess"}
    assert set(done.stderr.split()) & unneeded == set()


COMMANDS = [("search", "abc"), ("search", "Test -größe", "--json"), ("similar", "test XYZ"), ("similar", "201", "--json"), ("tried",),
            ("tried", "--json"), ("refs", "201"), ("refs",)]  # fmt: skip


def test_without_a_change_nothing_is_written(repo):
    repo.commit("[e201] x", {NAME: TWO})
    os.utime(NAME, ns=(1, 1))  # not a whole second: then a stamp is relied upon after 50 ms, not 2 s
    first = [orglab(*words) for words in COMMANDS]
    before = {path: path.stat().st_mtime_ns for path in Path(".git/orglab").iterdir()}
    assert [orglab(*words) for words in COMMANDS] == first
    assert {path: path.stat().st_mtime_ns for path in Path(".git/orglab").iterdir()} == before


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_without_a_writable_index_the_answers_are_the_same(repo, words):
    repo.commit("[e201] x", {NAME: TWO, "journal.org": "* 2018-06-06\n** abc [e201]\n"})
    true = orglab(*words)
    assert true.code == 0
    shutil.rmtree(".git/orglab")
    Path(".git/orglab").write_text("in the way")
    assert orglab(*words) == true == orglab(*words, ORGLAB_NO_INDEX="1")


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
def test_damage_at_any_moment_changes_no_answer(repo):
    trials(repo, 3)


def trials(repo, count, first=0):
    repo.commit("[e201.1] Test XYZ", {NAME: TWO, "journal.org": "* 2018-06-06\n** abc\n"})
    asked = ["search abc", "search state:doing --json", "similar test XYZ", "similar 201", "tried --json", "refs 201"]
    truth = {words: orglab(*words.split(), ORGLAB_NO_INDEX="1").out for words in asked}
    for seed in range(first, first + count):
        trial(seed, truth)


def test_many_read_while_one_writes(repo):
    repo.commit("x", {NAME: TWO})
    writer = subprocess.Popen([sys.executable, "-c", "from orglab import open_log\nfor n in range(15): open_log().add_note('201', f'remark {n}')\n"], env={**os.environ, "PYTHONPATH": str(SOURCE)})  # fmt: skip
    seen = []
    while writer.poll() is None:
        seen.append(len(open_log().search("remark* tag:exp").hits))
    assert writer.returncode == 0
    assert seen == sorted(seen)
    assert found(open_log(), '"remark 14"')[0] == 1


@pytest.mark.parametrize(
    "ways", [[], ["commit"], ["commit", "commit"], ["amend"], ["branch", "commit", "back"], ["same second"], ["reset"]]
)
def test_commits_that_name_experiments_are_those_that_git_lists(repo, ways):
    repo.commit("[e201.1] first", {NAME: TWO})
    repo.commit("nothing named")
    repo.commit("[e202] and [e201.2]")

    log = open_log()

    def mentions():
        kept = find_mentions(open_store(log), find_repository(repo.path), "e")
        for name in ("201", "202", "9"):
            some = [one for one in kept if name in {each.id for each in one.references}]
            assert find_experiment_mentions(open_store(log), find_repository(repo.path), "e", name) == some
        return kept

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
        true = scan_mentions(find_repository(repo.path), "e").mentions
        assert mentions() == true
        assert mentions() == true


def test_after_new_commits_only_those_are_read(repo, monkeypatch):
    from orglab.search import commit_references  # noqa: PLC0415

    log = open_log(repo.write(NAME, TWO))
    repo.commit("[e201.1] first")
    repo.commit("[e202.1] second")
    seen = []
    monkeypatch.setattr(
        commit_references, "scan_mentions", lambda *arguments: seen.append(one := scan_mentions(*arguments)) or one
    )
    for count in (2, 2, 3):
        if count > 2:
            repo.commit("[e201.2] third")
        assert len(find_mentions(open_store(log), log.repository, "e")) == count
    assert [len(one.mentions) for one in seen] == [2, 1]
    assert [one.references[0].id for one in find_mentions(open_store(log), log.repository, "x")] == []
    assert open_store(log).read(lambda index: read_fingerprint(index, "references"))["letter"] == "x"
