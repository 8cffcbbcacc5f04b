"""One value each: what is taken, and what is refused with which code."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from ovsdhcp.config import scalars
from ovsdhcp.dhcp.binding import INFINITE

VM5 = bytes.fromhex("02ac10ff0130")


@pytest.mark.parametrize(
    "text",
    [
        "02:ac:10:ff:01:30",
        "02:AC:10:FF:01:30",
        "02-ac-10-ff-01-30",
        "2:ac:10:ff:1:30",
        "02ac.10ff.0130",
        "02ac10:ff0130",
        "02ac10-ff0130",
        "02ac10ff0130",
    ],
)
def test_mac_in_any_spelling(text: str) -> None:
    assert scalars.mac(text) == VM5


VALUES = st.one_of(
    st.from_regex("(?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}", fullmatch=True),
    st.ip_addresses(v=4).map(str),
    st.sampled_from([VM5.hex(), "00:00:00:00:00:00", "02:00:00:00:00:01,02:00:00:00:00:02", "",
                     "02:00:00:00:00:0 ", "\u0661\u0661:00:00:00:00:00", "1.2.3", b"1.2.3.4",
                     None, 5, ["02:00:00:00:00:01"]]),
)  # fmt: skip


@pytest.mark.parametrize(
    ("many", "one"),
    [(scalars.macs, scalars.mac), (scalars.addresses_octets, scalars.address_octets)],
    ids=["macs", "addresses"],
)
@given(values=st.lists(VALUES, max_size=4) | st.lists(st.just("02:ac:10:ff:01:30"), max_size=4))
def test_many_at_once_are_taken_and_refused_as_one_by_one(
    many: Callable[[list[object]], object], one: Callable[[object], bytes], values: list[object]
) -> None:
    def outcome(read: Callable[[], object]) -> object:
        try:
            return read()
        except PydanticCustomError as error:
            return error.type, error.message()

    assert outcome(lambda: many(values)) == outcome(lambda: list(map(one, values)))


def test_mac_of_decimal_digits_is_not_a_number() -> None:
    assert scalars.mac("525400123456") == bytes.fromhex("525400123456")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (1, 1),
        (3600, 3600),
        ("90s", 90),
        ("15m", 900),
        ("12h", 43_200),
        ("7d", 604_800),
        ("infinite", INFINITE),
        (INFINITE, INFINITE),
    ],
)
def test_duration(value: object, seconds: int) -> None:
    assert scalars.duration(value) == seconds


@pytest.mark.parametrize("value", ["0x1", "0X0001", "0000000000000001"])
def test_dpid(value: object) -> None:
    assert scalars.dpid(value) == 1


@pytest.mark.parametrize(
    ("read", "value", "code"),
    [
        (scalars.mac, "01:00:00:00:00:01", "multicast-mac"),
        (scalars.mac, "ff:ff:ff:ff:ff:ff", "multicast-mac"),
        (scalars.mac, "00:00:00:00:00:00", "zero-mac"),
        (scalars.mac, "02:00:00:00:00", "bad-mac"),
        (scalars.mac, "02:00:00:00:00:00:01", "bad-mac"),
        (scalars.mac, "2", "bad-mac"),
        (scalars.mac, 2, "bad-mac"),
        (scalars.mac, None, "bad-mac"),
        (scalars.mac, "\u0661" * 12, "bad-mac"),
        (scalars.address, 5, "bad-address"),
        (scalars.address, True, "bad-address"),
        (scalars.address, "1.2.3", "bad-address"),
        (scalars.address, "::1", "bad-address"),
        (scalars.network, "192.0.2.0", "bad-cidr"),
        (scalars.network, "192.0.2.1/24", "bad-cidr"),
        (scalars.network, "192.0.2.0/33", "bad-cidr"),
        (scalars.network, 24, "bad-cidr"),
        (scalars.duration, 0, "bad-time"),
        (scalars.duration, True, "bad-time"),
        (scalars.duration, "1.5h", "bad-time"),
        (scalars.duration, "9" * 5000, "bad-time"),
        (scalars.truth, "yes", "bad-truth"),
        (scalars.truth, 1, "bad-truth"),
        (scalars.text, "", "bad-text"),
        (scalars.text, 5, "bad-text"),
        (scalars.dpid, 1, "bad-dpid"),
        (scalars.dpid, "0x0", "bad-dpid"),
        (scalars.dpid, "0x10000000000000000", "bad-dpid"),
        (scalars.reply, "resumed", "bad-choice"),
        (scalars.flows, "foreign", "bad-choice"),
        (scalars.other_traffic, "flood", "bad-choice"),
        (scalars.other_traffic, ["drop"], "bad-choice"),
        (scalars.architecture, "65536", "bad-architecture"),
    ],
)
def test_refusal(read: Callable[[object], object], value: object, code: str) -> None:
    with pytest.raises(PydanticCustomError) as caught:
        read(value)
    assert caught.value.type == code
