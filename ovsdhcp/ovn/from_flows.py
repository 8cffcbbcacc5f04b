"""Clients from dumped flows: what every put_dhcp_opts in them says, and of whom.

The port is the flow's `in_port`; or, as OVN has it, the one whose traffic an earlier flow marks
with the same logical port (reg14) and datapath (metadata). The server's MAC is what a later flow
writes into the answer.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product

from ovsdhcp.dhcp.binding import Binding
from ovsdhcp.dhcp.reasons import WireError
from ovsdhcp.ovn.dump import DumpedFlow, flow_of, is_to_be_a_flow, written
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
    flows = list(_flows(lines, notes))
    marking = _marking(flows)
    answering = _answering(flows)
    for line in flows:
        for action in line.flow.controllers:
            userdata = action.userdata or b""
            if opcode(userdata) == PUT_DHCP_OPTS:
                yield from _client(line, userdata, marking, answering, notes)
            else:
                notes += _other_action(line.origin, OPCODES.get(opcode(userdata) or 0, ""))


def _flows(lines: Iterable[str], notes: list[str]) -> Iterator[_Line]:
    """The flows; a line with none that should have one is told, since it may have been a client."""
    for number, line in enumerate(lines, 1):
        flow = flow_of(line)
        if flow is not None:
            yield _Line(f"line {number}", flow)
        elif is_to_be_a_flow(line):
            notes.append(f"line {number}: no flow can be read from this: {line}")


_NOT_IN_A_TABLE = {
    "put_dhcpv6_opts": "IPv6",
    "put_nd_ra_opts": "IPv6",
    "dhcp_relay_req_chk": "a DHCP relay",
}


def _other_action(origin: str, name: str) -> Iterator[str]:
    """What else of DHCP a flow may ask of a controller."""
    if name in _NOT_IN_A_TABLE:
        yield f"{origin}: {name} ({_NOT_IN_A_TABLE[name]})"


_Marks = dict[tuple[int | None, ...], Mapping[str, str]]


def _marking(flows: Iterable[_Line]) -> _Marks:
    """The match of the port's traffic by the marks that it is given on its way in."""
    found: _Marks = {}
    for line in flows:
        marks = _marks(written(line.flow))
        if "in_port" in line.flow.match and marks != (None, None):
            found.setdefault(marks, line.flow.match)
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
    entry = match if "in_port" in match else marking.get(_marks(match), {})
    in_port = entry.get("in_port")
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
    if "dl_vlan" in entry:
        notes.append(f"{line.origin}: VLAN {entry['dl_vlan']}: {port} tells clients by their MACs")
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
    notes.append(note)
    return replace(binding, subnet=replace(binding.subnet, server_mac=made))


def made_up_mac(binding: Binding) -> bytes:
    """A MAC that nobody was given by its maker (IEEE 802c), always the same for one server."""
    return b"\x02\x00" + binding.subnet.server_octets
