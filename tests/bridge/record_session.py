"""Writes tests/openflow/ovs-session.hex: what Open vSwitch says when it is asked for everything.

    python -m tests.bridge.record_session      (as root; a lab of its own, about five seconds)

Flows with actions of every shape, groups, meters, a queue, ports that come and go, packet-ins of
both kinds, refusals: one message a line. The tests of the channel take it as the well-formed.
"""

import os
import socket
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ovsdhcp.lab import namespace
from ovsdhcp.lab.laboratory import Lab, Names
from ovsdhcp.openflow import asynchronous, messages
from tests.bridge.tables import VM_NET

SESSION = Path(__file__).parents[1] / "openflow" / "ovs-session.hex"
PORT = 6653
FLOWS = (
    "table=0,priority=10,in_port=1,actions=controller",
    "table=0,priority=11,udp,in_port=5,tp_dst=67,actions=controller(userdata=00.00.00.02,pause)",
    "table=1,actions=controller(max_len=128,userdata=01.02.03.04.05.06.07.08,pause)",
    "table=1,priority=2,actions=controller(reason=no_match,max_len=64,id=3)",
    "table=2,priority=1,ip,actions=ct(commit,zone=1,exec(set_field:0x1->ct_mark)),resubmit(,3)",
    "table=2,priority=2,ip,ct_state=+trk+est,actions=ct(nat,table=3)",
    "table=3,actions=learn(table=4,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],"
    "load:0->NXM_OF_VLAN_TCI[],output:NXM_OF_IN_PORT[])",
    "table=4,vlan_tci=0x1005/0x1fff,actions=pop_vlan,push_vlan:0x8100,set_field:4097->vlan_vid,2",
    "table=4,priority=3,mpls,actions=dec_mpls_ttl,pop_mpls:0x0800,dec_ttl,set_queue:1,output:2",
    "table=5,arp,actions=move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[],load:0x2->NXM_OF_ARP_OP[],"
    "note:01.02.03,in_port",
    "table=5,ipv6,ipv6_src=2001:db8::/32,actions=write_metadata:0x1/0xff,goto_table:6",
    "table=6,reg0=0x1/0xf,tun_id=5,actions=meter:1,group:1,clear_actions,write_actions(output:3)",
    "table=6,priority=5,dl_src=02:00:00:00:00:01/ff:00:00:00:00:00,actions="
    "bundle(eth_src,0,hrw,ofport,members:1,2),multipath(eth_src,50,modulo_n,1,0,NXM_NX_REG0[])",
    "table=7,tcp,tcp_flags=+syn-ack,actions=dec_ttl(1,2),fin_timeout(idle_timeout=5)",
)
MULTIPARTS: tuple[tuple[int, bytes], ...] = (
    (0, b""),
    (1, struct.pack("!B3xII4xQQHH4x", 255, messages.ANY, messages.ANY, 0, 0, 1, 4)),
    (2, struct.pack("!B3xII4xQQHH4x", 255, messages.ANY, messages.ANY, 0, 0, 1, 4)),
    (3, b""),
    (4, struct.pack("!I4x", messages.ANY)),
    (5, struct.pack("!II", messages.ANY, messages.ANY)),
    (6, struct.pack("!I4x", 0xFFFF_FFFC)),
    (7, b""),
    (8, b""),
    (9, struct.pack("!I4x", 0xFFFF_FFFF)),
    (10, struct.pack("!I4x", 0xFFFF_FFFF)),
    (11, b""),
    (12, b""),
    (13, b""),
)
MULTIPART_REPLY = 19
FOR_EACH_TABLE = {b"\0\x03": 24, b"\0\x0c": 0}
"""The octets that a table takes, 0 where it says so itself."""
GROUPS = (
    "group_id=1,type=select,bucket=weight:1,actions=output:1,bucket=weight:2,actions=output:2",
    "group_id=2,type=all,bucket=actions=set_field:02:00:00:00:00:01->eth_dst,output:3",
)
LEASE_TABLE = VM_NET + "bridges: {br-int: {ports: {vm5: {subnet: vm-net, ip: 172.16.255.130}}}}"


def read(connected: socket.socket, *, within: float) -> Iterator[bytes]:
    """Whole messages, until none has come for a while."""
    connected.settimeout(within)
    rest = b""
    while True:
        try:
            octets = connected.recv(1 << 18)
        except TimeoutError:
            assert not rest
            return
        assert octets, "the switch hung up"
        rest += octets
        while len(rest) >= 8 and len(rest) >= int.from_bytes(rest[2:4], "big"):
            length = int.from_bytes(rest[2:4], "big")
            yield rest[:length]
            rest = rest[length:]


def ask(kind: int, body: bytes, xid: int) -> bytes:
    return messages.message(18, xid, struct.pack("!HH4x", kind, 0) + body)


def questions() -> Iterator[bytes]:
    """Everything that a controller may want to know, and some that it may not."""
    for kind, body in MULTIPARTS:
        yield ask(kind, body, 100 + kind)
    yield messages.message(7, 120, b"")  # get_config
    yield messages.message(22, 121, struct.pack("!I4x", messages.ANY))  # queue_get_config
    yield messages.message(24, 122, struct.pack("!I4xQ", 1, 0))  # role: equal
    yield messages.message(26, 123, b"")  # get_async
    yield messages.barrier(124)
    yield messages.message(2, 125, b"echo")
    yield messages.message(18, 126, struct.pack("!HH4x", 99, 0))  # refused
    yield messages.bundle([], 127)
    yield messages.message(99, 128, b"")  # refused


def session(lab: Lab, connected: socket.socket) -> Iterator[bytes]:
    """One connection, from HELLO on."""
    connected.sendall(messages.message(0, 1, b"") + messages.message(5, 2, b""))
    connected.sendall(b"".join(questions()))
    yield from read(connected, within=1)
    ofctl(lab, "--strict", "del-flows", "br-int", "table=1,priority=2")
    lab.switch.vsctl("del-port", "br-int", "vm3", doing="unplug a port")
    lab.switch.add_port("vm3", 3)
    yield from read(connected, within=1)
    for form in (b"", asynchronous.set_packet_in_format(3)):
        connected.sendall(form)
        for action in ("controller", "controller(userdata=00.00.00.02.00,pause)"):
            packet = "ff" * 6 + "020000000001" + "0800" + "45" + "00" * 40
            ofctl(lab, "packet-out", "br-int", f"in_port=1,packet={packet},actions={action}")
        yield from read(connected, within=1)


def ofctl(lab: Lab, *arguments: str) -> None:
    lab.switch.ofctl("-O", "OpenFlow13", *arguments, doing="change the bridge")


def prepare(lab: Lab) -> None:
    """Whatever can be asked for."""
    ofctl(lab, "add-meter", "br-int", "meter=1,kbps,burst,band=type=drop,rate=10,burst_size=5")
    for line in GROUPS:
        ofctl(lab, "add-group", "br-int", line)
    for line in FLOWS:
        ofctl(lab, "add-flow", "br-int", f"send_flow_rem,{line}")


def record(lab: Lab, table: Path) -> list[bytes]:
    """Bring a lab up, and be its controller for a while."""
    table.write_text(LEASE_TABLE)
    lab.up(table)
    lab.controller.stop()
    prepare(lab)
    with namespace.inside(lab.home):
        listener = socket.create_server(("127.0.0.1", PORT))
    connected, _ = listener.accept()
    return list(session(lab, connected))


def short(said: list[bytes]) -> Iterator[bytes]:
    """Without what is said of each of 254 tables, but for the first."""
    tables_said = set()
    for message in said:
        kind = message[8:10] if message[1] == MULTIPART_REPLY else b""
        if kind not in FOR_EACH_TABLE:
            yield message
        elif kind not in tables_said:
            tables_said.add(kind)
            length = FOR_EACH_TABLE[kind] or int.from_bytes(message[16:18], "big")
            yield messages.message(MULTIPART_REPLY, 0, message[8 : 16 + length])


def main() -> None:
    """Record."""
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(Names(Path(folder) / "lab", f"record{os.getpid()}-", "switch"))
        try:
            said = record(lab, Path(folder) / "table.yaml")
        finally:
            lab.down()
    SESSION.write_text("".join(f"{message.hex()}\n" for message in short(said)))


if __name__ == "__main__":
    main()
