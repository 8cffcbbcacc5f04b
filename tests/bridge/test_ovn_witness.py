"""A real OVN as witness: its flows outlive ovn-controller, and ovsdhcp answers them as it would.

The fixture walks the way that docs/ovn.md describes, in its order, and notes what each of the two
answers; the tests compare.
"""

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ovsdhcp.lab.client import Client, Outcome
from ovsdhcp.lab.deadline import wait_for
from ovsdhcp.lab.laboratory import Lab, Names
from ovsdhcp.lab.wire import Seen, Sniffer
from tests.bridge import ovn_host
from tests.bridge.ovn_host import Ovn
from tests.bridge.ovn_network import SHORT, make_network
from tests.bridge.ovn_questions import (
    CLIENT,
    OVN,
    QUESTIONS,
    US,
    Answer,
    ask_all,
    differences,
    informers,
    query_goes_on,
    taken_apart,
)

pytestmark = pytest.mark.skipif(bool(ovn_host.why_not()), reason=ovn_host.why_not())

LEASE_TABLE = "bridges: {br-int: {flows: external}}\n"
CLIENTS = ("dhclient", "udhcpc")
ASK_OFTEN = "initial-interval 1;\nbackoff-cutoff 2;\n"
DOCUMENT = Path(__file__).parents[2] / "docs" / "ovn.md"
CONNECTED = "bridge br-int: connected"

REASONS = {
    "ip_id": "OVN sends back the request's; a datagram of its own needs none (RFC 6864 §4.1)",
    "ip_fragment": "the same: DF is set (RFC 6864 §4.1), a reply never exceeds what is asked",
    "ip_ttl": "OVN sends back what is left of the request's; a reply is a datagram of its own",
    "ip_tos": "OVN sends back the request's, as it came",
    "ip_dst": "RFC 2131 §4.1: a NAK is broadcast in all cases",
    "udp_checksum": "OVN sends none; RFC 1122 §4.1.3.4 wants one by default",
    "secs": "RFC 2131 table 3: 0 in a reply",
    "ciaddr": "RFC 2131 table 3: 0 in a NAK",
    "siaddr": "RFC 2131 §2: the next boot server, whoever asks; OVN leaves it out here",
    "sname": "RFC 2131 table 1: the place of the server name where nobody asks for its option",
    "file": "RFC 2131 table 1: the place of the boot file where nobody asks for its option",
    "size": "RFC 1542 §2.1: a BOOTP message has 300 octets at least",
    "order": "RFC 2131 §4.3.1, RFC 2132 §9.8: as the client asked for them; OVN's is by name",
    "option 1": "OVN takes the netmask out of the answer to an INFORM; nothing says it should",
    "option 54": "RFC 2131 table 3: a NAK MUST have the server identifier",
    "option 56": "RFC 2131 table 3: a NAK SHOULD have a message",
    "option 58": "RFC 2131 §4.4.5: T1 SHOULD be sent",
    "option 59": "RFC 2131 §4.4.5: T2 SHOULD be sent",
    "option 61": "RFC 6842 §3: the client identifier MUST be sent back",
    "option 66": "RFC 2131 §4.3.1: only what was asked for",
    "option 67": "RFC 2131 §4.3.1: only what was asked for",
    "option 253": "no option: it is OVN's own name for siaddr, and should not leave the host",
}
"""What differs between OVN's reply and ours, and why."""

_EVERY = ("ip_id", "ip_fragment", "ip_ttl", "udp_checksum", "order")
_LEASE = (*_EVERY, "option 58", "option 59", "option 253")
_NAK = (*_EVERY, "ip_dst", "size", "option 54", "option 56")
_UNASKED = (*(set(_LEASE) - {"ip_ttl", "ip_id"}), "sname", "file", "option 66", "option 67")

DIFFERENCES: dict[str, tuple[str, ...]] = {
    "discover": _LEASE,
    "discover, broadcast flag": _LEASE,
    "discover, no list": (*_LEASE, "sname", "file"),
    "discover, client identifier": (*_LEASE, "option 61"),
    "discover, iPXE": (*_LEASE, "siaddr"),
    "discover, 7 s after the first": (*_LEASE, "secs"),
    "request, selecting": _LEASE,
    "request, INIT-REBOOT": _LEASE,
    "request, INIT-REBOOT, wrong": _NAK,
    "request, renewing": _LEASE,
    "request, rebinding": _LEASE,
    "request, rebinding, wrong": (*_NAK, "ciaddr"),
    "inform": (*_EVERY, "siaddr", "option 1", "option 253"),
}
"""By question, where both reply."""

SILENT = {
    "discover, relayed": "RFC 2131 §4.1 wants the reply at the relay; OVN sends it to the client",
    "request, another server": "RFC 2131 §4.3.2: the client chose somebody else; OVN acknowledges",
    "discover, after the decline": "RFC 2131 §4.3.3: somebody else uses the address",
}
"""Where OVN replies and we do not."""

CLIENT_DIFFERENCES: dict[str, tuple[str, ...]] = {
    "dhclient": (*_UNASKED, "ip_ttl", "ip_tos"),
    "udhcpc": (*_UNASKED, "option 61"),  # its own TTL is 64 as well, and its TOS 0
}
"""By real client; what it did not ask for stays away."""

OF_THE_MOMENT = {"xid", "secs"}
"""A client's own: a new xid each time, and how long it has asked, which OVN sends back."""


# -- the way, as docs/ovn.md has it ----------------------------------------------------------


@dataclass(frozen=True)
class Got:
    """What a client made of its lease, and the ACK that gave it."""

    outcome: Outcome
    ack: dict[str, str]


@dataclass(frozen=True)
class Served:
    """What one of the two servers answered: real clients, and questions octet by octet."""

    clients: dict[str, Got]
    answers: dict[str, Answer]
    query_goes_on: bool


@dataclass(frozen=True)
class Witness:
    """What was noted on the way from the one to the other."""

    lab: Lab
    ovn: Ovn
    by_ovn: Served
    by_us: Served
    flows: dict[str, list[str]]
    """The bridge's flows at each station of the way, without their counters."""
    held: dict[str, tuple[Client, Sniffer]]
    """Clients with a short lease of OVN's that went on when it had left."""


def serve(lab: Lab) -> Served:
    """Let everybody ask; the DECLINE among the questions comes last."""
    clients = {kind: lease(lab, kind) for kind in CLIENTS}
    return Served(clients, ask_all(lab), query_goes_on(lab))


def lease(lab: Lab, kind: str) -> Got:
    """What a real client gets at the port with all the options."""
    client = lab.client(kind, CLIENT)
    with lab.sniff(CLIENT) as sniffer:
        client.start()
        outcome = client.wait_until_bound()
        (ack,) = (seen for seen in sniffer.read() if seen.kind == "ACK")
    lab.clear(CLIENT)
    return Got(outcome, taken_apart(ack.frame))


def flows(lab: Lab) -> list[str]:
    """The bridge's flows, in an order of their own: `ovs-ofctl --no-stats dump-flows`."""
    said = lab.switch.ofctl("--no-stats", "dump-flows", "br-int", doing="read the flows")
    return sorted(line.strip() for line in said.splitlines() if "actions=" in line)


def hold(lab: Lab, port: str) -> tuple[Client, Sniffer]:
    """A client that has its lease and will renew it."""
    client, sniffer = lab.client("dhclient", port), lab.sniff(port)
    with (client.place.etc / "dhcp/dhclient.conf").open("a") as conf:
        conf.write(ASK_OFTEN)
    client.start()
    client.wait_until_bound()
    return client, sniffer


@pytest.fixture(scope="module")
def plain(new_names: Callable[[], Names], table: Path) -> Iterator[Lab]:
    """A bridge without a controller, as OVN has it."""
    lab = Lab(new_names())
    try:
        lab.up(table)
        lab.controller.stop()
        lab.switch.vsctl("del-controller", "br-int", doing="take the controller away")
        yield lab
    finally:
        lab.down()


@pytest.fixture(scope="module")
def witness(plain: Lab, table: Path) -> Iterator[Witness]:
    lab, ovn, seen = plain, Ovn(plain), {}
    ovn.start_central()
    make_network(ovn)
    ovn.register_host()
    ovn.start_controller()
    seen["by OVN"] = flows(lab)
    by_ovn = serve(lab)

    lab.switch.set_controller()
    seen["after set-controller"] = flows(lab)
    ovn.leave()
    ovn.start_controller()
    seen["laid again"] = flows(lab)
    held = {port: hold(lab, port) for port in ("vm3", "vm4")}
    ovn.leave()
    seen["OVN gone"] = flows(lab)
    take_over(lab, table)
    by_us = serve(lab)
    seen["by ovsdhcp"] = flows(lab)
    yield Witness(lab, ovn, by_ovn, by_us, seen, held)
    for _, sniffer in held.values():
        sniffer.__exit__()


def take_over(lab: Lab, table: Path) -> None:
    """Start ovsdhcp and wait until the bridge, which tries every few seconds, has found it."""
    before = lab.controller.log.read_text().count(CONNECTED)
    lab.start_controller(table)
    assert wait_for(lambda: lab.controller.log.read_text().count(CONNECTED) > before, within=15)


def test_only_the_first_controller_empties_the_tables(witness: Witness) -> None:
    seen = witness.flows
    assert seen["after set-controller"] == []
    assert seen["laid again"] == seen["by OVN"] != []
    assert seen["OVN gone"] == seen["laid again"], "exit --restart leaves them"
    assert seen["by ovsdhcp"] == seen["laid again"], "flows: external changes none"


@pytest.mark.parametrize("kind", CLIENTS)
def test_the_same_client_gets_the_same_from_both(witness: Witness, kind: str) -> None:
    theirs, ours = witness.by_ovn.clients[kind], witness.by_us.clients[kind]
    assert theirs.outcome == ours.outcome
    assert ours.outcome.addresses == ("172.16.255.130/26",)
    assert ours.outcome.routes["169.254.169.254"] == "172.16.255.140"
    assert ours.outcome.mtu == 1442
    assert differences(theirs.ack, ours.ack) - OF_THE_MOMENT == set(CLIENT_DIFFERENCES[kind])


def test_every_difference_has_its_reason() -> None:
    found = {name for names in (*DIFFERENCES.values(), *CLIENT_DIFFERENCES.values())
             for name in names}  # fmt: skip
    assert found == set(REASONS)


def test_the_document_lists_the_same_differences() -> None:
    said = DOCUMENT.read_text()
    assert [line for line in said.splitlines() if line.startswith("| `") and "RFC" in line] == [
        f"| `{name}` | {reason} |" for name, reason in REASONS.items() if "RFC" in reason
    ]
    assert all(f"| `{name}` | {reason} |\n" in said for name, reason in REASONS.items())
    assert all(f"| {question} | {reason} |\n" in said for question, reason in SILENT.items())


@pytest.mark.parametrize("question", QUESTIONS)
def test_an_answer_differs_only_as_listed(witness: Witness, question: str) -> None:
    theirs, ours = (served.answers[question] for served in (witness.by_ovn, witness.by_us))
    if question in SILENT:
        assert theirs.reply is not None
        assert ours.reply is None
        assert ours.flooded, "resumed with the result 0, OVN's flows let it through"
    elif theirs.reply is None or ours.reply is None:
        assert theirs == ours
        assert ours.flooded
    else:
        assert differences(theirs.reply, ours.reply) == set(DIFFERENCES[question])
        assert not theirs.flooded
        assert not ours.flooded


def test_what_waits_for_something_else_than_dhcp_goes_on(witness: Witness) -> None:
    assert not witness.by_ovn.query_goes_on, "answered by OVN"
    assert witness.by_us.query_goes_on


def renewing(seen: Seen) -> bool:
    """A client's question about the address it uses (RFC 2131 §4.3.2: ciaddr is filled)."""
    return seen.kind == "REQUEST" and seen.ciaddr != "0.0.0.0"


def acknowledged(question: Seen, sniffer: Sniffer) -> Seen:
    ack = sniffer.wait(lambda it: it.kind == "ACK" and it.at > question.at, within=SHORT / 2)
    assert ack is not None
    return ack


def test_a_lease_of_ovns_is_renewed_by_us_at_t1_by_unicast(witness: Witness) -> None:
    """Its router port has the server's address, and so answers the ARP before it."""
    client, sniffer = witness.held["vm3"]
    question = sniffer.wait(renewing, within=SHORT)
    assert question is not None
    assert question.target == "172.16.255.129"
    assert question.target_mac == "02:ac:10:ff:01:29"
    ack = acknowledged(question, sniffer)
    assert (ack.yiaddr, ack.options[54]) == ("172.16.255.133", bytes((172, 16, 255, 129)))
    assert 58 in ack.options, "it is ours: OVN sends no T1"
    assert client.outcome().addresses == ("172.16.255.133/26",)


def test_without_a_router_port_nobody_has_the_servers_mac_and_t2_renews(witness: Witness) -> None:
    """OVN lays no ARP answer for server_id; ovsdhcp lays nothing on an external bridge."""
    client, sniffer = witness.held["vm4"]
    question = sniffer.wait(lambda it: renewing(it) and not it.unicast, within=SHORT)
    assert question is not None
    assert not any(renewing(it) and it.unicast for it in sniffer.seen), "no ARP, no unicast"
    assert acknowledged(question, sniffer).yiaddr == "192.168.1.8"
    assert client.outcome().addresses == ("192.168.1.8/24",)


def test_ovn_comes_back_and_dies(witness: Witness) -> None:
    """Back, it answers as well: one of the two is to run. Killed, it leaves its flows to us."""
    lab, ovn = witness.lab, witness.ovn
    assert informers(lab, 1) == [US]
    ovn.start_controller()
    assert sorted(informers(lab, 2)) == sorted([OVN, US])
    (pid,) = ovn.controllers()
    os.kill(pid, signal.SIGKILL)
    assert wait_for(lambda: not ovn.controllers(), within=5)
    assert informers(lab, 1) == [US]
    assert flows(lab) == witness.flows["by OVN"]


def test_another_controller_leaves_the_flows_but_none_does_not(witness: Witness) -> None:
    lab = witness.lab
    lab.switch.set_controller("tcp:127.0.0.1:6654")
    assert flows(lab) == witness.flows["by OVN"]
    lab.switch.vsctl("del-controller", "br-int", doing="take the controller away")
    assert flows(lab) == []


def test_a_plain_exit_leaves_the_flows_and_unregisters_the_host(witness: Witness) -> None:
    witness.ovn.start_controller()
    assert witness.ovn.is_registered()
    witness.ovn.leave(restart=False)
    assert flows(witness.lab) == witness.flows["by OVN"]
    assert not witness.ovn.is_registered()
