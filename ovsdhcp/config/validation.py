"""Plain values to the document's models; pydantic finds what is wrong, the words are ours."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ovsdhcp.config.document import Document, keys_at, keys_of
from ovsdhcp.config.problems import MISSING, At, Finding, Path, Report, shown
from ovsdhcp.dhcp.options import lookup
from ovsdhcp.dhcp.spelling import near

_EXPECTED: Mapping[str, str] = {
    "dict_type": "a mapping of names",
    "model_type": "a mapping of keys and values",
}
"""What pydantic expected, by its type of error, beside those that have a function here."""

_WANTED: Mapping[str, str] = {
    "bridges": "name the bridges to serve, as in `bridges: {br-int: {ports: {}}}`",
    "cidr": "give the subnet's network, as in `cidr: 192.0.2.0/24`",
    "server_id": "give the address under which the server answers, as in `server_id: 192.0.2.1`",
    "server_mac": "give the MAC address under which the server answers",
    "lease_time": "say how long an address is leased, as in `lease_time: 1h`",
    "subnet": "name one of the `subnets`",
    "mac": "clients behind one port are told apart by their MAC addresses",
    "ip": "give the address that the client gets, or `hosts` for several clients",
}
"""Hints for keys that are missing."""


_SHAPES: Mapping[type, str] = {
    list: "write `name:` with its keys indented below it, in place of `- name: ...`",
    type(None): "indent its keys below it, or write `{}` if there are none",
}
"""Hints for what stands where a mapping is expected."""

_ELSEWHERE: Mapping[str, str] = {
    **dict.fromkeys(("address", "ip_address", "fixed_address", "ipaddr", "ipv4"), "ip"),
    **dict.fromkeys(("hwaddr", "hw_address", "hardware", "mac_address", "macaddr"), "mac"),
    **dict.fromkeys(("network", "net", "subnet"), "subnet cidr"),
    **dict.fromkeys(("server_ip", "server_address", "server"), "server_id"),
    **dict.fromkeys(("lease", "default_lease_time", "valid_lifetime", "ttl"), "lease_time"),
    **dict.fromkeys(("renew_timer", "renewal_time"), "T1"),
    **dict.fromkeys(("rebind_timer", "rebinding_time"), "T2"),
    **dict.fromkeys(("clients", "reservations"), "hosts ports"),
    **dict.fromkeys(("filename", "boot_file_name"), "boot.file"),
    "next_server": "boot.next_server",
    **dict.fromkeys(("port_no", "port", "number"), "ofport ports"),
    **dict.fromkeys(("datapath_id", "datapath"), "dpid"),
}
"""What other servers and tools call keys of ours; `boot.file` is `file` inside `boot`."""


def validated(values: object, report: Report) -> tuple[Document, list[str]] | None:
    """The document in `values`, less what is wrong with it; None where nothing is left.

    What is wrong goes into `report` and is cut out, so that all that is right can be checked
    further, and one run shows every mistake; what stands under a key that can only be meant for
    another is checked as that one's. Beside the document, the names of all subnets that the file
    has, those that were cut out too.
    """
    document, details = _faults(values)
    if details:
        values = _own(values)
    while _put_right(values, details, report):
        document, details = _faults(values)
    _report(details, report)
    names = _subnets(values)
    while document is None:
        if not all([_cut(values, _target(detail)) for detail in details]):
            return None
        document, details = _faults(values)
    return document, names


def _faults(values: object) -> tuple[Document | None, list[ErrorDetails]]:
    try:
        return Document.model_validate(values), []
    except ValidationError as error:
        return None, error.errors(include_url=False, include_input=True)


def _subnets(values: object) -> list[str]:
    subnets = values.get("subnets") if isinstance(values, dict) else None
    return list(subnets) if isinstance(subnets, dict) else []


def _report(details: Iterable[ErrorDetails], report: Report) -> None:
    """Unknown keys go first: one that is misspelled explains the one that is missing."""
    for detail in sorted(details, key=lambda detail: detail["type"] != "extra_forbidden"):
        if detail["type"] == "extra_forbidden":
            path = detail["loc"]
            for meant in _meanings(path):
                report.excuse(meant)
            report.add(_unknown(path))
        else:
            report.add(_finding(detail))


def _put_right(values: object, details: Iterable[ErrorDetails], report: Report) -> bool:
    """Report the unknown keys that can mean but one, and move what they hold there.

    Whether there are any: what they hold is to be validated then.
    """
    moved = False
    for detail in details:
        path = detail["loc"]
        meanings = _meanings(path) if detail["type"] == "extra_forbidden" else []
        if len(meanings) == 1 and _moved(values, path, meanings[0]):
            report.misplaced(_unknown(path), meanings[0])
            moved = True
    return moved


def _moved(values: Any, path: Path, meant: Path) -> bool:
    """Move the entry at `path` to `meant`; False where something else stands there."""
    *around, key = path
    for step in around:
        values = values[step]
    into = values
    for step in meant[len(around) : -1]:
        into = into.setdefault(step, {})
        if not isinstance(into, dict):
            return False
    if meant[-1] in into:
        return False
    into[meant[-1]] = values.pop(key)
    return True


def _finding(detail: ErrorDetails) -> Finding:
    path, kind = detail["loc"], detail["type"]
    if kind == "missing":
        return missing(path)
    if kind in _EXPECTED:
        value = detail["input"]
        message = f"expected {_EXPECTED[kind]}, got {shown(value)}"
        return Finding(path, "bad-mapping", message, _SHAPES.get(type(value), ""))
    context: dict[str, Any] = detail.get("ctx", {})
    return Finding(path, kind, context.get("message", "not understood"), context.get("hint", ""))


def missing(path: Path) -> Finding:
    """The finding that the key at the end of `path` is needed and not there."""
    key = str(path[-1])
    return Finding(path, MISSING, f"`{key}` is missing", _WANTED.get(key, ""), At.KEY)


def _unknown(path: Path) -> Finding:
    key, known = str(path[-1]), keys_at(path[:-1])
    meanings = [meant[len(path) - 1 :] for meant in _meanings(path)]
    if any(meant[0] == "options" and len(meant) > 1 for meant in meanings):
        hint = "it is an option: write it under `options`"
    elif any(len(meant) > 1 for meant in meanings):
        hint = f"write it under `{meanings[0][0]}`, as `{meanings[0][1]}`"
    elif meanings:
        hint = f"did you mean {' or '.join(f'`{name}`' for (name,) in meanings)}?"
    elif owners := keys_of(key):
        hint = f"it is a key of {' and of '.join(owners)}"
    else:
        hint = f"the keys here are {', '.join(sorted(known))}"
    return Finding(path, "unknown-key", f"`{key}` is not a key here", hint, At.KEY)


def _meanings(path: Path) -> list[Path]:
    """Where what stands under the unknown key at the end of `path` may belong."""
    *around, key = path
    return [(*around, *meant) for meant in _meant(str(key), tuple(keys_at(path[:-1])))]


@lru_cache(maxsize=1_024)
def _meant(key: str, known: tuple[str, ...]) -> list[tuple[str, ...]]:
    same = {_folded(name): name for name in known}.get(_folded(key))
    found: list[tuple[str, ...]] = [(same,)] if same else _called_here(key, known)
    if not found and "options" in known and is_option(key):
        found = [("options", key)]
    return found or [(name,) for name in near(_folded(key), known)]


def _folded(key: str) -> str:
    return key.strip().lower().replace("-", "_").replace(" ", "_")


def _called_here(key: str, known: Iterable[str]) -> list[tuple[str, ...]]:
    """The key that another server's word for it means here."""
    ours = [tuple(name.split(".")) for name in _ELSEWHERE.get(_folded(key), "").split()]
    return [meant for meant in ours if meant[0] in known][:1]


def is_option(name: str) -> bool:
    """Whether a DHCP option has this name."""
    try:
        return bool(lookup(name))
    except (KeyError, ValueError):
        return False


def _own(value: object) -> Any:
    """`value` with nothing in it twice, as aliases have it: what is cut out here stays there."""
    if isinstance(value, dict):
        return {key: _own(inner) for key, inner in value.items()}
    return [_own(inner) for inner in value] if isinstance(value, list) else value


def _target(detail: ErrorDetails) -> Path:
    """What to cut out: the entry itself, or where something is missing the entry around it."""
    path = detail["loc"]
    return path[:-1] if detail["type"] == "missing" else path


def _cut(values: Any, path: Path) -> bool:
    """Remove the entry at `path`; False where that is the whole document."""
    if not path:
        return False
    *around, last = path
    for step, following in zip(around, path[1:], strict=True):
        inner = values.get(step) if isinstance(values, dict) else None
        if isinstance(inner, list) and isinstance(following, int):
            inner = values[step] = dict(enumerate(inner))  # positions stay when one is cut out
        values = inner
    if isinstance(values, dict):
        values.pop(last, None)
    return True
