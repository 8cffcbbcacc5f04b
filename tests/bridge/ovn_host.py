"""Debian's OVN beside a lab's Open vSwitch: northbound and southbound database, northd, controller.

All of it lives in the lab's namespace and keeps its files in a folder of the lab's, so that the
lab ends and removes it with everything else, after a failure as well. Nothing is shared with an OVN
of the host.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ovsdhcp.lab import namespace
from ovsdhcp.lab.bridge import Switch
from ovsdhcp.lab.command import Shell
from ovsdhcp.lab.deadline import wait_for
from ovsdhcp.lab.laboratory import Names

NEEDED = ("ovn-northd", "ovn-controller", "ovn-nbctl", "ovn-sbctl", "ovn-appctl")
SCHEMAS = Path("/usr/share/ovn")
CHASSIS = {"system-id": "witness", "ovn-encap-type": "geneve", "ovn-encap-ip": "127.0.0.1"}
"""What ovn-controller asks of a host, beside the database's place; without it, it lays nothing."""


def why_not() -> str:
    """What this machine lacks of OVN, if anything."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    missing = [program for program in NEEDED if shutil.which(program, path=path) is None]
    if missing:
        return f"not installed: {', '.join(missing)} (apt-get install ovn-central ovn-host)"
    return "" if (SCHEMAS / "ovn-nb.ovsschema").exists() else f"no database schemas in {SCHEMAS}"


class Host(Protocol):
    """What OVN needs of a lab, or of whatever else has a switch in a namespace."""

    @property
    def names(self) -> Names:
        """The folder."""

    @property
    def home(self) -> str:
        """The namespace."""

    @property
    def switch(self) -> Switch:
        """The Open vSwitch."""

    @property
    def shell(self) -> Shell:
        """What runs commands."""


@dataclass(frozen=True, slots=True)
class Ovn:
    """OVN for the one bridge of a lab."""

    lab: Host

    @property
    def folder(self) -> Path:
        """Databases, sockets, pids and logs."""
        return self.lab.names.folder / "ovn"

    @property
    def northbound(self) -> str:
        """Where the northbound database listens."""
        return f"unix:{self.folder / 'nb.sock'}"

    @property
    def southbound(self) -> str:
        """Where the southbound database listens."""
        return f"unix:{self.folder / 'sb.sock'}"

    @property
    def _environment(self) -> dict[str, str]:
        folders = dict.fromkeys(("OVN_RUNDIR", "OVN_DBDIR", "OVS_LOGDIR"), str(self.folder))
        databases = {"OVN_NB_DB": self.northbound, "OVN_SB_DB": self.southbound}
        return folders | databases | self.lab.switch.client_environment

    # --- what a deployment has before anybody thinks of ovsdhcp

    def start_central(self) -> None:
        """The databases, and northd, which makes logical flows of what they say."""
        self.folder.mkdir()
        self._start_database("nb")
        self._start_database("sb")
        databases = (f"--ovnnb-db={self.northbound}", f"--ovnsb-db={self.southbound}")
        self._start("ovn-northd", *databases, "--pidfile", "--log-file")
        self.nbctl("init")

    def _start_database(self, name: str) -> None:
        at = str(self.folder / name)
        self._run("ovsdb-tool", "create", f"{at}.db", str(SCHEMAS / f"ovn-{name}.ovsschema"))
        files = (f"--pidfile={at}.pid", f"--log-file={at}.log", f"--unixctl={at}.ctl")
        self._start("ovsdb-server", f"{at}.db", f"--remote=punix:{at}.sock", *files)

    def register_host(self) -> None:
        """Tell ovn-controller, in the host's Open vSwitch, who it is and where the database is."""
        given = CHASSIS | {"ovn-remote": self.southbound}
        pairs = [f"external_ids:{key}={value}" for key, value in given.items()]
        self.lab.switch.vsctl("set", "Open_vSwitch", ".", *pairs, doing="register the host")

    def start_controller(self) -> None:
        """ovn-controller, until it has laid its flows."""
        database = f"unix:{self.lab.switch.folder / 'db.sock'}"
        self._start("ovn-controller", database, "--pidfile", "--log-file")
        # with no host there is none to wait for, and `--wait=hv` returns at once
        self._run("ovn-sbctl", "--timeout=30", "wait-until", "Chassis", CHASSIS["system-id"])
        self.sync()

    def sync(self) -> None:
        """Until every host has laid what the northbound database says now."""
        self.nbctl("--wait=hv", "sync")

    def leave(self, *, restart: bool = True) -> None:
        """End ovn-controller; as for a restart, the host stays registered."""
        self._run("ovn-appctl", "-t", "ovn-controller", "exit", *(["--restart"] if restart else []))
        assert wait_for(lambda: not self.controllers(), within=10)

    def is_registered(self) -> bool:
        """Whether the other hosts know this one."""
        found = self._run("ovn-sbctl", "--bare", "--columns=name", "list", "Chassis")
        return found.strip() == CHASSIS["system-id"]

    def controllers(self) -> list[int]:
        """The pid of ovn-controller, if it runs."""
        home = namespace.identity(self.lab.home)
        return namespace.residents_called("ovn-controller", home) if home else []

    def nbctl(self, *arguments: str) -> str:
        """Run ovn-nbctl on the northbound database."""
        return self._run("ovn-nbctl", "--timeout=30", *arguments)

    def _start(self, program: str, *arguments: str) -> None:
        options = ("--detach", "--no-chdir", "-vconsole:off")
        self._run("ip", "netns", "exec", self.lab.home, program, *arguments, *options)

    def _run(self, *argv: str) -> str:
        environment = self._environment
        return self.lab.shell.run(*argv, doing=f"run {argv[0]}", environment=environment)
