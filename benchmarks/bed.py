"""Where a responder works: an Open vSwitch of its own, and ports that lead to the load generator.

Two network namespaces: `home` has the switch and whoever answers, `clients` has the far ends of
the ports. A port is a tap, as a virtual machine's is: of all that leads out of the userspace
datapath it costs ovs-vswitchd least. c0, c1, ... are ports 1, 2, ... of the bridges, by turns.
"""

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from ovsdhcp.lab import namespace
from ovsdhcp.lab.bridge import CONTROLLER, Switch
from ovsdhcp.lab.command import LabError, Shell, Voice
from ovsdhcp.lab.laboratory import Names

SHELL = Shell(Voice(quiet=True))
PORTS_WITHIN = 180
_NUMBERS = count()
_MEMORY = "/dev/shm"
"""dnsmasq writes its leases anew for each: it is not this machine's disk that is measured."""


@dataclass(frozen=True, slots=True)
class Bed:
    """A switch with its ports; `bridges` are br-int, or br0, br1, ..."""

    names: Names
    switch: Switch
    clients: str
    ports: int
    bridges: tuple[str, ...]

    @property
    def home(self) -> str:
        """The namespace of the switch and of what answers."""
        return self.switch.home

    @property
    def shell(self) -> Shell:
        """What runs the commands."""
        return self.switch.shell

    @property
    def folder(self) -> Path:
        """Where everything of this bed is kept."""
        return self.names.folder

    def residents(self, program: str) -> list[int]:
        """The processes of a program that run here."""
        home = namespace.identity(self.home)
        return namespace.residents_called(program, home) if home else []

    def vswitchd(self) -> list[int]:
        """The switch's own process."""
        return self.residents("ovs-vswitchd")

    def appctl(self, *words: str) -> str:
        """Run ovs-appctl on this switch."""
        return self.shell.run("ovs-appctl", "--timeout=30", *words, doing=f"ask for {words[0]}",
                              environment=self.switch.client_environment)  # fmt: skip

    def environment(self) -> dict[str, str]:
        """A process's variables, so that Open vSwitch's programs speak to this switch."""
        return os.environ | self.switch.client_environment

    def set_controllers(self) -> None:
        """Give every bridge its controller."""
        words = [
            word
            for name in self.bridges
            for word in ("--", "set-controller", name, CONTROLLER, "--", "set", "Controller", name,
                         "connection_mode=out-of-band")
        ]  # fmt: skip
        self.switch.vsctl("--timeout=60", *words[1:], doing="set the controllers")

    def lay(self, flows: Sequence[str], bridge: str = "br-int") -> None:
        """Add flows as ovs-ofctl takes them."""
        file = self.folder / "flows"
        file.write_text("\n".join(flows) + "\n")
        self.switch.ofctl("--bundle", "add-flows", bridge, str(file), doing="lay flows")


@contextmanager
def bed(name: str, ports: int = 1, bridges: int = 0, idle: int = 0) -> Iterator[Bed]:
    """A bed that is there for as long as this; 0 bridges are the one called br-int.

    Behind the ports that are reached there may be idle ones, which are made sooner.
    """
    prefix = f"bm{os.getpid()}-{next(_NUMBERS)}"
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix=f"bm-{name}-", dir=_MEMORY)))
        homes = (f"{prefix}-switch", f"{prefix}-clients")
        for home in homes:
            SHELL.run("ip", "netns", "add", home, doing=f"make the namespace {home}")
            stack.callback(_remove, home)
            SHELL.run("ip", "-n", home, "link", "set", "lo", "up", doing="bring up loopback")
        several = tuple(f"br{n}" for n in range(bridges))
        bridge = several[0] if several else "br-int"
        switch = Switch(homes[0], folder / "ovs", bridge, SHELL)
        switch.start()
        made = Bed(Names(folder=folder, bridge=bridge), switch, homes[1], ports,
                   several or (bridge,))  # fmt: skip
        _make_bridges(made)
        _make_ports(made, ports + idle)
        yield made


def _remove(home: str) -> None:
    """End who lives there, then the namespace, and with it the interfaces."""
    there = namespace.identity(home)
    if there:
        namespace.end(namespace.residents(there), there)
        SHELL.run("ip", "netns", "delete", home, doing=f"remove the namespace {home}")


def batch(home: str, lines: Sequence[str], doing: str) -> None:
    """Many `ip` commands in one."""
    done = subprocess.run(("ip", "-n", home, "-batch", "-"), input="\n".join(lines) + "\n",
                          capture_output=True, text=True, check=False)  # fmt: skip
    if done.returncode:
        raise LabError(f"cannot {doing}", said=done.stderr)


def _make_bridges(made: Bed) -> None:
    words = [
        word
        for name in made.bridges[1:]
        for word in ("--", "add-br", name, "--", "set", "Bridge", name, "datapath_type=netdev",
                     "fail-mode=secure", "other-config:disable-in-band=true")
    ]  # fmt: skip
    if words:
        made.switch.vsctl(*words[1:], doing="make the bridges")


def _make_ports(made: Bed, count: int) -> None:
    """In one transaction: with each, ovs-vswitchd looks at all of its ports."""
    words = [
        word
        for n in range(count)
        for word in ("--", "add-port", made.bridges[n % len(made.bridges)], f"c{n}", "--",
                     "set", "Interface", f"c{n}", "type=internal", f"ofport_request={n + 1}")
    ]  # fmt: skip
    argv = ("ovs-vsctl", f"--timeout={PORTS_WITHIN}", *words[1:])
    made.shell.run(*argv, doing="plug the ports in", timeout=PORTS_WITHIN,
                   environment=made.switch.client_environment)  # fmt: skip
    reached = range(made.ports)
    away = [f"link set c{n} addrgenmode none netns {made.clients}" for n in reached]
    batch(made.home, away, "move the ports")
    batch(made.clients, [f"link set c{n} addrgenmode none up" for n in reached], "bring them up")
