"""Reading experiments, part by part."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orglab.config import Config
from orglab.errors import UsageError
from orglab.experiment.fast_reader import scan_experiments
from orglab.experiment.lookup import find_step
from orglab.experiment.model import read_experiments
from orglab.experiment.section_text import Note
from orglab.org.document import Document
from orglab.reference import Reference
from texts import RICH

CONFIG = Config()
UUID = "5b3c1d2e-aaaa-bbbb-cccc-ddddeeee0001"


def read(text, config=CONFIG):
    return list(read_experiments(Document(text.encode(), config.keywords), config, "log.org"))


@pytest.mark.parametrize(
    ("heading", "number", "title"),
    [
        ("* TODO [201] A model [0%] :exp:\n:PROPERTIES:\n:ID: 201\n:END:", "201", "A model"),
        ("* TODO A model :exp:\n:PROPERTIES:\n:CUSTOM_ID: ab-1_c\n:END:", "ab-1_c", "A model"),
        ("* TODO <<7>> A model [1/2] :exp:", "7", "A model"),
        ("* [#A] [8] A [50%] model :exp:", "8", "A model"),
        ("* [9] :exp:", "9", ""),
        ("* [WIP] A model :exp:\n:PROPERTIES:\n:ID: 3\n:END:", "3", "[WIP] A model"),
        ("* A model :exp:\n:PROPERTIES:\n:ID: not an id\n:CUSTOM_ID: 4\n:END:", "4", "A model"),
    ],
)
def test_id_and_title(heading, number, title):
    (one,) = read(heading + "\n")
    assert (one.id, one.ref, one.title) == (number, f"e{number}", title)


def test_an_experiment_has_the_tag_itself_and_an_id():
    text = "#+FILETAGS: :exp:\n* [1] by the file\n* [2] own :exp:\n** [3] below\n* no id :exp:\n* [4] other :expo:\n"
    assert [one.id for one in read(text)] == ["2"]


def test_property_and_tag_are_settings():
    text = "* A :run:\n:PROPERTIES:\n:ID: 0b1c\n:CUSTOM_ID: 5\n:END:\n"
    (one,) = read(text, Config(tag="run", tags=("run",), id_property="CUSTOM_ID", letter="r"))
    assert one.ref == "r5"


def test_a_rich_experiment():
    one, _ = read(RICH)
    assert (one.state, one.is_done, one.tags, one.heading.all_tags) == (
        "DOING", False, ("exp", "vision"), ("lab", "exp", "vision"),
    )  # fmt: skip
    assert one.created.isoformat() == "2026-05-30T12:00"
    assert one.description == "Losses on inner layers speed up the first epochs."
    assert [(note.at and note.at.isoformat(), note.commit, note.text.split("\n")[0]) for note in one.notes] == [
        ("2026-06-02T10:00", None, "The loader shuffles twice."),
        ("2026-06-03T08:30", "0123abc", "See [[id:8]] and [e8.1]."),
        (None, None, "A paragraph, then a table:"),
        ("2026-06-04T11:11", None, "a timed note"),
        (None, None, "#+begin_src sh"),
    ]
    assert [(step.number, step.state, step.text, step.commits) for step in one.steps] == [
        (1, "done", "baseline", ("0123abc", "89abcde")),
        (2, "partial", "inner losses [1/2]", ()),
        (3, "open", "both", ()),
    ]
    assert [note.text for note in one.steps[0].notes] == ["val 0.81", "continued text"]
    assert one.progress == (1, 3)
    assert one.properties == {"ID": "7", "loss".upper(): "0.25"}


def test_an_experiment_that_does_not_follow_the_template():
    _, other = read(RICH)
    assert (other.id, other.description) == ("8", "Its first paragraph describes it.")
    assert other.created.isoformat() == "2026-06-06"
    assert [(step.ref, step.text) for step in other.steps] == [("e8.4", "starts at four"), ("e8.5", "goes on")]
    assert other.conclusion.text == ""


def test_lower_case_x_is_read_as_done():
    (one,) = read("* [1] A :exp:\n** Experiments\n1. [x] a\n2. [ ] b\n")
    assert [step.state for step in one.steps] == ["done", "open"]


def test_a_conclusion_with_a_verdict():
    (one,) = read(
        "* DONE [1] A :exp:\n** DONE Conclusions\nCLOSED: [2026-06-01 Mon 10:00]\n:PROPERTIES:\n:VERDICT: refuted\n"
        ':END:\n- State "DONE"       from "TODO"       [2026-06-01 Mon 10:00]\n\nIt does not help.\n\nNot at all.\n'
    )
    found = one.conclusion
    assert (found.state, found.verdict, found.closed.isoformat()) == ("DONE", "refuted", "2026-06-01T10:00")
    assert found.text == "It does not help.\n\nNot at all."
    assert one.verdict == "refuted"


def test_values_are_immutable():
    one, _ = read(RICH)
    with pytest.raises(AttributeError):
        one.title = "other"
    with pytest.raises(AttributeError):
        one.steps[0].text = "other"
    assert isinstance(one.notes[0], Note)


FIELDS = (
    "id", "title", "state", "tags", "created", "progress", "step_numbers", "line", "end", "verdict", "is_done", "closed", "description",
)  # fmt: skip


def assert_glance_reads_the_same(text):
    def of(reader):
        found = reader(Document(text, CONFIG.keywords), CONFIG, "log.org")
        return [[getattr(one, name) for name in FIELDS] for one in found]

    assert of(scan_experiments) == of(read_experiments)


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_the_fast_reader_reads_the_same_as_the_model(ending):
    from texts import SEED  # noqa: PLC0415

    for text in (RICH, SEED, SEED * 3, "\n" + SEED + "* Other\n** TODO Experiments\n1. [ ] not of e201\n", SEED[:-1]):
        assert_glance_reads_the_same(text.replace("\n", ending).encode())


LINES = [
    "* TODO [1] A [0%]   :@work:exp:", "* DONE [2] B :exp:", "** TODO Experiments [1/2]", "** Notes", "** experiments",
    "** TODO [1/2] Experiments", "** COMMENT Experiments", "*** Experiments", "1. [X] a (83d45cd)", "2. [ ] b",
    "3. [x] c", "4. [-] d", "5. no box", "   nested", "   - [ ] box", "   1. [X] deep", "- [ ] bullet", "text [X]",
    "#+begin_src", "#+end_src", ":PROPERTIES:", ":ID: 5", ":ID:       1", ":END:", ":LOGBOOK:", "", "",
    "CLOSED: [2026-06-01 Mon 10:00]", "[2018-06-06 Wed 16:16]", ":VERDICT: refuted", "* Other :exp:", "* [3] :exp: C",
    "** TODO Conclusions", "  [2018-06-06 Wed]", ":CREATED: [2018-01-01 Mon]", "- desc :exp: tag",
]  # fmt: skip


@given(st.lists(st.sampled_from(LINES), min_size=1, max_size=25))
def test_the_fast_reader_reads_the_same_as_the_model_for_any_order_of_lines(lines):
    assert_glance_reads_the_same("\n".join(lines).encode())


@pytest.mark.parametrize(
    ("heading", "properties", "id_property", "expected"),
    [
        ("[201] A", {"ID": UUID, "CUSTOM_ID": "201"}, "ID", "201"),
        ("[201] A", {"ID": UUID}, "ID", "201"),
        ("<<201>> A", {"ID": UUID}, "ID", "201"),
        ("A", {"ID": UUID}, "ID", UUID),
        ("A", {"ID": UUID, "CUSTOM_ID": "warmup"}, "ID", "warmup"),
        ("A", {"ID": "7", "CUSTOM_ID": "8"}, "ID", "7"),
        ("A", {"ID": "7", "CUSTOM_ID": "8"}, "CUSTOM_ID", "8"),
        ("A", {"ID": "7", "CUSTOM_ID": UUID}, "CUSTOM_ID", "7"),
        ("[2025-05-30] A", {}, "ID", ""),
        ("[2025-05-30] A", {"ID": "7"}, "ID", "7"),
        ("[X] A", {}, "ID", ""),
        ("[-] A", {}, "ID", ""),
        ("[x] A", {}, "ID", ""),
        ("[warmup] A", {}, "ID", "warmup"),
    ],
)
def test_which_of_several_ids_counts(heading, properties, id_property, expected):
    drawer = "".join(f":{name}: {value}\n" for name, value in properties.items())
    drawer = f":PROPERTIES:\n{drawer}:END:\n" if drawer else ""
    text = f"* TODO {heading} :exp:\n{drawer}** TODO Experiments\n1. [ ] one\n"
    document, config = Document(text.encode()), Config(id_property=id_property)
    assert [one.id for one in scan_experiments(document, config, "")] == [expected] * bool(expected)
    assert [one.id for one in read_experiments(document, config, "")] == [expected] * bool(expected)


def test_a_date_in_brackets_is_when_an_experiment_was_created():
    document = Document(b"* TODO [2025-05-30] A :exp:\n:PROPERTIES:\n:ID: 7\n:END:\n")
    (one,) = read_experiments(document, Config(), "")
    assert one.created.isoformat() == "2025-05-30"


@pytest.mark.parametrize(
    ("steps", "sentence"),
    [
        ("1. [X] a\n2. [ ] b\n", "Name a step of e7, such as e7.2."),
        ("1. [X] a\n", "Name a step of e7, such as e7.1."),
        ("", "e7 has no steps; add one with `orglab step 7 TEXT`, or conclude it with `orglab conclude 7`."),
    ],
)
def test_a_reference_without_a_step_names_one_that_there_is(steps, sentence):
    text = f"* [7] a :exp:\n:PROPERTIES:\n:ID: 7\n:END:\n** Experiments\n{steps}"
    (experiment,) = read(text)
    with pytest.raises(UsageError) as raised:
        find_step(experiment, Reference("7"))
    assert str(raised.value) == sentence
