"""A bridge's table numbers: what is given, and what follows from it."""

from dataclasses import fields
from itertools import pairwise

from ovsdhcp.config.document import TableKeys
from ovsdhcp.config.problems import Path, Report
from ovsdhcp.config.scalars import HIGHEST_TABLE
from ovsdhcp.config.table import Tables

_FORWARD = ("classify", "dhcp_options", "dhcp_response")
"""The tables that a packet goes through by `goto_table`, which only goes forward."""


def tables(keys: TableKeys, path: Path, report: Report) -> Tables:
    """The table numbers. Of those not given, a response table follows the options' table, and
    the guards' and the ARP responder's are the next that are free.
    """
    default = Tables()
    given = {row.name: getattr(keys, row.name) for row in fields(Tables)}
    numbers = {name: number for name, number in given.items() if number is not None}
    numbers.setdefault("classify", default.classify)
    numbers.setdefault("dhcp_options", default.dhcp_options)
    numbers.setdefault("dhcp_response", numbers["dhcp_options"] + 1)
    for name in given:
        if name not in numbers:
            numbers[name] = _free(getattr(default, name), set(numbers.values()))
    _check_highest(numbers, path, report)
    _check_order(numbers, keys, path, report)
    _check_different(numbers, keys, path, report)
    return Tables(**numbers)


def _free(number: int, taken: set[int]) -> int:
    """The number itself, or the next that no other table has."""
    while number in taken:
        number = (number + 1) % (HIGHEST_TABLE + 1)
    return number


def _check_highest(numbers: dict[str, int], path: Path, report: Report) -> None:
    """Each number that is given is a table's, but what follows from one may not be."""
    number = numbers["dhcp_response"]
    if number > HIGHEST_TABLE:
        message = f"dhcp_response is the table after it, and Open vSwitch keeps {number} to itself"
        hint = f"it is {HIGHEST_TABLE - 1} at most"
        report.error((*path, "dhcp_options"), "table-reserved", message, hint)


def _check_order(numbers: dict[str, int], keys: TableKeys, path: Path, report: Report) -> None:
    for first, second in pairwise(_FORWARD):
        if numbers[first] >= numbers[second]:
            key = first if getattr(keys, second) is None else second
            message = (
                f"table {numbers[first]} ({first}) is not before table {numbers[second]} ({second})"
            )
            hint = "a packet only goes forward: classify < dhcp_options < dhcp_response"
            report.error((*path, key), "table-order", message, hint)


def _check_different(numbers: dict[str, int], keys: TableKeys, path: Path, report: Report) -> None:
    taken: dict[int, str] = {}
    for name, number in numbers.items():
        other = taken.setdefault(number, name)
        if other != name and not {other, name} <= {*_FORWARD}:
            key = other if getattr(keys, name) is None else name
            message = f"table {number} is both {other} and {name}"
            report.error((*path, key), "table-twice", message, "give each a number of its own")
