"""A port of the bridge: a veth pair, one end on the bridge, the other in a namespace of its own."""

import array
import fcntl
import json
import socket
import struct
from dataclasses import dataclass

from ovsdhcp.lab import namespace
from ovsdhcp.lab.command import Shell

SIOCETHTOOL = 0x8946
ETHTOOL_STXCSUM = 0x17
DEFAULT_MTU = 1500


@dataclass(frozen=True, slots=True)
class Port:
    """A client's place: interface `name` with `mac` in namespace `home`, OpenFlow port `number`."""

    name: str
    number: int
    mac: str
    home: str

    def make(self, switch_home: str, shell: Shell) -> None:
        """Make the pair."""
        shell.run(
            *("ip", "link", "add", "name", self.name, "netns", switch_home, "type", "veth"),
            *("peer", "name", self.name, "address", self.mac, "netns", self.home),
            doing=f"make the veth pair {self.name}",
        )

    def bring_up(self, switch_home: str, shell: Shell) -> None:
        """Bring up both ends, so that packets pass as they must."""
        doing = f"bring up {self.name}"
        switch_side = ("ip", "-n", switch_home, "link", "set", self.name)
        shell.run(*switch_side, "addrgenmode", "none", "up", doing=doing)
        shell.run("ip", "-n", self.home, "link", "set", self.name, "up", doing=doing)
        finish_checksums(self.home, self.name)

    def clear(self, shell: Shell) -> None:
        """Make the client's interface as it was before a client worked on it."""
        ip = ("ip", "-n", self.home)
        doing = f"clear {self.name}"
        shell.run(*ip, "-4", "addr", "flush", "dev", self.name, doing=doing)
        shell.run(*ip, "-4", "route", "flush", "dev", self.name, doing=doing)
        shell.run(*ip, "link", "set", self.name, "mtu", str(DEFAULT_MTU), "up", doing=doing)


def interfaces(home: str, shell: Shell) -> set[str]:
    """The names of a namespace's interfaces."""
    listed = shell.run("ip", "-n", home, "-json", "link", "show", doing="list the interfaces")
    return {link["ifname"] for link in json.loads(listed or "[]")}


def finish_checksums(home: str, interface: str) -> None:
    """Have the kernel finish the checksums of what it sends here.

    A veth leaves them to hardware that is not there, and the userspace datapath passes packets on
    as they are: a unicast renewal, sent through a UDP socket, would arrive with half a checksum.
    (`ethtool -K IFACE tx off`, without needing ethtool.)
    """
    value = array.array("B", struct.pack("II", ETHTOOL_STXCSUM, 0))
    request = struct.pack("16sP", interface.encode(), value.buffer_info()[0])
    with namespace.inside(home), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as there:
        fcntl.ioctl(there, SIOCETHTOOL, request.ljust(40, b"\0"))
