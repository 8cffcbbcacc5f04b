"""Labs for the tests: real bridges, real clients, each lab under names of its own.

A lab is up in about a second, so each module has its own, on its own lease table. Whatever a test
leaves in a port's namespace is cleared before the next test.
"""

import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ovsdhcp.lab.laboratory import MACS, Lab, Names

HERE = Path(__file__).parent
NEEDED = ("ovs-vswitchd", "ovsdb-server", "ip", "dhclient", "udhcpc", "dhcpcd")
COUNT = itertools.count(1)


def why_not() -> str:
    """What this machine lacks for a lab, if anything."""
    if os.geteuid():
        return "needs root, for network namespaces"
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    missing = [program for program in NEEDED if shutil.which(program) is None]
    if missing:
        return f"not installed: {', '.join(missing)}"
    return "" if Path("/dev/net/tun").exists() else "there is no /dev/net/tun"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reason = why_not()
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.bridge)
            if reason:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def new_names(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Names]:
    """Names that no other lab has, of this run of the tests or of another."""

    def names() -> Names:
        prefix = f"t{os.getpid()}-{next(COUNT)}-"
        return Names(folder=tmp_path_factory.mktemp("lab") / "lab", prefix=prefix, switch="switch")

    return names


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A module with BOTH_WAYS is run for either way that an answer can go back."""
    if getattr(metafunc.module, "BOTH_WAYS", False):
        metafunc.parametrize("table", ["packet-out", "resume"], indirect=True, scope="module")


@pytest.fixture(scope="module")
def table(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The module's lease table, from its LEASE_TABLE."""
    path = tmp_path_factory.mktemp("table") / "table.yaml"
    text: str = request.module.LEASE_TABLE
    if hasattr(request, "param"):
        text = text.replace("    ports:", f"    reply: {request.param}\n    ports:")
        assert f"reply: {request.param}" in text
    path.write_text(text)
    return path


@pytest.fixture(scope="module")
def module_lab(new_names: Callable[[], Names], table: Path) -> Iterator[Lab]:
    lab = Lab(new_names())
    try:
        lab.up(table)
        lab.wait_for_flows("vm5")
        yield lab
    finally:
        lab.down()


@pytest.fixture
def lab(module_lab: Lab) -> Iterator[Lab]:
    """The module's lab, its ports as they were when it was made."""
    yield module_lab
    for name in MACS:
        module_lab.clear(name)
