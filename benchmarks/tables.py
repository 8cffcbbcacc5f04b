"""The same bindings for everybody: as a lease table, and as OVN's options."""

import json
from collections.abc import Iterable

import yaml

from benchmarks import clients
from benchmarks.clients import SERVER, SERVER_MAC

ECHO_DPID = 0xEC40
"""The switch of `echo`: ovsdhcp refuses one that its table does not name."""

OPTIONS = {
    "router": str(SERVER),
    "dns_server": clients.DNS,
    "domain_name": clients.DOMAIN,
    "mtu": clients.MTU,
}


def lease_table(
    count: int, ports: int = 1, bridges: Iterable[str] = ("br-int",), reply: str = "packet-out"
) -> str:
    """A lease table of ovsdhcp, in JSON, which is YAML; c0, c1, ... are the bridges' by turns."""
    names = tuple(bridges)
    subnet = {
        "cidr": clients.NETWORK,
        "server_id": str(SERVER),
        "server_mac": SERVER_MAC,
        "lease_time": clients.LEASE,
        "options": OPTIONS,
    }
    tables: dict[str, dict[str, object]] = {
        name: {
            "reply": reply,
            "rate_limit": "none",
            "ports": {
                f"c{port}": {"subnet": "net", "hosts": _hosts(port, count, ports)}
                for port in range(first, ports, len(names))
            },
        }
        for first, name in enumerate(names)
    }
    tables["echo"] = {"dpid": f"{ECHO_DPID:#x}", "flows": "external"}
    return json.dumps({"subnets": {"net": subnet}, "bridges": tables}, indent=0)


def as_yaml(table: str) -> str:
    """The same table as people write it, a line for each key."""
    return yaml.dump(json.loads(table), Dumper=yaml.CSafeDumper, sort_keys=False)


def mac_entry(client: int) -> str:
    """A client's MAC as it stands in a table."""
    return f'"mac": "{clients.mac(client)}"'


def _hosts(port: int, count: int, ports: int) -> list[dict[str, str]]:
    return [
        {"mac": clients.mac(n), "ip": str(clients.address(n))}
        for n in clients.at_port(port, count, ports)
    ]


def ovn_options() -> dict[str, str]:
    """The same as `dhcp-options-set-options` of ovn-nbctl takes it."""
    return {
        "server_id": str(SERVER),
        "server_mac": SERVER_MAC,
        "lease_time": str(clients.LEASE),
        "router": str(SERVER),
        "dns_server": f"{{{clients.DNS}}}",
        "domain_name": f'"{clients.DOMAIN}"',
        "mtu": str(clients.MTU),
    }
