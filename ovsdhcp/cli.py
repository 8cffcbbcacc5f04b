"""The `ovsdhcp` command: data goes to standard output, talk to standard error.

Exit status: 0 all is well, 1 something is wrong and was named, 2 the command line is.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import click

from ovsdhcp import __version__, lab, service
from ovsdhcp.config.loading import load
from ovsdhcp.config.problems import ConfigError
from ovsdhcp.openflow.render import rendered

_RYU_MANAGER = "import ovsdhcp.ryu_compat; from ryu.cmd.manager import main; main()"
_FILE = click.Path(path_type=Path, dir_okay=False)


class Refusal(click.ClickException):
    """Something is wrong and its message says all: status 1, nothing on standard output."""

    def show(self, file: IO[str] | None = None) -> None:
        """As it is; click would put `Error:` before a message of several lines."""
        click.echo(self.message, file=file, err=True)


@contextmanager
def _refusing(*errors: type[Exception]) -> Iterator[None]:
    """Turn these errors into their message."""
    try:
        yield
    except errors as error:
        raise Refusal(str(error)) from error


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ovsdhcp")
def main() -> None:
    """DHCP for Open vSwitch ports, answered by OpenFlow flows and a Ryu application."""


@main.command()
@click.option("--config", type=_FILE, help="The lease table (else $OVSDHCP_CONFIG).")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where switches connect.")
@click.option("--port", default=6653, show_default=True, type=click.IntRange(1, 65535))
def run(config: Path | None, host: str, port: int) -> None:
    """Serve the bridges that connect: the same as `ryu-manager ovsdhcp.app`."""
    if config is not None:
        os.environ[service.CONFIG_VARIABLE] = str(config)
    listen = ("--ofp-listen-host", host, "--ofp-tcp-listen-port", str(port))
    # a new program in this process: eventlet has to come before all that is imported here
    os.execv(sys.executable, (sys.executable, "-c", _RYU_MANAGER, *listen, "ovsdhcp.app"))


@main.group()
def flows() -> None:
    """The flows that a lease table asks for."""


@flows.command()
@click.argument("config", type=_FILE)
def render(config: Path) -> None:
    """Print the flows of the lease table CONFIG, as `ovs-ofctl add-flows` reads them."""
    with _refusing(ConfigError):
        bridges = load(config).bridges
    click.echo("\n\n".join("\n".join(rendered(bridge)) for bridge in bridges))


@main.group(name="lab")
def lab_group() -> None:
    """A bridge, a controller and real DHCP clients of its own, in network namespaces."""


_VERBOSE = click.option("-v", "--verbose", is_flag=True, help="Show every command that is run.")


@lab_group.command()
@click.option("--config", type=_FILE, help="The lease table (else $OVSDHCP_CONFIG, the example).")
@click.option("--client", type=click.Choice(lab.CLIENTS), default=lab.CLIENTS[0], show_default=True)
@_VERBOSE
def up(config: Path | None, client: str, *, verbose: bool) -> None:
    """Make the lab, or mend it, and show a real client get its lease."""
    with _refusing(lab.LabError):
        lab.up(config, client, verbose=verbose)


@lab_group.command()
@_VERBOSE
def down(*, verbose: bool) -> None:
    """Remove every trace of the lab."""
    with _refusing(lab.LabError):
        lab.down(verbose=verbose)
