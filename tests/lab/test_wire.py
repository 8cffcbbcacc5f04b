"""The lab's own reader of DHCP, by which the tests on bridges see."""

import socket
import struct

from ovsdhcp.lab.wire import parse


def frame(
    options: bytes, *, ports: tuple[int, int] = (68, 67), cookie: bytes = b"\x63\x82\x53\x63"
) -> bytes:
    mac = bytes.fromhex("02ac10ff0130")
    ethernet = b"\xff" * 6 + mac + b"\x08\x00"
    addresses = socket.inet_aton("0.0.0.0") + socket.inet_aton("255.255.255.255")
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 0, 0, 0, 64, 17, 0) + addresses
    udp = struct.pack("!HHHH", *ports, 0, 0)
    bootp = struct.pack("!BBBB", 1, 1, 6, 0) + bytes(8) + socket.inet_aton("172.16.255.130")
    return ethernet + ip + udp + bootp.ljust(28, b"\0") + mac.ljust(208, b"\0") + cookie + options


def test_a_request_is_read() -> None:
    seen = parse(frame(bytes([0, 53, 1, 3, 50, 4, 1, 2, 3, 4, 255, 99])), at=1.5)
    assert seen is not None
    assert (seen.kind, seen.at, seen.ciaddr) == ("REQUEST", 1.5, "172.16.255.130")
    assert (seen.source_mac, seen.target_mac) == ("02:ac:10:ff:01:30", "ff:ff:ff:ff:ff:ff")
    assert seen.client_mac == "02:ac:10:ff:01:30"
    assert seen.options == {53: b"\3", 50: b"\1\2\3\4"}
    assert not seen.unicast


def test_what_is_not_dhcp_is_not_seen() -> None:
    discover = bytes([53, 1, 1])
    assert parse(frame(discover, ports=(53, 53)), at=0) is None
    assert parse(frame(discover, cookie=b"...."), at=0) is None
    assert parse(b"\xff" * 60, at=0) is None
    assert parse(frame(discover)[:14] + b"\x4f" + frame(discover)[15:50], at=0) is None
    assert parse(b"", at=0) is None


def test_cut_off_options_do_not_raise() -> None:
    for options in (b"\x35", b"\x35\x01", b"\x35\x00", b"\x35\xff\x01"):
        assert parse(frame(options), at=0) is not None
