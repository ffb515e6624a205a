"""A report that was written earlier: what was changed in its text is named, however hostile its file is."""

import base64
import io
import random
import re
import textwrap
import zipfile
import zlib
from pathlib import Path

import pytest

from orglab.errors import NotFoundError
from orglab.report.content.evidence import StoredStatement, to_evidence
from orglab.report.formats.evidence_block import pack
from orglab.report.formats.export import EXTENSIONS, write_document
from orglab.report.formats.report_seal import seal
from orglab.report.last_report import LastReport
from orglab.report.stored_report import read_last_report, read_stored_report
from sample_report import sample

EVIDENCE = to_evidence([StoredStatement("ABC helps.", ())], {"title": "A title"})
NOISE = random.Random(1).randbytes(100_000)  # noqa: S311 - not a secret
BLOCK = pack({**EVIDENCE, "words": "one two three"}).encode()


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """The sample as a file of each format."""
    folder = tmp_path_factory.mktemp("reports")
    for extension in EXTENSIONS:
        write_document(sample(folder), folder / f"week{extension}")
    return folder


def changes(path, content=None):
    """What was changed in a file, as messages; with another content if there is one."""
    if content is not None:
        path.write_bytes(content)
    return [one.message for one in read_stored_report(path, LastReport(), None).find_changes()]


def alter(character):
    """A letter or digit other than this one."""
    return b"7" if character != b"7" and character.isdigit() else b"8" if character == b"7" else b"Q"


def with_part(docx, name, content):
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(docx)) as old, zipfile.ZipFile(out, "w") as new:
        for entry in old.infolist():
            new.writestr(entry.filename, content if entry.filename == name else old.read(entry))
    return out.getvalue()


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_a_report_is_as_it_was_written(reports, extension):
    assert changes(reports / f"week{extension}") == []


@pytest.mark.parametrize("extension", [".md", ".org", ".html"])
def test_any_letter_or_figure_that_is_changed_is_named(reports, tmp_path, extension):
    content = (reports / f"week{extension}").read_bytes()
    begin, end = content.find(b"<main"), content.index(b"orglab-evidence")
    shown = rb"[A-Za-z0-9]" if begin < 0 else rb"(?<=>)[A-Za-z0-9]|(?<=[0-9])[0-9](?=[^<>]*</)"
    places = [match.start() for match in re.compile(shown).finditer(content, max(begin, 0), end)]
    for place in random.Random(1).sample(places, 60):  # noqa: S311 - not a secret
        altered = content[:place] + alter(content[place : place + 1]) + content[place + 1 :]
        (message,) = changes(tmp_path / "week", altered)
        assert message.endswith("when the report was written"), content[place - 20 : place + 20]


def test_a_figure_in_a_chart_of_html_is_part_of_the_text(reports, tmp_path):
    content = (reports / "week.html").read_bytes()
    label = re.compile(rb"<text[^>]*>([0-9.]+)<").search(content)
    altered = content[: label.start(1)] + b"99" + content[label.end(1) :]
    (message,) = changes(tmp_path / "week.html", altered)
    assert f'"99" was "{label.group(1).decode()}"' in message


@pytest.mark.parametrize(
    ("old", "new"),
    [(b"<strong>", b"<b class='x'>"), (b"<p>", b"<p\n>"), (b"</h1>", b"<!-- 2.7 --></h1>"), (b"<style>", b"<style> ")],
)
def test_markup_and_style_of_html_are_no_text(reports, tmp_path, old, new):
    content = (reports / "week.html").read_bytes()
    assert old in content
    assert changes(tmp_path / "week.html", content.replace(old, new, 1)) == []


@pytest.mark.parametrize("part", ["word/document.xml", "word/footnotes.xml"])
def test_a_word_of_a_docx_is_named_also_in_a_footnote(reports, tmp_path, part):
    docx = (reports / "week.docx").read_bytes()
    with zipfile.ZipFile(io.BytesIO(docx)) as parts:
        text = parts.read(part)
    word = re.compile(rb"<w:t[^>]*>([a-z]{4,})").search(text)
    altered = text[: word.start(1)] + b"different" + text[word.end(1) :]
    (message,) = changes(tmp_path / "week.docx", with_part(docx, part, altered))
    assert f'was "{word.group(1).decode()}' in message
    # A word processor divides the runs of a word, and keeps what it deletes.
    divided = b"<w:t>" + word.group(1)[:2] + b"</w:t></w:r><w:r><w:t>" + word.group(1)[2:]
    altered = text[: word.start()] + divided + text[word.end() :]
    assert changes(tmp_path / "week.docx", with_part(docx, part, altered)) == []
    altered = text.replace(b"</w:p>", b"<w:r><w:delText>gone</w:delText></w:r></w:p>", 1)
    assert changes(tmp_path / "week.docx", with_part(docx, part, altered)) == []


@pytest.mark.parametrize("edit", ["append", "alter", "strip", "reseal"])
def test_a_pdf_that_was_changed_is_told_by_its_digest(reports, tmp_path, edit):
    pdf = (reports / "week.pdf").read_bytes()
    body = pdf[: pdf.rindex(b"%orglab-sha256:")]
    assert body.endswith(b"%%EOF\n")
    altered = {
        "append": pdf + b"%more\n", "alter": pdf[:5000] + bytes([pdf[5000] ^ 1]) + pdf[5001:], "strip": body,
        "reseal": pdf.replace(b"%orglab-sha256:", b"\n%orglab-sha256:"),
    }[edit]  # fmt: skip
    assert changes(tmp_path / "week.pdf", altered) == [
        f"{tmp_path / 'week.pdf'} is not as it was written: its digest differs"
    ]


@pytest.mark.parametrize("extension", [".md", ".org"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_copy_that_mail_quoted_and_wrapped_is_no_change(reports, tmp_path, extension, newline):
    text = (reports / f"week{extension}").read_text()
    lines = [part for line in text.split("\n") for part in textwrap.wrap(line, 70) or [""]]
    mail = newline.join(["Dear all,", *(f"> > {line}" for line in lines), "Best, Ada"])
    (before, after) = changes(tmp_path / "mail.txt", mail.encode())
    assert ('"Dear all," was added' in before, '"Best, Ada" was added' in after) == (True, True)
    changed = mail.replace("0.512", "0.412", 1)
    assert changed != mail
    assert sum('"0.412" was "0.512"' in one for one in changes(tmp_path / "mail.txt", changed.encode())) == 1


def test_evidence_of_a_quoted_report_is_not_that_of_the_report(tmp_path):
    """A note that quotes an older report."""
    text = b"# A title\n\n" + BLOCK + b"\n\nABC helps.\n\n<!--\n" + pack(EVIDENCE).encode() + b"\n-->\n"
    assert changes(tmp_path / "week.md", seal(text)) == []
    (message,) = changes(tmp_path / "week.md", seal(text).replace(b"helps", b"hurts"))
    assert '"hurts." was "helps."' in message


def test_evidence_without_words_cannot_be_compared(tmp_path):
    (tmp_path / "week.md").write_bytes(b"ABC hurts.\n" + pack(EVIDENCE).encode())
    stored = read_stored_report(tmp_path / "week.md", LastReport(), None)
    assert not stored.is_comparable
    assert not [*stored.find_changes()]


def test_the_last_report_is_compared_with_what_is_remembered(tmp_path):
    path = tmp_path / "week.md"
    last = LastReport((), str(path), "00", {**EVIDENCE, "words": "ABC helps."})
    assert read_last_report(last, None).content is None
    path.write_text("ABC hurts.")
    assert [one.was for one in read_last_report(last, None).find_changes()] == ["helps."]
    # Also if the evidence in the file was damaged.
    path.write_bytes(b"ABC hurts. " + BLOCK.replace(b"eJ", b"eK"))
    assert read_stored_report(path, last, None).evidence == last.evidence
    with pytest.raises(NotFoundError, match="No report has been written"):
        read_last_report(LastReport(), None)


# ---- what is no report, and what is hostile ----


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"no report", "contains no evidence"),
        (NOISE, "contains no evidence"),
        (b"PK\3\4" + NOISE, "contains no evidence"),
        (b"%PDF-1.7\nstream\nx\nendstream", "contains no evidence"),
        (BLOCK[:-20], "damaged or incomplete"),
        (BLOCK.replace(b"eJ", b"eK"), "damaged or incomplete"),
        (b"orglab-evidence-1:" + base64.b64encode(zlib.compress(b" " * 100_000_000)) + b":end", "damaged or incompl"),
    ],
    ids=["empty", "text", "bytes", "zip", "pdf", "cut", "altered", "bomb"],
)
def test_what_holds_no_evidence_is_a_sentence(tmp_path, content, words):
    (tmp_path / "week.md").write_bytes(content)
    with pytest.raises(NotFoundError, match=words):
        read_stored_report(tmp_path / "week.md", LastReport(), None)


def test_what_is_no_file_is_a_sentence(tmp_path):
    with pytest.raises(NotFoundError, match="Cannot read the report"):
        read_stored_report(tmp_path, LastReport(), None)
    with pytest.raises(NotFoundError, match="Cannot read the report"):
        read_stored_report(Path("/dev/zero"), LastReport(), None)
    with (tmp_path / "large.md").open("wb") as file:
        file.truncate(300_000_001)
    with pytest.raises(NotFoundError, match="is larger than 300 MB"):
        read_stored_report(tmp_path / "large.md", LastReport(), None)


@pytest.mark.slow
@pytest.mark.parametrize(
    "content",
    [
        b"%PDF-1.7\n" + b"stream\n" * 1_000_000 + BLOCK,
        b"%PDF-1.7\n" + b"stream\nendstream\n" * 500_000 + BLOCK,
        b"<html>" + BLOCK + b"<>" * 5_000_000,
        b"<html>" + BLOCK + b"<" * 10_000_000,
        b"<html>" + BLOCK + b"<!--" * 2_500_000,
        b"<html>" + BLOCK + b"&#" + b"9" * 1_000_000 + b";",
        BLOCK * 30_000,
        b"orglab-evidence-1:" * 500_000 + BLOCK,
        BLOCK + b"word other " * 1_000_000,
        BLOCK + b" " * 20_000_000,
        pack({**EVIDENCE, "words": "a " * 300_000}).encode() + b" a b" * 150_000,
        pack({**EVIDENCE, "words": " ".join(map(str, range(300_000)))}).encode()
        + " ".join(map(str, range(300_000, 0, -1))).encode(),
    ],
    ids=[
        "stream",
        "streams",
        "tags",
        "less",
        "comments",
        "digits",
        "blocks",
        "marks",
        "long",
        "blank",
        "same",
        "turned",
    ],
)
def test_a_hostile_file_is_changed_and_takes_seconds_at_most(tmp_path, content):
    """Each of them would take hours if the time grew with the square of its length."""
    assert 0 < len(changes(tmp_path / "week", content)[:60]) <= 60


def test_no_entity_of_a_docx_is_expanded(tmp_path):
    names = "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 30))
    text = f'<!DOCTYPE x [<!ENTITY a0 "aaaaaaaaaa">{names}]><w:document><w:p><w:t>&a29;</w:t></w:p></w:document>'
    with zipfile.ZipFile(tmp_path / "week.docx", "w") as parts:
        parts.writestr("customXml/item1.xml", BLOCK)
        parts.writestr("word/document.xml", text)
    assert changes(tmp_path / "week.docx") == ['"&a29;": "&a29;" was "one two three" when the report was written']
