"""The rules for a DHCPv4 server, and the tests that prove each: `python -m tests.dhcp.rules`.

`T3 ...` are the cells of RFC 2131's table 3. Rules of pools of addresses are not here, since a
port's address is the table's: nothing is allocated, so nothing is reserved, probed or stored.
"""

import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

RULES: dict[str, str] = {
    "F1": "only BOOTREQUEST is for a server (RFC 2131 §3)",
    "F2": "fixed part and magic cookie (RFC 2131 §3)",
    "F3": "option 53 in every message, one octet (RFC 2131 §3, RFC 2132 §9.6)",
    "F4": "END terminates, PAD is legal anywhere (RFC 2132 §3.1, §3.2)",
    "F5": "a missing END is tolerated (all servers in use)",
    "F6": "an option past the end makes the message malformed",
    "F7": "Ethernet: htype 1, hlen 6, chaddr one station's",
    "F8": "reserved flags ignored, flags copied back (RFC 2131 figure 2)",
    "F9": "a reply has at least 300 octets (RFC 1542 §2.1)",
    "F10": "a reply has END, and PAD after it (RFC 2131 §4.1)",
    "F11": "option overload is honoured on receive, never recursive (RFC 2131 §4.1)",
    "F12": "option overload is used to send what does not fit; never option 82 in it",
    "F13": "instances of an option are concatenated (RFC 3396 §7)",
    "F14": "options over 255 octets are sent in adjacent parts (RFC 3396 §6)",
    "F15": "never larger than option 57, at least 576 (RFC 2132 §9.10)",
    "F16": "needed options first where not all fit (RFC 2131 §4.3.1)",
    "F17": "netmask before router (RFC 2132 §3.3)",
    "F18": "NULs at the end of text are dropped (RFC 2132 §2)",
    "F19": "unknown options are ignored (RFC 2132 §2)",
    "F20": "any source port is served; 68 answered, a relay at 67 (RFC 2131 §4.1)",
    "A1": "with giaddr: to the relay; refused on ports that are not trusted",
    "A2": "with ciaddr: unicast to it",
    "A3": "with the broadcast bit: broadcast, on the link as well",
    "A4": "else: unicast to yiaddr at chaddr",
    "A5": "a NAK is broadcast in all cases",
    "A6": "a relayed NAK has the broadcast bit (RFC 2131 §4.3.2)",
    "A7": "the ACK to an INFORM goes to ciaddr",
    "A8": "ciaddr counts as 0 in DISCOVER and SELECTING",
    "A9": "from the server identifier, port 67, with a valid checksum",
    "A10": "with the VLAN tag of the request (the port is the caller's to keep)",
    **{f"T3 {name}": f"field {name} (RFC 2131 table 3)" for name in (
        "op", "htype", "hlen", "hops", "xid", "secs", "ciaddr", "yiaddr", "siaddr", "flags",
        "giaddr", "chaddr", "sname", "file")},
    **{f"T3 {name}": f"option {name} (RFC 2131 table 3)" for name in (
        "50 requested address", "51 lease time", "52 overload", "53 message type", "54 server id",
        "55 parameter list", "56 message", "57 max size", "58 59", "60 vendor class",
        "61 client id", "82 relay agent", "others")},
    "D1": "the table's address, whatever is asked for (RFC 2131 §4.3.1)",
    "D3": "nothing is committed by a DISCOVER",
    "D4": "the lease time is the table's (RFC 2131 §4.3.1)",
    "D6": "everything asked for and configured, once; nothing else (RFC 2131 §4.3.1)",
    "D7": "in the order asked (RFC 2132 §9.8)",
    "D8": "OFFER and ACK carry the same (RFC 2131 §4.3.1)",
    "D9": "bound by port; both identifiers are in the request",
    "D10": "others may be ignored (RFC 2131 §4.2)",
    "D11": "a DISCOVER with option 54 is not answered (RFC 2131 table 5)",
    **{f"R{n}": text for n, text in enumerate((
        "the state follows from the fields (RFC 2131 §4.3.2)",
        "SELECTING another server: silence",
        "SELECTING, wrong address: NAK",
        "SELECTING with ciaddr: ACK",
        "INIT-REBOOT: ACK or NAK",
        "INIT-REBOOT, not authoritative: silence",
        "RENEWING and REBINDING: ciaddr is checked",
        "an extension may be refused",
        "a REQUEST that names nothing: NAK",
        "a renewal that still carries option 54: ACK",
        "a repeated REQUEST has the same answer"), 1) if n != 8},
    "X1": "DECLINE: recorded, the address withheld (RFC 2131 §4.3.3)",
    "X2": "DECLINE of another address or server: ignored",
    "X3": "RELEASE: recorded if it is the client's (RFC 2131 §4.3.4)",
    "X4": "INFORM: no lease, no check (RFC 2131 §4.3.5)",
    "X5": "INFORM from nowhere: silence",
    "T1": "T1 and T2 are sent, in order or not at all (RFC 2131 §4.4.5)",
    "T2": "renewals are spread (RFC 2131 §4.4.5)",
    "T3": "0xffffffff is without end (RFC 2131 §3.3)",
    "I1": "the server identifier is the subnet's (RFC 2131 §4.1)",
    "3442": "classless routes, with the default route",
    "3046": "option 82: refused, or echoed last",
    "6842": "option 61 echoed unaltered, in a NAK too",
    "3396": "long options, both ways",
    "4361": "client identifiers are opaque",
    "8925": "option 108 only if asked for",
    "8910": "captive portal",
    "4702": "option 81: answered if sent, malformed ignored",
    "3004": "user class, with lengths and bare",
    "4578": "PXE: a file by architecture, option 97 echoed",
    "iPXE": "iPXE does not load itself",
    "3397": "domain search list, compressed",
    "7844": "random MACs are served where the port decides",
    "types": "common options, checked when the table is loaded",
}  # fmt: skip


def _modules() -> Iterator[ModuleType]:
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        yield importlib.import_module(f"tests.dhcp.{path.stem}")


def _marks_of(function: object) -> Iterator[pytest.Mark]:
    """A test's marks, and those of its parameters."""
    for mark in getattr(function, "pytestmark", []):
        yield mark
        if mark.name == "parametrize":
            for parameter in mark.args[1]:
                for inner in getattr(parameter, "marks", ()):
                    yield getattr(inner, "mark", inner)


def proofs() -> dict[str, list[str]]:
    """The tests for each rule, from the marks that the tests bear."""
    found: dict[str, list[str]] = {}
    for module in _modules():
        for name, function in vars(module).items():
            if name.startswith("test_") and function.__module__ == module.__name__:
                rows = {row for m in _marks_of(function) if m.name == "rule" for row in m.args}
                for row in rows:
                    found.setdefault(row, []).append(f"{module.__name__}::{name}")
    return found


def table() -> str:
    """Markdown: each rule, and its tests."""
    proved = proofs()
    lines = ["| rule | what | tests |", "|---|---|---|"]
    for row, text in RULES.items():
        tests = ", ".join(f"`{test.removeprefix('tests.dhcp.')}`" for test in proved.get(row, []))
        lines.append(f"| {row} | {text} | {tests} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
