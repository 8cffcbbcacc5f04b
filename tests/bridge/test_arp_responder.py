"""Fifty ports of a subnet whose ARP the bridge answers: who is told what, and who hears of it."""

import itertools
import subprocess
from collections.abc import Iterator

import pytest

from ovsdhcp.lab.deadline import wait_for
from ovsdhcp.lab.laboratory import Lab
from tests.bridge.frames import ARP, BROADCAST, REPLY, REQUEST, arp, ether, tag
from tests.bridge.raw import RawPort
from tests.dhcp.wire import mac

PORTS = 50
"""p1 to p50, on the bridge's own machine; their client is 10.0.0.N with 02:00:00:00:01:N."""

LEASE_TABLE = """
subnets:
  answered: {cidr: 10.0.0.0/24, server_id: 10.0.0.254, server_mac: 02:00:00:00:00:01,
             lease_time: 1h, arp_responder: true}
  asked:    {cidr: 10.0.0.0/24, server_id: 10.0.0.254, server_mac: 02:00:00:00:00:01,
             lease_time: 1h}
bridges:
  br-int:
    ports:
      vm1: {subnet: asked, ip: 10.0.0.201, mac: 02:ac:10:ff:01:31}
      vm2: {subnet: answered, ip: 10.0.0.202}
      vm3: {subnet: answered, ip: 10.0.0.203, mac: 02:ac:10:ff:01:33}
      vm5: {subnet: answered, ip: 10.0.0.205, mac: 02:ac:10:ff:01:30}
      gone: {subnet: answered, ip: 10.0.0.206, mac: 02:00:00:00:00:06}
""" + "".join(
    f'      p{n}: {{subnet: answered, ip: 10.0.0.{n}, mac: "02:00:00:00:01:{n:02x}"}}\n'
    for n in range(1, PORTS + 1)
)

ARP_ENDS = 42
OF_P = [mac(f"02:00:00:00:01:{n:02x}") for n in range(PORTS + 1)]


@pytest.fixture(scope="module")
def crowded(module_lab: Lab) -> Lab:
    """The lab with fifty more ports, their addresses set and nobody in the kernel to answer."""
    lab = module_lab
    plug = (
        word
        for n in range(1, PORTS + 1)
        for word in (
            *("--", "add-port", "br-int", f"p{n}", "--", "set", "Interface", f"p{n}"),
            *("type=internal", f"ofport_request={100 + n}", f'mac="02:00:00:00:01:{n:02x}"'),
        )
    )
    lab.switch.vsctl(*plug, doing="plug in fifty ports")
    lines = (
        f"sysctl -qw net.ipv4.conf.all.arp_ignore=8 net.ipv6.conf.p{n}.disable_ipv6=1\n"
        f"ip addr add 10.0.0.{n}/32 dev p{n}; ip link set p{n} up"
        for n in range(1, PORTS + 1)
    )
    lab.shell.run("ip", "netns", "exec", lab.home, "sh", "-ec", "\n".join(lines), doing="set up")
    assert wait_for(lambda: len(lab.switch.flows("table=26")) >= 3 * PORTS, within=10)
    return lab


@pytest.fixture
def ports(crowded: Lab) -> Iterator[dict[str, RawPort]]:
    places = {name: port.home for name, port in crowded.ports.items()}
    places |= {f"p{n}": crowded.home for n in range(1, PORTS + 1)}
    opened = {name: RawPort(home, name, frozenset()) for name, home in places.items()}
    yield opened
    for it in opened.values():
        it.close()


def who_has(sender: bytes, spa: str, tpa: str, before: bytes = b"") -> bytes:
    return ether(sender, before + ARP, arp(REQUEST, sender, spa, tpa))


def is_at(there: bytes, address: str, asker: bytes, spa: str) -> bytes:
    return ether(there, ARP, arp(REPLY, there, address, spa, asker), asker)[:ARP_ENDS]


NUMBERS = itertools.count(1)


def mark() -> bytes:
    return ether(mac("02:00:00:00:99:99"), b"\x88\xb5", b"%046d" % next(NUMBERS))


def outcome(ports: dict[str, RawPort], port: str, question: bytes) -> dict[str, list[bytes]]:
    """What comes out of which port of a question, as ARP without tag and padding.

    Two marks say that it is all: one behind the question, and when that has passed, one that comes
    to the port that asked as well.
    """
    for it in ports.values():
        it.arrived()
    behind, last = mark(), mark()
    ports[port].send(question)
    ports[port].send(behind)
    seen = {"vm4": ports["vm4"].first(lambda it: it == behind or None, within=5)[1]}
    ports["vm4"].send(last)
    for name, one in ports.items():
        if name != "vm4":
            seen[name] = one.first(lambda it: it == last or None, within=5)[1]
    return {
        name: short
        for name, frames in seen.items()
        if (short := [it[:ARP_ENDS] for it in frames if it[12:14] == ARP])
    }


def everywhere(ports: dict[str, RawPort], port: str, octets: bytes) -> dict[str, list[bytes]]:
    return {name: [octets[:ARP_ENDS]] for name in ports if name != port}


@pytest.mark.slow
def test_every_pair_finds_each_other_and_no_third_hears_of_it(
    crowded: Lab, ports: dict[str, RawPort]
) -> None:
    for it in ports.values():
        it.arrived()
    loops = (
        f"for there in $(seq 1 {PORTS}); do [ $there = $here ] ||"
        " arping -q -f -c 1 -w 2 -I p$here -s 10.0.0.$here 10.0.0.$there || echo $here $there; done"
    )
    script = f"for here in $(seq 1 {PORTS}); do {loops}; done"
    argv = ("ip", "netns", "exec", crowded.home, "sh", "-c", script)
    done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=120)
    assert (done.stdout, done.stderr) == ("", ""), "pairs that did not find each other"
    seen = [it for one in ports.values() for it in one.arrived() if it[12:14] == ARP]
    kinds = {(frame[6:12] in OF_P, frame[20:22]) for frame in seen}
    assert kinds == {(True, b"\0\2")}, "answers of the bridge, and not one who-has"


def test_without_the_responder_a_third_does_hear(ports: dict[str, RawPort]) -> None:
    """The measure can fail: vm1 is of a subnet without one."""
    question = who_has(mac("02:ac:10:00:77:01"), "10.0.0.201", "10.0.0.1")
    assert outcome(ports, "vm1", question) == everywhere(ports, "vm1", question)


CASES = [
    # the port that asks, its sender address, what it asks for, and who answers (None: flooded)
    pytest.param("p1", "10.0.0.1", "10.0.0.2", OF_P[2], id="another's"),
    pytest.param("p1", "10.0.0.1", "10.0.0.203", mac("02:ac:10:ff:01:33"), id="one in a namespace"),
    pytest.param("p1", "10.0.0.1", "10.0.0.254", mac("02:00:00:00:00:01"), id="the server's"),
    pytest.param("p1", "0.0.0.0", "10.0.0.2", OF_P[2], id="a second holder's probe"),
    pytest.param("p1", "0.0.0.0", "10.0.0.1", None, id="its own probe"),
    pytest.param("p1", "10.0.0.1", "10.0.0.1", None, id="its own announcement"),
    pytest.param("p1", "10.0.0.2", "10.0.0.2", None, id="another's announcement, without a guard"),
    pytest.param("p1", "10.0.0.1", "10.0.0.206", None, id="of a port that is not there"),
    pytest.param("p1", "10.0.0.1", "10.0.0.202", None, id="of a client whose MAC is not known"),
    pytest.param("p1", "10.0.0.1", "10.0.0.201", None, id="of the other subnet"),
    pytest.param("p1", "10.0.0.1", "10.0.0.99", None, id="bound to nobody"),
]


@pytest.mark.parametrize(("port", "spa", "tpa", "answer"), CASES)
def test_who_answers(
    ports: dict[str, RawPort], port: str, spa: str, tpa: str, answer: bytes | None
) -> None:
    question = who_has(OF_P[1], spa, tpa)
    seen = outcome(ports, port, question)
    if answer is None:
        assert seen == everywhere(ports, port, question)
    else:
        assert seen == {port: [is_at(answer, tpa, OF_P[1], spa)]}


def test_a_question_to_one_goes_to_that_one(ports: dict[str, RawPort]) -> None:
    """A kernel that looks whether its neighbour is still there asks it alone."""
    question = ether(OF_P[1], ARP, arp(REQUEST, OF_P[1], "10.0.0.1", "10.0.0.2"), OF_P[2])
    assert question[:6] != BROADCAST
    assert outcome(ports, "p1", question)["p2"] == [question[:ARP_ENDS]]


def test_a_tagged_question_has_a_tagged_answer(ports: dict[str, RawPort]) -> None:
    seen = outcome(ports, "p1", who_has(OF_P[1], "10.0.0.1", "10.0.0.2", tag(7)))
    assert seen == {"p1": [is_at(OF_P[2], "10.0.0.2", OF_P[1], "10.0.0.1")]}


def test_the_answers_go_with_their_port(crowded: Lab, ports: dict[str, RawPort]) -> None:
    question = who_has(OF_P[1], "10.0.0.1", "10.0.0.205")
    assert outcome(ports, "p1", question).keys() == {"p1"}
    crowded.switch.vsctl("del-port", "br-int", "vm5", doing="unplug vm5")
    try:
        assert wait_for(lambda: not about(crowded, "10.0.0.205"), within=5)
        seen = outcome({k: v for k, v in ports.items() if k != "vm5"}, "p1", question)
        assert len(seen) > PORTS
    finally:
        crowded.switch.add_port("vm5", 5)
    assert wait_for(lambda: about(crowded, "10.0.0.205"), within=5)


def about(lab: Lab, address: str) -> list[str]:
    return lab.switch.flows(f"table=26,arp,arp_tpa={address}")


def test_duplicate_addresses_are_detected(crowded: Lab) -> None:
    """A dhcpcd takes its address after probing; arping -D finds it free, and another's taken."""
    client = crowded.client("dhcpcd", "vm3")
    client.start()
    assert client.wait_until_bound().addresses == ("10.0.0.203/24",)
    crowded.clear("vm3")
    for address, taken in (("10.0.0.203", 0), ("10.0.0.205", 1), ("10.0.0.254", 1)):
        home = crowded.ports["vm3"].home
        argv = ("ip", "netns", "exec", home, "arping", "-D", "-w", "2", "-c", "2", "-I", "vm3")
        done = subprocess.run((*argv, address), capture_output=True, text=True, check=False)
        assert done.returncode == taken, f"{address}: {done.stdout}"
