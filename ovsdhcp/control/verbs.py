"""All that may be asked of the running server, by name."""

from collections.abc import Mapping
from functools import partial

from ovsdhcp.control.flows import flows
from ovsdhcp.control.history import History
from ovsdhcp.control.leases import leases
from ovsdhcp.control.running import Running
from ovsdhcp.control.server import Verb
from ovsdhcp.control.status import status
from ovsdhcp.control.table import confirm, reload


def verbs(running: Running, history: History) -> Mapping[str, Verb]:
    """The verbs, about this server."""
    return {
        "status": partial(status, running),
        "leases": partial(leases, running),
        "flows": partial(flows, running),
        "events": history.events,
        "reload": partial(reload, running.reloading),
        "confirm": partial(confirm, running.reloading),
    }
