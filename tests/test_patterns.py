"""Regular expressions mean the same in every version of Python."""

import ast
import re
from pathlib import Path

SOURCES = Path(__file__).resolve().parents[1] / "src"
POSSESSIVE_GROUP = re.compile(r"(?<!\\)(?:\\\\)*\)(?:[*+?]|\{[0-9,]+\})\+")


def constants():
    for file in sorted(SOURCES.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes)):
                text = node.value if isinstance(node.value, str) else node.value.decode("latin-1")
                yield f"{file.name}:{node.lineno}", text


def test_no_group_is_repeated_possessively():
    """In Python before 3.11.5, and so in Debian 12, such a repetition ends inside of a group that does not match.

    An atomic group, `(?>(?:...)*)`, is correct there too: https://github.com/python/cpython/issues/106052
    """
    found = [place for place, text in constants() if POSSESSIVE_GROUP.search(text)]
    assert found == []
