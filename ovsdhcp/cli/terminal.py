"""What people see of data: columns, styles, durations; and nothing a guest says steers a terminal.

Colour only ever repeats what the words say. click leaves it out where the output is no terminal.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

import click

from ovsdhcp.control.findings import ADVICE, OK, PROBLEM, UNKNOWN, Finding
from ovsdhcp.dhcp.option_kinds import printable

T = TypeVar("T")

_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def columns(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """A table with a heading, each column as wide as it needs; None is shown as a dash."""
    shown = [[_cell(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(head, *shown, strict=True)]
    yield click.style(_line(head, widths), bold=True)
    for row in shown:
        yield _line(row, widths)


def _cell(value: object) -> str:
    return "-" if value is None else printable(str(value))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(f"{cell:{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip()


def labelled(label: str, text: str) -> str:
    """A line of a report, or several: what it is about, then what there is to say."""
    first, *more = text.split("\n")
    return "\n".join(
        [f"{click.style(f'{label:9}', bold=True)} {first}", *(" " * 10 + m for m in more)]
    )


def told(findings: Iterable[Finding]) -> Iterator[str]:
    """Each finding with what mends it."""
    for finding in findings:
        severity = click.style(f"{finding.severity}:", fg=_COLOURS.get(finding.severity))
        yield f"{severity} {printable(finding.text)}"
        if finding.mend:
            yield f"  mend: {printable(finding.mend)}"


_COLOURS = {PROBLEM: "red", ADVICE: "yellow", UNKNOWN: "magenta", OK: "green"}


def progress(steps: Sequence[T], name: Callable[[T], str]) -> Iterator[T]:
    """The steps one by one; a bar on the terminal, if there is one, says which is under way."""
    with click.progressbar(
        steps,
        file=sys.stderr,
        hidden=not sys.stderr.isatty(),
        item_show_func=lambda step: None if step is None else name(step),
    ) as bar:
        yield from bar


def duration(seconds: float) -> str:
    """The two largest units that count: `3 h 12 min`."""
    left, parts = int(seconds), []
    for unit, size in _UNITS:
        number, left = divmod(left, size)
        if number:
            parts.append(f"{number} {unit}")
    return " ".join(parts[:2]) or "0 s"
