"""The flows of this machine's bridges against a lease table, without a server."""

from collections.abc import Iterator

from ovsdhcp.config.table import Bridge, Flows
from ovsdhcp.control.flows import Sums, compared, summed
from ovsdhcp.control.protocol import Document
from ovsdhcp.openflow.management import Management, NoBridgeError, run_dir
from ovsdhcp.openflow.switch import Switch


def compared_with(bridge: Bridge) -> Iterator[Document]:
    """What the verb `flows` says of a bridge. Raises `NoBridgeError` where it does not answer."""
    sums = Sums()
    with _conversation(bridge) as asked:
        if bridge.flows is Flows.MANAGED:
            switch = Switch(bridge, asked.ports())
            yield from filter(None, compared(switch, asked.flows(), sums))
    yield {"bridge": summed(bridge, sums, connected=None, in_sync=None)}


def _conversation(bridge: Bridge) -> Management:
    if bridge.dpid is None:
        return Management(bridge.name)
    for socket in sorted(run_dir().glob("*.mgmt")):
        asked = Management(socket.stem)
        if asked.dpid() == bridge.dpid:
            return asked
        asked.__exit__()
    raise NoBridgeError(f"no bridge of this machine has the dpid {bridge.dpid:#018x}")
