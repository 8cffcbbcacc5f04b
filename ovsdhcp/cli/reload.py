"""`ovsdhcp reload`."""

import click

from ovsdhcp.cli.arguments import JSON


@click.command()
@click.option(
    "--confirm",
    type=click.FloatRange(0, min_open=True),
    metavar="SECONDS",
    help="Go back to the table before unless confirmed within this time.",
)
@JSON
def reload(confirm: float | None, *, as_json: bool) -> None:
    """Have the running server read its lease table anew.

    A wrong table changes nothing: its errors are printed, the one in force stays, and the exit
    status is 1. With --confirm you are asked whether to keep the new one.
    """
    raise NotImplementedError
