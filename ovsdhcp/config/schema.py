"""The lease table's JSON Schema (2020-12), by which editors complete and mark while one writes.

It comes from the models in `document` and the option table, so it knows every key and option.
"""

from collections.abc import Mapping

from ovsdhcp.config.document import Document
from ovsdhcp.config.json_schema import MAC_ADDRESS, Schema
from ovsdhcp.dhcp.options import BY_NAME, OPTIONS, Option, Role

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema() -> Schema:
    """The schema, its keys in an order that does not change."""
    made = Document.model_json_schema()
    models = made.pop("$defs")
    for model in models.values():
        if "options" in model["properties"]:
            model["properties"]["options"] = _options_of(model["properties"]["options"])
    definitions = {
        **models,
        "Options": _options(),
        **{_name(option): _option(option) for option in OPTIONS if _settable(option)},
    }
    return {
        "$schema": DIALECT,
        "title": "ovsdhcp lease table",
        **_plain(made),
        "$defs": _plain(definitions),
    }


def _plain(made: Mapping[str, object]) -> Schema:
    """Without titles, and without the defaults of what is not written."""
    return {
        key: _plain(value) if isinstance(value, dict) else value
        for key, value in made.items()
        if not (key == "title" and isinstance(value, str))  # pydantic repeats the key in it
        and not (key == "default" and _is_nothing(value))
    }


def _is_nothing(default: object) -> bool:
    """Whether a default only says that the key is not written."""
    return default is None or isinstance(default, dict)


def _options_of(made: Schema) -> Schema:
    return {"description": made["description"], "$ref": "#/$defs/Options"}


def _options() -> Schema:
    """Options by every name that they have, or by number with octets in hexadecimal."""
    names = {
        name: {"$ref": f"#/$defs/{_name(option)}"}
        for name, option in BY_NAME.items()
        if _settable(option)
    }
    hexadecimal = {
        "description": "The option's octets in hexadecimal, between quotes.",
        "type": ["string", "null"],
        "pattern": "^[0-9A-Fa-fxX: -]+$",
    }
    server_mac = {"description": "The subnet's `server_mac`, as OVN has it.", **MAC_ADDRESS}
    return {
        "type": ["object", "null"],
        "properties": {**names, "server_mac": server_mac},
        "patternProperties": {"^(?:[1-9]|[1-9][0-9]|1[0-9]{2}|2[0-4][0-9]|25[0-4])$": hexadecimal},
        "additionalProperties": False,
    }


def _option(option: Option) -> Schema:
    what = f"Option {option.code} ({option.rfc}): {option.kind.what}."
    return {"description": what, "anyOf": [dict(option.kind.schema), {"type": "null"}]}


def _name(option: Option) -> str:
    return f"option-{option.name}"


def _settable(option: Option) -> bool:
    return option.role is not Role.ENGINE
