"""What a guarded port may send, and what may be sent to it: as frames, through a real bridge."""

import itertools
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from ovsdhcp.dhcp.message import MessageType
from ovsdhcp.lab.deadline import wait_for
from ovsdhcp.lab.laboratory import Lab, Names, counter
from tests.bridge.frames import (
    ALL_NODES,
    ARP,
    BROADCAST,
    IPV4,
    IPV6,
    LLDP,
    RARP,
    REPLY,
    REQUEST,
    REVERSE_REPLY,
    REVERSE_REQUEST,
    arp,
    ether,
    icmpv6,
    ipv4,
    ipv6,
    tag,
    udp,
)
from tests.bridge.raw import RawPort, raw_ports
from tests.bridge.tables import VM_NET
from tests.dhcp.wire import bootp, frame, mac

TRIES = 10_000

ME, OTHER, BOUND = mac("02:00:00:00:00:50"), mac("02:00:00:00:00:51"), mac("02:00:00:00:00:52")
A, B = mac("02:00:00:00:00:0a"), mac("02:00:00:00:00:0b")
MINE, ALLOWED, WITHIN, THEIRS = "172.16.255.150", "172.16.255.180", "198.51.100.9", "172.16.255.151"
ANYONES, OF_A, OF_B, SERVER = "172.16.255.152", "172.16.255.160", "172.16.255.161", "172.16.255.129"

LEASE_TABLE = (
    VM_NET
    + f"""
bridges:
  br-int:
    other_traffic: OTHER_TRAFFIC
    ports:
      vm1: {{subnet: vm-net, mac: "{OTHER.hex(":")}", ip: {THEIRS}}}
      vm2:
        subnet: vm-net
        guard: true
        hosts:
          - {{mac: "{A.hex(":")}", ip: {OF_A}}}
          - {{mac: "{B.hex(":")}", ip: {OF_B}}}
      vm3: {{subnet: vm-net, ip: {ANYONES}, guard: true}}
      vm5:
        subnet: vm-net
        mac: "{ME.hex(":")}"
        ip: {MINE}
        guard: true
        allowed: [{ALLOWED}, 198.51.100.0/24]
"""
)
OF_OTHERS = (
    # what a bridge with `other_traffic: none` has of others, below our flows
    "cookie=0x99,table=0,priority=39979,ip,nw_dst=203.0.113.9,actions=drop",
    "cookie=0x99,table=0,priority=7,actions=NORMAL",
)

Sent = tuple[str, str, bytes, bool]


def sent(port: str, *rows: tuple[str, bytes, bool]) -> list[Sent]:
    return [(port, name, octets, passes) for name, octets, passes in rows]


def probe(sender: bytes, tpa: str, op: int = REQUEST) -> bytes:
    return ether(sender, ARP, arp(op, sender, "0.0.0.0", tpa))


FRAMES: list[Sent] = [
    *sent(
        "vm5",
        ("its own address", ether(ME, IPV4, ipv4(MINE)), True),
        ("its own, to one", ether(ME, IPV4, ipv4(MINE, THEIRS), OTHER), True),
        ("its own, in a fragment", ether(ME, IPV4, ipv4(MINE, fragment=0x2001), OTHER), True),
        ("its own, with IPv4 options", ether(ME, IPV4, ipv4(MINE, options=b"\1\1\1\0")), True),
        ("its own, tagged", ether(ME, tag(7) + IPV4, ipv4(MINE)), True),
        ("allowed", ether(ME, IPV4, ipv4(ALLOWED)), True),
        ("of an allowed network", ether(ME, IPV4, ipv4(WITHIN)), True),
        ("another's address", ether(ME, IPV4, ipv4(THEIRS)), False),
        ("the server's address", ether(ME, IPV4, ipv4(SERVER)), False),
        ("the next beyond what is allowed", ether(ME, IPV4, ipv4("198.51.101.0")), False),
        ("no address", ether(ME, IPV4, ipv4("0.0.0.0")), False),
        ("no address, 68 to 4011", ether(ME, IPV4, ipv4("0.0.0.0", payload=udp(68, 4011))), False),
        ("another's, in a fragment", ether(ME, IPV4, ipv4(THEIRS, fragment=0x2001), OTHER), False),
        ("another's, with options", ether(ME, IPV4, ipv4(THEIRS, options=b"\1\1\1\0")), False),
        ("another's, tagged", ether(ME, tag(7) + IPV4, ipv4(THEIRS)), False),
        ("another's, priority-tagged", ether(ME, tag(0) + IPV4, ipv4(THEIRS)), False),
        ("its own, tagged by a service", ether(ME, tag(7, b"\x88\xa8") + IPV4, ipv4(MINE)), True),
        ("behind two tags", ether(ME, tag(7) + tag(8) + IPV4, ipv4(MINE), OTHER), False),
        ("behind 802.1ad", ether(ME, tag(7, b"\x88\xa8") + tag(8) + IPV4, ipv4(MINE)), False),
        ("an IPv4 header that lies", ether(ME, IPV4, b"\x4f" + ipv4(MINE)[1:]), False),
        ("IPv4 cut short", ether(ME, IPV4, ipv4(MINE)[:12])[:30], False),
        ("another's MAC", ether(OTHER, IPV4, ipv4(MINE)), False),
        ("another's MAC and address", ether(OTHER, IPV4, ipv4(THEIRS)), False),
        ("another's MAC, IPv6", ether(OTHER, IPV6, ipv6(17, udp(5000, 5001))), False),
        ("another's MAC, LLDP", ether(OTHER, LLDP, bytes(46)), False),
        ("another's MAC, 802.3", ether(OTHER, b"\0\x20", bytes(46)), False),
        ("its own MAC, IPv6", ether(ME, IPV6, ipv6(17, udp(5000, 5001)), ALL_NODES), True),
        ("its own MAC, LLDP", ether(ME, LLDP, bytes(46)), True),
        ("who-has", ether(ME, ARP, arp(REQUEST, ME, MINE, THEIRS)), True),
        ("who-has, tagged", ether(ME, tag(7) + ARP, arp(REQUEST, ME, MINE, THEIRS)), True),
        ("is-at", ether(ME, ARP, arp(REPLY, ME, MINE, THEIRS, OTHER), OTHER), True),
        ("announced", ether(ME, ARP, arp(REQUEST, ME, MINE, MINE)), True),
        ("announced, allowed", ether(ME, ARP, arp(REQUEST, ME, ALLOWED, ALLOWED)), True),
        ("a probe for its own", probe(ME, MINE), True),
        ("a probe for what is allowed", probe(ME, WITHIN), True),
        ("a probe for another's", probe(ME, THEIRS), False),
        ("a probe that is a reply", probe(ME, MINE, REPLY), False),
        ("who-has in another's name", ether(ME, ARP, arp(REQUEST, ME, THEIRS, OF_A)), False),
        ("is-at for another's", ether(ME, ARP, arp(REPLY, ME, THEIRS, OF_A, A), A), False),
        ("is-at for the server", ether(ME, ARP, arp(REPLY, ME, SERVER, OF_A, A), A), False),
        ("announced, another's", ether(ME, ARP, arp(REQUEST, ME, THEIRS, THEIRS)), False),
        ("another's MAC inside", ether(ME, ARP, arp(REPLY, OTHER, MINE, OF_A, A), A), False),
        ("another's MAC outside", ether(OTHER, ARP, arp(REPLY, ME, MINE, OF_A, A), A), False),
        ("a lie behind a tag", ether(ME, tag(7) + ARP, arp(REPLY, ME, THEIRS, OF_A)), False),
        ("a lie behind two", ether(ME, tag(0) + tag(0) + ARP, arp(REPLY, ME, THEIRS, OF_A)), False),
        ("a lie of no op", ether(ME, ARP, arp(0, ME, THEIRS, OF_A)), False),
        ("a lie of op 258", ether(ME, ARP, arp(258, ME, THEIRS, OF_A)), False),
        (
            "ARP of another hardware",
            ether(ME, ARP, b"\0\6" + arp(REPLY, ME, MINE, OF_A)[2:]),
            False,
        ),
        ("ARP cut short", ether(ME, ARP, arp(REPLY, ME, MINE, OF_A))[:30], False),
        ("moved", ether(ME, RARP, arp(REVERSE_REQUEST, ME, "0.0.0.0", "0.0.0.0", ME)), True),
        ("another moved", ether(ME, RARP, arp(REVERSE_REQUEST, OTHER, THEIRS, THEIRS)), False),
        ("RARP's answer", ether(ME, RARP, arp(REVERSE_REPLY, ME, MINE, THEIRS, OTHER)), False),
    ),
    *sent(
        "vm2",
        ("a's address", ether(A, IPV4, ipv4(OF_A)), True),
        ("b's address", ether(B, IPV4, ipv4(OF_B)), True),
        ("b's address from a", ether(A, IPV4, ipv4(OF_B)), False),
        ("b's ARP from a", ether(A, ARP, arp(REQUEST, A, OF_B, THEIRS)), False),
        ("a third client", ether(OTHER, IPV4, ipv4(OF_A)), False),
    ),
    *sent(
        "vm3",
        ("any MAC, its address", ether(BOUND, IPV4, ipv4(ANYONES)), True),
        ("any MAC, another's address", ether(BOUND, IPV4, ipv4(MINE)), False),
        ("any MAC, its ARP", ether(BOUND, ARP, arp(REQUEST, BOUND, ANYONES, THEIRS)), True),
        ("any MAC, another's ARP", ether(BOUND, ARP, arp(REPLY, BOUND, MINE, OF_A)), False),
        ("any MAC, its probe", probe(BOUND, ANYONES), True),
        ("any MAC, another's probe", probe(BOUND, MINE), False),
    ),
    *sent("vm1", ("without a guard", ether(ME, IPV4, ipv4(MINE)), True)),
    *sent("vm4", ("that is not in the table", ether(ME, ARP, arp(REPLY, ME, SERVER, MINE)), True)),
]

TO_GUARDED: list[tuple[str, str, bytes, bool]] = [
    ("its own", "vm5", ether(OTHER, IPV4, ipv4(THEIRS, MINE), ME), True),
    ("allowed", "vm5", ether(OTHER, IPV4, ipv4(THEIRS, ALLOWED), ME), True),
    ("an allowed network's", "vm5", ether(OTHER, IPV4, ipv4(THEIRS, WITHIN), ME), True),
    ("another's", "vm5", ether(OTHER, IPV4, ipv4(THEIRS, OF_A), ME), False),
    ("another's, tagged", "vm5", ether(OTHER, tag(7) + IPV4, ipv4(THEIRS, OF_A), ME), False),
    ("a subnet's broadcast", "vm5", ether(OTHER, IPV4, ipv4(THEIRS, "172.16.255.191"), ME), False),
    ("everybody's", "vm5", ether(OTHER, IPV4, ipv4(THEIRS, "255.255.255.255"), ME), True),
    ("a group's", "vm5", ether(OTHER, IPV4, ipv4(THEIRS, "239.1.2.3"), ME), True),
    ("broadcast", "vm5", ether(OTHER, IPV4, ipv4(THEIRS, OF_A)), True),
    ("ARP", "vm5", ether(OTHER, ARP, arp(REPLY, OTHER, THEIRS, MINE, ME), ME), True),
    ("IPv6", "vm5", ether(OTHER, IPV6, ipv6(17, udp(5000, 5001)), ME), True),
    ("a's", "vm2", ether(OTHER, IPV4, ipv4(THEIRS, OF_A), A), True),
    ("b's to a", "vm2", ether(OTHER, IPV4, ipv4(THEIRS, OF_B), A), False),
    ("whatever, its MAC being unknown", "vm3", ether(OTHER, IPV4, ipv4(THEIRS, MINE), BOUND), True),
]


class Rig(NamedTuple):
    """A lab whose bridge is guarded, and its ports as packet sockets."""

    lab: Lab
    ports: dict[str, RawPort]

    def seen(self, port: str, *octets: bytes) -> dict[str, list[bytes]]:
        """What comes out of the other ports of frames that go into one; a last one marks the end.

        The mark passes any guard, and a port's frames stay in their order.
        """
        for it in self.ports.values():
            it.arrived()
        marked = MARKS[port](next(NUMBERS))
        for one in (*octets, marked):
            self.ports[port].send(one)
        others = {name: it for name, it in self.ports.items() if name != port}
        seen = {}
        for name, it in others.items():
            seen[name] = it.first(lambda frame: frame == marked or None, within=5)[1]
        return seen


NUMBERS = itertools.count(1)


def _mark(source: bytes, address: str) -> Callable[[int], bytes]:
    return lambda n: ether(source, IPV4, ipv4(address, payload=udp(5002, 5003, b"%020d" % n)))


MARKS = {
    "vm1": _mark(OTHER, THEIRS),
    "vm2": _mark(A, OF_A),
    "vm3": _mark(BOUND, ANYONES),
    "vm4": _mark(mac("02:00:00:00:00:44"), "172.16.255.189"),
    "vm5": _mark(ME, MINE),
}


@pytest.fixture(scope="module", params=["normal", "none"])
def rig(
    request: pytest.FixtureRequest,
    new_names: Callable[[], Names],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Rig]:
    """A guard is the same with our catch-all and with others' flows below."""
    table: Path = tmp_path_factory.mktemp("table") / "table.yaml"
    table.write_text(LEASE_TABLE.replace("OTHER_TRAFFIC", request.param))
    lab = Lab(new_names())
    try:
        lab.up(table)
        for flow in OF_OTHERS if request.param == "none" else ():
            lab.switch.ofctl("add-flow", "br-int", flow, doing="add a flow of others")
        lab.wait_for_flows("vm1", "vm2", "vm3", "vm5")
        with raw_ports(lab) as ports:
            yield Rig(lab, ports)
    finally:
        lab.down()


def comes_as(octets: bytes) -> set[bytes]:
    """A frame as a packet socket shows it: the kernel has taken the outer 802.1Q tag off."""
    untagged = octets[:12] + octets[16:] if octets[12:14] in (b"\x81\x00", b"\x88\xa8") else octets
    return {octets, untagged}


@pytest.mark.parametrize(
    ("port", "octets", "passes"),
    [pytest.param(port, octets, ok, id=f"{port} {name}") for port, name, octets, ok in FRAMES],
)
def test_what_a_port_may_send(rig: Rig, port: str, octets: bytes, passes: bool) -> None:
    seen = rig.seen(port, octets)
    everything = list(itertools.chain.from_iterable(seen.values()))
    if passes:
        assert everything
        assert all(frame in comes_as(octets) for frame in everything)
    else:
        assert everything == []


@pytest.mark.parametrize("entrance", ["vm1", "vm4"])
@pytest.mark.parametrize(
    ("port", "octets", "passes"),
    [pytest.param(port, octets, ok, id=name) for name, port, octets, ok in TO_GUARDED],
)
def test_what_may_be_sent_to_a_port(
    rig: Rig, entrance: str, port: str, octets: bytes, passes: bool
) -> None:
    rig.lab.switch.forget_macs()
    arrived = rig.seen(entrance, octets)[port]
    assert [frame in comes_as(octets) for frame in arrived] == [True] * passes


def spoofed(chance: random.Random) -> Iterator[bytes]:
    """Frames of vm5 in another's name: its MAC, its address, or as the sender of ARP."""
    macs = (OTHER, A, B, BOUND, mac("02:ac:10:ff:01:29"))
    addresses = (THEIRS, OF_A, OF_B, ANYONES, SERVER, "172.16.255.130", "192.0.2.1", "0.0.0.0")
    tags = (b"", b"", tag(0), tag(7), tag(7, b"\x88\xa8"), tag(0) + tag(0))
    fragments = (0, 0, 0, 0x4000, 0x2000, 0x2005, 0x0005)
    while True:
        theirs, address = chance.choice(macs), chance.choice(addresses)
        if chance.random() < 0.3:
            theirs = chance.randbytes(6)
            theirs = bytes([theirs[0] & 0xFE]) + theirs[1:]
        tags_before, target = chance.choice(tags), chance.choice((BROADCAST, *macs))
        packet = ipv4(
            address,
            chance.choice(addresses),
            protocol=chance.choice((1, 6, 17, 47, 132)),
            fragment=chance.choice(fragments),
            options=chance.choice((b"", b"\1" * 4, b"\1" * 40)),
        )
        op = chance.randrange(5)
        yield chance.choice(
            (
                ether(ME, tags_before + IPV4, packet, target),
                ether(theirs, tags_before + IPV4, packet, target),
                ether(theirs, tags_before + IPV4, ipv4(MINE), target),
                ether(theirs, tags_before + IPV6, ipv6(58, icmpv6(135)), target),
                ether(theirs, chance.randbytes(2), chance.randbytes(46), target),
                ether(ME, tags_before + ARP, arp(op, ME, address, MINE), target),
                ether(ME, tags_before + ARP, arp(op, theirs, MINE, THEIRS), target),
                ether(theirs, tags_before + ARP, arp(op, theirs, address, THEIRS), target),
                ether(ME, tags_before + RARP, arp(op, theirs, address, THEIRS), target),
            )
        )


def good(octets: bytes) -> bool:
    """A probe for its own address is no lie, though it has no sender address."""
    at = 12
    while octets[at : at + 2] in (b"\x81\x00", b"\x88\xa8"):
        at += 4
    return octets[at : at + 2] == ARP and octets[at + 16 : at + 20] == bytes(4)


def test_of_ten_thousand_lies_none_is_seen(rig: Rig) -> None:
    """The counters say that the bridge has seen them all, and where they ended."""
    before = denied(rig.lab)
    lies = itertools.islice((it for it in spoofed(random.Random(8)) if not good(it)), TRIES)
    seen: list[bytes] = []
    while batch := list(itertools.islice(lies, 100)):
        for arrived in rig.seen("vm5", *batch).values():
            seen += arrived
    assert seen == []
    assert wait_for(lambda: denied(rig.lab) - before >= TRIES, within=5)


def denied(lab: Lab) -> int:
    """How many frames of vm5 the flows that drop have counted."""
    lab.switch.count_packets()
    flows = lab.switch.flows("in_port=vm5")
    return sum(counter(flow) for flow in flows if "actions=drop" in flow)


def test_a_guarded_client_gets_its_lease(rig: Rig) -> None:
    question = frame(bootp(MessageType.DISCOVER, chaddr=ME), eth_src=ME)
    rig.ports["vm5"].send(question)
    seen, _ = rig.ports["vm5"].wait(lambda it: it.kind == "OFFER", within=2)
    assert seen.yiaddr == MINE


def test_others_flows_see_what_passes(rig: Rig) -> None:
    """With `other_traffic: none`, what is below our flows decides, for guarded ports as well."""
    to_dropped = ether(ME, IPV4, ipv4(MINE, "203.0.113.9"))
    dropped = bool(rig.lab.switch.flows("cookie=0x99/-1"))
    assert bool(rig.seen("vm5", to_dropped)["vm4"]) is not dropped


def test_behind_two_tags_as_well_where_the_switch_looks_there(rig: Rig) -> None:
    """`vlan-limit` lets the bridge see behind the second tag: what is right passes, lies do not."""
    limit = ("Open_vSwitch", ".", "other_config")
    two = tag(7) + tag(8)
    right, lie = ether(ME, two + IPV4, ipv4(MINE)), ether(ME, two + IPV4, ipv4(THEIRS))
    assert not any(rig.seen("vm5", right).values())
    rig.lab.switch.vsctl("set", *limit[:2], "other_config:vlan-limit=2", doing="look deeper")
    try:
        assert wait_for(lambda: any(rig.seen("vm5", right).values()), within=5)
        assert not any(rig.seen("vm5", lie).values())
    finally:
        rig.lab.switch.vsctl("remove", *limit, "vlan-limit", doing="look no deeper")
