"""A bridge of this machine, asked over its management socket, as ovs-ofctl does.

Open vSwitch serves OpenFlow to its own tools at `BRIDGE.mgmt` in its run-time folder. We ask who
the bridge is, which ports it has, and which flows of ours; and have it say there what it says of
its own accord (shortcut.py).
"""

import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from struct import Struct, pack, unpack_from

from ovsdhcp.openflow import messages, pipeline
from ovsdhcp.openflow.messages import FlowStats, Key

PATIENCE = 10.0
RUN_DIR = "/var/run/openvswitch"
_FEATURES_REQUEST, _FEATURES_REPLY, _MULTIPART_REPLY = 5, 6, 19
_ANSWERS = (_FEATURES_REPLY, _MULTIPART_REPLY)
_PORTS, _MORE = 13, 1
_LISTENS = 1 << 16  # Linux's __SO_ACCEPTCON
_READ_AT_MOST = 1 << 14
"""Octets: many small messages of one read are cut off it one by one."""
_PORT = Struct("!I4x6x2x16s32x")
_XID = 0x6468
"""One question is under way at a time."""


class NoBridgeError(Exception):
    """A bridge does not answer; the message says which and why."""


def run_dir(environment: Mapping[str, str] = os.environ) -> Path:
    """Where Open vSwitch has its sockets: `$OVS_RUNDIR`, else /var/run/openvswitch."""
    return Path(environment.get("OVS_RUNDIR") or RUN_DIR)


def run_dirs_here(bridge: str, sockets: Path = Path("/proc/net/unix")) -> list[Path]:
    """Where something in our network namespace listens as the management of such a bridge.

    The usual place first; whatever listens there may be anything. None where the kernel does not
    say.
    """
    try:
        lines = sockets.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return []
    name, found = f"/{bridge}.mgmt", set()
    for line in lines:
        # Num: RefCount Protocol Flags Type St Inode Path
        if line.endswith(name) and int(line.split()[3], 16) & _LISTENS:
            found.add(Path(line.split(maxsplit=7)[7]).parent)
    return sorted(found, key=lambda folder: (folder != run_dir(), folder))


class Management:
    """One conversation with a bridge. Raises `NoBridgeError` wherever it breaks off."""

    def __init__(self, bridge: str, folder: Path | None = None, patience: float = PATIENCE) -> None:
        self.bridge = bridge
        self._rest = b""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(patience)
        self._patience = patience
        try:
            self._socket.connect(str((folder or run_dir()) / f"{bridge}.mgmt"))
            self._socket.sendall(messages.message(messages.HELLO, 0, b""))
        except OSError as error:
            self._socket.close()
            raise self._fault(error) from None

    def __enter__(self) -> "Management":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """It is over."""
        self._socket.close()

    def dpid(self) -> int:
        """The datapath's number."""
        (number,) = unpack_from("!Q", self._ask(messages.message(_FEATURES_REQUEST, _XID, b"")), 8)
        return int(number)

    def ports(self) -> dict[int, str]:
        """The names of its ports by their numbers."""
        asked = messages.message(messages.MULTIPART_REQUEST, _XID, pack("!HH4x", _PORTS, 0))
        return {
            number: name.rstrip(b"\0").decode("utf-8", "replace")
            for reply in self._parts(asked)
            for number, name in _PORT.iter_unpack(reply[16:])
        }

    def flows(self) -> dict[Key, FlowStats]:
        """Its flows with our cookie."""
        asked = messages.flow_stats_request(pipeline.COOKIE, pipeline.COOKIE_MASK, _XID)
        replies = self._parts(asked)
        return {flow.key: flow for reply in replies for flow in messages.read_flow_stats(reply)}

    def tell(self, octets: bytes) -> None:
        """Have it carry these messages out."""
        try:
            self._socket.sendall(octets)
        except OSError as error:
            raise self._fault(error) from None

    def until(self, is_it: Callable[[bytes], bool], most: int) -> bytes:
        """Wait for a message, with patience once; returns all that came before, `most` octets."""
        before, end = bytearray(), time.monotonic() + self._patience
        while not is_it(message := self._message(end)):
            if message[1] == messages.ERROR:
                said = f"bridge {self.bridge} refuses what it is told: {message.hex()}"
                raise NoBridgeError(said)
            before += message
            if len(before) > most:
                raise NoBridgeError(f"bridge {self.bridge} says other things than it was asked")
        return bytes(before)

    def handed_over(self) -> tuple[socket.socket, bytes]:
        """The connection for somebody else, and what came of its next message."""
        return self._socket, self._rest

    def _parts(self, asked: bytes) -> Iterator[bytes]:
        """The answer to a multipart request, in as many messages as it takes."""
        reply = self._ask(asked)
        while True:
            yield reply
            if not reply[11] & _MORE:
                return
            reply = self._reply()

    def _ask(self, message: bytes) -> bytes:
        self.tell(message)
        return self._reply()

    def _reply(self) -> bytes:
        """The next message that is an answer."""
        while True:
            message = self._message()
            if message[1] == messages.ERROR or message[0] < messages.VERSION:
                raise self._refusal()
            if message[1] in _ANSWERS:
                return message

    def _message(self, end: float | None = None) -> bytes:
        """The next message; with an end to all patience, whatever comes meanwhile."""
        while not (message := messages.whole(self._rest, 0)):
            try:
                if end is not None:
                    self._socket.settimeout(max(end - time.monotonic(), 0.001))
                octets = self._socket.recv(_READ_AT_MOST)
            except OSError as error:
                raise self._fault(error) from None
            if not octets or messages.lies(self._rest, 0):
                raise self._refusal()
            self._rest += octets
        self._rest = self._rest[len(message) :]
        return message

    def _refusal(self) -> NoBridgeError:
        return NoBridgeError(
            f"bridge {self.bridge} does not speak OpenFlow 1.3\n\n"
            f"hint: ovs-vsctl add bridge {self.bridge} protocols OpenFlow13"
        )

    def _fault(self, error: OSError) -> NoBridgeError:
        said = error.strerror or str(error)
        if isinstance(error, PermissionError):
            said += "\n\nhint: Open vSwitch answers root only: `sudo ovsdhcp …`"
        elif isinstance(error, FileNotFoundError):
            said = f"there is none of this name\n\nhint: ovs-vsctl add-br {self.bridge}"
        return NoBridgeError(f"bridge {self.bridge}: {said}")
