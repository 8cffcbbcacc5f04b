"""Where switches connect: the place of Ryu's StreamServer, which serves one TLS connection only.

Ryu takes certificate and key out of its arguments while it serves the first connection, so that
the second finds none, and its accept loop ends with the first error. Ryu's options mean what they
say: `--ctl-privkey`, `--ctl-cert`, `--ca-certs`, `--ofp-ssl-listen-port`.
"""

import ipaddress
import logging
import ssl
from _socket import socket as KernelSocket  # noqa: N812 - what a socket is before it is green
from collections.abc import Callable
from contextlib import suppress
from errno import EINVAL
from functools import partial
from itertools import count
from socket import (
    AF_INET6,
    AI_PASSIVE,
    IPPROTO_IPV6,
    IPV6_V6ONLY,
    SHUT_RDWR,
    SO_REUSEADDR,
    SOCK_STREAM,
    SOL_SOCKET,
    getaddrinfo,
    socket,
)
from typing import Any

from ryu.lib import hub

LOG = logging.getLogger("ovsdhcp")

BACKLOG = 1024
"""Connections that the kernel holds for us; it has a limit of its own (net.core.somaxconn)."""
AFTER_A_FAILED_ACCEPT = 0.1
AT_ONCE = 16
"""Connections that are accepted in a row. Behind them whoever makes room for one has left, so that
hardly more are there at a time than may be; with one in a row a switch would wait behind a crowd.
"""

Serve = Callable[[socket, Any], None]


def bound(host: str, port: int) -> socket:
    """A socket that is ready to listen. Raises OSError, gaierror included."""
    family, kind, protocol, _, address = getaddrinfo(
        host, port, type=SOCK_STREAM, flags=AI_PASSIVE
    )[0]
    listener = socket(family, kind, protocol)
    try:
        listener.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
        if family == AF_INET6:
            listener.setsockopt(IPPROTO_IPV6, IPV6_V6ONLY, 1)
        listener.bind(address)
    except OSError:
        listener.close()
        raise
    return listener


def is_loopback(host: str) -> bool:
    """Whether only this machine can connect."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def tls_context(key: str, certificate: str, authorities: str | None) -> ssl.SSLContext:
    """TLS 1.2 and later; with `authorities`, only for whoever has a certificate of theirs.

    Raises OSError (ssl.SSLError is one) where a file cannot be read or they do not fit together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    if authorities is not None:
        context.load_verify_locations(authorities)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def accept_all(listener: socket, take: Callable[[socket, Any], object]) -> None:
    """Give each connection and its peer's address to `take`, until the listener is shut down."""
    failed = False
    for number in count(1):
        try:
            connected, address = listener.accept()
        except OSError as error:
            if error.errno == EINVAL:  # which is what a listener says that was shut down
                return
            if not failed:
                LOG.error("cannot accept connections: %s; trying on", error)
            failed = True
            hub.sleep(AFTER_A_FAILED_ACCEPT)
            continue
        failed = False
        take(connected, address)
        if number % AT_ONCE == 0:
            hub.sleep(0)


class Listener:
    """What Ryu's controller makes of its options: `handle` is called for each connection."""

    def __init__(
        self,
        listen_info: tuple[str, int],
        handle: Serve,
        *,
        keyfile: str | None = None,
        certfile: str | None = None,
        ca_certs: str | None = None,
        **_: object,
    ) -> None:
        self._handle = handle
        self._tls = tls_context(keyfile, certfile, ca_certs) if keyfile and certfile else None
        self._listener = bound(*listen_info)
        self._listener.listen(BACKLOG)

    def serve_forever(self) -> None:
        """Accept, and hand over to a green thread of its own before a single octet is read."""
        accept_all(self._listener, partial(hub.spawn, self._serve))

    def _serve(self, connected: socket, address: Any) -> None:
        if self._tls is not None:
            connected = self._tls.wrap_socket(
                connected, server_side=True, do_handshake_on_connect=False
            )
        self._handle(connected, address)


def hang_up(connected: socket) -> None:
    """End a connection from outside: whoever waits for it to say something is woken.

    Past SSLSocket's own shutdown, which would take the session from under a handshake.
    """
    with suppress(OSError):
        if isinstance(connected, ssl.SSLSocket):
            KernelSocket.shutdown(connected, SHUT_RDWR)
        else:
            connected.shutdown(SHUT_RDWR)
