"""What the application does with what the service says: note it, take the events, settle."""

from ovsdhcp.events import Event
from ovsdhcp.service import Said, Service


def noted(service: Service, said: Said, at: float = 100.0, took: float = 50e-6) -> bytes:
    """What is to be sent; it is counted behind it."""
    if said.told is not None:
        service.tallies.note([said.told], [said.xid], at, took)
    return said.octets


def settled(service: Service) -> list[Event]:
    """The events since the last call; counters and leases are up to date behind it."""
    events = service.take_events()
    for _ in service.settle():
        pass
    return events
