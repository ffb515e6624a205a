"""Pictures: known by what is in them, read only if they are files of a size, and harmless."""

import os
import struct

import pytest

from orglab.report.formats.picture_size import measure_picture
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
     b"<svg><image href='/etc/passwd'/></svg>", b"<svg><filter><feTurbulence numOctaves='99999'/></filter></svg>",
     b"<svg><x:feMorphology radius='999'/></svg>"],
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


def jpeg(width, height):
    """Return the header of a JPEG with a thumbnail of 1 x 1 in another segment."""
    frame = b"\xff\xc0\x00\x0b\x08" + struct.pack(">HH", 1, 1)
    thumbnail = b"\xff\xe1" + struct.pack(">H", 2 + len(frame)) + frame
    return (
        b"\xff\xd8" + thumbnail + b"\xff\xff\xc2\x00\x0b\x08" + struct.pack(">HH", height, width) + b"\x01\xff\xda\0\0"
    )


def webp(kind, header):
    return b"RIFF\0\0\0\0WEBP" + kind + b"\0\0\0\0" + header


def svg(attributes):
    return f'<svg xmlns="http://www.w3.org/2000/svg" {attributes}/>'.encode()


@pytest.mark.parametrize(
    ("content", "size"),
    [
        (png(7, 5), (7, 5)),
        (jpeg(30, 20), (30, 20)),
        (b"GIF89a" + struct.pack("<HH", 300, 2), (300, 2)),
        (webp(b"VP8X", b"\0\0\0\0" + (299).to_bytes(3, "little") + (4).to_bytes(3, "little")), (300, 5)),
        (webp(b"VP8L", b"\x2f" + (299 | 4 << 14).to_bytes(4, "little")), (300, 5)),
        (webp(b"VP8 ", b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 300, 5)), (300, 5)),
        (svg('width="300" height="5.5px"'), (300, 5.5)),
        (svg('title="a > b" width="1in" height=\'1in\' viewBox="0 0 7 7"'), (96, 96)),
        (svg('width="100%" height="100%" viewBox="0,0 300, 5"'), (300, 5)),
        (svg('stroke-width="3"'), None),
        (svg(""), None),
        (b"\xff\xd8\xff\xc0\x00\x0b", None),
    ],
)
def test_the_size_of_a_picture_is_read_from_its_header(content, size):
    picture = recognize_picture(content)
    assert isinstance(picture, Picture)
    assert measure_picture(content, picture.suffix) == size


@pytest.mark.parametrize(
    "content",
    [
        png(1, 1)[:16] + struct.pack(">II", 2**31 - 1, 2**31 - 1) + png(1, 1)[24:],
        png(1, 1)[:16] + struct.pack(">II", 20_001, 1) + png(1, 1)[24:],
        jpeg(65_000, 65_000),
        b"GIF89a" + struct.pack("<HH", 65_000, 65_000),
        svg('width="1e9" height="1e9" viewBox="0 0 1 1"'),
        svg('width="1e999" height="0"'),
        svg('width="100000" height="100000"'),
        svg('viewBox="0 0 12000 12000"'),
    ],
)
def test_a_picture_of_absurd_size_is_named(content):
    assert "too large to embed" in recognize_picture(content)
