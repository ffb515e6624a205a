"""The messages of JSON-RPC 2.0, as the protocol uses them."""

import json
from collections.abc import Mapping
from typing import NamedTuple, NoReturn

from orglab.text import clean, cut

Id = str | int
"""What tells a request from the others of a client."""

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS, INTERNAL_ERROR = -32700, -32600, -32601, -32602, -32603
_LONGEST_SENTENCE = 1000


class ProtocolError(Exception):
    """A message that cannot be answered as it asks.

    Args:
        code: The number of the kind of error.
        sentence: What is wrong.
        details: More about it, or None.
    """

    def __init__(self, code: int, sentence: str, details: Mapping[str, object] | None = None) -> None:
        """Keep what is sent to the client."""
        super().__init__(sentence)
        self.code = code
        self.details = details


class Request(NamedTuple):
    """A message that wants an answer, or, without an id, a notification that wants none."""

    id: Id | None
    method: str
    params: Mapping[str, object]


def parse_line(line: bytes | None) -> object:
    """Return the JSON value of a line.

    Args:
        line: The line; None if it was too long.

    Raises:
        ProtocolError: It is not one JSON value in UTF-8.
    """
    if line is None:
        raise ProtocolError(PARSE_ERROR, "The message is too long; the limit is 1 MB.")
    try:
        return json.loads(line.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):  # also bytes that are not UTF-8, and numbers of thousands of digits
        raise ProtocolError(PARSE_ERROR, "The message is not one JSON value in UTF-8 on a line.") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def read_id(value: object) -> Id | None:
    """Return the id of a message; None if it has none that is valid."""
    found = value.get("id") if isinstance(value, dict) else None
    return found if isinstance(found, str | int) and not isinstance(found, bool) else None


def read_request(value: object) -> Request | None:
    """Return the request or the notification that a message is; None for an answer, which this server never asks for.

    Raises:
        ProtocolError: It is no message of JSON-RPC 2.0.
    """
    if not isinstance(value, dict) or value.get("jsonrpc") != "2.0":
        raise ProtocolError(INVALID_REQUEST, 'A message is a JSON object with "jsonrpc": "2.0".')
    if "method" not in value and ("result" in value or "error" in value):
        return None
    method, params, found = value.get("method"), value.get("params", {}), read_id(value)
    if not isinstance(method, str) or ("id" in value and found is None):
        raise ProtocolError(INVALID_REQUEST, "A request has a method, and an id that is a text or a whole number.")
    if not isinstance(params, dict):
        raise ProtocolError(INVALID_PARAMS, "The params of a request are a JSON object.")
    return Request(found, method, params)


def make_answer(number: Id | None, result: Mapping[str, object]) -> dict[str, object]:
    """Return the message that answers a request."""
    return {"jsonrpc": "2.0", "id": number, "result": result}


def make_error(number: Id | None, error: ProtocolError) -> dict[str, object]:
    """Return the message that says why a message was not answered; the number is None if it has no valid id."""
    fields: dict[str, object] = {"code": error.code, "message": cut(clean(str(error)), _LONGEST_SENTENCE)}
    if error.details is not None:
        fields["data"] = error.details
    return {"jsonrpc": "2.0", "id": number, "error": fields}
