"""SECURITY.md: every attack has a test, and every test that it names is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "SECURITY.md").read_text()
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", TEXT)))
ATTACKS = TEXT.partition("## The OpenFlow channel")[2].splitlines()


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_what_it_names_is_there(path: str, name: str) -> None:
    assert f"def {name}" in (ROOT / path).read_text()


def test_every_attack_has_a_test() -> None:
    rows = [line for line in ATTACKS if line.startswith("| ") and "| attack |" not in line]
    rows = [row for row in rows if not row.startswith("| attack")]
    assert len(rows) > 20
    assert [row for row in rows if "`tests/" not in row.split("|")[3]] == []
