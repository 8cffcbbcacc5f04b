"""The verb `leases`: what became of each binding that was ever asked for."""

import time
from collections.abc import Callable, Generator, Iterator, Mapping
from itertools import islice
from math import inf
from typing import Any

from ovsdhcp.control.protocol import WRONG_ARGUMENT, ControlError, Document
from ovsdhcp.control.running import Running, moment
from ovsdhcp.leases import Key, Lease, State

A_TURN = 200
SEARCHED = ("bridge", "port", "mac", "address", "hostname", "state")
"""What a filter is looked for in."""

Items = Generator[Document | None, None, None]


def leases(running: Running, arguments: Mapping[str, Any]) -> Items:
    """`leases` in slices, in the table's order; with `filter`, those that have it somewhere."""
    wanted = arguments.get("filter", "")
    if not isinstance(wanted, str):
        raise ControlError(WRONG_ARGUMENT, f"`filter` is text, not {wanted!r}")
    fits = _fitting(wanted)
    rows = _rows(running)
    while slice_ := list(islice(rows, A_TURN)):
        found = [row for row in slice_ if row and fits(row)]
        yield {"leases": found} if found else {}


def _fitting(wanted: str) -> Callable[[Document], bool]:
    """Whether a lease has the text somewhere, in any case, with a MAC's dashes as colons."""
    needles = {wanted.lower(), wanted.lower().replace("-", ":")}

    def fits(lease: Document) -> bool:
        said = "\n".join(str(lease.get(key) or "") for key in SEARCHED).lower()
        return any(needle in said for needle in needles)

    return fits


def _rows(running: Running) -> Iterator[Document]:
    """A document for each record, and an empty one for each binding without."""
    now, offset = time.monotonic(), time.time() - time.monotonic()
    records = running.service.leases.records()
    for bridge, _ in running.bridges():
        for port in bridge.ports:
            for binding in port.bindings:
                key = bridge.name, port.name, binding.address
                lease = records.pop(key, None)
                mac = None if binding.mac is None else binding.mac.hex(":")
                yield {} if lease is None else _document(key, lease, mac, now, offset)
    for key, lease in records.items():  # of others' flows, or of a table before this one
        yield _document(key, lease, None, now, offset)


def _document(key: Key, lease: Lease, mac: str | None, now: float, offset: float) -> Document:
    """`until` is null where there is no end, or nothing that could end."""
    bridge, port, address = key
    expired = lease.state is State.BOUND and lease.until <= now
    ends = lease.state in (State.BOUND, State.DECLINED) and lease.until != inf
    return {
        "bridge": bridge,
        "port": port,
        "mac": mac,
        "address": str(address),
        "state": "expired" if expired else lease.state.value,
        "since": moment(lease.since + offset),
        "until": moment(lease.until + offset) if ends else None,
    }
