"""ovsdhcp.yaml(5): the lease table's keys and options, as its JSON Schema has them."""

from collections.abc import Iterator, Mapping
from typing import Any

from manual import roff
from ovsdhcp import __version__
from ovsdhcp.config.schema import schema
from ovsdhcp.service import CONFIG_VARIABLE, DEFAULT_CONFIG

Schema = Mapping[str, Any]

_DEFINITION = "#/$defs/"
_INTRODUCTION = f"""\
The lease table says which client on which port of which bridge gets which address. It is YAML,
`{DEFAULT_CONFIG}` or what `${CONFIG_VARIABLE}` names. A key that is not known is an error, and so
is one that stands twice; a MAC address needs no quotes. `ovsdhcp check` names all that is wrong
with a table; `ovsdhcp schema` prints the JSON Schema that this page is made from, for editors."""
_EXAMPLE = """\
\b
subnets:
  vm-net:
    cidr: 172.16.255.128/26
    server_id: 172.16.255.129
    server_mac: 02:ac:10:ff:01:29
    lease_time: 1h
    options: {router: 172.16.255.129, dns_server: [172.25.250.254]}
bridges:
  br-int:
    ports:
      vm5: {subnet: vm-net, ip: 172.16.255.130, mac: 02:ac:10:ff:01:30}"""


def page() -> str:
    """The page's source."""
    return roff.page(_lines(schema()))


def _lines(made: Schema) -> Iterator[roff.Line]:
    yield from roff.title("ovsdhcp.yaml", 5, __version__)
    yield roff.section("name")
    yield "ovsdhcp.yaml \\- the lease table of ovsdhcp(1)"
    yield roff.section("description")
    yield from roff.prose(_INTRODUCTION)
    yield from roff.prose(_EXAMPLE)
    yield roff.section("keys")
    yield from _keys(made, made, "", set())
    yield roff.section("options")
    yield from roff.prose(
        "Under `options`, by name, or by number with octets in hexadecimal between quotes. `null` "
        "takes away an option that the subnet has."
    )
    for names, text in _options(made):
        yield from roff.term(", ".join(names), text)
    yield roff.section("see also")
    yield "ovsdhcp(1)"


def _keys(made: Schema, mapping: Schema, path: str, shown: set[str]) -> Iterator[roff.Line]:
    """The keys of a mapping, and after them those of the mappings under them, each once."""
    if path:
        yield roff.subsection(path)
        yield from roff.prose(mapping["description"])
    below = []
    for key, value in mapping["properties"].items():
        yield from roff.term(key, _text(value))
        step, definition = _mapping_under(value)
        if definition and definition not in shown and definition != "Options":
            shown.add(definition)
            below.append((f"{path}.{key}{step}".lstrip("."), made["$defs"][definition]))
    for deeper, definition_made in below:
        yield from _keys(made, definition_made, deeper, shown)


def _text(value: Schema) -> str:
    """What a key is, its choices, its default and an example."""
    lines = [value.get("description", "")]
    lines += [f"`{one['const']}`: {one['description']}." for one in _choices(value)]
    if "default" in value and not _choices(value):
        lines.append(f"Without it, `{_yaml(value['default'])}`.")
    if value.get("examples"):
        lines.append(f"For example `{_yaml(value['examples'][0])}`.")
    return "\n".join(lines)


def _choices(value: Schema) -> list[Schema]:
    return [one for one in value.get("oneOf", ()) if "const" in one and "description" in one]


def _yaml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _mapping_under(value: Schema) -> tuple[str, str]:
    """How the path goes on to the mapping below a key, and its definition; empty: there is none."""
    for step, key in (("", None), (".NAME", "additionalProperties"), ("[]", "items")):
        under = value if key is None else value.get(key)
        if isinstance(under, Mapping):
            for one in (under, *under.get("anyOf", ()), *under.get("allOf", ())):
                if one.get("$ref", "").startswith(_DEFINITION):
                    return step, one["$ref"].removeprefix(_DEFINITION)
    return "", ""


def _options(made: Schema) -> Iterator[tuple[list[str], str]]:
    """All names of each option, and what it is."""
    names: dict[str, list[str]] = {}
    for name, option in made["$defs"]["Options"]["properties"].items():
        names.setdefault(option.get("$ref", name), []).append(name)
    for key, called in names.items():
        option = made["$defs"]["Options"]["properties"][called[0]]
        definition = made["$defs"].get(key.removeprefix(_DEFINITION), option)
        yield called, definition["description"]
