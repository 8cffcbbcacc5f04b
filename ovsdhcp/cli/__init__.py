"""The `ovsdhcp` command: data goes to standard output, talk to standard error.

Exit status: 0 all is well, 1 something is wrong and was named, 2 the command line is, 3 the server
(or Open vSwitch) does not answer.
"""

import os
import sys
from typing import Any

import click

from ovsdhcp import __version__
from ovsdhcp.cli.bugreport import bugreport
from ovsdhcp.cli.certificates import certificates
from ovsdhcp.cli.check import check
from ovsdhcp.cli.completion import completion
from ovsdhcp.cli.decode import decode
from ovsdhcp.cli.doctor import doctor
from ovsdhcp.cli.events import events
from ovsdhcp.cli.explain import explain
from ovsdhcp.cli.flows import flows
from ovsdhcp.cli.importing import import_
from ovsdhcp.cli.lab import lab
from ovsdhcp.cli.leases import leases
from ovsdhcp.cli.reload import reload
from ovsdhcp.cli.run import run
from ovsdhcp.cli.schema import schema
from ovsdhcp.cli.status import status
from ovsdhcp.cli.trace import trace


class _Ovsdhcp(click.Group):
    """A group in which no error of the system, a full disk say, ends in a traceback."""

    def main(self, *args: Any, **extra: Any) -> Any:
        """As the group does; a pipe that nobody reads is click's, which ends silently."""
        try:
            return super().main(*args, **extra)
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            click.echo(f"ovsdhcp: {where}{error.strerror or error}", err=True)
            sys.exit(1)


@click.group(cls=_Ovsdhcp, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ovsdhcp")
@click.pass_context
def main(context: click.Context) -> None:
    """DHCP for Open vSwitch ports, answered by OpenFlow flows and a Ryu application.

    Exit status: 0 all is well; 1 something is wrong, and was named; 2 the command line is; 3 the
    server, or Open vSwitch, does not answer. $NO_COLOR is heeded.
    """
    if os.environ.get("NO_COLOR"):
        context.color = False


for command in (
    *(run, check, schema),
    *(status, leases, events, flows, reload),
    *(trace, explain, decode, import_),
    *(doctor, bugreport, lab, certificates, completion),
):
    main.add_command(command)
