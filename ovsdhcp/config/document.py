"""The lease table's keys, as pydantic models: what may stand where, and what each value is.

One mapping alone is judged here; what has to fit together is judged in `assembly`. Every value
goes through a function of `scalars`, so pydantic never converts one by itself (it would make
0.0.0.5 of `ip: 5`).
"""

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network
from typing import Annotated, Any, NamedTuple

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetPydanticSchema,
    PlainValidator,
    ValidatorFunctionWrapHandler,
)
from pydantic_core import PydanticCustomError, core_schema

from ovsdhcp.config import json_schema, scalars
from ovsdhcp.config.problems import shown
from ovsdhcp.config.table import Flows, OtherTraffic, Reply


def _empty_for_nothing(value: object) -> object:
    """`options:` with nothing behind it, as one has when all its lines are commented out."""
    return {} if value is None else value


def _numbered(value: object) -> dict[int, Any]:
    """A list as a mapping by position, so that `validation` can cut an item out of it."""
    if isinstance(value, list):
        return dict(enumerate(value))
    if isinstance(value, dict) and all(isinstance(key, int) for key in value):
        return value
    hint = "begin each item on a line of its own with `- `, or write `[..., ...]`"
    raise scalars.refusal("bad-list", f"expected a list, got {shown(value)}", hint)


# None is what a key has that is not written; a key with nothing behind it is refused.
Address = Annotated[IPv4Address | None, PlainValidator(scalars.address), json_schema.ADDRESS]
AddressRange = Annotated[
    IPv4Network, PlainValidator(scalars.address_range), json_schema.ADDRESS_RANGE
]
Duration = Annotated[int | None, PlainValidator(scalars.duration), json_schema.DURATION]
Mac = Annotated[bytes | None, PlainValidator(scalars.mac), json_schema.MAC]
BootFile = Annotated[str | None, PlainValidator(scalars.boot_file), json_schema.TEXT]
Truth = Annotated[bool, PlainValidator(scalars.truth), json_schema.TRUTH]
MaybeTruth = Annotated[bool | None, PlainValidator(scalars.truth), json_schema.TRUTH]
Packets = Annotated[
    int | None, PlainValidator(scalars.packets), json_schema.whole_number(1, scalars.HIGHEST_RATE)
]
TableNumber = Annotated[
    int | None,
    PlainValidator(scalars.whole_number(0, scalars.HIGHEST_TABLE, "a table's number")),
    json_schema.whole_number(0, scalars.HIGHEST_TABLE),
]
PortNumber = Annotated[
    int | None,
    PlainValidator(scalars.whole_number(1, scalars.HIGHEST_PORT, "a port's OpenFlow number")),
    json_schema.whole_number(1, scalars.HIGHEST_PORT),
]
Options = Annotated[dict[str, Any], BeforeValidator(_empty_for_nothing)]


class _Keys(BaseModel):
    """Keys that are not named are errors. The words below them are what editors show."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class RateKeys(_Keys):
    """How many packets are heard; more are dropped."""

    rate: Annotated[
        int,
        PlainValidator(scalars.packets),
        json_schema.whole_number(1, scalars.HIGHEST_RATE),
    ]
    """Packets a second."""

    burst: Packets = None
    """How many may come at once after a silence. Without it, twice the rate."""


NO_LIMIT = RateKeys.model_construct(rate=0)
"""What `none` is read as."""


def _rate(value: object) -> object:
    if value == "none":
        return NO_LIMIT
    if isinstance(value, dict | RateKeys):
        return value
    hint = "write it as {rate: 10, burst: 20}, in packets a second, or `none`"
    raise scalars.refusal("bad-rate", f"{shown(value)} is not a rate limit", hint)


Rate = Annotated[RateKeys | None, BeforeValidator(_rate)]


class BootKeys(_Keys):
    """Where a network boot goes on."""

    next_server: Address = None
    """The TFTP server's address (the field `siaddr`)."""

    file: BootFile = None
    """The boot file of a client that is not iPXE, unless its architecture has another."""

    ipxe: BootFile = None
    """The boot file, or URL, of a client that is iPXE already, so that it does not loop."""

    architectures: dict[
        str, Annotated[str, PlainValidator(scalars.boot_file), json_schema.TEXT]
    ] = Field(default_factory=dict, json_schema_extra=json_schema.architectures)
    """Boot files by the client's architecture: its name, or its number in option 93."""


class SettingKeys(_Keys):
    """What a subnet, a port and a host can each say of their clients; the nearest wins."""

    lease_time: Duration = None
    """How long an address is leased: seconds, or 90s, 15m, 12h, 7d, infinite."""

    t1: Duration = Field(default=None, alias="T1")
    """When a client renews; without it, after half of the lease (RFC 2131 §4.4.5)."""

    t2: Duration = Field(default=None, alias="T2")
    """When a client asks any server; without it, after 7/8 of the lease (RFC 2131 §4.4.5)."""

    options: Options = Field(default_factory=dict)
    """DHCP options for clients that ask for them. `null` takes one away that the subnet has."""

    boot: BootKeys | None = Field(default=None, json_schema_extra=json_schema.needed)
    """Booting by network: files, and the server that has them."""


class SubnetKeys(SettingKeys):
    """A network's server side. `options` may say the server's addresses too, as OVN has it."""

    model_config = ConfigDict(json_schema_extra={"required": ["cidr"]})

    cidr: Annotated[IPv4Network | None, PlainValidator(scalars.network), json_schema.CIDR] = None
    """The subnet with its prefix length; the netmask follows."""

    server_id: Address = None
    """The address under which the server answers; nothing has to listen there."""

    server_mac: Mac = None
    """The MAC address under which the server answers."""

    authoritative: Truth = True
    """Refuse a client's wish for an address that is not its own (NAK); `false`: be silent."""

    decline_probation: Annotated[int, PlainValidator(scalars.duration), json_schema.DURATION] = 600
    """How long an address that a client declined is withheld (RFC 2131 §4.3.3)."""

    guard: Truth = False
    """Its ports send, and are sent, only what is their own, unless they say otherwise."""

    arp_responder: Truth = False
    """Who-has for its clients is answered by the bridge."""


class HostKeys(SettingKeys):
    """One of several clients behind a port; `mac` and `ip` are both needed."""

    model_config = ConfigDict(json_schema_extra={"required": ["mac", "ip"]})

    mac: Mac = None
    """The client's MAC address."""

    ip: Address = None
    """The address that the client gets."""

    trusted: MaybeTruth = None
    """A relay is this client: what it says of others (giaddr, option 82) is believed."""

    @property
    def address(self) -> bytes | None:
        """The octets of `ip`."""
        return None if self.ip is None else self.ip.packed


class PlainHost(NamedTuple):
    """A host that says its MAC and its address alone, as most do where there are thousands.

    A HostKeys of each takes three times as long, and more than twice the memory.
    """

    mac: bytes
    address: bytes


_PLAIN = {"mac", "ip"}


def _hosts(value: object, validated: ValidatorFunctionWrapHandler) -> object:
    """The hosts by their positions; what is wrong with one, pydantic says."""
    numbered = _numbered(value)
    alone = {
        at: host
        for at, host in numbered.items()
        if isinstance(host, dict) and host.keys() == _PLAIN
    }
    try:
        macs = scalars.macs([host["mac"] for host in alone.values()])
        addresses = scalars.addresses_octets([host["ip"] for host in alone.values()])
    except PydanticCustomError:
        return validated(numbered)
    plain = dict(zip(alone, map(PlainHost, macs, addresses), strict=True))
    if len(plain) == len(numbered):
        return plain
    others = validated({at: host for at, host in numbered.items() if at not in plain})
    return {at: plain.get(at) or others[at] for at in numbered}


_HOSTS = GetPydanticSchema(
    lambda _, schema: core_schema.no_info_wrap_validator_function(
        _hosts, schema(dict[int, HostKeys] | None)
    )
)


class PortKeys(SettingKeys):
    """A port: with one client (`ip`, and `mac` if only that one), or with `hosts`."""

    model_config = ConfigDict(
        json_schema_extra={
            "required": ["subnet"],
            "oneOf": [{"required": ["ip"]}, {"required": ["hosts"]}],
        }
    )

    subnet: Annotated[str | None, PlainValidator(scalars.text), json_schema.TEXT] = None
    """The name of one of `subnets`."""

    mac: Mac = None
    """The one client that is answered; without it, whoever is plugged in gets the address."""

    ip: Address = None
    """The address that the port's client gets."""

    ofport: PortNumber = None
    """Selects the port by its OpenFlow number, before one by name; its name here is any then."""

    trusted: Truth = False
    """A relay, a server or a router may be behind the port, and is believed."""

    guard: MaybeTruth = None
    """The port sends, and is sent, only what is its own. Without it, as the subnet says."""

    allowed: Annotated[dict[int, AddressRange] | None, BeforeValidator(_numbered)] = Field(
        default=None, json_schema_extra=json_schema.as_any_list
    )
    """Addresses beside its clients' that a `guard` lets through, in both directions."""

    rate_limit: Rate = Field(default=None, json_schema_extra=json_schema.or_none)
    """How much DHCP of the port is heard. Without it, the bridge's for each of its clients."""

    hosts: Annotated[Mapping[int, HostKeys | PlainHost] | None, _HOSTS] = Field(
        default=None, json_schema_extra=json_schema.as_list
    )
    """Several clients behind the port, told apart by their MAC addresses."""


class TableKeys(_Keys):
    """The bridge's tables that ovsdhcp uses; a packet only goes forward through them."""

    classify: TableNumber = None
    """Where packets begin: DHCP is sent on to `dhcp_options`. Without it, table 0."""

    dhcp_options: TableNumber = None
    """Where clients' DHCP goes to the controller. Without it, table 22."""

    dhcp_response: TableNumber = None
    """Where a resumed answer goes out. Without it, the table after `dhcp_options`."""

    source_guard: TableNumber = None
    """Where what guarded ports send is checked. Without it, table 24 or the next that is free."""

    target_guard: TableNumber = None
    """Where what is sent to them is checked. Without it, table 25 or the next that is free."""

    arp_responder: TableNumber = None
    """Where who-has is answered. Without it, table 26 or the next that is free."""


class BridgeKeys(_Keys):
    """A bridge and its ports."""

    dpid: Annotated[int | None, PlainValidator(scalars.dpid), json_schema.DPID] = None
    """Selects the bridge by its datapath id; its name here is of your choice then."""

    reply: Annotated[Reply, PlainValidator(scalars.reply), json_schema.REPLY] = Reply.PACKET_OUT
    """How an answer goes back to the client's port."""

    flows: Annotated[Flows, PlainValidator(scalars.flows), json_schema.FLOWS] = Flows.MANAGED
    """Who lays the flows."""

    other_traffic: Annotated[
        OtherTraffic, PlainValidator(scalars.other_traffic), json_schema.OTHER_TRAFFIC
    ] = OtherTraffic.NORMAL
    """What becomes of frames that are none of ours."""

    tables: TableKeys = TableKeys()
    """The numbers of the tables that ovsdhcp uses."""

    rate_limit: Rate = Field(default=None, json_schema_extra=json_schema.or_none)
    """How much DHCP of each client is heard. Without it, 10 packets a second, 20 at once."""

    rate_ceiling: Rate = Field(default=None, json_schema_extra=json_schema.or_none)
    """How much of all ports together is heard. Without it, 5,000 packets a second and at once."""

    ports: Annotated[dict[str, PortKeys], BeforeValidator(_empty_for_nothing)] = Field(
        default_factory=dict, json_schema_extra=json_schema.or_nothing
    )
    """The ports that are served, by their names on the bridge; others are left alone."""


class Document(_Keys):
    """Who gets which address: the subnets, and the bridges with their ports."""

    model_config = ConfigDict(json_schema_extra={"required": ["bridges"]})

    subnets: Annotated[dict[str, SubnetKeys], BeforeValidator(_empty_for_nothing)] = Field(
        default_factory=dict, json_schema_extra=json_schema.or_nothing
    )
    """What the clients of a network are told, by names of your choice."""

    bridges: dict[str, BridgeKeys] | None = Field(
        default=None, json_schema_extra=json_schema.needed
    )
    """The bridges that are served, by the names that they have in Open vSwitch."""


_NAMED: Mapping[tuple[type[_Keys], str], type[_Keys]] = {
    (Document, "subnets"): SubnetKeys,
    (Document, "bridges"): BridgeKeys,
    (BridgeKeys, "ports"): PortKeys,
    (PortKeys, "hosts"): HostKeys,
}
"""Where entries stand under names, or in a list."""

_WORDS: Mapping[type[_Keys], str] = {
    Document: "the whole table",
    SubnetKeys: "a subnet",
    BridgeKeys: "a bridge",
    PortKeys: "a port",
    HostKeys: "a host",
    BootKeys: "`boot`",
    TableKeys: "`tables`",
    RateKeys: "a rate limit",
}

_SINGLE: Mapping[str, type[_Keys]] = {
    "tables": TableKeys,
    "boot": BootKeys,
    "rate_limit": RateKeys,
    "rate_ceiling": RateKeys,
}


def keys_at(path: tuple[str | int, ...]) -> list[str]:
    """The keys that the mapping at `path` may have."""
    model: type[_Keys] = Document
    steps = iter(path)
    for step in steps:
        if (model, step) in _NAMED:
            model = _NAMED[model, str(step)]
            next(steps, None)
        else:
            model = _SINGLE[str(step)]
    return _names(model)


def keys_of(key: str) -> list[str]:
    """Where `key` has its place: the mappings that may have it, in words."""
    return [words for model, words in _WORDS.items() if key in _names(model)]


def _names(model: type[_Keys]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]
