"""The marker that ties a test to a rule of `rules.py`."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "rule(*rows): the rules of tests/dhcp/rules.py it proves")
