"""What a dhclient started by hand leaves on the host, and what of it may be removed."""

from pathlib import Path

import pytest

from ovsdhcp.lab import client
from ovsdhcp.lab.command import LabError

OURS = 'lease {\n  interface "vm5";\n  fixed-address 172.16.255.130;\n}\n'
THEIRS = 'default-duid "\\000";\nlease {\n  interface "eth0";\n  fixed-address 10.0.0.2;\n}\n'


@pytest.fixture
def leases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(client, "LEASES", tmp_path / "dhclient.leases")
    monkeypatch.setattr(client, "PID", tmp_path / "dhclient.pid")
    return tmp_path / "dhclient.leases"


@pytest.mark.parametrize("text", [OURS, "", 'default-duid "\\000";\n' + OURS + OURS])
def test_leases_that_are_all_ours_go(leases: Path, text: str) -> None:
    before = client.host_files()
    leases.write_text(text)
    client.tidy_up(before, {"vm5"}, [])
    assert not leases.exists()


def test_leases_with_one_of_the_hosts_stay(leases: Path) -> None:
    before = client.host_files()
    leases.write_text(THEIRS + OURS)
    client.tidy_up(before, {"vm5"}, [])
    assert leases.read_text() == THEIRS + OURS


def test_what_was_there_before_stays(leases: Path) -> None:
    leases.write_text("")
    before = client.host_files()
    client.tidy_up(before, {"vm5"}, [])
    assert leases.exists()


@pytest.mark.parametrize(("ended", "stays"), [([77], False), ([78], True)])
def test_a_pid_file_goes_when_it_names_a_process_that_we_ended(
    leases: Path, ended: list[int], stays: bool
) -> None:
    before = client.host_files()
    client.PID.write_text("77\n")
    client.tidy_up(before, {"vm5"}, ended)
    assert client.PID.exists() is stays


def test_a_client_that_is_not_installed_names_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(LabError, match="apt-get install isc-dhcp-client"):
        client.kind_called("dhclient")
    with pytest.raises(LabError, match="dhclient, udhcpc, dhcpcd, systemd-networkd"):
        client.kind_called("pump")
