"""The Ryu application: `ryu-manager ovsdhcp.app`. OpenFlow events in, service calls out.

A handler does not block and lets nothing escape: Ryu's queue of an application holds 128 events,
and behind a handler that sleeps the switch's echo requests go unanswered until it disconnects.
"""

import logging
import os
import socket
import sys
import time
from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from ryu.base.app_manager import RyuApp, lookup_service_brick
from ryu.controller import controller, ofp_event
from ryu.controller.handler import DEAD_DISPATCHER, MAIN_DISPATCHER, set_ev_cls
from ryu.lib import hub
from ryu.ofproto import ofproto_v1_3

from ovsdhcp import notify
from ovsdhcp.config.problems import ConfigError
from ovsdhcp.events import Event
from ovsdhcp.log import form
from ovsdhcp.log.exchanges import Exchanges
from ovsdhcp.log.takeover import take_over
from ovsdhcp.log.writer import Writer
from ovsdhcp.openflow import continuation, messages, pipeline
from ovsdhcp.openflow.connection import Connection, Take, serve
from ovsdhcp.openflow.flow import LOCAL
from ovsdhcp.openflow.switch import Switch
from ovsdhcp.process import Process, confine, listens, supervise
from ovsdhcp.service import Service, load

LOG = logging.getLogger("ovsdhcp")

LISTEN_HOST, LISTEN_PORT = "127.0.0.1", 6653
TELL_EVENTS_EVERY = 0.2
LOOK_EVERY = 0.01
"""Seconds between two looks whether the listener listens by now."""
RETRY_AFTER = 5.0
"""Seconds until a bridge that refused our flows is asked again."""

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
        confine()
        self._writer = _log_or_exit()
        self.service = _service_or_exit()
        _port_free_or_exit(self.CONF.ofp_listen_host, self.CONF.ofp_tcp_listen_port)
        self._switches: dict[Any, Switch] = {}
        exchanges = Exchanges(pause=partial(hub.sleep, 0))
        self._tellers: list[Callable[[list[Event]], None]] = [exchanges.tell]
        self.process = Process()
        self.process.at_end += [self._tell, exchanges.tell_rest]
        controller.datapath_connection_factory = partial(serve, self._begin)

    def start(self) -> None:
        """Called by Ryu once all applications are there."""
        super().start()
        self.process.heed_signals()
        self.threads.append(hub.spawn(self._tell_events))
        self.threads.append(hub.spawn(self._be_supervised))

    def _tell_events(self) -> None:
        while self.is_active:
            hub.sleep(TELL_EVENTS_EVERY)
            self._tell()

    def _tell(self) -> None:
        events = self.service.take_events()
        for tell in self._tellers:
            tell(events)
        if self._writer is not None:
            self._writer.say_lost()

    def _be_supervised(self) -> None:
        """Say that we are ready once switches can connect, and that we live as long as we do."""
        openflow = lookup_service_brick("ofp_event")
        for app in (self, openflow):
            for thread in app.threads:
                self.process.must_live(thread, f"a green thread of {app.name}")
        self.process.must_live(openflow.main_thread, "the OpenFlow listener")
        conf = self.CONF
        while not listens({conf.ofp_tcp_listen_port, conf.ofp_ssl_listen_port}):
            hub.sleep(LOOK_EVERY)
        LOG.info(
            "ready: switches can connect to %s:%d", conf.ofp_listen_host, conf.ofp_tcp_listen_port
        )
        notify.ready(self._status())
        supervise(self._status)

    def _status(self) -> str:
        """In a line, for `systemctl status`."""
        there = {switch.bridge.name: switch for switch in self._switches.values()}
        served = sum(len(switch.attached) for switch in there.values())
        bridges = len(self.service.config.bridges)
        return f"{len(there)} of {bridges} bridges connected, {served} ports served"

    def _begin(self, connection: Connection) -> Take | None:
        """A switch is ready: from now on its packet-ins are answered, if the table names it."""
        names = {number: _name(port.name) for number, port in connection.ports.items()}
        switch = self.service.connected(connection.id, names, names.get(LOCAL, ""))
        if switch is None:
            return None
        self._switches[connection] = switch
        connection.send(switch.greet())
        return Taker(self.service, switch, connection.send)

    @on(ofp_event.EventOFPStateChange, DEAD_DISPATCHER)
    def disconnected(self, ev: Any) -> None:
        switch = self._switches.pop(ev.datapath, None)
        if switch is not None:
            LOG.info("bridge %s: disconnected", switch.bridge.name)

    @on(ofp_event.EventOFPFlowStatsReply)
    def flow_stats(self, ev: Any) -> None:
        msg = ev.msg
        switch = self._switches.get(msg.datapath)
        if switch is not None:
            more = bool(msg.flags & msg.datapath.ofproto.OFPMPF_REPLY_MORE)
            self._send(msg.datapath, switch.flow_stats(msg.xid, bytes(msg.buf), more=more))

    @on(ofp_event.EventOFPFlowRemoved)
    def flow_removed(self, ev: Any) -> None:
        switch = self._switches.get(ev.msg.datapath)
        if switch is not None:
            self._send(ev.msg.datapath, switch.flow_removed(bytes(ev.msg.buf)))

    @on(ofp_event.EventOFPBarrierReply)
    def barrier_reply(self, ev: Any) -> None:
        switch = self._switches.get(ev.msg.datapath)
        if switch is not None:
            switch.barrier_reply(ev.msg.xid)

    @on(ofp_event.EventOFPErrorMsg)
    def error(self, ev: Any) -> None:
        datapath = ev.msg.datapath
        switch = self._switches.get(datapath)
        if switch is not None and self.service.refused(switch, ev.msg.xid, ev.msg.type):
            hub.spawn_after(RETRY_AFTER, self._retry, datapath, switch)

    def _retry(self, datapath: Any, switch: Switch) -> None:
        if self._switches.get(datapath) is switch:
            datapath.send(switch.sync())

    @staticmethod
    def _send(datapath: Any, data: bytes) -> None:
        if data:
            datapath.send(data)


class Taker:
    """Answers the messages of one switch that are ours, from their octets."""

    def __init__(self, service: Service, switch: Switch, send: Callable[[bytes], object]) -> None:
        self._service, self._switch, self._send = service, switch, send
        self._by_type = {
            messages.PACKET_IN: self._packet_in,
            messages.EXPERIMENTER: self._paused,
            messages.PORT_STATUS: self._port_status,
        }

    def __call__(self, message: bytes) -> bytes | None:
        """The octets to send back, or None where Ryu has to see the message."""
        take = self._by_type.get(message[1])
        return None if take is None else take(message)

    def _packet_in(self, message: bytes) -> bytes | None:
        packet_in = messages.read_packet_in(message)
        if packet_in is None or not pipeline.is_ours(packet_in.cookie):
            return None
        frame = self._service.packet_in(self._switch, packet_in, time.monotonic())
        return b"" if frame is None else messages.packet_out(packet_in.in_port, frame)

    def _paused(self, message: bytes) -> bytes | None:
        if not continuation.is_packet_in(message):
            return None
        return self._service.paused(self._switch, message[16:], time.monotonic())

    def _port_status(self, message: bytes) -> None:
        """Before Ryu's way, and not instead: a packet of the port may be the very next message."""
        there, ofport, name = messages.read_port_status(message)
        switch = self._switch
        change = switch.port_added(ofport, _name(name)) if there else switch.port_removed(ofport)
        if change:
            self._send(change)


def _name(octets: bytes) -> str:
    """OpenFlow's names are NUL-padded; OVS cuts those over 15 characters."""
    return bytes(octets).rstrip(b"\0").decode("utf-8", "replace")


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
