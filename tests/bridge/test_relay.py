"""A relay behind a trusted port: its clients are told apart by chaddr, and it gets the answers."""

from ovsdhcp.lab.laboratory import Lab
from tests.bridge.raw import raw_ports
from tests.bridge.tables import VM_NET
from tests.dhcp.wire import bootp, frame, mac, see

LEASE_TABLE = (
    VM_NET
    + """
bridges:
  br-int:
    ports:
      vm5: {subnet: vm-net, mac: 02:ac:10:ff:01:30, ip: 172.16.255.130}
      vm2:
        subnet: vm-net
        trusted: true
        hosts:
          - {mac: 02:00:00:00:00:a1, ip: 172.16.255.161}
          - {mac: 02:00:00:00:00:a2, ip: 172.16.255.162}
"""
)
RELAY_MAC, CLIENT, STRANGER = (mac(f"02:00:00:00:00:{n}") for n in ("fe", "a2", "a3"))
RELAY, SERVER, ADDRESS = "172.16.255.180", "172.16.255.129", "172.16.255.162"
CIRCUIT = bytes((1, 4)) + b"port"


def relayed(client: bytes) -> bytes:
    message = bootp(1, {82: CIRCUIT}, chaddr=client, giaddr=RELAY, hops=1)
    return frame(
        message, eth_dst=mac("02:ac:10:ff:01:29"), eth_src=RELAY_MAC, ip_src=RELAY, ip_dst=SERVER,
        sport=67,
    )  # fmt: skip


def test_a_relayed_client_is_known_by_chaddr_and_answered_through_the_relay(lab: Lab) -> None:
    with raw_ports(lab) as ports:
        ports["vm2"].send(relayed(STRANGER))
        ports["vm2"].send(relayed(CLIENT))
        answer, before = ports["vm2"].first(
            lambda octets: octets if octets[:6] == RELAY_MAC else None, within=5
        )
    assert before == [], "the stranger got nothing"
    seen = see(answer)
    assert (seen.ip_dst, seen.ports) == (RELAY, (67, 67))
    assert (seen.address("yiaddr"), seen.address("giaddr")) == (ADDRESS, RELAY)
    assert seen.options[-1] == (82, CIRCUIT)
