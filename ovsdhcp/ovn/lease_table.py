"""Bindings from elsewhere, written as a lease table: the text that `config` reads.

What all clients of a subnet are told stands at the subnet, the rest at the port, and what cannot
stand in a table is a comment at its head. The order depends on nothing but the clients.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from itertools import groupby
from typing import NamedTuple

from ovsdhcp.dhcp.binding import INFINITE, Binding, Subnet
from ovsdhcp.dhcp.frame import is_station
from ovsdhcp.dhcp.message import HOST_NAME, LEASE_TIME, SERVER_ID, T1, T2
from ovsdhcp.dhcp.options import BY_CODE, lookup
from ovsdhcp.dhcp.parameters import NETMASK
from ovsdhcp.ovn.put_dhcp_opts import joined, of_binding


@dataclass(frozen=True, slots=True)
class Client:
    """A binding, its port's OpenFlow number if only that is known, and where it was found."""

    binding: Binding
    ofport: int | None
    origin: str


@dataclass(frozen=True, slots=True)
class LeaseTable:
    """The text of a lease table, and what could not be carried over into it."""

    text: str
    notes: tuple[str, ...]


def lease_table(
    clients: Iterable[Client], notes: Iterable[str], bridge: str, reply: str, source: str
) -> LeaseTable:
    """The lease table of one bridge that has these clients; `notes` are the reader's own."""
    said = list(dict.fromkeys(notes))
    kept = sorted(_admitted(clients, said), key=_order)
    bodies = [_Body(client, dict(_told(client, said)), _times(client, said)) for client in kept]
    names = _subnet_names(kept)
    lines = [f"# From {_plain(source)} by `ovsdhcp import`."]
    if said:
        lines += ["# Not carried over:", *(f"#   {_plain(note)}" for note in said)]
    lines += ["", "subnets:" if kept else "subnets: {}"]
    members: dict[Subnet, list[_Body]] = {subnet: [] for subnet in names}
    for body in bodies:
        members[body.client.binding.subnet].append(body)
    shared = {subnet: _shared(members[subnet]) for subnet in names}
    for subnet, name in names.items():
        lines += _subnet_lines(name, subnet, shared[subnet])
    lines += ["", "bridges:", f"  {_key(bridge)}:", f"    reply: {reply}"]
    lines += ["    ports:" if kept else "    ports: {}"]
    for port, group in groupby(bodies, key=lambda body: body.client.binding.port):
        there = list(group)
        lines += _port_lines(port, there, names, shared)
    return LeaseTable("\n".join(lines) + "\n", tuple(map(_plain, said)))


Entries = dict[str, object]


@dataclass(frozen=True, slots=True)
class _Body:
    """A client and what it is told: options and times, as a table has them."""

    client: Client
    options: Entries
    times: Entries


# -- which clients a table can have ----------------------------------------------------------


def _admitted(clients: Iterable[Client], said: list[str]) -> list[Client]:
    """Those that a lease table can have, each once; why not, for the others, goes to `said`."""
    kept: dict[tuple[str, bytes | None], Client] = {}
    taken = _Taken({}, {}, {})
    for client in clients:
        binding = client.binding
        key = binding.port, binding.mac
        if key in kept and kept[key].binding == binding:
            continue
        fault = _fault(binding) or _clash(binding, taken)
        if fault:
            said.append(f"{client.origin}: {fault}")
            continue
        kept[key] = client
        _take(binding, taken)
    return list(kept.values())


def _fault(binding: Binding) -> str:
    subnet, address = binding.subnet, binding.address
    ends = (subnet.network.network_address, subnet.network.broadcast_address)
    faults = {
        "its lease lasts no time": binding.lease_time == 0,
        f"{address} is the server's own address": address == subnet.server_id,
        f"{address} is no client's address in {subnet.network}": (
            subnet.network.prefixlen < 31 and address in ends
        ),
        "its MAC is no station's": binding.mac is not None and not is_station(binding.mac),
        "its MAC is the server's": binding.mac == subnet.server_mac,
    }
    return next((fault for fault, found in faults.items() if found), "")


class _Taken(NamedTuple):
    """What the clients so far have: ports with the first MAC of each, addresses, MACs."""

    ports: dict[str, bytes | None]
    addresses: dict[tuple[Subnet, IPv4Address], Binding]
    macs: dict[bytes, Binding]


def _clash(binding: Binding, taken: _Taken) -> str:
    """What another client has already, in words. One look for each thing: there may be many."""
    port, mac = binding.port, binding.mac
    if port in taken.ports and (mac is None or taken.ports[port] is None):
        return f"port {port} has another client, and one of them has no MAC"
    if (binding.subnet, binding.address) in taken.addresses:
        return f"{binding.address} is given to another client already"
    if mac is not None and mac in taken.macs:
        return f"{mac.hex(':')} has {taken.macs[mac].address} already"
    return ""


def _take(binding: Binding, taken: _Taken) -> None:
    taken.ports.setdefault(binding.port, binding.mac)
    taken.addresses[binding.subnet, binding.address] = binding
    if binding.mac is not None:
        taken.macs[binding.mac] = binding


def _order(client: Client) -> tuple[list[tuple[int, str]], IPv4Address]:
    """By the port's name as people count, then by address."""
    parts = re.findall(r"\d+|\D+", client.binding.port)
    named = [(int(part) if part.isdecimal() else -1, part) for part in parts]
    return named, client.binding.address


def _subnet_names(clients: Iterable[Client]) -> dict[Subnet, str]:
    """A name for each subnet: its network, and a number where several have the same."""
    found = dict.fromkeys(client.binding.subnet for client in clients)
    seen: Counter[str] = Counter()
    names: dict[Subnet, str] = {}
    for subnet in sorted(found, key=lambda s: (s.network, s.server_id, s.server_mac, s.name)):
        seen[subnet.name] += 1
        number = seen[subnet.name]
        names[subnet] = subnet.name if number == 1 else f"{subnet.name}-{number}"
    return names


# -- what they are told ----------------------------------------------------------------------

_KEYS = {NETMASK, LEASE_TIME, SERVER_ID, T1, T2}
"""What a table has beside its options."""


def _told(client: Client, said: list[str]) -> Iterator[tuple[str, object]]:
    """The options by name, in OVN's order."""
    for code, octets in joined(of_binding(client.binding).options).items():
        if code in _KEYS:
            continue
        entry = table_entry(code, octets)
        if entry is None:
            name = lookup(code).name
            said.append(f"{client.origin}: option {code} ({name}) is malformed: {octets.hex()}")
        else:
            yield entry


def table_entry(code: int, octets: bytes) -> tuple[str, object] | None:
    """An option as a lease table has it: by name; in hexadecimal where its kind would not take it.

    None where the value is malformed, which a table must not hold.
    """
    kind = lookup(code).kind
    try:
        value = kind.decode(octets)
    except ValueError:
        return None
    try:
        same = kind.decode(kind.encode(value)) == value
    except ValueError:
        same = False
    if not same:
        return str(code), octets.hex()
    return (lookup(code).name if code in BY_CODE else str(code)), value


def _times(client: Client, said: list[str]) -> Entries:
    """The lease time, and T1 and T2 where they are in order (RFC 2131 §4.4.5)."""
    binding = client.binding
    times: Entries = {"lease_time": _seconds(binding.lease_time)}
    given = {"T1": binding.t1, "T2": binding.t2}
    if binding.t1 is None and binding.t2 is None:
        return times
    t1 = binding.lease_time // 2 if binding.t1 is None else binding.t1
    t2 = binding.lease_time * 7 // 8 if binding.t2 is None else binding.t2
    if 0 < t1 < t2 < binding.lease_time:
        return times | {name: time for name, time in given.items() if time is not None}
    shown = ", ".join(f"{name} {time}" for name, time in given.items() if time is not None)
    said.append(f"{client.origin}: {shown} out of order in a lease of {binding.lease_time} s")
    return times


def _seconds(time: int) -> object:
    return "infinite" if time == INFINITE else time


def _shared(members: list[_Body]) -> _Body:
    """What stands at the subnet: what every client of it has, and the commonest lease time."""
    first, rest = members[0], members[1:]
    times = _common(first.times, [body.times for body in rest])
    leases = Counter(str(body.times["lease_time"]) for body in members)
    commonest = min(leases, key=lambda lease: (-leases[lease], lease))
    times["lease_time"] = int(commonest) if commonest.isdecimal() else commonest
    options = _common(first.options, [body.options for body in rest])
    options.pop(lookup(HOST_NAME).name, None)
    return replace(first, options=options, times=times)


def _common(first: Entries, rest: list[Entries]) -> Entries:
    return {
        name: value
        for name, value in first.items()
        if all(name in other and other[name] == value for other in rest)
    }


def _own(body: _Body, shared: _Body) -> Iterator[str]:
    """What is a client's own, as `key: value`."""
    for name, value in body.times.items():
        if shared.times.get(name) != value:
            yield f"{name}: {_flow(value)}"
    own = {n: v for n, v in body.options.items() if shared.options.get(n) != v}
    if own:
        yield f"options: {_flow(own)}"


# -- text ------------------------------------------------------------------------------------


def _subnet_lines(name: str, subnet: Subnet, shared: _Body) -> Iterator[str]:
    yield f"  {_key(name)}:"
    yield f"    cidr: {subnet.network}"
    yield f"    server_id: {subnet.server_id}"
    yield f"    server_mac: {subnet.server_mac.hex(':')}"
    yield from (f"    {key}: {_flow(value)}" for key, value in shared.times.items())
    if shared.options:
        yield "    options:"
        yield from (f"      {_key(key)}: {_flow(value)}" for key, value in shared.options.items())


def _port_lines(
    port: str, bodies: list[_Body], names: Mapping[Subnet, str], shared: Mapping[Subnet, _Body]
) -> Iterator[str]:
    first = bodies[0].client
    yield f"      {_key(port)}:"
    yield f"        subnet: {_flow(names[first.binding.subnet])}"
    if first.ofport is not None:
        yield f"        ofport: {first.ofport}"
    if len(bodies) == 1:
        yield from (f"        {line}" for line in _client_lines(bodies[0], shared))
        return
    yield "        hosts:"
    for body in bodies:
        yield f"          - {{{', '.join(_client_lines(body, shared))}}}"


def _client_lines(body: _Body, shared: Mapping[Subnet, _Body]) -> Iterator[str]:
    binding = body.client.binding
    if binding.mac is not None:
        yield f"mac: {binding.mac.hex(':')}"
    yield f"ip: {binding.address}"
    yield from _own(body, shared[binding.subnet])


_SAFE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*|\d+\.\d+\.\d+\.\d+(?:/\d+)?(?:-\d+)?").fullmatch
_WORDS = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}


def _key(name: str) -> str:
    """A key, or text: plain where every reader of YAML takes it for text, else in quotes."""
    if _SAFE(name) and name.lower() not in _WORDS:
        return name
    return "".join(_escaped(letter) for letter in json.dumps(name, ensure_ascii=False))


def _escaped(letter: str) -> str:
    return letter if letter.isprintable() else f"\\U{ord(letter):08x}"


def _flow(value: object) -> str:
    """A value on one line."""
    if isinstance(value, list):
        return f"[{', '.join(map(_flow, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_key(str(k))}: {_flow(v)}' for k, v in value.items())}}}"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else _key(str(value))


def _plain(note: str) -> str:
    """One line of printable text, for a comment."""
    return "".join(c if c.isprintable() else "?" for c in " ".join(note.split()))
