"""Clients from OVN's northbound database, as `ovn-nbctl --format=json list TABLE` prints it.

What northd would make of a port is followed: its first address of each MAC within the options'
cidr, its own hostname over that of the options, and nothing without server_id, server_mac and
lease_time (northd.c, build_dhcpv4_action).
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network

from ovsdhcp.dhcp.options import lookup
from ovsdhcp.dhcp.parameters import NETMASK, parts
from ovsdhcp.dhcp.reasons import WireError
from ovsdhcp.ovn.lease_table import Client
from ovsdhcp.ovn.put_dhcp_opts import OVN_RESULT, PutDhcpOpts, binding_of

Row = Mapping[str, object]


class NotATableError(ValueError):
    """The text is not what `ovn-nbctl --format=json list` prints."""


# -- what ovn-nbctl and ovs-vsctl print ------------------------------------------------------


def rows_of(text: str) -> list[Row]:
    """The rows of one table: values by column, OVSDB's sets and maps as lists and mappings."""
    try:
        document = json.loads(text)
        headings, data = document["headings"], document["data"]
        return [dict(zip(headings, map(_value, row), strict=True)) for row in data]
    except (ValueError, TypeError, KeyError, RecursionError):
        message = "not the output of `ovn-nbctl --format=json list TABLE`"
        raise NotATableError(message) from None


def _value(cell: object) -> object:
    """A cell of RFC 7047 §5.1: an atom, or a pair of its kind and what it holds."""
    match cell:
        case ["uuid" | "named-uuid", uuid]:
            return uuid
        case ["set", list() as items]:
            return [_value(item) for item in items]
        case ["map", list() as pairs]:
            return {str(_value(key)): _value(value) for key, value in pairs}
    return cell


def _list(row: Row, column: str) -> list[str]:
    value = row.get(column, [])
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]


def _map(row: Row, column: str) -> dict[str, str]:
    value = row.get(column)
    return {k: str(v) for k, v in value.items()} if isinstance(value, dict) else {}


# -- what northd makes of it -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Northbound:
    """The rows that matter: ports, DHCP_Options by uuid, and interfaces' names by iface-id."""

    ports: tuple[Row, ...]
    options: Mapping[str, Row]
    interfaces: Mapping[str, str]


def northbound(tables: Iterable[list[Row]]) -> Northbound:
    """Sort tables by what their columns are; an Interface table of `ovs-vsctl` gives the names."""
    ports: list[Row] = []
    options: dict[str, Row] = {}
    interfaces: dict[str, str] = {}
    for row in (row for rows in tables for row in rows):
        if "dhcpv4_options" in row:
            ports.append(row)
        elif "cidr" in row:
            options[str(row.get("_uuid"))] = row
        elif "iface-id" in _map(row, "external_ids"):
            interfaces[_map(row, "external_ids")["iface-id"]] = str(row.get("name"))
    ports.sort(key=lambda row: str(row.get("name")))
    return Northbound(tuple(ports), options, interfaces)


_SERVED = ("", "vif")
_ELSEWHERE = {"localport", "external", "virtual"}


def clients_of(found: Northbound, notes: list[str]) -> Iterator[Client]:
    """The clients of a northbound database; what has none, and why, goes to `notes`."""
    said: dict[str, None] = {}
    for row in found.ports:
        yield from _port_clients(row, found, said)
    notes += said


def _port_clients(row: Row, found: Northbound, said: dict[str, None]) -> Iterator[Client]:
    name = str(row.get("name"))
    origin, kind = f"port {name}", str(row.get("type") or "")
    if _list(row, "dhcpv6_options"):
        said[f"{origin}: DHCPv6"] = None
    chosen = _list(row, "dhcpv4_options")
    if not chosen or (kind not in _SERVED and kind not in _ELSEWHERE):
        return
    fault = _port_fault(row, kind, chosen[0], found)
    if fault:
        said[f"{origin}: {fault}"] = None
        return
    options, clients = found.options[chosen[0]], 0
    for mac, addresses in _addresses(row):
        address = _first_within(addresses, str(options.get("cidr")))
        if address is not None:
            yield from _client(row, options, mac, address, found, said)
            clients += 1
    if not clients:
        said[f"{origin}: no address within {options.get('cidr')} and a MAC to go with it"] = None


def _port_fault(row: Row, kind: str, options: str, found: Northbound) -> str:
    """Why a port is not served, or not served here."""
    faults = {
        "it is not enabled": row.get("enabled") is False or row.get("enabled") == [False],
        f"its type is {kind}, which needs a bridge of its own": kind in _ELSEWHERE,
        f"it is nested in port {_list(row, 'parent_name')}": bool(_list(row, "parent_name")),
        f"its DHCP_Options {options} are not in the files": options not in found.options,
        "its options are for DHCPv6": ":" in str(found.options.get(options, {}).get("cidr")),
    }
    return next((fault for fault, is_so in faults.items() if is_so), "")


_MAC = re.compile(r"[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){5}").fullmatch


def _addresses(row: Row) -> Iterator[tuple[bytes, list[str]]]:
    """MAC and addresses of each entry; `dynamic` ones stand in a column of their own."""
    given = _list(row, "addresses")
    if any(entry.endswith("dynamic") for entry in given):
        given = given + _list(row, "dynamic_addresses")
    for entry in given:
        words = entry.split()
        if words and _MAC(words[0]):
            yield bytes.fromhex(words[0].replace(":", "")), words[1:]


def _first_within(addresses: Iterable[str], cidr: str) -> IPv4Address | None:
    """Only the first of a MAC's addresses is served."""
    for text in addresses:
        try:
            address = IPv4Address(text.partition("/")[0])
            if address in IPv4Network(cidr, strict=False):
                return address
        except ValueError:
            continue
    return None


def _client(
    row: Row, options: Row, mac: bytes, address: IPv4Address, found: Northbound,
    said: dict[str, None],
) -> Iterator[Client]:  # fmt: skip
    name, given = str(row.get("name")), _map(options, "options")
    origin = f"port {name}"
    hostname = _map(row, "options").get("hostname")
    if hostname:
        given["hostname"] = hostname
    network = IPv4Network(str(options.get("cidr")), strict=False)
    encoded = _encoded(given, f"DHCP_Options {options.get('_uuid')}", said)
    opts = PutDhcpOpts(OVN_RESULT, address, ((NETMASK, network.netmask.packed), *encoded))
    try:
        binding = binding_of(opts, _port_name(row, found, said), mac)
        server_mac = bytes.fromhex(given.get("server_mac", "").strip('"').replace(":", ""))
    except (WireError, ValueError) as error:
        said[f"{origin}: {error.reason.meaning if isinstance(error, WireError) else error}"] = None
        return
    if len(server_mac) != 6:
        said[f"{origin}: its DHCP_Options have no server_mac"] = None
        return
    subnet = replace(binding.subnet, server_mac=server_mac)
    yield Client(replace(binding, subnet=subnet), None, origin)


def _encoded(
    given: Mapping[str, str], origin: str, said: dict[str, None]
) -> Iterator[tuple[int, bytes]]:
    """OVN's names and texts as options, in parts where they are long."""
    for name, text in given.items():
        if name == "server_mac":
            continue
        try:
            option = lookup(name)
            octets = option.kind.encode(text)
        except (KeyError, ValueError) as error:
            said[f"{origin}: {name} = {text}: {error.args[0]}"] = None
            continue
        yield from ((option.code, part) for part in parts(octets))


_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch
_TAP = 11


def _port_name(row: Row, found: Northbound, said: dict[str, None]) -> str:
    """The interface's name on the bridge: as Open vSwitch has it, else as Neutron calls it."""
    name = str(row.get("name"))
    if name in found.interfaces:
        return found.interfaces[name]
    if _UUID(name):
        tap = f"tap{name[:_TAP]}"
        said[f"port {name}: taken to be {tap} on the bridge, as Neutron and Nova name it"] = None
        return tap
    return name
