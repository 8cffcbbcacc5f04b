"""All that may be asked of the running server, by name."""

from collections.abc import Mapping
from functools import partial

from ovsdhcp.control.running import Running
from ovsdhcp.control.server import Verb
from ovsdhcp.control.status import status


def verbs(running: Running) -> Mapping[str, Verb]:
    """The verbs, about this server."""
    return {"status": partial(status, running)}
