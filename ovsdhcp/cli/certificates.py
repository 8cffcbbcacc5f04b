"""`ovsdhcp certificates`: what TLS between bridges and controller takes, for a lab.

Made by the `openssl` command, which Open vSwitch's own ovs-pki uses as well: nothing that runs in
production has to import what makes keys. A certificate says what it is for, so that a switch's
does not pass for the controller's.
"""

import os
import shutil
import subprocess
from pathlib import Path

import click

from ovsdhcp.cli.arguments import Refusal

DAYS = 365
_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
_AUTHORITY = ("basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign")
_PURPOSE = {"controller": "serverAuth", "switch": "clientAuth"}
NAMES = ("ca", *_PURPOSE)

_NEXT = """\
    ryu-manager ovsdhcp.app --ctl-privkey {0}/controller.key --ctl-cert {0}/controller.crt \\
        --ca-certs {0}/ca.crt
    ovs-vsctl set-ssl {0}/switch.key {0}/switch.crt {0}/ca.crt
    ovs-vsctl set-controller br-int ssl:127.0.0.1:6653"""


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), metavar="DIR")
def certificates(folder: Path) -> None:
    """Make a certification authority, a controller's and a switch's certificate in DIR.

    For a lab: the authority's key lies beside them, and all bridges share one certificate. What is
    there already is not written over.
    """
    folder = folder.absolute()
    there = [path for path in _paths(folder) if path.exists()]
    if there:
        raise Refusal(f"error: {there[0]} is there already\n\nhint: choose another folder")
    if shutil.which("openssl") is None:
        raise Refusal("error: there is no openssl command\n\nhint: apt-get install openssl")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _make_authority(folder)
    for name in _PURPOSE:
        _make_certificate(folder, name)
    click.echo(f"made {', '.join(path.name for path in _paths(folder))} in {folder}", err=True)
    click.echo(_NEXT.format(folder))


def _paths(folder: Path) -> list[Path]:
    return [folder / f"{name}.{kind}" for name in NAMES for kind in ("key", "crt")]


def _make_authority(folder: Path) -> None:
    subject = ("-subj", "/O=ovsdhcp lab/CN=ovsdhcp lab authority")
    extensions = [argument for it in _AUTHORITY for argument in ("-addext", it)]
    files = ("-keyout", str(folder / "ca.key"), "-out", str(folder / "ca.crt"))
    _openssl("req", "-x509", "-days", str(DAYS), *_KEY, *subject, *extensions, *files)


def _make_certificate(folder: Path, name: str) -> None:
    """A key, a request of it, and what the authority makes of that."""
    key, certificate = folder / f"{name}.key", folder / f"{name}.crt"
    subject = ("-subj", f"/O=ovsdhcp lab/CN=ovsdhcp lab {name}")
    request = _openssl("req", *_KEY, *subject, "-keyout", str(key))
    authority = ("-CA", str(folder / "ca.crt"), "-CAkey", str(folder / "ca.key"))
    extensions = folder / f"{name}.ext"
    extensions.write_text(
        "basicConstraints=critical,CA:FALSE\n"
        "keyUsage=critical,digitalSignature\n"
        f"extendedKeyUsage={_PURPOSE[name]}\n"
    )
    signed = ("x509", "-req", "-days", str(DAYS), *authority, "-set_serial", _serial())
    try:
        _openssl(*signed, "-extfile", str(extensions), "-out", str(certificate), given=request)
    finally:
        extensions.unlink()


def _serial() -> str:
    return f"0x{os.urandom(15).hex()}"


def _openssl(*arguments: str, given: str = "") -> str:
    """Run it with files that only their owner may read. Raises Refusal with what it says."""
    done = subprocess.run(
        ("openssl", *arguments),
        input=given,
        capture_output=True,
        text=True,
        check=False,
        umask=0o077,
    )
    if done.returncode:
        raise Refusal(f"error: openssl {arguments[0]} failed\n\n{done.stderr.strip()}")
    return done.stdout
