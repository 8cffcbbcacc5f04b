"""Octets and dumped flows for the eye and for JSON: what they mean for DHCP, in plain words.

Nothing is hidden: what is not understood is shown as the octets that it is, with the reason.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ovsdhcp.dhcp import frame as envelopes
from ovsdhcp.dhcp import message
from ovsdhcp.dhcp.description import Shown, describe, describe_message, show_option
from ovsdhcp.dhcp.frame import Envelope
from ovsdhcp.dhcp.reasons import Reason, WireError
from ovsdhcp.ovn.dump import Action, DumpedFlow, written
from ovsdhcp.ovn.put_dhcp_opts import (
    OPCODES,
    PUT_DHCP_OPTS,
    PutDhcpOpts,
    binding_of,
    decode,
    opcode,
    result_name,
)

_INDENT = "    "


@dataclass(frozen=True, slots=True)
class Explained:
    """Octets that were understood: `kind` is userdata, frame or payload.

    `reason` says why the engine could not serve it, where it could not.
    """

    kind: str
    title: str
    fields: Mapping[str, object]
    options: tuple[Shown, ...] = ()
    reason: Reason | None = None

    def as_json(self) -> dict[str, object]:
        """For `--json`; the keys are stable."""
        return {
            "kind": self.kind,
            **self.fields,
            "options": [shown._asdict() for shown in self.options],
            "reason": None if self.reason is None else self.reason.code,
        }

    def lines(self) -> Iterator[str]:
        """The title, an option a line, and what is wrong."""
        yield self.title
        for option in self.options:
            yield f"{option.code:3} {option.name}: {option.text}"
        if self.reason is not None:
            yield f"cannot be served: {self.reason.meaning} ({self.reason.code})"


def explain(octets: bytes) -> Explained | None:
    """What `octets` are: a DHCP payload, a frame with one, or userdata; None where none of these.

    A payload has its magic cookie at a fixed place and a frame its headers, so either is told
    before userdata is, which begins with a small number.
    """
    for attempt in (_payload, _frame, explain_userdata):
        found = attempt(octets)
        if found is not None:
            return found
    return None


def _payload(octets: bytes) -> Explained | None:
    try:
        request = message.parse(octets)
    except WireError as error:
        cookie = octets[message.FIXED : message.FIXED + 4] == message.COOKIE
        return Explained("payload", "DHCP payload", {}, (), error.reason) if cookie else None
    described = describe_message(Envelope(b"", b"", b"", b"\0" * 4, b"\0" * 4, octets), request)
    unknown = ("eth_src", "eth_dst", "ip_src", "ip_dst")
    fields = {name: text for name, text in described.fields.items() if name not in unknown}
    return Explained("payload", f"DHCP payload: {_pairs(fields)}", fields, described.options)


def _frame(octets: bytes) -> Explained | None:
    try:
        described = describe(octets)
    except WireError as error:
        try:
            envelopes.decode(octets)
        except WireError:
            return None
        return Explained("frame", "Ethernet frame with DHCP", {}, (), error.reason)
    return Explained(
        "frame", f"DHCP frame: {_pairs(described.fields)}", described.fields, described.options
    )


def _pairs(fields: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {text}" for name, text in fields.items())


def explain_userdata(octets: bytes) -> Explained | None:
    """A controller action's userdata; None where its first octets are no opcode of OVN's."""
    asked = opcode(octets)
    if asked is None or asked not in OPCODES:
        return None
    fields: dict[str, object] = {"opcode": asked, "action": OPCODES[asked]}
    try:
        opts = decode(octets)
    except WireError as error:
        return _unread(octets, asked, fields, error.reason)
    fields |= {
        "result": result_name(opts.result),
        "result_header": opts.result.header.hex(),
        "result_bit": opts.result.bit,
        "offer_ip": str(opts.offer_ip),
    }
    title = f"put_dhcp_opts: offers {opts.offer_ip}, the result goes to {fields['result']}"
    options = tuple(show_option(code, value) for code, value in opts.options)
    return Explained("userdata", title, fields, options, _refusal(opts))


def _unread(octets: bytes, asked: int, fields: dict[str, object], reason: Reason) -> Explained:
    fields["octets"] = octets.hex()
    title = f"{OPCODES[asked]} (opcode {asked}): {octets[4:].hex('.')}"
    return Explained("userdata", title, fields, (), reason if asked == PUT_DHCP_OPTS else None)


def _refusal(opts: PutDhcpOpts) -> Reason | None:
    try:
        binding_of(opts, "", None)
    except WireError as error:
        return error.reason
    return None


# -- flows -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ExplainedFlow:
    """A flow and its sense: `words`, and what each of its userdata says."""

    flow: DumpedFlow
    words: tuple[str, ...]
    userdata: tuple[Explained, ...] = ()

    def as_json(self) -> dict[str, object]:
        """For `--json`; the keys are stable."""
        return {
            "line": self.flow.text,
            "table": self.flow.table,
            "priority": self.flow.priority,
            "match": dict(self.flow.match),
            "words": list(self.words),
            "userdata": [explained.as_json() for explained in self.userdata],
        }

    def lines(self) -> Iterator[str]:
        """What goes under the flow's own line."""
        for word in self.words:
            yield f"{_INDENT}{word}"
        for explained in self.userdata:
            yield from (f"{_INDENT}{line}" for line in explained.lines())


def explain_flow(flow: DumpedFlow) -> ExplainedFlow:
    """The DHCP sense of a flow; without words where it has none."""
    userdata = tuple(_explained_action(action) for action in flow.controllers)
    words = tuple(_words(flow))
    return ExplainedFlow(flow, words, userdata)


NOT_READ = f"{_INDENT}no flow can be read from this line"
"""What goes under a line in which a flow should stand."""


def _explained_action(action: Action) -> Explained:
    octets = action.userdata or b""
    found = explain_userdata(octets)
    if found is not None:
        return found
    fields = {"opcode": opcode(octets), "action": None, "octets": octets.hex()}
    return Explained("userdata", f"userdata of no known form: {octets.hex('.')}", fields)


_REQUEST, _REPLY = ("68", "67"), ("67", "68")
_TO_SERVER = (None, "67")


def _words(flow: DumpedFlow) -> Iterator[str]:
    ports = flow.match.get("tp_src"), flow.match.get("tp_dst")
    asks = any(opcode(a.userdata or b"") == PUT_DHCP_OPTS for a in flow.controllers)
    if not asks and (ports not in (_REQUEST, _REPLY, _TO_SERVER) or not _is_udp(flow)):
        return
    what = "a server's DHCP (udp 67 → 68)" if ports == _REPLY else "a client's DHCP"
    yield f"table {flow.table}: {what}{_who(flow)}"
    fields = written(flow)
    rewritten = [f"{_REWRITTEN[name]} {fields[name]}" for name in fields if name in _REWRITTEN]
    if rewritten:
        yield f"sent back as from {', '.join(rewritten)}"
    noted = [f"{name} to {fields[name]}" for name in fields if name not in _REWRITTEN]
    if noted:
        yield f"sets {', '.join(noted)}"
    yield from _ways(flow)


def _is_udp(flow: DumpedFlow) -> bool:
    return "udp" in flow.match or flow.match.get("nw_proto") == "17"


_REWRITTEN = {"dl_src": "MAC", "nw_src": "address"}


def _who(flow: DumpedFlow) -> str:
    """Which packets the flow takes: what its match says, in the order of the packet's way."""
    said = [f"{text} {flow.match[key]}" for key, text in _MATCHED.items() if key in flow.match]
    said += [f"{key} {value}".rstrip() for key, value in flow.match.items() if _is_other(key)]
    return "".join(f", {part}" for part in said)


_MATCHED = {
    "in_port": "from port",
    "reg14": "from logical port (reg14)",
    "reg15": "to logical port (reg15)",
    "metadata": "of datapath (metadata)",
    "dl_src": "from MAC",
    "dl_dst": "to MAC",
    "nw_src": "from",
    "nw_dst": "to",
}
_SAID_ALREADY = {"udp", "ip", "tp_src", "tp_dst", "nw_proto", "dl_type", *_MATCHED}


def _is_other(key: str) -> bool:
    return key not in _SAID_ALREADY


def _ways(flow: DumpedFlow) -> Iterator[str]:
    """Where the packet goes on."""
    for action in flow.actions:
        if action.userdata is not None:
            yield ("held until the controller resumes it" if action.pause
                   else "copied to the controller, not held: nothing can be answered")  # fmt: skip
        elif action.name == "CONTROLLER":
            yield "handed to the controller, which answers by itself"
        elif action.name in ("resubmit", "goto_table"):
            yield f"goes on in table {action.text.rpartition(',')[2]}"
        elif action.name == "conjunction":
            yield f"one side of conjunction {action.text}"
        elif action.name == "drop":
            yield "dropped"
