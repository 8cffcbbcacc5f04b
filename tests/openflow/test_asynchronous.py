"""What decides which connection is told what: octets, as Open vSwitch's nicira-ext.h has them."""

import pytest

from ovsdhcp.openflow import asynchronous

PACKETS, PORTS, FLOWS = "00010008", "00030008", "00050008"
SET_ASYNC_CONFIG2 = "000000070000232" + "0" + "0000001b"


@pytest.mark.parametrize(
    ("said", "octets"),
    [
        (asynchronous.of_any_removal(7), f"04040018{SET_ASYNC_CONFIG2}{FLOWS}0000003f"),
        (
            asynchronous.of_everything(7),
            f"04040028{SET_ASYNC_CONFIG2}{PACKETS}00000007{PORTS}00000007{FLOWS}0000003f",
        ),
        (
            asynchronous.of_packets_alone(7),
            f"04040028{SET_ASYNC_CONFIG2}{PACKETS}00000007{PORTS}00000000{FLOWS}00000000",
        ),
        (
            asynchronous.of_nothing(7),
            f"04040028{SET_ASYNC_CONFIG2}{PACKETS}00000000{PORTS}00000000{FLOWS}00000000",
        ),
        (asynchronous.whole_packets(7), "0409000c000000070000ffff"),
        (
            asynchronous.set_controller_id(0xABCD, 7),
            "0404001800000007000023200000001400000000" + "0000abcd",
        ),
        (
            asynchronous.packet_out_to(0xABCD, b"frame", 7),
            "040d002d00000007fffffffffffffffd0010000000000000"
            "ffff00100000232000" + "14ffffabcd0100" + b"frame".hex(),
        ),
        (
            asynchronous.set_packet_in_format(1),
            "0404001400000001000023200000001000000002",
        ),
        (
            asynchronous.set_packet_in_format(1, waits=False),
            "0404001400000001000023200000001000000000",
        ),
    ],
    ids=["removals", "everything", "packets", "nothing", "whole", "number", "out", "2", "0"],
)
def test_octets(said: bytes, octets: str) -> None:
    assert said.hex() == octets
