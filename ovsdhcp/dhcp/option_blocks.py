"""Option values made of parts: routes, lists with lengths, vendors' blocks.

Same contract as `option_kinds`: values of a lease table in, octets out, and back. Every inner
length is checked against what surrounds it; no decoder recurses.
"""

from collections.abc import Callable, Iterator, Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Network

from ovsdhcp.dhcp.option_domains import (
    NAMES_SCHEMA,
    decode_names,
    decode_one_name,
    encode_names,
)
from ovsdhcp.dhcp.option_kinds import (
    LONG,
    Kind,
    WrongValueError,
    address_octets,
    address_text,
    addresses_list,
    addresses_octets,
    expected,
    hex_octets,
    integer,
    items,
    kind,
    text_octets,
    text_of,
    truth,
    with_length,
)


def fields(value: object, what: str, allowed: set[str]) -> Mapping[str, object]:
    """A YAML mapping with none but the keys `allowed`."""
    if not isinstance(value, dict):
        raise expected(what, value)
    for key in value:
        if key not in allowed:
            raise WrongValueError(f"`{key}` is not a key here: expected {what}", key)
    return value


def prefixed(octets: bytes, size: int = 1) -> Iterator[bytes]:
    """The items of a list in which each has its length, `size` octets, in front."""
    at = 0
    while at < len(octets):
        start = at + size
        at = start + int.from_bytes(octets[at:start], "big")
        if start > len(octets) or at > len(octets):
            raise ValueError("a part runs past the end of the option")
        yield octets[start:at]


def numbered(octets: bytes, size: int, what: str) -> Iterator[tuple[int, bytes]]:
    """The items of a list in which each has a number, `size` octets of it, and its length."""
    seen: set[int] = set()
    at = 0
    while at < len(octets):
        start = at + size + 1
        end = start + octets[start - 1] if start <= len(octets) else start
        number = int.from_bytes(octets[at : at + size], "big")
        if end > len(octets) or number in seen:
            raise ValueError(f"{what} is cut short, or is there twice")
        seen.add(number)
        yield number, octets[start:end]
        at = end


# -- routes (RFC 3442) -----------------------------------------------------------------------

_ROUTES = "routes, [{to: 192.0.2.0/24, via: 198.51.100.1}, ...]"


def _route_items(value: object) -> list[tuple[object, object]]:
    """(to, via) pairs from YAML, or from OVN's text `{to,via, to,via}`."""
    if isinstance(value, dict):
        value = [value]
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        routes = [fields(item, _ROUTES, {"to", "via"}) for item in value]
        for route in routes:
            if len(route) != 2:
                raise WrongValueError(f"a route has `to` and `via`: {_ROUTES}", route)
        return [(route["to"], route["via"]) for route in routes]
    flat = items(value)
    if len(flat) % 2:
        raise expected(_ROUTES, value)
    return list(zip(flat[::2], flat[1::2], strict=True))


def _route_octets(to: object, via: object) -> bytes:
    """One destination descriptor and its router; only significant octets go (RFC 3442)."""
    try:
        network = IPv4Network(to if isinstance(to, str) else "")
    except ValueError as error:
        if "host bits" in str(error):
            message = f"route to {to!r} has bits set beyond its prefix"
            raise WrongValueError(message, to) from None
        raise expected("a destination such as 192.0.2.0/24", to) from None
    significant = (network.prefixlen + 7) // 8
    descriptor = bytes([network.prefixlen]) + network.network_address.packed[:significant]
    return descriptor + address_octets(via)


def _encode_routes(value: object) -> bytes:
    return b"".join(_route_octets(to, via) for to, via in _route_items(value))


def _decode_routes(octets: bytes) -> list[dict[str, str]]:
    routes, at = [], 0
    while at < len(octets):
        width = octets[at]
        end = at + 1 + (width + 7) // 8
        if width > 32 or end + 4 > len(octets):
            raise ValueError("a route is cut short, or its prefix is longer than 32")
        packed = octets[at + 1 : end].ljust(4, b"\0")
        to = IPv4Network((IPv4Address(packed), width), strict=False)
        routes.append({"to": str(to), "via": address_text(octets[end : end + 4])})
        at = end + 4
    if not routes:
        raise ValueError("no route")
    return routes


ROUTES = kind(
    "static_routes",
    _ROUTES,
    _encode_routes,
    _decode_routes,
    {
        "type": ["array", "object", "string"],
        "minItems": 1,
        "items": {
            "type": ["object", "string"],
            "required": ["to", "via"],
            "additionalProperties": False,
            "properties": {"to": {"type": "string"}, "via": {"type": "string", "format": "ipv4"}},
        },
    },
    limit=LONG,
)

# -- user class (RFC 3004), lists of addresses by server (RFC 7291) --------------------------


def _texts(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


USER_CLASS = kind(
    "user class",
    "a list of texts",
    lambda value: b"".join(with_length(text_octets(item)) for item in _texts(value)),
    lambda octets: [text_of(part) for part in prefixed(octets)],
    NAMES_SCHEMA,
)
WORDS = kind(
    "words",
    "a list of texts without blanks",
    lambda value: b" ".join(text_octets(item) for item in items(value)),
    lambda octets: text_of(octets).split(),
    NAMES_SCHEMA,
)
IPV4_LISTS = kind(
    "ipv4 lists",
    "a list with a list of IPv4 addresses for each server",
    lambda value: b"".join(with_length(addresses_octets(item)) for item in _texts(value)),
    lambda octets: [addresses_list(part) for part in prefixed(octets)],
    {"type": "array", "minItems": 1},
)

# -- vendors' blocks: options within an option (RFC 2132 §8.4), enterprises (RFC 3925) --------

_CODES = "options by code, {1: 0a0b, ...}, or all of it in hexadecimal"


def _encode_codes(value: object) -> bytes:
    if not isinstance(value, dict):
        return hex_octets(value)
    return b"".join(
        bytes([integer(code, 1, 254)]) + with_length(hex_octets(inner))
        for code, inner in value.items()
    )


def _decode_codes(octets: bytes) -> object:
    """By code where the octets are so made, which no RFC demands; else in hexadecimal."""
    try:
        codes = dict(numbered(octets, 1, "an option"))
    except ValueError:
        codes = {}
    if not codes or codes.keys() & {0, 255}:
        return octets.hex()
    return {str(code): inner.hex() for code, inner in codes.items()}


def _enterprises(
    encode: Callable[[object], bytes], decode: Callable[[bytes], object], what: str, name: str
) -> Kind:
    """Blocks of enterprise number, length and data (RFC 3925 §3, §4)."""

    def encode_blocks(value: object) -> bytes:
        if not isinstance(value, dict):
            return encode_blocks(decode_blocks(hex_octets(value)))
        return b"".join(
            integer(number, 0, 0xFFFF_FFFF).to_bytes(4, "big") + with_length(encode(inner))
            for number, inner in value.items()
        )

    def decode_blocks(octets: bytes) -> dict[str, object]:
        blocks = numbered(octets, 4, "an enterprise's block")
        return {str(number): decode(inner) for number, inner in blocks}

    schema = {"type": ["object", "string"]}
    return kind(name, what, encode_blocks, decode_blocks, schema, limit=LONG)


ENCAPSULATED = kind(
    "encapsulated",
    _CODES,
    _encode_codes,
    _decode_codes,
    {"oneOf": [{"type": "object"}, {"type": "string"}]},
    limit=LONG,
)
ENTERPRISE_OPTIONS = _enterprises(
    _encode_codes,
    _decode_codes,
    "options by enterprise number, {3561: {1: 0a0b}}",
    "enterprise options",
)
ENTERPRISE_CLASSES = _enterprises(
    lambda value: b"".join(with_length(hex_octets(item)) for item in _texts(value)),
    lambda octets: [part.hex() for part in prefixed(octets)],
    "classes in hexadecimal by enterprise number, {3561: [0a0b]}",
    "enterprise classes",
)

# -- options with a shape of their own -------------------------------------------------------

_SLP = "{mandatory: true or false, addresses: [...]}"
_SCOPES = "{mandatory: true or false, scopes: text}"


def _flagged(
    name: str,
    what: str,
    key: str,
    encode: Callable[[object], bytes],
    decode: Callable[[bytes], object],
) -> Kind:
    """RFC 2610's two options: an octet that says whether the rest is mandatory, and the rest."""

    def encode_both(value: object) -> bytes:
        both = fields(value if isinstance(value, dict) else {key: value}, what, {"mandatory", key})
        return bytes([truth(both.get("mandatory", False))]) + encode(both.get(key))

    def decode_both(octets: bytes) -> dict[str, object]:
        return {"mandatory": octets[:1] == b"\1", key: decode(octets[1:])}

    return kind(name, what, encode_both, decode_both, {"type": ["object", "array", "string"]})


SLP_AGENTS = _flagged("slp agents", _SLP, "addresses", addresses_octets, addresses_list)
SLP_SCOPES = _flagged("slp scopes", _SCOPES, "scopes", text_octets, text_of)


def _encode_sip(value: object) -> bytes:
    """RFC 3361 §3: names without compression after a 0, or addresses after a 1."""
    try:
        return b"\1" + addresses_octets(value)
    except ValueError:
        return b"\0" + encode_names(value, compressed=False)


def _decode_sip(octets: bytes) -> list[str]:
    if octets[:1] == b"\1":
        return addresses_list(octets[1:])
    if octets[:1] == b"\0":
        return decode_names(octets[1:])
    raise ValueError("neither names (0) nor addresses (1)")


SIP_SERVERS = kind(
    "sip servers",
    "a list of domain names, or of IPv4 addresses",
    _encode_sip,
    _decode_sip,
    NAMES_SCHEMA,
    limit=LONG,
)

_PREFERENCES = {"medium": 0, "high": 1, "low": 3}
_RDNSS = "{servers: [one or two addresses], domains: [...], preference: high, medium or low}"


def _encode_rdnss(value: object) -> bytes:
    """RFC 6731 §4.3: preference, primary and secondary server, names without compression."""
    parts = fields(value, _RDNSS, {"servers", "domains", "preference"})
    servers = addresses_octets(parts.get("servers"))
    preference = _PREFERENCES.get(str(parts.get("preference", "medium")))
    if preference is None or len(servers) > 8:
        raise expected(_RDNSS, value)
    domains = parts.get("domains")
    names = encode_names(domains, compressed=False) if domains else b""
    return bytes([preference]) + servers.ljust(8, b"\0") + names


def _decode_rdnss(octets: bytes) -> dict[str, object]:
    if len(octets) < 9:
        raise ValueError("shorter than its two servers")
    servers = [server for server in addresses_list(octets[1:9]) if server != "0.0.0.0"]
    preference = next((k for k, v in _PREFERENCES.items() if v == octets[0] & 3), "medium")
    domains = decode_names(octets[9:]) if len(octets) > 9 else []
    return {"servers": servers, "domains": domains, "preference": preference}


RDNSS_SELECTION = kind(
    "rdnss selection", _RDNSS, _encode_rdnss, _decode_rdnss, {"type": "object"}, limit=LONG
)

_SIXRD = "{prefix: 2001:db8::/32, mask_length: 0, relays: [addresses]}"


def _encode_sixrd(value: object) -> bytes:
    """RFC 5969 §7.1.1."""
    parts = fields(value, _SIXRD, {"prefix", "mask_length", "relays"})
    try:
        prefix = IPv6Network(str(parts.get("prefix")))
    except ValueError:
        raise expected(_SIXRD, value) from None
    mask_length = integer(parts.get("mask_length", 0), 0, 32)
    head = bytes([mask_length, prefix.prefixlen]) + prefix.network_address.packed
    return head + addresses_octets(parts.get("relays"))


def _decode_sixrd(octets: bytes) -> dict[str, object]:
    if len(octets) < 22 or octets[0] > 32:
        raise ValueError("shorter than its prefix and one relay, or the mask is over 32")
    prefix = IPv6Network((octets[2:18], octets[1]), strict=False)
    relays = addresses_list(octets[18:])
    return {"prefix": str(prefix), "mask_length": octets[0], "relays": relays}


SIXRD = kind("6rd", _SIXRD, _encode_sixrd, _decode_sixrd, {"type": "object"})

_DNR = "resolvers, [{priority: 1, name: dns.example, addresses: [...], parameters: hex}, ...]"


def _encode_resolver(value: object) -> bytes:
    parts = fields(value, _DNR, {"priority", "name", "addresses", "parameters"})
    name = encode_names([parts.get("name")], compressed=False)
    body = integer(parts.get("priority", 1), 0, 0xFFFF).to_bytes(2, "big") + with_length(name)
    if "addresses" in parts:
        body += with_length(addresses_octets(parts["addresses"]))
        body += hex_octets(parts.get("parameters", ""))
    return with_length(body, 2)


def _decode_resolver(octets: bytes) -> dict[str, object]:
    name_end = 3 + octets[2] if len(octets) > 2 else 0
    found: dict[str, object] = {
        "priority": int.from_bytes(octets[:2], "big"),
        "name": decode_one_name(octets[3:name_end]),
    }
    if name_end < len(octets):
        end = name_end + 1 + octets[name_end]
        if end > len(octets):
            raise ValueError("a resolver's addresses are cut short")
        found["addresses"] = addresses_list(octets[name_end + 1 : end])
        found["parameters"] = octets[end:].hex()
    return found


RESOLVERS = kind(
    "resolvers",
    _DNR,
    lambda value: b"".join(_encode_resolver(item) for item in _texts(value)),
    lambda octets: [_decode_resolver(part) for part in prefixed(octets, 2)],
    {"type": "array", "items": {"type": "object"}, "minItems": 1},
    limit=LONG,
)
