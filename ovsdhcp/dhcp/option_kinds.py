"""What an option's value can be: text of a lease table to octets, octets to values and to text.

A `Kind` is four things that belong together, so that checking, encoding, decoding, showing and
documenting an option never differ. Kinds made of parts (routes, names, vendor blocks) are in
`option_blocks`; which option has which kind is in `options`. Nothing here knows an option's code.

Errors are `ValueError`s for the person who wrote the lease table: they say what is allowed.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address

INFINITE_SECONDS = 0xFFFF_FFFF
"""A time without end (RFC 2131 §3.3)."""

SHORT = 255
"""What one option can hold; its length is one octet (RFC 2132 §2)."""

LONG = 1024
"""What an option in parts (RFC 3396) can hold in a datagram of 1500 octets beside the rest."""

Schema = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of option value.

    `encode` takes the value as YAML gives it and returns the option's octets, unsplit.
    `decode` returns a value that JSON can hold and that `encode` takes back; both raise
    `ValueError`. `show` is `decode` for the eye. `schema` is the JSON schema of what
    `encode` takes. `what` says in words what is allowed.
    """

    name: str
    what: str
    encode: Callable[[object], bytes]
    decode: Callable[[bytes], object]
    show: Callable[[bytes], str]
    schema: Schema


def kind(
    name: str,
    what: str,
    encode: Callable[[object], bytes],
    decode: Callable[[bytes], object],
    schema: Schema,
    *,
    limit: int = SHORT,
) -> Kind:
    """Make a kind whose values are 1 to `limit` octets, and are shown as `decode` gives them."""

    def bounded(value: object) -> bytes:
        octets = encode(value)
        if not octets:
            raise ValueError(f"expected {what}, got nothing: an empty option cannot be sent")
        if len(octets) > limit:
            raise ValueError(f"takes {len(octets)} octets, more than the {limit} that can be sent")
        return octets

    return Kind(name, what, bounded, decode, lambda octets: show_value(decode(octets)), schema)


def show_value(value: object) -> str:
    """One line of text for a decoded value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(show_value(item) for item in value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {show_value(item)}" for key, item in value.items()) + "}"
    return printable(str(value))


def printable(text: str) -> str:
    """A peer's text with all that could drive a terminal, or break a log's line, written out."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def items(value: object) -> list[object]:
    """A list as YAML has it, or as text: `a, b`, `a b`, OVN's `{a, b}`; or one item alone."""
    if isinstance(value, list | tuple):
        return list(value)
    if isinstance(value, str):
        return list(re.split(r"[,\s]+", unquoted(value).strip("{} \t,")))
    return [value]


def unquoted(text: str) -> str:
    """Without the double quotes that OVN's database wants around text."""
    text = text.strip()
    return text[1:-1] if len(text) >= 2 and text[0] == text[-1] == '"' else text


class WrongValueError(ValueError):
    """A value that an option cannot have: `value` is the very part of it that is wrong."""

    def __init__(self, message: str, value: object) -> None:
        super().__init__(message)
        self.value = value


def expected(what: str, value: object) -> WrongValueError:
    """The error for a value of the wrong kind."""
    return WrongValueError(f"expected {what}, got {_named(value)}", value)


def _named(value: object) -> str:
    """A value as the person who wrote it would call it; text between quotes, to show blanks."""
    names = {dict: "a mapping", list: "a list", type(None): "nothing", bool: str(value).lower()}
    return "an empty list" if value == [] else names.get(type(value), repr(value))


def expected_text(what: str, value: object) -> WrongValueError:
    """The error for what is not text, though between quotes it might be."""
    hint = ": put it into quotes" if isinstance(value, int) else ""
    return WrongValueError(f"{expected(what, value)}{hint}", value)


def whole(octets: bytes, unit: int) -> bytes:
    """`octets`, if they are one or more items of `unit` octets."""
    if not octets or len(octets) % unit:
        raise ValueError(f"{len(octets)} octets are not a whole number of {unit}-octet items")
    return octets


def cut(octets: bytes, unit: int) -> Iterable[bytes]:
    """The items of `unit` octets each, all of them."""
    return (octets[i : i + unit] for i in range(0, len(whole(octets, unit)), unit))


def with_length(octets: bytes, size: int = 1) -> bytes:
    """`octets` after their length, `size` octets of it."""
    try:
        return len(octets).to_bytes(size, "big") + octets
    except OverflowError:
        raise ValueError(f"a part of {len(octets)} octets is too long") from None


# -- addresses -------------------------------------------------------------------------------

_ADDRESS = "an IPv4 address such as 192.0.2.1"
_ADDRESS_SCHEMA: Schema = {"type": "string", "format": "ipv4"}


def address_octets(value: object) -> bytes:
    """Four octets of an address written as text."""
    try:
        return IPv4Address(value.strip() if isinstance(value, str) else _ip(value)).packed
    except ValueError:
        raise expected(_ADDRESS, value) from None


def _ip(value: object) -> IPv4Address:
    if isinstance(value, IPv4Address):
        return value
    raise ValueError  # an int too: 10.0 is a number in YAML, never an address


def address_text(octets: bytes) -> str:
    """Four octets as text."""
    if len(octets) != 4:
        raise ValueError(f"an IPv4 address has 4 octets, not {len(octets)}")
    return str(IPv4Address(octets))


def addresses_octets(value: object) -> bytes:
    """Four octets for each of a list of one or more addresses."""
    listed = items(value)
    if not listed:
        raise expected("one or more IPv4 addresses", value)
    return b"".join(address_octets(item) for item in listed)


def addresses_list(octets: bytes) -> list[str]:
    """The addresses, at least one."""
    return [address_text(part) for part in cut(octets, 4)]


def _one_address(value: object) -> bytes:
    listed = items(value)
    if len(listed) != 1:
        raise expected(_ADDRESS, value)
    return address_octets(listed[0])


def _pairs(value: object) -> bytes:
    flat = [x for item in items(value) for x in (items(item) if isinstance(item, list) else [item])]
    octets = b"".join(address_octets(item) for item in flat)
    if len(octets) % 8:
        raise WrongValueError(f"expected {_PAIRS}, got an odd number of addresses", value)
    return octets


_PAIRS = "pairs of IPv4 addresses, [[a, b], ...]"
_LIST_SCHEMA: Schema = {
    "oneOf": [{"type": "array", "items": _ADDRESS_SCHEMA, "minItems": 1}, {"type": "string"}]
}

IPV4 = kind("ipv4", _ADDRESS, _one_address, address_text, _ADDRESS_SCHEMA)
IPV4S = kind(
    "ipv4 list", "a list of IPv4 addresses", addresses_octets, addresses_list, _LIST_SCHEMA
)
IPV4_PAIRS = kind(
    "ipv4 pairs",
    _PAIRS,
    _pairs,
    lambda octets: [addresses_list(pair) for pair in cut(octets, 8)],
    {"oneOf": [{"type": "array", "minItems": 1}, {"type": "string"}]},
)

# -- numbers ---------------------------------------------------------------------------------


def integer(value: object, low: int, high: int) -> int:
    """A whole number from `low` to `high`, in digits (`0x` for hexadecimal) or as YAML has it."""
    number = value
    if isinstance(value, str):
        try:
            number = int(unquoted(value), 0)
        except ValueError:
            number = None
    if isinstance(number, bool) or not isinstance(number, int) or not low <= number <= high:
        got = expected(f"a number from {low} to {high}", value if number is None else number)
        raise WrongValueError(str(got), value)
    return number


def _number(name: str, size: int, low: int, high: int) -> Kind:
    def decode(octets: bytes) -> int:
        if len(octets) != size:
            raise ValueError(f"a {name} has {size} octets, not {len(octets)}")
        return int.from_bytes(octets, "big", signed=low < 0)

    return kind(
        name,
        f"a number from {low} to {high}",
        lambda value: integer(value, low, high).to_bytes(size, "big", signed=low < 0),
        decode,
        _digits(low, high),
    )


def _digits(low: int, high: int) -> Schema:
    """A number, or its digits as text: what is said of the one does not concern the other."""
    pattern = "^-?(?:0[xX][0-9A-Fa-f]+|[0-9]+)$"
    return {"type": ["integer", "string"], "minimum": low, "maximum": high, "pattern": pattern}


def uint8(low: int = 0, high: int = 0xFF) -> Kind:
    """One octet."""
    return _number("uint8", 1, low, high)


def uint16(low: int = 0) -> Kind:
    """Two octets."""
    return _number("uint16", 2, low, 0xFFFF)


def _numbers(name: str, size: int, low: int = 0) -> Kind:
    high = (1 << 8 * size) - 1
    what = f"a list of numbers from {low} to {high}"
    return kind(
        name,
        what,
        lambda value: b"".join(integer(i, low, high).to_bytes(size, "big") for i in items(value)),
        lambda octets: [int.from_bytes(part, "big") for part in cut(octets, size)],
        {"type": ["array", "integer", "string"], "items": _digits(low, high), "minItems": 1},
    )


UINT8 = uint8()
UINT16 = uint16()
UINT32 = _number("uint32", 4, 0, 0xFFFF_FFFF)
INT32 = _number("int32", 4, -0x8000_0000, 0x7FFF_FFFF)
UINT8S = _numbers("uint8 list", 1)
UINT16S = _numbers("uint16 list", 2)
MTUS = _numbers("uint16 list", 2, 68)

_TRUTHS = {"true": 1, "yes": 1, "on": 1, "1": 1, "false": 0, "no": 0, "off": 0, "0": 0}


def truth(value: object) -> bool:
    """A yes or no as YAML, or OVN (0 and 1), has it."""
    text = unquoted(value).lower() if isinstance(value, str) else str(value).lower()
    if not isinstance(value, bool | int | str) or text not in _TRUTHS:
        raise expected("true or false", value)
    return bool(_TRUTHS[text])


def _decode_truth(octets: bytes) -> bool:
    if octets not in (b"\0", b"\1"):
        raise ValueError(f"a yes or no is one octet, 0 or 1, not {octets.hex()!r}")
    return octets == b"\1"


BOOL = kind(
    "bool",
    "true or false",
    lambda value: bytes([truth(value)]),
    _decode_truth,
    {"enum": [True, False, *_TRUTHS, 1, 0]},
)

_DURATION = re.compile(r"(0|[1-9][0-9]*)\s*([smhdw]?)")  # 010 is eight to some, ten to others
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_SECONDS = "seconds, or a time such as 90s, 15m, 12h, 7d or infinite"


def seconds(value: object, low: int = 0) -> int:
    """A number of seconds from `low` to 4294967295 (which is `infinite`), from 3600 or `1h`."""
    if isinstance(value, str):
        text = unquoted(value).lower()
        if text == "infinite":
            return INFINITE_SECONDS
        match = _DURATION.fullmatch(text)
        if match is None:
            raise expected(_SECONDS, value)
        value = int(match[1]) * _UNITS[match[2]]
    return integer(value, low, INFINITE_SECONDS)


def duration(low: int = 0) -> Kind:
    """Four octets of seconds."""
    what = _SECONDS if low == 0 else f"{_SECONDS}, at least {low} seconds"
    return kind(
        "seconds",
        what,
        lambda value: seconds(value, low).to_bytes(4, "big"),
        UINT32.decode,
        {
            "type": ["integer", "string"],
            "minimum": low,
            "maximum": INFINITE_SECONDS,
            "pattern": "^(?:[1-9][0-9]*[ ]*[smhdwSMHDW]?|0|[Ii]nfinite)$",
        },
    )


SECONDS = duration()

# -- text and octets -------------------------------------------------------------------------

_TEXT = "text of 1 to 255 octets without NUL"


def text_octets(value: object) -> bytes:
    """Text as it goes on the wire, without a NUL at its end (RFC 2132 §2)."""
    if not isinstance(value, str):
        raise expected_text(_TEXT, value)
    if "\0" in value:
        raise WrongValueError("text must not hold a NUL", value)
    octets = unquoted(value).encode()
    if not octets:
        raise expected(_TEXT, value)
    return octets


def text_of(octets: bytes) -> str:
    """Text from the wire; trailing NULs are dropped, as a receiver must (RFC 2132 §2)."""
    try:
        text = octets.rstrip(b"\0").decode()
    except UnicodeDecodeError:
        raise ValueError(f"not text: {octets.hex()}") from None
    if not text or "\0" in text:
        raise ValueError("text is empty, or holds a NUL")
    return text


TEXT = kind("text", _TEXT, text_octets, text_of, {"type": "string", "minLength": 1})


def _host_text(octets: bytes) -> str:
    """OVN sends an address here as four octets (host_id, ovn lib/actions.c); it is read so too."""
    if len(octets) == 4 and not (octets.isascii() and octets.decode("ascii").isprintable()):
        return address_text(octets)
    return text_of(octets)


HOST = kind(
    "host_id",
    "a host name or an IPv4 address",
    text_octets,  # an address too goes as text: RFC 2132 §9.4 has a string here
    _host_text,
    {"type": "string", "minLength": 1},
)

_HEX = "octets in hexadecimal, such as 0a0b0c or 0a:0b:0c"


def hex_octets(value: object) -> bytes:
    """Octets from hexadecimal digits, with colons, blanks, dashes or 0x if one likes."""
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str):
        raise expected_text(_HEX, value)
    digits = re.sub(r"[\s:-]", "", unquoted(value)).removeprefix("0x").removeprefix("0X")
    try:
        return bytes.fromhex(digits)
    except ValueError:
        raise expected(_HEX, value) from None


HEX = kind(
    "hex",
    _HEX,
    hex_octets,
    bytes.hex,
    {"type": "string", "pattern": "^[0-9A-Fa-fxX: -]+$"},
    limit=LONG,
)
