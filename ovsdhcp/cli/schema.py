"""`ovsdhcp schema`."""

import json

import click

from ovsdhcp.config.schema import schema as made


@click.command()
def schema() -> None:
    """Print the JSON Schema (2020-12) of lease tables.

    An editor with a YAML language server completes keys and marks mistakes by it, if the table's
    first line names it:

    \b
    ovsdhcp schema > ovsdhcp.schema.json
    # yaml-language-server: $schema=ovsdhcp.schema.json
    """
    click.echo(json.dumps(made(), indent=1, ensure_ascii=False))
