"""Network boot: each firmware its file, and iPXE does not load itself."""

from ipaddress import IPv4Address

import pytest

from ovsdhcp.dhcp.binding import NO_BOOT, Boot
from ovsdhcp.dhcp.boot import boot_file
from tests.dhcp.asked import reply, seen
from tests.dhcp.wire import OPTIONS, asking, binding, discover

rule = pytest.mark.rule
BOOT = Boot(
    next_server=IPv4Address("192.0.2.69"),
    bootfile_name="undionly.kpxe",
    by_arch={7: "ipxe-x64.efi", 9: "ipxe-x64.efi", 11: "ipxe-arm64.efi"},
    ipxe="http://192.0.2.69/boot.ipxe",
)
BIOS, X64, X64_BC, ARM64 = b"\0\0", b"\0\7", b"\0\x09", b"\0\x0b"


@pytest.mark.parametrize(
    ("sent", "file"),
    [
        pytest.param({}, BOOT.bootfile_name, marks=rule("4578")),
        pytest.param({93: BIOS}, BOOT.bootfile_name, marks=rule("4578")),
        pytest.param({93: X64}, "ipxe-x64.efi", marks=rule("4578")),
        pytest.param({93: X64_BC}, "ipxe-x64.efi", marks=rule("4578")),
        pytest.param({93: ARM64}, "ipxe-arm64.efi", marks=rule("4578")),
        pytest.param({93: BIOS + ARM64 + X64}, "ipxe-arm64.efi", marks=rule("4578")),
        pytest.param({93: b"\0\x63"}, BOOT.bootfile_name, marks=rule("4578")),
        pytest.param({93: X64, 77: b"iPXE"}, BOOT.ipxe, marks=rule("3004", "iPXE")),
        pytest.param({93: X64, 77: b"\4iPXE"}, BOOT.ipxe, marks=rule("3004", "iPXE")),
        pytest.param({77: b"\3abc\4iPXE"}, BOOT.ipxe, marks=rule("3004", "iPXE")),
        pytest.param({77: b"other"}, BOOT.bootfile_name, marks=rule("3004")),
        pytest.param({175: b"\1\1\1"}, BOOT.ipxe, marks=rule("iPXE")),
    ],
)
def test_each_client_gets_its_file(sent: dict[int, bytes], file: str) -> None:
    assert boot_file(BOOT, sent) == file


def test_a_table_without_boot_has_no_file() -> None:
    assert boot_file(NO_BOOT, {93: X64}) is None
    assert boot_file(Boot(bootfile_name="a"), {175: b""}) == "a"


@rule("4578", "types")
def test_the_file_is_an_option_if_asked_for_else_a_field() -> None:
    bound = binding(options={**OPTIONS, 66: b"tftp.example"}, boot=BOOT)
    by_option = seen(discover({93: X64, **asking(66, 67)}), bound)
    assert (by_option.value(66), by_option.value(67)) == (b"tftp.example", b"ipxe-x64.efi")
    assert not any(by_option.field("file") + by_option.field("sname"))
    by_field = seen(discover({93: X64, **asking(1)}), bound)
    assert not {66, 67} & set(by_field.codes)
    assert by_field.field("file").rstrip(b"\0") == b"ipxe-x64.efi"
    assert by_field.field("sname").rstrip(b"\0") == b"tftp.example"
    for answered in (by_option, by_field):
        assert answered.address("siaddr") == "192.0.2.69"


def test_a_name_too_long_for_its_field_is_left_out() -> None:
    bound = binding(options={66: b"s" * 64}, boot=Boot(bootfile_name="f" * 128))
    answered = seen(discover(asking(1)), bound)
    assert not any(answered.field("file") + answered.field("sname"))
    assert reply(discover(asking(1)), bound).left_out == (67, 66)
    assert reply(discover(asking(66, 67)), bound).left_out == ()
    assert seen(discover(asking(67)), bound).value(67) == b"f" * 128
