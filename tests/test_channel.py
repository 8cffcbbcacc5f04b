"""Ryu's options as they are meant, and what is said of those that nobody should want."""

import shutil
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from ovsdhcp import channel
from ovsdhcp.cli import main
from ovsdhcp.connected import name_of

NOTHING = dict.fromkeys(("ctl_privkey", "ctl_cert", "ca_certs"))


def conf(**given: object) -> Any:
    return SimpleNamespace(**{**NOTHING, "ofp_listen_host": "127.0.0.1", **given})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"ctl_privkey": "k"}, "error: `--ctl-privkey` without `--ctl-cert`"),
        ({"ctl_cert": "c"}, "error: `--ctl-cert` without `--ctl-privkey`"),
        ({"ca_certs": "a"}, "error: `--ca-certs` without `--ctl-privkey` and `--ctl-cert`"),
        ({"ctl_privkey": "/no/k", "ctl_cert": "/no/c"}, "no TLS with /no/k, /no/c: No such file"),
    ],
)
def test_half_of_tls_is_none(given: dict[str, str], said: str) -> None:
    """Ryu would listen without TLS."""
    with pytest.raises(SystemExit, match="hint:") as ended:
        channel._wants_tls(conf(**given))
    assert said in str(ended.value)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl: not installed")
def test_keys_that_do_not_fit_are_said(tmp_path: Any) -> None:
    CliRunner().invoke(main, ["certificates", str(tmp_path / "a")])
    files = {"ctl_privkey": f"{tmp_path}/a/switch.key", "ctl_cert": f"{tmp_path}/a/controller.crt"}
    with pytest.raises(SystemExit, match="each other's"):
        channel._wants_tls(conf(**files))
    good = {**files, "ctl_privkey": f"{tmp_path}/a/controller.key"}
    assert channel._wants_tls(conf(**good))


@pytest.mark.parametrize(
    ("given", "warned"),
    [
        ({}, ""),
        ({"ofp_listen_host": "::1"}, ""),
        ({"ofp_listen_host": "localhost"}, ""),
        ({"ofp_listen_host": "0.0.0.0"}, "listening on 0.0.0.0 without TLS"),
        ({"ofp_listen_host": "controller.example"}, "listening on controller.example without TLS"),
        ({"ofp_listen_host": "::", "ctl_cert": "c", "ca_certs": "a"}, ""),
        ({"ctl_cert": "c"}, "asks no switch for a certificate"),
    ],
)
def test_what_is_open_wider_than_it_should_be_is_said(
    given: dict[str, str], warned: str, caplog: pytest.LogCaptureFixture
) -> None:
    channel._warn(conf(**given))
    assert (warned in caplog.text) if warned else not caplog.text


def test_a_name_cannot_write_into_the_log() -> None:
    assert name_of(b"vm5\0\0") == "vm5"
    assert name_of("vm-\u00fc".encode()) == "vm-\u00fc"
    assert name_of(b"vm5\nevent=ack\x1b[2J\0") == "vm5\\nevent=ack\\x1b[2J"
