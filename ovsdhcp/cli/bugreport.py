"""`ovsdhcp bugreport`."""

import io
import os
import tarfile
import time
from pathlib import Path

import click

from ovsdhcp.cli.arguments import FILE, Refusal
from ovsdhcp.cli.doctor import ordered
from ovsdhcp.cli.terminal import progress, told
from ovsdhcp.doctor.examination import Examination
from ovsdhcp.doctor.report import Part, contents, parts


@click.command()
@click.option("-o", "--output", type=FILE, help="The file to write (else one named by the time).")
@click.option("--config", type=FILE, help="The lease table (else the server's, $OVSDHCP_CONFIG).")
def bugreport(output: Path | None, config: Path | None) -> None:
    """Collect what somebody needs who is to find out what is wrong, in one .tar.gz.

    It has versions, the lease table, what `status`, `leases`, `events`, `flows diff` and `doctor`
    say, the flows of the table's bridges, how Open vSwitch is set up, and the end of the server's
    log. What cannot be had is said inside. CONTENTS.txt in it lists all of this; nothing is sent
    anywhere. As root it sees most. Prints the file's name.
    """
    now = time.strftime("%Y%m%d-%H%M%S")
    file = output or Path(f"ovsdhcp-bugreport-{now}.tar.gz")
    examination = Examination.begin(config)
    made = parts(examination, lambda: _findings(examination))
    try:
        _write(file, f"ovsdhcp-bugreport-{now}", made)
    except OSError as error:
        raise Refusal(f"error: {file}: {error.strerror}") from None
    click.echo(contents(made), err=True)
    click.echo(file)


def _findings(examination: Examination) -> str:
    found = list(examination.findings)
    for step in examination.steps(aloud=False):
        found += step.look()
    return click.unstyle("\n".join(told(ordered(found)))) + "\n"


def _write(file: Path, folder: str, made: list[Part]) -> None:
    """For its owner only, and never over a file that is there."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with (
        os.fdopen(descriptor, "wb") as octets,
        tarfile.open(fileobj=octets, mode="w:gz") as archive,
    ):
        _add(archive, f"{folder}/CONTENTS.txt", contents(made))
        for part in progress(made, lambda part: part.name):
            _add(archive, f"{folder}/{part.name}", part.got())


def _add(archive: tarfile.TarFile, name: str, text: str) -> None:
    octets = text.encode(errors="replace")
    entry = tarfile.TarInfo(name)
    entry.size, entry.mtime, entry.mode = len(octets), int(time.time()), 0o600
    archive.addfile(entry, io.BytesIO(octets))
