"""Each client gets what the lease table says, through `ryu-manager ovsdhcp.app`."""

import pytest

from ovsdhcp.lab.client import KINDS, SYSTEMD
from ovsdhcp.lab.laboratory import Lab

BOTH_WAYS = True
LEASE_TABLE = """
subnets:
  vm-net:
    cidr: 172.16.255.128/26
    server_id: 172.16.255.129
    server_mac: 02:ac:10:ff:01:29
    lease_time: 1h
    options:
      router: 172.16.255.129
      dns_server: [172.25.250.254, 172.25.250.253]
      domain_name: lab.example
      mtu: 1442
      classless_static_route:
        - {to: 169.254.169.254/32, via: 172.16.255.140}
        - {to: 0.0.0.0/0, via: 172.16.255.129}
bridges:
  br-int:
    ports:
      vm5: {subnet: vm-net, mac: 02:ac:10:ff:01:30, ip: 172.16.255.130, options: {hostname: five}}
      vm3: {subnet: vm-net, ip: 172.16.255.133, options: {mtu: 1400}}
"""


NETWORKD = pytest.mark.skipif(
    not (SYSTEMD / "systemd-networkd").exists(), reason="not installed: systemd-networkd"
)


@pytest.mark.parametrize(
    "kind", [pytest.param(it, marks=NETWORKD) if it == "systemd-networkd" else it for it in KINDS]
)
def test_client_binds_and_has_what_the_table_says(lab: Lab, kind: str) -> None:
    client = lab.client(kind, "vm5")
    with lab.sniff("vm5") as sniffer:
        client.start()
        outcome = client.wait_until_bound()
        assert sniffer.kinds() == ["DISCOVER", "OFFER", "REQUEST", "ACK"]
    assert outcome.addresses == ("172.16.255.130/26",)
    # systemd-networkd makes sure of its gateways by a route to each
    routes = {to: via for to, via in outcome.routes.items() if via or "/" in to}
    assert routes == {
        "default": "172.16.255.129",
        "169.254.169.254": "172.16.255.140",
        "172.16.255.128/26": "",
    }
    assert outcome.servers == ("172.25.250.254", "172.25.250.253")
    assert outcome.mtu == 1442


def test_the_namespace_asks_the_servers_that_it_was_told(lab: Lab) -> None:
    client = lab.client("dhclient", "vm5")
    client.start()
    client.wait_until_bound()
    home = client.place.port.home
    seen = lab.shell.run("ip", "netns", "exec", home, "cat", "/etc/resolv.conf", doing="look")
    assert seen == "domain lab.example\nnameserver 172.25.250.254\nnameserver 172.25.250.253\n"


def test_dhclient_is_bound_within_a_second_of_its_start(lab: Lab) -> None:
    client = lab.client("dhclient", "vm5")
    client.start()
    client.wait_until_bound()
    assert client.seconds is not None
    assert client.seconds < 1


def test_a_port_without_mac_serves_whoever_is_plugged_in(lab: Lab) -> None:
    client = lab.client("udhcpc", "vm3")
    client.start()
    outcome = client.wait_until_bound()
    assert outcome.addresses == ("172.16.255.133/26",)
    assert outcome.mtu == 1400


@NETWORKD
def test_networkd_takes_over_its_identifier_its_name_and_its_routes(lab: Lab) -> None:
    """By its own record of the lease: what it understood of the ACK."""
    client = lab.client("systemd-networkd", "vm5")
    with lab.sniff("vm5") as sniffer:
        client.start()
        client.wait_until_bound()
        discover, offer, request, ack = sniffer.read()
    identifier = discover.options[61]
    assert identifier[:1] == b"\xff", "an IAID and a DUID (RFC 4361 6.1)"
    assert identifier[5:] == bytes.fromhex("00030001 02ac10ff0130"), "DUID-LL"
    assert {seen.options[61] for seen in (offer, request, ack)} == {identifier}
    (record,) = (client.place.folder / "run/systemd/netif/leases").iterdir()
    lease = dict(line.split("=", 1) for line in record.read_text().splitlines() if "=" in line)
    assert lease["CLIENTID"] == identifier.hex()
    assert lease["HOSTNAME"] == "five"
    assert lease["SERVER_ADDRESS"] == "172.16.255.129"
    assert lease["CLASSLESS_ROUTES"].split() == [
        "169.254.169.254/32,172.16.255.140",
        "0.0.0.0/0,172.16.255.129",
    ]
