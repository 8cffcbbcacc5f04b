"""A server without Ryu: the real service and switches, on bridges in memory."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ovsdhcp.config.apart import Loaded, Reader
from ovsdhcp.config.table import Bridge, Config
from ovsdhcp.control.history import History
from ovsdhcp.control.running import Running
from ovsdhcp.control.server import Verb
from ovsdhcp.control.verbs import verbs
from ovsdhcp.openflow.bridge_sockets import BridgeSocket
from ovsdhcp.openflow.switch import Switch
from ovsdhcp.reloading import Reloading
from ovsdhcp.service import Service
from tests.openflow.bridges import BR_INT
from tests.openflow.fake_bridge import FakeBridge

NAMES = {1: "vm1", 2: "vm2", 5: "vm5", 9: "eth9"}


class Connection:
    """A bridge in memory at the other end; what it is asked is answered once it is `answering`."""

    def __init__(self, switch: Switch) -> None:
        self.switch, self.bridge = switch, FakeBridge()
        self.answering = True
        self.send(switch.sync())

    def send(self, octets: bytes) -> None:
        self.bridge.receive(octets)
        while self.answering and self.bridge.answers:
            kind, xid = self.bridge.answers.pop(0)
            if kind == "flows":
                self.switch.flow_stats(xid, self.bridge.flow_stats(), more=False)
            elif kind == "barrier":
                self.switch.barrier_reply(xid)
            self.bridge.receive(b"".join(self.switch.changes()))


@dataclass
class Server:
    """What the tests look at and change."""

    bridges: tuple[Bridge, ...] = (BR_INT,)
    names: Mapping[int, str] = field(default_factory=lambda: NAMES)
    listens: tuple[str, int] = ("127.0.0.1", 6653)
    sockets: tuple[BridgeSocket, ...] = ()

    def __post_init__(self) -> None:
        self.service = Service(Config("table.yaml", self.bridges))
        self.connections: dict[Connection, Switch] = {}
        self.history = History()
        loaded = Loaded(self.service.config, (), b"digest")
        self.reader = Reader()
        self.reloading = Reloading("table.yaml", self.reader, loaded, self._apply)
        self.running = Running(
            self.service,
            self.reloading,
            lambda: self.connections,
            self.listens,
            lambda: self.sockets,
        )

    def _apply(self, config: Config) -> Generator[None, None, None]:
        self.service.config = config
        yield

    def connect(self, bridge: Bridge = BR_INT) -> Connection:
        switch = Switch(bridge, self.names)
        connection = Connection(switch)
        self.connections[connection] = switch
        return connection

    @property
    def verbs(self) -> Mapping[str, Verb]:
        return verbs(self.running, self.history)

    def ask(self, verb: str, **arguments: Any) -> list[dict[str, Any]]:
        """All items that say something; the first pause ends it."""
        said = []
        for item in self.verbs[verb](arguments):
            if item is None:
                break
            said += [item] if item else []
        return said
