"""The verb `reload`: another table in force, for good or until it is confirmed."""

from collections.abc import Generator, Mapping
from typing import Any

from ovsdhcp.control.protocol import UNAVAILABLE, WRONG_ARGUMENT, ControlError, Document
from ovsdhcp.control.running import Running, moment


def reload(
    running: Running, arguments: Mapping[str, Any]
) -> Generator[Document | None, None, None]:
    """One item: ok, at, text. With `keep`, what is in force stays; with `confirm`, seconds."""
    if running.reloads is None:
        raise ControlError(
            UNAVAILABLE, "this server reads its table at its start only", "start it again"
        )
    confirm = arguments.get("confirm")
    if confirm is not None and (type(confirm) not in (int, float) or not confirm > 0):
        raise ControlError(WRONG_ARGUMENT, f"`confirm` is a number of seconds, not {confirm!r}")
    if arguments.get("keep"):
        outcome = running.reloads.confirm()
    else:
        outcome = running.last_reload = running.reloads.reload(confirm)
    yield {"ok": outcome.ok, "at": moment(outcome.at), "text": outcome.text}
