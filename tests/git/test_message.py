"""The text of a commit message: comments and references."""

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orglab.git import message
from orglab.reference import Reference

SCISSORS = b"# ------------------------ >8 ------------------------\n"
lines = st.lists(st.sampled_from([b"", b" ", b"# comment", b"tune", b"[e1] tune", b"#", b"\xff", b"; x"]), max_size=6)


@given(lines, st.sampled_from([b"#", b";", None]))
def test_adding_a_reference_keeps_the_rest(found, mark):
    text = b"\n".join(found)
    after = message.add_references(text, ["e201.1"], "start", mark)
    assert after.replace(b"[e201.1] ", b"", 1).strip(b"\n") == text.strip(b"\n")
    assert subject(after, mark).rstrip() == (b"[e201.1] " + subject(text, mark)).rstrip()


def subject(text, mark):
    """The first line of a message that says something."""
    return next((line for line in message.strip_comments(text, mark).split(b"\n") if line.strip()), b"")


@given(lines)
def test_text_below_the_scissors_is_ignored(found):
    text = b"\n".join(found) + b"\n"
    assert message.strip_comments(text + SCISSORS + b"[e9] diff\n", b"#") == message.strip_comments(text, b"#")
    assert message.add_references(text + SCISSORS + b"tune\n", ["e1"], "start", b"#").endswith(SCISSORS + b"tune\n")


@pytest.mark.parametrize(
    ("text", "setting", "mark"),
    [
        (b"\n# Please enter\n", "#", b"#"),
        (b"\n# Please enter\n", ";", b";"),
        (b"#1\n; Please enter\n;\n", "auto", b";"),
        (b"#1\n@ ------------------------ >8 ------------------------\n@ Do not\ndiff\n", "auto", b"@"),
        (b"tune\n", "auto", b"#"),
        (b"", "auto", b"#"),
        (b"// x\n", "//", b"//"),
    ],
)
def test_the_comment_prefix_is_found(text, setting, mark):
    assert message.find_comment_prefix(text, setting) == mark


@pytest.mark.parametrize("subject", ["fixup! a", "squash! a", "amend! a", 'Revert "a"', 'Reapply "a"'])
def test_messages_about_another_commit(subject):
    assert message.is_reused(subject.encode())
    assert not message.is_reused(b"Reverting " + subject.encode())


def test_completed_steps_are_found():
    one, two = Reference("1", 1), Reference("x-1", 2)
    assert message.read_completed_steps(b"[e1.1] done", "e") == [one]
    assert message.read_completed_steps(b"[e1.1], [ex-1.2]: Results\n\n[e1.1] done", "e") == [one, two]
    assert message.read_completed_steps(b"feat(x): [e1.1] done", "e") == [one]
    for text in (
        b"",
        b"Results: [e1.1] done.py",
        b"feat: x [e1.1] done",
        b"[e1.1]",
        b"done",
        b"[e1] done",
        b"done [e1.1]",
        b"x [e1.1] done",
        b"[e1.1] x done",
        b"[e1.1]done.x"[:6],
    ):
        assert message.read_completed_steps(text, "e") == []


BODY = b"feat: tune\n\nBecause.\n\n"


@pytest.mark.parametrize(
    ("text", "references"),
    [
        (BODY + b"Refs: e1.1\n", "1.1"),
        (BODY + b"Refs: e1.1, e2\n", "1.1 2"),
        (BODY + b"Refs: #42 e1.1,e2\nSigned-off-by: A <a@b>\n\n", "1.1 2"),
        (BODY + b"Reviewed-by: B\nRefs: e1.1,\n  e2.1\nRefs: e3\n", "1.1 2.1 3"),
        (BODY + b"some text\nRefs: e1\nSigned-off-by: A <a@b>\n", "1"),
        (BODY + b"[e2] and\n\nRefs: e1\n", "2 1"),
        (BODY + b"Refs: [e1.1] [e2]\n", "1.1 2"),
        (b"tune\n\nRefs: e1", "1"),
        (BODY + b"some text\nRefs: e1\n", ""),
        (BODY + b"Refs: e1\n\nmore text\n", ""),
        (b"Refs: e1\n", ""),
        (BODY + b"Refs: https://e1.1/e2 x-e1 e1.x e1.1.1\n", ""),
        (BODY + b"Prefs: e1\n Refs: e1\n", ""),
    ],
)
def test_references_in_trailers_are_read(text, references):
    spelled = [reference.spell("") for reference in message.read_references(text, "e")]
    assert spelled == references.split()


@pytest.mark.parametrize(
    "tail",
    [
        b"A: b",
        b"A: b\n  c",
        b"A: b\nx",
        b"x\nSigned-off-by: y",
        b"x\nx\nx\nx\nSigned-off-by: y",
        b"A : b",
        b"A b",
        b"1-x: y",
        b"A_b: c",
    ],
)
def test_trailers_are_those_of_git(tail, tmp_path):
    done = subprocess.run(
        ["git", "interpret-trailers", "--parse", "--no-divider"],
        input=BODY + tail,
        capture_output=True,
        check=True,
        cwd=tmp_path,
    )
    start, end = message.find_trailers(BODY + tail + b"\n\n")
    assert (start < end) == bool(done.stdout)


@given(st.binary(max_size=60))
def test_any_bytes_are_read(text):
    message.read_completed_steps(text, "e")
    message.read_references(text, "e")
    message.read_references(b"x\n\nRefs: " + text, "e")
    message.strip_comments(text, b"#")
    assert b"[e1] " in message.add_references(text, ["e1"], "start", b"#")
    assert b"[e1] " in message.add_references(text, ["e1"], "after-type", b"#")
    assert b"e1" in message.add_references(text, ["e1"], "trailer", b"#")


@pytest.mark.parametrize(
    ("text", "after_type", "trailer"),
    [
        ("tune", "[e1.1] tune", "tune\n\nRefs: e1.1\n"),
        ("feat: tune\n", "feat: [e1.1] tune\n", "feat: tune\n\nRefs: e1.1\n"),
        ("feat(a b)!: x\n\nwhy\n", "feat(a b)!: [e1.1] x\n\nwhy\n", "feat(a b)!: x\n\nwhy\n\nRefs: e1.1\n"),
        ("fix!: x\n", "fix!: [e1.1] x\n", "fix!: x\n\nRefs: e1.1\n"),
        ("http://x y\n", "[e1.1] http://x y\n", "http://x y\n\nRefs: e1.1\n"),
        ("two words: x\n", "[e1.1] two words: x\n", "two words: x\n\nRefs: e1.1\n"),
        ("a\n\nSigned-off-by: B\n", "[e1.1] a\n\nSigned-off-by: B\n", "a\n\nSigned-off-by: B\nRefs: e1.1\n"),
        ("a\n\nRefs: #42\nX-y: z\n", "[e1.1] a\n\nRefs: #42\nX-y: z\n", "a\n\nRefs: #42, e1.1\nX-y: z\n"),
        ("a\n\nRefs: \n", "[e1.1] a\n\nRefs: \n", "a\n\nRefs: \nRefs: e1.1\n"),
        ("\n# c\n", "[e1.1] \n# c\n", "\n\nRefs: e1.1\n\n# c\n"),
        (
            "\n\nSigned-off-by: B\n\n# c\n",
            "[e1.1] \n\nSigned-off-by: B\n\n# c\n",
            "\n\nSigned-off-by: B\nRefs: e1.1\n\n# c\n",
        ),
        ("\nA: b\n# c\n", "[e1.1] \nA: b\n# c\n", "\nA: b\nRefs: e1.1\n# c\n"),
        ("feat: \n\n# c\n", "feat: [e1.1] \n\n# c\n", "feat: \n\nRefs: e1.1\n\n# c\n"),
        ("feat:\n\n# c\n", "feat: [e1.1] \n\n# c\n", "feat:\n\nRefs: e1.1\n\n# c\n"),
    ],
)
def test_references_stand_where_the_settings_want_them(text, after_type, trailer):
    for position, wanted in (("after-type", after_type), ("trailer", trailer)):
        named = message.add_references(text.encode(), ["e1.1"], position, b"#")
        assert named.decode() == wanted
        assert message.remove_reference(named, "e1.1").split() == text.encode().split()


def test_several_references():
    for position, wanted in {
        "start": "[e1] [e2.1] log: x",
        "after-type": "log: [e1] [e2.1] x",
        "trailer": "log: x\n\nRefs: e1, e2.1\n",
    }.items():
        assert message.name_references("log: x", ["e1", "e2.1"], position) == wanted
        assert message.name_references("log: x", [], position) == "log: x"


@given(st.text(max_size=30), st.sampled_from(["start", "after-type", "trailer"]))
def test_an_added_reference_is_read(text, position):
    named = message.name_references("feat: x" + text, ["e1.1"], position)
    assert Reference("1", 1) in message.read_references(named.encode(), "e")
