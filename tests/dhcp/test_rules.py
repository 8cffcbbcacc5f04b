"""Every rule has a test, and every test that names a rule names one that there is."""

from tests.dhcp.rules import RULES, proofs, table


def test_every_rule_is_proved() -> None:
    assert [row for row in RULES if row not in proofs()] == []


def test_no_test_names_an_unknown_rule() -> None:
    assert set(proofs()) <= set(RULES)


def test_the_table_has_a_line_for_each_rule() -> None:
    assert len(table().splitlines()) == 2 + len(RULES)
