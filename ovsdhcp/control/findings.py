"""What is wrong with a running server, from its status, and the command that mends each."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from ipaddress import ip_address
from shlex import quote
from typing import Any

from ovsdhcp.control.protocol import Document
from ovsdhcp.dhcp import reasons

PROBLEM, ADVICE, NOTE, UNKNOWN, OK = "problem", "advice", "note", "unknown", "ok"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at (a stable code), what was found, and what mends it.

    A `problem` keeps clients from their addresses, or will; an `advice` may; a `note` is for your
    judgement, and what could not be looked at is `unknown`.
    """

    check: str
    text: str
    mend: str = ""
    severity: str = PROBLEM

    def as_json(self) -> Document:
        """The keys are stable: check, severity, text, mend."""
        return {key: asdict(self)[key] for key in ("check", "severity", "text", "mend")}


def findings_of(status: Document) -> list[Finding]:
    """From the document that `ovsdhcp status --json` prints: what is wrong, the worst first."""
    controller = target(status["server"]["listens"])
    of_bridges = [f for bridge in status["bridges"] for f in _of_a_bridge(bridge, controller)]
    return [*_of_the_table(status["table"]), *of_bridges, *of_the_server(status)]


_NAMED = 5


def of_the_server(status: Document) -> Iterator[Finding]:
    """What only the server can know."""
    for bridge in status["bridges"]:
        yield from _of_selected_twice(bridge)
    yield from _of_the_journal(status["journal"])
    yield from _of_sockets(status["sockets"])
    yield from _of_listening(status["server"]["listens"])
    yield from _of_reasons(status["reasons"])


def target(listens: Document) -> str:
    """What a bridge's controller is set to, so that it connects to a server on this machine."""
    try:
        everywhere = ip_address(listens["host"]).is_unspecified
    except ValueError:
        everywhere = not listens["host"]
    host = "127.0.0.1" if everywhere else listens["host"]
    return f"tcp:[{host}]:{listens['port']}" if ":" in host else f"tcp:{host}:{listens['port']}"


def set_controller(bridge: str, controller: str) -> str:
    """The command that has a bridge connect to a controller."""
    return f"ovs-vsctl set-controller {quote(bridge)} {controller}"


def some(names: list[str], number: int) -> str:
    """The first names of `number`."""
    return ", ".join(names) + (", …" if number > len(names) else "")


def missing_ports(bridge: str, names: list[str], number: int, configured: int) -> Finding:
    """Ports that the table has and the bridge has not, the first of them by name."""
    return Finding(
        "ports-missing",
        f"{number} of {configured} ports of the table are not on bridge {bridge}: "
        + some(names, number),
        f"ovs-vsctl add-port {quote(bridge)} {quote(names[0])}, or take it out of the table",
    )


def _of_the_table(table: Document) -> Iterator[Finding]:
    last: Any = table.get("last_reload")
    if last is not None and not last["ok"]:
        text = "the changed table was refused, the one before it is in force"
        yield Finding("reload-refused", text, f"ovsdhcp check {quote(table['path'])}")


def _of_the_journal(journal: Document) -> Iterator[Finding]:
    if journal.get("problem"):
        text = f"what is handed out is not kept over a restart: {journal['problem']}"
        yield Finding("journal", text, journal["hint"])


def _of_sockets(sockets: list[Document]) -> Iterator[Finding]:
    """What is the same for several is said once."""
    problems: dict[tuple[str, str], list[str]] = {}
    for it in sockets:
        if it["problem"]:
            problems.setdefault((it["problem"], it["hint"]), []).append(it["bridge"])
    for (problem, hint), bridges in problems.items():
        text = f"no Unix socket for {some(bridges[:_NAMED], len(bridges))}: {problem}"
        yield Finding("sockets", text, hint, ADVICE)


def _of_a_bridge(bridge: Document, controller: str) -> Iterator[Finding]:
    name, ports = bridge["name"], bridge["ports"]
    if not bridge["connected"]:
        mend = set_controller(name, controller)
        yield Finding("bridge-not-connected", f"bridge {name} is not connected", mend)
        return
    if not bridge["in_sync"]:
        text = f"bridge {name} has not confirmed its flows yet"
        yield Finding("flows-not-confirmed", text, f"ovsdhcp flows diff {quote(name)}")
    if ports["missing"]:
        yield missing_ports(name, bridge["missing"], ports["missing"], ports["configured"])


def _of_selected_twice(bridge: Document) -> Iterator[Finding]:
    for port in bridge["selected_twice"]:
        by_number, by_name, ofport = port["by_number"], port["by_name"], port["ofport"]
        yield Finding(
            "port-selected-twice",
            f"two entries of the table are port {ofport} of bridge {bridge['name']}: {by_number} "
            f"by its number, which is served, and {by_name} by its name, which is not",
            f"take one of them out of the table, or give {by_number} another `ofport`",
        )


def _of_listening(listens: Document) -> Iterator[Finding]:
    host, port = listens["host"], listens["port"]
    try:
        loopback = ip_address(host).is_loopback
    except ValueError:
        loopback = host == "localhost"
    if not loopback:
        yield Finding(
            "listens-widely",
            f"whoever reaches {host or '*'}:{port} may speak OpenFlow to the server: there is no "
            "authentication",
            "ovsdhcp run --host 127.0.0.1, or let a firewall admit the bridges only",
            ADVICE,
        )


_TELLING = (reasons.OTHER_SERVER, reasons.ROGUE_SERVER, reasons.DECLINE)


def _of_reasons(counted: Document) -> Iterator[Finding]:
    for reason in _TELLING:
        if times := counted.get(reason.code):
            text = f"{reason.meaning} ({times} times)"
            yield Finding(reason.code, text, f"ovsdhcp explain {reason.code}", ADVICE)
