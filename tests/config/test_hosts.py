"""Many clients of one port, packed: what goes in comes out, and what differs is found."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovsdhcp.config import hosts
from ovsdhcp.config.hosts import Hosts, pack_hosts, pack_terms
from ovsdhcp.dhcp.binding import Binding, Boot
from tests.openflow.bridges import VM_NET

OTHER_NET = replace(VM_NET, authoritative=False)

MACS = st.binary(min_size=6, max_size=6)
TERMS: list[dict[str, Any]] = [
    {},
    {"t1": 5, "t2": 9, "trusted": True},
    {"options": {12: b"a", 3: b"\xc0\0\2\1"}},
    {"options": {12: b"bc"}, "boot": Boot(None, "file")},
    {"boot": Boot(IPv4Address("192.0.2.1"), None, {0: "bios", 7: "uefi"}, "ipxe")},
]
BINDINGS = st.builds(
    lambda number, terms: Binding(
        "uplink", VM_NET, IPv4Address(0x0A000000 + number), bytes(6), 60, **terms
    ),
    st.integers(0, 3),
    st.sampled_from(TERMS),
)
CLIENTS = st.dictionaries(MACS, BINDINGS, max_size=20).map(
    lambda found: {mac: replace(binding, mac=mac) for mac, binding in found.items()}
)


def packed(bindings: Iterable[Binding]) -> Hosts:
    return Hosts("uplink", VM_NET, *pack_hosts(records(bindings)))


def records(bindings: Iterable[Binding]) -> Iterator[tuple[bytes, bytes, bytes]]:
    return ((b.mac or b"", b.address_octets, pack_terms(b)) for b in bindings)


def numbered(*numbers: int) -> dict[bytes, Binding]:
    return {
        n.to_bytes(6, "big"): Binding(
            "uplink", VM_NET, IPv4Address(0x0A000000 + n), n.to_bytes(6, "big"), 60
        )
        for n in numbers
    }


@given(CLIENTS)
def test_what_was_packed_is_there_in_the_order_of_the_macs(clients: dict[bytes, Binding]) -> None:
    hosts = packed(clients.values())
    assert list(hosts) == [clients[mac] for mac in sorted(clients)]
    assert all(hosts.get(mac) == binding for mac, binding in clients.items())


@given(CLIENTS, MACS)
def test_a_mac_that_is_nobodys_is_not_there(clients: dict[bytes, Binding], mac: bytes) -> None:
    assert packed(clients.values()).get(mac) == clients.get(mac)


def test_a_binding_is_made_once() -> None:
    hosts = packed(numbered(1, 2, 3).values())
    assert hosts.get((2).to_bytes(6, "big")) is hosts[1] is hosts[1:][0]


def test_like_any_sequence_it_ends() -> None:
    with pytest.raises(IndexError):
        packed(numbered(1, 2).values())[2]


@pytest.mark.parametrize("at_once", [1, 2, 7, 1000])
@given(before=CLIENTS, after=CLIENTS)
def test_the_difference_is_who_is_told_something_else(
    at_once: int, before: dict[bytes, Binding], after: dict[bytes, Binding]
) -> None:
    after = {mac: before.get(mac, b) if mac[0] % 2 else b for mac, b in after.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hosts, "AT_ONCE", at_once)
        found = set().union(*packed(after.values()).differing(packed(before.values())))
    expected = {mac for mac in before.keys() | after.keys() if before.get(mac) != after.get(mac)}
    assert found == expected


def test_in_another_subnet_all_are_told_something_else() -> None:
    clients = numbered(*range(10))
    moved = Hosts("uplink", OTHER_NET, *pack_hosts(records(clients.values())))
    assert set().union(*moved.differing(packed(clients.values()))) == clients.keys()
