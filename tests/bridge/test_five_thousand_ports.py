"""5,000 ports: how fast they have their flows, and how long the hub is kept from others meanwhile.

The measure is what ovs-ofctl takes for the same flows in one bundle, on the same bridge.
"""

import time
from pathlib import Path

import pytest

from ovsdhcp.config.loading import load
from ovsdhcp.lab.deadline import wait_for
from ovsdhcp.lab.laboratory import Lab
from ovsdhcp.openflow import pipeline
from tests.bridge import hub_gaps
from tests.bridge.test_many_ports import _internal, _ports
from tests.bridge.test_reload import put, reload

pytestmark = pytest.mark.slow

PORTS = 5000
TIMES = 3.0
LONGEST = 400.0
"""Seconds for what is measured in `TIMES`: on a slow machine ovs-ofctl takes 60."""

GAP = 20.0
"""Milliseconds."""
LEASE_TABLE = """
subnets:
  big: {cidr: 10.0.0.0/16, server_id: 10.0.0.1, server_mac: 02:00:00:00:00:01, lease_time: 1h}
bridges:
  br-int:
    ports:
      vm5: {subnet: big, ip: 10.0.255.5}
""" + "".join(
    f"      p{n}: {{subnet: big, ip: 10.0.{n // 200 + 1}.{n % 200 + 1}}}\n" for n in range(1, PORTS)
)


@pytest.fixture
def crowded(lab: Lab) -> Lab:
    lab.switch.vsctl("del-controller", "br-int", doing="take the controller away")
    for start in range(1, PORTS, 500):
        names = (f"p{n}" for n in range(start, min(PORTS, start + 500)))
        plug = [word for it in names for word in ("--", "add-port", "br-int", it, *_internal(it))]
        lab.switch.vsctl("--timeout=300", *plug, doing="plug in some hundred ports")
    assert wait_for(lambda: _ports(lab) >= PORTS, within=300, every=1)
    return lab


def _count(lab: Lab) -> int:
    ours = f"cookie={pipeline.COOKIE:#x}/{pipeline.COOKIE_MASK:#x}"
    said = lab.switch.ofctl("dump-aggregate", "br-int", ours, doing="count the flows")
    return int(said.rpartition("flow_count=")[2])


def _gaps(path: Path) -> list[float]:
    return [float(line) for line in path.read_text().split()]


def test_five_thousand_ports(
    crowded: Lab, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    switch, gaps = crowded.switch, tmp_path / "gaps"
    monkeypatch.setenv("HUB_GAPS", str(gaps))
    crowded.controller.beside = (hub_gaps.__file__,)
    crowded.start_controller(table)
    (bridge,) = load(table).bridges
    names = {port.number: port.name for port in crowded.ports.values()} | _numbers(crowded)
    wanted = len(list(pipeline.desired(bridge, names)))

    start = time.monotonic()
    switch.set_controller()
    there = wait_for(lambda: _count(crowded) == wanted, within=LONGEST, every=0.05)
    assert there, (_count(crowded), wanted, crowded.controller.log.read_text()[-2000:])
    ours = time.monotonic() - start
    time.sleep(2 * hub_gaps.LINE_EVERY)
    connecting, seen = max(_gaps(gaps)), len(_gaps(gaps))

    switch.ofctl("--strict", "del-flows", "br-int", "table=0,priority=0", doing="miss one")
    assert wait_for(lambda: _count(crowded) == wanted, within=60, every=0.05)
    put(table, table.read_text().replace("10.0.3.7}", "10.0.99.7}"))
    outcome = reload(crowded)
    assert outcome["changed"]
    time.sleep(2 * hub_gaps.LINE_EVERY)
    comparing = max(_gaps(gaps)[seen:])

    file = tmp_path / "flows"
    file.write_text("".join(f"{flow}\n" for flow in _plain(crowded)))
    switch.vsctl("del-controller", "br-int", doing="take the controller away")
    switch.ofctl("del-flows", "br-int", doing="remove all flows")
    start = time.monotonic()
    add = ("ovs-ofctl", "--bundle", "-O", "OpenFlow13", "add-flows", "br-int", str(file))
    env = switch.client_environment
    crowded.shell.run(*add, doing="lay the same flows", environment=env, timeout=LONGEST)
    theirs = time.monotonic() - start
    print(
        f"{wanted} flows: {ours:.2f} s, ovs-ofctl {theirs:.2f} s; the hub was kept "
        f"{connecting:.1f} ms while the bridge connected and they were laid, {comparing:.1f} ms "
        f"while all were compared and one port was changed, which took {outcome['seconds']} s"
    )
    assert ours < TIMES * theirs
    assert comparing < GAP


def _numbers(lab: Lab) -> dict[int, str]:
    said = lab.switch.vsctl(
        "--format=csv", "--no-heading", "--columns=ofport,name", "list", "Interface", doing="list"
    )
    pairs = (line.replace('"', "").split(",") for line in said.split())
    return {int(number): name for number, name in pairs}


def _plain(lab: Lab) -> list[str]:
    ours = f"cookie={pipeline.COOKIE:#x}/{pipeline.COOKIE_MASK:#x}"
    said = lab.switch.ofctl("--no-stats", "dump-flows", "br-int", ours, doing="read the flows")
    return [line.strip() for line in said.splitlines() if "actions=" in line]
