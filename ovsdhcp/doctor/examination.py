"""The whole examination, in steps: as far as it comes without root, a server, or Open vSwitch."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from shlex import quote

from ovsdhcp.config.loading import load
from ovsdhcp.config.problems import ConfigError
from ovsdhcp.config.table import Bridge, Config
from ovsdhcp.control import installed
from ovsdhcp.control.client import NoServerError, ask, status_of_server
from ovsdhcp.control.findings import (
    NOTE,
    OK,
    UNKNOWN,
    Finding,
    findings_of,
    of_the_server,
    target,
)
from ovsdhcp.control.protocol import ControlError, Document
from ovsdhcp.doctor import checks, offers, open_vswitch
from ovsdhcp.doctor.offers import CannotAskError
from ovsdhcp.doctor.open_vswitch import NoOpenVSwitchError, OvsBridge
from ovsdhcp.openflow.management import NoBridgeError
from ovsdhcp.service import config_path

USUAL = {"host": "127.0.0.1", "port": 6653}
"""Where a server listens that is not there to say so."""


@dataclass(frozen=True, slots=True)
class Step:
    """Something to look at, which may take its time."""

    name: str
    look: Callable[[], Iterable[Finding]]


@dataclass(slots=True)
class Examination:
    """What is known before anything is looked at closely; each part None where it is not."""

    table: Path
    status: Document | None = None
    config: Config | None = None
    bridges: Mapping[str, OvsBridge] | None = None
    findings: list[Finding] = field(default_factory=list)

    @classmethod
    def begin(cls, path: Path | None) -> "Examination":
        """Ask the server, read the table (`path`, else the server's, else the usual) and OVS."""
        begun = cls(path or config_path())
        begun._ask_server()
        if path is None and begun.status is not None:
            begun.table = Path(begun.status["table"]["path"])
        begun._read_table()
        begun._read_open_vswitch()
        return begun

    @property
    def nobody_answers(self) -> bool:
        """Whether there is neither a server nor an Open vSwitch to ask."""
        return self.status is None and self.bridges is None

    def _ask_server(self) -> None:
        try:
            self.status = status_of_server()
        except (NoServerError, ControlError) as error:
            text, _, mend = str(error).removeprefix("error: ").partition("\n\nhint: ")
            self.findings.append(Finding("server", text, mend or "ovsdhcp run"))
        else:
            version, pid = self.status["server"]["version"], self.status["server"]["pid"]
            text = f"the server answers: ovsdhcp {version}, pid {pid}"
            self.findings.append(Finding("server", text, severity=OK))

    def _read_table(self) -> None:
        try:
            self.config = load(self.table)
        except ConfigError as error:
            text = f"the table {self.table} cannot be used, {len(error.problems)} errors: "
            text += f"{error.problems[0].message}, …"
            self.findings.append(Finding("table", text, f"ovsdhcp check {quote(str(self.table))}"))
        else:
            text = f"the table {self.table} is sound, bridges: {len(self.config.bridges)}"
            self.findings.append(Finding("table", text, severity=OK))

    def _read_open_vswitch(self) -> None:
        try:
            self.bridges = open_vswitch.bridges()
        except NoOpenVSwitchError as error:
            text = f"Open vSwitch cannot be asked: {error.args[0]}"
            self.findings.append(Finding("open-vswitch", text, error.mend, UNKNOWN))
        else:
            self.findings.append(Finding("open-vswitch", "Open vSwitch answers", severity=OK))

    def steps(self, aloud: bool) -> Iterator[Step]:
        """What is left to look at; `aloud` asks for other servers on every bridge."""
        yield Step("server", self._of_server)
        for bridge in self.config.bridges if self.config else ():
            there = checks.find(bridge, self.bridges or {})
            if self.bridges is not None:
                yield Step(f"bridge {bridge.name}", partial(self._of, bridge, there))
            yield Step(f"flows of {bridge.name}", partial(self._of_flows, bridge))
            if aloud and there is not None:
                yield Step(f"others on {there.name}", partial(_of_others, bridge, there.name))
        if not aloud:
            yield Step("others", self._not_asked)

    def _of_server(self) -> Iterable[Finding]:
        """Where Open vSwitch can be asked, it says more of the bridges than the server can."""
        if self.status is None:
            return ()
        return findings_of(self.status) if self.bridges is None else of_the_server(self.status)

    def _of(self, bridge: Bridge, there: OvsBridge | None) -> Iterable[Finding]:
        if self.status is None:
            return checks.of_bridge(bridge, there, target(USUAL))
        ours = target(self.status["server"]["listens"])
        sockets = (it["target"] for it in self.status["sockets"])
        connected = {it["name"] for it in self.status["bridges"] if it["connected"]}
        reached = (ours, *sockets) if bridge.name in connected else ()
        return checks.of_bridge(bridge, there, ours, reached)

    def _of_flows(self, bridge: Bridge) -> Iterable[Finding]:
        try:
            said = (
                ask("flows", {"bridge": bridge.name})
                if self.status is not None
                else installed.compared_with(bridge)
            )
            sums = [item["bridge"] for item in said if "bridge" in item]
        except (NoServerError, ControlError, NoBridgeError) as error:
            text, _, mend = str(error).removeprefix("error: ").partition("\n\nhint: ")
            return (Finding("flows-there", text, mend, UNKNOWN),)
        return [finding for it in sums for finding in checks.of_flows(it)]

    def _not_asked(self) -> Iterable[Finding]:
        text = "whether another DHCP server answers was not asked aloud"
        return (Finding("other-server", text, "ovsdhcp doctor --probe", NOTE),)


def _of_others(bridge: Bridge, interface: str) -> Iterable[Finding]:
    try:
        return list(checks.of_offers(bridge, interface, offers.ask_aloud(interface)))
    except CannotAskError as error:
        mend = f"as root, with the interface up: ip link set {quote(interface)} up"
        text = f"no DISCOVER can be sent through {error}"
        return (Finding("other-server", text, mend, UNKNOWN),)
