"""References in any spelling, and in any text."""

import pytest

from orglab.errors import UsageError
from orglab.reference import Reference, find_references, link_pattern, parse_reference, without_letter


@pytest.mark.parametrize("text", ["201.1", "[201.1]", " 201.1 "])
def test_spellings(text):
    assert parse_reference(text) == Reference("201", 1)


@pytest.mark.parametrize("text", ["", "e 1", "1.x", "1.2.3", "a/b", "[[1]]", "é"])
def test_an_invalid_reference(text):
    with pytest.raises(UsageError):
        parse_reference(text)


def test_in_text():
    text = b"[e1] and [e2.3], foo[e4] [[e5]] [e6][x] [f7] ([e8]) [e9.] [e10-a_b.2]\n[e11]"
    found = [(reference.id, reference.step) for _, reference in find_references(text, "e")]
    assert found == [("1", None), ("2", 3), ("8", None), ("10-a_b", 2), ("11", None)]


def test_links_to_experiments():
    text = (
        b"[[id:1]] [[ID:2]] [[#3][three]] [[file:log.org::#4]] [[log.org::#5]] [[file:../log.org::#6]] [[id:a b]] [#7]"
    )
    names = {None: ["1", "2", "3", "4", "5", "6"], "log.org": ["1", "2", "3", "4", "5"], "other.org": ["1", "2", "3"]}
    for file, wanted in names.items():
        assert [match.group(1).decode() for match in link_pattern(file).finditer(text)] == wanted


def test_an_id_without_its_letter():
    assert [without_letter(name, "e") for name in ("e201", "201", "e", "ee1")] == ["201", "201", "e", "e1"]
