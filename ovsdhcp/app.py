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
from ovsdhcp.config.problems import ConfigError
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
from ovsdhcp.openflow import messages
from ovsdhcp.openflow.connection import Connection, Party
from ovsdhcp.openflow.door import expire
from ovsdhcp.openflow.endings import ALREADY_CONNECTED, STRANGER
from ovsdhcp.openflow.flow import LOCAL
from ovsdhcp.openflow.switch import Switch
from ovsdhcp.packet_ins import PacketIns
from ovsdhcp.process import Process, confine
from ovsdhcp.service import Service, load
from ovsdhcp.state_folder import state_dir

LOG = logging.getLogger("ovsdhcp")

TELL_EVENTS_EVERY = 0.2
RETRY_AFTER = 5.0
"""Seconds until a bridge that refused our flows is asked again."""

_COLLECT = (10_000, 10, 10)
"""When Python looks for cycles: not after every 140 questions, as by default."""

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
        self.service = _service_or_exit()
        host, port, self.admission, self.sockets = open_channel(self.CONF, self._begin, hub.spawn)
        self._refuse_strangers = False
        self.service.remember(Journal(state_dir(), sleep=_sleep_as_a_thread()))
        _look_for_cycles_less()
        self._bridges: dict[Any, Bridge] = {}
        running = Running(self.service, self._connected, (host, port))
        history = History()
        exchanges = Exchanges(pause=partial(hub.sleep, 0))
        self._tellers: list[Callable[[list[Event]], None]] = [exchanges.tell, history.tell]
        self._control = Control(socket_path(), verbs(running, history), hub.spawn)
        self.process = Process()
        self.process.at_end += [self._tell, exchanges.tell_rest, self._close_journal]
        self.process.at_end += [self._control.close, self.sockets.close]

    def start(self) -> None:
        """Called by Ryu once all applications are there."""
        super().start()
        self.process.heed_signals()
        self._refuse_strangers = alone(self.name)
        self.threads.append(hub.spawn(expire, self.admission))
        self._keeper = hub.spawn(self._keep_journal)
        own = (self._tell_events, self._be_supervised)
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
        self.process.run(ports, f"{conf.ofp_listen_host}:{conf.ofp_tcp_listen_port}", self._status)

    def _status(self) -> str:
        """In a line, for `systemctl status`."""
        there = {bridge.switch.bridge.name: bridge.switch for bridge in self._bridges.values()}
        served = sum(len(switch.attached) for switch in there.values())
        bridges = len(self.service.config.bridges)
        return f"{len(there)} of {bridges} bridges connected, {served} ports served"

    def _connected(self) -> dict[Any, Switch]:
        return {connection: bridge.switch for connection, bridge in self._bridges.items()}

    def _tell_events(self) -> None:
        while self.is_active:
            hub.sleep(TELL_EVENTS_EVERY)
            self._tell()
            while self.service.settle():
                hub.sleep(0)

    def _keep_journal(self) -> None:
        from eventlet import tpool  # noqa: PLC0415 - as `_sleep_as_a_thread`

        journal, due = self.service.journal, 0.0
        assert journal is not None
        while self.is_active:
            hub.sleep(TELL_EVENTS_EVERY)
            if time.monotonic() >= due:
                due = time.monotonic() + journal.keep(self.service.leases, tpool.execute)

    def _close_journal(self) -> None:
        """With all that has happened; what is being written just now goes first."""
        self.is_active = False
        hub.joinall([self._keeper])
        while self.service.settle():
            pass
        if self.service.journal is not None:
            self.service.journal.close(self.service.leases)

    def _tell(self) -> None:
        events = self.service.take_events()
        for tell in self._tellers:
            tell(events)
        if self._writer is not None:
            self._writer.say_lost()

    def _begin(self, connection: Connection) -> Party | None:
        """A switch is ready: from now on its packet-ins are answered, if the table names it.

        A bridge has one connection: another one, as long as the first is alive, is refused.
        """
        names = {number: _name(port.name) for number, port in connection.ports.items()}
        switch = self.service.connected(connection.id, names, names.get(LOCAL, ""))
        if switch is None:
            if self._refuse_strangers:
                connection.end(STRANGER)
            return None
        for other in self._bridges:
            if other.id == connection.id and other.state != DEAD_DISPATCHER:
                connection.end(ALREADY_CONNECTED)
                hub.spawn(other.challenge)
                return None
        bridge = self._bridges[connection] = Bridge(self.service, switch, connection.send)
        connection.send(switch.greet())
        return bridge

    @on(ofp_event.EventOFPStateChange, DEAD_DISPATCHER)
    def disconnected(self, ev: Any) -> None:
        bridge = self._bridges.pop(ev.datapath, None)
        if bridge is not None:
            bridge.answers.close()
            LOG.info("bridge %s: disconnected", bridge.switch.bridge.name)

    @on(ofp_event.EventOFPMeterConfigStatsReply)
    def meter_config(self, ev: Any) -> None:
        switch = self._switch(ev.msg.datapath)
        if switch is not None:
            switch.meter_config(ev.msg.xid, bytes(ev.msg.buf))

    @on(ofp_event.EventOFPFlowStatsReply)
    def flow_stats(self, ev: Any) -> None:
        msg = ev.msg
        switch = self._switch(msg.datapath)
        if switch is not None:
            more = bool(msg.flags & msg.datapath.ofproto.OFPMPF_REPLY_MORE)
            self._send(msg.datapath, switch.flow_stats(msg.xid, bytes(msg.buf), more=more))

    @on(ofp_event.EventOFPFlowRemoved)
    def flow_removed(self, ev: Any) -> None:
        switch = self._switch(ev.msg.datapath)
        if switch is not None:
            self._send(ev.msg.datapath, switch.flow_removed(bytes(ev.msg.buf)))

    @on(ofp_event.EventOFPBarrierReply)
    def barrier_reply(self, ev: Any) -> None:
        switch = self._switch(ev.msg.datapath)
        if switch is not None:
            switch.barrier_reply(ev.msg.xid)

    @on(ofp_event.EventOFPErrorMsg)
    def error(self, ev: Any) -> None:
        datapath = ev.msg.datapath
        switch = self._switch(datapath)
        if switch is None:
            return
        without_meters = self.service.refused_meters(switch, ev.msg.xid)
        if without_meters:
            self._send(datapath, without_meters)
        elif self.service.refused(switch, ev.msg.xid, ev.msg.type):
            hub.spawn_after(RETRY_AFTER, self._retry, datapath, switch)

    def _retry(self, datapath: Any, switch: Switch) -> None:
        if self._switch(datapath) is switch:
            datapath.send(switch.sync())

    def _switch(self, datapath: Any) -> Switch | None:
        bridge = self._bridges.get(datapath)
        return None if bridge is None else bridge.switch

    @staticmethod
    def _send(datapath: Any, data: bytes) -> None:
        if data:
            datapath.send(data)


class Bridge:
    """One bridge of the table, for as long as it is connected: a connection's party."""

    def __init__(self, service: Service, switch: Switch, send: Callable[[bytes], object]) -> None:
        self.switch, self._send = switch, send
        self.answers = service.memory.of(switch.bridge.name)
        self.answer = PacketIns(service, switch, self.answers).answer

    def hear(self, message: bytes) -> bool:
        """A change of the ports, in its order; other applications may want to hear of it too."""
        if message[1] == messages.PORT_STATUS and len(message) == messages.PORT_STATUS_SIZE:
            self._port_status(message)
        return False

    def _port_status(self, message: bytes) -> None:
        there, ofport, name = messages.read_port_status(message)
        self.answers.forget_port(ofport)
        switch = self.switch
        change = switch.port_added(ofport, _name(name)) if there else switch.port_removed(ofport)
        if change:
            self._send(change)


def _name(octets: bytes) -> str:
    """OpenFlow's names are NUL-padded; OVS cuts those over 15 characters.

    What a terminal or a log would not take as a name is escaped.
    """
    name = bytes(octets).rstrip(b"\0").decode("utf-8", "replace")
    return name if name.isprintable() else ascii(name)[1:-1]


def _log_or_exit() -> Writer | None:
    try:
        return take_over(os.environ.get(form.VARIABLE, ""))
    except ValueError as error:
        sys.exit(f"error: {error}")


def _service_or_exit() -> Service:
    try:
        return Service(load())
    except ConfigError as error:
        sys.exit(str(error))


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
