"""The verb `leases`: what became of each binding that was ever asked for."""

import time
from collections.abc import Callable, Generator, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from ovsdhcp.control.protocol import UNAVAILABLE, WRONG_ARGUMENT, ControlError, Document
from ovsdhcp.control.running import Running, moment
from ovsdhcp.journal import NAME, JournalError, read
from ovsdhcp.lease import Record, State
from ovsdhcp.state_folder import state_dir

A_TURN = 100
SEARCHED = ("bridge", "port", "mac", "address", "hostname", "state")
"""What a filter is looked for in."""

Items = Generator[Document | None, None, None]


def leases(running: Running, arguments: Mapping[str, Any]) -> Items:
    """`leases` in slices, in the table's order; with `filter`, those that have it somewhere."""
    wanted = arguments.get("filter", "")
    if not isinstance(wanted, str):
        raise ControlError(WRONG_ARGUMENT, f"`filter` is text, not {wanted!r}")
    fits = _fitting(wanted)
    yield from running.settled()
    rows = _rows(running)
    while slice_ := list(islice(rows, A_TURN)):
        found = [row for row in slice_ if row and fits(row)]
        yield {"leases": found} if found else {}


def kept(wanted: str = "") -> Iterator[Document]:
    """What `leases` would say of the journal in the state folder, in its order, without a server.

    Raises `ControlError` where it cannot be read, maybe after some.
    """
    fits, now = _fitting(wanted), time.time()
    try:
        yield from filter(fits, (_document(record, now) for record in read(journal_path())))
    except JournalError as error:
        raise ControlError(UNAVAILABLE, str(error), error.hint) from None


def journal_path() -> Path:
    """Where a server of this state folder keeps what it has handed out."""
    return state_dir() / NAME


def _fitting(wanted: str) -> Callable[[Document], bool]:
    """Whether a lease has the text somewhere, in any case, with a MAC's dashes as colons."""
    needles = {wanted.lower(), wanted.lower().replace("-", ":")}

    def fits(lease: Document) -> bool:
        said = "\n".join(str(lease.get(key) or "") for key in SEARCHED).lower()
        return any(needle in said for needle in needles)

    return fits


def _rows(running: Running) -> Iterator[Document]:
    """A document for each record, and an empty one for each binding without."""
    now, ahead = time.time(), time.time() - time.monotonic()
    kept = running.service.leases.kept()
    for bridge, _ in running.bridges():
        for port in bridge.ports:
            for binding in port.bindings:
                key = bridge.name, port.name, binding.address_octets
                lease = kept.pop(key, None)
                yield (
                    {}
                    if lease is None
                    else _document(Record.of(key, lease, ahead), now, binding.mac)
                )
    for key, lease in kept.items():  # of others' flows, or of a table before this one
        yield _document(Record.of(key, lease, ahead), now)


def _document(record: Record, now: float, mac: bytes | None = None) -> Document:
    """`until` is null where there is no end, or nothing that could end.

    `mac` is the table's, for a binding that never had a client.
    """
    until, leased = record.until, record.state in (State.BOUND, State.RENEWED)
    expired = leased and until is not None and until <= now
    return {
        "bridge": record.bridge,
        "port": record.port,
        "mac": _octets(record.mac or mac),
        "address": str(record.address),
        "state": "expired" if expired else record.state.value,
        "since": moment(record.since),
        "until": None if until is None else moment(until),
        "client_id": _octets(record.client_id),
        "hostname": record.hostname,
        "vendor_class": record.vendor_class,
        "last": {"at": moment(record.at), "message": record.message, "reason": record.reason},
        "counts": {
            "offers": record.offers,
            "acks": record.acks,
            "naks": record.naks,
            "drops": record.drops,
        },
        "left": None if record.left is None else moment(record.left),
    }


def _octets(octets: bytes | None) -> str | None:
    return None if octets is None else octets.hex(":")
