"""A DHCP server on Ryu as its own examples are written: an event, and its packet library.

    BINDINGS=1000 ryu-manager benchmarks/plain_ryu.py

It answers DISCOVER and REQUEST for the clients of `benchmarks.clients`, and no more: what somebody
has after an afternoon with ryu/app/simple_switch_13.py and the documentation of ryu.lib.packet.
"""

import os
from typing import Any

from ryu.base import app_manager
from ryu.controller import ofp_event
from ryu.controller.handler import CONFIG_DISPATCHER, MAIN_DISPATCHER
from ryu.controller.handler import set_ev_cls as on
from ryu.lib import addrconv
from ryu.lib.packet import dhcp, ethernet, ipv4, packet, udp
from ryu.ofproto import ofproto_v1_3

from benchmarks import clients

_TYPE = 53
_OFFER_TO, _ACK_TO = 1, 3


def _octets(address: object) -> bytes:
    octets: bytes = addrconv.ipv4.text_to_bin(str(address))
    return octets


OPTIONS = (
    (54, _octets(clients.SERVER)),
    (51, clients.LEASE.to_bytes(4, "big")),
    (1, _octets(clients.NETMASK)),
    (3, _octets(clients.SERVER)),
    (6, _octets(clients.DNS)),
    (15, clients.DOMAIN.encode()),
    (26, clients.MTU.to_bytes(2, "big")),
)


class PlainDhcp(app_manager.RyuApp):  # type: ignore[misc]  # Ryu carries no types
    """One table from MAC to address, one handler."""

    OFP_VERSIONS = (ofproto_v1_3.OFP_VERSION,)

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        count = int(os.environ["BINDINGS"])
        self.addresses = {clients.mac(n): str(clients.address(n)) for n in range(count)}

    @on(ofp_event.EventOFPSwitchFeatures, CONFIG_DISPATCHER)  # type: ignore[untyped-decorator]
    def switch_features(self, ev: Any) -> None:
        datapath = ev.msg.datapath
        ofproto, parser = datapath.ofproto, datapath.ofproto_parser
        match = parser.OFPMatch(eth_type=0x0800, ip_proto=17, udp_src=68, udp_dst=67)
        actions = [parser.OFPActionOutput(ofproto.OFPP_CONTROLLER, ofproto.OFPCML_NO_BUFFER)]
        apply = [parser.OFPInstructionActions(ofproto.OFPIT_APPLY_ACTIONS, actions)]
        datapath.send_msg(
            parser.OFPFlowMod(datapath=datapath, priority=100, match=match, instructions=apply)
        )

    @on(ofp_event.EventOFPPacketIn, MAIN_DISPATCHER)  # type: ignore[untyped-decorator]
    def packet_in(self, ev: Any) -> None:
        msg = ev.msg
        asked = packet.Packet(msg.data).get_protocol(dhcp.dhcp)
        if asked is None or asked.chaddr not in self.addresses:
            return
        kind = next(o.value[0] for o in asked.options.option_list if o.tag == _TYPE)
        if kind in (_OFFER_TO, _ACK_TO):
            self.answer(msg, asked, kind)

    def answer(self, msg: Any, asked: Any, kind: int) -> None:
        reply = packet.Packet()
        address = self.addresses[asked.chaddr]
        said = dhcp.DHCP_OFFER if kind == _OFFER_TO else dhcp.DHCP_ACK
        options = [dhcp.option(tag=_TYPE, value=bytes((said,)))]
        options += [dhcp.option(tag=tag, value=value) for tag, value in OPTIONS]
        reply.add_protocol(ethernet.ethernet(dst=asked.chaddr, src=clients.SERVER_MAC))
        reply.add_protocol(ipv4.ipv4(src=str(clients.SERVER), dst=address, proto=17))
        reply.add_protocol(udp.udp(src_port=67, dst_port=68))
        reply.add_protocol(
            dhcp.dhcp(
                op=dhcp.DHCP_BOOT_REPLY,
                chaddr=asked.chaddr,
                xid=asked.xid,
                yiaddr=address,
                siaddr="0.0.0.0",
                giaddr="0.0.0.0",
                options=dhcp.options(option_list=options),
            )
        )
        reply.serialize()
        datapath = msg.datapath
        ofproto, parser = datapath.ofproto, datapath.ofproto_parser
        out = parser.OFPPacketOut(
            datapath=datapath,
            buffer_id=ofproto.OFP_NO_BUFFER,
            in_port=ofproto.OFPP_CONTROLLER,
            actions=[parser.OFPActionOutput(msg.match["in_port"])],
            data=reply.data,
        )
        datapath.send_msg(out)
