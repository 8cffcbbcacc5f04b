"""dnsmasq and Kea, each in a network namespace of its own, on one wire with a client.

Both know the lab's two clients by their MACs, and have a pool for whoever else comes, so that what
is odd about a frame decides and not who sent it. Both are the only server, so both are
authoritative. Before each frame they forget what they handed out.
"""

import contextlib
import json
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path
from typing import Protocol

from ovsdhcp.lab import namespace
from ovsdhcp.lab.command import LabError, Shell, Voice
from ovsdhcp.lab.deadline import wait_for
from ovsdhcp.lab.port import finish_checksums
from ovsdhcp.lab.wire import parse
from tests.bridge.hostile_lab import canary
from tests.bridge.raw import RawPort, xid_of

SERVER_SIDE, CLIENT_SIDE = "srv0", "cli0"
SERVER, SERVER_MAC = "192.0.2.1", "02:00:00:00:00:01"
CLIENTS = {"02:00:00:00:00:50": "192.0.2.50", "02:00:00:00:00:51": "192.0.2.60"}
STARTS_WITHIN, ANSWERS_WITHIN = 10.0, 3.0
SHELL = Shell(Voice(quiet=True))


@dataclass(frozen=True, slots=True)
class Network:
    """What a peer serves; who is none of `clients`, MAC to address, gets an address of `pool`."""

    interface: str
    server: str
    network: IPv4Network
    clients: Mapping[str, str]
    pool: tuple[str, str] | None
    dns: str
    domain: str
    mtu: int
    ntp: str | None = None
    by_mac: bool = False
    """A client that comes with another client identifier is the same one."""


LAN = Network(
    interface=SERVER_SIDE,
    server=SERVER,
    network=IPv4Network("192.0.2.0/24"),
    clients=CLIENTS,
    pool=("192.0.2.100", "192.0.2.200"),
    dns="192.0.2.53",
    domain="example.org",
    mtu=1442,
    ntp="192.0.2.123",
)


class Server(Protocol):
    """A peer in the namespace `home`, with its files in `folder`."""

    name: str

    def version(self) -> str:
        """What it calls itself."""

    def forget(self) -> None:
        """Start, or go back to the state after the start: no lease, no probation."""

    def stop(self) -> None:
        """End it."""


@dataclass(slots=True)
class Process:
    """A program in a namespace, and its log."""

    home: str
    log: Path
    running: "subprocess.Popen[bytes] | None" = None

    def start(self, *argv: str) -> None:
        with self.log.open("ab") as log:
            self.running = subprocess.Popen(
                ("ip", "netns", "exec", self.home, *argv),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd="/",
            )

    def ended(self) -> bool:
        return self.running is None or self.running.poll() is not None

    def pids(self) -> list[int]:
        return [] if self.running is None else [self.running.pid]

    def stop(self) -> None:
        if self.running is not None:
            self.running.kill()  # `ip netns exec` has become the program: it keeps nothing
            self.running.wait(5)
            self.running = None


class Dnsmasq:
    """dnsmasq forgets by being started anew, which takes it some milliseconds."""

    name = "dnsmasq"

    def __init__(self, home: str, folder: Path, network: Network = LAN) -> None:
        self._process = Process(home, folder / "dnsmasq.log")
        self._leases = folder / "dnsmasq.leases"
        self._network = network

    def version(self) -> str:
        said = SHELL.run("dnsmasq", "--version", doing="ask dnsmasq for its version")
        return said.split("version ")[1].split()[0]

    def pids(self) -> list[int]:
        return self._process.pids()

    def forget(self) -> None:
        self.stop()
        self._leases.unlink(missing_ok=True)
        it = self._network
        self._process.start(
            *("dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0"),
            *("--user=root", "--pid-file=", f"--dhcp-leasefile={self._leases}"),
            *(f"--interface={it.interface}", "--no-ping", "--dhcp-authoritative"),
            *("--log-facility=-", f"--dhcp-lease-max={2000 + len(it.clients)}"),
            f"--dhcp-range={self._range()},{it.network.netmask},1h",
            *(f"--dhcp-host={mac},{address}" for mac, address in it.clients.items()),
            *(f"--dhcp-option=option:{option}" for option in self._options()),
        )

    def _range(self) -> str:
        pool = self._network.pool
        return f"{pool[0]},{pool[1]}" if pool else f"{self._network.network[0]},static"

    def _options(self) -> Iterator[str]:
        it = self._network
        yield from (f"router,{it.server}", f"dns-server,{it.dns}", f"mtu,{it.mtu}")
        yield f"domain-name,{it.domain}"
        if it.ntp:
            yield f"ntp-server,{it.ntp}"

    def stop(self) -> None:
        self._process.stop()


_DONE, _NONE_THERE = 0, 3  # what Kea's commands come to
_AT_HOME = """
mount -n --bind "$0/run" /run && mount -n --bind "$0/etc" /etc/kea &&
    exec kea-dhcp4 -c /etc/kea/kea-dhcp4.conf
"""


class Kea:
    """Kea forgets by its own command, since its start takes longer.

    Debian's AppArmor profile lets it work in /run and /etc/kea alone, so it has its own of both.
    """

    name = "kea"

    def __init__(self, home: str, folder: Path, network: Network = LAN) -> None:
        self._network = network
        self._process = Process(home, folder / "kea.log")
        self._folder = folder / "kea"
        self._control = self._folder / "run/kea/kea4-ctrl-socket"

    def version(self) -> str:
        return SHELL.run("kea-dhcp4", "-v", doing="ask Kea for its version").split()[0]

    def pids(self) -> list[int]:
        return self._process.pids()

    def forget(self) -> None:
        if self._process.ended() or not self._wiped():
            self.stop()
            self._start()

    def _wiped(self) -> bool:
        """Whether all leases are gone; not every version has the command."""
        return self._command("lease4-wipe", {"subnet-id": 1})["result"] in (_DONE, _NONE_THERE)

    def _start(self) -> None:
        for made in ("run/kea", "run/lock/kea", "etc"):
            (self._folder / made).mkdir(parents=True, exist_ok=True)
        (self._folder / "run/kea").chmod(0o750)  # newer ones insist
        self._control.unlink(missing_ok=True)
        text = json.dumps({"Dhcp4": self._configuration()}, indent=1)
        (self._folder / "etc/kea-dhcp4.conf").write_text(text)
        self._process.start("sh", "-c", _AT_HOME, str(self._folder))
        ready = wait_for(lambda: self._process.ended() or self._listens(), within=STARTS_WITHIN)
        if not ready or self._process.ended():
            said = self._process.log.read_text()[-2000:]
            raise LabError("Kea does not start", said=said)

    def _listens(self) -> bool:
        with contextlib.suppress(OSError):
            self._command("config-get")
            return True
        return False

    def _command(self, command: str, arguments: object = None) -> dict[str, object]:
        words = {"command": command} | ({"arguments": arguments} if arguments else {})
        with socket.socket(socket.AF_UNIX) as there:
            there.settimeout(5)
            there.connect(str(self._control))
            there.sendall(json.dumps(words).encode())
            said = b"".join(iter(lambda: there.recv(65536), b""))
        answer: dict[str, object] = json.loads(said)
        return answer

    def _configuration(self) -> dict[str, object]:
        hook = next(Path("/usr/lib").glob("*/kea/hooks/libdhcp_lease_cmds.so"))
        it = self._network
        options = {
            "routers": it.server,
            "domain-name-servers": it.dns,
            "domain-name": it.domain,
            "interface-mtu": str(it.mtu),
        } | ({"ntp-servers": it.ntp} if it.ntp else {})
        return {
            "interfaces-config": {"interfaces": [it.interface], "dhcp-socket-type": "raw"},
            "control-socket": {"socket-type": "unix", "socket-name": "/run/kea/kea4-ctrl-socket"},
            "hooks-libraries": [{"library": str(hook)}],
            "lease-database": {"type": "memfile", "persist": False},
            "authoritative": True,
            "valid-lifetime": 3600,
            "match-client-id": not it.by_mac,
            "multi-threading": {"enable-multi-threading": False},
            "host-reservation-identifiers": ["hw-address"],
            "option-data": [{"name": name, "data": data} for name, data in options.items()],
            "subnet4": [
                {
                    "id": 1,
                    "subnet": str(it.network),
                    "interface": it.interface,
                    "pools": [{"pool": " - ".join(it.pool)}] if it.pool else [],
                    "reservations": [
                        {"hw-address": mac, "ip-address": address}
                        for mac, address in it.clients.items()
                    ],
                }
            ],
            "loggers": [
                {
                    "name": "kea-dhcp4",
                    "severity": "WARN",
                    "output_options": [{"output": "stderr"}],
                }
            ],
        }

    def stop(self) -> None:
        self._process.stop()


class PeerJudge:
    """Asks one peer, as the bench of the lab asks ovsdhcp."""

    def __init__(self, server: Server, client: RawPort) -> None:
        self.name, self.version = server.name, server.version()
        self._server, self._client = server, client
        self._xid = 0xCA000000

    def forget(self) -> None:
        """Ready for a frame, with no lease given."""
        self._server.forget()
        assert wait_for(lambda: self._serves(0.1), within=STARTS_WITHIN), f"{self.name} is silent"
        self._client.arrived()

    def _serves(self, within: float) -> bool:
        with contextlib.suppress(AssertionError):
            self._good_client(within)
            return True
        return False

    def _good_client(self, within: float) -> list[bytes]:
        self._xid += 1
        wanted = self._xid
        self._client.send(canary(wanted))
        return self._client.wait(lambda seen: xid_of(seen) == wanted, within=within)[1]

    def judge(self, frame: bytes) -> str:
        """What the frame was answered with; a server takes them one after the other."""
        self._client.send(frame)
        replies = [parse(octets, 0) for octets in self._good_client(ANSWERS_WITHIN)]
        kinds = [seen.kind.lower() for seen in replies if seen is not None]
        return " ".join(kinds).replace("?", "bootreply") or "silence"


Make = Callable[[str, Path], Server]


@contextlib.contextmanager
def peer(make: Make, prefix: str, folder: Path) -> Iterator[PeerJudge]:
    """A peer that runs for as long as this, and a client's end of its wire."""
    homes = (f"{prefix}-server", f"{prefix}-client")
    try:
        for home in homes:
            SHELL.run("ip", "netns", "add", home, doing=f"make the namespace {home}")
        _wire(*homes)
        server = make(homes[0], folder)
        client = RawPort(homes[1], CLIENT_SIDE)
        with contextlib.closing(client):
            try:
                yield PeerJudge(server, client)
            finally:
                server.stop()
    finally:
        for home in homes:
            if namespace.identity(home):
                SHELL.run("ip", "netns", "delete", home, doing=f"remove the namespace {home}")


def _wire(server: str, client: str) -> None:
    """The server's address on one end; the clients it knows need not answer ARP."""
    doing = "lay the wire to a peer"
    SHELL.run(
        *("ip", "link", "add", SERVER_SIDE, "netns", server, "address", SERVER_MAC),
        *("type", "veth", "peer", "name", CLIENT_SIDE, "netns", client),
        doing=doing,
    )
    for home, name in ((server, "lo"), (server, SERVER_SIDE), (client, CLIENT_SIDE)):
        arguments = ("addrgenmode", "none") if name != "lo" else ()
        SHELL.run("ip", "-n", home, "link", "set", name, *arguments, "up", doing=doing)
    finish_checksums(server, SERVER_SIDE)
    ip = ("ip", "-n", server)
    SHELL.run(*ip, "addr", "add", f"{SERVER}/24", "dev", SERVER_SIDE, doing=doing)
    for mac, address in CLIENTS.items():
        known = (address, "lladdr", mac, "dev", SERVER_SIDE)
        SHELL.run(*ip, "neigh", "replace", *known, doing=doing)
