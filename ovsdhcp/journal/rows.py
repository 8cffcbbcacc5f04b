"""The one table of the journal, and records to its rows and back.

A row is a record as `Lease` has it: times are seconds since 1970, an endless `until` is NULL,
options are octets as the client sent them, and the address is a number.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address
from math import inf

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
    "message": "INTEGER NOT NULL",
    "reason": "TEXT NOT NULL",
    "offers": "INTEGER NOT NULL",
    "acks": "INTEGER NOT NULL",
    "naks": "INTEGER NOT NULL",
    "drops": "INTEGER NOT NULL",
    "left_at": "REAL",
}
_KEY = 3
_OPTIONS = slice(7, 11)
_SHORTEST_FQDN = 3  # flags and two result codes (RFC 4702 §2)

SCHEMA = (
    f"CREATE TABLE lease ({', '.join(f'{name} {kind}' for name, kind in COLUMNS.items())}, "
    "PRIMARY KEY (bridge, port, address)) WITHOUT ROWID"
)
SELECT = f"SELECT {', '.join(COLUMNS)} FROM lease"
DELETE = "DELETE FROM lease WHERE bridge = ? AND port = ? AND address = ?"


def replace(rows: int) -> str:
    """The statement that writes so many rows, their values one after the other."""
    row = f"({', '.join('?' * len(COLUMNS))})"
    return f"INSERT OR REPLACE INTO lease VALUES {', '.join([row] * rows)}"


def identity(key: Key) -> tuple[str, str, int]:
    """What a row is known by."""
    bridge, port, address = key
    return bridge, port, int(address)


def row(key: Key, lease: Lease, by: float) -> tuple[object, ...]:
    """A record as a row, its times shifted by so many seconds."""
    state, since, until, *client, at, message, reason, offers, acks, naks, drops, left = lease
    return (
        *identity(key),
        *(state.value, since + by, None if until == inf else until + by, *client),
        *(at + by, message, reason, offers, acks, naks, drops),
        None if left is None else left + by,
    )


def record(found: Sequence[object]) -> tuple[Key, Lease]:
    """A row as a record. Raises ValueError or TypeError for one that no `row` has made."""
    bridge, port, address, state, since, until, *rest = found
    _check(found)
    key = str(bridge), str(port), IPv4Address(address)
    lease = Lease(State(state), since, inf if until is None else until, *rest)  # type: ignore[arg-type]
    return key, lease


_CLASSES = {"TEXT": str, "INTEGER": int, "REAL": float, "BLOB": bytes}
_TYPES = tuple(
    (_CLASSES[kind.partition(" ")[0]], "NOT NULL" not in kind) for kind in COLUMNS.values()
)


def _check(found: Sequence[object]) -> None:
    """SQLite keeps whatever it is given in a column of any type."""
    for value, (kind, optional) in zip(found, _TYPES, strict=True):
        if not isinstance(value, kind) and not (optional and value is None):
            raise TypeError(f"{value!r} is not of {kind}")
    fqdn = found[9]
    if isinstance(fqdn, bytes) and len(fqdn) < _SHORTEST_FQDN:
        raise ValueError(f"{fqdn!r} is no option 81")
