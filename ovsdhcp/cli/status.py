"""`ovsdhcp status`."""

import json

import click

from ovsdhcp.cli.arguments import asking
from ovsdhcp.control.client import ask


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def status(*, as_json: bool) -> None:
    """Say how the running server and its bridges are."""
    with asking():
        items = [item for item in ask("status") if item]
    click.echo(json.dumps(items, indent=2))
