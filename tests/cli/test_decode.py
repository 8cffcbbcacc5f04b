"""`ovsdhcp decode`: octets and flows in plain words, and nothing hidden."""

import json

import pytest
from click.testing import CliRunner, Result

from ovsdhcp.cli import main
from tests.dhcp.wire import bootp, frame, mac
from tests.ovn.test_put_dhcp_opts import NEUTRON, SEED

FLOW = (
    " cookie=0xb68ca1fa, duration=420458.377s, table=20, n_packets=2, n_bytes=684, "
    "idle_age=65534, hard_age=65534, priority=100,udp,reg14=0x4,metadata=0x4,"
    "dl_src=fa:16:3e:8b:ea:fd,nw_src=0.0.0.0,nw_dst=255.255.255.255,tp_src=68,tp_dst=67 "
    f"actions=controller(userdata={NEUTRON},pause),resubmit(,21)"
)
RESPONSE = (
    "table=23, priority=100,udp,reg0=0x8/0x8,in_port=5,tp_src=68,tp_dst=67 actions="
    "mod_dl_src:02:ac:10:ff:01:29,set_field:172.16.255.129->ip_src,resubmit(,32)"
)
CLIENT = mac("02:ac:10:ff:01:30")


def decode(*arguments: str, text: str | bytes = "") -> Result:
    return CliRunner().invoke(main, ["decode", *arguments], input=text)


@pytest.mark.parametrize("written", [SEED, SEED.replace(".", ""), SEED.replace(".", ":").upper()])
def test_the_first_seeds_userdata(written: str) -> None:
    told = [
        "put_dhcp_opts: offers 172.16.255.130, the result goes to reg0[3]",
        " 51 lease_time: 3600",
        "  1 netmask: 255.255.255.192",
        "  3 router: 172.16.255.129",
        " 54 server_id: 172.16.255.129",
    ]
    assert decode(written).stdout.splitlines() == told
    assert decode("-", text=written + "\n").stdout.splitlines() == told
    assert decode(text=written).stdout.splitlines() == told


def test_a_flow_has_its_meaning_under_it() -> None:
    told = decode(text=f"NXST_FLOW reply (xid=0x4):\n{FLOW}\n table=1, priority=0 actions=drop\n")
    assert told.exit_code == 0
    assert told.stdout.splitlines() == [
        "NXST_FLOW reply (xid=0x4):",
        FLOW,
        "    table 20: a client's DHCP, from logical port (reg14) 0x4, of datapath (metadata) 0x4, "
        "from MAC fa:16:3e:8b:ea:fd, from 0.0.0.0, to 255.255.255.255",
        "    held until the controller resumes it",
        "    goes on in table 21",
        "    put_dhcp_opts: offers 192.168.1.7, the result goes to reg0[3]",
        "    121 classless_static_route: {to: 169.254.169.254/32, via: 192.168.1.2}, "
        "{to: 0.0.0.0/0, via: 192.168.1.1}",
        "      6 dns_server: 172.25.250.254",
        "     51 lease_time: 43200",
        "     26 mtu: 1442",
        "      1 netmask: 255.255.255.0",
        "      3 router: 192.168.1.1",
        "     54 server_id: 192.168.1.1",
        " table=1, priority=0 actions=drop",
    ]


def test_the_way_back_is_told() -> None:
    assert "    sent back as from MAC 02:ac:10:ff:01:29, address 172.16.255.129" in (
        decode(text=RESPONSE).stdout.splitlines()
    )


@pytest.mark.parametrize(
    ("actions", "said"),
    [
        ("controller(userdata=00.00.00.01.aa.bb,pause)", "put_arp (opcode 1): aa.bb"),
        ("controller(userdata=00.00.00.ff.aa,pause)", "userdata of no known form: 00.00.00.ff.aa"),
        ("controller(userdata=00.00,pause)", "userdata of no known form: 00.00"),
        (f"controller(userdata={SEED[:-3]},pause)",
         "cannot be served: an option runs past the end of the flow's userdata (userdata-options)"),
        (f"controller(userdata={SEED[:-18]},pause)",
         "cannot be served: the flow's userdata names no server (option 54) "
         "(userdata-no-server-id)"),
        (f"controller(userdata={SEED})",
         "copied to the controller, not held: nothing can be answered"),
        ("CONTROLLER:65535", "handed to the controller, which answers by itself"),
        ("drop", "dropped"),
        ("load:0->NXM_NX_REG10[12]", "sets reg10[12] to 0"),
        ("conjunction(3,1/2)", "one side of conjunction 3,1/2"),
    ],
)  # fmt: skip
def test_the_unknown_and_the_broken_are_shown(actions: str, said: str) -> None:
    flow = f"table=22, priority=1,udp,in_port=1,nw_frag=no,tp_src=68,tp_dst=67 actions={actions}"
    assert f"    {said}" in decode(text=flow).stdout.splitlines()


def test_lines_that_are_no_flows_go_through() -> None:
    text = "# a comment\n\nNXST_FLOW reply (xid=0x4):\nOFPST_FLOW reply (OF1.3) (xid=0x2):\n"
    assert decode(text=text).stdout == text
    assert decode(text=b"\xff\xfe\n").exit_code == 0


@pytest.mark.parametrize("line", ["garbage", "table=0,foo( actions=bar(", "actions=a(b"])
def test_a_line_that_cannot_be_read_is_said(line: str) -> None:
    assert decode(text=f"{line}\n").stdout == f"{line}\n    no flow can be read from this line\n"
    assert json.loads(decode("--json", text=line).stdout) == [{"line": line, "error": "not read"}]


@pytest.mark.parametrize(
    ("line", "table", "priority", "match"),
    [
        ("table=22,in_port=5,dl_vlan=10 actions=drop", 22, 32768,
         {"in_port": "5", "dl_vlan": "10"}),
        (" in_port=5 priority=0x10 table=1 ip action=drop", 1, 16, {"in_port": "5", "ip": ""}),
        (" cookie=0x1, duration=1s, table=0, n_packets=0, send_flow_rem priority=1,ip actions=drop",
         0, 1, {"ip": ""}),
        ("actions=drop", 0, 32768, {}),
    ],
)  # fmt: skip
def test_flows_as_people_write_them(
    line: str, table: int, priority: int, match: dict[str, str]
) -> None:
    (shown,) = json.loads(decode("--json", text=line).stdout)
    assert (shown["table"], shown["priority"], shown["match"]) == (table, priority, match)
    assert shown["line"] == line


def test_flows_for_machines() -> None:
    shown = json.loads(decode("--json", text=f"{FLOW}\n# none\n{RESPONSE}").stdout)
    assert [sorted(flow) for flow in shown] == [
        ["line", "match", "priority", "table", "userdata", "words"]
    ] * 2
    assert shown[0]["line"] == FLOW
    assert shown[0]["match"]["dl_src"] == "fa:16:3e:8b:ea:fd"
    (userdata,) = shown[0]["userdata"]
    assert (userdata["opcode"], userdata["offer_ip"]) == (2, "192.168.1.7")
    assert (userdata["result"], userdata["result_bit"], userdata["reason"]) == ("reg0[3]", 99, None)
    assert userdata["options"][1] == {
        "code": 6, "name": "dns_server", "value": ["172.25.250.254"], "text": "172.25.250.254"
    }  # fmt: skip


def test_a_frame_and_its_payload() -> None:
    payload = bootp(1, {12: b"x"}, chaddr=CLIENT)
    question = frame(payload, eth_src=CLIENT)
    for octets, kind in ((question, "frame"), (payload, "payload")):
        shown = json.loads(decode(octets.hex(), "--json").stdout)
        assert shown[0]["kind"] == kind
        assert shown[0]["chaddr"] == "02:ac:10:ff:01:30"
        assert {"code": 12, "name": "hostname", "value": "x", "text": "x"} in shown[0]["options"]
        told = decode(octets.hex(":")).stdout
        assert told.startswith(f"DHCP {kind}: ")
        assert "\n 53 message_type: DISCOVER\n" in told
    cut = json.loads(decode(payload[:240].hex() + "0c0541", "--json").stdout)
    assert (cut[0]["kind"], cut[0]["reason"]) == ("payload", "option-overrun")
    odd = json.loads(
        decode(frame(payload[:240] + b"\x0c\5A", eth_src=CLIENT).hex(), "--json").stdout
    )
    assert (odd[0]["kind"], odd[0]["reason"]) == ("frame", "option-overrun")


def test_octets_that_are_nothing_are_refused() -> None:
    assert decode("ffffffff").exit_code == 1
    assert decode("zz").exit_code == 2
