"""What the lease table's values look like, as pieces of JSON Schema (2020-12), for `document`.

A piece takes what the function of `scalars` beside it takes, in every usual spelling, and may take
more: `ovsdhcp check` has the last word.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import WithJsonSchema

from ovsdhcp.config.scalars import ARCHITECTURES

Schema = dict[str, Any]

_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_ADDRESS = rf"{_OCTET}(?:\.{_OCTET}){{3}}"
_HEX = "[0-9a-fA-F]"

ADDRESS = WithJsonSchema({"type": "string", "pattern": f"^{_ADDRESS}$", "examples": ["192.0.2.10"]})
CIDR = WithJsonSchema(
    {
        "type": "string",
        "pattern": f"^{_ADDRESS}/(?:3[0-2]|[12]?[0-9])$",
        "examples": ["192.0.2.0/24"],
    }
)
ADDRESS_RANGE = WithJsonSchema(
    {
        "type": "string",
        "pattern": f"^{_ADDRESS}(?:/(?:3[0-2]|[12]?[0-9]))?$",
        "examples": ["192.0.2.100", "198.51.100.0/24"],
    }
)
MAC_ADDRESS: Schema = {
    "type": "string",
    "pattern": f"^(?:{_HEX}{{1,2}}[:-]){{5}}{_HEX}{{1,2}}$"
    f"|^(?:{_HEX}{{4}}[.:-]){{2}}{_HEX}{{4}}$|^{_HEX}{{6}}[:-]?{_HEX}{{6}}$",
    "examples": ["02:ac:10:ff:01:30"],
}
MAC = WithJsonSchema(MAC_ADDRESS)
DURATION = WithJsonSchema(
    {
        "oneOf": [
            {"type": "integer", "minimum": 1, "maximum": 0xFFFF_FFFF},
            {"type": "string", "pattern": "^(?:[1-9][0-9]*[ ]*[smhdwSMHDW]?|[Ii]nfinite)$"},
        ],
        "examples": ["1h", 3600, "7d", "infinite"],
    }
)
TEXT = WithJsonSchema({"type": "string", "minLength": 1})
TRUTH = WithJsonSchema({"type": "boolean"})
DPID = WithJsonSchema(
    {
        "type": "string",
        "pattern": f"^(?:0[xX]{_HEX}{{1,16}}|{_HEX}{{16}})$",
        "examples": ["0x00000000000000a1"],
    }
)


def whole_number(low: int, high: int) -> WithJsonSchema:
    """A number from `low` to `high`."""
    return WithJsonSchema({"type": "integer", "minimum": low, "maximum": high})


def choice(names: Mapping[str, str]) -> WithJsonSchema:
    """One of several words, each with what it means."""
    said = [{"const": name, "description": meaning} for name, meaning in names.items()]
    return WithJsonSchema({"oneOf": said})


REPLY = choice(
    {
        "packet-out": "the controller sends it out of the port (the default)",
        "resume": "the waiting packet goes on through the flows, turned into the answer",
    }
)
FLOWS = choice(
    {
        "managed": "ovsdhcp does, and keeps them up to date (the default)",
        "external": "others do, and ovsdhcp answers what their put_dhcp_opts flows ask",
    }
)
OTHER_TRAFFIC = choice(
    {
        "normal": "the bridge switches it (the default)",
        "drop": "it is dropped",
        "none": "nothing: table 0's lowest priority is left to others",
    }
)


# -- changes to what pydantic makes of a field, for `json_schema_extra` ------------------------


def or_nothing(schema: Schema) -> None:
    """The key may have nothing behind it."""
    schema["type"] = [schema["type"], "null"]


def needed(schema: Schema) -> None:
    """The key may not have nothing behind it, though its model has it optional."""
    schema.update(schema.pop("anyOf")[0])


def as_list(schema: Schema) -> None:
    """A list in the file, which `document` has by position."""
    entries = schema.pop("anyOf")[0]["additionalProperties"]
    schema.update(type="array", items=entries, minItems=1)


def as_any_list(schema: Schema) -> None:
    """The same, and it may be empty."""
    as_list(schema)
    del schema["minItems"]


def or_none(schema: Schema) -> None:
    """A mapping, or the word `none`."""
    mapping = schema.pop("anyOf")[0]
    schema["oneOf"] = [mapping, {"const": "none", "description": "without a limit"}]


def architectures(schema: Schema) -> None:
    """Names of `ARCHITECTURES`, or numbers of option 93."""
    entry = schema.pop("additionalProperties")
    schema["properties"] = dict.fromkeys(ARCHITECTURES, entry)
    schema["patternProperties"] = {"^[0-9]{1,5}$": entry}
    schema["additionalProperties"] = False
