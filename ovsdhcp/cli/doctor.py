"""`ovsdhcp doctor`."""

import json
import sys
from pathlib import Path

import click

from ovsdhcp.cli.arguments import FILE, JSON, Unreachable
from ovsdhcp.cli.terminal import progress, told
from ovsdhcp.control.findings import ADVICE, NOTE, OK, PROBLEM, UNKNOWN, Finding
from ovsdhcp.doctor.examination import Examination

_WORST_FIRST = (PROBLEM, ADVICE, UNKNOWN, NOTE, OK)


@click.command()
@click.option("--config", type=FILE, help="The lease table (else the server's, $OVSDHCP_CONFIG).")
@click.option("--probe", is_flag=True, help="Ask aloud for other DHCP servers; takes root.")
@JSON
def doctor(config: Path | None, *, probe: bool, as_json: bool) -> None:
    """Look for what keeps clients from their addresses, and say what mends it.

    The server, the lease table and Open vSwitch are asked: whether each bridge has a controller and
    reaches it, its fail-mode and in-band control, whether our flows are there and hit, which ports
    are in the table and not on the bridge and the other way round, and who else listens. What
    cannot be looked at (without root, without a server) is said and left out.

    --probe sends one DISCOVER out of each bridge's own interface, with a MAC made up for it, and
    waits three seconds for offers of others. It takes no address; another server may keep its
    offer for a moment.

    Nothing is changed. Exit status 1 where there is a problem, 3 where neither the server nor Open
    vSwitch answers. With --json a list: check, severity, text, mend.
    """
    found = examined(config, probe)
    if as_json:
        click.echo(json.dumps([finding.as_json() for finding in found], indent=2))
    else:
        click.echo("\n".join(told(found)))
    sys.exit(any(finding.severity == PROBLEM for finding in found))


def examined(config: Path | None, probe: bool) -> list[Finding]:
    """All findings, the worst first."""
    examination = Examination.begin(config)
    if examination.nobody_answers:
        raise Unreachable("\n".join(told(ordered(examination.findings))))
    found = list(examination.findings)
    for step in progress(list(examination.steps(probe)), lambda step: step.name):
        found += step.look()
    return ordered(found)


def ordered(findings: list[Finding]) -> list[Finding]:
    """The worst first."""
    return sorted(findings, key=lambda finding: _WORST_FIRST.index(finding.severity))
