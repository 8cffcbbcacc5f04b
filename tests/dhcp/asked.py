"""Asking the engine in tests: a reply taken apart, or the code of the reason for silence."""

from ovsdhcp.dhcp.binding import Binding
from ovsdhcp.dhcp.server import Drop, Reply, answer
from tests.dhcp.wire import BINDING, Seen, see

NOW = 1000.0


def verdict(frame: bytes, binding: Binding = BINDING, probation_until: float = 0.0) -> str:
    """The code of the reason."""
    return answer(frame, binding, NOW, probation_until).reason.code


def reply(frame: bytes, binding: Binding = BINDING) -> Reply:
    """The reply, which there must be."""
    given = answer(frame, binding, NOW)
    assert isinstance(given, Reply), given.reason.code
    return given


def seen(frame: bytes, binding: Binding = BINDING) -> Seen:
    """The reply's frame, taken apart."""
    return see(reply(frame, binding).frame)


def silence(frame: bytes, binding: Binding = BINDING) -> str:
    """The code of the reason for the silence that there must be."""
    given = answer(frame, binding, NOW)
    assert isinstance(given, Drop), given.reason.code
    return given.reason.code
