"""`ovsdhcp flows`."""

from pathlib import Path

import click

from ovsdhcp.cli.arguments import FILE, refusing
from ovsdhcp.config.loading import load
from ovsdhcp.config.problems import ConfigError
from ovsdhcp.openflow.render import rendered


@click.group()
def flows() -> None:
    """The flows that a lease table asks for."""


@flows.command()
@click.argument("config", type=FILE)
def render(config: Path) -> None:
    """Print the flows of the lease table CONFIG, as `ovs-ofctl add-flows` reads them."""
    with refusing(ConfigError):
        bridges = load(config).bridges
    click.echo("\n\n".join("\n".join(rendered(bridge)) for bridge in bridges))
