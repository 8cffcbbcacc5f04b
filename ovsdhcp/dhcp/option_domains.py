"""Domain names in options: labels, and pointers to what was written before.

RFC 1035 §3.1 and §4.1.4 as RFC 3397 §2 uses them. Same contract as `option_kinds`.
"""

import re

from ovsdhcp.dhcp.option_kinds import LONG, Schema, expected, items, kind, unquoted, with_length

_DOMAIN = "a domain name such as example.org"


def _labels(value: object) -> list[bytes]:
    if not isinstance(value, str):
        raise expected(_DOMAIN, value)
    try:
        labels = unquoted(value).removesuffix(".").encode("ascii").split(b".")
    except UnicodeEncodeError:
        raise expected(f"{_DOMAIN}, with letters beyond ASCII as xn--...", value) from None
    if not all(re.fullmatch(rb"[!-~]{1,63}", label) for label in labels):
        raise expected(f"{_DOMAIN}, in labels of 1 to 63 letters", value)
    if sum(map(len, labels)) + len(labels) > 254:
        raise ValueError(f"domain name of more than 255 octets: {value!r}")
    return labels


def encode_names(value: object, *, compressed: bool = True) -> bytes:
    """Names one after the other; a tail that was written before becomes a pointer to it."""
    octets, written = bytearray(), dict[tuple[bytes, ...], int]()
    for name in items(value):
        rest = tuple(_labels(name))
        while rest:
            if rest in written:
                octets += (0xC000 | written[rest]).to_bytes(2, "big")
                break
            if compressed and len(octets) < 0x4000:
                written[rest] = len(octets)
            octets += with_length(rest[0])
            rest = rest[1:]
        else:
            octets.append(0)
    if not octets:
        raise expected("one or more domain names", value)
    return bytes(octets)


def _read_name(octets: bytes, at: int) -> tuple[str, int]:
    """The name at `at`, and where the octets after it begin. Pointers may only go backward."""
    labels: list[bytes] = []
    after, floor = 0, at
    while True:
        length = octets[at] if at < len(octets) else -1
        if length & 0xC0 == 0xC0 and length >= 0 and at + 1 < len(octets):
            after = after or at + 2
            at = int.from_bytes(octets[at : at + 2], "big") & 0x3FFF
            if at >= floor:
                raise ValueError("a domain name points forward, or at itself")
            floor = at
        elif length == 0:
            break
        elif 0 < length < 64 and at + length < len(octets):
            labels.append(octets[at + 1 : at + 1 + length])
            at += 1 + length
        else:
            raise ValueError("a domain name is cut short")
    if not labels or sum(map(len, labels)) + len(labels) > 254:
        raise ValueError("a domain name is empty or too long")
    return ".".join(label.decode("ascii", "backslashreplace") for label in labels), after or at + 1


def decode_names(octets: bytes) -> list[str]:
    """The names, one or more, one after the other."""
    names, at = [], 0
    while at < len(octets):
        name, at = _read_name(octets, at)
        names.append(name)
    if not names:
        raise ValueError("no domain name")
    return names


def _one_name(value: object) -> bytes:
    if len(items(value)) != 1:
        raise expected(_DOMAIN, value)
    return encode_names(value)


def decode_one_name(octets: bytes) -> str:
    """The one name that `octets` hold."""
    names = decode_names(octets)
    if len(names) != 1:
        raise ValueError("more than one domain name")
    return names[0]


NAMES_SCHEMA: Schema = {
    "oneOf": [{"type": "array", "items": {"type": "string"}, "minItems": 1}, {"type": "string"}]
}
DOMAINS_WHOLE = kind(
    "domains",
    "a list of domain names",
    lambda value: encode_names(value, compressed=False),
    decode_names,
    NAMES_SCHEMA,
    limit=LONG,
)
DOMAIN = kind("domain", _DOMAIN, _one_name, decode_one_name, {"type": "string"})
DOMAINS = kind(
    "domains", "a list of domain names", encode_names, decode_names, NAMES_SCHEMA, limit=LONG
)
