"""The arguments of a tool, from a function."""

from collections.abc import Iterable, Sequence
from threading import Event

import pytest

from orglab.errors import UsageError
from orglab.mcp.signatures import check_arguments, describe, make_schema


def paint(  # noqa: D417 - one argument is not for clients
    log: object, wall: str, *, coats: int = 1, colours: Sequence[str] = (), tools: Iterable[str] | None = None,
    share: float | None = None, quick: bool = False, stop: Event | None = None, where: object = None,
) -> None:  # fmt: skip
    """Paint a wall, and be done.

    With a brush.

    Args:
        log: Nothing.
        wall: The wall, which
            may be long.
        coats: How many; if None, one.
        colours: The colours. If None, white.

    Raises:
        UsageError: It is wet.
    """


def test_a_schema_has_the_arguments_that_json_can_have():
    schema = make_schema(paint)
    assert schema["required"] == ["wall"]
    assert schema["additionalProperties"] is False
    assert {name: one["type"] for name, one in schema["properties"].items()} == {
        "wall": "string", "coats": "integer", "colours": "array", "tools": "array", "share": "number", "quick": "boolean",
    }  # fmt: skip
    assert schema["properties"]["wall"]["description"] == "The wall, which may be long."
    assert schema["properties"]["coats"]["description"] == "How many; if left out, one."
    assert schema["properties"]["colours"] == {
        "type": "array", "items": {"type": "string"}, "description": "The colours. If left out, white.",
    }  # fmt: skip
    assert describe(paint) == "Paint a wall, and be done. With a brush."


def test_arguments_are_given_as_the_function_takes_them():
    given = {"wall": "north", "coats": 2.0, "colours": ["a"], "share": 1, "quick": True, "tools": None}
    assert check_arguments("paint", make_schema(paint), given) == {
        "wall": "north", "coats": 2, "colours": ["a"], "share": 1, "quick": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({}, "paint needs the argument wall: The wall, which may be long."),
        ({"wall": "x", "coats": True}, "The argument coats of paint is a whole number."),
        ({"wall": "x", "share": True}, "The argument share of paint is a number."),
        ({"wall": "x", "share": "1"}, "The argument share of paint is a number."),
        ({"wall": ["x"]}, "The argument wall of paint is a text."),
        ({"wall": "x", "colours": ["a\0"]}, "The argument colours of paint has a character that no text may have."),
        ({"wall": "x", "stop": 1}, "paint has no argument 'stop'; its arguments are: wall, coats, "),
    ],
)
def test_other_arguments_are_refused(given, sentence):
    with pytest.raises(UsageError, match="^" + sentence.replace(".", r"\.")):
        check_arguments("paint", make_schema(paint), given)
