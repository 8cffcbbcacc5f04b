"""What a line says, and that no line makes either end fail otherwise than by its error."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovsdhcp.control import protocol
from ovsdhcp.control.protocol import ControlError, Request, read_answer, read_request

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text(), JSON, max_size=4)


@given(st.text(), OBJECTS)
def test_a_request_is_read_as_it_was_sent(verb: str, arguments: dict[str, object]) -> None:
    sent = Request(verb, arguments)
    octets = sent.line()
    assert octets.count(b"\n") == 1
    assert octets.isascii()
    assert read_request(octets) == sent


@given(OBJECTS)
def test_an_item_is_read_as_it_was_sent(item: dict[str, object]) -> None:
    assert read_answer(protocol.line({"item": item})) == item


LINES = st.binary(max_size=200) | JSON.map(lambda said: json.dumps(said).encode())
NEARLY = st.fixed_dictionaries(
    {}, optional={"version": JSON | st.just(1), "verb": JSON, "arguments": JSON, "item": JSON,
                  "alive": JSON, "done": JSON, "error": JSON},
).map(lambda said: json.dumps(said).encode())  # fmt: skip


def outcome(read: Callable[[bytes], object], octets: bytes) -> object:
    """What a line is, or the code of what is wrong with it."""
    try:
        return read(octets)
    except ControlError as error:
        return error.code


@given(LINES | NEARLY)
def test_any_line_is_a_request_or_a_named_error(octets: bytes) -> None:
    found = outcome(read_request, octets)
    assert isinstance(found, Request) or found in {protocol.MALFORMED, protocol.WRONG_VERSION}


@given(LINES | NEARLY)
def test_any_line_is_an_answer_or_an_error(octets: bytes) -> None:
    assert isinstance(outcome(read_answer, octets), dict | str | None)


def test_a_deep_nest_is_malformed() -> None:
    with pytest.raises(ControlError, match="not a line of JSON"):
        read_request(b"[" * 60_000)


def test_the_servers_error_arrives_whole() -> None:
    with pytest.raises(ControlError) as raised:
        read_answer(protocol.error_line(ControlError("refused", "no", "ask again")))
    error = raised.value
    assert (error.code, error.message, error.hint) == ("refused", "no", "ask again")
    assert str(error) == "error: no\n\nhint: ask again"
