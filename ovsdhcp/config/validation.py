"""Plain values to the document's models; pydantic finds what is wrong, the words are ours."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ovsdhcp.config.document import Document, keys_at, keys_of
from ovsdhcp.config.problems import MISSING, At, Finding, Path, Report, shown
from ovsdhcp.dhcp.options import lookup

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
    **dict.fromkeys(("filename", "next_server", "boot_file_name"), "boot"),
    **dict.fromkeys(("port_no", "port", "number"), "ofport ports"),
    **dict.fromkeys(("datapath_id", "datapath"), "dpid"),
}
"""What other servers and tools call keys of ours."""


def validated(values: object, report: Report) -> Document | None:
    """The document in `values`, less what is wrong with it; None where nothing is left.

    What is wrong goes into `report` and is cut out of `values`, so that all that is right can
    be checked further, and one run shows every mistake.
    """
    first = True
    while True:
        try:
            return Document.model_validate(values)
        except ValidationError as error:
            details = error.errors(include_url=False, include_input=True)
        if first:
            _report(details, report)
        first = False
        if not all([_cut(values, _target(detail)) for detail in details]):
            return None


def _report(details: Iterable[ErrorDetails], report: Report) -> None:
    """Unknown keys go first: one that is misspelled explains the one that is missing."""
    for detail in sorted(details, key=lambda detail: detail["type"] != "extra_forbidden"):
        if detail["type"] == "extra_forbidden":
            _report_unknown(detail["loc"], report)
        else:
            report.add(_finding(detail))


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


def _report_unknown(path: Path, report: Report) -> None:
    key, known = str(path[-1]), keys_at(path[:-1])
    same = {_folded(name): name for name in known}.get(_folded(key)) or _called_here(key, known)
    option = same is None and "options" in known and is_option(key)
    meant = same or (None if option else nearest(key, known))
    if option:
        hint = "it is an option: write it under `options`"
    elif meant is not None:
        report.excuse((*path[:-1], meant))
        hint = f"did you mean `{meant}`?"
    elif owners := keys_of(key):
        hint = f"it is a key of {' and of '.join(owners)}"
    else:
        hint = f"the keys here are {', '.join(sorted(known))}"
    report.add(Finding(path, "unknown-key", f"`{key}` is not a key here", hint, At.KEY))


def _folded(key: str) -> str:
    return key.strip().lower().replace("-", "_").replace(" ", "_")


def _called_here(key: str, known: Iterable[str]) -> str | None:
    """The key that another server's word for it means here."""
    ours = _ELSEWHERE.get(_folded(key), "").split()
    return next((name for name in ours if name in known), None)


def is_option(name: str) -> bool:
    """Whether a DHCP option has this name."""
    try:
        return bool(lookup(name))
    except (KeyError, ValueError):
        return False


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The one of the names that are known which `name` may be a misspelling of."""
    near = difflib.get_close_matches(name, known, 1, cutoff=0.65)
    return near[0] if near else None


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
