"""What a client may be told, once all layers that say something of it are laid together."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network

from ovsdhcp.config.problems import Path
from ovsdhcp.dhcp.binding import NO_BOOT, Boot

UNKNOWN_NETWORK = IPv4Network("0.0.0.0/0")
"""That of a subnet whose own is wrong: all addresses are in it, and no table can have it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All layers so far. A binding shares the mappings with every other that adds nothing to them.

    `boot_name` and `boot_alt` are OVN's pair: a client that is iPXE gets the name; another gets
    the alternative, or if there is none the name too. `origins` says where a field, or an option of
    `oddities.PAIR`, is set.
    """

    network: IPv4Network
    server_id: IPv4Address | None = None
    lease_time: int | None = None
    t1: int | None = None
    t2: int | None = None
    options: Mapping[int, bytes] = field(default_factory=dict)
    next_server: IPv4Address | None = None
    boot_name: str | None = None
    boot_alt: str | None = None
    by_arch: Mapping[int, str] = field(default_factory=dict)
    origins: Mapping[int | str, Path] = field(default_factory=dict)


def boot_of(settings: Settings) -> Boot:
    """The boot that the layers together come to."""
    if settings.boot_alt is None:
        file, ipxe = settings.boot_name, None
    else:
        file, ipxe = settings.boot_alt or None, settings.boot_name
    boot = Boot(settings.next_server, file, settings.by_arch, ipxe)
    return NO_BOOT if boot == NO_BOOT else boot
