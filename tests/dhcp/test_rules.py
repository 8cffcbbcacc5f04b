"""Every rule has a test, every test that names a rule names one that there is, and all is told."""

from tests.dhcp.rfc import DOCUMENT, document, proofs
from tests.dhcp.rules import RULES


def test_every_rule_is_proved() -> None:
    assert [row for row in RULES if row not in proofs()] == []


def test_no_test_names_an_unknown_rule() -> None:
    assert set(proofs()) <= set(RULES)


def test_the_document_is_fresh() -> None:
    assert DOCUMENT.read_text() == document(), "python -m tests.dhcp.rfc"
