"""The verb `status`: how the server and its bridges are."""

import os
import time
from collections import Counter
from collections.abc import Generator, Mapping
from dataclasses import asdict
from itertools import islice
from typing import Any

from ovsdhcp import __version__
from ovsdhcp.config.table import Bridge
from ovsdhcp.control import table
from ovsdhcp.control.protocol import Document
from ovsdhcp.control.running import Running, moment
from ovsdhcp.journal import Journal
from ovsdhcp.lease import State
from ovsdhcp.openflow.bridge_sockets import BridgeSocket
from ovsdhcp.openflow.hearing import Hearing
from ovsdhcp.openflow.switch import Switch

MOST_NAMED = 20
"""Ports that are missing or selected twice, by name; there may be as many as the table has."""
A_TURN = 5_000
"""Leases that are counted before others have their turn."""


def status(
    running: Running, arguments: Mapping[str, Any]
) -> Generator[Document | None, None, None]:
    """First the server, then a bridge in each item."""
    yield from running.settled()
    leases, kept = Counter[State](), iter(running.service.leases.kept().values())
    while some := [lease.state for lease in islice(kept, A_TURN)]:
        leases.update(some)
        yield {}
    yield {
        "server": _server(running),
        "sockets": [_socket(it) for it in running.sockets()],
        "table": table.status(running.reloading),
        "reasons": dict(running.service.reasons),
        "leases": {state.value: count for state, count in leases.items()},
        "journal": _journal(running.service.journal),
        "events": {"untold": running.service.tallies.untold},
    }
    for bridge, switch in list(running.bridges()):
        yield {"bridge": _bridge(bridge, switch)}


def _server(running: Running) -> Document:
    host, port = running.listens
    return {
        "version": __version__,
        "pid": os.getpid(),
        "started": moment(running.started),
        "uptime_seconds": round(time.time() - running.started, 3),
        "listens": {"host": host, "port": port},
    }


def _socket(it: BridgeSocket) -> Document:
    """`problem` and `hint` are empty while the bridge can connect there."""
    return {
        "bridge": it.bridge,
        "target": f"unix:{it.path}",
        "problem": it.problem,
        "hint": it.hint,
    }


def _journal(journal: Journal | None) -> Document:
    """`problem` and `hint` are empty while it is written; `written` is when it last was."""
    if journal is None:
        return {}
    it = journal.status
    return {
        "path": str(it.path),
        "problem": it.problem,
        "hint": it.hint,
        "written": None if it.written_at is None else moment(it.written_at),
    }


def _shortcut(hearing: Hearing | None) -> Document | None:
    """`in_use` while much comes there."""
    if hearing is None or hearing.path is None:
        return None
    return {"path": str(hearing.path), "in_use": hearing.by_shortcut}


def _bridge(bridge: Bridge, switch: Switch | None) -> Document:
    missing = [] if switch is None else switch.missing
    twice = [] if switch is None else switch.selected_twice()
    return {
        "name": bridge.name,
        "connected": switch is not None,
        "in_sync": switch is not None and switch.in_sync,
        "shortcut": _shortcut(None if switch is None else switch.hearing),
        "flows": bridge.flows.value,
        "reply": bridge.reply.value,
        "ports": {
            "configured": len(bridge.ports),
            "attached": 0 if switch is None else len(switch.attached),
            "missing": len(missing),
        },
        "missing": list(islice(missing, MOST_NAMED)),
        "selected_twice": [asdict(port) for port in islice(twice, MOST_NAMED)],
    }
