"""The clients of a port that has many, packed: a Binding is made when it is first asked for.

100,000 Bindings are 40 MB of objects, and Python's garbage collector halts everything for 50 ms
each time that it walks them. Packed they are 18 octets each, and what a change left as it was is
found by comparing octets.

A record is mac(6) address(4) place(4) length(4); the records are sorted by MAC. Place and length
say where, in the octets kept beside, the rest stands that such a client is told; many share it.
"""

import marshal
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv4Address
from struct import Struct
from types import MappingProxyType
from typing import Any, NamedTuple, overload

from ovsdhcp.dhcp.binding import NO_BOOT, Binding, Boot, Subnet
from ovsdhcp.shards import Shards

_RECORD = Struct("!6s4sII")
_MAC = 6

AT_ONCE = 1_000
"""How many records are compared between two pauses: less than a millisecond's work."""

WITHOUT_REFERENCES = 2
"""The version of `marshal`'s format in which equal values are equal octets."""


class Terms(NamedTuple):
    """What a client is told besides its address (`binding.Binding`)."""

    lease_time: int
    t1: int | None
    t2: int | None
    options: Mapping[int, bytes]
    boot: Boot
    trusted: bool


def pack_terms(told: Binding | Terms) -> bytes:
    """What `unpack_terms` reads; equal where the same is told."""
    boot, packed = told.boot, None
    if boot is not NO_BOOT:
        server = None if boot.next_server is None else int(boot.next_server)
        packed = server, boot.bootfile_name, tuple(boot.by_arch.items()), boot.ipxe
    times = told.lease_time, told.t1, told.t2
    values = (*times, tuple(told.options.items()), packed, told.trusted)
    return marshal.dumps(values, WITHOUT_REFERENCES)


def unpack_terms(octets: bytes) -> Terms:
    """The terms that `pack_terms` packed."""
    lease_time, t1, t2, options, boot, trusted = marshal.loads(octets)
    return Terms(lease_time, t1, t2, MappingProxyType(dict(options)), _boot(boot), trusted)


def _boot(packed: tuple[Any, ...] | None) -> Boot:
    if packed is None:
        return NO_BOOT
    server, name, by_arch, ipxe = packed
    address = None if server is None else IPv4Address(server)
    return Boot(address, name, MappingProxyType(dict(by_arch)), ipxe)


def pack_hosts(clients: Iterable[tuple[bytes, bytes, bytes]]) -> tuple[bytes, bytes]:
    """The records, and the terms that they point into.

    `clients` are MACs, addresses, and what `pack_terms` packed.
    """
    places: dict[bytes, int] = {}
    end = 0
    records = []
    for mac, address, terms in clients:
        place = places.setdefault(terms, end)
        if place == end:
            end += len(terms)
        records.append(_RECORD.pack(mac, address, place, len(terms)))
    return b"".join(sorted(records)), b"".join(places)


class Hosts(Sequence[Binding]):
    """The clients of one port, in the order of their MACs. What was made once stays the same."""

    __slots__ = ("_made", "_port", "_records", "_subnet", "_terms", "_unpacked")

    def __init__(self, port: str, subnet: Subnet, records: bytes, terms: bytes) -> None:
        self._port, self._subnet = port, subnet
        self._records, self._terms = records, terms
        self._made: Shards[bytes, Binding] = Shards()
        self._unpacked: dict[int, Terms] = {}

    def __len__(self) -> int:
        return len(self._records) // _RECORD.size

    @overload
    def __getitem__(self, index: int) -> Binding: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Binding, ...]: ...
    def __getitem__(self, index: int | slice) -> Binding | tuple[Binding, ...]:
        chosen = range(len(self))[index]
        return self._at(chosen) if isinstance(chosen, int) else tuple(map(self._at, chosen))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Hosts) and self._all() == other._all()

    def __hash__(self) -> int:
        return hash((self._port, self._records))

    def addresses(self) -> Iterator[bytes]:
        """The clients' addresses, as octets, without making a Binding of each."""
        return (address for _, address, _, _ in _RECORD.iter_unpack(self._records))

    def packed(self) -> tuple[bytes, bytes]:
        """The records and the terms, as `pack_hosts` made them."""
        return self._records, self._terms

    def get(self, mac: bytes) -> Binding | None:
        """The client with this MAC."""
        made = self._made.get(mac)
        if made is not None:
            return made
        at = self._place(mac)
        return self._at(at) if at < len(self) and self._mac(at) == mac else None

    def differing(self, before: "Hosts") -> Iterator[set[bytes]]:
        """The MACs whose client is told something else than before, is new, or is gone.

        In parts, most of them empty, between which the caller may pause.
        """
        ours = theirs = 0
        while ours < len(self) or theirs < len(before):
            end = min(self._part_end(ours), before._part_end(theirs))
            our_end, their_end = self._place(end), before._place(end)
            yield self._apart(ours, our_end, before, theirs, their_end)
            ours, theirs = our_end, their_end

    def _apart(
        self, ours: int, our_end: int, before: "Hosts", theirs: int, their_end: int
    ) -> set[bytes]:
        """The MACs of the records that only one of two parts has."""
        if self._subnet == before._subnet and self._terms == before._terms:
            if self._cut(ours, our_end) == before._cut(theirs, their_end):
                return set()
        elif self._subnet != before._subnet:
            return {*self._macs(ours, our_end), *before._macs(theirs, their_end)}
        apart = set(self._told(ours, our_end)) ^ set(before._told(theirs, their_end))
        return {who[:_MAC] for who, _ in apart}

    def _all(self) -> tuple[str, Subnet, bytes, bytes]:
        return self._port, self._subnet, self._records, self._terms

    def _mac(self, index: int) -> bytes:
        at = index * _RECORD.size
        return self._records[at : at + _MAC]

    def _place(self, mac: bytes) -> int:
        """The index of the first record whose MAC is not less than this."""
        return bisect_left(range(len(self)), mac, key=self._mac)

    def _part_end(self, index: int) -> bytes:
        """The MAC at which a part ends that begins at `index`; one above all where that is all."""
        end = index + AT_ONCE
        return self._mac(end) if end < len(self) else b"\xff" * (_MAC + 1)

    def _cut(self, start: int, end: int) -> bytes:
        return self._records[start * _RECORD.size : end * _RECORD.size]

    def _macs(self, start: int, end: int) -> Iterator[bytes]:
        return map(self._mac, range(start, end))

    def _told(self, start: int, end: int) -> Iterator[tuple[bytes, bytes]]:
        """MAC and address, and terms, of some records."""
        for record in _RECORD.iter_unpack(self._cut(start, end)):
            mac, address, place, length = record
            yield mac + address, self._terms[place : place + length]

    def _at(self, index: int) -> Binding:
        mac, address, place, length = _RECORD.unpack_from(self._records, index * _RECORD.size)
        made = self._made.get(mac)
        if made is None:
            terms = self._unpacked.get(place)
            if terms is None:
                terms = unpack_terms(self._terms[place : place + length])
                self._unpacked[place] = terms
            made = Binding(self._port, self._subnet, IPv4Address(address), mac, *terms)
            self._made[mac] = made
        return made
