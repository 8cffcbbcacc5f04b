"""Answers from memory are those of the engine, octet by octet, and memory stays bounded."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address
from itertools import chain, islice
from struct import pack
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ovsdhcp import answers, wildcards
from ovsdhcp.answers import Memory
from ovsdhcp.config.hosts import Hosts, pack_hosts, pack_terms
from ovsdhcp.config.table import Bridge, Config, Port, RateLimit, Reply, Tables
from ovsdhcp.connected import ConnectedBridge
from ovsdhcp.dhcp import server
from ovsdhcp.dhcp.binding import Binding
from ovsdhcp.lease import Record
from ovsdhcp.openflow import continuation, messages
from ovsdhcp.openflow.pipeline import port_cookie
from ovsdhcp.openflow.switch import Switch
from ovsdhcp.ovn import put_dhcp_opts
from ovsdhcp.service import Service
from tests.dhcp.wire import bootp, frame, mac
from tests.openflow.bridges import BR_INT, VM2, VM5
from tests.openflow.test_continuation import prop
from tests.settled import settled

RESUMING = replace(BR_INT, reply=Reply.RESUME)
NAMES = {1: "vm1", 2: "vm2", 5: "vm5"}
ADDRESS = {1: "172.16.255.133", 2: "172.16.255.131", 5: "172.16.255.130"}
MACS = [mac(f"02:ac:10:{rest}") for rest in ("ff:01:30", "00:00:01", "00:00:02", "00:00:99")]
SERVER = "172.16.255.129"
PROBATION = VM5.bindings[0].subnet.probation


@pytest.fixture(scope="module", autouse=True)
def _both_dicts_are_in_use() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(answers, "_FIRST", 2)
        yield


def packet_in(octets: bytes, in_port: int) -> bytes:
    """An OFPT_PACKET_IN as Open vSwitch sends it for a flow of ours."""
    head = pack("!IHBBQ", messages.NO_BUFFER, len(octets), 1, 22, port_cookie(NAMES[in_port]))
    match = pack("!HHII4x", 1, 12, 0x8000_0004, in_port)
    return messages.message(messages.PACKET_IN, 0, head + match + b"\0\0" + octets)


def paused(octets: bytes, in_port: int) -> bytes:
    """The same as an NXT_PACKET_IN2, of a flow as `reply: resume` lays them."""
    binding = next(port.bindings[0] for port in BR_INT.ports if port.name == NAMES[in_port])
    userdata = put_dhcp_opts.encode(put_dhcp_opts.of_binding(binding))
    body = (
        prop(0, octets)
        + prop(3, b"\x16")
        + prop(4, bytes(4) + port_cookie(NAMES[in_port]).to_bytes(8, "big"))
        + prop(5, b"\x01")
        + prop(6, pack("!II", 0x8000_0004, in_port))
        + prop(7, userdata)
        + prop(8, b"state")
    )
    return messages.message(messages.EXPERIMENTER, 0, pack("!II", 0x2320, 30) + body)


class Deaf:
    """A line to nobody."""

    def send(self, buf: bytes) -> bool:
        return True

    def wish(self, buf: bytes) -> bool:
        return True

    def wait_until_sent(self) -> None: ...

    def end(self, ending: object, detail: str = "") -> None: ...


@dataclass
class Server:
    """A service with its packet path and a clock of its own, and `most` answers remembered."""

    bridge: Bridge
    most: int
    now: float = 1000.0
    service: Service = field(init=False)
    switch: Switch = field(init=False)
    connected: ConnectedBridge = field(init=False)

    def __post_init__(self) -> None:
        self.service = Service(Config("table.yaml", (self.bridge,)), lambda: self.now)
        self.service.memory = Memory(self.most)
        self.switch = Switch(self.bridge, NAMES)
        self.connected = ConnectedBridge(self.service, self.switch, Deaf(), lambda: self.now)
        self.answers, self.path = self.connected.answers, self.connected

    def read(self, octets: bytes) -> bytes:
        sent: list[bytes] = []
        assert self.path.answer(octets, 0, sent) == len(octets)
        self.path.sent()
        return b"".join(sent)

    def read_twice(self, octets: bytes) -> bytes:
        """What is answered to the second, which is when it is remembered."""
        self.read(octets)
        return self.read(octets)

    def told(self) -> tuple[list[str], dict[str, int], set[Record]]:
        events = [str(event.fields()) for event in settled(self.service)]
        # what is alike is kept as one, so that since when is known to within a taking
        kept = {
            replace(record, since=0, at=round(record.at, 3))  # a bit apart in a read
            for record in self.service.leases.records()
        }
        return events, dict(self.service.reasons), kept


def question(
    kind: int, whose: int, given: dict[int, bytes], ciaddr: str, more: dict[str, Any]
) -> bytes:
    message = bootp(
        kind, given, ciaddr=ciaddr, chaddr=MACS[whose], xid=more["xid"], secs=more["secs"]
    )
    ip_dst = SERVER if more["unicast"] else "255.255.255.255"
    octets: bytes = frame(
        message, eth_src=MACS[whose], ip_src=ciaddr, ip_dst=ip_dst, tags=more["tags"]
    )
    at = 14 + len(more["tags"])
    octets = octets[: at + 4] + more["ident"] + octets[at + 6 :]
    length: int | None = more["length"]
    return octets[:length]


ADDRESSES = [*ADDRESS.values(), "172.16.255.132", "192.0.2.1"]
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        12: st.sampled_from([b"a", b"b"]),
        50: st.sampled_from([bytes(map(int, text.split("."))) for text in ADDRESSES]),
        54: st.sampled_from([bytes((172, 16, 255, 129)), bytes((192, 0, 2, 1))]),
        55: st.sampled_from([bytes((1, 3, 6)), bytes((3, 1))]),
        61: st.sampled_from([b"\1abc", b"x"]) | st.binary(min_size=4, max_size=4),
    },
)
XIDS = st.integers(0, 0xFFFF_FFFF) | st.sampled_from([0, 1, 0xFFFF, 0xFFFF_0000])
MORE = st.fixed_dictionaries(
    {
        "xid": XIDS,
        "secs": st.integers(0, 0xFFFF),
        "unicast": st.booleans(),
        "tags": st.sampled_from([b"", b"", b"", bytes.fromhex("81000005")]),
        "ident": st.binary(min_size=2, max_size=2),
        "length": st.sampled_from([None, None, None, 60, 200, 290]),
    }
)
QUESTIONS = st.builds(
    question,
    st.sampled_from([1, 3, 3, 3, 4, 7, 8, 5]),
    st.integers(0, 3),
    OPTIONS,
    st.sampled_from(["0.0.0.0", *ADDRESSES]),
    MORE,
)


def usual(
    kind: str, in_port: int, client_id: dict[int, bytes], more: dict[str, Any]
) -> tuple[bytes, int]:
    """What a client of that port says, so that all that a server can do is done."""
    own = bytes(map(int, ADDRESS[in_port].split(".")))
    chosen = {50: own, 54: bytes((172, 16, 255, 129))}
    number, given, ciaddr = {
        "discover": (1, {}, "0.0.0.0"),
        "select": (3, chosen, "0.0.0.0"),
        "renew": (3, {}, ADDRESS[in_port]),
        "decline": (4, chosen, "0.0.0.0"),
        "release": (7, {}, ADDRESS[in_port]),
    }[kind]
    whose = {1: 0, 2: 1, 5: 0}[in_port]
    return question(number, whose, given | client_id, ciaddr, more), in_port


USUAL = st.builds(
    usual,
    st.sampled_from(["discover", "select", "renew", "decline", "release"]),
    st.sampled_from([1, 2, 5]),
    st.just({}) | st.fixed_dictionaries({61: st.binary(min_size=5, max_size=5)}),
    MORE,
)
Step = Callable[[Server], bytes]


def asked(wrap: Callable[[bytes, int], bytes]) -> st.SearchStrategy[Step]:
    """One read of some questions, each of a few that come again and again."""
    one = USUAL | st.tuples(QUESTIONS, st.sampled_from([1, 2, 5]))
    return st.lists(one, min_size=1, max_size=4).map(
        lambda some: lambda server: server.read(b"".join(wrap(*single) for single in some))
    )


def later(seconds: float) -> Step:
    def step(server: Server) -> bytes:
        server.now += seconds
        return b""

    return step


def port_replaced(ofport: int) -> Step:
    def step(server: Server) -> bytes:
        server.answers.forget_port(ofport)
        server.switch.port_removed(ofport)
        server.switch.port_added(ofport, NAMES[ofport])
        return b""

    return step


def table_changed(change: Callable[[Bridge], Bridge]) -> Step:
    """As a reload does it."""

    def step(server: Server) -> bytes:
        for _ in server.connected.reconfigure(change(server.bridge)):
            pass
        return b""

    return step


def with_port(port: Port) -> Callable[[Bridge], Bridge]:
    def change(bridge: Bridge) -> Bridge:
        ports = tuple(port if old.name == port.name else old for old in bridge.ports)
        return replace(bridge, ports=ports)

    return change


def with_hosts(*bindings: Binding, trusted: bool = False) -> Callable[[Bridge], Bridge]:
    records = ((b.mac or b"", b.address_octets, pack_terms(b)) for b in bindings)
    hosts = Hosts("vm2", VM2.bindings[0].subnet, *pack_hosts(records))
    return with_port(replace(VM2, bindings=hosts, trusted=trusted))


ONE, TWO = VM2.bindings
STRANGER = replace(TWO, mac=MACS[3], address=IPv4Address("172.16.255.150"))
SHORT = replace(VM5, bindings=(replace(VM5.bindings[0], lease_time=600),))
CHANGES: list[Callable[[Bridge], Bridge]] = [
    lambda bridge: bridge,
    with_port(SHORT),
    with_port(replace(VM5, bindings=(replace(VM5.bindings[0], address=STRANGER.address),))),
    with_hosts(ONE, TWO),
    with_hosts(ONE, TWO, trusted=True),
    with_hosts(ONE, replace(TWO, lease_time=600)),
    with_hosts(replace(ONE, address=TWO.address), replace(TWO, address=ONE.address)),
    with_hosts(ONE, STRANGER),
    lambda bridge: replace(bridge, ports=bridge.ports[1:]),
    lambda bridge: replace(bridge, tables=Tables(0, 30, 31)),
    lambda bridge: replace(bridge, name="br-else"),
]
STEPS = (
    st.sampled_from([1.0, PROBATION - 1.0, float(PROBATION)]).map(later)
    | st.sampled_from([1, 2, 5]).map(port_replaced)
    | st.sampled_from(CHANGES).map(table_changed)
)


@pytest.mark.parametrize(
    ("bridge", "wrap"), [(BR_INT, packet_in), (RESUMING, paused)], ids=["packet-out", "resume"]
)
@given(data=st.data())
@settings(max_examples=2 * settings().max_examples)
def test_an_answer_from_memory_is_the_engines(
    bridge: Bridge, wrap: Callable[[bytes, int], bytes], data: st.DataObject
) -> None:
    few = data.draw(st.lists(asked(wrap), min_size=1, max_size=5))
    steps = data.draw(st.lists(st.sampled_from(few) | STEPS, max_size=25))
    with_memory, without = Server(bridge, answers.MOST), Server(bridge, 0)
    for step in steps:
        assert step(with_memory) == step(without)
    assert with_memory.told() == without.told()
    assert without.service.memory.held == 0


def renewal(xid: int, given: dict[int, bytes] | None = None, **more: Any) -> bytes:
    fields = {"xid": xid, "secs": 0, "unicast": True, "tags": b"", "ident": b"\0\0", "length": None}
    return question(3, 0, given or {}, ADDRESS[5], more=fields | more)


def with_host_name(number: int) -> bytes:
    sent: bytes = frame(bootp(1, {12: bytes([1, number])}, chaddr=MACS[1]), eth_src=MACS[1])
    return sent


def never(*_: object) -> None:
    raise AssertionError("the engine was asked")


@pytest.mark.parametrize(
    ("bridge", "wrap"), [(BR_INT, packet_in), (RESUMING, paused)], ids=["packet-out", "resume"]
)
def test_a_question_asked_before_needs_no_engine(
    bridge: Bridge, wrap: Callable[[bytes, int], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    asking = Server(bridge, answers.MOST)
    first = asking.read_twice(wrap(renewal(0x0102_0304), 5))
    monkeypatch.setattr(server, "answer", never)
    third = asking.read(wrap(renewal(0xF1F2_F3F4, secs=7, ident=b"\7\7"), 5))
    assert first.count(bytes.fromhex("01020304")) == third.count(bytes.fromhex("f1f2f3f4")) == 1
    assert len(asking.told()[0]) == 3


@given(
    asking=st.lists(
        st.sampled_from([0, 3, 9, 40]).flatmap(
            lambda more: st.tuples(st.just(more), st.integers(0, 3), st.integers(0, 0xFFFF_FFFF))
        ),
        max_size=30,
    ),
    cut_off=st.integers(0, 500),
)
def test_what_comes_in_one_read_is_answered_as_if_it_came_alone(
    asking: list[tuple[int, int, int]], cut_off: int
) -> None:
    """Questions of several lengths, some of them asked before, the last one not whole."""
    together, alone = Server(BR_INT, answers.MOST), Server(BR_INT, answers.MOST)
    questions = [
        packet_in(
            frame(
                bootp(1, {12: b"x" * more, 61: bytes([1, whose])}, chaddr=MACS[1], xid=xid),
                eth_src=MACS[1],
            ),
            2,
        )
        for more, whose, xid in asking
    ]
    for _ in range(3):
        sent: list[bytes] = []
        read = b"".join(questions)
        partial = packet_in(renewal(1), 5)[:cut_off]
        assert together.path.answer(read + partial[:-1], 0, sent) == len(read)
        together.path.sent()
        assert b"".join(sent) == b"".join(map(alone.read, questions))
    assert together.told() == alone.told()


OTHERS = st.sampled_from([{}, {12: b"vm"}, {12: b"=\x04abcd"}, {57: b"\2\x40", 12: b"odd"}])
IDS = st.sampled_from([2, 4, 9, 255]).flatmap(
    lambda size: st.lists(st.binary(min_size=size, max_size=size), min_size=3, max_size=6)
)


@pytest.mark.parametrize(
    ("bridge", "wrap"), [(BR_INT, packet_in), (RESUMING, paused)], ids=["packet-out", "resume"]
)
@given(before=OTHERS, after=OTHERS, ids=IDS, kind=st.sampled_from([1, 3, 7, 8]), xid=XIDS)
def test_an_answer_to_another_client_identifier_is_the_engines(
    bridge: Bridge,
    wrap: Callable[[bytes, int], bytes],
    before: dict[int, bytes],
    after: dict[int, bytes],
    ids: list[bytes],
    kind: int,
    xid: int,
) -> None:
    with_memory, without = Server(bridge, answers.MOST), Server(bridge, 0)
    more = {"secs": 0, "unicast": True, "tags": b"", "ident": b"\0\0", "length": None}
    for number, client_id in enumerate(ids):
        given = before | {61: client_id} | after
        sent = question(kind, 0, given, ADDRESS[5], more | {"xid": (xid + number) % (1 << 32)})
        assert with_memory.read(wrap(sent, 5)) == without.read(wrap(sent, 5))
    assert with_memory.told() == without.told()


def identified(client_id: bytes, xid: int = 1) -> bytes:
    message = bootp(1, {61: client_id}, chaddr=MACS[1], xid=xid)
    sent: bytes = frame(message, eth_src=MACS[1])
    return sent


@pytest.mark.parametrize(
    ("bridge", "wrap"), [(BR_INT, packet_in), (RESUMING, paused)], ids=["packet-out", "resume"]
)
def test_another_client_identifier_needs_no_engine(
    bridge: Bridge, wrap: Callable[[bytes, int], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the third on, and its checksum is what the engine would have said."""
    asking = Server(bridge, answers.MOST)
    for client_id in (b"\0first", b"\0other"):
        asking.read(wrap(identified(client_id), 2))
    wanted = Server(bridge, 0).read(wrap(identified(b"\0third", xid=0xF1F2_F3F4), 2))
    monkeypatch.setattr(server, "answer", never)
    assert asking.read(wrap(identified(b"\0third", xid=0xF1F2_F3F4), 2)) == wanted != b""
    assert asking.service.memory.held == 1
    asking.told()
    (record,) = asking.service.leases.records()
    assert record.client_id == b"\0third"


def asks(client_id: bytes, in_port: int, kind: int = 1) -> bytes:
    whose = MACS[0] if in_port == 5 else MACS[1]
    own = bytes(map(int, ADDRESS[in_port].split(".")))
    given = {61: client_id, **({} if kind == 1 else {50: own, 54: bytes((172, 16, 255, 129))})}
    return packet_in(frame(bootp(kind, given, chaddr=whose), eth_src=whose), in_port)


def declined(server: Server) -> bytes:
    return server.read(asks(b"\0any", 2, kind=4) + asks(b"\0any", 5, kind=4))


FORGETTING = [*map(table_changed, CHANGES), port_replaced(2), port_replaced(5), declined]


@pytest.mark.parametrize("step", FORGETTING)
def test_what_an_identifier_has_no_say_in_is_forgotten_as_well(step: Step) -> None:
    with_memory, without = Server(BR_INT, answers.MOST), Server(BR_INT, 0)
    for asked_of in (with_memory, without):
        for number in range(3):
            asked_of.read(asks(bytes([0, number]), 2) + asks(bytes([0, number]), 5))
    assert len(with_memory.answers.wildcarded) == 2
    assert step(with_memory) == step(without)
    for later_number in (7, 8, 9):
        again = asks(bytes([0, later_number]), 2) + asks(bytes([0, later_number]), 5)
        assert with_memory.read(again) == without.read(again)
    assert with_memory.told() == without.told()


def test_when_a_connection_ends_nothing_is_left() -> None:
    asking = Server(BR_INT, answers.MOST)
    for number in range(3):
        asking.read(asks(bytes([0, number]), 2))
    assert asking.service.memory.held == len(asking.answers.wildcarded) == 1
    asking.answers.close()
    assert asking.service.memory.held == len(asking.answers.wildcarded) == 0


def test_an_identifier_in_one_place_is_none_in_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without their identifiers the first and the last are the same octets."""
    monkeypatch.setattr(wildcards, "_KNOWN", {})  # which place is tried first depends on who asked
    first = [bytes((61, 2, 0, n)) + bytes((0, 0, 12, 4, 61, 2, 0, 0, 255)) for n in range(3)]
    others = [bytes((12, 4, 0, 0, 0, 0, 61, 2, 0, n, 0, 0, 255)) for n in range(3)]
    last = bytes((61, 2, 0, 0, 12, 4, 61, 2, 7, 7, 0, 0, 255))
    asking, without = Server(BR_INT, answers.MOST), Server(BR_INT, 0)
    for raw in (*first, *others, last):
        sent = packet_in(frame(bootp(1, raw=raw, chaddr=MACS[1]), eth_src=MACS[1]), 2)
        assert asking.read(sent) == without.read(sent)
    assert len(asking.answers.wildcarded) == 2
    assert asking.told() == without.told()


NOT_LIKE: dict[str, Callable[[int], list[tuple[int, bytes]]]] = {
    "too short to be one (RFC 2132 §9.14)": lambda number: [(61, bytes([number]))],
    "in two parts (RFC 3396 §7)": lambda number: [(61, bytes([0, number])), (61, b"too")],
    "a host name that looks like it": lambda number: [(12, bytes([61, 2, number, 0]))],
}


@pytest.mark.parametrize("given", NOT_LIKE.values(), ids=NOT_LIKE)
def test_what_is_no_client_identifier_has_its_say(
    given: Callable[[int], list[tuple[int, bytes]]],
) -> None:
    asking = Server(BR_INT, answers.MOST)
    for number in range(5):
        sent = frame(bootp(1, given(number), chaddr=MACS[1]), eth_src=MACS[1])
        asking.read(packet_in(sent, 2))
    assert asking.service.memory.held == 0


def test_places_of_client_identifiers_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """And whoever has it elsewhere is answered as quickly a moment later."""
    monkeypatch.setattr(wildcards, "_KNOWN", {})
    asking = Server(BR_INT, answers.MOST)
    for length in range(40):
        for number in range(3):
            given = {12: bytes(1 + length), 61: bytes([0, number, length]), 60: bytes(60 - length)}
            sent = frame(bootp(1, given, chaddr=MACS[1]), eth_src=MACS[1])
            asking.read(packet_in(sent, 2))
    assert all(len(known) <= 4 for known in wildcards._KNOWN.values())
    assert asking.service.memory.held == answers.OF_A_CLIENT


def test_what_is_asked_once_is_not_kept() -> None:
    asking = Server(BR_INT, answers.MOST)
    for number in range(50):
        asking.read(packet_in(with_host_name(number), 2))
    assert asking.service.memory.held == 0


def test_what_was_asked_very_long_ago_counts_as_not_asked() -> None:
    """Once a later question has its place: after two million on the average."""
    memory = Memory()
    assert not memory.asked_before(b"first")
    assert memory.asked_before(b"first")
    later = map(memory.asked_before, (number.to_bytes(4, "big") for number in range(1 << 26)))
    assert any(not memory.asked_before(b"first") for _ in islice(later, 0, None, 1_000))


def test_a_hundred_thousand_clients_later_a_question_counts_as_asked() -> None:
    memory = Memory()
    questions = [number.to_bytes(4, "big") for number in range(100_000)]
    for question in questions:
        memory.asked_before(question)
    assert sum(map(memory.asked_before, questions)) > 99_900  # all but 6 on the average


def test_new_questions_hardly_ever_count_as_asked() -> None:
    memory = Memory()
    questions = (number.to_bytes(4, "big") for number in range(300_000))
    assert sum(map(memory.asked_before, questions)) < 15  # 1 on the average


def test_a_client_pushes_out_only_its_own() -> None:
    asking = Server(BR_INT, answers.MOST)
    asking.read_twice(packet_in(renewal(1), 5))
    for number in range(50):
        asking.read_twice(packet_in(with_host_name(number), 2))
        assert asking.service.memory.held <= 1 + answers.OF_A_CLIENT
    assert asking.service.memory.held == 1 + answers.OF_A_CLIENT


def test_when_all_is_full_the_port_with_the_most_gives_up() -> None:
    asking = Server(BR_INT, 6)
    asking.read_twice(packet_in(renewal(1), 5))
    for number in range(20):
        asking.read_twice(packet_in(with_host_name(number), 2))
        assert asking.service.memory.held <= 6
    kept = chain.from_iterable(found.values() for found in asking.answers.found)
    of_vm5 = [one for one in kept if one[3][0].exchange.port == "vm5"]
    assert len(of_vm5) == 1
    asking.answers.close()
    assert (asking.service.memory.held, asking.answers.found) == (0, ({}, {}))


def test_a_question_of_extraordinary_length_is_not_kept() -> None:
    asking = Server(BR_INT, answers.MOST)
    long = frame(
        bootp(1, {n: b"x" * 250 for n in range(224, 230)}, chaddr=MACS[0]), eth_src=MACS[0]
    )
    assert asking.read_twice(packet_in(long, 5))
    assert asking.service.memory.held == 0


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(messages.message(2, 7, b"echo"), id="an echo request"),
        pytest.param(packet_in(renewal(2), 5)[:100], id="a message that is not whole"),
        pytest.param(packet_in(renewal(2), 5).replace(b"dhcp", b"else", 1), id="another's packet"),
        pytest.param(
            messages.message(messages.EXPERIMENTER, 0, pack("!II", 0x2320, 16)), id="experimenter"
        ),
    ],
)
def test_what_is_no_question_of_ours_is_left_where_it_is(other: bytes) -> None:
    asking = Server(BR_INT, answers.MOST)
    sent: list[bytes] = []
    mine = packet_in(renewal(1), 5)
    assert asking.path.answer(mine + other, 0, sent) == len(mine)
    assert len(b"".join(sent)) > 300


def test_what_is_too_short_to_be_remembered_is_counted_as_well() -> None:
    asking = Server(BR_INT, answers.MOST)
    assert asking.read_twice(packet_in(renewal(1)[:50], 5)) == b""
    assert asking.told()[1] == {"ip-length": 2}
    assert asking.service.memory.held == 0


def test_a_fault_of_ours_is_told_and_the_message_left_to_others(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asking = Server(BR_INT, answers.MOST)
    monkeypatch.setattr(server, "answer", never)
    assert asking.path.answer(packet_in(renewal(1), 5), 0, []) == 0
    assert "this is a bug" in caplog.text


def test_a_packet_that_waits_in_vain_goes_on_each_time_as_it_came() -> None:
    asking = Server(RESUMING, answers.MOST)
    for xid in (1, 2):
        refused = frame(bootp(7, ciaddr=ADDRESS[5], chaddr=MACS[0], xid=xid), eth_src=MACS[0])
        sent = asking.read(paused(refused, 5))
        assert continuation.read(sent[16:]).packet == refused


@pytest.mark.parametrize("identifiers", [1, 50], ids=["the same", "another each time"])
@pytest.mark.parametrize(
    ("bridge", "wrap"), [(BR_INT, packet_in), (RESUMING, paused)], ids=["packet-out", "resume"]
)
def test_without_meters_a_question_asked_before_counts_as_well(
    bridge: Bridge, wrap: Callable[[bytes, int], bytes], identifiers: int
) -> None:
    ports = tuple(replace(port, rate_limit=RateLimit(10, 20)) for port in bridge.ports)
    asking = Server(replace(bridge, ports=ports), answers.MOST)
    meters_request = int.from_bytes(asking.switch.sync()[4:8], "big")
    assert asking.service.refused_meters(asking.switch, meters_request)
    again = [
        asking.read(wrap(renewal(0x0102_0304, {61: bytes([0, n % identifiers])}), 5))
        for n in range(50)
    ]
    assert [0x0102_0304.to_bytes(4, "big") in it for it in again] == [True] * 20 + [False] * 30
    assert again[20], "the bridge is told to drop the port's DHCP"
    assert again[21:] == [b""] * 29
    assert asking.service.reasons["rate-limited"] == 30


def test_an_answer_from_memory_is_told_of_the_client_that_asked() -> None:
    asking = Server(BR_INT, answers.MOST)
    for client_id in (b"\1first", b"\1second", b"\1first"):
        renews = frame(
            bootp(3, {61: client_id}, ciaddr=ADDRESS[5], chaddr=MACS[0]), eth_src=MACS[0]
        )
        asking.read_twice(packet_in(renews, 5))
        (record,) = asking.told()[2]
        assert record.client_id == client_id
    assert asking.service.memory.held == 2
