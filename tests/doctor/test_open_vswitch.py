"""Open vSwitch's own commands: what they print is read, and how they fail is told."""

import json
from pathlib import Path

import pytest

from ovsdhcp.doctor import open_vswitch
from ovsdhcp.doctor.open_vswitch import Controller, NoOpenVSwitchError, bridges
from ovsdhcp.doctor.report import without_secrets

MAP: list[object] = ["map", []]
SET: list[object] = ["set", []]


def uuid(number: int) -> list[object]:
    return ["uuid", f"0000-{number}"]


def table(headings: list[str], *rows: list[object]) -> str:
    return json.dumps({"headings": headings, "data": rows})


TABLES = {
    "Bridge": table(
        ["_uuid", "name", "datapath_id", "fail_mode", "protocols", "other_config", "controller",
         "ports"],
        [uuid(1), "br-int", "00000000000000b1", "secure", ["set", ["OpenFlow10", "OpenFlow13"]],
         ["map", [["disable-in-band", "true"]]], uuid(10), ["set", [uuid(20), uuid(21)]]],
        [uuid(2), "br-ex", SET, SET, SET, MAP, SET, SET],
    ),
    "Controller": table(
        ["_uuid", "target", "is_connected", "connection_mode", "status", "controller_rate_limit",
         "controller_queue_size"],
        [uuid(10), "tcp:127.0.0.1:6653", False, SET,
         ["map", [["last_error", "Connection refused"]]], 1000, SET],
    ),
    "Port": table(
        ["_uuid", "interfaces"], [uuid(20), uuid(30)], [uuid(21), ["set", [uuid(31), uuid(32)]]]
    ),
    "Interface": table(
        ["_uuid", "name", "ofport", "error"],
        [uuid(30), "vm5", 5, SET],
        [uuid(31), "eth0", -1, "could not open network device eth0 (No such device)"],
        [uuid(32), "eth1", SET, SET],
    ),
}  # fmt: skip


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path


def program(folder: Path, text: str) -> None:
    file = folder / "ovs-vsctl"
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)


def test_bridges_are_read_with_all_that_belongs_to_them(path: Path) -> None:
    for name, text in TABLES.items():
        (path / name).write_text(text)
    program(path, f'for last; do :; done; cat "{path}/$last"')
    found = bridges()
    assert list(found) == ["br-int", "br-ex"]
    it = found["br-int"]
    assert (it.dpid, it.fail_mode, it.in_band) == (0xB1, "secure", False)
    assert it.protocols == {"OpenFlow10", "OpenFlow13"}
    assert it.controllers == (
        Controller("tcp:127.0.0.1:6653", False, False, "Connection refused", 1000, None),
    )
    assert it.ports == {
        "vm5": "",
        "eth0": "could not open network device eth0 (No such device)",
        "eth1": "it has no number yet",
    }
    other = found["br-ex"]
    assert (other.dpid, other.fail_mode, other.controllers, other.ports) == (
        0,
        "standalone",
        (),
        {},
    )


@pytest.mark.parametrize(
    ("text", "said", "mend"),
    [
        ("echo 'db.sock: (Permission denied)' >&2; exit 1", "Permission denied", "sudo"),
        ("echo 'database connection failed' >&2; exit 1", "connection failed", "start it"),
        ("exit 1", "status 1", "start it"),
        ("echo nonsense", "says no table", "--version"),
        ("exec sleep 20", "hangs for 0.2 s", "log"),
    ],
)
def test_a_failure_is_told_with_what_mends_it(
    path: Path, monkeypatch: pytest.MonkeyPatch, text: str, said: str, mend: str
) -> None:
    program(path, text)
    monkeypatch.setattr(open_vswitch, "PATIENCE", 0.2 if "sleep" in text else 10)
    with pytest.raises(NoOpenVSwitchError, match=said) as raised:
        bridges()
    assert mend in raised.value.mend


def test_a_machine_without_open_vswitch(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(path))
    with pytest.raises(NoOpenVSwitchError, match="ovs-vsctl is not installed"):
        bridges()


def test_a_tunnels_key_is_left_out_of_reports() -> None:
    text = 'options: {psk="sword, fish", remote_ip="192.0.2.1"}\noptions: {psk=x, dst_port="1"}'
    assert without_secrets(text) == (
        'options: {psk=(left out), remote_ip="192.0.2.1"}\noptions: {psk=(left out), dst_port="1"}'
    )
