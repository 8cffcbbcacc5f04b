"""What passes over the control socket: one JSON object a line, each way.

    → {"version": 1, "verb": "leases", "arguments": {"filter": "vm5"}}
    ← {"item": {…}}         any number of them; what is in one is the verb's
    ← {"alive": true}       now and then, while there is nothing to say
    ← {"done": true}        the end; or, instead,
    ← {"error": {"code": "unknown-verb", "message": "…", "hint": "…"}}

A connection that ends with neither was cut off. One connection carries one request.
All is ASCII: what a guest named itself reaches a terminal only as JSON's escapes.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

VERSION = 1
MOST_REQUEST = 64 * 1024
"""Octets of a request, its newline included."""
MOST_ANSWER = 4 * 1024 * 1024
"""Octets of one line of an answer; verbs cut what is longer into items."""

MALFORMED = "malformed"
TOO_LONG = "too-long"
WRONG_VERSION = "wrong-version"
UNKNOWN_VERB = "unknown-verb"
WRONG_ARGUMENT = "wrong-argument"
BUSY = "busy"
UNAVAILABLE = "unavailable"
REFUSED = "refused"
INTERNAL = "internal"
CODES = frozenset(
    {
        *(MALFORMED, TOO_LONG, WRONG_VERSION, UNKNOWN_VERB, WRONG_ARGUMENT),
        *(BUSY, UNAVAILABLE, REFUSED, INTERNAL),
    }
)
"""`unavailable`: not now, or not by this server; `refused`: done right, and the answer is no."""

Document = dict[str, Any]
"""A JSON object."""


class ControlError(Exception):
    """A request that was not fulfilled: a code of `CODES`, what is wrong, and what to do."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.hint = code, message, hint

    def __str__(self) -> str:
        return f"error: {self.message}" + (f"\n\nhint: {self.hint}" if self.hint else "")


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody wants of the server."""

    verb: str
    arguments: Mapping[str, Any]

    def line(self) -> bytes:
        """As it is sent."""
        return line({"version": VERSION, "verb": self.verb, "arguments": dict(self.arguments)})


def line(document: Mapping[str, Any]) -> bytes:
    """One object as it is sent."""
    return json.dumps(document, separators=(",", ":")).encode("ascii") + b"\n"


def error_line(error: ControlError) -> bytes:
    """An answer's last line, where it failed."""
    said = {"code": error.code, "message": error.message, "hint": error.hint}
    return line({"error": said})


def read_request(octets: bytes) -> Request:
    """The request in one line. Raises `ControlError` with what is wrong with it."""
    said = _object(octets)
    if said.get("version") != VERSION:
        raise ControlError(
            WRONG_VERSION,
            f"this server speaks version {VERSION} of its protocol, not {said.get('version')!r}",
            "use the `ovsdhcp` command of the server's own installation",
        )
    verb, arguments = said.get("verb"), said.get("arguments", {})
    if not isinstance(verb, str) or not isinstance(arguments, dict):
        raise ControlError(MALFORMED, "a request has a `verb`, and `arguments` that are an object")
    return Request(verb, arguments)


def read_answer(octets: bytes) -> Document | None:
    """The item in one line of an answer; empty where it is a sign of life, None at the end.

    Raises `ControlError` with the server's error, or where the line is none of an answer.
    """
    said = _object(octets)
    match said:
        case {"item": dict(item)}:
            return item
        case {"alive": True}:
            return {}
        case {"done": True}:
            return None
        case {"error": {"code": str(code), "message": str(message), "hint": str(hint)}}:
            raise ControlError(code, message, hint)
    raise ControlError(MALFORMED, "the server said something that is no answer")


def _object(octets: bytes) -> Document:
    try:
        said = json.loads(octets)
    except (ValueError, RecursionError) as error:
        raise ControlError(MALFORMED, f"not a line of JSON: {error}") from None
    if not isinstance(said, dict):
        raise ControlError(MALFORMED, "not a JSON object")
    return said
