"""Clients from dumped flows: what every put_dhcp_opts in them says, and of whom.

The port is the flow's `in_port`; or, as OVN has it, the one whose traffic an earlier flow marks
with the same logical port (reg14) and datapath (metadata). The server's MAC is what a later flow
writes into the answer.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import product

from ovsdhcp.dhcp.binding import Binding
from ovsdhcp.dhcp.reasons import WireError
from ovsdhcp.ovn.dump import DumpedFlow, flow_of, written
from ovsdhcp.ovn.lease_table import Client
from ovsdhcp.ovn.put_dhcp_opts import OPCODES, PUT_DHCP_OPTS, binding_of, decode, opcode

_MARKS = ("reg14", "metadata")
_WHO = ("in_port", *_MARKS, "dl_src")
_DHCP = ("68", "67")


@dataclass(frozen=True, slots=True)
class _Line:
    origin: str
    flow: DumpedFlow


def clients_of(lines: Iterable[str], notes: list[str]) -> Iterator[Client]:
    """The clients of the flows in `lines`, as often as flows name them."""
    flows = [
        _Line(f"line {number}", flow)
        for number, line in enumerate(lines, 1)
        if (flow := flow_of(line)) is not None
    ]
    marking = _marking(flows)
    answering = _answering(flows)
    for line in flows:
        for action in line.flow.controllers:
            userdata = action.userdata or b""
            if opcode(userdata) == PUT_DHCP_OPTS:
                yield from _client(line, userdata, marking, answering, notes)
            elif OPCODES.get(opcode(userdata) or 0, "").startswith(("put_dhcpv6", "put_nd_ra")):
                notes.append(f"{line.origin}: {OPCODES[opcode(userdata) or 0]} (IPv6)")


_Marks = dict[tuple[int | None, ...], str]


def _marking(flows: Iterable[_Line]) -> _Marks:
    """The port by the marks that its traffic is given on its way in."""
    found: _Marks = {}
    for line in flows:
        marks = _marks(written(line.flow))
        if "in_port" in line.flow.match and marks != (None, None):
            found.setdefault(marks, line.flow.match["in_port"])
    return found


def _marks(fields: dict[str, str]) -> tuple[int | None, ...]:
    return tuple(_number(fields.get(name, "")) for name in _MARKS)


def _number(text: str) -> int | None:
    try:
        return int(text, 0)
    except ValueError:
        return None


_Who = tuple[str | None, ...]
_Answers = dict[_Who, dict[str, str]]


def _who(flow: DumpedFlow) -> _Who:
    return tuple(flow.match.get(name) for name in _WHO)


def _answering(flows: Iterable[_Line]) -> _Answers:
    """What the flows of the way back write, by whose answers they take."""
    found: _Answers = {}
    for line in flows:
        ports = line.flow.match.get("tp_src"), line.flow.match.get("tp_dst")
        fields = written(line.flow)
        if ports == _DHCP and not line.flow.controllers and "dl_src" in fields:
            found.setdefault(_who(line.flow), fields)
    return found


def _client(
    line: _Line, userdata: bytes, marking: _Marks, answering: _Answers, notes: list[str]
) -> Iterator[Client]:
    match = dict(line.flow.match)
    in_port = match.get("in_port") or marking.get(_marks(match))
    if in_port is None:
        where = ", ".join(f"{name} {match[name]}" for name in _MARKS if name in match)
        notes.append(f"{line.origin}: no flow says which port this is: {where or 'no port'}")
        return
    port, ofport = _port(in_port)
    try:
        binding = binding_of(decode(userdata), port, _mac(match.get("dl_src")))
    except (WireError, ValueError) as error:
        reason = error.reason.meaning if isinstance(error, WireError) else str(error)
        notes.append(f"{line.origin}: {reason}")
        return
    yield Client(_with_server_mac(binding, line, answering, notes), ofport, line.origin)


def _port(in_port: str) -> tuple[str, int | None]:
    """A port's name in a table, and its number where the flows have only that."""
    if in_port.isdecimal():
        return f"port{in_port}", int(in_port)
    return in_port.strip('"'), None


def _mac(dl_src: str | None) -> bytes | None:
    if dl_src is None:
        return None
    octets = bytes.fromhex(dl_src.replace(":", "")) if "/" not in dl_src else b""
    if len(octets) != 6:
        raise ValueError(f"dl_src {dl_src} is not one client's")
    return octets


def _with_server_mac(
    binding: Binding, line: _Line, answering: _Answers, notes: list[str]
) -> Binding:
    """The MAC that the flows write into this client's answers; else one made from the address."""
    server_id = str(binding.subnet.server_id)
    for who in product(*((value, None) for value in _who(line.flow))):
        fields = answering.get(who, {})
        if fields and fields.get("nw_src", server_id) == server_id:
            mac = bytes.fromhex(fields["dl_src"].replace(":", ""))
            return replace(binding, subnet=replace(binding.subnet, server_mac=mac))
    made = made_up_mac(binding)
    note = f"no flow says the MAC of the server {server_id}: {made.hex(':')} is made up"
    if note not in notes:
        notes.append(note)
    return replace(binding, subnet=replace(binding.subnet, server_mac=made))


def made_up_mac(binding: Binding) -> bytes:
    """A MAC that nobody was given by its maker (IEEE 802c), always the same for one server."""
    return b"\x02\x00" + binding.subnet.server_octets
