"""ovsdhcp(1): every command with its options, as `--help` says them."""

from collections.abc import Iterator

import click

from manual import roff
from ovsdhcp import __version__
from ovsdhcp.channel import SOCKETS_VARIABLE
from ovsdhcp.cli import main
from ovsdhcp.log import form
from ovsdhcp.service import CONFIG_VARIABLE, DEFAULT_CONFIG
from ovsdhcp.state_folder import DEFAULT_STATE_DIR, STATE_VARIABLE

ENVIRONMENT = {
    CONFIG_VARIABLE: f"The lease table. Without it, {DEFAULT_CONFIG}.",
    SOCKETS_VARIABLE: "Open vSwitch's folder, where the server also listens for bridges of this "
    "machine, at BRIDGE.controller. Without it, by TCP alone.",
    STATE_VARIABLE: "Where the server keeps its state, and its socket for the other commands. "
    f"Without it, {DEFAULT_STATE_DIR}.",
    form.VARIABLE: "How the server writes its log: `logfmt` (the default) or `json`.",
    "NO_COLOR": "Where it is not empty, nothing is coloured.",
}
FILES = {
    str(DEFAULT_CONFIG): "The lease table; see ovsdhcp.yaml(5).",
    str(DEFAULT_STATE_DIR): "The server's state, for its user alone.",
}
EXIT_STATUS = {
    "0": "All is well. The server: it was ended by SIGTERM.",
    "1": "Something is wrong, and was named.",
    "2": "The command line is wrong.",
    "3": "The server, or Open vSwitch, does not answer.",
    "130": "The server was ended by SIGINT (Ctrl-C).",
}
SIGNALS = {
    "SIGTERM, SIGINT": "The server ends, within a second. The flows stay on the bridges: nobody is "
    "answered, but nothing leaks either, and clients keep their address until their lease ends.",
}


def page() -> str:
    """The page's source."""
    return roff.page(_lines())


def _lines() -> Iterator[roff.Line]:
    summary, _, _ = (main.help or "").partition(".")
    yield from roff.title("ovsdhcp", 1, __version__)
    yield roff.section("name")
    yield f"ovsdhcp \\- {roff.escaped(summary)}"
    yield roff.section("synopsis")
    yield roff.escaped("ovsdhcp COMMAND [OPTIONS] [ARGUMENTS]")
    yield roff.section("description")
    yield from roff.prose(main.help or "")
    yield from roff.prose("Data goes to standard output, talk to standard error.")
    yield roff.section("commands")
    yield from _commands(main, click.Context(main, info_name="ovsdhcp"))
    for name, terms in (
        ("environment", ENVIRONMENT),
        ("files", FILES),
        ("signals", SIGNALS),
        ("exit status", EXIT_STATUS),
    ):
        yield roff.section(name)
        for term, text in terms.items():
            yield from roff.term(term, text)
    yield roff.section("see also")
    yield "ovsdhcp.yaml(5), ovs\\-vsctl(8), ovs\\-ofctl(8), ovs\\-actions(7)"


def named(group: click.Group, context: click.Context) -> Iterator[tuple[str, click.Command]]:
    """The group's commands by name; each is only imported when it is asked for."""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None, name
        yield name, command


def _commands(group: click.Group, context: click.Context) -> Iterator[roff.Line]:
    for name, command in named(group, context):
        if not command.hidden:
            yield from _command(command, click.Context(command, parent=context, info_name=name))


def _command(command: click.Command, context: click.Context) -> Iterator[roff.Line]:
    """A command, or, where it is a group, its commands after it."""
    pieces = " ".join(command.collect_usage_pieces(context))
    yield roff.subsection(f"{context.command_path} {pieces}")
    yield from roff.prose(command.help or "")
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and record[1] and "--help" not in parameter.opts:
            yield from roff.term(*record)
    if isinstance(command, click.Group):
        yield from _commands(command, context)
