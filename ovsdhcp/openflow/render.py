"""The flows of a lease table as a file: read by people, loaded by `ovs-ofctl add-flows`."""

from collections.abc import Iterator
from itertools import count, groupby

from ovsdhcp.config.table import Bridge
from ovsdhcp.openflow import pipeline
from ovsdhcp.openflow.flow import Flow


def rendered(bridge: Bridge) -> Iterator[str]:
    """The lines of a bridge that has all the ports of the table, by their names."""
    names = _numbered(bridge)
    by_number = {port.ofport: "" for port in bridge.ports if port.ofport is not None}
    flows = sorted(pipeline.desired(bridge, names | by_number), key=_reading_order)
    yield f"# bridge {bridge.name}: {len(bridge.ports)} ports, {len(flows)} flows"
    titles = {
        bridge.tables.classify: "classify: which frames are ours",
        bridge.tables.dhcp_options: "dhcp_options: who may ask, and is heard by the controller",
        bridge.tables.dhcp_response: "dhcp_response: the answer, on its way back",
    }
    for table, group in groupby(flows, key=lambda flow: flow.table):
        yield ""
        yield f"# table {table}, {titles[table]}"
        for flow in group:
            yield flow.text(names)


def _reading_order(flow: Flow) -> tuple[int, int]:
    return flow.table, -flow.priority


def _numbered(bridge: Bridge) -> dict[int, str]:
    """Numbers for the ports that are known by name; any will do, since the names are printed."""
    given = {port.ofport for port in bridge.ports}
    free = (number for number in count(1) if number not in given)
    return {next(free): port.name for port in bridge.ports if port.ofport is None}
