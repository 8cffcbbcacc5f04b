"""What a client may be told, layer over layer: its subnet's, its port's, its own.

A layer's `options` are encoded here with the one option table, so that a value which cannot be
sent is an error in the file. Names that OVN has among its options and that are other things here
(times, the server's address, boot files) go where they belong, by the option's role.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from ipaddress import IPv4Address
from types import MappingProxyType

from pydantic_core import PydanticCustomError

from ovsdhcp.config import option_values, scalars
from ovsdhcp.config.document import BootKeys, SettingKeys
from ovsdhcp.config.oddities import PAIR, warn
from ovsdhcp.config.problems import At, Finding, Path, Report, shortened
from ovsdhcp.config.settings import UNKNOWN_NETWORK, Settings
from ovsdhcp.dhcp.binding import INFINITE
from ovsdhcp.dhcp.options import Option, Role, lookup, meant

_LAYER_KEYS = frozenset(SettingKeys.model_fields)


def layered(base: Settings, keys: SettingKeys, path: Path, report: Report) -> Settings:
    """`base` with what the mapping at `path` says laid over it; what is wrong goes to `report`."""
    if keys.model_fields_set.isdisjoint(_LAYER_KEYS):
        return base
    layer = _Layer(base, path, report)
    for name, value in keys.options.items():
        layer.option(name, value)
    layer.unknown_options()
    layer.times(keys)
    if keys.boot is not None:
        layer.boot(keys.boot)
    return layer.settings()


class _Layer:
    """One mapping's settings in the making."""

    def __init__(self, base: Settings, path: Path, report: Report) -> None:
        self._base, self._path, self._report = base, path, report
        self._options = dict(base.options)
        self._changes: dict[str, object] = {}
        self._origins: dict[int | str, Path] = {}
        self._codes: dict[int | str, Path] = {}
        self._unknown: list[tuple[str, object, str]] = []

    # -- options -----------------------------------------------------------------------------

    def option(self, name: str, value: object) -> None:
        """Take one entry of `options`; `None` takes away what the layers below have set."""
        try:
            option = lookup(name)
        except (KeyError, ValueError) as error:
            self._unknown.append((name, value, str(error.args[0])))
        else:
            self._take(option, name, value)

    def unknown_options(self) -> None:
        """Report the entries whose names no option has; those that can mean but one are taken."""
        for name, value, said in self._unknown:
            message, _, hint = said.rpartition(": ")
            text, hint = (message, hint) if message else (hint, "")
            path = (*self._path, "options", name)
            finding = Finding(path, "unknown-option", shortened(text), hint, At.KEY)
            option = meant(name)
            if option is None or option.code in self._codes:
                self._report.add(finding)
            else:
                self._report.misplaced(finding, (*path[:-1], option.name))
                self._take(option, option.name, value)

    def _take(self, option: Option, name: str, value: object) -> None:
        path = (*self._path, "options", name)
        if not self._first(option, path):
            return
        if value is None:
            self._remove(option, path)
            return
        try:
            octets = option_values.octets(option, name, value)
            _PLACES[option.role](self, option, octets, path)
        except ValueError as error:
            encode = partial(option_values.octets, option, name)
            for inner, at, message in option_values.faults(encode, value, error):
                there = (*path, *inner)
                self._report.add(Finding(there, "bad-option", shortened(message), at=at))

    def _first(self, option: Option, path: Path) -> bool:
        earlier = self._codes.setdefault(option.code, path)
        if earlier is not path:
            message = f"option {option.code} ({option.name}) is set here a second time"
            self._report.error(path, "option-twice", message, clash=earlier)
        return earlier is path

    def _remove(self, option: Option, path: Path) -> None:
        if option.role in _MANDATORY:
            message = f"{option.name} is sent to every client and cannot be taken away"
            self._report.error(path, "mandatory-option", message)
            return
        if option.role is Role.OPTION:
            there = self._options.pop(option.code, None) is not None
        else:
            there = self._value(_FIELDS[option.role]) is not None
            self._changes[_FIELDS[option.role]] = None
        if not there and self._base.network != UNKNOWN_NETWORK and not self._report.wrong(path):
            message = f"there is no {option.name} that this could take away"
            self._report.warning(path, "no-effect", message, "leave it out")

    def _send(self, option: Option, octets: bytes, path: Path) -> None:
        self._options[option.code] = octets

    def _refuse(self, option: Option, octets: bytes, path: Path) -> None:
        message = f"option {option.code} ({option.name}) is not for a lease table to set"
        hint = "the server makes it for each reply, or only clients send it"
        self._report.error(path, "engine-option", message, hint)

    def _netmask(self, option: Option, octets: bytes, path: Path) -> None:
        netmask = self._base.network.netmask
        if IPv4Address(octets) != netmask and self._base.network != UNKNOWN_NETWORK:
            message = f"{IPv4Address(octets)} is not the netmask of {self._base.network}"
            hint, clash = f"leave it out, or write {netmask}", self._base.origins.get("cidr")
            self._report.error(path, "other-netmask", message, hint, clash=clash)

    def _server_id(self, option: Option, octets: bytes, path: Path) -> None:
        address = IPv4Address(octets)
        if self._base.server_id is None:
            self._changes["server_id"] = address
            self._origins["server_id"] = path
        elif address != self._base.server_id:
            message = f"{address} is not the subnet's server_id, {self._base.server_id}"
            hint, clash = "say it once, at the subnet", self._base.origins.get("server_id")
            self._report.error(path, "other-server-id", message, hint, clash=clash)

    def _seconds(self, option: Option, octets: bytes, path: Path) -> None:
        seconds = int.from_bytes(octets, "big")
        if seconds == 0:
            raise ValueError(f"{option.name} is at least one second")
        self._time(_FIELDS[option.role], seconds, path)

    def _next_server(self, option: Option, octets: bytes, path: Path) -> None:
        self._changes["next_server"] = IPv4Address(octets)
        self._origins["next_server"] = path

    def _boot_file(self, option: Option, octets: bytes, path: Path) -> None:
        self._changes[_FIELDS[option.role]] = str(option.kind.decode(octets))
        self._origins[_FIELDS[option.role]] = path

    # -- times -------------------------------------------------------------------------------

    def times(self, keys: SettingKeys) -> None:
        """Take `lease_time`, `T1` and `T2`."""
        for name, key in (("lease_time", "lease_time"), ("t1", "T1"), ("t2", "T2")):
            value = getattr(keys, name)
            if value is not None:
                self._time(name, value, (*self._path, key))

    def _time(self, name: str, seconds: int, path: Path) -> None:
        earlier = self._origins.get(name)
        if earlier is not None and self._changes[name] != seconds:
            message = f"this says {seconds} s, and `options` say {self._changes[name]} s"
            self._report.error(path, "said-twice", message, "say it once", clash=earlier)
            return
        self._changes[name] = seconds
        self._origins[name] = path

    # -- network boot ------------------------------------------------------------------------

    def boot(self, keys: BootKeys) -> None:
        """Take the mapping `boot`."""
        self._check_said_once(keys)
        if keys.next_server is not None:
            self._changes["next_server"] = keys.next_server
        if keys.file is not None:
            everybody = keys.ipxe is None and self._value("boot_alt") is None
            self._changes["boot_name" if everybody else "boot_alt"] = keys.file
        if keys.ipxe is not None:
            if self._value("boot_alt") is None:
                # "": without `file`, who is not iPXE has none but its architecture's
                self._changes["boot_alt"] = self._value("boot_name") or ""
            self._changes["boot_name"] = keys.ipxe
        self._architectures(keys.architectures)

    def _value(self, name: str) -> object:
        return self._changes.get(name, getattr(self._base, name))

    def _check_said_once(self, keys: BootKeys) -> None:
        files = ("boot_name", "boot_alt")
        for key, names in (("next_server", ("next_server",)), ("file", files), ("ipxe", files)):
            earlier = next((self._origins[name] for name in names if name in self._origins), None)
            if getattr(keys, key) is not None and earlier is not None:
                message = "`options` name one as well"
                hint = "name boot files and their server either in `options` or in `boot`"
                there = (*self._path, "boot", key)
                self._report.error(there, "said-twice", message, hint, clash=earlier)

    def _architectures(self, files: Mapping[str, str]) -> None:
        by_arch = dict(self._base.by_arch)
        named: dict[int, Path] = {}
        for name, file in files.items():
            path = (*self._path, "boot", "architectures", name)
            try:
                codes = scalars.architecture(name)
            except PydanticCustomError as error:
                self._report.add(refused(error, path, At.KEY))
                continue
            earlier = next((named[code] for code in codes if code in named), None)
            if earlier is not None:
                message = f"`{earlier[-1]}` is the same architecture"
                self._report.error(path, "architecture-twice", message, clash=earlier)
            named |= dict.fromkeys(codes, path)
            by_arch |= dict.fromkeys(codes, file)
        if files:
            self._changes["by_arch"] = MappingProxyType(by_arch)

    # -- the result --------------------------------------------------------------------------

    def settings(self) -> Settings:
        """The layer laid over its base."""
        if self._options != self._base.options:
            self._changes["options"] = MappingProxyType(self._options)
        own = {**self._origins, **{code: self._codes[code] for code in PAIR & self._codes.keys()}}
        if own:
            self._changes["origins"] = {**self._base.origins, **own}
        settings = replace(self._base, **self._changes)  # type: ignore[arg-type]
        if self._origins:
            self._check_times(settings)
        warn(settings, {**self._codes, **self._origins}, self._report)
        return settings

    def _check_times(self, settings: Settings) -> None:
        """T1 < T2 < lease (RFC 2131 §4.4.5), with its defaults for what is not given."""
        lease = settings.lease_time
        if lease is None or (settings.t1 is None and settings.t2 is None):
            return
        t1 = lease // 2 if settings.t1 is None else settings.t1
        t2 = lease * 7 // 8 if settings.t2 is None else settings.t2
        if t2 >= lease:
            message = f"T2 is {_shown(t2)}, not before the lease ends after {_shown(lease)}"
            self._misplaced(settings, message, "t2", "lease_time")
        elif t1 >= t2:
            default = " by default" if settings.t2 is None else ""
            message = f"T1 is {_shown(t1)}, not before T2, which is {_shown(t2)}{default}"
            first, second = ("t1", "t2") if settings.t1 is not None else ("t2", "t1")
            self._misplaced(settings, message, first, second, "lease_time")

    def _misplaced(self, settings: Settings, message: str, *names: str) -> None:
        """Report at the entry of this layer; the layers below were checked before it."""
        origins = [settings.origins[name] for name in names if name in settings.origins]
        own = next((path for path in origins if path in self._origins.values()), None)
        if own is None:
            return
        clash = next((path for path in origins if path != own), None)
        hint = "T1 is before T2, and T2 before the end of the lease"
        self._report.error(own, "time-order", message, hint, clash=clash)


_PLACES: Mapping[Role, Callable[[_Layer, Option, bytes, Path], None]] = {
    Role.OPTION: _Layer._send,
    Role.NETMASK: _Layer._netmask,
    Role.LEASE_TIME: _Layer._seconds,
    Role.SERVER_ID: _Layer._server_id,
    Role.T1: _Layer._seconds,
    Role.T2: _Layer._seconds,
    Role.NEXT_SERVER: _Layer._next_server,
    Role.BOOTFILE_NAME: _Layer._boot_file,
    Role.BOOTFILE_NAME_ALT: _Layer._boot_file,
    Role.ENGINE: _Layer._refuse,
}
"""Where an option's value goes."""

_FIELDS: Mapping[Role, str] = {
    Role.LEASE_TIME: "lease_time",
    Role.T1: "t1",
    Role.T2: "t2",
    Role.NEXT_SERVER: "next_server",
    Role.BOOTFILE_NAME: "boot_name",
    Role.BOOTFILE_NAME_ALT: "boot_alt",
}
"""The field of `Settings` that an option sets."""

_MANDATORY = (Role.NETMASK, Role.LEASE_TIME, Role.SERVER_ID, Role.ENGINE)


def refused(error: PydanticCustomError, path: Path, at: At = At.VALUE) -> Finding:
    """The finding for a value that a function of `scalars` refused."""
    context = error.context or {}
    return Finding(path, error.type, context.get("message", ""), context.get("hint", ""), at)


def _shown(seconds: int) -> str:
    return "infinite" if seconds == INFINITE else f"{seconds} s"
