"""The verb `status`, and what is found to be wrong from what it says."""

from pathlib import Path
from typing import Any

import pytest

from ovsdhcp.control.findings import findings_of, target
from ovsdhcp.dhcp import reasons
from ovsdhcp.openflow.bridge_sockets import BridgeSocket
from tests.control.without_ryu import Server


def said_by(server: Server) -> dict[str, Any]:
    first, *bridges = server.ask("status")
    return first | {"bridges": [item["bridge"] for item in bridges]}


def found(status: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {f.check: (f.text, f.mend) for f in findings_of(status)}


def test_a_server_that_is_well() -> None:
    server = Server(names={1: "vm1", 2: "vm2", 5: "vm5", 9: "eth9"})
    server.connect()
    status = said_by(server)
    keys = {"server", "sockets", "table", "leases", "journal", "reasons", "events", "bridges"}
    assert set(status) == keys
    assert status["table"]["path"] == "table.yaml"
    assert status["bridges"][0]["ports"] == {"configured": 4, "attached": 4, "missing": 0}
    assert status["bridges"][0]["in_sync"] is True
    assert findings_of(status) == []


def test_a_bridge_that_is_away_comes_with_its_command() -> None:
    status = said_by(Server(listens=("127.0.0.1", 16653)))
    assert found(status) == {
        "bridge-not-connected": (
            "bridge br-int is not connected",
            "ovs-vsctl set-controller br-int tcp:127.0.0.1:16653",
        )
    }


def test_missing_ports_and_flows_not_confirmed() -> None:
    server = Server(names={1: "vm1"})
    connection = server.connect()
    connection.answering = False
    connection.send(connection.switch.sync())
    assert found(said_by(server)) == {
        "flows-not-confirmed": (
            "bridge br-int has not confirmed its flows yet",
            "ovsdhcp flows diff br-int",
        ),
        "ports-missing": (
            "3 of 4 ports of the table are not on bridge br-int: vm2, vm5, uplink",
            "ovs-vsctl add-port br-int vm2, or take it out of the table",
        ),
    }


def test_a_port_that_two_entries_select() -> None:
    server = Server(names={1: "vm1", 2: "vm2", 9: "vm5"})
    server.connect()
    status = said_by(server)
    assert status["bridges"][0]["ports"] == {"configured": 4, "attached": 3, "missing": 0}
    assert found(status) == {
        "port-selected-twice": (
            "two entries of the table are port 9 of bridge br-int: uplink by its number, which is "
            "served, and vm5 by its name, which is not",
            "take one of them out of the table, or give uplink another `ofport`",
        )
    }


def test_what_the_counters_tell() -> None:
    server = Server()
    server.connect()
    server.service.reasons.update({reasons.OTHER_SERVER.code: 3, reasons.OFFER.code: 9})
    status = said_by(server)
    assert found(status) == {
        "other-server": (
            "the client chose another server (3 times)",
            "ovsdhcp explain other-server",
        )
    }
    assert findings_of(status)[0].severity == "advice"


def test_sockets_that_are_not_there_are_an_advice_said_once() -> None:
    folder, why = Path("/run/openvswitch"), ("there is no folder /run/openvswitch", "start it")
    server = Server(
        sockets=(
            BridgeSocket("br-a", folder / "br-a.controller"),
            BridgeSocket("br-b", folder / "br-b.controller", *why),
            BridgeSocket("br-c", folder / "br-c.controller", *why),
        )
    )
    server.connect()
    status = said_by(server)
    assert status["sockets"][:2] == [
        {
            "bridge": "br-a",
            "target": "unix:/run/openvswitch/br-a.controller",
            "problem": "",
            "hint": "",
        },
        {
            "bridge": "br-b",
            "target": "unix:/run/openvswitch/br-b.controller",
            "problem": why[0],
            "hint": why[1],
        },
    ]
    assert found(status) == {"sockets": (f"no Unix socket for br-b, br-c: {why[0]}", why[1])}
    assert findings_of(status)[0].severity == "advice"


def test_a_refused_reload_is_the_first_thing_said() -> None:
    status = said_by(Server())
    status["table"]["last_reload"] = {"ok": False}
    first = findings_of(status)[0]
    assert (first.check, first.mend) == ("reload-refused", "ovsdhcp check table.yaml")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_loopback_is_well(host: str) -> None:
    assert "listens-widely" not in found(said_by(Server(listens=(host, 6653))))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.0.2.1", "a-name"])
def test_whatever_others_can_reach_is_an_advice(host: str) -> None:
    assert "listens-widely" in found(said_by(Server(listens=(host, 6653))))


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("0.0.0.0", "tcp:127.0.0.1:6653"),
        ("", "tcp:127.0.0.1:6653"),
        ("192.0.2.1", "tcp:192.0.2.1:6653"),
        ("2001:db8::1", "tcp:[2001:db8::1]:6653"),
        ("controller", "tcp:controller:6653"),
    ],
)
def test_a_controllers_target(host: str, expected: str) -> None:
    assert target({"host": host, "port": 6653}) == expected
