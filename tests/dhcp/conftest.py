"""The markers of this room: what ties a test to a rule of `rules.py`, and what takes its time."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "rule(*rows): the rules of tests/dhcp/rules.py it proves")
    config.addinivalue_line("markers", "slow: takes its time (left out of scripts/test --fast)")
