"""The `ovsdhcp` command: data goes to standard output, talk to standard error.

Exit status: 0 all is well, 1 something is wrong and was named, 2 the command line is, 3 the server
(or Open vSwitch) does not answer.
"""

import os
import sys
from importlib import import_module
from typing import Any

import click

from ovsdhcp import __version__

_COMMANDS = (
    *("run", "check", "schema"),
    *("status", "leases", "events", "flows", "reload"),
    *("trace", "explain", "decode", "import"),
    *("doctor", "bugreport", "lab", "certificates", "completion"),
)
_MODULES = {name: name for name in _COMMANDS} | {"import": "importing"}
"""Where each is, and what it is called there. Only the one that is called is imported: all of them
take half a second, most of it for Ryu, which whoever asks the server does without.
"""


class _Ovsdhcp(click.Group):
    """A group in which no error of the system, a full disk say, ends in a traceback."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In alphabetical order, as a group has them."""
        return sorted(_MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the one that is called."""
        name = _MODULES.get(cmd_name)
        if name is None:
            return None
        command: click.Command = getattr(import_module(f"ovsdhcp.cli.{name}"), name)
        return command

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
