"""`ovsdhcp run`."""

import os
import sys
from pathlib import Path

import click

from ovsdhcp.cli.arguments import FILE
from ovsdhcp.log.form import LINES
from ovsdhcp.log.form import VARIABLE as FORM_VARIABLE
from ovsdhcp.service import CONFIG_VARIABLE

_RYU_MANAGER = "import ovsdhcp.ryu_compat; from ryu.cmd.manager import main; main()"


@click.command()
@click.option("--config", type=FILE, help="The lease table (else $OVSDHCP_CONFIG).")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where switches connect.")
@click.option("--port", default=6653, show_default=True, type=click.IntRange(1, 65535))
@click.option(
    "--log-format",
    type=click.Choice(list(LINES)),
    help=f"How log lines are written (else ${FORM_VARIABLE}, else logfmt).",
)
@click.option("--ctl-privkey", type=FILE, help="TLS: the controller's key.")
@click.option("--ctl-cert", type=FILE, help="TLS: its certificate.")
@click.option("--ca-certs", type=FILE, help="TLS: who signs the certificates of switches.")
def run(
    config: Path | None, host: str, port: int, log_format: str | None, **tls: Path | None
) -> None:
    """Serve the bridges that connect: the same as `ryu-manager ovsdhcp.app`."""
    if config is not None:
        os.environ[CONFIG_VARIABLE] = str(config)
    if log_format is not None:
        os.environ[FORM_VARIABLE] = log_format
    ports = ("--ofp-tcp-listen-port", str(port), "--ofp-ssl-listen-port", str(port))
    given = [f"--{name.replace('_', '-')}={path}" for name, path in tls.items() if path]
    listen = ("--ofp-listen-host", host, *ports, *given)
    # a new program in this process: eventlet has to come before all that is imported here
    os.execv(sys.executable, (sys.executable, "-c", _RYU_MANAGER, *listen, "ovsdhcp.app"))
