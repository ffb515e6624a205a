"""The arguments of tools: their JSON schema is made from the signature and the docstring of a function."""

import inspect
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from orglab.errors import UsageError
from orglab.text import cut

_TYPES = {str: "string", bool: "boolean", int: "integer", float: "number"}
WORDS = {"string": "a text", "boolean": "true or false", "integer": "a whole number", "number": "a number",
         "array": "a list of texts"}  # fmt: skip
"""The types of arguments, for people."""
_SECTION = re.compile(r"^(?:Args|Raises):$", re.MULTILINE)
_ARGUMENT = re.compile(r"^    (\w+): (.*(?:\n {6,}.*)*)", re.MULTILINE)
_LONGEST_NAME = 60


def describe(function: Callable[..., object]) -> str:
    """Return what a function does: its docstring without the sections, on one line."""
    return _join(_SECTION.split(inspect.getdoc(function) or "")[0])


def make_schema(function: Callable[..., object], left_out: Collection[str] = ()) -> dict[str, object]:
    """Return the schema of the arguments of a function that a client can give, without the first one, the log.

    These are texts, numbers, truth values and lists of texts.

    Args:
        function: The function; its docstring describes each argument.
        left_out: The names of arguments that clients cannot give.
    """
    texts = dict(_ARGUMENT.findall(inspect.getdoc(function) or ""))
    properties: dict[str, object] = {}
    required: list[str] = []
    for parameter in [*inspect.signature(function).parameters.values()][1:]:
        annotation = _without_none(parameter.annotation)
        kind = _find_type(annotation)
        if kind is None or parameter.name in left_out:
            continue
        more: dict[str, object] = {"items": {"type": "string"}} if kind == "array" else {}
        if get_origin(annotation) is Literal:
            more = {"enum": list(get_args(annotation))}
        properties[parameter.name] = {"type": kind, **more, "description": _join(texts.get(parameter.name, ""))}
        if parameter.default is parameter.empty:
            required.append(parameter.name)
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _without_none(annotation: object) -> object:
    """Return the type of an argument that may be None; as it is if there are several others."""
    if get_origin(annotation) not in (Union, UnionType):
        return annotation
    kinds = [one for one in get_args(annotation) if one is not NoneType]
    return kinds[0] if len(kinds) == 1 else annotation


def _find_type(annotation: object) -> str | None:
    """Return the name of a type in JSON; None if there is none."""
    if get_origin(annotation) is Literal:
        return "string"
    if get_origin(annotation) in (Iterable, Sequence) and get_args(annotation) == (str,):
        return "array"
    return _TYPES.get(annotation) if isinstance(annotation, type) else None


def _join(text: str) -> str:
    """Return a text on one line, in words that also fit JSON, where an argument is left out rather than None."""
    return re.sub(r"\b([Ii]f) None\b", r"\1 left out", " ".join(text.split()))


def check_arguments(tool: str, schema: Mapping[str, object], given: Mapping[str, object]) -> dict[str, object]:
    """Return the arguments of a call; those that are null count as left out.

    Raises:
        UsageError: One is unknown, missing, or of another type.
    """
    properties: Mapping[str, Mapping[str, Any]] = schema["properties"]  # type: ignore[assignment]
    required: Sequence[str] = schema["required"]  # type: ignore[assignment]
    arguments = {}
    for name, value in given.items():
        if name not in properties:
            known = ", ".join(properties) or "none"
            raise UsageError(f"{tool} has no argument {cut(name, _LONGEST_NAME)!r}; its arguments are: {known}.")
        if value is not None:
            arguments[name] = _check_value(f"The argument {name} of {tool}", properties[name]["type"], value)
            if value not in (choices := properties[name].get("enum", [value])):
                raise UsageError(f"The argument {name} of {tool} is one of {', '.join(choices)}.")
    if missing := [name for name in required if name not in arguments]:
        raise UsageError(f"{tool} needs the argument {missing[0]}: {properties[missing[0]]['description']}")
    return arguments


def _check_value(what: str, kind: str, value: object) -> object:
    """Return a value as the function takes it.

    Raises:
        UsageError: It is of another type, or a text that no command could be given.
    """
    if kind == "integer" and isinstance(value, float) and value.is_integer():
        value = int(value)  # which JSON does not tell apart
    if kind == "array" and isinstance(value, list) and all(isinstance(one, str) for one in value):
        texts = value
    elif isinstance(value, bool) == (kind == "boolean") and isinstance(
        value, {"string": str, "boolean": bool, "integer": int, "number": int | float}.get(kind, ())
    ):
        texts = [value] if isinstance(value, str) else []
    else:
        raise UsageError(f"{what} is {WORDS[kind]}.")
    if any(re.search("[\0\ud800-\udfff]", text) for text in texts):
        raise UsageError(f"{what} has a character that no text may have.")
    return value
