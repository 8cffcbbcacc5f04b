"""`ovsdhcp reload`."""

import json
import sys

import click

from ovsdhcp.cli.arguments import JSON, asking
from ovsdhcp.control.client import ask
from ovsdhcp.dhcp.option_kinds import printable

PATIENCE = 300.0
"""Seconds for a large table to be read; the server goes on answering meanwhile."""


@click.command()
@click.option(
    "--confirm",
    type=click.FloatRange(0, min_open=True),
    metavar="SECONDS",
    help="Go back to the table before by itself, unless kept within this time.",
)
@click.option("--keep", is_flag=True, help="Keep the table that waits to be confirmed.")
@JSON
def reload(confirm: float | None, *, keep: bool, as_json: bool) -> None:
    """Have the running server read its lease table anew.

    A wrong table changes nothing: its errors are printed, the one in force stays, and the exit
    status is 1. An unchanged one changes nothing either.

    \b
    ovsdhcp reload --confirm 60     # the new table, for a minute
    ovsdhcp reload --keep           # for good; without it the old one comes back

    With --json one object: ok, at, text.
    """
    if keep and confirm is not None:
        raise click.UsageError("--keep ends what an earlier --confirm began: say one of them")
    with asking():
        asked = ask("reload", {"confirm": confirm, "keep": keep}, patience=PATIENCE)
        said = next(item for item in asked if item)
    if as_json:
        click.echo(json.dumps(said))
    else:
        text = "\n".join(map(printable, said["text"].splitlines()))
        click.echo(text, err=not said["ok"])
        if confirm is not None and said["ok"]:
            click.echo(f"for {confirm:g} s, unless it is kept: ovsdhcp reload --keep", err=True)
    sys.exit(not said["ok"])
