"""What the application does with what the service says: note it, take the events, settle."""

from ovsdhcp.events import Event, Read
from ovsdhcp.service import Said, Service


def noted(service: Service, said: Said, at: float = 100.0, took: float = 50e-6) -> bytes:
    """What is to be sent; what is told of it is in the ring behind it."""
    if said.told is not None:
        service.ring.append(Read(at, took, [said.told], [said.xid]))
    return said.octets


def settled(service: Service) -> list[Event]:
    """The events since the last call; counters and leases are up to date behind it."""
    events = service.take_events()
    while service.untold:
        events += service.take_events()
    for _ in service.settle():
        pass
    return events
