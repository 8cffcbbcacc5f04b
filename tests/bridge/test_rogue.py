"""Servers and routers behind configured ports: nobody hears them, unless their port is trusted."""

import itertools
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from ovsdhcp.dhcp.message import MessageType
from ovsdhcp.lab.deadline import wait_for
from ovsdhcp.lab.laboratory import Lab, counter
from tests.bridge.frames import (
    ALL_NODES,
    BROADCAST,
    IPV4,
    IPV6,
    ether,
    icmpv6,
    ipv4,
    ipv6,
    tag,
    udp,
)
from tests.bridge.raw import RawPort, raw_ports
from tests.bridge.tables import VM_NET
from tests.dhcp.wire import bootp, mac

LEASE_TABLE = (
    VM_NET
    + """
bridges:
  br-int:
    ports:
      vm1: {subnet: vm-net, ip: 172.16.255.133}
      vm2: {subnet: vm-net, ip: 172.16.255.134, trusted: true}
      vm5: {subnet: vm-net, mac: 02:ac:10:ff:01:30, ip: 172.16.255.130}
"""
)
ROGUE, VICTIM = mac("02:00:00:00:00:66"), mac("02:00:00:00:00:44")
OFFER = bootp(MessageType.OFFER, {54: bytes((192, 168, 66, 1))}, chaddr=VICTIM)
NUMBERS = itertools.count(1)


def offer(source: int = 67, target: bytes = BROADCAST, before: bytes = b"") -> bytes:
    packet = ipv4("192.168.66.1", "255.255.255.255", payload=udp(source, 68, OFFER))
    return ether(ROGUE, before + IPV4, packet, target)


def six(protocol: int, payload: bytes, target: bytes = ALL_NODES, before: bytes = b"") -> bytes:
    return ether(ROGUE, before + IPV6, ipv6(protocol, payload), target)


SERVERS = {
    "an OFFER": offer(),
    "an OFFER to its client": offer(target=VICTIM),
    "an OFFER from another port": offer(1067, VICTIM),
    "an OFFER with a tag": offer(before=tag(7)),
    "an OFFER with a priority": offer(target=VICTIM, before=tag(7 << 13)),
    "an OFFER with two tags": offer(target=VICTIM, before=tag(0) + tag(0)),
    "an OFFER with two, of a service": offer(target=VICTIM, before=tag(0, b"\x88\xa8") + tag(0)),
    "an OFFER in fragments": ether(
        ROGUE, IPV4, ipv4("192.168.66.1", "255.255.255.255", payload=udp(67, 68), fragment=0x2000)
    ),
    "an ADVERTISE": six(17, udp(547, 546), VICTIM),
    "an ADVERTISE from another port": six(17, udp(1547, 546), VICTIM),
    "an ADVERTISE with a tag": six(17, udp(547, 546), VICTIM, tag(7)),
    "a router": six(58, icmpv6(134)),
    "a router, to one": six(58, icmpv6(134), VICTIM),
    "a router with a tag": six(58, icmpv6(134), before=tag(7)),
    "a router behind destination options": six(60, b"\x3a\0\1\4\0\0\0\0" + icmpv6(134)),
    "a router in fragments": ether(ROGUE, IPV6, ipv6(58, icmpv6(134), fragment=0), ALL_NODES),
    "a router in later fragments": ether(ROGUE, IPV6, ipv6(60, bytes(16), fragment=4), ALL_NODES),
}
CLIENTS = {
    "a SOLICIT": six(17, udp(546, 547)),
    "a router wanted": six(58, icmpv6(133)),
    "a neighbour wanted": six(58, icmpv6(135)),
    "a datagram from port 67": ether(ROGUE, IPV4, ipv4("192.168.66.1", payload=udp(67, 69))),
    "IPv6 in fragments, to one": ether(ROGUE, IPV6, ipv6(58, icmpv6(128), fragment=0), VICTIM),
}


def seen(ports: dict[str, RawPort], port: str, octets: bytes) -> list[bytes]:
    """What comes out of the other ports of a frame that goes into one, with the outer tag off."""
    for it in ports.values():
        it.arrived()
    mark = ether(ROGUE, IPV4, ipv4("192.168.66.1", payload=udp(1, 2, b"%020d" % next(NUMBERS))))
    ports[port].send(octets)
    ports[port].send(mark)
    others = [it for name, it in ports.items() if name != port]
    return [
        frame
        for it in others
        for frame in it.first(lambda frame: frame == mark or None, within=5)[1]
    ]


@pytest.fixture(scope="module")
def ports(module_lab: Lab) -> Iterator[dict[str, RawPort]]:
    module_lab.wait_for_flows("vm1", "vm2", "vm5")
    with raw_ports(module_lab) as opened:
        yield opened


@pytest.mark.parametrize("octets", SERVERS.values(), ids=SERVERS)
def test_what_only_servers_say_is_heard_of_trusted_ports_alone(
    ports: dict[str, RawPort], octets: bytes
) -> None:
    assert seen(ports, "vm1", octets) == []
    assert seen(ports, "vm4", octets), "a port that the table does not name is left alone"


@pytest.mark.parametrize("octets", CLIENTS.values(), ids=CLIENTS)
def test_what_clients_say_is_heard(ports: dict[str, RawPort], octets: bytes) -> None:
    assert seen(ports, "vm1", octets)


@pytest.mark.parametrize("name", [name for name in SERVERS if "fragments" not in name])
def test_a_trusted_port_is_heard(ports: dict[str, RawPort], name: str) -> None:
    assert seen(ports, "vm2", SERVERS[name])


@contextmanager
def dnsmasq(lab: Lab, port: str) -> Iterator[None]:
    """A real server at a port: DHCP, DHCPv6 and router advertisements."""
    home, ip = lab.ports[port].home, ("ip", "-n", lab.ports[port].home)
    for address in ("192.168.66.1/24", "fd00:66::1/64"):
        nodad = ("nodad",) if ":" in address else ()
        lab.shell.run(*ip, "addr", "add", address, "dev", port, *nodad, doing="set an address")
    log = lab.names.folder / "dnsmasq.log"
    argv = (
        *("ip", "netns", "exec", home, "dnsmasq", "--no-daemon", "--port=0", "--user=root"),
        *("--conf-file=/dev/null", "--leasefile-ro", "--pid-file=", "--log-dhcp"),
        *(f"--interface={port}", "--bind-interfaces", f"--log-facility={log}"),
        *("--dhcp-range=192.168.66.10,192.168.66.50,1h", "--dhcp-authoritative"),
        *("--dhcp-range=fd00:66::10,fd00:66::50,64,1h", "--enable-ra", "--ra-param=*,high,4"),
    )
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        assert wait_for(lambda: log.exists() and "started" in log.read_text(), within=5)
        yield
    finally:
        process.terminate()
        process.wait(5)
        log.unlink(missing_ok=True)
        lab.shell.run(*ip, "-6", "addr", "del", "fd00:66::1/64", "dev", port, doing="take it away")


def is_router(octets: bytes) -> bool:
    return octets[12:14] == IPV6 and octets[20] == 58 and octets[54] == 134


@pytest.mark.skipif(shutil.which("dnsmasq", path="/usr/sbin") is None, reason="no dnsmasq")
@pytest.mark.parametrize(("port", "heard"), [("vm1", False), ("vm2", True)])
def test_a_real_server_is_heard_of_a_trusted_port_alone(lab: Lab, port: str, heard: bool) -> None:
    """The client is at a port that the table does not name: its DISCOVER is flooded."""
    there = lab.ports
    victim = RawPort(there["vm4"].home, "vm4", frozenset())
    rogue = RawPort(there[port].home, port, frozenset())
    client = lab.client("udhcpc", "vm4")
    with (
        dnsmasq(lab, port),
        closing(victim),
        closing(rogue),
        lab.sniff(port) as at_rogue,
        lab.sniff("vm4") as at_client,
        lab.sniff("vm5") as at_other,
    ):
        client.start()
        offered = at_rogue.wait(lambda it: it.kind == "OFFER", within=10)
        assert offered, "it has answered"
        if heard:
            assert at_client.wait(lambda it: it.source == "192.168.66.1", within=5)
            victim.first(lambda it: is_router(it) or None, within=10)
            return
        again = at_rogue.wait(lambda it: it.kind == "OFFER" and it.at > offered.at, within=10)
        assert again, "and a second time, since the client has heard nothing"
        assert wait_for(lambda: advertised(lab, port) > 1, within=10)
        mark = ether(ROGUE, IPV4, ipv4("192.168.66.1"))
        rogue.send(mark)
        _, before = victim.first(lambda it: it == mark or None, within=5)
        assert not [it for it in before if is_router(it)]
        assert [it.kind for it in at_client.read() if it.source == "192.168.66.1"] == []
        assert [it.kind for it in at_other.read() if it.source == "192.168.66.1"] == []
    assert dropped(lab, port, "udp,tp_dst=68") >= 2, "and that is counted"


def advertised(lab: Lab, port: str) -> int:
    return dropped(lab, port, "icmp6,icmp_type=134")


def dropped(lab: Lab, port: str, match: str) -> int:
    lab.switch.count_packets()
    number = lab.ports[port].number
    return sum(map(counter, lab.switch.flows(f"table=0,in_port={number},{match}")))


def test_our_own_client_is_served_beside_it(lab: Lab) -> None:
    with dnsmasq(lab, "vm1"):
        client = lab.client("udhcpc", "vm5")
        client.start()
        assert client.wait_until_bound().addresses == ("172.16.255.130/26",)
