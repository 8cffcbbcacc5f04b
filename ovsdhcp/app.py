"""The Ryu application: `ryu-manager ovsdhcp.app`. OpenFlow events in, service calls out.

A handler does not block and lets nothing escape: Ryu's queue of an application holds 128 events,
and behind a handler that sleeps the switch's echo requests go unanswered until it disconnects.
"""

import gc
import logging
import os
import sys
import time
from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from ryu.base.app_manager import RyuApp, lookup_service_brick
from ryu.controller import ofp_event
from ryu.controller.handler import DEAD_DISPATCHER, MAIN_DISPATCHER, set_ev_cls
from ryu.lib import hub
from ryu.ofproto import ofproto_v1_3

from ovsdhcp.channel import alone, open_channel
from ovsdhcp.config.apart import Loaded, Reader
from ovsdhcp.config.problems import ConfigError
from ovsdhcp.config.table import Config, Flows
from ovsdhcp.connected import ConnectedBridge, Slices, name_of
from ovsdhcp.control.history import History
from ovsdhcp.control.place import socket_path
from ovsdhcp.control.running import Running
from ovsdhcp.control.server import CannotListenError, Control
from ovsdhcp.control.verbs import verbs
from ovsdhcp.events import Event
from ovsdhcp.journal import Journal
from ovsdhcp.log import form
from ovsdhcp.log.exchanges import Exchanges
from ovsdhcp.log.takeover import take_over
from ovsdhcp.log.writer import Writer
from ovsdhcp.openflow import shortcut
from ovsdhcp.openflow.connection import Connection, Party
from ovsdhcp.openflow.door import expire
from ovsdhcp.openflow.endings import ALREADY_CONNECTED, STRANGER
from ovsdhcp.openflow.flow import LOCAL
from ovsdhcp.openflow.switch import Switch
from ovsdhcp.process import Process, confine
from ovsdhcp.reloading import Reloading, first
from ovsdhcp.service import Service, config_path
from ovsdhcp.state_folder import state_dir

LOG = logging.getLogger("ovsdhcp")

TELL_EVENTS_EVERY = 0.2
SOCKETS_EVERY = 1.0
NO_SHORTCUT_FOR = 60.0
"""Seconds, for a bridge that closed one while it stayed connected."""
MOST_UNSETTLED = 131_072
"""Different exchanges that may wait until the journal is written next."""

_COLLECT = (2_000, 4, 1_000_000)
"""When Python looks for cycles: among young objects, a few milliseconds' work, never by itself
among all. That takes half a second with 100,000 answers remembered, in which nobody is served."""

_MIDDLE_AGED = 1
"""Of the collector's generations: what survives a look at it belongs to the eldest."""

_ENDED_BRIDGES = 256
"""After so many it looks among all: an ended connection that lived long is a cycle, of 90 KB."""

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
        confine()
        self._writer = _log_or_exit()
        reader = Reader()
        loaded = _table_or_exit(reader)
        self.service = Service(loaded.config)
        host, port, self.admission, self.sockets = open_channel(self.CONF, self._begin, hub.spawn)
        self._alone = False
        self._shortcuts_lost: dict[int, float] = {}
        """When, by datapath id."""
        self._shortcuts_sought: set[Connection] = set()
        self.service.remember(Journal(state_dir(), sleep=_sleep_as_a_thread()))
        _look_for_cycles_less()
        self._bridges: dict[Connection, ConnectedBridge] = {}
        self._ended = 0
        self._strangers: set[Connection] = set()
        self.reloading = Reloading(str(config_path()), reader, loaded, self._apply)
        self._where = f"{host}:{port}"
        listens = (host, port), lambda: self.sockets.all
        running = Running(self.service, self.reloading, self._connected, *listens)
        history = History()
        exchanges = Exchanges(pause=partial(hub.sleep, 0))
        self._tellers: list[Callable[[list[Event]], None]] = [exchanges.tell, history.tell]
        self._control = Control(socket_path(), verbs(running, history), hub.spawn)
        self.process = Process()
        self.process.at_end += [self._tell, exchanges.tell_rest, self._close_journal]
        self.process.at_end += [self._control.close, self.sockets.close]
        self.process.at_reload.append(self.reloading.reload)

    def start(self) -> None:
        """Called by Ryu once all applications are there."""
        super().start()
        self.process.heed_signals()
        self._alone = alone(self.name)
        self.threads.append(hub.spawn(expire, self.admission))
        self._keeper = hub.spawn(self._keep_journal)
        own = (self._tell_events, self._look_after_sockets, self._be_supervised, self.reloading.run)
        self.threads += [self._keeper, *(hub.spawn(work) for work in own)]
        self.sockets.listen_for(self.service.known_by_name())
        try:
            self._control.open()
        except CannotListenError as error:
            LOG.warning("no control socket: %s", error)

    def _be_supervised(self) -> None:
        openflow, conf = lookup_service_brick("ofp_event"), self.CONF
        self.process.lives_by(self, openflow)
        self.process.must_live(openflow.main_thread, "the OpenFlow listener")
        ports = {conf.ofp_tcp_listen_port, conf.ofp_ssl_listen_port}
        self.process.run(ports, self._where, self._status)

    def _status(self) -> str:
        """In a line, for `systemctl status`."""
        there = {bridge.switch.bridge.name: bridge.switch for bridge in self._bridges.values()}
        served = sum(len(switch.attached) for switch in there.values())
        bridges = len(self.service.config.bridges)
        others = any(it.bridge.flows is Flows.EXTERNAL for it in there.values())
        more = ", and those of others' flows" if others else ""
        return f"{len(there)} of {bridges} bridges connected, {served} ports served{more}"

    def _connected(self) -> dict[Any, Switch]:
        return {
            connection: bridge.switch
            for connection, bridge in self._bridges.items()
            if not bridge.retired
        }

    def _tell_events(self) -> None:
        while self.is_active:
            hub.sleep(TELL_EVENTS_EVERY)
            self._tell()
            if self.service.tallies.unsettled > MOST_UNSETTLED:
                self._settle()

    def _look_after_sockets(self) -> None:
        while self.is_active:
            hub.sleep(SOCKETS_EVERY)
            self.sockets.look_again()

    def _keep_journal(self) -> None:
        from eventlet import tpool  # noqa: PLC0415 - as `_sleep_as_a_thread`

        journal, due = self.service.journal, 0.0
        assert journal is not None
        while self.is_active:
            hub.sleep(TELL_EVENTS_EVERY)
            if time.monotonic() >= due:
                self._settle()
                due = time.monotonic() + journal.keep(self.service.leases, tpool.execute)

    def _close_journal(self) -> None:
        """With all that has happened; what is being written just now goes first."""
        self.is_active = False
        hub.joinall([self._keeper])
        self._settle()
        if self.service.journal is not None:
            self.service.journal.close(self.service.leases)

    def _settle(self) -> None:
        for _ in self.service.settle():
            # it frees as much as it makes, so that Python would look at all of it in one go later
            gc.collect(_MIDDLE_AGED)
            hub.sleep(0)

    def _tell(self) -> None:
        """What happened until now: some of it in lines."""
        events = self.service.take_events()
        for tell in self._tellers:
            tell(events)
        if self._writer is not None:
            self._writer.say_lost()

    def _begin(self, connection: Connection) -> Party | None:
        """A switch is ready: from now on its packet-ins are answered, if the table names it.

        A bridge has one connection: another one, as long as the first is alive, is refused.
        """
        names = {number: name_of(port.name) for number, port in connection.ports.items()}
        switch = self.service.connected(connection.id, names, names.get(LOCAL, ""))
        if switch is None:
            self._strangers.add(connection)
            if self._alone:
                connection.end(STRANGER)
            return None
        for other in self._bridges:
            if other.id == connection.id and other.state != DEAD_DISPATCHER:
                connection.end(ALREADY_CONNECTED)
                hub.spawn(other.challenge)
                return None
        self._strangers.discard(connection)
        bridge = self._bridges[connection] = ConnectedBridge(self.service, switch, connection)
        switch.hearing = connection.hearing
        bridge.greet()
        self._seek_shortcut(connection, switch)
        return bridge

    def _seek_shortcut(self, connection: Connection, switch: Switch) -> None:
        """Once for each connection, as soon as it may take one."""
        if connection not in self._shortcuts_sought and self._may_take_shortcut(connection, switch):
            self._shortcuts_sought.add(connection)
            hub.spawn(_take_shortcut, connection, switch)

    def _may_take_shortcut(self, connection: Connection, switch: Switch) -> bool:
        """Not beside other applications, which may wish the bridge's messages to be otherwise; nor
        where others lay the flows: a `controller_rate_limit` of theirs is TCP's alone.
        """
        lost = self._shortcuts_lost.get(connection.id, -NO_SHORTCUT_FOR)
        ours = self._alone and switch.bridge.flows is Flows.MANAGED
        recently = time.monotonic() - lost < NO_SHORTCUT_FOR
        return ours and not recently and connection.is_of_this_machine

    @on(ofp_event.EventOFPStateChange, DEAD_DISPATCHER)
    def disconnected(self, ev: Any) -> None:
        self._strangers.discard(ev.datapath)
        self._shortcuts_sought.discard(ev.datapath)
        bridge = self._bridges.pop(ev.datapath, None)
        if bridge is not None:
            bridge.answers.close()
            if ev.datapath.lost_shortcut:
                self._shortcuts_lost[ev.datapath.id] = time.monotonic()
            self._ended += 1
            if self._ended % _ENDED_BRIDGES == 0:
                gc.collect()
            LOG.info("bridge %s: disconnected", bridge.switch.bridge.name)

    def _apply(self, config: Config) -> Slices:
        """Put a new table in force, bridge by bridge; strangers may have become ours."""
        self.service.replace(config)
        self.sockets.listen_for(self.service.known_by_name())
        for connection, bridge in list(self._bridges.items()):
            local = bridge.switch.names.get(LOCAL, "")
            wanted = self.service.bridge_of(connection.id, local)
            if wanted is None and not bridge.retired:
                LOG.info("bridge %s: not in the table any more", bridge.switch.bridge.name)
                yield from bridge.retire()
            elif wanted is not None and wanted is not bridge.switch.bridge:
                yield from bridge.reconfigure(wanted)
                if connection in self._bridges:  # it may have ended meanwhile
                    self._seek_shortcut(connection, bridge.switch)
        for connection in list(self._strangers):
            connection.begin()
            yield


def _take_shortcut(connection: Connection, switch: Switch) -> None:
    try:
        shortcut.take(connection, switch, switch.names.get(LOCAL, ""))
    except Exception:
        LOG.exception("a shortcut failed; this is a bug, please report it")


def _log_or_exit() -> Writer | None:
    try:
        return take_over(os.environ.get(form.VARIABLE, ""))
    except ValueError as error:
        sys.exit(f"error: {error}")


def _table_or_exit(reader: Reader) -> Loaded:
    try:
        loaded = first(str(config_path()), reader)
    except ConfigError as error:
        sys.exit(str(error))
    for problem in loaded.warnings:
        LOG.warning("%s", problem.render())
    return loaded


def _sleep_as_a_thread() -> Callable[[float], object]:
    """What `time.sleep` was before eventlet made green threads of it."""
    # not at the head: there Ryu comes first, so that eventlet does not announce its retirement
    from eventlet import patcher  # noqa: PLC0415

    sleep: Callable[[float], object] = patcher.original("time").sleep
    return sleep


def _look_for_cycles_less() -> None:
    """What is there at the start lives on and has no cycles: to look at it all takes 100 ms."""
    gc.freeze()
    gc.set_threshold(*_COLLECT)
