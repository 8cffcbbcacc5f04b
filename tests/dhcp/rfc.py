"""docs/rfc.md, made of the rules and of the tests that prove them: `python -m tests.dhcp.rfc`."""

import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.dhcp.rules import CHOICES, RULES
from tests.dhcp.test_bad_inputs import POLICY
from tests.dhcp.test_ovn_vectors import DIFFERENCES

DOCUMENT = Path(__file__).parents[2] / "docs" / "rfc.md"

_INTRODUCTION = """\
# The rules of a DHCPv4 server, and what ovsdhcp does

Made by `python -m tests.dhcp.rfc` from the tests in [tests/dhcp](../tests/dhcp); a test fails when
it is out of date. Numbers are of RFCs. The names of the rules are those of the tests' marks:
`pytest tests/dhcp -k ...` runs a test by its name. `ovsdhcp explain` lists the reasons for each
reply and each silence, with their sections.
"""
_CHOICES = """
## Choices and deviations

Where the RFCs leave something open, where other servers differ, and what is not done at all.
"""
_POLICY = """
## Odd and hostile input

Where servers disagree, ours for the case in `tests/dhcp/data/bad_inputs.json`.

| case | verdict | why |
|---|---|---|"""
_OVN = """
## Beside OVN

What differs from OVN's answers to its own test requests: a field, `+n` an option that only
ovsdhcp sends, `-n` one that only OVN sends.

| what | why | in how many of its requests |
|---|---|---|"""


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


def _rules() -> Iterator[str]:
    yield "\n| rule | demanded | where | ovsdhcp | tests |\n|---|---|---|---|---|"
    proved = proofs()
    for row, rule in RULES.items():
        tests = ", ".join(
            f"`{test.removeprefix('tests.dhcp.test_')}`" for test in proved.get(row, [])
        )
        yield f"| {row} | {rule.demand} | {rule.rfc} | {rule.done} | {tests} |"


def _ovn() -> Iterator[str]:
    """Each difference once, with the first reason for it that is not a reference to another."""
    every = [pair for case in DIFFERENCES.values() for pair in case.items()]
    for what, why in dict.fromkeys(every):
        yield f"| `{what}` | {why} | {every.count((what, why))} of {len(DIFFERENCES)} |"


def document() -> str:
    """All of it, in Markdown."""
    return "\n".join(
        [
            _INTRODUCTION.rstrip("\n"),
            *_rules(),
            _CHOICES,
            *(f"- **{what}** {why}" for what, why in CHOICES.items()),
            _POLICY,
            *(f"| `{name}` | {verdict} | {why} |" for name, (verdict, why) in POLICY.items()),
            _OVN,
            *_ovn(),
            "",
        ]
    )


if __name__ == "__main__":
    DOCUMENT.parent.mkdir(exist_ok=True)
    DOCUMENT.write_text(document())
