"""Which headings of a Markdown file are experiments, and what of the text is which part of one."""

import pytest

from orglab.report import blocks as b
from orglab.report.markdown.markdown_entries import find_entries
from orglab.report.markdown.markdown_sections import read_markdown


def entries(text):
    return find_entries(read_markdown(text), "notes")


def parts(text):
    (entry,) = entries(f"## Experiment 1: A\n\n{text}")
    return entry.parts


def texts(blocks):
    return [b.plain(block.content) for block in blocks]


@pytest.mark.parametrize(
    ("heading", "number", "title", "created"),
    [
        ("## Experiment 12: Dropout", "12", "Dropout", None),
        ("## Exp 3", "3", "Exp 3", None),
        ("### exp. #4 - Warmup", "4", "Warmup", None),
        ("## E7: Warmup", "7", "Warmup", None),
        ("## Experiment 012 — *Large* model", "12", "Large model", None),
        ("## Experiment: Dropout", None, "Experiment: Dropout", None),
        ("## 2024-05-03 Dropout", None, "Dropout", "2024-05-03"),
        ("## 2024-05-03 14:30: Dropout", None, "Dropout", "2024-05-03T14:30"),
        ("## [2024/05/03] Dropout", None, "Dropout", "2024-05-03"),
        ("## May 3, 2024: Dropout", None, "Dropout", "2024-05-03"),
        ("## Experiment 12: Dropout (2024-05-03)", "12", "Dropout", "2024-05-03"),
        ("## Experiment 12 (3 May 2024): Dropout", "12", "Dropout", "2024-05-03"),
        ("## Experiment 3.2: Dropout", None, "Experiment 3.2: Dropout", None),
    ],
)
def test_headings_that_are_experiments(heading, number, title, created):
    (entry,) = entries(heading)
    assert entry.parts is not None
    assert entry.parts.number == number
    assert b.plain(entry.title) == title
    assert (entry.created and entry.created.isoformat()) == created


@pytest.mark.parametrize(
    "heading",
    [
        "## Ideas",
        "# Experiment log",
        "## 2024-05-03",
        "## Expected results",
        "## 2024-99-03",
        "## Experiments",
        "## Exploration 3",
    ],
)
def test_headings_that_are_none(heading):
    assert [entry.parts for entry in entries(heading)] == [None]


def test_what_stands_below_experiments_is_one_and_what_stands_in_one_is_part_of_it():
    found = entries("# Experiments\n## A\n### Exp 1\n## B\n# Other\n## C\n")
    assert [(entry.name, entry.parts is not None, entry.level) for entry in found] == [
        ("Experiments", False, 1), ("A", True, 2), ("B", True, 2), ("Other", False, 1), ("C", False, 2),
    ]  # fmt: skip


def test_a_day_of_a_journal_dates_what_stands_below():
    found = entries("# Lab\n## 2024-05-03 Friday\n### Exp 1: A\n## 2024-05-04\n### Exp 2: B\n")
    assert [entry.name for entry in found if entry.parts] == ["Exp 1: A", "Exp 2: B"]
    assert [entry.created.isoformat() for entry in found if entry.parts] == ["2024-05-03", "2024-05-04"]
    assert [entry.level for entry in found] == [1, 1, 2, 1, 2]


def test_the_parts_of_an_experiment():
    found = parts(
        "Date: 2024-05-03\n\nDoes it help?\n\nMore.\n\n- [x] one\n- [ ] two\n\n### Setup\n\nA100.\n\n"
        "### Todo\n\n- [ ] three\n\n### Results\n\nNo.\n\n#### Detail\n\nReally.\n"
    )
    assert b.plain(found.description) == "Does it help?"
    assert texts(found.notes) == ["More.", "Setup", "A100."]
    assert [(item.checkbox, *texts(item.content)) for item in found.steps] == [
        ("done", "one"), ("open", "two"), ("open", "three"),
    ]  # fmt: skip
    assert texts(found.conclusion) == ["No.", "Detail", "Really."]


@pytest.mark.parametrize(
    "name", ["Result", "Results", "Conclusion", "Conclusions", "Findings", "Results and discussion"]
)
def test_headings_that_are_conclusions(name):
    found = parts(f"What?\n\n### {name}\n\nNo.\n")
    assert texts(found.conclusion) == ["No."]
    assert found.notes == ()


def test_several_conclusions_keep_their_names():
    found = parts("### Results\n\n0.9\n\n### Conclusion\n\nGood.\n")
    assert texts(found.conclusion) == ["Results", "0.9", "Conclusion", "Good."]


def test_a_paragraph_can_be_a_conclusion_or_a_heading_the_description():
    found = parts("### Hypothesis\n\nIt helps.\n\n### Runs\n\nThree.\n\n**Result:** it does\n")
    assert b.plain(found.description) == "Hypothesis: It helps."
    assert texts(found.notes) == ["Runs", "Three."]
    assert texts(found.conclusion) == ["Result: it does"]


def test_a_list_with_other_items_is_no_list_of_steps():
    found = parts("What?\n\n- [x] one\n- two\n")
    assert found.steps == ()
    assert len(found.notes) == 1


def test_the_title_of_the_file_stands_beside_its_sections():
    found = entries("---\ndate: 2024-01-02\n---\n# Lab\ntext\n## Exp 1\n### Notes\nx\n## Ideas\n")
    assert [(entry.name, entry.level, entry.line) for entry in found] == [
        ("notes", 1, 1), ("Lab", 1, 4), ("Exp 1", 1, 6), ("Ideas", 1, 9),
    ]  # fmt: skip
    assert found[2].created.isoformat() == "2024-01-02"


def test_the_digest_is_that_of_the_text():
    one, two = (entries(f"## Exp 1\n\n{text}\n") for text in ("a", "a  \n"))
    assert one[0].digest == two[0].digest != entries("## Exp 1\n\nb\n")[0].digest
    assert [entry.name for entry in entries("## A\n## A\n")] == ["A", "A (2)"]
