"""An Open vSwitch of the lab's own: its database, its daemons and one bridge, in a namespace.

Nothing is shared with an Open vSwitch of the host: the daemons run in the lab's namespace with
folders of the lab's, and with the userspace datapath (`--disable-system`: the kernel's is not even
looked for). With `client_environment` set, plain ovs-vsctl and ovs-ofctl speak to this one.
"""

from dataclasses import dataclass
from pathlib import Path

from ovsdhcp.lab import namespace
from ovsdhcp.lab.command import Shell

SCHEMA = Path("/usr/share/openvswitch/vswitch.ovsschema")
CONTROLLER = "tcp:127.0.0.1:6653"


@dataclass(frozen=True, slots=True)
class Switch:
    """One bridge and the daemons it needs, in the network namespace `home`."""

    home: str
    folder: Path
    bridge: str
    shell: Shell

    @property
    def environment(self) -> dict[str, str]:
        """What keeps the daemons' files in our folder."""
        return dict.fromkeys(("OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR"), str(self.folder))

    @property
    def client_environment(self) -> dict[str, str]:
        """What makes plain ovs-vsctl and ovs-ofctl speak to this Open vSwitch."""
        return {"OVS_RUNDIR": str(self.folder)}

    def start(self) -> None:
        """Start what does not run yet: the database, the switch, the bridge."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._start_database()
        self._start_daemon()
        self.vsctl(
            *("--may-exist", "add-br", self.bridge, "--", "set", "Bridge", self.bridge),
            *("datapath_type=netdev", "fail-mode=secure", "other-config:disable-in-band=true"),
            doing=f"make the bridge {self.bridge}",
        )

    def _start_database(self) -> None:
        database = self.folder / "conf.db"
        if not database.exists():
            self._run("ovsdb-tool", "create", str(database), str(SCHEMA), doing="make a database")
        if not self.runs("ovsdb-server"):
            remote = f"--remote=punix:{self.folder / 'db.sock'}"
            self._daemon("ovsdb-server", str(database), remote)
            self.vsctl("--no-wait", "init", doing="initialise the database")

    def _start_daemon(self) -> None:
        if not self.runs("ovs-vswitchd"):
            self._daemon("ovs-vswitchd", f"unix:{self.folder / 'db.sock'}", "--disable-system")

    def _daemon(self, program: str, *arguments: str) -> None:
        options = ("--pidfile", "--detach", "--no-chdir", "--log-file", "-vconsole:off")
        run = ("ip", "netns", "exec", self.home, program, *arguments, *options)
        self._run(*run, doing=f"start {program}")

    def runs(self, program: str) -> bool:
        """Whether a daemon of ours is there."""
        home = namespace.identity(self.home)
        return home is not None and bool(namespace.residents_called(program, home))

    def stop(self, program: str) -> None:
        """End one of the daemons, as a fault would."""
        home = namespace.identity(self.home)
        if home:
            namespace.end(namespace.residents_called(program, home), home)

    def add_port(self, name: str, number: int) -> None:
        """Plug an interface of our namespace into the bridge, as OpenFlow port `number`."""
        self.vsctl(
            *("--may-exist", "add-port", self.bridge, name, "--"),
            *("set", "Interface", name, f"ofport_request={number}"),
            doing=f"plug {name} into {self.bridge}",
        )

    @property
    def socket(self) -> str:
        """The controller of a bridge that comes by a Unix socket, which has to be in our folder."""
        return f"unix:{self.folder / self.bridge}.controller"

    def set_controller(self, target: str = CONTROLLER) -> None:
        """Give the bridge its controller."""
        self.vsctl(
            *("set-controller", self.bridge, target, "--"),
            *("set", "Controller", self.bridge, "connection_mode=out-of-band"),
            doing="set the bridge's controller",
        )

    def controllers(self) -> list[str]:
        """The controllers that the bridge has."""
        return self.vsctl("get-controller", self.bridge, doing="read the controller").split()

    def flows(self, match: str = "") -> list[str]:
        """The bridge's flows that fit `match`, as ovs-ofctl prints them, with their counters."""
        asked = ("dump-flows", "--names", self.bridge, *([match] if match else []))
        lines = self.ofctl(*asked, doing="read the flows").splitlines()
        return [line.strip() for line in lines if "actions=" in line]

    def count_packets(self) -> None:
        """Bring the flows' counters up to date: they lag behind the datapath by up to a second."""
        self._client("ovs-appctl", "--timeout=10", "revalidator/wait", doing="count the packets")

    def forget_macs(self) -> None:
        """Have NORMAL flood what it has learned a place for, until it learns it anew."""
        self._client("ovs-appctl", "--timeout=10", "fdb/flush", self.bridge, doing="forget MACs")
        self.count_packets()

    def vsctl(self, *arguments: str, doing: str) -> str:
        """Run ovs-vsctl on this switch; it waits until ovs-vswitchd has done it."""
        return self._client("ovs-vsctl", "--timeout=10", *arguments, doing=doing)

    def ofctl(self, *arguments: str, doing: str) -> str:
        """Run ovs-ofctl on this switch."""
        return self._client("ovs-ofctl", "--timeout=10", *arguments, doing=doing)

    def _client(self, *argv: str, doing: str) -> str:
        advice = f"The switch's log: {self.folder / 'ovs-vswitchd.log'}"
        return self.shell.run(
            *argv, doing=doing, advice=advice, environment=self.client_environment
        )

    def _run(self, *argv: str, doing: str) -> str:
        return self.shell.run(*argv, doing=doing, environment=self.environment)
