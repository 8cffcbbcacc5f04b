"""`ovsdhcp completion`."""

import click
from click.shell_completion import get_completion_class

PROGRAM = "ovsdhcp"


@click.command()
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what makes a shell complete the commands and options of ovsdhcp.

    \b
    ovsdhcp completion bash > /etc/bash_completion.d/ovsdhcp
    ovsdhcp completion zsh  > "${fpath[1]}/_ovsdhcp"
    ovsdhcp completion fish > ~/.config/fish/completions/ovsdhcp.fish
    """
    made = get_completion_class(shell)
    assert made is not None  # click has these three
    main = context.find_root().command
    click.echo(made(main, {}, PROGRAM, f"_{PROGRAM.upper()}_COMPLETE").source())
