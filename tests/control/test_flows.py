"""The verb `flows`: every difference is found and told, and nothing else."""

from dataclasses import replace

import pytest

from ovsdhcp.config.table import Flows, Reply
from ovsdhcp.control import flows
from ovsdhcp.control.protocol import ControlError
from ovsdhcp.openflow import messages, pipeline
from ovsdhcp.openflow.fields import IN_PORT
from ovsdhcp.openflow.flow import Flow, Match
from tests.control.without_ryu import Server
from tests.openflow.bridges import BR_INT


def key_of(ofport: int, table: int) -> "messages.Key":
    """The only flow of vm1 or vm5 in table 22, or the first in table 0."""
    server = Server()
    connection = server.connect()
    port = Match(IN_PORT, ofport).value.to_bytes(4, "big")
    return next(
        key
        for key in connection.bridge.flows
        if key.table == table and key.match[4:8] == port and key.match[:2] == b"\x80\x00"
    )


@pytest.mark.parametrize("reply", Reply)
def test_a_bridge_that_has_all_of_it_differs_in_nothing(reply: Reply) -> None:
    server = Server(bridges=(replace(BR_INT, reply=reply),))
    connection = server.connect(server.bridges[0])
    (said,) = server.ask("flows")
    number = len(connection.bridge.flows)
    assert number > 20
    assert said["bridge"] == {
        "name": "br-int",
        "connected": True,
        "in_sync": True,
        "flows": "managed",
        "wanted": number,
        "as_wanted": number,
        "differences": 0,
        "questions": 0,
        "silent_ports": 4,
    }


def test_what_is_missing_different_and_unexpected_is_told_by_port() -> None:
    server = Server()
    bridge = server.connect().bridge
    gone, changed = key_of(5, 22), key_of(1, 22)
    del bridge.flows[gone]
    bridge.flows[changed] = messages.Entry(bridge.flows[changed].cookie, b"")
    foreign = Flow(7, 1, pipeline.COOKIE, (Match(IN_PORT, 9),))
    bridge.flows[messages.key(foreign)] = messages.entry(foreign)
    *differences, last = server.ask("flows", bridge="br-int")
    said = [item["difference"] for item in differences]
    assert [(one["kind"], one["port"]) for one in said] == [
        ("different", "vm1"),
        ("missing", "vm5"),
        ("unexpected", "uplink"),
    ]
    assert said[0]["installed"].endswith("actions=drop")
    assert said[0]["wanted"].endswith("actions=CONTROLLER:65535")
    assert "in_port=vm5,dl_src=02:ac:10:ff:01:30" in said[1]["wanted"]
    assert said[1]["installed"] is said[1]["packets"] is None
    assert said[2]["wanted"] is None
    sums = last["bridge"]
    assert (sums["differences"], sums["wanted"] - sums["as_wanted"]) == (3, 2)


def test_a_catch_all_that_gave_way_is_as_it_should_be() -> None:
    server = Server()
    bridge = server.connect().bridge
    exclusive = next(key for key in bridge.flows if not key.match and key.priority == 0)
    del bridge.flows[exclusive]
    gave_way, last = server.ask("flows")
    assert gave_way["difference"]["kind"] == "gave-way"
    assert last["bridge"]["differences"] == 0


def test_a_bridge_that_is_away_and_one_of_others_flows_are_not_asked() -> None:
    external = replace(BR_INT, name="br-ovn", flows=Flows.EXTERNAL)
    server = Server(bridges=(BR_INT, external))
    server.connect(external).answering = False
    away, others = server.ask("flows")
    assert (away["bridge"]["connected"], away["bridge"]["wanted"]) == (False, 0)
    assert (others["bridge"]["connected"], others["bridge"]["flows"]) == (True, "external")


def test_a_bridge_that_the_table_has_not_is_named() -> None:
    with pytest.raises(ControlError, match="no bridge `br-ex`") as raised:
        Server().ask("flows", bridge="br-ex")
    assert (raised.value.code, raised.value.hint) == ("wrong-argument", "it has br-int")


def test_a_bridge_that_does_not_answer_is_not_waited_for_forever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = Server()
    server.connect().answering = False
    asked = server.verbs["flows"]({})
    assert next(asked) is None
    monkeypatch.setattr(flows, "ANSWERS_WITHIN", -1.0)
    with pytest.raises(ControlError, match="did not say its flows"):
        list(server.verbs["flows"]({}))


def test_a_bridge_that_leaves_meanwhile_is_said() -> None:
    server = Server()
    server.connect().answering = False
    asked = server.verbs["flows"]({})
    assert next(asked) is None
    server.connections.clear()
    with pytest.raises(ControlError, match="has just disconnected"):
        next(asked)


def test_looking_changes_nothing() -> None:
    server = Server()
    connection = server.connect()
    connection.bridge.flows.clear()
    before = connection.bridge.flow_mods
    assert len(server.ask("flows")) > 20
    assert connection.bridge.flow_mods == before
    assert connection.switch.in_sync


def test_many_ports_are_compared_some_at_a_time_and_let_go_on_the_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is compared is freed then: half a million flows at once would hold everybody up."""
    monkeypatch.setattr(flows, "PORTS_A_TURN", 2)
    server = Server()
    connection = server.connect()
    look, asked = connection.switch.look()
    connection.send(asked)
    number, left = len(look.flows), []
    for item in flows.compared(connection.switch, look.flows, flows.Sums()):
        assert item == {}
        left.append(len(look.flows))
    own, two_ports, four_ports = left
    assert number > own > two_ports > four_ports == 0
