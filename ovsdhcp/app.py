"""The Ryu application: `ryu-manager ovsdhcp.app`. OpenFlow events in, service calls out.

A handler does not block and lets nothing escape: Ryu's queue of an application holds 128 events,
and behind a handler that sleeps the switch's echo requests go unanswered until it disconnects.
"""

import gc
import logging
import signal
import socket
import sys
from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from ryu.base.app_manager import RyuApp
from ryu.controller import controller, ofp_event
from ryu.controller.handler import DEAD_DISPATCHER, MAIN_DISPATCHER, set_ev_cls
from ryu.lib import hub
from ryu.ofproto import ofproto_v1_3

from ovsdhcp.config.apart import Loaded, Reader
from ovsdhcp.config.problems import ConfigError
from ovsdhcp.config.table import Config
from ovsdhcp.connected import ConnectedBridge, Slices, name_of
from ovsdhcp.control.history import History
from ovsdhcp.control.place import socket_path
from ovsdhcp.control.running import Running
from ovsdhcp.control.server import CannotListenError, Control
from ovsdhcp.control.verbs import verbs
from ovsdhcp.events import Event
from ovsdhcp.openflow.connection import Connection, Party, serve
from ovsdhcp.openflow.flow import LOCAL
from ovsdhcp.openflow.switch import Switch
from ovsdhcp.reloading import Reloading, first
from ovsdhcp.service import Service, config_path

LOG = logging.getLogger("ovsdhcp")

LISTEN_HOST, LISTEN_PORT = "127.0.0.1", 6653
TELL_EVENTS_EVERY = 0.2
_COLLECT = (10_000, 10, 10)
"""When Python looks for cycles: not after every 140 questions, as by default."""

_DEFAULTS = {"ofp_listen_host": LISTEN_HOST, "ofp_tcp_listen_port": LISTEN_PORT}

Handler = Callable[["OvsDhcp", Any], None]


def on(event: type, *states: str) -> Callable[[Handler], Handler]:
    """Ryu's set_ev_cls for a handler from which nothing escapes, whatever it did not expect."""

    def register(handler: Handler) -> Handler:
        @wraps(handler)
        def contained(self: "OvsDhcp", ev: Any) -> None:
            try:
                handler(self, ev)
            except Exception:
                LOG.exception("%s failed; this is a bug, please report it", handler.__name__)

        registered: Handler = set_ev_cls(event, list(states) or MAIN_DISPATCHER)(contained)
        return registered

    return register


class OvsDhcp(RyuApp):  # type: ignore[misc]  # Ryu carries no types
    """Answers the DHCP of the ports that the lease table names, on every bridge that connects."""

    OFP_VERSIONS = (ofproto_v1_3.OFP_VERSION,)

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        for option, value in _DEFAULTS.items():
            self.CONF.set_default(option, value)
        self._reader = Reader()
        loaded = _table_or_exit(self._reader)
        self.service = Service(loaded.config)
        _port_free_or_exit(self.CONF.ofp_listen_host, self.CONF.ofp_tcp_listen_port)
        self._bridges: dict[Connection, ConnectedBridge] = {}
        self._strangers: set[Connection] = set()
        self.reloading = Reloading(str(config_path()), self._reader, loaded, self._apply)
        self._tellers: list[Callable[[list[Event]], None]] = [_log]
        listens = (self.CONF.ofp_listen_host, self.CONF.ofp_tcp_listen_port)
        running = Running(self.service, self.reloading, self._connected, listens)
        history = History()
        self._tellers.append(history.tell)
        self._control = Control(socket_path(), verbs(running, history), hub.spawn)
        controller.datapath_connection_factory = partial(serve, self._begin)

    def start(self) -> None:
        """Called by Ryu once all applications are there."""
        super().start()
        self.threads.append(hub.spawn(self._tell_events))
        self.threads.append(hub.spawn(self.reloading.run))
        signal.signal(signal.SIGHUP, lambda number, frame: self.reloading.ask())
        try:
            self._control.open()
        except CannotListenError as error:
            LOG.warning("no control socket: %s", error)

    def stop(self) -> None:
        """Called by Ryu at its end."""
        self._control.close()
        self._reader.close()
        super().stop()

    def _connected(self) -> dict[Any, Switch]:
        return {
            connection: bridge.switch
            for connection, bridge in self._bridges.items()
            if not bridge.retired
        }

    def _tell_events(self) -> None:
        while self.is_active:
            hub.sleep(TELL_EVENTS_EVERY)
            events = self.service.take_events()
            for tell in self._tellers:
                tell(events)
            while self.service.settle():
                hub.sleep(0)

    def _begin(self, connection: Connection) -> Party | None:
        """A switch is ready: from now on its packet-ins are answered, if the table names it."""
        names = {number: name_of(port.name) for number, port in connection.ports.items()}
        switch = self.service.connected(connection.id, names, names.get(LOCAL, ""))
        if switch is None:
            self._strangers.add(connection)
            return None
        self._strangers.discard(connection)
        bridge = self._bridges[connection] = ConnectedBridge(self.service, switch, connection)
        bridge.greet()
        return bridge

    @on(ofp_event.EventOFPStateChange, DEAD_DISPATCHER)
    def disconnected(self, ev: Any) -> None:
        self._strangers.discard(ev.datapath)
        bridge = self._bridges.pop(ev.datapath, None)
        if bridge is not None:
            bridge.answers.close()
            LOG.info("bridge %s: disconnected", bridge.switch.bridge.name)

    def _apply(self, config: Config) -> Slices:
        """Put a new table in force, bridge by bridge; strangers may have become ours."""
        self.service.config = config
        for connection, bridge in list(self._bridges.items()):
            local = bridge.switch.names.get(LOCAL, "")
            wanted = self.service.bridge_of(connection.id, local)
            if wanted is None and not bridge.retired:
                LOG.info("bridge %s: not in the table any more", bridge.switch.bridge.name)
                yield from bridge.retire()
            elif wanted is not None and wanted is not bridge.switch.bridge:
                yield from bridge.reconfigure(wanted)
        for connection in list(self._strangers):
            connection.begin()
            yield


def _log(events: list[Event]) -> None:
    for event in events:
        LOG.log(event.level, "%s", event.text())


def _table_or_exit(reader: Reader) -> Loaded:
    try:
        loaded = first(str(config_path()), reader)
    except ConfigError as error:
        sys.exit(str(error))
    for problem in loaded.warnings:
        LOG.warning("%s", problem.render())
    # the table's objects live on and have no cycles: a look at all of them takes 100 ms and more
    gc.freeze()
    gc.set_threshold(*_COLLECT)
    return loaded


def _port_free_or_exit(host: str, port: int) -> None:
    """Ryu would log a traceback from a green thread and stay, serving nobody."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            sys.exit(
                f"error: cannot listen on {host}:{port}: {error.strerror}\n\n"
                "hint: another controller may hold it; stop that one, or choose another port with "
                "`--ofp-tcp-listen-port`"
            )
