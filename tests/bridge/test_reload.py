"""A changed table, with real clients: who is refused, who is served, and what the bridge has."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from ovsdhcp.config.loading import load
from ovsdhcp.control.client import ask
from ovsdhcp.lab import namespace
from ovsdhcp.lab.deadline import wait_for
from ovsdhcp.lab.laboratory import Lab
from ovsdhcp.lab.wire import parse
from ovsdhcp.openflow import pipeline
from tests.bridge.raw import RawPort, raw_ports, xid_of
from tests.bridge.tables import VM_NET
from tests.bridge.test_renewal import ASK_OFTEN
from tests.dhcp.wire import bootp, frame, mac

WITHIN = 2.0
LEASE_TABLE = (
    VM_NET.replace("1h", "20s")
    + """
bridges:
  br-int:
    rate_limit: none
    ports:
      vm5: {subnet: vm-net, mac: 02:ac:10:ff:01:30, ip: 172.16.255.130}
      vm3: {subnet: vm-net, mac: 02:ac:10:ff:01:33, ip: 172.16.255.133}
"""
)
MOVED = "ip: 172.16.255.140"
RELOADS, OUTSTANDING = 100, 32


def put(table: Path, text: str) -> None:
    """Rename a new file into place, as a program does."""
    beside = table.with_suffix(".new")
    beside.write_text(text)
    beside.rename(table)


def asked(lab: Lab, verb: str, **arguments: Any) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for item in ask(verb, arguments, lab.controller.folder / "controller" / "control.sock"):
        said |= item
    return said


def reload(lab: Lab, **arguments: Any) -> dict[str, Any]:
    outcome: dict[str, Any] = asked(lab, "reload", **arguments)["reload"]
    return outcome


def in_sync(lab: Lab) -> bool:
    """Whether the bridge is connected and has confirmed its flows."""
    said: bool = asked(lab, "status")["bridge"]["in_sync"]
    return said


@pytest.fixture
def original(lab: Lab, table: Path) -> Iterator[Lab]:
    """The lab, with the module's table in force before and after."""
    text = table.read_text()
    yield lab
    put(table, text)
    assert reload(lab)["ok"]
    assert wait_for(lambda: has_its_flows(lab, table), within=WITHIN)


def has_its_flows(lab: Lab, table: Path) -> bool:
    """Whether the bridge has as many flows of ours as the table asks for."""
    bridges = [bridge for bridge in load(table).bridges if bridge.name == "br-int"]
    names = {port.number: port.name for port in lab.ports.values()}
    wanted = sum(len(list(pipeline.desired(bridge, names))) for bridge in bridges)
    ours = f"cookie={pipeline.COOKIE:#x}/{pipeline.COOKIE_MASK:#x}"
    return len(lab.switch.flows(ours)) == wanted


def offered(port: RawPort, client: str, xid: int) -> str:
    """The address that a client is offered."""
    port.send(frame(bootp(1, chaddr=mac(client), xid=xid), eth_src=mac(client)))
    seen, _ = port.wait(lambda it: xid_of(it) == xid and it.kind == "OFFER", within=WITHIN)
    return seen.yiaddr


def controller_pid(lab: Lab) -> int:
    home = namespace.identity(lab.home)
    assert home is not None
    (pid,) = namespace.residents_called("ryu-manager", home)
    return pid


def test_a_client_whose_address_changed_is_refused_and_bound_anew_by_itself(
    original: Lab, table: Path
) -> None:
    with original.sniff("vm5") as wire:
        client = original.client("dhclient", "vm5")
        with (client.place.etc / "dhcp/dhclient.conf").open("a") as conf:
            conf.write(ASK_OFTEN)
        client.start()
        assert client.wait_until_bound().addresses == ("172.16.255.130/26",)
        put(table, LEASE_TABLE.replace("ip: 172.16.255.130", MOVED))
        refused = wire.wait(lambda it: it.kind == "NAK", within=20)
        assert refused is not None
        bound = wire.wait(lambda it: it.kind == "ACK" and it.at > refused.at, within=10)
        assert bound is not None
        assert bound.yiaddr == "172.16.255.140"
    assert wait_for(lambda: client.outcome().addresses == ("172.16.255.140/26",), within=5)


def test_a_changed_file_is_noticed_and_only_the_changed_port_is_touched(
    original: Lab, table: Path
) -> None:
    time.sleep(1.1)  # durations are told in whole seconds
    before = {f for f in original.switch.flows("in_port=vm3") if "duration" in f}
    put(table, LEASE_TABLE.replace("ip: 172.16.255.130", MOVED))
    with raw_ports(original) as ports:
        address = ""
        end, xid = time.monotonic() + 1, 100
        while address != "172.16.255.140" and time.monotonic() < end:
            address, xid = offered(ports["vm5"], "02:ac:10:ff:01:30", xid), xid + 1
        assert address == "172.16.255.140"
    ages = [float(f.split("duration=")[1].split("s")[0]) for f in before]
    now = [
        float(f.split("duration=")[1].split("s")[0]) for f in original.switch.flows("in_port=vm3")
    ]
    assert min(now) >= min(ages)


def test_a_wrong_file_changes_nothing_and_is_told(original: Lab, table: Path) -> None:
    put(table, LEASE_TABLE.replace("ip: 172.16.255.130", "ip: 172.16.255.300"))
    outcome = reload(original)
    assert (outcome["ok"], outcome["changed"]) == (False, False)
    assert [problem["code"] for problem in outcome["problems"]] == ["bad-address"]
    assert asked(original, "status")["table"]["last_reload"]["ok"] is False
    assert "bad-address" in original.controller.log.read_text()
    with raw_ports(original) as ports:
        assert offered(ports["vm5"], "02:ac:10:ff:01:30", 200) == "172.16.255.130"


def test_sighup_reloads(original: Lab, table: Path) -> None:
    at = asked(original, "status")["table"]["last_reload"]
    os.kill(controller_pid(original), signal.SIGHUP)
    assert wait_for(lambda: asked(original, "status")["table"]["last_reload"] != at, within=WITHIN)
    assert asked(original, "status")["table"]["last_reload"]["changed"] is False


def test_a_trial_that_nobody_confirms_ends(original: Lab, table: Path) -> None:
    put(table, LEASE_TABLE.replace("ip: 172.16.255.130", MOVED))
    assert reload(original, confirm=1.0)["confirm_within"] == 1.0
    with raw_ports(original) as ports:
        assert offered(ports["vm5"], "02:ac:10:ff:01:30", 300) == "172.16.255.140"
        assert wait_for(
            lambda: asked(original, "status")["table"]["confirm_within"] is None, within=3
        )
        assert wait_for(
            lambda: offered(ports["vm5"], "02:ac:10:ff:01:30", 301) == "172.16.255.130", within=1
        )
        assert asked(original, "confirm")["confirmed"] is False


def test_a_confirmed_trial_stays(original: Lab, table: Path) -> None:
    put(table, LEASE_TABLE.replace("ip: 172.16.255.130", MOVED))
    reload(original, confirm=1.0)
    assert asked(original, "confirm")["confirmed"] is True
    time.sleep(1.3)  # past the end of the trial
    with raw_ports(original) as ports:
        assert offered(ports["vm5"], "02:ac:10:ff:01:30", 310) == "172.16.255.140"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    ports:", "    reply: resume\n    ports:"),
        ("    ports:", "    tables: {dhcp_options: 7}\n    ports:"),
        ("    ports:", "    other_traffic: drop\n    ports:"),
        ("172.16.255.129\n    server_mac", "172.16.255.150\n    server_mac"),
    ],
    ids=["reply", "tables", "other traffic", "server"],
)
def test_a_bridge_that_is_otherwise_now_has_just_its_flows_and_serves(
    original: Lab, table: Path, old: str, new: str
) -> None:
    put(table, LEASE_TABLE.replace(old, new, 1))
    assert reload(original)["changed"]
    assert wait_for(lambda: has_its_flows(original, table), within=WITHIN)
    with raw_ports(original) as ports:
        assert offered(ports["vm5"], "02:ac:10:ff:01:30", 400) == "172.16.255.130"


def test_a_bridge_that_leaves_the_table_loses_its_flows_and_gets_them_back(
    original: Lab, table: Path
) -> None:
    original.switch.ofctl(
        "add-flow", "br-int", "cookie=0x77,table=9,actions=drop", doing="lay another's flow"
    )
    put(table, LEASE_TABLE.replace("br-int", "br-other"))
    assert reload(original)["changed"]
    assert wait_for(lambda: len(original.switch.flows()) == 1, within=WITHIN)
    put(table, LEASE_TABLE)
    assert reload(original)["changed"]
    with raw_ports(original) as ports:
        assert wait_for(lambda: has_its_flows(original, table), within=WITHIN)
        assert offered(ports["vm5"], "02:ac:10:ff:01:30", 500) == "172.16.255.130"
    original.switch.ofctl("del-flows", "br-int", "cookie=0x77/-1", doing="take it away")


def test_a_hundred_reloads_lose_no_exchange_and_give_no_wrong_answer(
    original: Lab, table: Path
) -> None:
    """vm5 asks all the time; vm3 moves with each reload, and may be told either address."""
    tables = [LEASE_TABLE, LEASE_TABLE.replace("ip: 172.16.255.133", "ip: 172.16.255.141")]
    allowed = {
        "vm5": {"172.16.255.130"},
        "vm3": {"172.16.255.133", "172.16.255.141"},
    }
    clients = {"vm5": "02:ac:10:ff:01:30", "vm3": "02:ac:10:ff:01:33"}
    with raw_ports(original) as ports:
        waiting: dict[str, set[int]] = {"vm5": set(), "vm3": set()}
        answered, xid = 0, 1_000_000

        def turn(*, ask_more: bool) -> None:
            nonlocal answered, xid
            for name, there in waiting.items():
                port = ports[name]
                for octets in port.arrived():
                    seen = parse(octets, 0)
                    if seen is None or seen.kind != "OFFER":
                        continue
                    assert seen.yiaddr in allowed[name]
                    there.remove(xid_of(seen))
                    answered += 1
                while ask_more and len(there) < OUTSTANDING // 2:
                    xid += 1
                    client = mac(clients[name])
                    port.send(frame(bootp(1, chaddr=client, xid=xid), eth_src=client))
                    there.add(xid)

        reloads = Thread(target=_reload_again_and_again, args=(original, table, tables))
        reloads.start()
        while reloads.is_alive():
            turn(ask_more=True)
        end = time.monotonic() + 3
        while any(waiting.values()) and time.monotonic() < end:
            turn(ask_more=False)
        assert waiting == {"vm5": set(), "vm3": set()}, f"{answered} answered, these never were"
    print(f"{answered} exchanges during {RELOADS} reloads, none lost")
    assert answered > RELOADS


def _reload_again_and_again(lab: Lab, table: Path, tables: list[str]) -> None:
    for number in range(1, RELOADS + 1):
        put(table, tables[number % 2] + f"# {number}\n")
        assert reload(lab)["ok"]
