"""A configured port that is on the bridge, and which of its bindings a frame is about."""

from collections.abc import Mapping
from dataclasses import dataclass

from ovsdhcp.config.hosts import Hosts
from ovsdhcp.config.table import Port
from ovsdhcp.dhcp.binding import Binding
from ovsdhcp.dhcp.frame import chaddr
from ovsdhcp.openflow import pipeline


@dataclass(frozen=True, slots=True)
class Attached:
    """A configured port that is on the bridge; its bindings by MAC where there are several."""

    port: Port
    cookie: int
    hosts: Mapping[bytes, Binding] | Hosts

    @classmethod
    def of(cls, port: Port) -> "Attached":
        """The port as it is once it is there."""
        bindings = port.bindings
        hosts: Mapping[bytes, Binding] | Hosts = {}
        if isinstance(bindings, Hosts):
            hosts = bindings
        elif len(bindings) > 1:
            hosts = {b.mac: b for b in bindings if b.mac is not None}
        return cls(port, pipeline.port_cookie(port.name), hosts)

    def binding(self, frame: bytes) -> Binding | None:
        """Whose question a frame is, by who sent it, or by whom a relay sent it on for.

        None where it is nobody's.
        """
        if not self.hosts:
            return self.port.bindings[0]
        found = self.hosts.get(frame[6:12])
        if found is None and self.port.trusted:
            found = self.hosts.get(chaddr(frame) or b"")
        return found
