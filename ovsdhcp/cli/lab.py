"""`ovsdhcp lab`."""

from pathlib import Path

import click

from ovsdhcp import lab as laboratory
from ovsdhcp.cli.arguments import FILE, refusing
from ovsdhcp.config.loading import load
from ovsdhcp.config.problems import ConfigError

_VERBOSE = click.option("-v", "--verbose", is_flag=True, help="Show every command that is run.")
_CLIENT = click.Choice(laboratory.CLIENTS)


@click.group()
def lab() -> None:
    """A bridge, a controller and real DHCP clients of its own, in network namespaces."""


@lab.command()
@click.option("--config", type=FILE, help="The lease table (else $OVSDHCP_CONFIG, the example).")
@click.option("--client", type=_CLIENT, default=laboratory.CLIENTS[0], show_default=True)
@_VERBOSE
def up(config: Path | None, client: str, *, verbose: bool) -> None:
    """Make the lab, or mend it, and show a real client get its lease."""
    if config is not None and config.exists():
        with refusing(ConfigError):  # before anything is made
            load(config)
    with refusing(laboratory.LabError):
        laboratory.up(config, client, verbose=verbose)


@lab.command()
@_VERBOSE
def down(*, verbose: bool) -> None:
    """Remove every trace of the lab."""
    with refusing(laboratory.LabError):
        laboratory.down(verbose=verbose)
