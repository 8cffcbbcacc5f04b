"""Flows filled in from templates are the flows that would be encoded, whatever the port."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovsdhcp.config.table import Bridge, Flows, Port, RateLimit, Reply, Tables
from ovsdhcp.dhcp.binding import Binding
from ovsdhcp.openflow import messages, pipeline
from ovsdhcp.openflow.encoding import Encoding
from tests.openflow.bridges import BR_INT, VM2, VM_NET

OTHER_NET = replace(VM_NET, name="other", server_id=IPv4Address("172.16.255.190"))
BINDINGS = st.builds(
    Binding,
    st.just("vm"),
    st.sampled_from([VM_NET, OTHER_NET]),
    st.integers(0, 0xDFFFFFFF).map(IPv4Address),
    st.none() | st.binary(min_size=6, max_size=6).map(lambda mac: bytes([mac[0] & 0xFE]) + mac[1:]),
    st.sampled_from([60, 3600]),
)
PORTS = st.builds(
    Port,
    st.text("abc", min_size=1, max_size=3),
    BINDINGS.map(lambda binding: (binding,)),
    trusted=st.booleans(),
    guard=st.booleans(),
    allowed=st.sampled_from([(), (IPv4Network("10.0.0.0/8"),)]),
    arp_responder=st.booleans(),
    rate_limit=st.sampled_from([None, RateLimit(5, 9)]),
)
BRIDGES = st.builds(
    Bridge,
    st.just("br-int"),
    st.just(()),
    reply=st.sampled_from(Reply),
    flows=st.sampled_from(Flows),
    tables=st.sampled_from([Tables(), Tables(1, 30, 31)]),
    rate_ceiling=st.sampled_from([None, RateLimit(50, 90)]),
)


@given(BRIDGES, st.lists(st.tuples(PORTS, st.integers(1, 0xFEFF)), max_size=6))
def test_what_is_filled_in_is_what_would_be_encoded(
    bridge: Bridge, ports: list[tuple[Port, int]]
) -> None:
    encoding = Encoding(bridge)
    for port, ofport in ports:
        flows = pipeline.port_flows(bridge, port, ofport)
        encoded = [(messages.key(flow), messages.entry(flow)) for flow in flows]
        assert list(encoding.flows(port, ofport)) == encoded


@pytest.mark.parametrize("reply", Reply)
@given(PORTS.filter(lambda port: not port.arp_responder))
def test_a_kind_of_port_is_encoded_once(reply: Reply, port: Port) -> None:
    encoding = Encoding(replace(BR_INT, reply=reply))
    list(encoding.flows(port, 1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "port_flows", None)
        (binding,) = port.bindings
        other = replace(binding, address=IPv4Address("192.0.2.77"))
        assert list(encoding.flows(replace(port, name="x", bindings=(other,)), 2))


def test_ports_with_several_clients_are_encoded_each() -> None:
    flows = pipeline.port_flows(BR_INT, VM2, 2)
    encoded = [(messages.key(flow), messages.entry(flow)) for flow in flows]
    assert list(Encoding(BR_INT).flows(VM2, 2)) == encoded


def test_without_meters_nothing_goes_through_one() -> None:
    limited = replace(BR_INT, rate_ceiling=RateLimit(50, 90))
    port = replace(BR_INT.ports[0], rate_limit=RateLimit(5, 9))
    encoding = Encoding(limited, metered=False)
    assert encoding.own_meters == encoding.meters(port, 1) == ()
    assert list(encoding.flows(port, 1)) == list(Encoding(BR_INT).flows(BR_INT.ports[0], 1))
