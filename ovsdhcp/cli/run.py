"""`ovsdhcp run`."""

import os
import sys
from pathlib import Path

import click

from ovsdhcp.cli.arguments import FILE
from ovsdhcp.service import CONFIG_VARIABLE

_RYU_MANAGER = "import ovsdhcp.ryu_compat; from ryu.cmd.manager import main; main()"


@click.command()
@click.option("--config", type=FILE, help="The lease table (else $OVSDHCP_CONFIG).")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where switches connect.")
@click.option("--port", default=6653, show_default=True, type=click.IntRange(1, 65535))
def run(config: Path | None, host: str, port: int) -> None:
    """Serve the bridges that connect: the same as `ryu-manager ovsdhcp.app`."""
    if config is not None:
        os.environ[CONFIG_VARIABLE] = str(config)
    listen = ("--ofp-listen-host", host, "--ofp-tcp-listen-port", str(port))
    # a new program in this process: eventlet has to come before all that is imported here
    os.execv(sys.executable, (sys.executable, "-c", _RYU_MANAGER, *listen, "ovsdhcp.app"))
