"""The OpenFlow channel as the application opens it: Ryu's options, checked, and its two seams.

Ryu's own defaults are to listen on every address without TLS, and never to ask whether a switch is
still there.
"""

import logging
import os
import resource
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from ryu.base.app_manager import SERVICE_BRICKS
from ryu.controller import controller

from ovsdhcp.openflow.admission import Admission, Limits
from ovsdhcp.openflow.bridge_sockets import BridgeSockets, Spawn
from ovsdhcp.openflow.connection import Connection, Party, serve
from ovsdhcp.openflow.listener import Listener, bound, is_loopback, tls_context

LOG = logging.getLogger("ovsdhcp")

DEFAULTS = {
    "ofp_listen_host": "127.0.0.1",
    "ofp_tcp_listen_port": 6653,
    "ofp_ssl_listen_port": 6653,
    "echo_request_interval": 5.0,
    "maximum_unreplied_echo_requests": 2,
}
"""Of Ryu's options. A switch that is gone is noticed within 15 seconds."""

RYUS_OWN = "ofp_event"

SOCKETS_VARIABLE = "OVSDHCP_SOCKETS"


class Channel(NamedTuple):
    """What is open, and who keeps the door."""

    host: str
    port: int
    admission: Admission
    sockets: BridgeSockets


def open_channel(conf: Any, begin: Callable[[Connection], Party | None], spawn: Spawn) -> Channel:
    """Have Ryu listen and serve our way; ends the process where its options cannot be met."""
    for option, value in DEFAULTS.items():
        conf.set_default(option, value)
    port = conf.ofp_ssl_listen_port if _wants_tls(conf) else conf.ofp_tcp_listen_port
    _port_free_or_exit(conf.ofp_listen_host, port)
    _warn(conf)
    admission = Admission(Limits.within(_open_files()))
    controller.datapath_connection_factory = served = partial(serve, begin, admission)
    controller.StreamServer = Listener
    sockets = BridgeSockets(sockets_folder(), served, spawn)
    return Channel(conf.ofp_listen_host, port, admission, sockets)


def sockets_folder(environment: Mapping[str, str] = os.environ) -> Path | None:
    """Where bridges of this machine connect by Unix sockets: `$OVSDHCP_SOCKETS`, or nowhere."""
    named = environment.get(SOCKETS_VARIABLE)
    return Path(named).absolute() if named else None


def alone(application: str) -> bool:
    """Whether no other application of this ryu-manager could want a switch."""
    return set(SERVICE_BRICKS) <= {RYUS_OWN, application}


def _wants_tls(conf: Any) -> bool:
    """Whether to serve TLS, and nothing else; half a certificate ends the process."""
    if bool(conf.ctl_privkey) != bool(conf.ctl_cert):
        missing, given = (
            ("ctl-cert", "ctl-privkey") if conf.ctl_privkey else ("ctl-privkey", "ctl-cert")
        )
        sys.exit(f"error: `--{given}` without `--{missing}`\n\nhint: TLS takes both")
    if conf.ca_certs and not conf.ctl_cert:
        sys.exit(
            "error: `--ca-certs` without `--ctl-privkey` and `--ctl-cert`\n\nhint: TLS takes all"
        )
    if not conf.ctl_cert:
        return False
    try:
        tls_context(conf.ctl_privkey, conf.ctl_cert, conf.ca_certs)
    except OSError as error:  # ssl.SSLError is one
        files = ", ".join(filter(None, (conf.ctl_privkey, conf.ctl_cert, conf.ca_certs)))
        sys.exit(
            f"error: no TLS with {files}: {error.strerror or error}\n\n"
            "hint: they have to be readable, in PEM, and key and certificate each other's"
        )
    return True


def _warn(conf: Any) -> None:
    host = conf.ofp_listen_host
    if not conf.ctl_cert and not is_loopback(host):
        LOG.warning(
            "listening on %s without TLS: whoever reaches it may pose as a bridge of the table; "
            "give --ctl-privkey, --ctl-cert and --ca-certs, or listen on 127.0.0.1",
            host,
        )
    if conf.ctl_cert and not conf.ca_certs:
        LOG.warning(
            "TLS without --ca-certs asks no switch for a certificate: whoever reaches %s may pose "
            "as a bridge of the table",
            host,
        )


def _open_files() -> int:
    """How many files the process may have open, raised as far as it may be."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return 1 << 20 if most == resource.RLIM_INFINITY else most


def _port_free_or_exit(host: str, port: int) -> None:
    """Ryu would log a traceback from a green thread and stay, serving nobody."""
    try:
        bound(host, port).close()
    except OSError as error:
        sys.exit(
            f"error: cannot listen on {host}:{port}: {error.strerror}\n\n"
            "hint: another controller may hold it; stop that one, or choose another port with "
            "`--ofp-tcp-listen-port`"
        )
