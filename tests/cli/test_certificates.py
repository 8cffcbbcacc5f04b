"""Certificates for a lab: they fit together, each is for one side, and only their owner reads."""

import shutil
import ssl
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from ovsdhcp.cli import main
from ovsdhcp.cli.certificates import NAMES
from ovsdhcp.openflow.listener import tls_context

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl: not installed")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls") / "new"
    done = CliRunner().invoke(main, ["certificates", str(folder)])
    assert done.exit_code == 0, done.output
    assert (
        f"ovs-vsctl set-ssl {folder}/switch.key {folder}/switch.crt {folder}/ca.crt" in done.stdout
    )
    return folder


def test_six_files_that_only_their_owner_reads(made: Path) -> None:
    wanted = {f"{name}.{kind}" for name in NAMES for kind in ("key", "crt")}
    assert {path.name for path in made.iterdir()} == wanted
    assert {path.stat().st_mode & 0o777 for path in made.iterdir()} == {0o600}
    assert made.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("name", "purpose", "good"),
    [
        ("controller", "sslserver", True),
        ("controller", "sslclient", False),
        ("switch", "sslclient", True),
        ("switch", "sslserver", False),
    ],
)
def test_a_certificate_is_for_one_side(made: Path, name: str, purpose: str, good: bool) -> None:
    verify = ("openssl", "verify", "-x509_strict", "-CAfile", made / "ca.crt", "-purpose", purpose)
    done = subprocess.run((*verify, made / f"{name}.crt"), capture_output=True, check=False)
    assert (done.returncode == 0) is good, done.stderr


def test_the_listener_takes_them(made: Path) -> None:
    files = (str(made / "controller.key"), str(made / "controller.crt"), str(made / "ca.crt"))
    context = tls_context(*files)
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.verify_mode == ssl.CERT_REQUIRED


def test_what_is_there_is_not_written_over(made: Path) -> None:
    before = {path: path.read_bytes() for path in made.iterdir()}
    done = CliRunner().invoke(main, ["certificates", str(made)])
    assert done.exit_code == 1
    assert f"error: {made}/ca.key is there already" in done.stderr
    assert before == {path: path.read_bytes() for path in made.iterdir()}
