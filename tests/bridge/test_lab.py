"""The lab leaves nothing behind, however far it came, and touches nothing that is not its own."""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ovsdhcp.lab import namespace
from ovsdhcp.lab.client import ETC_NETNS
from ovsdhcp.lab.command import LabError
from ovsdhcp.lab.laboratory import Lab, Names

LEASE_TABLE = """
subnets:
  vm-net:
    cidr: 172.16.255.128/26
    server_id: 172.16.255.129
    server_mac: 02:ac:10:ff:01:29
    lease_time: 1h
    options: {router: 172.16.255.129, dns_server: 172.25.250.254}
bridges:
  br-int:
    ports:
      vm5: {subnet: vm-net, mac: 02:ac:10:ff:01:30, ip: 172.16.255.130}
"""
HOST_FOLDERS = ("/etc/dhcp", "/var/lib/dhcp", "/var/lib/dhcpcd")
OF_ANOTHER_LAB = ("netns", "ovsdhcp-lab", "dhclient-")
"""In /run; ours are looked for by their prefix, others may be up at the same time."""


def entries(folder: str) -> list[str]:
    path = Path(folder)
    return sorted(entry.name for entry in path.iterdir()) if path.is_dir() else []


def host() -> dict[str, object]:
    """What a lab could change on the host."""
    return {
        "folders": {
            "/run": [name for name in entries("/run") if not name.startswith(OF_ANOTHER_LAB)],
            **{folder: entries(folder) for folder in HOST_FOLDERS},
        },
        "resolv.conf": Path("/etc/resolv.conf").read_bytes(),
        "hostname": os.uname().nodename,
    }


def traces(names: Names) -> list[str]:
    """What of a lab is there: namespaces, their /etc, dhclient's files, its folder, processes."""
    folders = ("/etc/netns", "/run", "/run/netns")
    found = [entry for folder in folders for entry in entries(folder) if names.prefix in entry]
    found += [str(names.folder)] if names.folder.exists() else []
    return found + [line for line in processes() if str(names.folder) in line]


def processes() -> list[str]:
    return subprocess.run(
        ["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True
    ).stdout.splitlines()


@pytest.fixture
def names(new_names: Callable[[], Names]) -> Iterator[Names]:
    made = new_names()
    yield made
    Lab(made).down()


@pytest.fixture
def only_dhclient() -> Iterator[None]:
    """As it is typed, dhclient has one place for its pid: other runs of the tests wait here."""
    lock = os.open("/var/lib/dhcp", os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    yield
    os.close(lock)


@pytest.mark.usefixtures("only_dhclient")
def test_a_lab_that_was_used_leaves_nothing(names: Names, table: Path) -> None:
    before = host()
    lab = Lab(names)
    lab.up(table)
    lab.wait_for_flows("vm5")
    for kind in ("udhcpc", "dhclient"):
        lab.clear("vm5")
        client = lab.client(kind, "vm5")
        client.start()
        client.wait_until_bound()
    assert lab.down()
    assert traces(names) == []
    assert host() == before
    assert not lab.down()


@pytest.mark.usefixtures("only_dhclient")
def test_dhclient_as_typed_leaves_nothing_either(names: Names, table: Path) -> None:
    before = host()
    lab = Lab(names)
    lab.up(table)
    lab.wait_for_flows("vm5")
    home = lab.ports["vm5"].home
    subprocess.run(["ip", "netns", "exec", home, "dhclient", "vm5"], check=True, timeout=20)
    lab.down()
    assert traces(names) == []
    assert host() == before


@pytest.mark.parametrize("program", ["ip netns add", "ovsdb-server", "ip link add", "ryu-manager"])
def test_down_after_a_failure_half_way_leaves_nothing(
    names: Names, table: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    lab = Lab(names)
    with monkeypatch.context() as broken:
        if program == "ryu-manager":
            table.with_name("broken.yaml").write_text("subnets: nonsense")
            table = table.with_name("broken.yaml")
        else:
            broken.setenv("PATH", f"{failing(program, names)}:{os.environ['PATH']}")
        with pytest.raises(LabError):
            lab.up(table)
    assert traces(names) != []
    Lab(names).down()
    assert traces(names) == []


def failing(program: str, names: Names) -> Path:
    """A folder with a program that fails, on its third run where it is `ip`'s."""
    folder = names.folder.parent / "broken"
    folder.mkdir()
    name, _, verbs = program.partition(" ")
    script = folder / name
    script.write_text(
        f"""#!/bin/sh
case "$*" in
*"{verbs}"*) echo >> {folder}/runs; [ $(wc -l < {folder}/runs) -lt 3 ] || exit 1 ;;
esac
[ {name} = ip ] || exit 1
exec {shutil.which(name)} "$@"
"""
    )
    script.chmod(0o755)
    return folder


def test_up_again_keeps_what_runs_and_mends_what_does_not(names: Names, table: Path) -> None:
    lab = Lab(names)
    lab.up(table)
    home = namespace.identity(lab.home)
    assert home is not None
    before = set(namespace.residents(home))
    lab.switch.stop("ovs-vswitchd")
    again = Lab(names)
    again.up(table)
    again.wait_for_flows("vm5")
    after = set(namespace.residents(home))
    assert len(after) == len(before) == 4  # the controller has its reader of tables
    assert len(after & before) == 3
    lab.down()


@pytest.mark.parametrize("folder", ["namespace", "etc"])
def test_what_is_not_the_labs_is_refused_and_left_alone(
    names: Names, table: Path, folder: str
) -> None:
    home = names.home("vm2")
    etc = ETC_NETNS / home
    if folder == "namespace":
        subprocess.run(["ip", "netns", "add", home], check=True)
    else:
        etc.mkdir(parents=True)
    try:
        with pytest.raises(LabError, match="not this lab's"):
            Lab(names).up(table)
        assert not Lab(names).down()
        assert namespace.identity(home) if folder == "namespace" else etc.exists()
        assert not names.folder.exists()
    finally:
        if folder == "namespace":
            subprocess.run(["ip", "netns", "delete", home], check=True)
        else:
            etc.rmdir()
