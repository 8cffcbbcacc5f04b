"""`ovsdhcp explain`."""

import click

from ovsdhcp.dhcp.reasons import REASONS
from ovsdhcp.openflow.endings import ENDINGS

KNOWN = {**REASONS, **ENDINGS}


@click.command()
@click.argument("code", required=False, metavar="[CODE]")
def explain(code: str | None) -> None:
    """Say what a reason means, where it comes from and what to do; without CODE, list them."""
    if code is None:
        width = max(map(len, KNOWN))
        for reason in KNOWN.values():
            click.echo(f"{reason.code:{width}}  {reason.meaning}")
        return
    if code not in KNOWN:
        near = [known for known in KNOWN if code in known]
        hint = f"; did you mean {', '.join(near)}?" if near else ", see `ovsdhcp explain`"
        raise click.UsageError(f"no reason is called `{code}`{hint}")
    reason = KNOWN[code]
    click.echo(f"{reason.code}: {reason.meaning} ({reason.rfc})")
    if reason.advice:
        click.echo(f"\n{reason.advice}")
