"""The flows of a lease table as a file, for people and for `ovs-ofctl -O OpenFlow13 add-flows`.

Its meters cannot be loaded so; they stand in comments, as commands.
"""

from collections.abc import Iterator
from itertools import count, groupby

from ovsdhcp.config.table import Bridge, Tables
from ovsdhcp.openflow import pipeline
from ovsdhcp.openflow.flow import Flow

_TITLES = {
    "classify": "which frames are ours",
    "dhcp_options": "who may ask, and is heard by the controller",
    "dhcp_response": "the answer, on its way back",
    "source_guard": "what a guarded port may send",
    "target_guard": "what may be sent to it",
    "arp_responder": "where clients are, answered by the bridge",
}


def rendered(bridge: Bridge) -> Iterator[str]:
    """The lines of a bridge that has all the ports of the table, by their names."""
    names = _numbered(bridge)
    by_number = {port.ofport: "" for port in bridge.ports if port.ofport is not None}
    flows = sorted(pipeline.desired(bridge, names | by_number), key=_reading_order)
    meters = list(pipeline.desired_meters(bridge, names | by_number))
    yield f"# bridge {bridge.name}: {len(bridge.ports)} ports, {len(flows)} flows"
    yield f"# ovs-ofctl -O OpenFlow13 --names add-flows {bridge.name} THIS-FILE"
    if meters:
        yield ""
        yield "# meters: how many packets a second are heard of all ports, and of each"
    for meter in meters:
        yield f"# ovs-ofctl -O OpenFlow13 add-meter {bridge.name} '{meter.text()}'"
    titles = _titles(bridge.tables)
    for table, group in groupby(flows, key=lambda flow: flow.table):
        yield ""
        yield f"# table {table}, {titles[table]}"
        for flow in group:
            yield flow.text(names)


def _titles(tables: Tables) -> dict[int, str]:
    return {getattr(tables, name): f"{name}: {title}" for name, title in _TITLES.items()}


def _reading_order(flow: Flow) -> tuple[int, int]:
    return flow.table, -flow.priority


def _numbered(bridge: Bridge) -> dict[int, str]:
    """Numbers for the ports that are known by name; any will do, since the names are printed."""
    given = {port.ofport for port in bridge.ports}
    free = (number for number in count(1) if number not in given)
    return {next(free): port.name for port in bridge.ports if port.ofport is None}
