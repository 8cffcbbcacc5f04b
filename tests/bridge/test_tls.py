"""OpenFlow over TLS, with a real ovs-vswitchd: mutual certificates, and as often as it likes."""

import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ovsdhcp.cli import main
from ovsdhcp.lab import namespace
from ovsdhcp.lab.deadline import wait_for
from ovsdhcp.lab.laboratory import Lab
from tests.bridge.tables import VM_NET
from tests.bridge.test_as_documented import shell_of

LEASE_TABLE = (
    VM_NET
    + """
bridges:
  br-int:
    ports:
      vm5: {subnet: vm-net, mac: 02:ac:10:ff:01:30, ip: 172.16.255.130}
"""
)
RECONNECTS = 50
WITHIN = 15.0
CONNECTED = "bridge br-int: connected"
SILENT_PEERS = 20


def certificates(folder: Path) -> Path:
    done = CliRunner().invoke(main, ["certificates", str(folder)])
    assert done.exit_code == 0, done.output
    return folder


def set_ssl(lab: Lab, folder: Path, authority: Path) -> None:
    files = (f"{folder}/switch.key", f"{folder}/switch.crt", f"{authority}/ca.crt")
    lab.switch.vsctl("set-ssl", *files, doing="give the switch its certificate")


class Secured:
    """A lab whose bridge and controller speak TLS; `log` is what the controller says."""

    def __init__(self, lab: Lab, ours: Path, log: Path) -> None:
        self.lab, self.ours, self.log = lab, ours, log

    def said(self, what: str) -> int:
        return self.log.read_text().count(what)

    def connects(self, times: int) -> bool:
        return bool(wait_for(lambda: self.said(CONNECTED) >= times, within=WITHIN))


@pytest.fixture(scope="module")
def secured(
    module_lab: Lab, table: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Secured]:
    folder = tmp_path_factory.mktemp("tls")
    ours, log = certificates(folder / "ours"), folder / "log"
    module_lab.controller.stop()
    set_ssl(module_lab, ours, ours)
    module_lab.switch.set_controller("ssl:127.0.0.1:6653")
    options = f"--ctl-privkey {ours}/controller.key --ctl-cert {ours}/controller.crt"
    line = f"ryu-manager ovsdhcp.app {options} --ca-certs {ours}/ca.crt"
    controller = shell_of(module_lab, table).start(f"{line} 2>{log}")
    try:
        found = Secured(module_lab, ours, log)
        assert wait_for(lambda: log.exists() and found.said(CONNECTED), within=WITHIN)
        yield found
    finally:
        controller.terminate()
        controller.wait(10)


def reconnect(lab: Lab) -> None:
    """Hang up and connect anew, at once: a controller that is new has no backoff."""
    lab.switch.vsctl("del-controller", "br-int", doing="hang up")
    lab.switch.set_controller("ssl:127.0.0.1:6653")


def test_a_client_gets_its_lease_over_tls(secured: Secured) -> None:
    secured.lab.wait_for_flows("vm5", within=WITHIN)
    client = secured.lab.client("dhclient", "vm5")
    client.start()
    assert client.wait_until_bound().addresses == ("172.16.255.130/26",)


def test_fifty_times_it_connects_anew_and_is_served(secured: Secured) -> None:
    begun = time.monotonic()
    for _ in range(RECONNECTS):
        before = secured.said(CONNECTED)
        reconnect(secured.lab)
        assert secured.connects(before + 1), secured.log.read_text()[-500:]
    print(f"{RECONNECTS} reconnects in {time.monotonic() - begun:.1f} s")
    test_a_client_gets_its_lease_over_tls(secured)


def test_peers_that_say_nothing_hold_up_nobody(secured: Secured) -> None:
    with ExitStack() as opened:
        for _ in range(SILENT_PEERS):
            with namespace.inside(secured.lab.home):
                opened.enter_context(socket.create_connection(("127.0.0.1", 6653)))
        before = secured.said(CONNECTED)
        reconnect(secured.lab)
        assert secured.connects(before + 1)


@pytest.mark.parametrize("kind", ["another authority's", "the controller's own", "none"])
def test_a_wrong_certificate_is_refused_and_named(
    secured: Secured, kind: str, tmp_path: Path
) -> None:
    """The peer trusts us, so that it is we who refuse."""
    wrong = certificates(tmp_path / "wrong")
    files = {
        "another authority's": (wrong / "switch.key", wrong / "switch.crt"),
        "the controller's own": (secured.ours / "controller.key", secured.ours / "controller.crt"),
    }
    given = files.get(kind)
    assert "alert" in tls_client(secured, given)
    assert wait_for(lambda: secured.said("reason=tls-refused"), within=WITHIN)


def test_the_switch_itself_with_a_wrong_certificate_does_not_get_in(
    secured: Secured, tmp_path: Path
) -> None:
    wrong, before = certificates(tmp_path / "wrong"), secured.said(CONNECTED)
    switch = secured.lab.switch
    try:
        set_ssl(secured.lab, wrong, secured.ours)
        reconnect(secured.lab)
        assert wait_for(lambda: connected(secured.lab) == "false", within=WITHIN)
        assert secured.said(CONNECTED) == before
    finally:
        set_ssl(secured.lab, secured.ours, secured.ours)
    assert secured.connects(before + 1)
    assert switch.controllers() == ["ssl:127.0.0.1:6653"]


def test_a_plain_connection_is_refused_and_named(secured: Secured) -> None:
    with namespace.inside(secured.lab.home):
        plain = socket.create_connection(("127.0.0.1", 6653), timeout=5)
    with plain:
        plain.sendall(bytes.fromhex("0400000800000001"))
        refused = plain.recv(64)
        assert refused[:1] in (b"", b"\x15"), "a TLS alert, or nothing"


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
@pytest.mark.parametrize(
    ("version", "becomes"),
    [
        (ssl.TLSVersion.TLSv1_1, "alert protocol version"),
        (ssl.TLSVersion.TLSv1_2, "HELLO 4 over TLSv1.2"),
        (ssl.TLSVersion.TLSv1_3, "HELLO 4 over TLSv1.3"),
    ],
)
def test_tls_begins_with_1_2(secured: Secured, version: ssl.TLSVersion, becomes: str) -> None:
    mine = (secured.ours / "switch.key", secured.ours / "switch.crt")
    said = tls_client(secured, mine, minimum_version=version, maximum_version=version)
    assert becomes in said


def tls_client(secured: Secured, mine: tuple[Path, Path] | None, **versions: Any) -> str:
    """What becomes of a connection: the version of a HELLO, or the alert that ends it."""
    context = ssl.create_default_context(cafile=str(secured.ours / "ca.crt"))
    context.check_hostname = False
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    for name, version in versions.items():
        setattr(context, name, version)
    if mine is not None:
        context.load_cert_chain(mine[1], mine[0])
    with namespace.inside(secured.lab.home):
        plain = socket.create_connection(("127.0.0.1", 6653), timeout=5)
    try:
        with context.wrap_socket(plain) as connected:
            return f"HELLO {connected.recv(8)[0]} over {connected.version()}"
    except (ssl.SSLError, ConnectionResetError) as error:
        return str(error)
    finally:
        plain.close()


def connected(lab: Lab) -> str:
    return lab.switch.vsctl("get", "Controller", "br-int", "is_connected", doing="ask").strip()
