"""The laboratory: a switch, its controller, and five ports with a client's place each."""

import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ovsdhcp.lab import client, namespace, state
from ovsdhcp.lab.bridge import SCHEMA, Switch
from ovsdhcp.lab.client import Client, Place
from ovsdhcp.lab.command import LabError, Shell, Voice
from ovsdhcp.lab.controller import Controller
from ovsdhcp.lab.deadline import wait_for
from ovsdhcp.lab.port import Port, interfaces
from ovsdhcp.lab.wire import Sniffer

FOLDER = Path("/run/ovsdhcp-lab")
MACS = {
    "vm1": "02:ac:10:ff:01:31",
    "vm2": "02:ac:10:00:00:01",
    "vm3": "02:ac:10:ff:01:33",
    "vm4": "02:ac:10:ff:01:34",
    "vm5": "02:ac:10:ff:01:30",
}
FLOWS_WITHIN = 10.0
PROGRAMS = {
    "ovs-vswitchd": "openvswitch-switch",
    "ovsdb-server": "openvswitch-switch",
    "ovs-vsctl": "openvswitch-switch",
    "ip": "iproute2",
}


@dataclass(frozen=True, slots=True)
class Names:
    """What a lab is called, so that several can be up at a time: the folder, and its namespaces.

    A test's lab has a prefix of its own; the one of `ovsdhcp lab up` has none, so that its
    namespaces are vm1 to vm5.
    """

    folder: Path = FOLDER
    prefix: str = ""
    switch: str = "ovsdhcp-lab"
    bridge: str = "br-int"

    def home(self, name: str) -> str:
        """The namespace for something of the lab."""
        return self.prefix + name


class Lab:
    """A switch with ports, made and unmade as a whole.

    Everything outside of the folder is written down before it is made; `down` goes by what is
    written down and by what the kernel says, never by what a run of `up` thought it had reached.
    """

    def __init__(self, names: Names = Names(), voice: Voice | None = None) -> None:
        self.names = names
        self.voice = voice or Voice(quiet=True)
        self.shell = Shell(self.voice)
        self.home = names.home(names.switch)
        self.switch = Switch(self.home, names.folder / "ovs", names.bridge, self.shell)
        self.controller = Controller(self.home, names.folder, self.shell)
        self.ports = {
            name: Port(name, number, mac, names.home(name))
            for number, (name, mac) in enumerate(MACS.items(), 1)
        }
        self._clients: list[Client] = []

    # --- up

    def up(self, config: Path) -> None:
        """Make what is missing of the lab, down to flows for the ports of the lease table."""
        require_root_and_programs()
        with state.alone(self.names.folder):
            self._refuse_strangers(state.load(self.names.folder) or state.State())
            known = state.found(self.names.folder)
            if not known.namespaces:
                known.not_there_before = client.host_files()
            self._make_namespaces(known)
            self._make_places(known)
            self._make_switch()
            self._make_ports()
            self._make_controller(config, known)

    def _all_homes(self) -> list[str]:
        return [self.home, *(it.home for it in self.ports.values())]

    def _refuse_strangers(self, known: state.State) -> None:
        """Whatever has one of our names and is not ours stays as it is, and no lab is made."""
        for home in self._all_homes():
            if (namespace.NAMES / home).exists() and not _is_ours(home, known):
                raise LabError(
                    f"there is a network namespace {home}, and it is not this lab's",
                    advice=f"If it is of no use to you: ip netns delete {home}",
                )
            etc = client.ETC_NETNS / home
            if etc.exists() and str(etc) not in known.paths:
                raise LabError(
                    f"{etc} is there, and it is not this lab's",
                    advice=f"If it is of no use to you: rm -r {etc}",
                )

    def _make_namespaces(self, known: state.State) -> None:
        there = {home: namespace.identity(home) for home in self._all_homes()}
        missing = [home for home, it in there.items() if not it or known.namespaces.get(home) != it]
        if missing:
            self.voice.step(f"network namespaces {', '.join(missing)}")
        for home in missing:
            if there[home]:  # left half made
                self.shell.run("ip", "netns", "delete", home, doing=f"remove {home}")
            known.namespaces[home] = None
            state.save(self.names.folder, known)
            self.shell.run("ip", "netns", "add", home, doing=f"make the namespace {home}")
            known.namespaces[home] = namespace.identity(home)
            state.save(self.names.folder, known)
            self.shell.run("ip", "-n", home, "link", "set", "lo", "up", doing="bring up loopback")

    def _make_places(self, known: state.State) -> None:
        places = [self.place(name) for name in self.ports]
        paths = [str(path) for place in places for path in (place.etc, *place.run_paths)]
        known.paths = sorted({*known.paths, *paths})
        state.save(self.names.folder, known)
        for place in places:
            if not place.resolv_conf.exists():
                place.prepare()

    def _make_switch(self) -> None:
        if not (self.switch.runs("ovsdb-server") and self.switch.runs("ovs-vswitchd")):
            self.voice.step(f"its own Open vSwitch in {self.home}, files in {self.switch.folder}")
        self.switch.start()

    def _make_ports(self) -> None:
        there = interfaces(self.home, self.shell)
        missing = [it for it in self.ports.values() if it.name not in there]
        if missing:
            self.voice.step(
                f"bridge {self.names.bridge} (datapath_type=netdev, fail-mode=secure), ports "
                + ", ".join(f"{it.name} ({it.mac})" for it in missing)
            )
        else:
            self.voice.step(f"bridge {self.names.bridge} and its ports are there")
        for it in self.ports.values():
            if it in missing:
                it.make(self.home, self.shell)
            it.bring_up(self.home, self.shell)
            self.switch.add_port(it.name, it.number)

    def _make_controller(self, config: Path, known: state.State) -> None:
        if self.controller.listens() and known.config == str(config):
            self.voice.step("the controller runs")
        else:
            self.start_controller(config)
            known.config = str(config)
            state.save(self.names.folder, known)
        if not self.switch.controllers():
            self.voice.step("the bridge gets its controller")
            self.switch.set_controller()

    def start_controller(self, config: Path) -> None:
        """Start the controller on a lease table, in place of the one that runs."""
        self.controller.stop()
        self.voice.step(f"ryu-manager ovsdhcp.app on {config}, its log in {self.controller.log}")
        self.controller.start(config)

    def wait_for_flows(self, *ports: str, table: int = 22, within: float = FLOWS_WITHIN) -> None:
        """Wait until the table has a flow for each of these ports."""
        for name in ports:
            look = self._flow_of(name, table)
            if not wait_for(look, within=within):
                raise LabError(
                    f"the controller lays no flow for {name} in table {table} within {within:g} s",
                    said="\n".join(self.controller.log.read_text().splitlines()[-10:]),
                    advice=f"Is {name} in the lease table? The whole log: {self.controller.log}",
                )

    def _flow_of(self, name: str, table: int) -> Callable[[], list[str]]:
        number = self.ports[name].number
        return lambda: self.switch.flows(f"table={table},in_port={number}")

    # --- while it is up

    def place(self, port_name: str) -> Place:
        """A client's place at a port."""
        return Place(self.ports[port_name], self.names.folder / "clients" / port_name)

    def client(self, kind: str, port_name: str) -> Client:
        """A client for a port, not started yet."""
        made = Client(client.kind_called(kind), self.place(port_name), self.shell)
        made.place.prepare()
        self._clients.append(made)
        return made

    def clear(self, port_name: str) -> None:
        """End the clients at a port and take away what they have set there."""
        place = self.place(port_name)
        client.stop(place, list(client.KINDS))
        place.port.clear(self.shell)
        state.remove(place.folder)
        for path in place.run_paths:
            state.remove(path)
        place.prepare()

    def sniff(self, port_name: str) -> Sniffer:
        """See the DHCP at a client's interface from now on."""
        it = self.ports[port_name]
        return Sniffer(it.home, it.name)

    # --- down

    def down(self) -> bool:
        """Remove every trace of the lab, however far it came; False if there is none."""
        require_root()
        if not self.names.folder.exists():
            return False
        with state.alone(self.names.folder):
            known = state.load(self.names.folder)
            if known is None:
                return False
            ended = self._end_residents(known)
            self._remove_namespaces(known)
            client.tidy_up(known.not_there_before, set(self.ports), ended)
            for path in known.paths:
                state.remove(Path(path))
            _remove_if_empty(client.ETC_NETNS)
            self.voice.step(f"remove {self.names.folder}")
            state.remove(self.names.folder)
        return True

    def _end_residents(self, known: state.State) -> list[int]:
        """End what runs in our namespaces, whoever started it: they are about to go."""
        ended = []
        for home in known.namespaces:
            there = namespace.identity(home)
            pids = namespace.residents(there) if there and _is_ours(home, known) else []
            if there and pids:
                programs = ", ".join(sorted({namespace.program(pid) for pid in pids}))
                self.voice.step(f"end {programs} in {home}")
                namespace.end(pids, there)
            ended += pids
        for started in self._clients:
            started.stop()
        self.controller.reap()
        return ended

    def _remove_namespaces(self, known: state.State) -> None:
        ours = [home for home in known.namespaces if _is_ours(home, known)]
        if ours:
            self.voice.step(f"remove the namespaces {', '.join(ours)}")
        for home in ours:
            self.shell.run("ip", "netns", "delete", home, doing=f"remove the namespace {home}")


def _is_ours(home: str, known: state.State) -> bool:
    """Whether the namespace that has this name now is the one we made.

    Where we had no time to write down which it became, it is the one: there was none before.
    """
    there = namespace.identity(home)
    if there is None or home not in known.namespaces:
        return False
    return known.namespaces[home] in (there, None)


def _remove_if_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def require_root() -> None:
    """Namespaces are root's."""
    if os.geteuid():
        raise LabError(
            "the lab makes network namespaces, which takes root",
            advice="Start it with sudo, or as scripts/lab, which does.",
        )


def require_root_and_programs() -> None:
    """Say what is missing before anything is made."""
    require_root()
    missing = {package for program, package in PROGRAMS.items() if shutil.which(program) is None}
    if not missing and not SCHEMA.exists():
        missing = {"openvswitch-switch"}
    if missing:
        packages = " ".join(sorted(missing))
        raise LabError(f"not installed: {packages}", advice=f"apt-get install {packages}")
    if not Path("/dev/net/tun").exists():
        raise LabError(
            "there is no /dev/net/tun, which the userspace datapath needs",
            advice="modprobe tun; in a container, pass the device in (--device /dev/net/tun)",
        )


def counter(flow: str) -> int:
    """How many packets a flow, as ovs-ofctl prints it, was hit by."""
    found = re.search(r"n_packets=(\d+)", flow)
    return int(found.group(1)) if found else 0
