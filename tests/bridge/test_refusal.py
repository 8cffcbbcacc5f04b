"""Who asks for what is not his gets a NAK and then his own; who has no entry gets nothing."""

import pytest

from ovsdhcp.lab.laboratory import Lab
from tests.bridge.tables import VM_NET

BOTH_WAYS = True
LEASE_TABLE = (
    VM_NET
    + """
bridges:
  br-int:
    ports:
      vm5: {subnet: vm-net, mac: 02:ac:10:ff:01:30, ip: 172.16.255.130}
      vm3: {subnet: vm-net, mac: 02:ac:10:ff:01:99, ip: 172.16.255.133}
      vm2:
        subnet: vm-net
        hosts:
          - {mac: 02:ac:10:00:00:77, ip: 172.16.255.131}
          - {mac: 02:ac:10:00:00:78, ip: 172.16.255.132}
"""
)
REMEMBERED = """lease {
  interface "vm5";
  fixed-address 172.16.255.177;
  option subnet-mask 255.255.255.192;
  option dhcp-lease-time 3600;
  option dhcp-message-type 5;
  option dhcp-server-identifier 172.16.255.129;
  renew never;
  rebind never;
  expire never;
}
"""


def test_client_asking_for_a_foreign_address_is_refused_and_then_gets_its_own(lab: Lab) -> None:
    client = lab.client("dhclient", "vm5")
    leases, _ = client.place.run_paths
    leases.write_text(REMEMBERED)
    with lab.sniff("vm5") as sniffer:
        client.start()
        outcome = client.wait_until_bound()
        said = sniffer.kinds()
        assert said == ["REQUEST", "NAK", "DISCOVER", "OFFER", "REQUEST", "ACK"]
        assert sniffer.seen[0].options[50] == bytes([172, 16, 255, 177])
    assert outcome.addresses == ("172.16.255.130/26",)


@pytest.mark.parametrize("port", ["vm3", "vm2"], ids=["another MAC", "MAC without an entry"])
def test_client_the_table_does_not_know_gets_nothing_and_nobody_sees_its_dhcp(
    lab: Lab, port: str
) -> None:
    others = [lab.sniff(name) for name in lab.ports if name != port]
    client = lab.client("dhclient", port)
    with lab.sniff(port) as sniffer:
        client.start()
        first = sniffer.wait(lambda it: it.kind == "DISCOVER", within=3)
        assert first is not None
        again = sniffer.wait(lambda it: it.kind == "DISCOVER" and it.at > first.at, within=15)
        assert again is not None, "it asks again, since nobody answered"
        assert set(sniffer.kinds()) == {"DISCOVER"}
    assert client.outcome().addresses == ()
    for other in others:
        with other:
            assert other.kinds() == []
