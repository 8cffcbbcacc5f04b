"""Who answers: ovsdhcp and its peers, each on a bed of its own and given the same bindings."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

from benchmarks import clients, tables
from benchmarks.bed import Bed, batch, bed
from benchmarks.generator import Load, ask
from benchmarks.peers import Dnsmasq, Kea, Network
from ovsdhcp.config.loading import loads
from ovsdhcp.dhcp.server import Reply, answer
from ovsdhcp.lab.bridge import CONTROLLER
from ovsdhcp.lab.command import LabError
from ovsdhcp.lab.controller import Controller, ryu_manager
from ovsdhcp.lab.deadline import wait_for
from ovsdhcp.lab.port import finish_checksums
from tests.bridge.ovn_host import Ovn
from tests.dhcp.wire import asking, bootp, frame, mac

ROOT = Path(__file__).parents[1]
ANSWERS_WITHIN = 30.0


@dataclass(frozen=True, slots=True)
class Responder:
    """Something that answers on a bed; `pids` are its processes, none where the bridge does it."""

    name: str
    bed: Bed
    pids: Callable[[], list[int]]
    bindings: int
    constant: bool = False
    """It says the same to everybody."""

    def ready(self) -> "Responder":
        """Wait until a client of each port is answered."""
        if not wait_for(lambda: answers(self), within=ANSWERS_WITHIN):
            raise LabError(f"{self.name} does not answer; its files are in {self.bed.folder}")
        return self


def answers(responder: Responder) -> bool:
    """Whether all ports are served."""
    ports = responder.bed.ports
    probe = Load(any=responder.constant, seconds=0.05, wait_ms=40, clients=ports, ports=ports,
                 window=ports, each_port=True)  # fmt: skip
    got = ask(responder.bed.clients, probe)
    return all(port["replies"] for port in got.more["ports"])


Stage = Callable[[int], AbstractContextManager[Responder]]
"""Brings a responder up with so many bindings."""


@contextmanager
def ovsdhcp(
    bindings: int, ports: int = 1, bridges: int = 0, reply: str = "packet-out"
) -> Iterator[Responder]:
    """ryu-manager ovsdhcp.app, as a user starts it."""
    with bed("ovsdhcp", ports, bridges) as made:
        controller = serve(made, tables.lease_table(bindings, ports, made.bridges, reply))
        made.set_controllers()
        name = "ovsdhcp" if reply == "packet-out" else f"ovsdhcp-{reply}"
        yield Responder(name, made, controller.pids, bindings).ready()
        controller.stop()


@contextmanager
def ovsdhcp_tcp(bindings: int) -> Iterator[Responder]:
    """The same, with a bridge that is heard by TCP alone, as one of another machine is."""
    with bed("ovsdhcp-tcp") as made:
        controller = serve(made, tables.lease_table(bindings, 1, made.bridges))
        (made.switch.folder / f"{made.switch.bridge}.mgmt").unlink()
        made.set_controllers()
        yield Responder("ovsdhcp-tcp", made, controller.pids, bindings).ready()
        controller.stop()


@contextmanager
def ovsdhcp_unix(bindings: int) -> Iterator[Responder]:
    """The same, with a bridge that comes by its Unix socket."""
    with bed("ovsdhcp-unix") as made:
        table = tables.lease_table(bindings, 1, made.bridges)
        controller = serve(made, table, sockets=made.switch.folder)
        made.switch.set_controller(made.switch.socket)
        yield Responder("ovsdhcp-unix", made, controller.pids, bindings).ready()
        controller.stop()


def serve(made: Bed, table: str, sockets: Path | None = None) -> Controller:
    """Start it on a bed, until it listens."""
    (made.folder / "table.json").write_text(table)
    controller = Controller(made.home, made.folder, made.shell)
    controller.start(made.folder / "table.json", sockets)
    return controller


def reload(made: Bed, table: str) -> None:
    """A changed table, and `ovsdhcp reload`, as a user types it."""
    (made.folder / "table.json").write_text(table)
    state = {"OVSDHCP_STATE_DIR": str(made.folder / "controller")}
    program = str(Path(sys.executable).with_name("ovsdhcp"))
    made.shell.run(program, "reload", doing="reload the table", environment=state, timeout=120)


PUNT = "table=0,priority=100,in_port={port},udp,tp_src=68,tp_dst=67,actions=controller:65535"


@contextmanager
def null_controller(bindings: int, name: str = "null") -> Iterator[Responder]:
    """benchmarks/null_controller.py, on a bridge with one punting flow; `null-unix` by a socket."""
    with bed(name) as made:
        target = made.switch.socket if name == "null-unix" else CONTROLLER
        where = target.removeprefix("unix:").removeprefix("tcp:127.0.0.1:")
        argv = (sys.executable, "-m", "benchmarks.null_controller", constant_reply().hex(), where)
        with running(made, *argv) as process:
            made.switch.set_controller(target)
            made.lay([PUNT.format(port=1)])
            yield Responder(name, made, lambda: [process.pid], bindings, constant=True).ready()


@contextmanager
def ovn(bindings: int) -> Iterator[Responder]:
    """ovn-controller, with a logical port that has all the addresses."""
    with bed("ovn") as made:
        there = Ovn(made)
        there.start_central()
        there.register_host()
        stations = [f"{clients.mac(n)} {clients.address(n)}" for n in range(bindings)]
        there.nbctl("ls-add", "net", "--", "lsp-add", "net", "c0")
        there.nbctl("lsp-set-addresses", "c0", *stations)
        row = there.nbctl("create", "DHCP_Options", f"cidr={clients.NETWORK}").strip()
        options = (f"{name}={value}" for name, value in tables.ovn_options().items())
        there.nbctl("dhcp-options-set-options", row, *options)
        there.nbctl("lsp-set-dhcpv4-options", "c0", row)
        made.switch.vsctl("set", "Interface", "c0", "external_ids:iface-id=c0", doing="name it")
        there.start_controller()
        yield Responder("ovn-controller", made, there.controllers, bindings).ready()


@contextmanager
def bounce(bindings: int) -> Iterator[Responder]:
    """No controller: a flow sends each question back as it came. What bridge and generator can."""
    with bed("bounce") as made:
        swap = "move:eth_src[]->eth_dst[],set_field:67->udp_src,set_field:68->udp_dst,in_port"
        made.lay([f"table=0,in_port=1,udp,tp_dst=67,actions={swap}"])
        yield Responder("bounce", made, list, bindings, constant=True).ready()


@contextmanager
def plain_ryu(bindings: int, ports: int = 1) -> Iterator[Responder]:
    """benchmarks/plain_ryu.py under stock Ryu."""
    with bed("plain", ports) as made:
        environment = os.environ | {"BINDINGS": str(bindings), "PYTHONPATH": str(ROOT)}
        application = str(Path(__file__).with_name("plain_ryu.py"))
        argv = (ryu_manager(), "--ofp-listen-host", "127.0.0.1", application)
        with running(made, *argv, environment=environment) as process:
            made.switch.set_controller()
            yield Responder("plain Ryu", made, lambda: [process.pid], bindings).ready()


ANSWER_ARP = "table=0,priority=10,arp,arp_op=1,actions=" + ",".join(
    (
        "move:eth_src[]->eth_dst[],set_field:02:d0:00:00:00:00->eth_src",
        "move:arp_tpa[]->eth_src[0..31],set_field:2->arp_op",
        "move:arp_sha[]->arp_tha[],move:eth_src[]->arp_sha[]",
        "move:arp_spa[]->reg0[],move:arp_tpa[]->arp_spa[],move:reg0[]->arp_tpa[]",
        "in_port",
    )
)
"""The generator does not answer ARP; whose address it is stands in the address."""


@contextmanager
def daemon(
    make: Callable[[str, Path, Network], Dnsmasq | Kea], bindings: int
) -> Iterator[Responder]:
    """A DHCP server in user space, behind a port of the bridge, which only switches."""
    network = Network(
        interface="srv0",
        server=str(clients.SERVER),
        network=IPv4Network(clients.NETWORK),
        clients={clients.mac(n): str(clients.address(n)) for n in range(bindings)},
        pool=None,
        dns=clients.DNS,
        domain=clients.DOMAIN,
        mtu=clients.MTU,
        by_mac=True,
    )
    with bed("daemon") as made:
        _give_a_port(made, network)
        made.lay(["table=0,priority=0,actions=NORMAL", ANSWER_ARP])
        server = make(made.home, made.folder, network)
        server.forget()
        try:
            yield Responder(server.name, made, server.pids, bindings).ready()
        finally:
            server.stop()


def _give_a_port(made: Bed, network: Network) -> None:
    """The server's port, and its clients' MACs.

    The kernel keeps 1,024 of those at most that are not laid down beforehand, for all namespaces.
    """
    name = network.interface
    mac_setting = f'mac="{clients.SERVER_MAC}"'
    made.switch.vsctl("add-port", made.switch.bridge, name, "--", "set", "Interface", name,
                      "type=internal", mac_setting, doing="plug the server in")  # fmt: skip
    prefix = f"{network.server}/{network.network.prefixlen}"
    known = (f"neigh replace {address} lladdr {mac} dev {name}"
             for mac, address in network.clients.items())  # fmt: skip
    up = (f"addr add {prefix} dev {name}", f"link set {name} addrgenmode none up")
    batch(made.home, [*up, *known], "set up the server's port")
    finish_checksums(made.home, name)


@contextmanager
def running(made: Bed, *argv: str, environment: Mapping[str, str] | None = None,
            log: str = "responder.log") -> Iterator["subprocess.Popen[bytes]"]:  # fmt: skip
    """A program in the switch's namespace, ended with the block."""
    with (made.folder / log).open("wb") as said:
        process = subprocess.Popen(
            ("ip", "netns", "exec", made.home, *argv),
            env=None if environment is None else dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            cwd=ROOT,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def constant_reply() -> bytes:
    """What ovsdhcp says to the first client's renewal, without a UDP checksum."""
    config = loads(tables.lease_table(1))
    question = frame(
        bootp(3, asking(1, 28, 2, 3, 15, 6, 12, 121, 26, 42), ciaddr=str(clients.address(0)),
              chaddr=mac(clients.mac(0))),
        eth_src=mac(clients.mac(0)), eth_dst=mac(clients.SERVER_MAC),
        ip_src=str(clients.address(0)), ip_dst=str(clients.SERVER),
    )  # fmt: skip
    decision = answer(question, config.bridges[0].ports[0].bindings[0], 0.0)
    assert isinstance(decision, Reply), decision
    return decision.frame[:40] + bytes(2) + decision.frame[42:]
