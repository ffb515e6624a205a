"""Pictures: known by what is in them, read only if they are files of a size, and harmless."""

import os

import pytest

from orglab.report.formats.pictures import MAX_SIZE, Picture, read_picture, recognize_picture
from sample_report import png

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"/>'


@pytest.mark.parametrize(
    ("content", "suffix"),
    [(png(2, 2), "png"), (b"\xff\xd8\xff\xe0", "jpg"), (b"GIF89a", "gif"), (b"RIFF\0\0\0\0WEBP", "webp"), (SVG, "svg"),
     (b'<?xml version="1.0"?>\n<!-- made by x -->\n<!DOCTYPE svg PUBLIC "a" "b">\n' + SVG, "svg"),
     (b'<svg xmlns:xlink="x"><use xlink:href="#a"/><image href="data:image/png;base64,"/></svg>', "svg")],
)  # fmt: skip
def test_a_picture_is_known_by_its_content(content, suffix):
    assert recognize_picture(content).suffix == suffix


@pytest.mark.parametrize(
    "content",
    [b"", b"<html><svg></html>", b"MZ", b"<svg><script>alert(1)</script></svg>", b'<svg><image href="http://example.org/a.png"/></svg>',
     b'<svg><a xlink:href="javascript:x"/></svg>', b'<!DOCTYPE svg [<!ENTITY a "b">]><svg/>', b"<svg><foreignObject/></svg>",
     b"<svg><image href='/etc/passwd'/></svg>"],
)  # fmt: skip
def test_what_is_none_or_does_something_is_named(content):
    assert isinstance(recognize_picture(content), str)


def test_files_that_cannot_be_shown_say_why(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    with (tmp_path / "huge.png").open("wb") as file:
        file.truncate(MAX_SIZE + 1)
    (tmp_path / "a.png").write_bytes(png(2, 2))
    assert read_picture(tmp_path / "gone.png") == "no such file"
    assert read_picture(tmp_path / "a\0b.png") == "no such file"
    assert read_picture(tmp_path / "pipe.png") == "not a regular file"
    assert read_picture(tmp_path) == "not a regular file"
    assert read_picture(tmp_path / "huge.png") == "too large to embed: 10 MB"
    assert isinstance(read_picture(tmp_path / "a.png"), Picture)


def test_a_file_of_blanks_takes_no_time():
    assert recognize_picture(b" " * 2_000_000 + b"x") == "not a supported picture format"
    assert recognize_picture(b"<!--" * 200_000) == "not a supported picture format"
