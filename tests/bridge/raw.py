"""Frames as they are, into a port and out of it: packet sockets in the namespaces of a lab."""

import select
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple, TypeVar

from ovsdhcp.lab import namespace
from ovsdhcp.lab.laboratory import MACS, Lab
from ovsdhcp.lab.wire import Seen, parse
from tests.dhcp.wire import mac

Value = TypeVar("Value")

ETH_P_ALL = 3
_SMALLEST = 14  # the kernel sends nothing that is shorter than an Ethernet header
_KERNELS_OWN = frozenset(mac(text) for text in MACS.values())
_XID = struct.Struct("!I")


class RawPort:
    """One end of a port: what is sent there enters the bridge, what arrives there has left it.

    What the kernels of the lab's namespaces say by themselves (IPv6 looks for neighbours and
    routers) is not kept: it is known by their MACs, which no frame of a test has. A test that has
    real programs at the ports keeps it, and says so by `unheard`.
    """

    def __init__(self, home: str, interface: str, unheard: frozenset[bytes] = _KERNELS_OWN) -> None:
        self._unheard = unheard
        with namespace.inside(home):
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self._socket.bind((interface, ETH_P_ALL))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self._socket.setblocking(False)

    def close(self) -> None:
        self._socket.close()

    def send(self, frame: bytes) -> None:
        """Put a frame on the wire."""
        assert len(frame) >= _SMALLEST
        self._socket.send(frame)

    def look_out(self, *, within: float) -> None:
        """Return when something has arrived, or nothing did within so many seconds."""
        select.select([self._socket], [], [], within)

    def arrived(self) -> list[bytes]:
        """What came out of the bridge since the last call; an 802.1Q tag is the kernel's by now."""
        return list(self._arrived())

    def _arrived(self) -> Iterator[bytes]:
        while True:
            try:
                frame, address = self._socket.recvfrom(65535)
            except BlockingIOError:
                return
            if address[2] != socket.PACKET_OUTGOING and frame[6:12] not in self._unheard:
                yield frame

    def first(
        self, read: Callable[[bytes], Value | None], *, within: float
    ) -> tuple[Value, list[bytes]]:
        """What `read` makes of the first frame that it can read; and the frames before."""
        end = time.monotonic() + within
        others: list[bytes] = []
        while (remaining := end - time.monotonic()) > 0:
            self.look_out(within=remaining)
            for frame in self._arrived():
                found = read(frame)
                if found is not None:
                    return found, others
                others.append(frame)
        raise AssertionError(f"not within {within:g} s; {len(others)} other frames came")

    def wait(self, wanted: Callable[[Seen], bool], *, within: float) -> tuple[Seen, list[bytes]]:
        """The first DHCP that is wanted, and whatever else arrived until then."""

        def read(frame: bytes) -> Seen | None:
            seen = parse(frame, 0)
            return seen if seen is not None and wanted(seen) else None

        return self.first(read, within=within)


def xid_of(seen: Seen) -> int:
    """The transaction that a message belongs to."""
    start = 14 + (seen.frame[14] & 15) * 4 + 8
    found: int = _XID.unpack_from(seen.frame, start + 4)[0]
    return found


class Verdict(NamedTuple):
    """What a frame led to: the replies at its own port, and what else left the bridge, where."""

    replies: tuple[Seen, ...]
    leaks: tuple[tuple[str, bytes], ...]

    @property
    def kind(self) -> str:
        """`silence`, or what was replied."""
        return " ".join(seen.kind.lower() for seen in self.replies) or "silence"


@contextmanager
def raw_ports(lab: Lab) -> Iterator[dict[str, RawPort]]:
    """All ports of a lab."""
    with ExitStack() as opened:
        ports = {}
        for name, port in lab.ports.items():
            ports[name] = RawPort(port.home, name)
            opened.callback(ports[name].close)
        yield ports


class Bench:
    """A port whose client is hostile, a good one beside it, and eyes on all the others."""

    def __init__(
        self, ports: dict[str, RawPort], hostile: str, good: str, canary: Callable[[int], bytes]
    ) -> None:
        self._ports, self._hostile, self._good = ports, hostile, good
        self._canary = canary
        self._xid = 0xCA000000

    def judge(self, frame: bytes) -> Verdict:
        """Send a frame from the hostile port and see all that comes of it.

        Two good DISCOVERs mark the end. The bridge looks at its ports by turns: at the first one
        it may not have come to the hostile port yet, at the second it has. From there on a bridge
        has one way to the controller and back, on which nothing overtakes.
        """
        self._ports[self._hostile].send(frame)
        leaks = [(self._good, other) for _ in range(2) for other in self.good_client_is_served()]
        replies = []
        for name, port in self._ports.items():
            for arrived in port.arrived():
                seen = parse(arrived, 0) if name == self._hostile else None
                if seen is None:
                    leaks.append((name, arrived))
                else:
                    replies.append(seen)
        return Verdict(tuple(replies), tuple(leaks))

    def good_client_is_served(self, within: float = 2.0) -> list[bytes]:
        """A DISCOVER on the good port has its OFFER; what else arrived there meanwhile."""
        self._xid += 1
        wanted = self._xid
        good = self._ports[self._good]
        good.send(self._canary(wanted))
        seen, others = good.wait(lambda it: xid_of(it) == wanted, within=within)
        assert seen.kind == "OFFER"
        return others
