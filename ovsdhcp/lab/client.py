"""Real DHCP clients in a port's namespace: dhclient, udhcpc, dhcpcd, systemd-networkd.

Each is run so that it leaves nothing on the host. `ip netns exec NAME` puts the files of
/etc/netns/NAME over those of /etc: the resolv.conf there, and the scripts and hooks that write it
(by its own path, so that no mistake can reach the host's). What a client keeps elsewhere is kept
in the lab:

- dhclient has its leases and its pid in /run/dhclient-NAME.*, by dhclient's own environment
  variables; AppArmor lets it write there on Ubuntu, and in few other places. Started by hand,
  without the variables, it works as well; `tidy_up` takes back what it then wrote.
- udhcpc keeps nothing.
- dhcpcd gets a private /run and /var/lib/dhcpcd in the mount namespace of `ip netns exec`.
- systemd-networkd gets the same /run, and with it no D-Bus, no udev and no system to set the name
  of; its settings are there as well (/run/systemd/network).
"""

import contextlib
import json
import os
import re
import select
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ovsdhcp.lab import namespace
from ovsdhcp.lab.command import LabError, Shell
from ovsdhcp.lab.port import Port
from ovsdhcp.lab.state import remove

ETC_NETNS = Path("/etc/netns")
FILES = Path(__file__).parent / "files"
SYSTEMD = Path("/lib/systemd")
BOUND_WITHIN = 30.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a client works: a port, and the folder for what is kept there."""

    port: Port
    folder: Path

    @property
    def etc(self) -> Path:
        """What `ip netns exec` puts over /etc."""
        return ETC_NETNS / self.port.home

    @property
    def resolv_conf(self) -> Path:
        """The namespace's resolv.conf."""
        return self.etc / "resolv.conf"

    @property
    def run_paths(self) -> tuple[Path, Path]:
        """dhclient's leases and pid."""
        name = f"/run/dhclient-{self.port.home}"
        return Path(f"{name}.leases"), Path(f"{name}.pid")

    def prepare(self) -> None:
        """Lay out the files that the clients find here, for those that are installed."""
        self.etc.mkdir(parents=True, exist_ok=True)
        self.resolv_conf.write_text("# ovsdhcp lab: no lease yet\n")
        if Path("/etc/dhcp").is_dir():
            self._install("dhclient.conf", self.etc / "dhcp/dhclient.conf")
            self._install("dhclient-enter-hook", self.etc / "dhcp/dhclient-enter-hooks.d/lab")
            self._take_over("dhcp/dhclient-exit-hooks.d/rfc3442-classless-routes")
        if Path("/etc/udhcpc").is_dir():
            self._install("udhcpc.script", self.etc / "udhcpc/default.script")
        (self.folder / "database").mkdir(parents=True, exist_ok=True)
        self._install("private", self.folder / "private")
        self._install("dhcpcd.conf", self.folder / "run/lab/dhcpcd.conf")
        self._install("dhcpcd.script", self.folder / "run/lab/dhcpcd.script")
        self._install("networkd", self.folder / "run/lab/networkd")
        self._install("networkd.network", self.folder / "run/systemd/network/00-lab.network")

    def _install(self, name: str, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        text = (FILES / name).read_text()
        target.write_text(text.replace("@RESOLV_CONF@", str(self.resolv_conf)))
        target.chmod(0o755 if text.startswith("#!") else 0o644)

    def _take_over(self, name: str) -> None:
        """Use a file of the host's client as it is."""
        with contextlib.suppress(FileNotFoundError):
            (self.etc / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(Path("/etc") / name, self.etc / name)


@dataclass(frozen=True, slots=True)
class Command:
    """A command line and the variables it is run with; `shown` is what a person would type."""

    argv: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)
    shown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Kind:
    """A DHCP client: the Debian package it is in, and how it is started and made to release.

    The start command goes to the background when it is bound, so its end is the moment we time.
    """

    name: str
    package: str
    start: Callable[[Place], Command]
    release: Callable[[Place], Command]
    note: str = ""


def _dhclient(*arguments: str) -> Callable[[Place], Command]:
    def command(place: Place) -> Command:
        leases, pid = place.run_paths
        variables = {"PATH_DHCLIENT_DB": str(leases), "PATH_DHCLIENT_PID": str(pid)}
        return Command((*_in(place), "dhclient", *arguments, place.port.name), variables)

    return command


def _udhcpc(place: Place) -> Command:
    ask = ("-O", "mtu", "-O", "staticroutes", "-O", "search")
    pid = ("-p", str(place.folder / "udhcpc.pid"))
    shown = (*_in(place), "udhcpc", "-i", place.port.name, *ask)
    return Command((*shown, *pid, "-n", "-t", "5", "-T", "2"), shown=shown)


def _udhcpc_release(place: Place) -> Command:
    kill = f"kill -USR2 $(cat {place.folder / 'udhcpc.pid'})"
    return Command((*_in(place), "sh", "-c", kill))


def _dhcpcd(*arguments: str) -> Callable[[Place], Command]:
    def command(place: Place) -> Command:
        private = (str(place.folder / "private"), str(place.folder))
        shown = ("dhcpcd", *arguments, place.port.name)
        real = ("dhcpcd", "-f", "/run/lab/dhcpcd.conf", *arguments, place.port.name)
        return Command((*_in(place), *private, *real), shown=(*_in(place), *shown))

    return command


def _networkd(place: Place) -> Command:
    private = (str(place.folder / "private"), str(place.folder))
    return Command((*_in(place), *private, "/run/lab/networkd", place.port.name))


def _networkd_release(place: Place) -> Command:
    """It releases when it ends, if it knows the server's MAC by then: it does not wait for ARP."""
    home = namespace.identity(place.port.home)
    pids = namespace.residents_called("systemd-networkd", home) if home else []
    return Command(("kill", *map(str, pids)))


def _in(place: Place) -> tuple[str, ...]:
    return ("ip", "netns", "exec", place.port.home)


KINDS = {
    kind.name: kind
    for kind in (
        Kind("dhclient", "isc-dhcp-client", _dhclient(), _dhclient("-r")),
        Kind("udhcpc", "udhcpc", _udhcpc, _udhcpc_release),
        Kind(
            "dhcpcd",
            "dhcpcd-base",
            _dhcpcd("-4", "-w", "-t", "25"),
            _dhcpcd("-k"),
            note="some 5 s of it is dhcpcd asking by ARP whether the address is free (RFC 5227)",
        ),
        Kind("systemd-networkd", "systemd", _networkd, _networkd_release),
    )
}


def kind_called(name: str) -> Kind:
    """The client of this name, if it is one we know and it is installed."""
    if name not in KINDS:
        raise LabError(f"there is no client {name!r}", advice=f"There are: {', '.join(KINDS)}.")
    kind = KINDS[name]
    if shutil.which(name, path=f"{os.environ.get('PATH', '')}:{SYSTEMD}") is None:
        raise LabError(f"{name} is not installed", advice=f"apt-get install {kind.package}")
    return kind


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the kernel and the namespace's resolv.conf say after a client's work.

    `routes` are destination and gateway ("" where it is on the link); `mtu` is what a packet can
    have, of the interface or, as dhcpcd does it, of the default route.
    """

    addresses: tuple[str, ...]
    routes: dict[str, str]
    mtu: int
    servers: tuple[str, ...]
    search: tuple[str, ...]


class Client:
    """One run of a client at a place."""

    def __init__(self, kind: Kind, place: Place, shell: Shell) -> None:
        self.kind = kind
        self.place = place
        self.shell = shell
        self.command = kind.start(place)
        self.seconds: float | None = None
        self._started = 0.0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        """What the client says."""
        return self.place.folder / f"{self.kind.name}.log"

    def start(self) -> None:
        """Start it and do not wait."""
        self.shell.voice.command(self.command.argv, self.command.environment)
        with self.log.open("wb") as log:
            self._started = time.monotonic()
            self._process = subprocess.Popen(
                self.command.argv,
                env=os.environ | self.command.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd="/",
            )

    def wait_until_bound(self, within: float = BOUND_WITHIN) -> Outcome:
        """Wait until it has gone to the background, bound; note the seconds since its start."""
        if not self._ends(within):
            raise self._not_bound(f"{self.kind.name} has no lease after {within:g} s")
        assert self._process is not None
        if self._process.returncode:
            status = self._process.returncode
            raise self._not_bound(f"{self.kind.name} gave up, with status {status}")
        return self.outcome()

    def _ends(self, within: float) -> bool:
        """Whether the command came to its end; the clock is read at once when it does."""
        assert self._process is not None, "not started"
        descriptor = os.pidfd_open(self._process.pid)
        try:
            ended, _, _ = select.select([descriptor], [], [], within)
            if ended:
                self.seconds = time.monotonic() - self._started
                self._process.wait()
            return bool(ended)
        finally:
            os.close(descriptor)

    def _not_bound(self, what: str) -> LabError:
        said = self.log.read_text(errors="replace")
        return LabError(what, command=self.command.argv, said=said)

    def outcome(self) -> Outcome:
        """What there is in the namespace now."""
        return outcome(self.place, self.shell)

    def release(self) -> None:
        """Have it give its lease back."""
        command = self.kind.release(self.place)
        doing = f"have {self.kind.name} release its lease"
        self.shell.run(*command.argv, doing=doing, environment=command.environment)

    def stop(self) -> None:
        """End it, without a word to the server."""
        stop(self.place, [self.kind.name])
        if self._process is not None:
            self._process.wait(5)


def stop(place: Place, programs: list[str]) -> None:
    """End the clients of these names at a place, whoever started them."""
    home = namespace.identity(place.port.home)
    for program in programs if home else ():
        assert home is not None
        namespace.end(namespace.residents_called(program, home), home)


def outcome(place: Place, shell: Shell) -> Outcome:
    """Read what a client has made of a place."""
    name, home = place.port.name, place.port.home
    doing = f"read the state of {name}"
    ip = ("ip", "-n", home, "-json", "-4")
    link = json.loads(shell.run("ip", "-n", home, "-json", "link", "show", name, doing=doing))[0]
    addresses = json.loads(shell.run(*ip, "addr", "show", name, doing=doing) or "[]")
    routes = json.loads(shell.run(*ip, "route", "show", "dev", name, doing=doing) or "[]")
    lines = [line.split() for line in place.resolv_conf.read_text().splitlines()]
    on_routes = [metric["mtu"] for route in routes for metric in route.get("metrics", ())]
    return Outcome(
        addresses=tuple(
            f"{info['local']}/{info['prefixlen']}"
            for address in addresses
            for info in address.get("addr_info", ())
        ),
        routes={route["dst"]: route.get("gateway", "") for route in routes},
        mtu=min([link["mtu"], *on_routes]),
        servers=tuple(words[1] for words in lines if words[:1] == ["nameserver"]),
        search=tuple(word for words in lines if words[:1] == ["search"] for word in words[1:]),
    )


LEASES = Path("/var/lib/dhcp/dhclient.leases")
PID = Path("/run/dhclient.pid")
LEASE = re.compile(r"^lease \{\n(?:.*\n)*?\}\n", re.MULTILINE)


def host_files() -> list[str]:
    """The files of the host's that a dhclient started by hand writes, where they are not there yet.

    Asked before the lab is made, this is what may be removed after it.
    """
    return [str(path) for path in (LEASES, PID) if not path.exists()]


def tidy_up(not_there_before: list[str], interfaces: set[str], ended: list[int]) -> None:
    """Take back what `ip netns exec vm5 dhclient vm5` wrote on the host, if it is all ours."""
    with contextlib.suppress(OSError, ValueError):
        if str(PID) in not_there_before and int(PID.read_text()) in ended:
            remove(PID)
    with contextlib.suppress(OSError):
        leases = LEASE.findall(LEASES.read_text())
        if str(LEASES) in not_there_before and all(_of(lease, interfaces) for lease in leases):
            remove(LEASES)


def _of(lease: str, interfaces: set[str]) -> bool:
    return any(f'interface "{name}";' in lease for name in interfaces)
