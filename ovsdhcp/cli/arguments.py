"""What several commands take, and how they refuse."""

from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address
from pathlib import Path
from typing import IO

import click

from ovsdhcp.control.client import NoServerError
from ovsdhcp.control.protocol import ControlError
from ovsdhcp.dhcp.options import lookup

JSON = click.option("--json", "as_json", is_flag=True, help="For machines; the keys are stable.")
FILE = click.Path(path_type=Path, dir_okay=False)


class Refusal(click.ClickException):
    """Something is wrong and its message says all: status 1, nothing on standard output."""

    def show(self, file: IO[str] | None = None) -> None:
        """As it is; click would put `Error:` before a message of several lines."""
        click.echo(self.message, file=file, err=True)


class Unreachable(Refusal):
    """Nobody answers who would have to: status 3."""

    exit_code = 3


@contextmanager
def asking() -> Iterator[None]:
    """Turn what goes wrong between us and the running server into its message."""
    try:
        yield
    except NoServerError as error:
        raise Unreachable(str(error)) from error
    except ControlError as error:
        raise Refusal(str(error)) from error


@contextmanager
def refusing(*errors: type[Exception], by: type[Refusal] = Refusal) -> Iterator[None]:
    """Turn these errors into their message."""
    try:
        yield
    except errors as error:
        raise by(str(error)) from error


class Address(click.ParamType[bytes]):
    """An IPv4 address, as octets."""

    name = "address"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> bytes:
        """Fails on what is none."""
        try:
            return IPv4Address(value).packed
        except ValueError:
            self.fail(f"`{value}` is not an IPv4 address", param, ctx)


class Octets(click.ParamType[bytes]):
    """Hexadecimal digits, with or without `:`, `.`, `-` and blanks between them."""

    name = "hex"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> bytes:
        """Fails on what is none."""
        try:
            return bytes.fromhex(value.translate(dict.fromkeys(map(ord, ":.- \n"))))
        except ValueError:
            self.fail("expected pairs of hexadecimal digits", param, ctx)


class DhcpOption(click.ParamType[tuple[int, bytes]]):
    """`NAME=VALUE` or `CODE=VALUE`, the value as a lease table has it; code and octets."""

    name = "name=value"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, bytes]:
        """Fails on an option that is not known, or a value that is not its."""
        key, equals, text = value.partition("=")
        if not equals:
            self.fail(f"`{value}` has no `=`", param, ctx)
        try:
            option = lookup(key)
            return option.code, option.kind.encode(text)
        except (KeyError, ValueError) as error:
            self.fail(f"{key}: {error.args[0]}", param, ctx)
