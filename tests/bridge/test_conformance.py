"""The comparison with dnsmasq and Kea, on a handful of frames; benchmarks/conformance has all."""

import json
import shutil

import pytest

from benchmarks.verdicts import main

NEEDED = {"dnsmasq": "dnsmasq-base", "kea-dhcp4": "kea-dhcp4-server"}
MISSING = " ".join(package for program, package in NEEDED.items() if not shutil.which(program))
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {MISSING}")
# what each is known to answer, ours first: dnsmasq 2.90 and Kea 2.2
KNOWN = {
    "valid_discover": ("offer", "offer", "offer"),
    "type_missing": ("silence", "bootreply", "silence"),
    "op_reply": ("silence", "silence", "offer"),
    "rai_from_client": ("silence", "offer", "offer"),
    "initreboot_offnet": ("nak", "nak", "nak"),
    "renew_ok": ("ack", "ack", "ack"),
}


def test_three_servers_side_by_side(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--json", *KNOWN])
    found = json.loads(capsys.readouterr().out)
    servers = list(found["servers"])
    assert servers == ["ovsdhcp", "dnsmasq", "kea"]
    assert found["servers"]["ovsdhcp"]["as_expected"] == len(KNOWN)
    verdicts = {row["name"]: tuple(row[name] for name in servers) for row in found["frames"]}
    assert verdicts == KNOWN
