"""YAML to plain values, without YAML 1.1's surprises."""

import pytest

from ovsdhcp.config.problems import Report
from ovsdhcp.config.reading import read
from ovsdhcp.config.syntax import UnreadableError


def value_of(text: str) -> object:
    report = Report()
    value = read(text, report)
    assert not report.findings
    return value


@pytest.mark.parametrize(
    "text",
    [
        "52:54:00:12:34:56",
        "22:22",
        "on",
        "off",
        "yes",
        "no",
        "y",
        "010",
        "0x1F",
        "0o17",
        "1_000",
        "+5",
        "1.5",
        "1e3",
        ".inf",
        ".nan",
        "2001-01-01",
        "=",
        "12345678901234567890",
        "'5'",
        '"true"',
        "!!str 5",
        "! 5",
    ],
)
def test_stays_text(text: str) -> None:
    plain = text.removeprefix("!!str ").removeprefix("! ").strip("'\"")
    assert value_of(text) == plain


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5),
        ("-1", -1),
        ("0", 0),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("a:", {"a": None}),
        ("{a: 1, 2: b, on: c, ~: d}", {"a": 1, "2": "b", "on": "c", "~": "d"}),
        ("[a, [b], {}]", ["a", ["b"], {}]),
        ("a: &x {b: 1}\nc: *x", {"a": {"b": 1}, "c": {"b": 1}}),
        ("a: &x {b: 1, c: 2}\nd: {<<: *x, c: 3}", {"a": {"b": 1, "c": 2}, "d": {"b": 1, "c": 3}}),
        ("a: {<<: [{b: 1}, {b: 2, c: 3}]}", {"a": {"b": 1, "c": 3}}),
        ("&k a: 1\nb: *k", {"a": 1, "b": "a"}),
        ("a: |\n  two\n  lines\n", {"a": "two\nlines\n"}),
    ],
)
def test_value(text: str, value: object) -> None:
    assert value_of(text) == value


def test_the_first_of_two_equal_keys_stays_and_the_second_is_told() -> None:
    report = Report()
    assert read("a: 1\nb: 2\na: 3\n", report) == {"a": 1, "b": 2}
    (finding,) = report.findings
    assert finding.code == "duplicate-key"
    assert finding.place is not None
    assert finding.place.line == 3


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty-file"),
        ("a: b: c", "yaml-syntax"),
        ("a: *b", "yaml-alias"),
        ("&a [*a]", "yaml-alias"),
        ("? [a]\n: b", "yaml-key"),
        ("a: 1\n---\nb: 2", "yaml-documents"),
        ("[" * 100_000, "yaml-depth"),
        ("? " * 100_000, "yaml-key"),
        ("- " * 100_000, "yaml-depth"),
        ("a: \x01", "yaml-character"),
        ("%YAML 3.0\n---\na", "yaml-syntax"),
    ],
)
def test_unreadable(text: str, code: str) -> None:
    with pytest.raises(UnreadableError) as caught:
        read(text, Report())
    assert caught.value.code == code
