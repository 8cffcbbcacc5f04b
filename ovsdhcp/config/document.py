"""The lease table's keys, as pydantic models: what may stand where, and what each value is.

One mapping alone is judged here; what has to fit together is judged in `assembly`. Every value
goes through a function of `scalars`, so pydantic never converts one by itself (it would make
0.0.0.5 of `ip: 5`).
"""

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator

from ovsdhcp.config import scalars
from ovsdhcp.config.problems import shown
from ovsdhcp.config.table import Flows, OtherTraffic, Reply


def _empty_for_nothing(value: object) -> object:
    """`options:` with nothing behind it, as one has when all its lines are commented out."""
    return {} if value is None else value


def _numbered(value: object) -> object:
    """A list as a mapping by position, so that `validation` can cut an item out of it."""
    if isinstance(value, list):
        return dict(enumerate(value))
    if isinstance(value, dict) and all(isinstance(key, int) for key in value):
        return value
    raise scalars.refusal("bad-list", f"expected a list, got {shown(value)}")


# None is what a key has that is not written; a key with nothing behind it is refused.
Address = Annotated[IPv4Address | None, PlainValidator(scalars.address)]
Duration = Annotated[int | None, PlainValidator(scalars.duration)]
Mac = Annotated[bytes | None, PlainValidator(scalars.mac)]
BootFile = Annotated[str | None, PlainValidator(scalars.boot_file)]
Truth = Annotated[bool, PlainValidator(scalars.truth)]
TableNumber = Annotated[
    int | None, PlainValidator(scalars.whole_number(0, scalars.HIGHEST_TABLE, "a table's number"))
]
PortNumber = Annotated[
    int | None,
    PlainValidator(scalars.whole_number(1, scalars.HIGHEST_PORT, "a port's OpenFlow number")),
]
Options = Annotated[dict[str, Any], BeforeValidator(_empty_for_nothing)]


class _Keys(BaseModel):
    """Keys that are not named are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class BootKeys(_Keys):
    """Where a network boot goes on (`binding.Boot`)."""

    next_server: Address = None
    file: BootFile = None
    ipxe: BootFile = None
    architectures: dict[str, Annotated[str, PlainValidator(scalars.boot_file)]] = Field(
        default_factory=dict
    )


class SettingKeys(_Keys):
    """What a subnet, a port and a host can each say of their clients; the nearest wins."""

    lease_time: Duration = None
    t1: Duration = Field(default=None, alias="T1")
    t2: Duration = Field(default=None, alias="T2")
    options: Options = Field(default_factory=dict)
    boot: BootKeys | None = None


class SubnetKeys(SettingKeys):
    """A network's server side (`binding.Subnet`). `options` may say the server's, as OVN has it."""

    cidr: Annotated[IPv4Network, PlainValidator(scalars.network)]
    server_id: Address = None
    server_mac: Mac = None
    authoritative: Truth = True
    decline_probation: Annotated[int, PlainValidator(scalars.duration)] = 600


class HostKeys(SettingKeys):
    """One of several clients behind a port; `mac` and `ip` are both needed."""

    mac: Mac = None
    ip: Address = None
    trusted: Annotated[bool | None, PlainValidator(scalars.truth)] = None


class PortKeys(SettingKeys):
    """A port: with one client (`ip`, and `mac` if only that one), or with `hosts`."""

    subnet: Annotated[str, PlainValidator(scalars.text)]
    mac: Mac = None
    ip: Address = None
    ofport: PortNumber = None
    trusted: Truth = False
    hosts: Annotated[dict[int, HostKeys] | None, BeforeValidator(_numbered)] = None


class TableKeys(_Keys):
    """Table numbers; for those not given see `assembly`."""

    classify: TableNumber = None
    dhcp_options: TableNumber = None
    dhcp_response: TableNumber = None


class BridgeKeys(_Keys):
    """A bridge and its ports (`table.Bridge`)."""

    dpid: Annotated[int | None, PlainValidator(scalars.dpid)] = None
    reply: Annotated[Reply, PlainValidator(scalars.reply)] = Reply.PACKET_OUT
    flows: Annotated[Flows, PlainValidator(scalars.flows)] = Flows.MANAGED
    other_traffic: Annotated[OtherTraffic, PlainValidator(scalars.other_traffic)] = (
        OtherTraffic.NORMAL
    )
    tables: TableKeys = TableKeys()
    ports: Annotated[dict[str, PortKeys], BeforeValidator(_empty_for_nothing)] = Field(
        default_factory=dict
    )


class Document(_Keys):
    """The whole file; `bridges` is needed."""

    subnets: Annotated[dict[str, SubnetKeys], BeforeValidator(_empty_for_nothing)] = Field(
        default_factory=dict
    )
    bridges: dict[str, BridgeKeys] | None = None


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
}

_SINGLE: Mapping[str, type[_Keys]] = {"tables": TableKeys, "boot": BootKeys}


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
