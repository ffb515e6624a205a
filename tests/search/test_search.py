"""search: any text is a query; what is found, where, and in what order, with an index and without one."""

import datetime
import json

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from commands import Orglab
from conftest import Repository
from orglab.api import Log, open_log
from orglab.errors import UsageError
from orglab.search import store as store_module
from orglab.search.folding import fold, fold_with_offsets
from orglab.search.query import MOST_TERMS, read_query
from orglab.search.store import open_in_memory

NAME = "experiment_log.org"
TODAY = datetime.date(2026, 7, 29)


def experiment(number, title, body="", *, state="TODO", tags="exp", day="2026-01-05 Mon", conclusion="", verdict=""):
    verdict = f":PROPERTIES:\n:VERDICT: {verdict}\n:END:\n" if verdict else ""
    return (
        f"* {state} [{number}] {title} :{tags}:\n:PROPERTIES:\n:ID: {number}\n:END:\n[{day} 10:00]\n\n{body}\n"
        f"** TODO Conclusions\n{verdict}{conclusion}\n\n"
    )


LOG = "".join([
    experiment(1, "Dropout in the encoder", "- Does it help?\n\n** Notes\n- [2026-02-01 Sun 09:00] Running at lr=3e-4 with ResNet-50\n\n"
               "** TODO Experiments\n1. [X] Baseline (83d45cd)\n2. [ ] Dropout 0.1, see val_acc\n   - a note of the step\n",
               conclusion="Dropping units hurt the small model.", verdict="refuted", state="DONE", tags="nlp:exp"),
    experiment(2, "Learning rate schedule", "- A longer run of the decoder: learning at a rate of 0.1\n", tags="vision:exp", day="2024-03-01 Fri"),
    experiment(3, "Café für die Größe STRASSE ﬁne", "- run C++ at \uff46\uff55\uff4c\uff4c width, and 学習率を下げる 🎉\n", state="INPROGRESS"),
    experiment(4, "Runs of runners", "- nothing else\n\n** Notes\n- run\n"),
])  # fmt: skip
JOURNAL = "* 2026\n** 2026-02 February\n*** 2026-02-03 Tuesday\n**** [[file:experiment_log.org::#1][1]] why the loss explodes :1:\n     Perhaps warmup is too short.\n"


@pytest.fixture
def study(repo, monkeypatch):
    import sqlite3  # noqa: PLC0415

    # A defect in what asks the index must not pass as a doubt.
    monkeypatch.setattr(store_module, "DAMAGE_ERRORS", (sqlite3.Error, OSError))
    repo.commit("Start", {NAME: LOG, "journal.org": JOURNAL})
    repo.commit("[e1.2] Results with gradient clipping\n\nThe norm was 1.0\nand more.")
    return repo


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """The same study, which nobody changes."""
    repository = Repository(tmp_path_factory.mktemp("library"))
    repository.git("init", "--quiet", "--initial-branch=main")
    repository.commit("Start", {NAME: LOG, "journal.org": JOURNAL})
    repository.commit("[e1.2] Results with gradient clipping\n\nThe norm was 1.0\nand more.")
    return repository


@pytest.fixture
def shelf(library, monkeypatch):
    """It is the current folder."""
    monkeypatch.chdir(library.path)
    return library


def summary(found):
    return found.count, found.has_all, [
        (hit.kind, hit.form.get("ref") or hit.form.get("hash") or hit.form["title"], hit.line,
         [(one.place, one.ref, one.at, one.line, one.text, one.spans) for one in hit.passages])
        for hit in found.hits
    ]  # fmt: skip


def search(text, **options):
    """What is found with an index, which is what is found without one."""
    found = summary(open_log().search(text, **options))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ORGLAB_NO_INDEX", "1")
        assert summary(open_log().search(text, **options)) == found
    return found


def names(text):
    return [name if kind == "experiment" else kind for kind, name, _, _ in search(text)[2]]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("dropout", ["e1"]),
        ("DROPOUT encoder", ["e1"]),
        ("dropout decoder", ["e1", "e2"]),  # none has both: those that have some
        ("decoder -learning", []),
        ("run -runners -decoder -c", ["e1"]),
        ('"learning rate"', ["e2"]),
        ('"rate learning"', []),
        ("drop*", ["e1"]),
        ("cafe", ["e3"]), ("CAFÉ", ["e3"]), ("grosse", ["e3"]), ("straße", ["e3"]), ("fine", ["e3"]), ("full", ["e3"]),
        ("学習率", ["e3"]), ("🎉", ["e3"]), ("下げる full", ["e3"]),
        ("lr=3e-4", ["e1"]), ("3e-4", ["e1"]), ("lr", ["e1"]), ("ResNet-50", ["e1"]), ("resnet", ["e1"]), ("val_acc", ["e1"]), ("acc", ["e1"]),
        ("C++", ["e3"]), ("e1.2", ["commit", "e1"]), ("[e1.2]", ["commit", "e1"]), ("e2", ["e2"]),
        ("explodes", ["journal"]), ("warmup short", ["journal"]), ("clipping", ["commit"]), ("in:commit norm", ["commit"]),
        ("in:journal loss", ["journal"]), ("in:title dropout", ["e1"]), ("in:conclusion dropout", []), ("in:steps dropout", ["e1"]),
        ("in:note in:step run", ["e4", "e1"]),
        ("tag:nlp", ["e1"]), ("tag:VISION", ["e2"]), ("-tag:nlp state:todo", ["e4", "e2"]), ("state:doing", ["e3"]), ("state:INPROGRESS", ["e3"]),
        ("verdict:refuted", ["e1"]), ("verdict:supported", []), ("since:2025-01-01 learning", []), ("until:2024-12-31", ["e2", "commit", "commit"]), ("until:2024-12", ["e2", "commit", "commit"]), ("until:2024", ["e2", "commit", "commit"]), ("until:2024-12-31 -start state:todo", ["e2"]),
        ("since:2026-02-01 dropout", ["e1"]),
        ("nothing has:this http://x.y", ["e4"]),
        ("zzz", []), ("-zzz in:journal", ["journal"]), ("vision", ["e2"]), ("refuted", ["e1"]),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("shelf")
def test_what_is_found(text, found):
    assert sorted(names(text)) == sorted(found)


@pytest.mark.usefixtures("shelf")
def test_exact_words_rank_above_matching_stems():
    assert names("running")[0] == "e1"
    assert names("runs")[0] == "e4"
    assert set(names("run")) == {"e1", "e2", "e3", "e4"}


@pytest.mark.usefixtures("shelf")
def test_a_title_counts_more_than_a_note():
    assert names("run in:title in:note")[0] == "e4"


def test_the_newer_of_two_equal_hits_ranks_first(study):
    study.write(
        NAME,
        experiment(1, "Same", day="2020-01-01 Wed")
        + experiment(2, "Same", day="2026-01-01 Thu")
        + experiment(3, "Same", day="2023-01-01 Sun"),
    )
    assert names("same") == ["e2", "e3", "e1"]


@pytest.mark.usefixtures("shelf")
def test_hits_have_the_lines_and_positions_of_the_log():
    _, _, [(_, _, line, pieces)] = search("dropout val_acc")
    assert line == 1
    assert pieces[-1] == ("step", "e1.2", None, 14, "Dropout 0.1, see val_acc", [(0, 7), (17, 24)])
    _, _, [(_, _, _, [piece])] = search("größe")
    assert piece[4][slice(*piece[5][0])] == "Größe"
    _, _, [(_, _, _, [piece])] = search("学習率")
    assert piece[4][slice(*piece[5][0])] == "学習率"
    _, _, [(kind, _, line, [piece])] = search("explodes")
    assert (kind, line, piece[0], piece[2]) == ("journal", 4, "journal", "2026-02-03")


@pytest.mark.usefixtures("shelf")
def test_the_limit_does_not_change_the_count():
    count, _, hits = search("run", limit=2)
    assert (count, len(hits)) == (4, 2)


def test_added_and_removed_text_is_followed(study):
    assert names("clipping") == ["commit"]
    study.git("commit", "-q", "--amend", "--allow-empty", "-m", "other words")
    assert names("clipping") == []
    assert names("other words") == ["commit"]
    study.git("checkout", "-q", "-b", "side")
    study.commit("[e3] sideways")
    study.git("checkout", "-q", "main")
    assert names("sideways") == ["commit"]
    study.git("branch", "-q", "-D", "side")
    assert names("sideways") == []
    study.write("journal.org", JOURNAL + "**** sideways too\n")
    assert names("sideways") == ["journal"]
    (study.path / "journal.org").unlink()
    assert names("sideways") == []
    study.write(NAME, LOG + experiment(9, "sideways again"))
    assert names("sideways") == ["e9"]
    study.git("checkout", "-q", NAME)
    assert names("sideways") == []


def test_an_identical_part_twice(study):
    study.write(NAME, experiment(1, "Twin") + experiment(1, "Twin") + LOG)
    assert names("twin") == ["e1"]


def test_in_a_repository_without_commits_and_without_git(repo, monkeypatch):
    repo.write(NAME, LOG)
    assert names("dropout") == ["e1"]
    monkeypatch.setenv("PATH", "/nonexistent")
    assert names("dropout") == ["e1"]


@pytest.mark.parametrize(
    "text", ['"', '""', "''", "-", "--", "*", "**", '-"', '-""', "NEAR(", "NEAR(a b, 2)", "a AND", "OR", "NOT x", "a:b:c", "tag:", "in:",
             "{title}: x", "^x", "x + y", "\0", "a\0b", "'; DROP TABLE fact; --", "\ud800", "é" * 10_000, "x " * 5000, "a*b*c", '"a" * *', "(", ")",
             "lr-3e", "C++", "[e201.1]", "“quoted”", "\u202e", "%", "_", "\\", "?", ":x", "@x", "$x"]
)  # fmt: skip
@pytest.mark.usefixtures("shelf")
def test_any_text_is_a_query(text):
    try:
        search(text)
    except UsageError as error:
        assert "query is empty" in str(error) or "in:" in str(error)  # noqa: PT017 - others are as good


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    folder = tmp_path_factory.mktemp("filled")
    (folder / NAME).write_text(LOG)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        yield Log(folder / NAME)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80)
@given(st.one_of(st.text(max_size=40), st.text('"-*:() tagsincerun\x00e1.=+[]{}^', max_size=30)))
@example('in:commit -x* "')
def test_no_query_fails(filled, text):
    try:
        found = filled.search(text)
    except UsageError:
        return
    assert len(found.hits) <= found.count
    for hit in found.hits:
        for piece in hit.passages:
            ends = [0, *(place for span in piece.spans for place in span), len(piece.text)]
            assert ends == sorted(ends)


@given(st.text())
def test_folded_text_has_offsets_in_the_original(text):
    folded, places = fold_with_offsets(text)
    assert len(places) == len(folded) + 1
    assert places == sorted(places)
    assert places[-1] == len(text)


@pytest.mark.parametrize(
    ("text", "folded"), [("\uff26\uff55\uff4c\uff4c", "full"), ("ß", "ss"), ("ﬁ", "fi"), ("A\0B", "a b"), ("İ", "i̇")]
)
def test_fold(text, folded):
    assert fold(text) == folded


def test_a_query_is_read():
    query = read_query(
        'lr=3e-4 "two words" -not -"not these" pre* tag:NLP -state:done since:2w http://x in:step', TODAY
    )
    assert [repr(term) for term in query.terms] == ["lr=3e-4", "two words", "-not", "-not these", "pre*", "http://x"]
    assert query.filters == [("tag", "nlp", False), ("state", "done", True)]
    assert (query.since, query.until, query.columns) == ("2026-07-15", None, ("step",))
    assert len(read_query(" ".join(map(str, range(1000))), TODAY).terms) == MOST_TERMS


@pytest.mark.parametrize("text", ["since:never", "until:x", "in:nowhere", "-in:step"])
def test_an_invalid_field_is_an_error(text):
    with pytest.raises(UsageError):
        read_query(text, TODAY)


def test_sqlite_has_what_search_needs():
    connection = open_in_memory()
    connection.execute("CREATE VIRTUAL TABLE x USING fts5(a, tokenize='porter unicode61 remove_diacritics 2')")
    connection.close()


@pytest.mark.usefixtures("shelf")
def test_the_command(capsys):
    orglab = Orglab(capsys)
    assert orglab("search", "dropout", "-zzz").out.startswith(
        "e1  DONE  2026-01-05  Dropout in the encoder  ✕ refuted\n"
    )
    assert orglab("search", "zzz").err == "Nothing found.\n"
    assert orglab("search", "dropo", "enco").err == "Nothing found. `orglab search 'dropo* enco*'` finds 1.\n"
    assert orglab("search", '"dropo enco"').err == "Nothing found.\n"
    assert (
        orglab("search", "zzz", "dropout").err
        == "Nothing contains all of these words; these results contain some of them.\n"
    )
    found = json.loads(orglab("search", "dropout", "--json").out)
    assert (found["version"], found["count"], found["hits"][0]["ref"], found["has_all_words"]) == (1, 1, "e1", True)
    assert "query is empty" in orglab("search", '""', code=2).err
    assert orglab("search", "run", "--limit", "1").err == "3 more; show them with --limit 4.\n"


def test_hostile_text_is_shown_without_what_a_terminal_obeys(study, capsys):
    study.write(NAME, experiment(1, "evil \x1b]0;x\x07 \x9b31m \u202e title", "- dropout \x1b[2J\x07\n"))
    study.commit("dropout \x1b[31m")
    study.write("journal.org", "* dropout \x1b[2J\n")
    out = Orglab(capsys)("search", "dropout").out
    assert not set(out) & {"\x1b", "\x07", "\x9b", "\u202e"}
    assert out.count("\n") == 4
