"""A flow as a value, and as the text that `ovs-ofctl add-flows` takes.

Nothing here knows what a flow is for (pipeline.py) nor how it travels (messages.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from ovsdhcp.openflow.fields import DL_TYPE, IN_PORT, NW_FRAG, NW_PROTO, Field

NORMAL, CONTROLLER = 0xFFFF_FFFA, 0xFFFF_FFFD
IN_PORT_NUMBER, LOCAL = 0xFFFF_FFF8, 0xFFFF_FFFE
"""Reserved ports (OpenFlow 1.3 §A.2.1); an output to IN_PORT is the only one to the ingress."""

WHOLE_FRAME = 0xFFFF
"""max_len of a punt: OFPCML_NO_BUFFER, else OVS would keep the frame and send its head."""

ARP, RARP, IPV4, IPV6 = 0x0806, 0x8035, 0x0800, 0x86DD
VLAN, SERVICE_VLAN = 0x8100, 0x88A8
"""EtherTypes; the latter two are what stands behind the first of several VLAN tags."""

UDP, ICMPV6 = 17, 58


@dataclass(frozen=True, slots=True)
class Output:
    """Send the frame out of a port; to the controller, all of it."""

    port: int


@dataclass(frozen=True, slots=True)
class SetField:
    """Write a constant into a field."""

    field: Field
    value: int


@dataclass(frozen=True, slots=True)
class Move:
    """Copy one field over another of the same size."""

    source: Field
    target: Field


@dataclass(frozen=True, slots=True)
class Pause:
    """Hand the frame to the controller with `userdata`, and wait until it resumes the pipeline."""

    userdata: bytes


@dataclass(frozen=True, slots=True)
class Resubmit:
    """Look the frame up in another table, here and now."""

    table: int


@dataclass(frozen=True, slots=True)
class Metered:
    """Go on only as often as a meter lets through; always the first of a flow's actions."""

    meter: int


@dataclass(frozen=True, slots=True)
class GotoTable:
    """Go on in a later table; always the last of a flow's actions."""

    table: int


Action = Metered | Output | SetField | Move | Pause | Resubmit | GotoTable


@dataclass(frozen=True, slots=True)
class Match:
    """One field with a value, and the bits that count (`mask` 0: all of them)."""

    field: Field
    value: int
    mask: int = 0


@dataclass(frozen=True, slots=True)
class Flow:
    """One OpenFlow flow; without actions it drops.

    An `exclusive` flow gives way: it is laid only where nobody else's flow of its priority
    overlaps it (how, see `switch.Switch`).
    """

    table: int
    priority: int
    cookie: int
    match: tuple[Match, ...]
    actions: tuple[Action, ...] = ()
    exclusive: bool = False

    def text(self, port_names: Mapping[int, str] | None = None) -> str:
        """As `ovs-ofctl add-flows` reads it; ports by name where a name is known."""
        names = port_names or {}
        head = f"cookie={self.cookie:#x}, table={self.table}, priority={self.priority}"
        return f"{head}{_match_text(self.match, names)} actions={_actions_text(self.actions)}"


_PROTOCOLS: Mapping[tuple[int | None, int | None], str] = {
    (IPV4, UDP): "udp",
    (IPV4, None): "ip",
    (IPV6, UDP): "udp6",
    (IPV6, ICMPV6): "icmp6",
    (IPV6, None): "ipv6",
    (ARP, None): "arp",
    (RARP, None): "rarp",
}
_OUTPUTS = {
    NORMAL: "NORMAL",
    IN_PORT_NUMBER: "IN_PORT",
    LOCAL: "LOCAL",
    CONTROLLER: f"CONTROLLER:{WHOLE_FRAME}",
}


def _match_text(match: tuple[Match, ...], names: Mapping[int, str]) -> str:
    values = {part.field: part.value for part in match}
    protocol = _PROTOCOLS.get((values.get(DL_TYPE), values.get(NW_PROTO)))
    words = [] if protocol is None else [protocol]
    for part in match:
        if part.field is IN_PORT:
            words.append(f"in_port={port_text(part.value, names)}")
        elif protocol is None or part.field not in (DL_TYPE, NW_PROTO):
            words.append(_part_text(part))
    return "".join(f",{word}" for word in words)


def _part_text(part: Match) -> str:
    field = part.field
    mask = f"/{field.mask_text(part.mask)}" if part.mask and field is not NW_FRAG else ""
    return f"{field.name}={field.text(part.value)}{mask}"


def port_text(number: int, names: Mapping[int, str]) -> str:
    """A port's name, quoted where ovs-ofctl would else take it for something else."""
    name = names.get(number)
    if name is None:
        return "LOCAL" if number == LOCAL else str(number)
    return name if name[:1].isalpha() and name.isalnum() else f'"{name}"'


def _actions_text(actions: tuple[Action, ...]) -> str:
    return ",".join(_action_text(action) for action in actions) or "drop"


def _action_text(action: Action) -> str:
    match action:
        case Metered(meter):
            text = f"meter:{meter}"
        case Output(port):
            text = _OUTPUTS.get(port) or f"output:{port}"
        case SetField(field, value):
            text = f"set_field:{field.text(value)}->{field.set_name}"
        case Move(source, target):
            text = f"move:{source.long_name}[]->{target.long_name}[]"
        case Pause(userdata):
            text = f"controller(userdata={userdata.hex('.')},pause)"
        case Resubmit(table):
            text = f"resubmit(,{table})"
        case GotoTable(table):
            text = f"goto_table:{table}"
    return text
