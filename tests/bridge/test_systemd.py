"""The unit as it is shipped, started by a systemd: it serves, and comes back when it must."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ovsdhcp.lab.deadline import wait_for
from ovsdhcp.lab.laboratory import Lab
from tests.bridge.systemd import Container, why_not
from tests.bridge.tables import VM_NET

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())

LEASE_TABLE = (
    VM_NET
    + """
bridges:
  br-int:
    ports:
      vm5: {subnet: vm-net, mac: 02:ac:10:ff:01:30, ip: 172.16.255.130}
"""
)
RECONNECTED_WITHIN = 15.0
"""ovs-vswitchd waits up to 8 s between its attempts to reach a controller."""


@pytest.fixture(scope="module")
def container(
    module_lab: Lab, table: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Container]:
    module_lab.controller.stop()
    booted = Container(module_lab.home, tmp_path_factory.mktemp("booted"), table)
    try:
        booted.boot()
        yield booted
    finally:
        booted.stop()


@pytest.fixture
def service(container: Container) -> Container:
    """It runs; systemd says so once the service has said that it is ready."""
    container.systemctl("start", "ovsdhcp")
    assert is_active(container), container.systemctl("status", "ovsdhcp")
    return container


def is_active(container: Container, within: float = 15.0) -> bool:
    return bool(wait_for(lambda: container.shows("ActiveState") == "active", within=within))


def status_of(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


def assert_serves(lab: Lab) -> None:
    lab.wait_for_flows("vm5", within=RECONNECTED_WITHIN)
    client = lab.client("dhclient", "vm5")
    client.start()
    assert client.wait_until_bound().addresses == ("172.16.255.130/26",)


def test_it_serves_a_client_and_says_how_it_goes(service: Container, lab: Lab) -> None:
    assert_serves(lab)
    served = "1 of 1 bridges connected, 1 ports served"
    assert wait_for(lambda: service.shows("StatusText") == served, within=3)
    told = "event=ack bridge=br-int port=vm5 "
    assert wait_for(lambda: told in service.log.read_text(), within=3)


def test_it_is_nobody_and_may_nothing(service: Container) -> None:
    statuses = [status_of(pid) for pid in service.pids()]
    for status in statuses:
        assert "0" not in status["Uid"].split()
        assert {status[name] for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
        assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    state = Path(f"/proc/{service.main_pid()}/root/var/lib/private/ovsdhcp").stat()
    assert (oct(state.st_mode), state.st_uid) == ("0o40700", int(statuses[0]["Uid"].split()[0]))


def test_a_reload_is_not_a_restart(service: Container) -> None:
    before = service.main_pid()
    service.systemctl("reload", "ovsdhcp")
    assert is_active(service)
    assert service.main_pid() == before
    assert service.shows("Result") == "success"


def hang(pid: int) -> None:
    os.kill(pid, signal.SIGSTOP)


def die(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize(
    ("fail", "within", "result"),
    [
        pytest.param(die, 4.0, "signal", id="killed"),
        pytest.param(hang, 15.0, "watchdog", id="hangs"),
    ],
)
def test_it_comes_back(
    service: Container, lab: Lab, fail: Callable[[int], None], within: float, result: str
) -> None:
    before = service.main_pid()
    restarts = int(service.shows("NRestarts"))
    start = time.monotonic()
    fail(before)
    assert wait_for(lambda: int(service.shows("NRestarts")) == restarts + 1, within=within)
    assert is_active(service, within)
    print(f"{result}: active again after {time.monotonic() - start:.2f} s")
    assert service.main_pid() != before
    assert_serves(lab)


def test_it_ends_within_a_second_and_the_flows_stay(service: Container, lab: Lab) -> None:
    lab.wait_for_flows("vm5", within=RECONNECTED_WITHIN)
    flows = lab.switch.flows("table=22")
    start = time.monotonic()
    service.systemctl("stop", "ovsdhcp")
    assert time.monotonic() - start < 1
    shown = [service.shows(name) for name in ("ActiveState", "Result", "ExecMainStatus")]
    assert shown == ["inactive", "success", "0"]
    assert len(lab.switch.flows("table=22")) == len(flows) > 0
