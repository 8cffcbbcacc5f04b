"""What `events` remembers, and what a follower is told that it has missed."""

from collections.abc import Mapping
from typing import Any

import pytest

from ovsdhcp.control.history import A_TURN, History
from ovsdhcp.control.protocol import ControlError
from ovsdhcp.dhcp import reasons
from ovsdhcp.events import Event, Exchange

EXCHANGE = Exchange(
    "br-int", "vm5", b"\2\0\0\0\0\5", None, "DISCOVER", "drop", "", reasons.NO_BINDING
)


def happened(count: int, first: int = 0) -> list[Event]:
    return [Event(EXCHANGE, number, 0.0, 50) for number in range(first, first + count)]


def told(history: History, **arguments: Any) -> list[str | int]:
    """The xids, and how many were missed, until the end or the first pause."""
    said: list[str | int] = []
    for item in history.events(arguments):
        if item is None:
            break
        said += [item["missed"]] if "missed" in item else [e["xid"] for e in item["events"]]
    return said


def xids(*numbers: int) -> list[str]:
    return [f"{number:#010x}" for number in numbers]


def test_the_past_is_told_oldest_first_and_in_slices() -> None:
    history = History()
    history.tell(happened(A_TURN + 1))
    slices = [item["events"] for item in history.events({}) if item]
    assert [len(part) for part in slices] == [A_TURN, 1]
    assert told(history) == xids(*range(A_TURN + 1))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, (2, 3, 4)),
        ({"last": 2}, (3, 4)),
        ({"last": 0}, ()),
        ({"last": 99}, (2, 3, 4)),
        ({"follow": True, "last": 1}, (4,)),
    ],
)
def test_only_so_much_is_remembered(
    arguments: Mapping[str, Any], expected: tuple[int, ...]
) -> None:
    history = History(remembered=3)
    history.tell(happened(5))
    assert told(history, **arguments) == xids(*expected)


def test_a_follower_hears_what_is_new_and_what_it_missed() -> None:
    history = History(remembered=3)
    items = history.events({"follow": True})
    assert next(items) is None
    history.tell(happened(2))
    said = next(items)
    assert said is not None
    assert [event["xid"] for event in said["events"]] == xids(0, 1)
    history.tell(happened(5, first=2))
    assert next(items) == {"missed": 2}
    said = next(items)
    assert said is not None
    assert [event["xid"] for event in said["events"]] == xids(4, 5, 6)
    assert next(items) is None


def test_an_event_has_the_keys_of_a_log_line_and_its_time() -> None:
    history = History()
    history.tell(happened(1))
    (item,) = history.events({})
    assert item is not None
    (event,) = item["events"]
    assert list(event) == ["ts", "level", *happened(1)[0].fields()]
    assert event["ts"].endswith("Z")


@pytest.mark.parametrize("last", [-1, "5", 1.5, True, None])
def test_a_wrong_number_is_refused(last: object) -> None:
    with pytest.raises(ControlError, match="`last` is a number of events"):
        list(History().events({"last": last}))
