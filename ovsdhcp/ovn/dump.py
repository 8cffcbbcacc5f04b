"""One line of `ovs-ofctl dump-flows`, or of a file for `add-flows`, as a value.

The `ovs` package's own parser reads it; here is what of that ovsdhcp looks at, as it was written.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_USERDATA, _CONTROLLER = "userdata", "controller"


@dataclass(frozen=True, slots=True)
class Action:
    """An action, and what stands in or after it: `resubmit`, `,23`; `load`, `0x1->NXM_NX_REG14[]`.

    `userdata` is that of a controller action which has one.
    """

    name: str
    text: str
    userdata: bytes | None = None
    pause: bool = False


@dataclass(frozen=True, slots=True)
class DumpedFlow:
    """A flow; `match` has its keys as they are written, those without a value empty."""

    text: str
    table: int
    priority: int
    match: Mapping[str, str]
    actions: tuple[Action, ...]

    @property
    def controllers(self) -> tuple[Action, ...]:
        """The actions that hand the packet to a controller with userdata."""
        return tuple(action for action in self.actions if action.userdata is not None)


def flow_of(line: str) -> DumpedFlow | None:
    """The flow that stands in `line`, None where none does (a heading, a comment, half a flow).

    Whoever leaves out a line that `is_to_be_a_flow` has to say so.
    """
    from ovs.flow.ofp import OFPFlow  # noqa: PLC0415 - pyparsing, which only this command needs

    if line.lstrip().startswith("#"):
        return None
    try:
        parsed = OFPFlow(_arranged(line))
        info = {pair.key: pair.value for pair in parsed.info_kv}
        match = {pair.key: pair.meta.vstring or "" for pair in parsed.match_kv}
        actions = tuple(_action(pair) for pair in parsed.actions_kv)
        priority = int(match.pop("priority", str(_DEFAULT_PRIORITY)), 0)
        return DumpedFlow(line, int(info.get("table", 0)), priority, match, actions)
    except Exception:  # somebody else's parser: whatever it raises, this line is no flow to it
        return None


def _action(pair: object) -> Action:
    name, text = str(pair.key), str(pair.meta.vstring or "")  # type: ignore[attr-defined]
    value = pair.value  # type: ignore[attr-defined]
    if name != _CONTROLLER or not isinstance(value, dict) or _USERDATA not in value:
        return Action(name, text)
    userdata = bytes.fromhex(str(value[_USERDATA]).replace(".", " "))
    return Action(name, text, userdata, bool(value.get("pause")))


_ACTIONS = re.compile(r"\bactions?=")
_ITEM = re.compile(r'(?:"[^"]*"|[^,\s"])+').findall
_ABOUT = {
    *("cookie", "duration", "table", "n_packets", "n_bytes", "idle_age", "hard_age"),
    *("idle_timeout", "hard_timeout", "importance", "send_flow_rem", "check_overlap"),
    *("reset_counts", "no_packet_counts", "no_byte_counts"),
}
"""What stands before a flow's match without being part of it (ovs-ofctl(8))."""


def _arranged(line: str) -> str:
    """A flow as `ovs-ofctl dump-flows` writes it: about it first, one space, then its match.

    A file for `add-flows` may have it in any order, with commas or spaces, and without a match.
    """
    head, actions = _ACTIONS.split(line, maxsplit=1)
    items = _ITEM(head)
    about = [item for item in items if item.partition("=")[0] in _ABOUT]
    match = [item for item in items if item.partition("=")[0] not in _ABOUT]
    return f" {', '.join(about)}, {','.join(match) or _ANY} actions={actions}"


_DEFAULT_PRIORITY = 32768  # OFP_DEFAULT_PRIORITY
_ANY = f"priority={_DEFAULT_PRIORITY}"

_NO_FLOW = re.compile(r"(?:NXST|OFPST)_FLOW reply|#|$").match


def is_to_be_a_flow(line: str) -> bool:
    """Whether a line is more than a heading, a comment or nothing: a flow should stand there."""
    return not _NO_FLOW(line.strip())


_SYNONYMS = {"eth_src": "dl_src", "ip_src": "nw_src", "eth_dst": "dl_dst", "ip_dst": "nw_dst"}
_MODS = {"mod_dl_src": "dl_src", "mod_nw_src": "nw_src"}


def written(flow: DumpedFlow) -> dict[str, str]:
    """What a flow writes into fields: the value by the field's name in a match."""
    fields: dict[str, str] = {}
    for action in flow.actions:
        if action.name in _MODS:
            fields[_MODS[action.name]] = action.text
        elif action.name in ("load", "set_field"):
            value, _, field = action.text.partition("->")
            fields[_match_name(field)] = value
    return fields


def _match_name(field: str) -> str:
    """`NXM_NX_REG14[]` as a match has it: `reg14`. A part of a field keeps its brackets."""
    name = field.removesuffix("[]")
    for prefix in ("NXM_NX_", "NXM_OF_", "OXM_OF_"):
        name = name.removeprefix(prefix)
    name = name.lower() if field != name else name
    return _SYNONYMS.get(name, name)
