"""Secrets are told nowhere: a server, its key marked, does all that it can say something of."""

import base64
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sysconfig
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from ovsdhcp import channel
from ovsdhcp.cli import main
from ovsdhcp.lab.deadline import wait_for
from tests.test_install import EXAMPLE, free_port

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl: not installed")

SCRIPTS = sysconfig.get_path("scripts")
OVSDHCP, RYU_MANAGER = f"{SCRIPTS}/ovsdhcp", f"{SCRIPTS}/ryu-manager"
NOBODY = 65534
WITHIN = 20.0
KEY, CERTIFICATE = "controller.key", "controller.crt"
HELLO, SHORTER_THAN_A_HEADER = (
    b"\x04\x00\x00\x08\x00\x00\x00\x01",
    b"\x04\x00\x00\x03\x00\x00\x00\x02",
)
IN_THE_ENVIRONMENT = "marked-in-the-environment"
BESIDE_THE_KEY = "marked-beside-the-key"
SCALAR = slice(36, 68)
"""Where a P-256 key's own octets are in PKCS#8; what is before and behind them is public."""


@dataclass(frozen=True)
class Tls:
    """A folder that `ovsdhcp certificates` has made, its keys marked."""

    folder: Path

    def files(self, key: str = KEY, certificate: str = CERTIFICATE) -> dict[str, str]:
        """By Ryu's options."""
        names = {"ctl_privkey": key, "ctl_cert": certificate, "ca_certs": "ca.crt"}
        return {option: str(self.folder / name) for option, name in names.items()}

    def options(self, key: str = KEY, certificate: str = CERTIFICATE) -> list[str]:
        files = self.files(key, certificate)
        return [f"--{option.replace('_', '-')}={file}" for option, file in files.items()]

    def found_in(self, octets: bytes) -> list[bytes]:
        """What of the secrets is in them: any 12 characters of a key, however it is written."""
        marks = {IN_THE_ENVIRONMENT.encode(), BESIDE_THE_KEY.encode()}
        for key in self.folder.glob("*.key"):
            marks |= _marks(key.read_text())
        return [mark for mark in marks if mark in octets]


def _marks(pem: str) -> set[bytes]:
    body = "".join(pem.partition("-----BEGIN")[2].splitlines()[1:-1])
    octets = base64.b64decode(body)[SCALAR]
    first, last = SCALAR.start * 4 // 3, SCALAR.stop * 4 // 3
    written = (body[first:last], octets.hex(), octets.hex(":"), repr(octets)[2:-1])
    return {it[at : at + 12].encode() for it in written for at in range(len(it) - 11)} | {
        octets[at : at + 6] for at in range(len(octets) - 5)
    }


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    folder = tmp_path_factory.mktemp("tls") / "certificates"
    subprocess.run((OVSDHCP, "certificates", folder), check=True, capture_output=True)
    for key in folder.glob("*.key"):
        key.write_text(f"{BESIDE_THE_KEY}\n{key.read_text()}")
    return Tls(folder)


@dataclass
class Server:
    """One at the debug level, whose log is a file; what else it writes is in the same folder."""

    folder: Path
    port: int

    @property
    def log(self) -> Path:
        return self.folder / "log"

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {
            "OVSDHCP_CONFIG": str(EXAMPLE),
            "OVSDHCP_STATE_DIR": str(self.folder / "state"),
            "OVSDHCP_PASSWORD": IN_THE_ENVIRONMENT,
        }

    def start(self, *options: str) -> "subprocess.Popen[bytes]":
        command = (RYU_MANAGER, "--verbose", *options)
        listen = f"--ofp-ssl-listen-port={self.port}"
        with self.log.open("ab") as log:
            return subprocess.Popen(
                (*command, listen, "ovsdhcp.app"), env=self.environment, cwd="/", stderr=log
            )

    def ask(self, *words: str) -> bytes:
        command = (OVSDHCP, *words)
        done = subprocess.run(command, env=self.environment, capture_output=True, check=False)
        return done.stdout + done.stderr


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path, free_port())


def call(port: int, folder: Path, *, certificate: bool) -> None:
    """A switch's connection, which says something that is no OpenFlow; or has no certificate."""
    context = ssl.create_default_context(cafile=str(folder / "ca.crt"))
    context.check_hostname = False
    if certificate:
        context.load_cert_chain(folder / "switch.crt", folder / "switch.key")
    try:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=WITHIN) as plain,
            context.wrap_socket(plain) as switch,
        ):
            switch.sendall(HELLO + SHORTER_THAN_A_HEADER)
            while switch.recv(4096):
                pass
    except OSError:  # ssl.SSLError is one: how it ends is the server's affair
        pass


def unpacked(report: Path) -> bytes:
    with tarfile.open(report) as archive:
        files = [archive.extractfile(entry) for entry in archive.getmembers()]
        return b"".join(file.read() for file in files if file)


def test_a_mark_would_be_found(tls: Tls) -> None:
    key = (tls.folder / "controller.key").read_bytes()
    lines = key.splitlines()
    assert [bool(tls.found_in(line)) for line in lines] == [True, False, True, True, False, False]
    assert tls.found_in(b"\n".join(lines[2:3])[-13:])
    assert not tls.found_in((tls.folder / "controller.crt").read_bytes())


@pytest.mark.slow
def test_a_running_server_tells_no_secret(server: Server, tls: Tls) -> None:
    process = server.start(*tls.options())
    try:
        assert wait_for(lambda: b"ready: " in server.log.read_bytes(), within=WITHIN)
        call(server.port, tls.folder, certificate=True)
        call(server.port, tls.folder, certificate=False)
        with socket.create_connection(("127.0.0.1", server.port), timeout=WITHIN) as plain:
            plain.sendall((tls.folder / "controller.key").read_bytes())
        process.send_signal(signal.SIGHUP)
        said = b"".join(
            server.ask(*words.split())
            for words in (
                *("status", "status --json", "events", "leases", "flows diff", "reload"),
                *("doctor", f"bugreport -o {server.folder}/report.tar.gz"),
            )
        )
        assert f"pid {process.pid}".encode() in said
    finally:
        process.terminate()
        process.wait(WITHIN)
    report = unpacked(server.folder / "report.tar.gz")
    log = server.log.read_bytes()
    assert b"level=debug" in log
    assert f"ready: switches can connect to 127.0.0.1:{server.port}".encode() in log
    assert b"reason=tls-refused" in log
    assert b"reason=malformed-message" in log
    assert b"reason=malformed-message" in report, "the log is in it"
    assert tls.found_in(said + report + log) == []
    kept = [file for file in (server.folder / "state").rglob("*") if file.is_file()]
    assert "journal.sqlite3" in {file.name for file in kept}
    assert tls.found_in(b"".join(file.read_bytes() for file in kept)) == []


def _shorter(key: Path) -> None:
    key.write_text(key.read_text()[:-80])


def _misspelt(key: Path) -> None:
    text = key.read_text()
    key.write_text(text.replace("\nM", "\n*", 1))


def _without_its_end(key: Path) -> None:
    key.write_text(key.read_text().partition("-----END")[0])


def _with_a_passphrase(key: Path) -> None:
    command = ("openssl", "pkcs8", "-topk8", "-in", key, "-passout", f"pass:{IN_THE_ENVIRONMENT}")
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    key.write_text(f"{BESIDE_THE_KEY}\n{done.stdout}")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "key", "certificate"),
    [
        (_shorter, KEY, CERTIFICATE),
        (_misspelt, KEY, CERTIFICATE),
        (_without_its_end, KEY, CERTIFICATE),
        (_with_a_passphrase, KEY, CERTIFICATE),
        (None, "switch.key", CERTIFICATE),
        (None, CERTIFICATE, KEY),
    ],
    ids=[
        *("shorter", "misspelt", "without its end", "with a passphrase"),
        *("of another certificate", "in the certificate's place"),
    ],
)
def test_a_key_of_no_use_is_told_by_its_name_alone(
    tls: Tls,
    tmp_path: Path,
    make: Callable[[Path], None] | None,
    key: str,
    certificate: str,
) -> None:
    used = Tls(tmp_path / "certificates")
    shutil.copytree(tls.folder, used.folder)
    if make is not None:
        make(used.folder / key)
    command = (RYU_MANAGER, "--verbose", *used.options(key, certificate), "ovsdhcp.app")
    done = subprocess.run(
        command,
        env=Server(tmp_path, 0).environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        cwd="/",
        check=False,
        timeout=WITHIN,
        start_new_session=True,  # no terminal on which a passphrase could be asked for
    )
    said = done.stdout + done.stderr
    assert (done.returncode, b"error: no TLS with " in said) == (1, True), said
    assert tls.found_in(said) == []


def test_a_key_that_is_not_the_servers_to_read_is_told_by_its_name(
    tls: Tls, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    closed = Tls(tmp_path / "certificates")
    shutil.copytree(tls.folder, closed.folder)
    (closed.folder / KEY).chmod(0)
    before = os.geteuid()
    os.seteuid(NOBODY if before == 0 else before)
    try:
        with pytest.raises(SystemExit, match="Permission denied") as ended:
            channel._wants_tls(SimpleNamespace(**closed.files()))
    finally:
        os.seteuid(before)
    said = str(ended.value) + "".join(capfd.readouterr())
    assert tls.found_in(said.encode()) == []


@pytest.mark.parametrize("before", ["", "Bag Attributes: 1\n", "subnets: {}\n"])
def test_a_key_in_the_tables_place_is_not_shown(tmp_path: Path, tls: Tls, before: str) -> None:
    table = tmp_path / "table.yaml"
    table.write_text(before + (tls.folder / KEY).read_text().partition("\n")[2])
    for words in ("check", "check --format json", "flows render"):
        said = CliRunner().invoke(main, [*words.split(), str(table)]).output
        assert "has a private key, and is no lease table" in said
        assert tls.found_in(said.encode()) == []


def test_a_key_in_the_tables_place_is_neither_logged_nor_reported(server: Server, tls: Tls) -> None:
    key, report = f"{tls.folder / KEY}", server.folder / "report.tar.gz"
    said = server.ask("run", "--config", key)
    assert b"has a private key, and is no lease table" in said
    reported = server.ask("bugreport", "--config", key, "-o", f"{report}") + unpacked(report)
    assert b"(a private key, left out)" in reported
    assert set(tls.found_in(said + reported)) == {BESIDE_THE_KEY.encode()}, "which is no key"
