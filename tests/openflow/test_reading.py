"""What a switch keeps of our flows, read back; and what it keeps of others', shown nonetheless."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovsdhcp.config.loading import load
from ovsdhcp.config.table import Bridge
from ovsdhcp.openflow import messages, pipeline
from ovsdhcp.openflow.messages import Entry, Key
from ovsdhcp.openflow.reading import flow_of, in_port, text_of

CONFIGS = Path(__file__).parents[2] / "configs"
BRIDGES = [
    replace(bridge, reply=way)
    for path in ("br-int.yaml", "pxe.yaml", "guard.yaml")
    for bridge in load(CONFIGS / path).bridges
    for way in type(bridge.reply)
]


@pytest.mark.parametrize("bridge", BRIDGES, ids=lambda b: f"{b.name}-{b.reply.value}")
def test_our_flows_are_read_as_they_were_laid(bridge: Bridge) -> None:
    names = {
        number: port.name for number, port in enumerate(bridge.ports, 1) if port.ofport is None
    }
    flows = list(pipeline.desired(bridge, names))
    assert len(flows) > len(names)
    for flow in flows:
        at, what = messages.key(flow), messages.entry(flow)
        read = flow_of(at, what)
        assert (messages.key(read), messages.entry(read)) == (at, what)
        assert read.actions == flow.actions
        assert text_of(at, what, names) == read.text(names)
        ports = [part.value for part in flow.match if part.field.name == "in_port"]
        assert in_port(at) == (ports[0] if ports else None)


@given(st.binary(max_size=80), st.binary(max_size=80))
def test_any_octets_have_a_text(match: bytes, instructions: bytes) -> None:
    text = text_of(Key(0, 1, match), Entry(2, instructions), {})
    assert text.startswith("cookie=0x2, table=0, priority=1")


def test_what_is_in_no_flow_of_ours_is_shown_as_octets() -> None:
    push_vlan = bytes.fromhex("0004 0010 00000000 0011 0008 8100 0000")
    text = text_of(Key(0, 7, b""), Entry(pipeline.COOKIE, push_vlan), {})
    assert text == (
        "cookie=0x6468637000000000, table=0, priority=7, match: "
        "instructions:00040010000000000011000881000000"
    )
