"""The least that can answer: an OpenFlow loop in Python that sends a constant back.

    python -m benchmarks.null_controller FRAME_IN_HEX [PORT | SOCKET]

No Ryu, no engine, no table: the handshake that Open vSwitch needs, large reads, one write for
each, and for every packet-in the same frame with the question's xid. What a Python controller could
reach at best, and how much of it the engine costs, is measured against this.
"""

import socket
import struct
import sys
from struct import Struct

_HEADER = Struct("!BBHI")
_HELLO, _ECHO_REQUEST, _ECHO_REPLY, _PACKET_IN, _PACKET_OUT = 0, 2, 3, 10, 13
_XID_AT = 14 + 20 + 8 + 4
_NO_BUFFER, _FROM_CONTROLLER = 0xFFFFFFFF, 0xFFFFFFFD
_FRAME_IN_PACKET_IN = 42
"""Where the match has in_port alone: header 8, fields 16, match 16, padding 2."""


def packet_out(frame: bytes) -> tuple[bytes, bytes]:
    """A PACKET_OUT to port 1, before and after its frame's xid."""
    output = struct.pack("!HHIH6x", 0, 16, 1, 0)
    body = struct.pack("!IIH6x", _NO_BUFFER, _FROM_CONTROLLER, len(output)) + output + frame
    message = _HEADER.pack(4, _PACKET_OUT, _HEADER.size + len(body), 0) + body
    cut = len(message) - len(frame) + _XID_AT
    return message[:cut], message[cut + 4 :]


def serve(connection: socket.socket, frame: bytes) -> None:
    """Answer one switch until it goes."""
    before, after = packet_out(frame)
    connection.sendall(_HEADER.pack(4, _HELLO, 8, 0))
    xid_at = _FRAME_IN_PACKET_IN + _XID_AT
    rest = b""
    while octets := connection.recv(1 << 18):
        rest += octets
        at, end = 0, len(rest)
        out: list[bytes] = []
        while end - at >= _HEADER.size:
            _, kind, length, xid = _HEADER.unpack_from(rest, at)
            if end - at < length:
                break
            if kind == _PACKET_IN:
                out += (before, rest[at + xid_at : at + xid_at + 4], after)
            elif kind == _ECHO_REQUEST:
                out.append(_HEADER.pack(4, _ECHO_REPLY, length, xid) + rest[at + 8 : at + length])
            at += length
        rest = rest[at:]
        if out:
            connection.sendall(b"".join(out))


def listening(where: str) -> socket.socket:
    """A TCP port of loopback, or a Unix socket; whoever connects is answered without delay."""
    if where.isdecimal():
        listener = socket.create_server(("127.0.0.1", int(where)))
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # connections inherit it
    else:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(where)
        listener.listen()
    return listener


def main(frame: bytes, where: str = "6653") -> None:
    """Wait for a switch, again and again."""
    with listening(where) as listener:
        while True:
            connection, _ = listener.accept()
            with connection:
                serve(connection, frame)


if __name__ == "__main__":
    main(bytes.fromhex(sys.argv[1]), *sys.argv[2:])
