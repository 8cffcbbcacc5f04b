"""Everybody is given the same bindings, and the clients of the generator are theirs."""

import json

import pytest

from benchmarks import clients, tables
from benchmarks.responders import constant_reply
from ovsdhcp.config.loading import loads


def test_a_client_has_its_address_in_its_mac() -> None:
    assert (str(clients.address(300)), clients.mac(300)) == ("10.64.1.54", "02:d0:0a:40:01:36")


@pytest.mark.parametrize(("ports", "bridges"), [(1, 1), (3, 1), (4, 4), (6, 3)])
def test_the_bindings_of_a_lease_table_are_the_generators(ports: int, bridges: int) -> None:
    names = [f"br{n}" for n in range(bridges)]
    config = loads(tables.lease_table(20, ports, names))
    there = {
        (binding.mac, binding.address): (bridge.name, port.name)
        for bridge in config.bridges
        for port in bridge.ports
        for binding in port.bindings
    }
    assert there == {
        (bytes.fromhex(clients.mac(n).replace(":", "")), clients.address(n)): (
            f"br{n % ports % bridges}",
            f"c{n % ports}",
        )
        for n in range(20)
    }


def test_json_and_yaml_are_the_same_table() -> None:
    text = tables.lease_table(3)
    assert loads(tables.as_yaml(text)) == loads(text)
    assert json.loads(text)["bridges"].keys() == {"br-int", "echo"}


def test_the_constant_reply_is_the_first_clients_without_a_checksum() -> None:
    reply = constant_reply()
    assert reply[40:42] == bytes(2)
    assert reply[58:62] == clients.address(0).packed
