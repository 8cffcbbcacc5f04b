"""A table written as JSON: read faster, and never read as something else than YAML reads it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovsdhcp.config import json_text
from ovsdhcp.config.loading import loads
from ovsdhcp.config.problems import ConfigError, Report
from ovsdhcp.config.reading import read

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
DOCUMENTS = st.dictionaries(
    st.text(),
    st.recursive(
        SCALARS, lambda it: st.lists(it, max_size=4) | st.dictionaries(st.text(), it, max_size=4)
    ),
)
TABLE = {
    "subnets": {
        "n": {
            "cidr": "192.0.2.0/24",
            "server_id": "192.0.2.1",
            "server_mac": "02:00:00:00:00:01",
            "lease_time": 3600,
        }
    },
    "bridges": {"br": {"ports": {"vm": {"subnet": "n", "ip": "192.0.2.5"}}}},
}


@given(DOCUMENTS, st.sampled_from([None, 2]), st.booleans())
def test_it_reads_what_yaml_reads(document: object, indent: int | None, ascii_only: bool) -> None:
    text = json.dumps(document, indent=indent, ensure_ascii=ascii_only)
    values = json_text.read(text)
    if values is not None:
        report = Report()
        assert values == read(text, report)
        assert not report.findings


def test_it_reads_a_table() -> None:
    assert json_text.read(json.dumps(TABLE)) == TABLE
    assert loads(json.dumps(TABLE)) == loads(json.dumps(TABLE).replace("{", "{ # YAML\n"))


@pytest.mark.parametrize(
    "text",
    [
        "bridges: {}",
        '{"a": 1, "a": 2}',
        '{"a": NaN}',
        '{"a": 1} {"b": 2}',
        "{bridges: {}}",
        '{"a": "\\ud83d\\ude00"}',
        '{"a": ' + "[" * 100_000,
        "[1]",
    ],
)
def test_what_is_not_plainly_json_is_left_to_the_reader_of_yaml(text: str) -> None:
    assert json_text.read(text) is None


def test_what_is_wrong_in_json_has_its_place_tabs_or_not() -> None:
    text = json.dumps(TABLE | {"bridgs": 1}, indent="\t")
    with pytest.raises(ConfigError) as caught:
        loads(text, "table.json")
    (problem,) = caught.value.problems
    assert (problem.code, problem.column) == ("unknown-key", 2)
    assert text.splitlines()[problem.line - 1].startswith('\t"bridgs"')


def test_two_equal_keys_in_json_are_an_error_at_their_place() -> None:
    text = json.dumps(TABLE).replace('"bridges"', '"subnets": {}, "bridges"')
    with pytest.raises(ConfigError) as caught:
        loads(text)
    assert caught.value.problems[0].code == "duplicate-key"
