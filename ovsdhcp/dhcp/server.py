"""The decisions of a DHCPv4 server, for one client whose binding is known.

One function for each message type, and for each state that RFC 2131 §4.3.2 tells apart. What
comes in is octets, a binding and the time; what goes out is a `Reply` or a `Drop`, each with its
reason. For the same input it is the same output, and no octets make `answer` raise.

The address is the port's, so nothing is looked up, reserved or freed here: what a RELEASE or a
DECLINE means for later requests is for the caller to remember (`probation_until`).
"""

from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

from ovsdhcp.dhcp import frame as envelopes
from ovsdhcp.dhcp import message, reasons
from ovsdhcp.dhcp.binding import UNKNOWN_MAC, Binding
from ovsdhcp.dhcp.frame import (
    ANY,
    BROADCAST,
    BROADCAST_MAC,
    CLIENT_PORT,
    SERVER_PORT,
    Envelope,
    is_host,
)
from ovsdhcp.dhcp.message import (
    BROADCAST_FLAG,
    MESSAGE_TYPE,
    RELAY_AGENT,
    REQUESTED_ADDRESS,
    SERVER_ID,
    MessageType,
    Request,
)
from ovsdhcp.dhcp.parameters import encoded, question, refusal
from ovsdhcp.dhcp.reasons import Reason, WireError
from ovsdhcp.dhcp.reply import fill, template


class State(Enum):
    """The client's state, by RFC 2131 §4.3.2's names; INIT for a DISCOVER, BOUND for an INFORM."""

    INIT = "INIT"
    SELECTING = "SELECTING"
    INIT_REBOOT = "INIT-REBOOT"
    RENEWING = "RENEWING"
    REBINDING = "REBINDING"
    BOUND = "BOUND"

    __hash__ = object.__hash__  # Enum's own is a function of Python; members are unique


class Reply(NamedTuple):
    """An answer: `frame` is to leave through the port that the request came from, and no other.

    `message_type` is OFFER, ACK or NAK. `left_out` names options that did not fit.
    """

    frame: bytes
    message_type: MessageType
    reason: Reason
    state: State
    request: Request
    left_out: tuple[int, ...]


class Drop(NamedTuple):
    """Silence, and why; `request` is None where there is no well-formed one.

    `reasons.RELEASE` and `reasons.DECLINE` are for the caller to act on.
    """

    reason: Reason
    request: Request | None = None


def answer(
    frame: bytes, binding: Binding, now: float, probation_until: float = 0.0
) -> Reply | Drop:
    """Answer an Ethernet frame that came from the port of `binding`.

    `now` and `probation_until` are seconds of one clock; until the latter, the address counts as
    declined (RFC 2131 §4.3.3). Never raises for any frame.

    A caller that remembers answers need not look at what has no say: TOS, identification, TTL,
    source port, both checksums, `hops` and `secs`; nor at what is only copied, `xid` and, if its
    length stays the same, the value of the client identifier (option 61).
    """
    try:
        envelope = envelopes.decode(frame)
        request = message.decode(envelope.payload)
    except WireError as error:
        return Drop(error.reason)
    return respond(envelope, request, binding, now, probation_until)


def respond(
    envelope: Envelope,
    request: Request,
    binding: Binding,
    now: float,
    probation_until: float = 0.0,
) -> Reply | Drop:
    """Answer a request that is decoded already; otherwise as `answer`."""
    for refused in ADMISSION:
        reason = refused(envelope, request, binding)
        if reason is not None:
            return Drop(reason, request)
    serve = _SERVED.get(request.options[MESSAGE_TYPE][0], _unserved)
    return serve(envelope, request, binding, now < probation_until)


# -- who is served at all --------------------------------------------------------------------


def endpoints(envelope: Envelope, request: Request, binding: Binding) -> Reason | None:
    """From a host other than this server, and to this server or to everybody (RFC 2131 §4.1).

    Nobody is served in the server's own name: a reply could come back as a request.
    """
    subnet = binding.subnet
    own_mac = subnet.server_mac
    if own_mac in (envelope.eth_src, request.chaddr[:6]) or envelope.ip_src == subnet.server_octets:
        return reasons.SPOOFED_SERVER
    if envelope.ip_src == subnet.broadcast_octets:
        return reasons.SOURCE_ADDRESS
    if envelope.ip_dst == BROADCAST:
        ours = envelope.eth_dst in (BROADCAST_MAC, own_mac) or own_mac == UNKNOWN_MAC
    else:
        ours = envelope.ip_dst in (subnet.server_octets, subnet.broadcast_octets)
    return None if ours else reasons.OTHER_DESTINATION


def client(envelope: Envelope, request: Request, binding: Binding) -> Reason | None:
    """The client is who sent the frame, and who the table says (RFC 2131 §4.2 lets us choose)."""
    mac = request.chaddr[:6]
    if mac != envelope.eth_src and not binding.trusted:
        return reasons.SPOOFED_CLIENT
    if binding.mac is not None and mac != binding.mac:
        return reasons.OTHER_CLIENT
    return None


def relay(envelope: Envelope, request: Request, binding: Binding) -> Reason | None:
    """Only a trusted port has a relay behind it.

    RFC 3046 §2.1 has the first agent discard what claims to have passed one, and on an untrusted
    port that first agent is us.
    """
    agent = request.options.get(RELAY_AGENT)
    if request.giaddr == ANY and agent is None:
        return None
    if not binding.trusted:
        return reasons.RELAYED if agent is None else reasons.RELAY_OPTION
    if agent is not None and not _is_agent_option(agent):
        return reasons.RELAY_OPTION_MALFORMED
    own = binding.subnet.server_octets
    if request.giaddr != ANY and (request.giaddr == own or not is_host(request.giaddr)):
        return reasons.RELAY_LOOP
    return None


def _is_agent_option(value: bytes) -> bool:
    """One or more suboptions that fill the option (RFC 3046 §2.0)."""
    at = 0
    while at + 1 < len(value):
        at += 2 + value[at + 1]
    return 0 < at == len(value)


Admission = Callable[[Envelope, Request, Binding], Reason | None]
ADMISSION: tuple[Admission, ...] = (endpoints, client, relay)
"""What every request has to pass, in this order, before its type is looked at."""


# -- one function for each message type ------------------------------------------------------
# `withheld` says that the address is on probation, after a DECLINE.


def discover(
    envelope: Envelope, request: Request, binding: Binding, withheld: bool
) -> Reply | Drop:
    """RFC 2131 §4.3.1. `ciaddr` should be 0 and is not believed otherwise."""
    if SERVER_ID in request.options:
        # RFC 2131 §4.4.1, table 5: MUST NOT; such a client talks to somebody else
        return Drop(reasons.DISCOVER_NAMES_SERVER, request)
    if withheld:
        # RFC 2131 §4.3.3: a declined address is not available, and the port has no other
        return Drop(reasons.PROBATION, request)
    return _grant(envelope, request, binding, State.INIT)


def request(envelope: Envelope, request: Request, binding: Binding, withheld: bool) -> Reply | Drop:
    """RFC 2131 §4.3.2: what is asked depends on the state, and that on the fields."""
    server = request.options.get(SERVER_ID)
    if server is not None and server != binding.subnet.server_octets:
        # RFC 2131 §3.1 (4): the client declined our offer by choosing another server's
        return Drop(reasons.OTHER_SERVER, request)
    return _STATES[state_of(envelope, request)](envelope, request, binding, withheld)


def state_of(envelope: Envelope, request: Request) -> State:
    """The state of a client that sent a REQUEST (RFC 2131 §4.3.2, table 4).

    A renewal with a server identifier is RFC 1541's; only the address tells it from SELECTING.
    """
    if REQUESTED_ADDRESS not in request.options and request.ciaddr != ANY:
        return State.REBINDING if envelope.ip_dst == BROADCAST else State.RENEWING
    return State.SELECTING if SERVER_ID in request.options else State.INIT_REBOOT


def selecting(
    envelope: Envelope, request: Request, binding: Binding, withheld: bool
) -> Reply | Drop:
    """The client chose this server: whatever else is wrong is ours to refuse (RFC 2131 §3.5)."""
    refused = _refused(request.options.get(REQUESTED_ADDRESS, ANY), binding, withheld)
    if refused is not None:
        return _refuse(envelope, request, binding, refused, State.SELECTING)
    return _grant(envelope, request, binding, State.SELECTING)


def init_reboot(
    envelope: Envelope, request: Request, binding: Binding, withheld: bool
) -> Reply | Drop:
    """The client remembers an address, or (a broken one) names none."""
    refused = _refused(request.options.get(REQUESTED_ADDRESS, ANY), binding, withheld)
    return _verify(envelope, request, binding, refused, State.INIT_REBOOT)


def renewing(
    envelope: Envelope, request: Request, binding: Binding, withheld: bool
) -> Reply | Drop:
    """The client asks this server, by unicast, for more time."""
    refused = _refused(request.ciaddr, binding, withheld)
    return _verify(envelope, request, binding, refused, State.RENEWING)


def rebinding(
    envelope: Envelope, request: Request, binding: Binding, withheld: bool
) -> Reply | Drop:
    """The client asks any server for more time."""
    refused = _refused(request.ciaddr, binding, withheld)
    return _verify(envelope, request, binding, refused, State.REBINDING)


def decline(envelope: Envelope, request: Request, binding: Binding, withheld: bool) -> Drop:
    """RFC 2131 §4.3.3: never answered. Table 5 demands both the address and the server."""
    ours = request.options.get(SERVER_ID) == binding.subnet.server_octets
    bound = request.options.get(REQUESTED_ADDRESS) == binding.address_octets
    return Drop(reasons.DECLINE if ours and bound else reasons.DECLINE_FOREIGN, request)


def release(envelope: Envelope, request: Request, binding: Binding, withheld: bool) -> Drop:
    """RFC 2131 §4.3.4: never answered. Table 5 demands the server; some clients leave it out."""
    ours = request.options.get(SERVER_ID) in (None, binding.subnet.server_octets)
    bound = request.ciaddr == binding.address_octets
    return Drop(reasons.RELEASE if ours and bound else reasons.RELEASE_FOREIGN, request)


def inform(envelope: Envelope, request: Request, binding: Binding, withheld: bool) -> Reply | Drop:
    """RFC 2131 §4.3.5: parameters for an address that the client has already, unchecked."""
    address = request.ciaddr if request.ciaddr != ANY else envelope.ip_src
    nowhere = (binding.subnet.server_octets, binding.subnet.broadcast_octets)
    if not is_host(address) or address in nowhere:
        # nobody could receive it; the RFC does not foresee such a client
        return Drop(reasons.INFORM_NOWHERE, request)
    return _grant(envelope, request, binding, State.BOUND)


def _unserved(envelope: Envelope, request: Request, binding: Binding, withheld: bool) -> Drop:
    """RFC 2131 §3: OFFER, ACK and NAK are a server's; the rest is no business of this one."""
    kind = request.options[MESSAGE_TYPE][0]
    servers = (MessageType.OFFER, MessageType.ACK, MessageType.NAK)
    return Drop(reasons.ROGUE_SERVER if kind in servers else reasons.UNSERVED_TYPE, request)


_Serve = Callable[[Envelope, Request, Binding, bool], Reply | Drop]
_SERVED: dict[int, _Serve] = {
    MessageType.DISCOVER: discover,
    MessageType.REQUEST: request,
    MessageType.DECLINE: decline,
    MessageType.RELEASE: release,
    MessageType.INFORM: inform,
}
_STATES: dict[State, _Serve] = {
    State.SELECTING: selecting,
    State.INIT_REBOOT: init_reboot,
    State.RENEWING: renewing,
    State.REBINDING: rebinding,
}


# -- the parts that they share ---------------------------------------------------------------


def _refused(asked: bytes, binding: Binding, withheld: bool) -> Reason | None:
    """Why the client may not use the address `asked`, None if it may."""
    if asked == binding.address_octets:
        return reasons.NAK_PROBATION if withheld else None
    if asked == ANY:
        return reasons.NAK_NO_ADDRESS
    network = binding.subnet.network
    masked = int.from_bytes(asked, "big") & int(network.netmask)
    if masked == int(network.network_address):
        return reasons.NAK_WRONG_ADDRESS
    return reasons.NAK_OFF_NETWORK


def _verify(
    envelope: Envelope, request: Request, binding: Binding, refused: Reason | None, state: State
) -> Reply | Drop:
    """Confirm an address that the client has; refuse another one, or leave it to others."""
    if refused is None:
        return _grant(envelope, request, binding, state)
    if not binding.subnet.authoritative:
        # RFC 2131 §4.3.2: "MUST remain silent" about what another server may know of
        return Drop(reasons.NOT_AUTHORITATIVE, request)
    return _refuse(envelope, request, binding, refused, state)


class _Grant(NamedTuple):
    """How an ACK or OFFER is made: its type for `parameters`, on the wire, and its reason.

    `keeps` says that the client uses `ciaddr` already, and is answered there (RFC 2131 §4.1).
    """

    question: MessageType
    wire: MessageType
    reason: Reason
    renewing: bool = False
    keeps: bool = False


_ACK = MessageType.ACK
_GRANTS = {
    State.INIT: _Grant(MessageType.OFFER, MessageType.OFFER, reasons.OFFER),
    State.SELECTING: _Grant(_ACK, _ACK, reasons.ACK_SELECTING),
    State.INIT_REBOOT: _Grant(_ACK, _ACK, reasons.ACK_INIT_REBOOT),
    State.RENEWING: _Grant(_ACK, _ACK, reasons.ACK_RENEWING, renewing=True, keeps=True),
    State.REBINDING: _Grant(_ACK, _ACK, reasons.ACK_REBINDING, renewing=True, keeps=True),
    State.BOUND: _Grant(MessageType.INFORM, _ACK, reasons.ACK_INFORM, keeps=True),
}


def _grant(envelope: Envelope, request: Request, binding: Binding, state: State) -> Reply:
    """Give what a client in that state asked for."""
    kind, wire, reason, renewing, keeps = _GRANTS[state]
    asked = question(kind, request, binding, renewing)
    echo = encoded(asked.echoes)
    found = template(asked, echo, binding)
    mac, address, port, ciaddr = request.chaddr[:6], binding.address_octets, CLIENT_PORT, ANY
    if request.giaddr != ANY:
        mac, address, port = envelope.eth_src, request.giaddr, SERVER_PORT
    elif keeps:
        address = request.ciaddr if request.ciaddr != ANY else envelope.ip_src
    elif request.flags & BROADCAST_FLAG:
        mac, address = BROADCAST_MAC, BROADCAST
    if keeps:
        ciaddr = request.ciaddr
    to = (mac, address, port)
    yiaddr, tags = binding.address_octets, envelope.tags
    octets = fill(found, request, echo, yiaddr, to, tags, ciaddr=ciaddr, flags=request.flags)
    return tuple.__new__(Reply, (octets, wire, reason, state, request, found.left_out))


def _refuse(
    envelope: Envelope, request: Request, binding: Binding, reason: Reason, state: State
) -> Reply:
    """A NAK, broadcast "in all cases" without a relay (RFC 2131 §4.1).

    A relayed one has the broadcast bit, so that the relay does as we would (RFC 2131 §4.3.2).
    """
    asked = refusal(request, reason.meaning)
    echo = encoded(asked.echoes)
    found = template(asked, echo, binding)
    to, flags = _EVERYBODY, request.flags
    if request.giaddr != ANY:
        to = (envelope.eth_src, request.giaddr, SERVER_PORT)
        flags |= BROADCAST_FLAG
    octets = fill(found, request, echo, ANY, to, envelope.tags, ciaddr=ANY, flags=flags)
    return Reply(octets, MessageType.NAK, reason, state, request, found.left_out)


_EVERYBODY = (BROADCAST_MAC, BROADCAST, CLIENT_PORT)
