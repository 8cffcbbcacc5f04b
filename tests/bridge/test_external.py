"""`flows: external`: the flows that others laid are answered as they stand, the seed's to begin."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ovsdhcp.lab.client import KINDS
from ovsdhcp.lab.deadline import wait_for
from ovsdhcp.lab.laboratory import Lab, Names
from tests.bridge.test_reload import asked

SEED = Path(__file__).with_name("seed-dhcp-test.flow")
"""As the document that ovsdhcp began with has it: OVN's pipeline for a port 5, from 0 to 65."""

LEASE_TABLE = "bridges: {br-int: {flows: external}}\n"


@pytest.fixture(scope="module")
def seeded(new_names: Callable[[], Names], table: Path) -> Iterator[Lab]:
    lab = Lab(new_names())
    try:
        lab.up(table)
        assert wait_for(lambda: "connected" in lab.controller.log.read_text(), within=15)
        lab.switch.ofctl("add-flows", "br-int", str(SEED), doing="load the seed's flows")
        yield lab
    finally:
        lab.down()


@pytest.fixture
def vm5(seeded: Lab) -> Iterator[Lab]:
    yield seeded
    seeded.clear("vm5")


@pytest.mark.parametrize("kind", KINDS)
def test_each_client_gets_what_the_seed_says(vm5: Lab, kind: str) -> None:
    before = vm5.switch.flows()
    client = vm5.client(kind, "vm5")
    with vm5.sniff("vm5") as sniffer:
        client.start()
        outcome = client.wait_until_bound()
        seen = {it.kind: it for it in sniffer.read()}
    assert outcome.addresses == ("172.16.255.130/26",)
    assert outcome.routes["default"] == "172.16.255.129"
    assert seen["ACK"].source_mac == "02:ac:10:ff:01:29", "table 23 rewrote it"
    assert seen["ACK"].options[51] == (3600).to_bytes(4, "big")
    assert len(vm5.switch.flows()) == len(before), "nothing is laid and nothing deleted"


def test_a_request_for_another_address_is_refused_by_the_rfc(vm5: Lab) -> None:
    client = vm5.client("dhclient", "vm5")
    leases, _ = client.place.run_paths
    leases.write_text(
        'lease {\n  interface "vm5";\n  fixed-address 172.16.255.177;\n'
        "  option subnet-mask 255.255.255.192;\n  option dhcp-lease-time 3600;\n"
        "  option dhcp-message-type 5;\n  option dhcp-server-identifier 172.16.255.129;\n"
        "  renew never;\n  rebind never;\n  expire never;\n}\n"
    )
    with vm5.sniff("vm5") as sniffer:
        client.start()
        client.wait_until_bound()
        nak = next(it for it in sniffer.read() if it.kind == "NAK")
    assert nak.options[54] == bytes((172, 16, 255, 129)), "OVN leaves the server identifier out"
    assert nak.target == "255.255.255.255"


def test_it_is_heard_by_its_connection_alone(vm5: Lab) -> None:
    """Others' flows may count on a `controller_rate_limit`, which is that one's."""
    assert asked(vm5, "status")["bridge"]["shortcut"] is None
