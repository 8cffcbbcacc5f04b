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
from ovsdhcp.dhcp.binding import Binding
from ovsdhcp.dhcp.frame import ANY, BROADCAST, BROADCAST_MAC, SERVER_PORT, Envelope, is_host
from ovsdhcp.dhcp.message import (
    BROADCAST_FLAG,
    MESSAGE_TYPE,
    RELAY_AGENT,
    REQUESTED_ADDRESS,
    SERVER_ID,
    MessageType,
    Request,
)
from ovsdhcp.dhcp.parameters import Question, question, refusal
from ovsdhcp.dhcp.reasons import Reason, WireError
from ovsdhcp.dhcp.reply import Destination, fill, template


class State(Enum):
    """The client's state, by RFC 2131 §4.3.2's names; INIT for a DISCOVER, BOUND for an INFORM."""

    INIT = "INIT"
    SELECTING = "SELECTING"
    INIT_REBOOT = "INIT-REBOOT"
    RENEWING = "RENEWING"
    REBINDING = "REBINDING"
    BOUND = "BOUND"


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


class Exchange(NamedTuple):
    """A request that is admitted, and what it is judged by."""

    envelope: Envelope
    request: Request
    binding: Binding
    withheld: bool


def answer(
    frame: bytes, binding: Binding, now: float, probation_until: float = 0.0
) -> Reply | Drop:
    """Answer an Ethernet frame that came from the port of `binding`.

    `now` and `probation_until` are seconds of one clock; until the latter, the address counts as
    declined (RFC 2131 §4.3.3). Never raises for any frame.
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
    for refused in _ADMISSION:
        reason = refused(envelope, request, binding)
        if reason is not None:
            return Drop(reason, request)
    serve = _SERVED.get(request.options[MESSAGE_TYPE][0], _unserved)
    return serve(Exchange(envelope, request, binding, now < probation_until))


# -- who is served at all --------------------------------------------------------------------


def _source(envelope: Envelope, request: Request, binding: Binding) -> Reason | None:
    """Nobody is served in the server's own name; a reply could come back as a request."""
    subnet = binding.subnet
    if subnet.server_mac in (envelope.eth_src, request.mac):
        return reasons.SPOOFED_SERVER
    if envelope.ip_src == ANY:
        return None
    if envelope.ip_src == subnet.server_id.packed:
        return reasons.SPOOFED_SERVER
    if envelope.ip_src == subnet.network.broadcast_address.packed:
        return reasons.SOURCE_ADDRESS
    return None


def _destination(envelope: Envelope, request: Request, binding: Binding) -> Reason | None:
    """Broadcast, or this server: what is sent to another one is not ours (RFC 2131 §4.1)."""
    subnet = binding.subnet
    if envelope.ip_dst == BROADCAST:
        ours = envelope.eth_dst in (BROADCAST_MAC, subnet.server_mac)
    else:
        ours = envelope.ip_dst in (
            subnet.server_id.packed,
            subnet.network.broadcast_address.packed,
        )
    return None if ours else reasons.OTHER_DESTINATION


def _client(envelope: Envelope, request: Request, binding: Binding) -> Reason | None:
    """The client is who sent the frame, and who the table says (RFC 2131 §4.2 lets us choose)."""
    if not binding.trusted and request.mac != envelope.eth_src:
        return reasons.SPOOFED_CLIENT
    if binding.mac is not None and request.mac != binding.mac:
        return reasons.OTHER_CLIENT
    return None


def _relay(envelope: Envelope, request: Request, binding: Binding) -> Reason | None:
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
    own = binding.subnet.server_id.packed
    if request.giaddr != ANY and (request.giaddr == own or not is_host(request.giaddr)):
        return reasons.RELAY_LOOP
    return None


def _is_agent_option(value: bytes) -> bool:
    """One or more suboptions that fill the option (RFC 3046 §2.0)."""
    at = 0
    while at + 1 < len(value):
        at += 2 + value[at + 1]
    return 0 < at == len(value)


_Admission = Callable[[Envelope, Request, Binding], Reason | None]
_ADMISSION: tuple[_Admission, ...] = (_source, _destination, _client, _relay)


# -- one function for each message type ------------------------------------------------------


def discover(exchange: Exchange) -> Reply | Drop:
    """RFC 2131 §4.3.1. `ciaddr` should be 0 and is not believed otherwise."""
    if SERVER_ID in exchange.request.options:
        # RFC 2131 §4.4.1, table 5: MUST NOT; such a client talks to somebody else
        return Drop(reasons.DISCOVER_NAMES_SERVER, exchange.request)
    if exchange.withheld:
        # RFC 2131 §4.3.3: a declined address is not available, and the port has no other
        return Drop(reasons.PROBATION, exchange.request)
    return _grant(exchange, MessageType.OFFER, reasons.OFFER, State.INIT)


def request(exchange: Exchange) -> Reply | Drop:
    """RFC 2131 §4.3.2: what is asked depends on the state, and that on the fields."""
    options = exchange.request.options
    if options.get(SERVER_ID, _own_id(exchange)) != _own_id(exchange):
        # RFC 2131 §3.1 (4): the client declined our offer by choosing another server's
        return Drop(reasons.OTHER_SERVER, exchange.request)
    return _STATES[state_of(exchange.envelope, exchange.request)](exchange)


def state_of(envelope: Envelope, request: Request) -> State:
    """The state of a client that sent a REQUEST (RFC 2131 §4.3.2, table 4).

    A renewal with a server identifier is RFC 1541's; only the address tells it from SELECTING.
    """
    named, asked = SERVER_ID in request.options, REQUESTED_ADDRESS in request.options
    if asked:
        return State.SELECTING if named else State.INIT_REBOOT
    if request.ciaddr != ANY:
        return State.REBINDING if envelope.ip_dst == BROADCAST else State.RENEWING
    return State.SELECTING if named else State.INIT_REBOOT


def selecting(exchange: Exchange) -> Reply | Drop:
    """The client chose this server: whatever else is wrong is ours to refuse (RFC 2131 §3.5)."""
    asked = exchange.request.options.get(REQUESTED_ADDRESS, ANY)
    refused = _refused(exchange, asked)
    if refused is not None:
        return _refuse(exchange, refused, State.SELECTING)
    return _grant(exchange, MessageType.ACK, reasons.ACK_SELECTING, State.SELECTING)


def init_reboot(exchange: Exchange) -> Reply | Drop:
    """The client remembers an address, or (a broken one) names none."""
    asked = exchange.request.options.get(REQUESTED_ADDRESS, ANY)
    return _verify(exchange, asked, reasons.ACK_INIT_REBOOT, State.INIT_REBOOT)


def renewing(exchange: Exchange) -> Reply | Drop:
    """The client asks this server, by unicast, for more time."""
    ciaddr = exchange.request.ciaddr
    return _verify(exchange, ciaddr, reasons.ACK_RENEWING, State.RENEWING)


def rebinding(exchange: Exchange) -> Reply | Drop:
    """The client asks any server for more time."""
    ciaddr = exchange.request.ciaddr
    return _verify(exchange, ciaddr, reasons.ACK_REBINDING, State.REBINDING)


def decline(exchange: Exchange) -> Drop:
    """RFC 2131 §4.3.3: never answered. Table 5 demands both the address and the server."""
    options = exchange.request.options
    ours = options.get(SERVER_ID) == _own_id(exchange)
    bound = options.get(REQUESTED_ADDRESS) == exchange.binding.address.packed
    return Drop(reasons.DECLINE if ours and bound else reasons.DECLINE_FOREIGN, exchange.request)


def release(exchange: Exchange) -> Drop:
    """RFC 2131 §4.3.4: never answered. Table 5 demands the server; some clients leave it out."""
    ours = exchange.request.options.get(SERVER_ID, _own_id(exchange)) == _own_id(exchange)
    bound = exchange.request.ciaddr == exchange.binding.address.packed
    return Drop(reasons.RELEASE if ours and bound else reasons.RELEASE_FOREIGN, exchange.request)


def inform(exchange: Exchange) -> Reply | Drop:
    """RFC 2131 §4.3.5: parameters for an address that the client has already, unchecked."""
    ciaddr = exchange.request.ciaddr
    address = ciaddr if ciaddr != ANY else exchange.envelope.ip_src
    network = exchange.binding.subnet.network
    nowhere = (_own_id(exchange), network.broadcast_address.packed)
    if not is_host(address) or address in nowhere:
        # nobody could receive it; the RFC does not foresee such a client
        return Drop(reasons.INFORM_NOWHERE, exchange.request)
    asked = question(MessageType.INFORM, exchange.request, exchange.binding, renewing=False)
    to = Destination(exchange.request.mac, address)
    return _reply(exchange, asked, to, reasons.ACK_INFORM, State.BOUND)


def _unserved(exchange: Exchange) -> Drop:
    """RFC 2131 §3: OFFER, ACK and NAK are a server's; the rest is no business of this one."""
    kind = exchange.request.options[MESSAGE_TYPE][0]
    servers = (MessageType.OFFER, MessageType.ACK, MessageType.NAK)
    reason = reasons.ROGUE_SERVER if kind in servers else reasons.UNSERVED_TYPE
    return Drop(reason, exchange.request)


_SERVED: dict[int, Callable[[Exchange], Reply | Drop]] = {
    MessageType.DISCOVER: discover,
    MessageType.REQUEST: request,
    MessageType.DECLINE: decline,
    MessageType.RELEASE: release,
    MessageType.INFORM: inform,
}
_STATES: dict[State, Callable[[Exchange], Reply | Drop]] = {
    State.SELECTING: selecting,
    State.INIT_REBOOT: init_reboot,
    State.RENEWING: renewing,
    State.REBINDING: rebinding,
}
_CONTINUES = (State.RENEWING, State.REBINDING)


# -- the parts that they share ---------------------------------------------------------------


def _own_id(exchange: Exchange) -> bytes:
    return exchange.binding.subnet.server_id.packed


def _verify(exchange: Exchange, asked: bytes, granted: Reason, state: State) -> Reply | Drop:
    """Confirm an address that the client has; refuse another one, or leave it to others."""
    refused = _refused(exchange, asked)
    if refused is None:
        return _grant(exchange, MessageType.ACK, granted, state)
    if not exchange.binding.subnet.authoritative:
        # RFC 2131 §4.3.2: "MUST remain silent" about what another server may know of
        return Drop(reasons.NOT_AUTHORITATIVE, exchange.request)
    return _refuse(exchange, refused, state)


def _refused(exchange: Exchange, asked: bytes) -> Reason | None:
    """Why the client may not use `asked`, None if it may."""
    if asked == exchange.binding.address.packed:
        return reasons.NAK_PROBATION if exchange.withheld else None
    if asked == ANY:
        return reasons.NAK_NO_ADDRESS
    network = exchange.binding.subnet.network
    mask = int(network.netmask)
    if int.from_bytes(asked, "big") & mask == int(network.network_address):
        return reasons.NAK_WRONG_ADDRESS
    return reasons.NAK_OFF_NETWORK


def _grant(exchange: Exchange, kind: MessageType, reason: Reason, state: State) -> Reply:
    """Give the address (RFC 2131 §4.1 says where to): `ciaddr` counts only once it was given."""
    request, binding = exchange.request, exchange.binding
    continues = state in _CONTINUES
    asked = question(kind, request, binding, continues)
    if continues:
        to = Destination(request.mac, request.ciaddr)
    elif request.flags & BROADCAST_FLAG:
        to = _EVERYBODY
    else:
        to = Destination(request.mac, binding.address.packed)
    return _reply(exchange, asked, to, reason, state)


def _refuse(exchange: Exchange, reason: Reason, state: State) -> Reply:
    """A NAK, broadcast "in all cases" without a relay (RFC 2131 §4.1)."""
    asked = refusal(exchange.request, reason.meaning)
    return _reply(exchange, asked, _EVERYBODY, reason, state)


_EVERYBODY = Destination(BROADCAST_MAC, BROADCAST)
_NAMED_TYPE = {MessageType.INFORM: MessageType.ACK}


def _reply(
    exchange: Exchange, asked: Question, to: Destination, reason: Reason, state: State
) -> Reply:
    """The frame. Behind a relay it goes there, whatever the rest says (RFC 2131 §4.1).

    A relayed NAK has the broadcast bit, so that the relay does as we would (RFC 2131 §4.3.2).
    """
    request, envelope = exchange.request, exchange.envelope
    flags = 0
    if request.giaddr != ANY:
        to = Destination(envelope.eth_src, request.giaddr, SERVER_PORT)
        flags = BROADCAST_FLAG if asked.type is MessageType.NAK else 0
    keeps = state in _CONTINUES or state is State.BOUND
    ciaddr = request.ciaddr if keeps and asked.type is not MessageType.NAK else ANY
    found = template(asked, exchange.binding)
    octets = fill(found, request, to, tags=envelope.tags, ciaddr=ciaddr, flags=flags)
    kind = _NAMED_TYPE.get(asked.type, asked.type)
    return Reply(octets, kind, reason, state, request, found.left_out)
