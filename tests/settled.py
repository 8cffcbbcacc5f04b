"""What the application does five times a second: take the events, and settle what came of them."""

from ovsdhcp.events import Event
from ovsdhcp.service import Service


def settled(service: Service) -> list[Event]:
    """The events since the last call; counters and leases are up to date behind it."""
    events = service.take_events()
    while service.settle():
        pass
    return events
