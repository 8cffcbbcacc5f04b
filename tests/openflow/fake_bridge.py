"""A bridge's tables in memory: takes our bytes, keeps flows and meters as OVS does, answers."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from struct import pack, unpack_from

from ovsdhcp.openflow import messages, pipeline
from ovsdhcp.openflow.messages import Entry, Key
from ovsdhcp.openflow.meter_messages import ADD, DELETE, METER_MOD, MULTIPART_METER_CONFIG

_SET_FORMAT = pack("!II", messages.NICIRA, 16)


@dataclass
class FakeBridge:
    """`flows` and `meters` are what is there; `answers` collects what the bridge says back.

    Its meters are octets: flags, then bands. Without any (`meters` is None) it refuses each.
    """

    flows: dict[Key, Entry] = field(default_factory=dict)
    meters: dict[int, bytes] | None = field(default_factory=dict)
    answers: list[tuple[str, int]] = field(default_factory=list)
    flow_mods: int = 0
    meter_mods: int = 0
    packet_in_format: int = 0
    said: dict[int, bytes] = field(default_factory=dict)
    """What it had of flows and meters when it was asked, by the question's xid."""
    _bundled: list[bytes] = field(default_factory=list)

    def receive(self, data: bytes) -> None:
        """Carry out everything in `data`, bundles whole or not at all."""
        for kind, xid, body in _messages(data):
            if kind == messages.MULTIPART_REQUEST:
                (asked,) = unpack_from("!H", body)
                kinds = {messages.MULTIPART_FLOW: "flows", MULTIPART_METER_CONFIG: "meters"}
                flows = asked == messages.MULTIPART_FLOW
                self.said[xid] = self.flow_stats() if flows else self.meter_config()
                self.answers.append((kinds[asked], xid))
            elif kind == METER_MOD:
                if not self._meter_mod(body):
                    self.answers.append(("error", xid))
            elif kind == messages.FLOW_MOD:
                assert unpack_from("!H", body, 20)[0], "only what goes by itself has no bundle"
                self._flow_mod(messages.message(kind, xid, body))
            elif kind == messages.BARRIER_REQUEST:
                self.answers.append(("barrier", xid))
            elif kind == messages.EXPERIMENTER and body[:8] == _SET_FORMAT:
                self.packet_in_format = int.from_bytes(body[8:12], "big")
            elif kind == messages.EXPERIMENTER:
                self._bundled = self._bundle(xid, body, self._bundled)
            else:
                raise AssertionError(f"a message of type {kind}")

    def _bundle(self, xid: int, body: bytes, bundled: list[bytes]) -> list[bytes]:
        vendor, kind, number = unpack_from("!III", body)
        assert (vendor, number) == (messages.ONF, xid)
        if kind == messages.BUNDLE_ADD:
            return [*bundled, body[16:]]
        (control,) = unpack_from("!H", body, 12)
        if control == messages.BUNDLE_COMMIT:
            before = dict(self.flows)
            if not all(self._flow_mod(message) for message in bundled):
                self.flows = before
                self.answers.append(("error", xid))
        return []

    def _meter_mod(self, body: bytes) -> bool:
        self.meter_mods += 1
        command, flags, number = unpack_from("!HHI", body)
        if self.meters is None or (command == ADD) == (number in self.meters):
            return False
        if command == DELETE:
            del self.meters[number]
            self.flows = {k: it for k, it in self.flows.items() if meter_of(it) != number}
        else:
            self.meters[number] = pack("!H", flags) + body[8:]
        return True

    def meter_config(self) -> bytes:
        """The whole OFPMP_METER_CONFIG reply."""
        told = b"".join(
            pack("!H", 6 + len(meter)) + meter[:2] + pack("!I", number) + meter[2:]
            for number, meter in (self.meters or {}).items()
        )
        return messages.message(19, 0, pack("!HH4x", MULTIPART_METER_CONFIG, 0) + told)

    def _flow_mod(self, message: bytes) -> bool:
        self.flow_mods += 1
        ((_, _, body),) = _messages(message)
        cookie, mask, table, command = unpack_from("!QQBB", body)
        priority, flags = unpack_from("!6xH12xH", body, 16)[0], unpack_from("!H", body, 36)[0]
        (length,) = unpack_from("!H", body, 42)
        key = Key(table, priority, body[44 : 40 + length])
        if command == messages.DELETE_STRICT:
            if key in self.flows and self.flows[key].cookie & mask == cookie & mask:
                del self.flows[key]
            return True
        if flags & messages.CHECK_OVERLAP and self._at(table, priority):
            return False
        self.flows[key] = Entry(cookie, body[40 + length + -length % 8 :])
        number = meter_of(self.flows[key])
        return not number or number in (self.meters or {})

    def _at(self, table: int, priority: int) -> bool:
        return any((key.table, key.priority) == (table, priority) for key in self.flows)

    def flow_stats(self) -> bytes:
        """The whole OFPMP_FLOW reply: what OVS says of the flows with our cookie."""
        ours = (
            _stats(key, entry)
            for key, entry in self.flows.items()
            if entry.cookie & pipeline.COOKIE_MASK == pipeline.COOKIE
        )
        return messages.message(19, 0, pack("!HH4x", 1, 0) + b"".join(ours))

    def flow_removed(self, key: Key) -> bytes:
        """What OVS says when somebody deleted this flow."""
        cookie = self.flows.pop(key).cookie
        head = pack("!QHBBIIHHQQ", cookie, key.priority, 2, key.table, 0, 0, 0, 0, 0, 0)
        return messages.message(11, 0, head + _match(key))


def meter_of(entry: Entry) -> int:
    """The meter that a flow goes through, 0 for none."""
    head = pack("!HH", messages.METER, 8)
    return int.from_bytes(entry.instructions[4:8], "big") if entry.instructions[:4] == head else 0


def _messages(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    while data:
        version, kind, length, xid = unpack_from("!BBHI", data)
        assert version == messages.VERSION
        assert 8 <= length <= len(data)
        yield kind, xid, data[8:length]
        data = data[length:]


def _match(key: Key) -> bytes:
    length = 4 + len(key.match)
    return pack("!HH", 1, length) + key.match + bytes(-length % 8)


def _stats(key: Key, entry: Entry) -> bytes:
    tail = _match(key) + entry.instructions
    head = pack("!HBxIIHHHH4x", 48 + len(tail), key.table, 0, 0, key.priority, 0, 0, 0)
    return head + pack("!QQQ", entry.cookie, 0, 0) + tail
