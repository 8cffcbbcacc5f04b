"""Rows of a running OVSDB server, one consistent picture of them, through the `ovs` package's IDL.

`remote` is as ovn-nbctl and ovs-vsctl take it: `unix:/run/ovn/ovnnb_db.sock`, `tcp:HOST:PORT`,
several of a cluster with commas between them. The server says itself which database it has.
"""

import errno
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the ovs package imports eventlet, which announces its end
    import ovs.db.idl
    import ovs.jsonrpc
    import ovs.poller
    import ovs.stream
    import ovs.util

from ovsdhcp.ovn.northbound import Row

READ: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "OVN_Northbound": {
        "Logical_Switch_Port": (
            *("name", "type", "addresses", "dynamic_addresses", "enabled", "options"),
            *("dhcpv4_options", "dhcpv6_options", "parent_name"),
        ),
        "DHCP_Options": ("cidr", "options"),
    },
    "Open_vSwitch": {"Interface": ("name", "external_ids")},
}
"""What is read, by database and table; `ovn-nbctl list` prints the same."""

PATIENCE = 10.0


class NoDatabaseError(Exception):
    """There is no database to read at a remote; the message says why."""


def tables_of(remote: str, within: float = PATIENCE) -> Iterator[list[Row]]:
    """The tables of `READ` that a server has. Raises `NoDatabaseError`."""
    database, schema = _schema(remote, within)
    helper = ovs.db.idl.SchemaHelper(schema_json=schema)
    for table, columns in READ[database].items():
        helper.register_columns(table, list(columns))
    idl = ovs.db.idl.Idl(remote, helper, leader_only=False)
    try:
        _wait_for_rows(idl, remote, within)
        for table, columns in READ[database].items():
            yield [_row(row, columns) for row in idl.tables[table].rows.values()]
    finally:
        idl.close()


def _row(row: Any, columns: tuple[str, ...]) -> Row:
    return {"_uuid": str(row.uuid), **{name: _plain(getattr(row, name)) for name in columns}}


def _plain(value: object) -> object:
    """A column as `northbound.rows_of` has it: a row that is referred to stands as its uuid."""
    if isinstance(value, ovs.db.idl.Row):
        return str(value.uuid)
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _wait_for_rows(idl: Any, remote: str, within: float) -> None:
    deadline = time.monotonic() + within
    idl.run()
    while not idl.has_ever_connected():
        _wait(idl.wait, remote, deadline)
        idl.run()


# -- the schema, which an IDL has to have first ----------------------------------------------


def _schema(remote: str, within: float) -> tuple[str, object]:
    """The first database of `READ` that the server has, and its schema, as it says itself."""
    faults = []
    for one in remote.split(","):
        try:
            return _schema_of(one, within)
        except NoDatabaseError as fault:
            faults.append(str(fault))
    raise NoDatabaseError("; ".join(faults))


def _schema_of(remote: str, within: float) -> tuple[str, object]:
    opened = ovs.stream.Stream.open(remote)
    error, stream = ovs.stream.Stream.open_block(opened, timeout=int(within * 1000))
    if error:
        raise NoDatabaseError(f"{remote}: {ovs.util.ovs_retval_to_string(error)}")
    connection = ovs.jsonrpc.Connection(stream)
    try:
        there = _call(connection, remote, "list_dbs", [], within)
        known = [name for name in READ if isinstance(there, list) and name in there]
        if not known:
            raise NoDatabaseError(f"{remote}: there is no {' or '.join(READ)}, but {there}")
        return known[0], _call(connection, remote, "get_schema", known[:1], within)
    finally:
        connection.close()


def _call(connection: Any, remote: str, what: str, about: list[str], within: float) -> object:
    """A question of RFC 7047 §4.1 and its answer."""
    deadline = time.monotonic() + within
    error = connection.send(ovs.jsonrpc.Message.create_request(what, about))
    while not error:
        error, reply = connection.recv()
        if not error and reply.type in (_REPLY, _ERROR):
            error, answer = reply.error, reply.result
            if error is None:
                return cast(object, answer)
        elif error == errno.EAGAIN:
            connection.run()
            _wait(lambda poller: (connection.wait(poller), connection.recv_wait(poller)),
                  remote, deadline)  # fmt: skip
            error = 0
    said = ovs.util.ovs_retval_to_string(error) if isinstance(error, int) else error
    raise NoDatabaseError(f"{remote}: {what}: {said}")


_REPLY, _ERROR = ovs.jsonrpc.Message.T_REPLY, ovs.jsonrpc.Message.T_ERROR


def _wait(add: Callable[[Any], object], remote: str, deadline: float) -> None:
    """Until something happens of what `add` tells the poller to look at."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise NoDatabaseError(f"{remote}: no answer in time")
    poller = ovs.poller.Poller()
    add(poller)
    poller.timer_wait(int(left * 1000))
    poller.block()
