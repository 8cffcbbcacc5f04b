"""Wherever a mistake is put into a table, what is said of it stands in that table."""

from codecs import BOM_UTF8
from pathlib import Path
from tempfile import NamedTemporaryFile

from hypothesis import example, given, settings
from hypothesis import strategies as st

from ovsdhcp.config.loading import load
from ovsdhcp.config.problems import ConfigError, Problem
from ovsdhcp.config.syntax import lines_of

ROOT = Path(__file__).parents[2]
TABLES = [
    path.read_bytes()
    for folder in ("configs", "tests/config/wrong")
    for path in sorted((ROOT / folder).glob("*.yaml"))
]
SIGNS = [
    *(sign.encode() for sign in "\t \n\r:{}[]\"'#-|>%,9\0\x85\u2028\u0301\U0001f600"),
    *(b"&a ", b"*a", b"<<: *a", b"!x ", b"\xff", b"null", b"? ", b"- ", b"\xef\xbb\xbf"),
]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A table with a few octets taken out, and a few put in."""
    table = draw(st.sampled_from(TABLES))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(table)))
        until = at + draw(st.integers(0, 10))
        table = table[:at] + draw(st.sampled_from([b"", *SIGNS])) + table[until:]
    return table


def said_of(octets: bytes) -> list[Problem]:
    warnings: list[Problem] = []
    with NamedTemporaryFile(suffix=".yaml") as file:
        file.write(octets)
        file.flush()
        try:
            load(file.name, warnings)
        except ConfigError as error:
            return [*error.problems, *error.warnings]
    return warnings


@settings(max_examples=4 * settings().max_examples)
@given(octets=mutated())
@example(octets=2 * BOM_UTF8 + b"of two marks the first is one\n")
@example(octets=BOM_UTF8 + b"a: 1\nb: \xff\n")
def test_every_place_is_in_the_table(octets: bytes) -> None:
    lines = lines_of(octets.decode("utf-8-sig", errors="replace"))
    for problem in said_of(octets):
        assert problem.render()
        for place in (problem.place, problem.clash):
            if place.line:
                assert place.text == lines[place.line - 1]
                assert 1 <= place.column <= len(place.text) + 2
        assert bool(problem.clash_path) == bool(problem.clash.line)
