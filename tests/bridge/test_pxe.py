"""A machine without a disk starts by network: its ROM has its address, and asks for its boot file.

The machine is QEMU's, all in software, its tap a port of the bridge. That the ROM understood the
answer is seen at the other ports: nobody knows the boot server's MAC, so its TFTP is flooded.
"""

import shutil
import struct
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from ovsdhcp.lab.laboratory import Lab
from ovsdhcp.lab.wire import Seen, Sniffer
from tests.bridge.raw import RawPort
from tests.dhcp.wire import ip, see

QEMU = "qemu-system-x86_64"
TAP, NUMBER, MAC, ADDRESS = "pxe0", 6, "02:ac:10:ff:01:40", "172.16.255.135"
STARTED_WITHIN = 120.0  # a machine in software, on a machine that may be busy
LEASE_TABLE = f"""
subnets:
  vm-net:
    cidr: 172.16.255.128/26
    server_id: 172.16.255.129
    server_mac: 02:ac:10:ff:01:29
    lease_time: 1h
    options: {{router: 172.16.255.129}}
    boot:
      next_server: 172.16.255.129
      ipxe: menu.ipxe
      architectures: {{bios: undionly.kpxe, uefi-x64: snponly.efi}}
bridges:
  br-int:
    ports:
      vm5: {{subnet: vm-net, mac: "02:ac:10:ff:01:30", ip: 172.16.255.130}}
      {TAP}: {{subnet: vm-net, mac: "{MAC}", ip: {ADDRESS}}}
"""


class Rom(NamedTuple):
    """A ROM: what it needs, how QEMU is told, what it says it is, and the file that is for it."""

    needs: dict[str, str]
    arguments: tuple[str, ...]
    architecture: int
    is_ipxe: bool
    file: str


FIRMWARE = Path("/usr/share/OVMF/OVMF_CODE_4M.fd")
ROMS = {
    "iPXE on a BIOS": Rom(
        {QEMU: "qemu-system-x86", "/usr/lib/ipxe/qemu/pxe-e1000.rom": "ipxe-qemu"},
        ("-m", "64", "-device", f"e1000,netdev=lan,mac={MAC},bootindex=1"),
        0,
        True,
        "menu.ipxe",
    ),
    "UEFI": Rom(
        {QEMU: "qemu-system-x86", str(FIRMWARE): "ovmf"},
        (
            *("-m", "256", "-drive", f"if=pflash,format=raw,readonly=on,file={FIRMWARE}"),
            *("-device", f"virtio-net-pci,netdev=lan,mac={MAC},bootindex=1,romfile="),
        ),
        7,
        False,
        "snponly.efi",
    ),
}


@pytest.fixture
def tap(lab: Lab) -> Iterator[Sniffer]:
    """The machine's port."""
    ip_link = ("ip", "-n", lab.home)
    lab.shell.run(*ip_link, "tuntap", "add", TAP, "mode", "tap", doing="make a tap")
    try:
        up = ("link", "set", TAP, "addrgenmode", "none", "up")
        lab.shell.run(*ip_link, *up, doing="bring up the tap")
        lab.switch.add_port(TAP, NUMBER)
        lab.switch.vsctl("wait-until", "Interface", TAP, f"ofport={NUMBER}", doing="wait")
        with Sniffer(lab.home, TAP) as sniffer:
            yield sniffer
    finally:
        lab.switch.vsctl("--if-exists", "del-port", TAP, doing="unplug the tap")
        lab.shell.run(*ip_link, "link", "delete", TAP, doing="remove the tap")


@contextmanager
def machine(lab: Lab, rom: Rom, console: Path) -> Iterator[None]:
    """It runs; what it prints is in `console`."""
    argv = ("ip", "netns", "exec", lab.home, QEMU, "-accel", "tcg", "-nodefaults", "-nographic")
    network = f"tap,id=lan,ifname={TAP},script=no,downscript=no"
    process = subprocess.Popen(
        (*argv, "-serial", f"file:{console}", "-netdev", network, *rom.arguments),
        stdin=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.kill()
        process.wait(10)


def requested_file(frame: bytes) -> str | None:
    """The file of a TFTP read request (RFC 1350 §5) that our machine sent."""
    if frame[12:14] != b"\x08\x00" or frame[23] != 17 or frame[26:30] != ip(ADDRESS):
        return None
    udp = frame[14 + (frame[14] & 15) * 4 :]
    if struct.unpack_from("!2xH", udp) != (69,) or udp[8:10] != b"\0\1":
        return None
    return udp[10:].split(b"\0")[0].decode()


def file_of(ack: Seen) -> str:
    """The boot file, by option or by field (RFC 2132 §9.5)."""
    reply = see(ack.frame)
    return (reply.value(67) or reply.field("file")).rstrip(b"\0").decode()


def there(needed: str) -> bool:
    """Whether a program, or a file, is on this machine."""
    return bool(shutil.which(needed)) or Path(needed).exists()


@pytest.mark.parametrize("kind", ROMS)
def test_a_rom_gets_its_address_and_its_boot_file(
    lab: Lab, tap: Sniffer, kind: str, tmp_path: Path
) -> None:
    rom = ROMS[kind]
    missing = sorted(package for it, package in rom.needs.items() if not there(it))
    if missing:
        pytest.skip(f"not installed: {' '.join(missing)}")
    lab.wait_for_flows("vm5")
    console = tmp_path / "console"
    with closing(RawPort(lab.ports["vm4"].home, "vm4")) as bystander, machine(lab, rom, console):
        asked, _ = bystander.first(requested_file, within=STARTED_WITHIN)
    said = tap.read()
    assert asked == rom.file
    assert [seen.kind for seen in said][-2:] == ["REQUEST", "ACK"]
    discover, ack = said[0], said[-1]
    assert discover.options[93] == rom.architecture.to_bytes(2, "big")
    assert (175 in discover.options) is rom.is_ipxe
    assert ack.yiaddr == ADDRESS
    assert file_of(ack) == rom.file
    assert ack.options[97] == discover.options[97], "the machine's identity, back (RFC 4578)"
