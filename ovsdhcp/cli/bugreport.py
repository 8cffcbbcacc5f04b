"""`ovsdhcp bugreport`."""

import click


@click.command()
def bugreport() -> None:
    """."""
