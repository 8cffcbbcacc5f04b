"""The one table of the journal, and records to its rows and back.

A row is a record as `Lease` has it: times are seconds since 1970, an endless `until` is NULL,
options are octets as the client sent them, and the address is a number.
"""

from functools import lru_cache
from ipaddress import IPv4Address
from math import inf, nan
from operator import contains
from sys import intern
from typing import Any

from ovsdhcp.lease import Key, Lease, State

VERSION = 1
"""What `PRAGMA user_version` says; to be raised with every change of the table."""

APPLICATION = 0x64686370
"""What `PRAGMA application_id` says: "dhcp"."""

COLUMNS = {
    "bridge": "TEXT NOT NULL",
    "port": "TEXT NOT NULL",
    "address": "INTEGER NOT NULL",
    "state": "TEXT NOT NULL",
    "since": "REAL NOT NULL",
    "until": "REAL",
    "mac": "BLOB",
    "client_id": "BLOB",
    "vendor_class": "BLOB",
    "fqdn": "BLOB",
    "host_name": "BLOB",
    "at": "REAL NOT NULL",
    "message": "TEXT NOT NULL",
    "reason": "TEXT NOT NULL",
    "offers": "INTEGER NOT NULL",
    "acks": "INTEGER NOT NULL",
    "naks": "INTEGER NOT NULL",
    "drops": "INTEGER NOT NULL",
    "left_at": "REAL",
}
_SHORTEST_FQDN = 3  # flags and two result codes (RFC 4702 §2)

SCHEMA = (
    f"CREATE TABLE lease ({', '.join(f'{name} {kind}' for name, kind in COLUMNS.items())}, "
    "PRIMARY KEY (bridge, port, address)) WITHOUT ROWID"
)
SELECT = f"SELECT {', '.join(COLUMNS)} FROM lease"
BY_AGE = f"{SELECT} ORDER BY max(at, coalesce(left_at, at))"
"""In the order in which they were last touched."""

DELETE = "DELETE FROM lease WHERE bridge = ? AND port = ? AND address = ?"


def replace(rows: int) -> str:
    """The statement that writes so many rows, their values one after the other."""
    row = f"({', '.join('?' * len(COLUMNS))})"
    return f"INSERT OR REPLACE INTO lease VALUES {', '.join([row] * rows)}"


def identity(key: Key) -> tuple[str, str, int]:
    """What a row is known by."""
    bridge, port, address = key
    return bridge, port, int.from_bytes(address, "big")


def values(key: Key, lease: Lease, by: float) -> tuple[object, ...]:
    """What a statement takes for the row of a record, its times shifted by so many seconds."""
    state, since, until, *client, at, message, reason, offers, acks, naks, drops, left = lease
    mac, client_id, vendor_class, fqdn, host_name = client
    return (
        *identity(key),
        *(state.value, since + by, _NULL if until == inf else until + by),
        _NULL if mac is None else bytearray(mac),
        _NULL if client_id is None else bytearray(client_id),
        _NULL if vendor_class is None else bytearray(vendor_class),
        _NULL if fqdn is None else bytearray(fqdn),
        _NULL if host_name is None else bytearray(host_name),
        *(at + by, message, reason, offers, acks, naks, drops),
        _NULL if left is None else left + by,
    )


_NULL = nan
"""SQLite takes it as NULL. For None and for bytes Python's sqlite3 looks for an adapter each time,
a microsecond a row in which nobody is answered; not for a float or a bytearray."""


def record(found: tuple[Any, ...], by: float = 0.0) -> tuple[Key, Lease]:
    """A row as a record, its times shifted by so many seconds.

    Raises ValueError or TypeError for a row that no `row` has made.
    """
    if not _is_ours(tuple(map(type, found))):
        raise TypeError(f"{found!r} is no record")
    bridge, port, address, state, since, until, mac, client_id, vendor, fqdn, *rest = found
    host_name, at, message, reason, offers, acks, naks, drops, left = rest
    if fqdn is not None and len(fqdn) < _SHORTEST_FQDN:
        raise ValueError(f"{fqdn!r} is no option 81")
    until = inf if until is None else until + by
    left = None if left is None else left + by
    seen = (mac, client_id, _shared(vendor), fqdn, host_name)
    last = (at + by, intern(message), intern(reason))
    lease = (State(state), since + by, until, *seen, *last, offers, acks, naks, drops, left)
    return (intern(bridge), port, IPv4Address(address).packed), Lease._make(lease)


_CLASSES = {"TEXT": str, "INTEGER": int, "REAL": float, "BLOB": bytes}
_TYPES = tuple(
    {_CLASSES[kind.partition(" ")[0]]} | (set() if "NOT NULL" in kind else {type(None)})
    for kind in COLUMNS.values()
)


@lru_cache(maxsize=256)
def _is_ours(types: tuple[type, ...]) -> bool:
    """SQLite keeps whatever it is given in a column of any type. Few rows differ in this."""
    return len(types) == len(_TYPES) and all(map(contains, _TYPES, types))


@lru_cache(maxsize=256)
def _shared(vendor_class: bytes | None) -> bytes | None:
    """Many clients have the same."""
    return vendor_class
