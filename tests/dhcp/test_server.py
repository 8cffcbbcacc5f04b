"""The decisions: every message type, every state, right and wrong."""

from pathlib import Path

import pytest

from ovsdhcp.dhcp import reasons
from ovsdhcp.dhcp.binding import Binding
from ovsdhcp.dhcp.message import MessageType
from ovsdhcp.dhcp.server import Drop, Reply, State, answer
from tests.dhcp.asked import NOW, reply, seen, silence, verdict
from tests.dhcp.wire import (
    ADDRESS,
    BINDING,
    EVERYBODY,
    MAC,
    OFF_NETWORK,
    OTHER_MAC,
    OTHER_SERVER,
    QUIET,
    RELAY,
    SERVER,
    SERVER_MAC,
    SUBNET,
    WRONG,
    asking,
    binding,
    bootp,
    discover,
    frame,
    ip,
    request,
)

rule = pytest.mark.rule
EVERYWHERE = "255.255.255.255"
TRUSTED = binding(mac=None, trusted=True)
ANYBODY = binding(mac=None)
UNAUTHORITATIVE = binding(subnet=QUIET)


def selecting(address: str | None = ADDRESS, server: str = SERVER, **more: object) -> bytes:
    asked = {} if address is None else {50: ip(address)}
    return request({**asked, 54: ip(server)}, **more)  # type: ignore[arg-type]


def init_reboot(address: str, **more: object) -> bytes:
    return request({50: ip(address)}, **more)  # type: ignore[arg-type]


def renewing(ciaddr: str = ADDRESS, **more: object) -> bytes:
    return request((), ciaddr=ciaddr, ip_src=ciaddr, ip_dst=SERVER, **more)


def rebinding(ciaddr: str = ADDRESS, **more: object) -> bytes:
    return request((), ciaddr=ciaddr, ip_src=ciaddr, **more)  # type: ignore[arg-type]


def inform(ciaddr: str = ADDRESS, ip_src: str | None = None, **more: object) -> bytes:
    payload = bootp(MessageType.INFORM, asking(1, 3, 51, 58, 59), ciaddr=ciaddr, **more)  # type: ignore[arg-type]
    return frame(payload, ip_src=ciaddr if ip_src is None else ip_src)


# -- RFC 2131 §4.3.2: states and addresses ---------------------------------------------------

STATES = [
    # rules, frame, authoritative, not authoritative, state
    (["R1", "R11"], selecting(), "ack-selecting", "ack-selecting", State.SELECTING),
    (["R3"], selecting(WRONG), "nak-wrong-address", "nak-wrong-address", State.SELECTING),
    (["R3"], selecting(OFF_NETWORK), "nak-off-network", "nak-off-network", State.SELECTING),
    (["R3"], selecting("0.0.0.0"), "nak-no-address", "nak-no-address", State.SELECTING),
    (["R3"], selecting(None), "nak-no-address", "nak-no-address", State.SELECTING),
    (["R4"], selecting(ciaddr=ADDRESS), "ack-selecting", "ack-selecting", State.SELECTING),
    (["R2"], selecting(server=OTHER_SERVER), "other-server", "other-server", None),
    (["R2"], selecting(WRONG, server=OTHER_SERVER), "other-server", "other-server", None),
    (["R2"], selecting(server="255.255.255.255"), "other-server", "other-server", None),
    (["R1", "R5"], init_reboot(ADDRESS), "ack-init-reboot", "ack-init-reboot", State.INIT_REBOOT),
    (["R5", "R6"], init_reboot(WRONG), "nak-wrong-address", "not-authoritative", State.INIT_REBOOT),
    (["R5", "R6"], init_reboot(OFF_NETWORK), "nak-off-network", "not-authoritative",
     State.INIT_REBOOT),
    (["R5"], init_reboot(ADDRESS, ciaddr=ADDRESS), "ack-init-reboot", "ack-init-reboot",
     State.INIT_REBOOT),
    (["R1", "R7"], renewing(), "ack-renewing", "ack-renewing", State.RENEWING),
    (["R7"], renewing(WRONG), "nak-wrong-address", "not-authoritative", State.RENEWING),
    (["R7"], renewing(OFF_NETWORK), "nak-off-network", "not-authoritative", State.RENEWING),
    (["R1", "R7"], rebinding(), "ack-rebinding", "ack-rebinding", State.REBINDING),
    (["R7"], rebinding(WRONG), "nak-wrong-address", "not-authoritative", State.REBINDING),
    (["R7"], rebinding(OFF_NETWORK), "nak-off-network", "not-authoritative", State.REBINDING),
    (["R7"], request({50: ip(WRONG)}, ciaddr=ADDRESS, ip_src=ADDRESS), "nak-wrong-address",
     "not-authoritative", State.INIT_REBOOT),
    (["R9"], request(), "nak-no-address", "not-authoritative", State.INIT_REBOOT),
    (["R10"], request({54: ip(SERVER)}, ciaddr=ADDRESS, ip_src=ADDRESS, ip_dst=SERVER),
     "ack-renewing", "ack-renewing", State.RENEWING),
    (["R10"], request({54: ip(SERVER)}, ciaddr=ADDRESS, ip_src=ADDRESS),
     "ack-rebinding", "ack-rebinding", State.REBINDING),
    (["R10"], request({54: ip(OTHER_SERVER)}, ciaddr=ADDRESS, ip_src=ADDRESS),
     "other-server", "other-server", None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("octets", "authoritative", "quiet", "state"),
    [
        pytest.param(*row[1:], marks=rule(*row[0]), id=f"{n}-{row[2]}")
        for n, row in enumerate(STATES)
    ],
)
def test_a_request_in_each_state(
    octets: bytes, authoritative: str, quiet: str, state: State | None
) -> None:
    assert verdict(octets) == authoritative
    assert verdict(octets, UNAUTHORITATIVE) == quiet
    if state is not None:
        assert reply(octets).state is state


@pytest.mark.parametrize(
    ("octets", "kind"),
    [
        (discover(), MessageType.OFFER),
        (selecting(), MessageType.ACK),
        (selecting(WRONG), MessageType.NAK),
        (inform(), MessageType.ACK),
    ],
)
def test_a_reply_says_what_it_is(octets: bytes, kind: MessageType) -> None:
    given = reply(octets)
    assert given.message_type is kind
    assert seen(octets).value(53) == bytes([kind])
    assert seen(octets).codes[0] == 53
    assert given.request.mac == MAC


# -- DISCOVER --------------------------------------------------------------------------------


@rule("D1", "D2", "D9", "7844")
@pytest.mark.parametrize("given", [{}, {50: ip(WRONG)}, {61: b"\xff" + b"d" * 30}, {12: b""}])
@pytest.mark.parametrize("chaddr", [MAC, OTHER_MAC])
def test_the_port_decides_the_address(given: dict[int, bytes], chaddr: bytes) -> None:
    octets = frame(bootp(MessageType.DISCOVER, given, chaddr=chaddr), eth_src=chaddr)
    assert seen(octets, ANYBODY).address("yiaddr") == ADDRESS


@rule("D10")
def test_another_mac_than_the_bindings_is_not_served() -> None:
    octets = frame(bootp(MessageType.DISCOVER, chaddr=OTHER_MAC), eth_src=OTHER_MAC)
    assert silence(octets) == "other-client"


@rule("D10")
def test_chaddr_is_the_source_of_the_frame_unless_the_port_is_trusted() -> None:
    octets = frame(bootp(MessageType.DISCOVER, chaddr=OTHER_MAC))
    assert silence(octets, ANYBODY) == "spoofed-client"
    assert verdict(octets, TRUSTED) == "offer"


@rule("D11")
def test_a_discover_names_no_server() -> None:
    assert silence(discover({54: ip(SERVER)})) == "discover-names-server"


@rule("D3", "R11", "R12")
def test_the_same_question_has_the_same_answer() -> None:
    for octets in (discover(), selecting(), renewing(), selecting(WRONG)):
        assert answer(octets, BINDING, 1.0) == answer(octets, BINDING, 2.0)


@rule("A8")
@pytest.mark.parametrize("ciaddr", [ADDRESS, OFF_NETWORK, "255.255.255.255"])
@pytest.mark.parametrize("make", [discover, selecting], ids=["discover", "selecting"])
def test_ciaddr_means_nothing_before_there_is_an_address(make: object, ciaddr: str) -> None:
    answered = seen(make(ciaddr=ciaddr))  # type: ignore[operator]
    assert answered.address("ciaddr") == "0.0.0.0"
    assert answered.ip_dst == ADDRESS


# -- DECLINE, RELEASE, probation -------------------------------------------------------------


@rule("X1", "X2")
@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({50: ip(ADDRESS), 54: ip(SERVER)}, "decline"),
        ({50: ip(ADDRESS)}, "decline-foreign"),
        ({54: ip(SERVER)}, "decline-foreign"),
        ({50: ip(WRONG), 54: ip(SERVER)}, "decline-foreign"),
        ({50: ip(ADDRESS), 54: ip(OTHER_SERVER)}, "decline-foreign"),
    ],
)
def test_a_decline_is_recorded_if_it_is_ours(given: dict[int, bytes], reason: str) -> None:
    assert silence(frame(bootp(MessageType.DECLINE, given))) == reason


@rule("X1")
def test_a_declined_address_is_withheld_until_probation_ends() -> None:
    for octets, withheld in (
        (discover(), "probation"),
        (selecting(), "nak-probation"),
        (init_reboot(ADDRESS), "nak-probation"),
        (renewing(), "nak-probation"),
    ):
        assert verdict(octets, probation_until=NOW + 1) == withheld
        assert verdict(octets, probation_until=NOW) == verdict(octets)
    assert verdict(inform(), probation_until=NOW + 1) == "ack-inform"


@rule("X3")
@pytest.mark.parametrize(
    ("ciaddr", "given", "reason"),
    [
        (ADDRESS, {54: ip(SERVER)}, "release"),
        (ADDRESS, {}, "release"),
        (WRONG, {54: ip(SERVER)}, "release-foreign"),
        ("0.0.0.0", {54: ip(SERVER)}, "release-foreign"),
        (ADDRESS, {54: ip(OTHER_SERVER)}, "release-foreign"),
    ],
)
def test_a_release_is_recorded_if_it_is_ours(
    ciaddr: str, given: dict[int, bytes], reason: str
) -> None:
    payload = bootp(MessageType.RELEASE, given, ciaddr=ciaddr)
    assert silence(frame(payload, ip_src=ciaddr, ip_dst=SERVER)) == reason


@pytest.mark.parametrize("kind", [MessageType.OFFER, MessageType.ACK, MessageType.NAK])
def test_a_servers_message_from_a_client_is_rogue(kind: MessageType) -> None:
    assert silence(frame(bootp(kind))) == "rogue-server"


# -- INFORM ----------------------------------------------------------------------------------


@rule("X4", "A7", "T3 51 lease time", "T3 58 59")
@pytest.mark.parametrize("ciaddr", [ADDRESS, WRONG, OFF_NETWORK])
def test_an_inform_is_answered_whatever_the_address(ciaddr: str) -> None:
    answered = seen(inform(ciaddr, flags=0x8000))
    assert answered.ip_dst == ciaddr
    assert answered.eth_dst == MAC
    assert answered.address("yiaddr") == "0.0.0.0"
    assert answered.address("ciaddr") == ciaddr
    assert not {51, 58, 59} & set(answered.codes)
    assert {53, 54, 1, 3} == set(answered.codes)


@rule("X5")
@pytest.mark.parametrize(
    ("ciaddr", "ip_src"),
    [
        ("0.0.0.0", "0.0.0.0"),
        ("255.255.255.255", "0.0.0.0"),
        ("192.0.2.255", "0.0.0.0"),
        ("224.0.0.1", "0.0.0.0"),
        ("127.0.0.1", "0.0.0.0"),
        (SERVER, "0.0.0.0"),
    ],
)
def test_an_inform_from_nowhere_is_not_answered(ciaddr: str, ip_src: str) -> None:
    assert silence(inform(ciaddr, ip_src)) == "inform-nowhere"


@rule("X5")
def test_an_inform_without_ciaddr_is_answered_to_its_source() -> None:
    answered = seen(inform("0.0.0.0", ADDRESS))
    assert answered.ip_dst == ADDRESS
    assert answered.address("ciaddr") == "0.0.0.0"


# -- RFC 2131 §4.1: where replies go ---------------------------------------------------------


@rule("A2", "A3", "A4", "A5", "A9")
@pytest.mark.parametrize("flags", [0, 0x8000])
@pytest.mark.parametrize(
    ("octets", "unicast"),
    [
        (discover, ADDRESS),
        (selecting, ADDRESS),
        (lambda flags: init_reboot(ADDRESS, flags=flags), ADDRESS),
        (lambda flags: selecting(WRONG, flags=flags), None),
        (lambda flags: init_reboot(WRONG, flags=flags), None),
        (lambda flags: renewing(WRONG, flags=flags), None),
        (lambda flags: rebinding(WRONG, flags=flags), None),
    ],
)
def test_where_a_reply_goes(octets: object, unicast: str | None, flags: int) -> None:
    answered = seen(octets(flags=flags))  # type: ignore[operator]
    everywhere = unicast is None or flags
    assert answered.ip_dst == (EVERYWHERE if everywhere else unicast)
    assert answered.eth_dst == (EVERYBODY if everywhere else MAC)
    assert answered.ip_src == SERVER
    assert answered.eth_src == SERVER_MAC
    assert answered.ports == (67, 68)


@rule("A2")
@pytest.mark.parametrize("flags", [0, 0x8000])
@pytest.mark.parametrize("make", [renewing, rebinding])
def test_a_renewed_lease_goes_to_ciaddr(make: object, flags: int) -> None:
    answered = seen(make(flags=flags))  # type: ignore[operator]
    assert (answered.ip_dst, answered.eth_dst) == (ADDRESS, MAC)
    assert answered.address("ciaddr") == ADDRESS
    assert answered.address("yiaddr") == ADDRESS


# -- relays ----------------------------------------------------------------------------------

AGENT = {82: b"\1\3vm5\2\1x"}


def relayed(kind: MessageType, given: dict[int, bytes], giaddr: str = RELAY) -> bytes:
    payload = bootp(kind, given, giaddr=giaddr, hops=1)
    return frame(payload, eth_src=OTHER_MAC, ip_src=RELAY, ip_dst=SERVER, sport=67)


@rule("A1", "3046")
@pytest.mark.parametrize(
    ("giaddr", "given", "reason"),
    [
        (RELAY, {}, "relayed"),
        (SERVER, {}, "relayed"),
        ("0.0.0.0", AGENT, "relay-option"),
        ("0.0.0.0", {82: b""}, "relay-option"),
        ("0.0.0.0", {82: b"\1\xff"}, "relay-option"),
        ("0.0.0.0", {82: b"\x0b\4\1\2\3\4"}, "relay-option"),
        (RELAY, AGENT, "relay-option"),
    ],
)
def test_an_untrusted_port_has_no_relay(giaddr: str, given: dict[int, bytes], reason: str) -> None:
    assert silence(discover(given, giaddr=giaddr)) == reason


@rule("A1", "F20")
def test_a_trusted_relay_is_answered_at_port_67() -> None:
    answered = seen(relayed(MessageType.DISCOVER, {}), TRUSTED)
    assert (answered.ip_dst, answered.eth_dst, answered.ports) == (RELAY, OTHER_MAC, (67, 67))
    assert answered.field("chaddr")[:6] == MAC
    assert answered.address("giaddr") == RELAY
    assert answered.field("flags") == b"\0\0"


@rule("A6")
def test_a_relayed_nak_has_the_broadcast_bit() -> None:
    given = {50: ip(WRONG), 54: ip(SERVER)}
    answered = seen(relayed(MessageType.REQUEST, given), TRUSTED)
    assert answered.value(53) == b"\6"
    assert answered.field("flags") == b"\x80\0"
    assert answered.ip_dst == RELAY


@rule("3046", "T3 82 relay agent")
def test_option_82_is_echoed_last_on_a_trusted_port() -> None:
    for given in (AGENT, {**AGENT, 50: ip(WRONG), 54: ip(SERVER)}):
        kind = MessageType.REQUEST if 50 in given else MessageType.DISCOVER
        answered = seen(relayed(kind, {**given, 61: b"\1id"}), TRUSTED)
        assert answered.options[-1] == (82, AGENT[82])
        assert 82 not in answered.codes[:-1]


@rule("3046")
@pytest.mark.parametrize("agent", [b"", b"\1", b"\1\4abc", b"\1\1a\2"])
def test_a_malformed_option_82_is_refused(agent: bytes) -> None:
    assert silence(discover({82: agent}), TRUSTED) == "relay-option-malformed"


@rule("A1")
@pytest.mark.parametrize("giaddr", [SERVER, EVERYWHERE, "224.0.0.9", "127.0.0.1"])
def test_a_relay_that_is_us_or_no_host_is_refused(giaddr: str) -> None:
    assert silence(relayed(MessageType.DISCOVER, {}, giaddr), TRUSTED) == "relay-loop"


# -- the rest --------------------------------------------------------------------------------


@rule("I1")
def test_the_server_id_is_the_subnets() -> None:
    for octets in (discover(), selecting(), selecting(WRONG), inform()):
        assert seen(octets).value(54) == ip(SERVER)


def test_every_reason_can_be_had() -> None:
    """The table has no entry that nothing leads to: each code is in a test."""
    tests = Path(__file__).parents[1]
    said = "".join(path.read_text() for path in tests.rglob("test_*.py"))
    assert [code for code in reasons.REASONS if f'"{code}"' not in said] == []


@pytest.mark.parametrize("code", reasons.REASONS)
def test_a_reason_says_what_it_means_and_where_it_is_from(code: str) -> None:
    reason = reasons.REASONS[code]
    assert reason.code == code == code.lower()
    assert reason.meaning
    assert "\n" not in reason.meaning
    assert reason.rfc


def test_an_answer_is_a_value() -> None:
    given: Reply | Drop = answer(discover(), Binding("p", SUBNET, BINDING.address, None, 60), 0.0)
    assert isinstance(given, Reply)
    with pytest.raises(AttributeError):
        given.frame = b""  # type: ignore[misc]
