"""The client's end of the control socket."""

import socket
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from ovsdhcp.control import protocol
from ovsdhcp.control.place import socket_path
from ovsdhcp.control.protocol import Document, Request

PATIENCE = 30.0
"""Seconds of silence after which a server is taken for stuck; an idle one speaks every five."""


class NoServerError(Exception):
    """No server answers; the message says where it was looked for, and what to do."""


class NotRunningError(NoServerError):
    """There is none: not one that is stuck, or that is for others to ask."""


def ask(
    verb: str,
    arguments: Mapping[str, Any] | None = None,
    path: Path | None = None,
    patience: float = PATIENCE,
) -> Iterator[Document]:
    """The items that the server has to say, as they come; empty ones are signs of life.

    Raises `NoServerError` where there is none or it is gone, `ControlError` where it refuses.
    """
    where = socket_path() if path is None else path
    with closing(_connected(where, patience)) as connection:
        try:
            with suppress(BrokenPipeError):  # turned away: what it said of that can be read
                connection.sendall(Request(verb, arguments or {}).line())
            with connection.makefile("rb") as answers:
                yield from _items(answers, where)
        except TimeoutError:
            raise NoServerError(
                f"error: the server at {where} says nothing for {patience:g} s\n\n"
                "hint: its log may tell why; a new start of it helps"
            ) from None
        except ConnectionResetError:
            raise _cut_off(where) from None


def status_of_server() -> Document:
    """What `status` says, as one document; raises as `ask` does."""
    bridges: list[Document] = []
    said: Document = {}
    for item in ask("status"):
        if "bridge" in item:
            bridges.append(item["bridge"])
        else:
            said |= item
    return said | {"bridges": bridges}


def _items(answers: Any, where: Path) -> Iterator[Document]:
    while octets := answers.readline(protocol.MOST_ANSWER):
        if not octets.endswith(b"\n"):
            break
        item = protocol.read_answer(octets)
        if item is None:
            return
        yield item
    raise _cut_off(where)


def _cut_off(where: Path) -> NoServerError:
    return NoServerError(f"error: the server at {where} went away in the middle of its answer")


def _connected(where: Path, patience: float) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(patience)
    try:
        connection.connect(str(where))
    except OSError as error:
        connection.close()
        down = isinstance(error, FileNotFoundError | ConnectionRefusedError)
        raised = NotRunningError if down else NoServerError
        raise raised(f"error: {_why_not(error, where)}") from None
    return connection


def _why_not(error: OSError, where: Path) -> str:
    if isinstance(error, PermissionError):
        return (
            f"{where}: it is for the server's user only\n\n"
            "hint: ask as that user, or as root: `sudo ovsdhcp …`"
        )
    found = "a server was there, and is no more" if where.is_socket() else "no server is there"
    if not isinstance(error, FileNotFoundError | ConnectionRefusedError):
        found = error.strerror or str(error)
    return (
        f"no server answers at {where}: {found}\n\n"
        "hint: start it, `ovsdhcp run --config FILE`, or set $OVSDHCP_STATE_DIR to the folder that "
        "the server has"
    )
