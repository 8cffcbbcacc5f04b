"""The Open vSwitch of this machine, as its own commands tell."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

from ovsdhcp.ovn.northbound import NotATableError, Row, rows_of

PATIENCE = 10
"""Seconds for a command."""


class NoOpenVSwitchError(Exception):
    """It cannot be asked: the message says why, `mend` what to do."""

    def __init__(self, message: str, mend: str) -> None:
        super().__init__(message)
        self.mend = mend

    def __str__(self) -> str:
        return f"error: {self.args[0]}\n\nhint: {self.mend}"


@dataclass(frozen=True, slots=True)
class Controller:
    """A controller of a bridge; `error` is why it was last lost. Limits are None where unset."""

    target: str
    connected: bool
    out_of_band: bool
    error: str
    rate_limit: int | None
    queue_size: int | None


@dataclass(frozen=True, slots=True)
class OvsBridge:
    """A bridge as it is set up; `ports` has what is wrong with each, by name, mostly nothing."""

    name: str
    dpid: int
    fail_mode: str
    protocols: frozenset[str]
    other_config: Mapping[str, str]
    controllers: tuple[Controller, ...]
    ports: Mapping[str, str]

    @property
    def in_band(self) -> bool:
        """Whether hidden flows for a controller behind the bridge itself are laid."""
        if self.other_config.get("disable-in-band") == "true":
            return False
        return any(not controller.out_of_band for controller in self.controllers)


def run(*command: str) -> str:
    """What one of Open vSwitch's commands prints. Raises `NoOpenVSwitchError`."""
    program = command[0]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=PATIENCE, check=False
        )
    except FileNotFoundError:
        mend = "install Open vSwitch (apt-get install openvswitch-switch), or look where it runs"
        raise NoOpenVSwitchError(f"{program} is not installed", mend) from None
    except subprocess.TimeoutExpired:
        mend = "its log tells more: /var/log/openvswitch/ovs-vswitchd.log"
        raise NoOpenVSwitchError(f"{program} hangs for {PATIENCE} s", mend) from None
    if done.returncode == 0:
        return done.stdout
    said = done.stderr.strip() or f"status {done.returncode}"
    if "ermission denied" in said:
        raise NoOpenVSwitchError(said, "it answers root only: sudo ovsdhcp doctor")
    raise NoOpenVSwitchError(said, "start it: systemctl start openvswitch-switch")


def bridges() -> dict[str, OvsBridge]:
    """All bridges, by name. Raises `NoOpenVSwitchError`."""
    ports = _table("Port", "_uuid", "interfaces")
    interfaces = _table("Interface", "_uuid", "name", "ofport", "error")
    controllers = _table("Controller")
    columns = ("name", "datapath_id", "fail_mode", "protocols", "other_config")
    found = _table("Bridge", "_uuid", *columns, "controller", "ports")
    return {
        str(row["name"]): _bridge(row, controllers, ports, interfaces) for row in found.values()
    }


def _table(name: str, *columns: str) -> dict[str, Row]:
    only = (f"--columns={','.join(columns)}",) if columns else ()
    text = run("ovs-vsctl", f"--timeout={PATIENCE - 1}", "--format=json", *only, "list", name)
    try:
        return {str(row["_uuid"]): row for row in rows_of(text)} if text.strip() else {}
    except (NotATableError, KeyError):
        mend = "ovs-vsctl --version"
        raise NoOpenVSwitchError(f"ovs-vsctl says no table {name}", mend) from None


def _bridge(
    row: Row,
    controllers: Mapping[str, Row],
    ports: Mapping[str, Row],
    interfaces: Mapping[str, Row],
) -> OvsBridge:
    mine = [interfaces[i] for p in _many(row, "ports") for i in _many(ports[p], "interfaces")]
    return OvsBridge(
        name=str(row["name"]),
        dpid=int(_one(row, "datapath_id") or "0", 16),
        fail_mode=_one(row, "fail_mode") or "standalone",
        protocols=frozenset(_many(row, "protocols")),
        other_config=_map(row, "other_config"),
        controllers=tuple(_controller(controllers[c]) for c in _many(row, "controller")),
        ports={str(interface["name"]): _fault(interface) for interface in mine},
    )


def _controller(row: Row) -> Controller:
    rate, queue = _one(row, "controller_rate_limit"), _one(row, "controller_queue_size")
    return Controller(
        target=str(row["target"]),
        connected=row.get("is_connected") is True,
        out_of_band=_one(row, "connection_mode") == "out-of-band",
        error=_map(row, "status").get("last_error", ""),
        rate_limit=int(rate) if rate else None,
        queue_size=int(queue) if queue else None,
    )


def _fault(interface: Row) -> str:
    """Why an interface of the database is no port, empty where it is one."""
    number, error = _one(interface, "ofport"), _one(interface, "error")
    return error or ("it has no number yet" if number in ("", "-1") else "")


def _many(row: Row, column: str) -> list[str]:
    value = row.get(column, [])
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]


def _one(row: Row, column: str) -> str:
    return next(iter(_many(row, column)), "")


def _map(row: Row, column: str) -> dict[str, str]:
    value = row.get(column)
    return {k: str(v) for k, v in value.items()} if isinstance(value, dict) else {}
