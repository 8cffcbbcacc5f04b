"""A port that the lease table does not name, on a bridge that drops all that is not configured."""

from ovsdhcp.lab.laboratory import Lab
from tests.bridge.tables import VM_NET

LEASE_TABLE = (
    VM_NET
    + """
bridges:
  br-int:
    other_traffic: drop
    ports:
      vm5: {subnet: vm-net, mac: 02:ac:10:ff:01:30, ip: 172.16.255.130}
"""
)


def test_port_without_an_entry_gets_nothing_and_nobody_sees_its_dhcp(lab: Lab) -> None:
    others = [lab.sniff(name) for name in lab.ports if name != "vm1"]
    client = lab.client("udhcpc", "vm1")
    with lab.sniff("vm1") as sniffer:
        client.start()
        first = sniffer.wait(lambda it: it.kind == "DISCOVER", within=3)
        assert first is not None
        again = sniffer.wait(lambda it: it.kind == "DISCOVER" and it.at > first.at, within=5)
        assert again is not None, "it asks again, since nobody answered"
        assert set(sniffer.kinds()) == {"DISCOVER"}
    assert client.outcome().addresses == ()
    for other in others:
        with other:
            assert other.kinds() == []


def test_its_neighbour_is_served_all_the_same(lab: Lab) -> None:
    client = lab.client("dhclient", "vm5")
    client.start()
    assert client.wait_until_bound().addresses == ("172.16.255.130/26",)
