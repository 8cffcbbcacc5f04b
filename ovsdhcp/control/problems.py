"""What is wrong with a running server, from its status, and the command that mends each."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from ipaddress import ip_address
from shlex import quote
from typing import Any

from ovsdhcp.control.protocol import Document
from ovsdhcp.dhcp import reasons

PROBLEM, ADVICE = "problem", "advice"


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and what mends it. An advice is a problem that is none yet."""

    text: str
    mend: str = ""
    severity: str = PROBLEM

    def as_json(self) -> Document:
        """The keys are stable: text, mend, severity."""
        return asdict(self)


def problems_of(status: Document) -> list[Problem]:
    """From the document that `ovsdhcp status --json` prints."""
    found = [*_of_the_table(status)]
    for bridge in status["bridges"]:
        found += _of_a_bridge(bridge, target(status["server"]["listens"]))
    found += [*_of_listening(status["server"]["listens"]), *_of_reasons(status["reasons"])]
    return found


def target(listens: Document) -> str:
    """What a bridge's controller is set to, so that it connects to a server on this machine."""
    try:
        everywhere = ip_address(listens["host"]).is_unspecified
    except ValueError:
        everywhere = not listens["host"]
    host = "127.0.0.1" if everywhere else listens["host"]
    return f"tcp:[{host}]:{listens['port']}" if ":" in host else f"tcp:{host}:{listens['port']}"


def _of_the_table(status: Document) -> Iterator[Problem]:
    last: Any = status["table"].get("last_reload")
    if last is not None and not last["ok"]:
        yield Problem(
            "the changed table was refused, the one before is in force",
            f"ovsdhcp check {quote(status['table']['path'])}",
        )


def _of_a_bridge(bridge: Document, controller: str) -> Iterator[Problem]:
    name, ports = bridge["name"], bridge["ports"]
    if not bridge["connected"]:
        yield Problem(
            f"bridge {name} is not connected",
            f"ovs-vsctl set-controller {quote(name)} {controller}",
        )
        return
    if not bridge["in_sync"]:
        yield Problem(
            f"bridge {name} has not confirmed its flows yet", f"ovsdhcp flows diff {quote(name)}"
        )
    if ports["missing"]:
        more = ", …" if ports["missing"] > len(bridge["missing"]) else ""
        yield Problem(
            f"{ports['missing']} of {ports['configured']} ports are not on bridge {name}: "
            + ", ".join(bridge["missing"])
            + more,
            f"ovs-vsctl add-port {quote(name)} {quote(bridge['missing'][0])}, or take it out of "
            "the table",
        )


def _of_listening(listens: Document) -> Iterator[Problem]:
    try:
        loopback = ip_address(listens["host"]).is_loopback
    except ValueError:
        loopback = listens["host"] == "localhost"
    if not loopback:
        yield Problem(
            f"whoever reaches {listens['host'] or '*'}:{listens['port']} may speak OpenFlow to the "
            "server: there is no authentication",
            "ovsdhcp run --host 127.0.0.1, or let a firewall admit the bridges only",
            ADVICE,
        )


_TELLING = (reasons.OTHER_SERVER, reasons.ROGUE_SERVER, reasons.DECLINE)


def _of_reasons(counted: Document) -> Iterator[Problem]:
    for reason in _TELLING:
        if times := counted.get(reason.code):
            yield Problem(
                f"{reason.meaning} ({times} times)", f"ovsdhcp explain {reason.code}", ADVICE
            )
